"""Mirrors between a server and this side, as a program asks for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.mirror.sides import MODIFIED, contents, served, shown, write
from tests.peers import CLOSE
from transfer import ftp
from transfer.ftp import MirrorStatus
from transfer.ftp._mirror._applying import apply_plan

# -- download ---------------------------------------------------------------------------------------------------------


async def test_a_download_makes_the_local_tree_like_the_servers(tmp_path: Path) -> None:
    async with served() as (client, server):
        server.directories.add("/pub/empty")
        report = await client.mirror(tmp_path / "copy", "/pub")
        assert contents(tmp_path / "copy") == {
            "a": b"one",
            "deep": None,
            "deep/c": b"",
            "deep/er": None,
            "deep/er/b": b"two",
            "empty": None,
        }
        assert report.is_complete
        assert str(report) == "done: 7"
        again = await client.plan_mirror(tmp_path / "copy", "/pub")
        assert again.is_empty
        assert again.actions == ()


async def test_a_downloaded_file_has_the_time_of_its_source(tmp_path: Path) -> None:
    async with served() as (client, _):
        await client.mirror(tmp_path, "/pub")
    assert (tmp_path / "a").stat().st_mtime == MODIFIED


async def test_a_download_updates_what_differs_and_keeps_the_rest(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE", "deep/c": b"longer", "mine": b"x"}, modified=MODIFIED)
    async with served() as (client, _):
        plan = await client.plan_mirror(tmp_path, "/pub")
        assert shown(plan) == ["+ deep/er/", "~ deep/c (0 B): size differs", "+ deep/er/b (3 B)"]
        assert (await client.apply(plan)).is_complete
    assert contents(tmp_path) == {
        "a": b"ONE",
        "deep": None,
        "deep/c": b"",
        "deep/er": None,
        "deep/er/b": b"two",
        "mine": b"x",
    }


@pytest.mark.parametrize(("shift", "reason"), [(-100, "source is newer"), (100, "time differs")])
async def test_another_time_is_a_difference(tmp_path: Path, shift: int, reason: str) -> None:
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED + shift)
    async with served({"/pub/a": b"one"}) as (client, _):
        assert shown(await client.plan_mirror(tmp_path, "/pub")) == [f"~ a (3 B): {reason}"]
        assert (await client.plan_mirror(tmp_path, "/pub", compare="size")).is_empty


async def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    async with served() as (client, server):
        report = await client.mirror(tmp_path / "copy", "/pub", dry_run=True)
        assert {outcome.status for outcome in report.outcomes} == {MirrorStatus.LEFT}
        assert not report.is_complete
        assert report.plan == await client.plan_mirror(tmp_path / "copy", "/pub")
        assert not {command.split()[0] for command in server.commands} & {"RETR", "STOR", "DELE", "MKD", "RMD"}
    assert not (tmp_path / "copy").exists()


async def test_a_download_deletes_only_if_told(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "old": b"", "deep/older/x": b""}, modified=MODIFIED)
    async with served() as (client, _):
        await client.mirror(tmp_path, "/pub")
        assert (tmp_path / "old").exists()
        await client.mirror(tmp_path, "/pub", delete=True)
    assert sorted(contents(tmp_path)) == ["a", "deep", "deep/c", "deep/er", "deep/er/b"]


async def test_the_guard_keeps_a_wrong_source_from_emptying_the_destination(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"", "b": b""})
    async with served() as (client, server):
        server.directories.add("/empty")
        with pytest.raises(ftp.MirrorRefused, match="delete_limit=1"):
            await client.mirror(tmp_path, "/empty", delete=True)
        assert sorted(contents(tmp_path)) == ["a", "b"]
        await client.mirror(tmp_path, "/empty", delete=True, delete_limit=1)
    assert contents(tmp_path) == {}


async def test_what_is_excluded_is_left_alone_on_both_sides(tmp_path: Path) -> None:
    write(tmp_path, {"keep.tmp": b"", "old": b"", "deep/x": b""})
    async with served() as (client, server):
        await client.mirror(tmp_path, "/pub", exclude=["*.tmp", "deep/"], delete=True, delete_limit=1)
        assert not [command for command in server.commands if "deep" in command]
    assert sorted(contents(tmp_path)) == ["a", "deep", "deep/x", "keep.tmp"]


# -- upload -----------------------------------------------------------------------------------------------------------


async def test_an_upload_makes_the_servers_tree_like_the_local_one(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"1", "deep/er/b": b"22"})
    (tmp_path / "empty").mkdir()
    async with served({"/pub/old": b""}) as (client, server):
        report = await client.mirror(tmp_path, "/pub", direction="upload", delete=True, delete_limit=1)
        assert report.is_complete
        await client.command("NOOP", "200")  # this server removes a file after it has said so
        assert server.files == {"/pub/a": b"1", "/pub/deep/er/b": b"22"}
        assert "/pub/empty" in server.directories


async def test_a_server_that_keeps_no_times_is_up_to_date_with_newer_files(tmp_path: Path) -> None:
    write(tmp_path, {"older": b"x", "newer": b"x"}, modified=MODIFIED - 100)
    os.utime(tmp_path / "newer", (MODIFIED + 100, MODIFIED + 100))
    async with served({"/pub/older": b"y", "/pub/newer": b"y"}) as (client, _):
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload")
    assert not plan.keeps_times
    assert shown(plan) == ["~ newer (1 B): source is newer"]


async def test_an_upload_makes_the_destination_and_what_is_above_it(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"1"})
    async with served() as (client, server):
        await client.mirror(tmp_path, "/new/place", direction="upload")
        assert server.files["/new/place/a"] == b"1"


async def test_a_name_that_cannot_be_sent_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"a\nDELE b": b"1", "b": b"2"})
    async with served({}) as (client, server):
        report = await client.mirror(tmp_path, "/", direction="upload")
        assert server.files == {"/b": b"2"}
    assert [outcome.status for outcome in report.outcomes] == [MirrorStatus.SKIPPED, MirrorStatus.DONE]
    assert "can't be sent" in report.outcomes[0].action.reason


async def test_a_name_that_the_encoding_lacks_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"\u4e2d": b"1"})
    async with served({}, encoding="latin-1") as (client, _):
        plan = await client.plan_mirror(tmp_path, "/", direction="upload")
    assert shown(plan) == ["! \u4e2d: its name does not exist in latin-1"]


async def test_two_names_that_the_server_cannot_tell_apart_are_not_both_sent(tmp_path: Path) -> None:
    write(tmp_path, {"A": b"1", "a": b"2"})
    async with served({}) as (client, server):
        await client.mirror(tmp_path, "/", direction="upload", ignore_case=True)
        assert server.files == {"/A": b"1"}


# -- sources and destinations that are none ---------------------------------------------------------------------------


async def test_a_source_has_to_be_there(tmp_path: Path) -> None:
    async with served() as (client, _):
        with pytest.raises(ftp.StatusCodeError, match="/none is not there"):
            await client.plan_mirror(tmp_path, "/none")
        with pytest.raises(ftp.PathIOError, match="none is not there"):
            await client.plan_mirror(tmp_path / "none", "/pub", direction="upload")


async def test_a_source_has_to_be_a_directory(tmp_path: Path) -> None:
    write(tmp_path, {"a": b""})
    async with served() as (client, _):
        with pytest.raises(ftp.StatusCodeError, match="is a file"):
            await client.plan_mirror(tmp_path, "/pub/a")
        with pytest.raises(ftp.PathIOError, match="Not a directory"):
            await client.plan_mirror(tmp_path / "a", "/pub", direction="upload")


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"compare": "smell"}, "compare"),
        ({"delete_limit": 1.5}, "delete_limit"),
        ({"exclude": "*.tmp"}, "not one string"),
    ],
)
async def test_a_wrong_option_is_refused_before_anything_is_sent(
    tmp_path: Path, options: dict[str, Any], about: str
) -> None:
    async with served() as (client, server):
        with pytest.raises(ValueError, match=about):
            await client.mirror(tmp_path, "/pub", **options)
        assert server.commands == []


# -- what fails, and going on -----------------------------------------------------------------------------------------


async def test_a_file_that_is_refused_ends_up_in_the_report_and_nothing_is_deleted_then(tmp_path: Path) -> None:
    write(tmp_path, {"old": b""})
    async with served() as (client, server):
        server.replies["RETR"] = lambda argument: "550 no" if argument.endswith("/a") else ""
        outcomes: list[ftp.MirrorOutcome] = []
        report = await client.mirror(tmp_path, "/pub", delete=True, delete_limit=1, on_outcome=outcomes.append)
        assert tuple(outcomes) == report.outcomes
        assert [outcome.action.path for outcome in report.failed] == ["a"]
        assert isinstance(report.failed[0].error, ftp.StatusCodeError)
        assert not report.is_complete
        assert (tmp_path / "deep/er/b").read_bytes() == b"two"
        assert str(report).splitlines()[-2:] == ["left - old", "done: 4, failed: 1, left: 1"]
        server.replies.clear()
        again = await client.apply(report.plan)
        assert again.is_complete
        assert str(again) == "done: 2, unchanged: 4"
    assert sorted(contents(tmp_path)) == ["a", "deep", "deep/c", "deep/er", "deep/er/b"]


async def test_a_plan_that_is_applied_twice_moves_nothing_the_second_time(tmp_path: Path) -> None:
    async with served() as (client, server):
        plan = ftp.MirrorPlan.from_json((await client.plan_mirror(tmp_path / "copy", "/pub")).to_json())
        assert (await client.apply(plan)).is_complete
        server.commands.clear()
        report = await client.apply(plan)
        assert {outcome.status for outcome in report.outcomes} == {MirrorStatus.UNCHANGED}
        assert server.commands == []


async def test_a_lost_connection_is_raised_and_the_plan_goes_on_over_another(tmp_path: Path) -> None:
    async with served() as (client, server):
        plan = await client.plan_mirror(tmp_path, "/pub")
        server.replies["RETR"] = lambda argument: CLOSE if argument.endswith("/b") else ""
        with pytest.raises(ftp.FTPDisconnected):
            await client.apply(plan)
        server.replies.clear()
        await client.connect(server.host, server.port)
        await client.login()
        report = await client.apply(plan)
        assert report.is_complete
        assert MirrorStatus.UNCHANGED in {outcome.status for outcome in report.outcomes}
        assert (await client.plan_mirror(tmp_path, "/pub")).is_empty


async def test_files_are_not_asked_about_before_they_go_over(tmp_path: Path) -> None:
    async with served() as (client, server):
        await client.mirror(tmp_path / "copy", "/pub")
        asked = [command for command in server.commands if command.startswith(("MLST", "SIZE", "MDTM"))]
        assert asked == ["MLST /pub"]
        server.commands.clear()
        write(tmp_path / "copy", {"new": b"1"})
        await client.mirror(tmp_path / "copy", "/pub", direction="upload")
        asked = [command for command in server.commands if command.startswith(("MLST", "SIZE", "MDTM"))]
        assert asked == ["MLST /pub"]


async def test_directories_are_made_by_a_command_each(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c": b"1"})
    async with served({}) as (client, server):
        plan = await client.plan_mirror(tmp_path, "/", direction="upload")
        server.commands.clear()
        server.directories.add("/a")  # somebody else was quicker
        server.replies["MKD"] = lambda path: "550 no" if path == "/a/b" else None
        pending = [True] * len(plan.actions)
        report = await apply_plan(client, plan, pending, pool=None, on_outcome=None, options={})
        made = [command for command in server.commands if command.startswith(("MKD", "MLST"))]
        assert made == ["MKD /a", "MLST /a", "MKD /a/b", "MLST /a/b"]
        assert [outcome.action.path for outcome in report.failed] == ["a/b"]


async def test_a_file_that_has_become_a_directory_meanwhile_is_not_moved_as_a_tree(tmp_path: Path) -> None:
    write(tmp_path, {"x": b"1"})
    async with served() as (client, server):
        up = await client.plan_mirror(tmp_path, "/new", direction="upload")
        (tmp_path / "x").unlink()
        write(tmp_path, {"x/y": b"1"})
        assert [outcome.action.path for outcome in (await client.apply(up)).failed] == ["x"]
        down = await client.plan_mirror(tmp_path / "copy", "/pub")
        del server.files["/pub/a"]
        server.files["/pub/a/b"] = b"1"
        server.directories.add("/pub/a")
        assert [outcome.action.path for outcome in (await client.apply(down)).failed] == ["a"]
    assert not (tmp_path / "copy/a").exists()


async def test_what_a_callback_raises_ends_the_mirror(tmp_path: Path) -> None:
    def refuse(outcome: ftp.MirrorOutcome) -> None:
        raise KeyError(outcome.action.path)

    async with served() as (client, _):
        with pytest.raises(KeyError):
            await client.mirror(tmp_path, "/pub", on_outcome=refuse)
        assert client.is_connected

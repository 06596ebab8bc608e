"""Nothing outside the destination is written or deleted, and nothing whose counterpart could not be seen."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.ftp.mirror.sides import MODIFIED, contents, served, shown, write
from tests.ftp.support import HELLO, answer, binary, connected, deliver
from tests.peers import ScriptedPeer, expect_eof
from tests.peers.mini_ftp_transfers import unix_list
from transfer import ftp
from transfer.ftp import MirrorAction, MirrorActionKind, MirrorPlan, MirrorStatus


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that no mirror has any business with."""
    folder = tmp_path / "outside"
    write(folder, {"a": b"precious", "deep/b": b"precious"})
    return folder


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    return folder


def is_untouched(outside: Path) -> bool:
    return contents(outside) == {"a": b"precious", "deep": None, "deep/b": b"precious"}


# -- links on this side -----------------------------------------------------------------------------------------------


async def test_a_link_in_place_of_a_directory_is_not_written_through(copy: Path, outside: Path) -> None:
    (copy / "deep").symlink_to(outside)
    async with served() as (client, _):
        report = await client.mirror(copy, "/pub")
    assert [str(outcome) for outcome in report.outcomes] == [
        "skipped ! deep: a link is in its place",
        "done + a (3 B)",
    ]
    assert is_untouched(outside)


async def test_a_link_in_place_of_a_directory_is_replaced_if_told(copy: Path, outside: Path) -> None:
    (copy / "deep").symlink_to(outside)
    async with served() as (client, _):
        report = await client.mirror(copy, "/pub", delete=True, delete_limit=1)
    assert report.is_complete
    assert not (copy / "deep").is_symlink()
    assert (copy / "deep/er/b").read_bytes() == b"two"
    assert is_untouched(outside)


async def test_a_link_in_place_of_a_file_is_not_written_through(copy: Path, outside: Path) -> None:
    (copy / "a").symlink_to(outside / "a")
    async with served() as (client, _):
        await client.mirror(copy, "/pub")
        assert (copy / "a").is_symlink()
        await client.mirror(copy, "/pub", delete=True)
        assert (copy / "a").read_bytes() == b"one"
        assert not (copy / "a").is_symlink()
    assert is_untouched(outside)


async def test_a_surplus_link_is_deleted_and_not_what_it_leads_to(copy: Path, outside: Path) -> None:
    (copy / "old").symlink_to(outside)
    (copy / "gone").symlink_to(outside / "nothing")
    async with served() as (client, _):
        report = await client.mirror(copy, "/pub", delete=True, delete_limit=1)
        assert report.is_complete
    assert sorted(contents(copy)) == ["a", "deep", "deep/c", "deep/er", "deep/er/b"]
    assert is_untouched(outside)


@pytest.mark.parametrize("kind", [MirrorActionKind.ADD, MirrorActionKind.DELETE_FILE, MirrorActionKind.MAKE_DIRECTORY])
async def test_a_link_that_is_planted_after_the_plan_was_made_is_not_followed(
    copy: Path, outside: Path, kind: MirrorActionKind
) -> None:
    path = {MirrorActionKind.ADD: "deep/c", MirrorActionKind.DELETE_FILE: "deep/b"}.get(kind, "deep/new")
    async with served() as (client, _):
        plan = await client.plan_mirror(copy, "/pub")
        plan = attrs.evolve(plan, actions=(MirrorAction(kind, path),))
        (copy / "deep").symlink_to(outside / "deep")
        report = await client.apply(plan)
    if kind is MirrorActionKind.DELETE_FILE:
        assert [outcome.status for outcome in report.outcomes] == [MirrorStatus.UNCHANGED]
    else:
        assert isinstance(report.failed[0].error, ftp.PathIOError)
        assert "is a link" in str(report.failed[0].error)
    assert is_untouched(outside)


async def test_a_deletion_through_a_link_fails(copy: Path, outside: Path) -> None:
    """The link is planted while the plan is being applied."""
    actions = (MirrorAction(MirrorActionKind.ADD, "a"), MirrorAction(MirrorActionKind.DELETE_FILE, "deep/b"))
    write(copy, {"deep/b": b""})

    def plant(outcome: ftp.MirrorOutcome) -> None:
        if outcome.action.path == "a":
            (copy / "deep/b").unlink()
            (copy / "deep").rmdir()
            (copy / "deep").symlink_to(outside / "deep")

    async with served() as (client, _):
        plan = attrs.evolve(await client.plan_mirror(copy, "/pub"), actions=actions)
        report = await client.apply(plan, on_outcome=plant)
    assert [outcome.status for outcome in report.outcomes] == [MirrorStatus.DONE, MirrorStatus.FAILED]
    assert is_untouched(outside)


async def test_the_destination_itself_may_be_a_link(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(copy)
    async with served() as (client, _):
        assert (await client.mirror(tmp_path / "link", "/pub")).is_complete
        assert (await client.plan_mirror(tmp_path / "link", "/pub")).is_empty
    assert (copy / "deep/er/b").read_bytes() == b"two"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_a_pipe_is_neither_read_nor_deleted(copy: Path) -> None:
    os.mkfifo(copy / "pipe")
    async with served({"/a": b""}) as (client, _):
        plan = await client.plan_mirror(copy, "/", direction="upload")
        assert shown(plan) == ["! pipe: neither a file nor a directory"]
        plan = await client.plan_mirror(copy, "/", delete=True)
        assert shown(plan) == ["+ a (0 B)"]


async def test_a_link_in_the_source_is_skipped(copy: Path, outside: Path) -> None:
    (copy / "way").symlink_to(outside)
    async with served({}) as (client, server):
        plan = await client.plan_mirror(copy, "/", direction="upload")
        assert shown(plan) == ["! way: a link"]
        forced = attrs.evolve(plan, actions=(MirrorAction(MirrorActionKind.ADD, "way/a"),))
        report = await client.apply(forced)
        assert "is a link" in str(report.failed[0].error)
        assert server.files == {}


# -- links on the server ----------------------------------------------------------------------------------------------


def linked(*links: str) -> Callable[[Mapping[str, bytes | None]], str]:
    """Return what LIST says where *links* are links to directories, which MLSD does not say."""

    def text(names: Mapping[str, bytes | None]) -> str:
        return "".join(
            f"lrwxrwxrwx 1 ftp ftp 1 Jan 02  2024 {name} -> /else\r\n"
            if name in links
            else f"{'d' if content is None else '-'}rwxr-xr-x 1 ftp ftp {len(content or b'')} Jan 02  2024 {name}\r\n"
            for name, content in names.items()
        )

    return text


THERE = {"/pub/a": b"one", "/pub/way/precious": b"x", "/pub/way/deep/precious": b"x"}


async def test_a_surplus_directory_of_the_server_that_is_a_link_is_deleted_as_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one"}, modified=MODIFIED)
    async with served(dict(THERE)) as (client, server):
        server.list_text = linked("way")
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True)
    assert shown(plan) == ["- way"]
    assert plan.actions[0].kind is MirrorActionKind.DELETE_FILE


async def test_a_link_of_the_server_is_not_written_through(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "way/new": b"", "way/deep/new": b""}, modified=MODIFIED)
    async with served(dict(THERE)) as (client, server):
        server.list_text = linked("way")
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload")
    assert shown(plan) == ["! way: a link is in its place"]


async def test_a_link_further_down_on_the_server_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "way/precious": b"x", "way/deep/new": b""}, modified=MODIFIED)
    async with served(dict(THERE)) as (client, server):
        server.list_text = linked("deep")
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True)
    assert shown(plan) == ["- way/deep", "+ way/deep/", "+ way/deep/new (0 B)"]


@pytest.mark.parametrize("verb", ["MLST", "LIST"])
async def test_a_server_that_is_busy_is_not_misunderstood(tmp_path: Path, verb: str) -> None:
    write(tmp_path, {"way/new": b"one"})
    async with served(dict(THERE)) as (client, server):
        server.replies[verb] = "450 later"
        with pytest.raises(ftp.StatusCodeError, match="450 later"):
            await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True)


@pytest.mark.parametrize("reply", ["", "550 no"])
async def test_a_directory_that_the_server_does_not_list_is_left_alone(tmp_path: Path, reply: str) -> None:
    write(tmp_path, {"a": b"one"}, modified=MODIFIED)
    async with served(dict(THERE)) as (client, server):
        server.list_text = lambda names: ""
        server.replies["LIST"] = reply
        assert (await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True, delete_limit=1)).is_empty
        write(tmp_path, {"way/new": b""})
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True, delete_limit=1)
    assert shown(plan) == ["! way: the server does not show whether it is a link"]


async def test_a_hidden_directory_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {".way/new": b""})
    async with served({"/pub/.way/old": b""}) as (client, server):
        plan = await client.plan_mirror(tmp_path, "/pub", direction="upload", delete=True)
        assert shown(plan) == ["+ .way/new (0 B)", "- .way/old"]
        assert [command for command in server.commands if command.startswith("LIST")] == ["LIST -a /pub"]


async def test_directories_in_which_nothing_changes_are_not_asked_about(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"one", "way/precious": b"x", "way/deep/precious": b"x", "new": b""}, modified=MODIFIED)
    async with served(dict(THERE)) as (client, server):
        assert shown(await client.plan_mirror(tmp_path, "/pub", direction="upload")) == ["+ new (0 B)"]
        assert not [command for command in server.commands if command.startswith("LIST")]


# -- names and plans from elsewhere -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", ".."])
async def test_a_listed_name_that_leads_elsewhere_ends_everything(copy: Path, outside: Path, name: str) -> None:
    async with served() as (client, server):
        server.replies["MLSD"] = "502 no"
        server.list_text = lambda names: f"-rw-r--r-- 1 ftp ftp 1 Jan 02  2024 {name}\r\n"
        if name == "..":
            assert (await client.plan_mirror(copy, "/pub")).is_empty
        else:
            with pytest.raises(ftp.FTPProtocolError, match="refused"):
                await client.mirror(copy, "/pub")
            assert not client.is_connected
    assert contents(copy) == {}
    assert is_untouched(outside)


@pytest.mark.parametrize("direction", ["download", "upload"])
async def test_a_plan_whose_path_leads_elsewhere_is_not_applied(copy: Path, outside: Path, direction: str) -> None:
    plan = MirrorPlan(
        direction=direction,  # type: ignore[arg-type]  # one of both
        local=str(copy),
        remote="/pub",
        compare="size",
        keeps_times=False,
        actions=(
            MirrorAction(MirrorActionKind.MAKE_DIRECTORY, "first"),
            MirrorAction(MirrorActionKind.DELETE_FILE, "../outside/a"),
        ),
    )
    async with served() as (client, server):
        with pytest.raises(ValueError, match="leads out of the tree"):
            await client.apply(plan)
        assert server.commands == []
    assert contents(copy) == {}
    assert is_untouched(outside)


# -- what could not be seen -------------------------------------------------------------------------------------------


async def test_a_directory_that_the_server_does_not_show_is_not_emptied(copy: Path) -> None:
    write(copy, {"a": b"one", "deep/mine": b"", "deep/er/mine": b""}, modified=MODIFIED)
    async with served() as (client, server):
        server.replies["MLSD"] = lambda path: "550 not for you" if path.endswith("deep") else None
        plan = await client.plan_mirror(copy, "/pub", delete=True)
        assert client.is_connected
    assert len(plan.actions) == 1
    assert re.fullmatch(r"! deep: MLSD /pub/deep was answered 550 not for you .*", shown(plan)[0])


async def test_nothing_is_deleted_where_a_line_of_the_listing_could_not_be_read(copy: Path) -> None:
    write(copy, {"a": b"one", "b": b"two", "deep/old": b""}, modified=MODIFIED)
    async with served({"/pub/a": b"one", "/pub/b": b"two", "/pub/deep/x": b"three"}) as (client, server):
        server.replies["MLSD"] = "502 no"

        def text(names: Mapping[str, bytes | None]) -> str:
            return unix_list(names).replace("-rw-r--r-- 1 ftp ftp          3 Jan 02  2024 b", "?????????? ? b")

        server.list_text = text
        plan = await client.plan_mirror(copy, "/pub", delete=True, compare="size")
    assert shown(plan) == ["! .: lines of its listing not read: 1", "+ deep/x (5 B)", "- deep/old"]


async def test_a_server_that_is_busy_ends_the_plan(copy: Path) -> None:
    async with served() as (client, server):
        server.replies["MLSD"] = lambda path: "450 later" if path.endswith("deep") else None
        with pytest.raises(ftp.StatusCodeError, match="450 later"):
            await client.plan_mirror(copy, "/pub")


async def test_a_folder_that_cannot_be_read_is_not_emptied_on_the_server(copy: Path) -> None:
    write(copy, {"a": b"one", "deep/x": b""}, modified=MODIFIED)

    class Blind(ftp.PathIO):
        def scan(self, path: Path) -> Any:
            return super().scan(path / "nothing" if path.name == "deep" else path)

    async with served(path_io_factory=Blind) as (client, _):
        plan = await client.plan_mirror(copy, "/pub", direction="upload", delete=True)
    assert [action.path for action in plan.actions] == ["deep"]
    assert plan.actions[0].kind is MirrorActionKind.SKIP


async def test_a_directory_that_is_above_itself_is_not_gone_into(copy: Path) -> None:
    """RFC 3659 §7.5.2: names with the same "unique" fact are one file."""
    peer = ScriptedPeer()
    peer.script(
        HELLO,
        *answer(b"MLST /pub", b"250-Here\r\n type=dir; /pub\r\n250 End"),
        *binary(),
        *deliver(b"MLSD /pub", b"type=dir;unique=1; d\r\n", name="first"),
        *deliver(b"MLSD /pub/d", b"type=dir;unique=1; d\r\ntype=file;size=1;unique=1; f\r\n", name="second"),
        expect_eof(),
    )
    with peer:
        client = await connected(peer)
        plan = await client.plan_mirror(copy, "/pub")
        client.close()
    assert shown(plan) == ["+ d/", "! d/d: a link to a directory above it", "+ d/f (1 B)"]


async def test_a_tree_without_end_is_given_up(copy: Path) -> None:
    async with served() as (client, server):
        server.replies["MLSD"] = "502 no"
        server.list_text = lambda names: "drwxr-xr-x 1 ftp ftp 0 Jan 02  2024 d\r\n"
        with pytest.raises(ftp.FTPProtocolError, match="more than 128 directories deep"):
            await client.plan_mirror(copy, "/pub")
        assert not client.is_connected


async def test_a_tree_is_limited_like_a_listing(copy: Path) -> None:
    """Each of its directories has fewer entries than a listing may have."""
    files = {f"/pub/{directory}/{name}": b"" for directory in "abc" for name in "xyz"}
    async with served(files, listing_limits=ftp.ListingLimits(entries=10)) as (client, _):
        with pytest.raises(ftp.FTPProtocolError, match="more than 10 entries"):
            await client.plan_mirror(copy, "/pub")
        assert not client.is_connected
    async with served(files, listing_limits=ftp.ListingLimits(entries=12)) as (client, _):
        assert (await client.plan_mirror(copy, "/pub")).file_count == 9

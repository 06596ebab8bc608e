"""Times that a listing shows inexactly, or in a zone that it does not name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.ftp.mirror.sides import MODIFIED, served, shown, write
from tests.peers import MiniFTP
from tests.peers.mini_ftp_transfers import unix_list
from transfer import ftp

# MiniFTP lists "Jan 02  2024", and says by MDTM which second it was.
DAY = 24 * 60 * 60


@asynccontextmanager
async def without_mlsd() -> AsyncIterator[tuple[ftp.Client, MiniFTP]]:
    async with served({"/pub/a": b"one"}) as (client, server):
        server.replies["MLSD"] = server.replies["MLST"] = "502 no"
        yield client, server


def asked(server: MiniFTP) -> list[str]:
    return [command for command in server.commands if command.startswith("MDTM")]


async def test_a_time_that_is_listed_by_the_day_may_be_any_of_that_day(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED + 3600)
    async with without_mlsd() as (client, server):
        assert (await client.plan_mirror(tmp_path, "/pub")).is_empty
        assert asked(server) == []


async def test_the_exact_time_is_asked_for_where_the_listed_one_makes_a_difference(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED + 3 * DAY)
    async with without_mlsd() as (client, server):
        assert shown(await client.plan_mirror(tmp_path, "/pub")) == ["~ a (3 B): time differs"]
        assert asked(server) == ["MDTM /pub/a"]


async def test_a_server_whose_clock_is_in_another_zone_is_not_behind(tmp_path: Path) -> None:
    """It lists the day after, as if in another zone."""
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED)
    async with without_mlsd() as (client, server):
        server.list_text = lambda names: unix_list(names).replace("Jan 02", "Jan 04")
        assert (await client.plan_mirror(tmp_path, "/pub")).is_empty
        assert asked(server) == ["MDTM /pub/a"]


async def test_what_was_downloaded_from_a_listing_by_the_day_is_up_to_date(tmp_path: Path) -> None:
    async with without_mlsd() as (client, _):
        await client.mirror(tmp_path, "/pub")
        assert (await client.plan_mirror(tmp_path, "/pub")).is_empty


@pytest.mark.parametrize(("reply", "count"), [("502 no", 1), ("550 no", 2), ("213 yesterday", 2)])
async def test_a_server_that_cannot_say_is_taken_by_what_it_lists(tmp_path: Path, reply: str, count: int) -> None:
    write(tmp_path, {"a": b"ONE", "b": b"TWO"}, modified=MODIFIED + 3 * DAY)
    async with without_mlsd() as (client, server):
        server.files["/pub/b"] = b"two"
        server.replies["MDTM"] = reply
        plan = await client.plan_mirror(tmp_path, "/pub")
        assert shown(plan) == ["~ a (3 B): time differs", "~ b (3 B): time differs"]
        assert len(asked(server)) == count


async def test_a_server_that_is_busy_is_not_taken_at_its_word(tmp_path: Path) -> None:
    write(tmp_path, {"a": b"ONE"}, modified=MODIFIED + 3 * DAY)
    async with without_mlsd() as (client, server):
        server.replies["MDTM"] = "450 later"
        with pytest.raises(ftp.StatusCodeError, match="450 later"):
            await client.plan_mirror(tmp_path, "/pub")

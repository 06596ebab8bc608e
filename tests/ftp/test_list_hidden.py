"""Names that begin with a dot, from servers that have no MLSD: asked for by an option that not all of them know."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, passive
from tests.peers import ScriptedPeer, Step, expect_eof
from transfer import ftp


def unix(*names: str, mode: str = "-rw-r--r--") -> bytes:
    return b"".join(f"{mode} 1 u g 1 Jan 01 2024 {name}\r\n".encode() for name in names)


DOTS = unix(".", "..", mode="drwxr-xr-x")


def refused(line: bytes, reply: bytes, *, name: str = "d") -> tuple[Step, ...]:
    return *passive(name), *answer(line, reply)


def without_mlsd(peer: ScriptedPeer, *steps: Step) -> None:
    peer.script(HELLO, *binary(), *refused(b"MLSD in", b"502 no", name="m"), *steps, expect_eof())


def names(found: list[tuple[PurePosixPath, dict[str, object]]]) -> list[str]:
    return [path.name for path, _ in found]


async def test_hidden_names_are_asked_for_and_shown(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *deliver(b"LIST -a in", DOTS + unix(".hidden", "shown")),
        *deliver(b"LIST -a in", DOTS, name="e"),
        *deliver(b"LIST -a", DOTS + unix("x"), name="f"),
        *deliver(b"LIST -a ./-R", DOTS + unix("y"), name="g"),
        *deliver(b"LIST -a ./ z", DOTS, name="h"),
    )
    client = await connected(peer)
    assert names(await client.list("in")) == [".hidden", "shown"]
    assert names(await client.list("in")) == []
    assert names(await client.list()) == ["x"]
    assert names(await client.list("-R")) == ["y"]
    assert names(await client.list(" z")) == []
    client.close()


@pytest.mark.parametrize("reply", [b"550 no such directory: -a in", b"501 one argument", b"450 -a: not found"])
async def test_a_server_that_refuses_the_option_is_asked_for_it_once(peer: ScriptedPeer, reply: bytes) -> None:
    without_mlsd(
        peer,
        *refused(b"LIST -a in", reply),
        *deliver(b"LIST in", unix("shown"), name="e"),
        *deliver(b"LIST in", unix("shown"), name="f"),
    )
    client = await connected(peer)
    assert names(await client.list("in")) == ["shown"]
    assert names(await client.list("in")) == ["shown"]
    client.close()


async def test_a_server_that_lists_nothing_by_that_name_is_asked_for_it_once(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *deliver(b"LIST -a in", b""),
        *deliver(b"LIST in", unix("shown"), name="e"),
        *deliver(b"LIST in", unix("shown"), name="f"),
    )
    client = await connected(peer)
    assert names([entry async for entry in client.list("in")]) == ["shown"]
    assert names(await client.list("in")) == ["shown"]
    client.close()


async def test_a_directory_that_is_missing_says_nothing_of_the_option(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *refused(b"LIST -a in", b"550 no such directory"),
        *refused(b"LIST in", b"550 no such directory", name="e"),
        *deliver(b"LIST -a .", DOTS + unix("shown"), name="f"),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.list("in")
    assert caught.value.command == "LIST in"
    assert names(await client.list(".")) == ["shown"]
    client.close()


async def test_a_directory_that_a_server_shows_nothing_of_is_missing_if_it_shows_others(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *deliver(b"LIST -a in", DOTS + unix("shown")),
        *deliver(b"LIST -a none", b"", name="e"),
        *deliver(b"LIST -a in", DOTS + unix(".hidden"), name="f"),
    )
    client = await connected(peer)
    assert names(await client.list("in")) == ["shown"]
    with pytest.raises(ftp.StatusCodeError, match="none is not listed") as caught:
        await client.list("none")
    assert caught.value.received_codes == ("550",)
    assert names(await client.list("in")) == [".hidden"]
    client.close()


async def test_an_empty_listing_that_is_empty_both_ways_decides_nothing(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *deliver(b"LIST -a in", b""),
        *deliver(b"LIST in", b"", name="e"),
        *deliver(b"LIST -a .", DOTS + unix(".hidden"), name="f"),
    )
    client = await connected(peer)
    assert await client.list("in") == []
    assert names(await client.list(".")) == [".hidden"]
    client.close()


async def test_the_command_that_was_chosen_has_no_option(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *binary(), *deliver(b"LIST in", unix("shown")), expect_eof())
    client = await connected(peer)
    assert names(await client.list("in", raw_command="LIST")) == ["shown"]
    client.close()


async def test_a_tree_is_listed_whole_whatever_the_server_makes_of_the_option(peer: ScriptedPeer) -> None:
    without_mlsd(
        peer,
        *deliver(b"LIST -a in", unix(".deep", mode="drwxr-xr-x")),
        *deliver(b"LIST -a in/.deep", b"", name="e"),
        *deliver(b"LIST in/.deep", unix("file"), name="f"),
    )
    client = await connected(peer)
    found = await client.list("in", recursive=True)
    assert [str(path) for path, _ in found] == ["in/.deep", "in/.deep/file"]
    client.close()

"""REST: the marker belongs to one transfer, and to no other one."""

from __future__ import annotations

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, passive
from tests.peers import ScriptedPeer, Step, accept_data, close_data, expect_eof, send
from transfer import ftp
from transfer.ftp._commands import retr


def list_nothing(name: str) -> tuple[Step, ...]:
    return *answer(b"MLSD", b"150 go"), accept_data(name), close_data(name), send(b"226 done\r\n")


async def test_a_marker_that_a_refused_transfer_left_behind_is_taken_back(peer: ScriptedPeer) -> None:
    """Or the next file would begin in its middle."""
    peer.script(
        HELLO,
        *binary(),
        *passive("a"),
        *answer(b"REST 100", b"350 ok"),
        *answer(b"RETR gone", b"550 no such file"),
        *passive("b"),
        *answer(b"REST 0", b"350 ok"),
        *list_nothing("b"),
        *passive("c"),
        *list_nothing("c"),
        expect_eof(),
    )
    client = await connected(peer)
    refusal = await client._session.data.transfer(retr("gone"), offset=100).start()
    assert refusal.code == 550
    assert await client.list() == []
    assert await client.list() == []
    client.close()


async def test_a_server_that_knows_no_rest_0_is_asked_once(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *passive("a"),
        *answer(b"REST 100", b"502 no"),
        *passive("b"),
        *answer(b"REST 0", b"502 no"),
        *list_nothing("b"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError):
        await client._session.data.transfer(retr("gone"), offset=100).start()
    assert await client.list() == []
    client.close()


async def test_a_marker_that_was_used_is_not_taken_back(peer: ScriptedPeer) -> None:
    again = (*passive("b"), *answer(b"REST 7", b"350 ok"), *answer(b"RETR a", b"150 go"), accept_data("b"))
    peer.script(
        HELLO,
        *binary(),
        *passive("a"),
        *answer(b"REST 5", b"350 ok"),
        *answer(b"RETR a", b"150 go"),
        accept_data("a"),
        close_data("a"),
        send(b"226 done\r\n"),
        *again,
        close_data("b"),
        send(b"226 done\r\n"),
        *passive("c"),
        *list_nothing("c"),
        expect_eof(),
    )
    client = await connected(peer)
    for offset in (5, 7):
        async with client._session.data.transfer(retr("a"), offset=offset) as transfer:
            assert await transfer.stream.receive() == b""
    assert await client.list() == []
    client.close()

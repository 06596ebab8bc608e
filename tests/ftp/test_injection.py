"""CR, LF and NUL in anything that a caller passes (I3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.ftp.support import HELLO, answer, connected
from tests.peers import ScriptedPeer, expect_eof
from transfer import ftp


@pytest.mark.parametrize("bad", ["a\r\nDELE x", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, bad: client.login(bad),
        lambda client, bad: client.login("u", bad),
        lambda client, bad: client.login("u", "p", bad),
        lambda client, bad: client.command(f"NOOP {bad}", "2xx"),
        lambda client, bad: client.command(f"NO{bad}", "2xx"),
        lambda client, bad: client.command(f"SITE {bad}", "2xx", censor_after=5),
        lambda client, bad: client.command(f"SITE {bad}"),
        lambda client, bad: client.change_directory(bad),
        lambda client, bad: client.make_directory(bad),
        lambda client, bad: client.make_directory(bad, parents=False),
        lambda client, bad: client.remove_directory(bad),
        lambda client, bad: client.remove_file(bad),
        lambda client, bad: client.remove(bad),
        lambda client, bad: client.rename(bad, "b"),
        lambda client, bad: client.rename("a", bad),
        lambda client, bad: client.stat(bad),
        lambda client, bad: client.exists(bad),
        lambda client, bad: client.is_file(bad),
        lambda client, bad: client.is_dir(bad),
        lambda client, bad: client.list(bad)._collect(),
        lambda client, bad: client.list(bad, raw_command="LIST")._collect(),
        lambda client, bad: client.upload(__file__, bad),
        lambda client, bad: client.upload(__file__, bad, write_into=True),
        lambda client, bad: client.download(bad),
    ],
)
async def test_line_breaks_never_leave(peer: ScriptedPeer, call: Callable[..., Any], bad: str) -> None:
    """CR, LF and NUL in anything that a caller passes are refused before a byte is written (I3)."""
    peer.script(HELLO, expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.InvalidCommand) as caught:
        await call(client, bad)
    assert isinstance(caught.value, ValueError)
    assert client.is_connected
    client.close()
    await peer.served()
    assert peer.received == b""


@pytest.mark.parametrize("place", range(3), ids=["account", "password", "user"])
async def test_a_block_with_such_a_login_is_not_entered(peer: ScriptedPeer, place: int) -> None:
    bad = "x\r\nDELE y"
    login = [("u", "p", bad), ("u", bad, "a"), (bad, "p", "a")][place]
    peer.script(HELLO, expect_eof())
    with pytest.raises(ftp.InvalidCommand) as caught:
        await ftp.Client.context(peer.host, peer.port, *login).__aenter__()
    assert "DELE" not in str(caught.value)
    await peer.served()
    assert peer.received == b""


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "\u20ac"), ("ascii", "\xe4"), ("utf-8", "\ud800"), ("utf-8", "x" * 9000)]
)
async def test_what_the_wire_has_no_octets_for_is_not_sent(peer: ScriptedPeer, encoding: str, text: str) -> None:
    """Nor anything that goes before it: half a login, half a renaming."""
    peer.script(HELLO, *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer, encoding=encoding)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: client.remove_file(text),
        lambda: client.stat(text),
        lambda: client.rename("a", text),
        lambda: client.login(text),
        lambda: client.login("u", text),
        lambda: client.login("u", "p", text),
    ]
    for call in calls:
        with pytest.raises(ftp.InvalidCommand):
            await call()
    await client.command("NOOP", "200")
    client.close()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "utf-8"])
async def test_the_encoding_is_that_of_names_and_replies(peer: ScriptedPeer, encoding: str) -> None:
    name = "\u0451" if encoding == "cp1251" else "\xe4"
    octets = name.encode(encoding).replace(b"\xff", b"\xff\xff")
    peer.script(HELLO, *answer(b"CWD " + octets, b"250 ok"), *answer(b"PWD", b'257 "/' + octets + b'"'), expect_eof())
    client = await connected(peer, encoding=encoding)
    await client.change_directory(name)
    assert (await client.get_current_directory()).name == name
    client.close()

"""CR, LF and NUL in anything that a caller passes (I3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ftp.support import HELLO, connected
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

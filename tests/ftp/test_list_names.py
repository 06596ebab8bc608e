"""NLST: names, and paths that end in them."""

from __future__ import annotations

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, deliver, open_data, passive
from tests.peers import ScriptedPeer, expect_eof, reset_data, send, send_data
from transfer import ftp


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("", b"a\r\nb c\r\n", ["a", "b c"]),
        ("", b"./a\r\n./b\r\n", ["a", "b"]),
        ("", b"/home/me/a\r\n", ["a"]),
        ("in", b"a\nb", ["a", "b"]),
        ("in", b"in/a\r\nin/b/\r\n", ["a", "b"]),
        ("in", b"./in/a\r\n/home/me/in/b\r\n", ["a", "b"]),
        ("/in/deep", b"/in/deep/a\r\n", ["a"]),
        ("/in/deep/", b"/in/deep//a\r\n", ["a"]),
        ("../in", b"../in/a\r\n", ["a"]),
        ("in", b".\r\n..\r\nin/.\r\nin/..\r\na\r\n", ["a"]),
        ("", b"", []),
        ("", b"total 12\r\n \xe4;=\r\n", ["total 12", " \udce4;="]),
        ("", b"C:x\\y\r\n", ["C:x\\y"]),
    ],
)
async def test_names_are_those_in_the_directory_however_it_is_written(
    peer: ScriptedPeer, path: str, data: bytes, expected: list[str]
) -> None:
    line = f"NLST {path}".strip().encode()
    peer.script(HELLO, *binary(), *deliver(line, data), *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer)
    assert await client.list_names(path) == expected
    await client.command("NOOP", "200")
    client.close()


@pytest.mark.parametrize(
    ("path", "line"),
    [("", b"../a"), ("", b"../../etc/passwd"), ("in", b"/etc/passwd"), ("in", b"other/a"), ("in/deep", b"deep/a"),
     ("in", b"in/../a"), ("", b"x\0y"), ("", b"/")],
)  # fmt: skip
async def test_a_name_that_is_elsewhere_is_refused(peer: ScriptedPeer, path: str, line: bytes) -> None:
    peer.script(HELLO, *binary(), *deliver(f"NLST {path}".strip().encode(), b"ok\r\n" + line + b"\r\n"), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused"):
        await client.list_names(path)
    assert not client.is_connected


@pytest.mark.parametrize(("limits", "words"), [({"entries": 1}, "entries"), ({"octets": 5}, "octets")], ids=str)
async def test_names_have_limits(peer: ScriptedPeer, limits: dict[str, int], words: str) -> None:
    peer.script(HELLO, *binary(), *deliver(b"NLST", b"aaa\r\nbbb\r\n"), expect_eof())
    client = await connected(peer, listing_limits=ftp.ListingLimits(**limits))
    with pytest.raises(ftp.FTPProtocolError, match=words):
        await client.list_names()
    assert not client.is_connected


async def test_a_refusal_is_the_callers_matter_and_the_connection_is_in_step(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *passive(),
        *answer(b"NLST ./-in", b"550 no files found"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError, match="no files found"):
        await client.list_names("-in")
    await client.command("NOOP", "200")
    client.close()


async def test_what_the_server_says_of_a_lost_data_connection_is_the_error(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *open_data(b"NLST"),
        send_data("d", b"a\r\nb"),
        reset_data("d"),
        send(b"426 lost\r\n"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer)
    with pytest.raises(ftp.StatusCodeError, match="426 lost"):
        await client.list_names()
    await client.command("NOOP", "200")
    client.close()

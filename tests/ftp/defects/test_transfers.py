"""What must not happen to replies that are longer or stranger than most, nor to trees that are moved.

Each test names the guard without which it fails.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ftp.support import HELLO, answer, connected, logged_in, said
from tests.peers import MiniFTP, ScriptedPeer, expect_eof, send
from transfer import ftp


@pytest.mark.parametrize(
    "greeting",
    [b"220-" + b"x" * 70_000 + b"\r\n", b"220-hello\r\n" + b" more\r\n" * 200_000],
    ids=["a long line", "many lines"],
)
async def test_defect_07_a_reply_without_end_is_the_server_s_fault(greeting: bytes) -> None:
    """Guard: transfer._wire.dialect:FTP_CLIENT, whose limits bound each line and the whole of a reply."""
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(send(greeting), expect_eof())
        with pytest.raises(ftp.FTPProtocolError):
            await connected(peer)


@pytest.mark.parametrize("line", [b"456 text", b"220 inside", b"221-again", b"  221 x", b"221x", b"2"])
async def test_defect_11_a_line_of_a_reply_may_begin_with_digits(peer: ScriptedPeer, line: bytes) -> None:
    """Guard: transfer._wire.reply, where only the first line's code and a space end a reply (RFC 959 §4.2)."""
    peer.script(
        HELLO,
        *answer(b"NOOP", b"221-first", line, b"221 last"),
        *answer(b"NOOP", b"200 the next one's own"),
        expect_eof(),
    )
    client = await connected(peer)
    code, lines = await client.command("NOOP", "221")
    assert (code, len(lines)) == ("221", 3)
    assert await client.command("NOOP", "200") == ("200", [" the next one's own"])
    client.close()


@pytest.mark.parametrize(
    ("destination", "write_into", "root"),
    [
        ("", False, "/tree"),
        ("dest", False, "/dest/tree"),
        ("dest/deep", False, "/dest/deep/tree"),
        ("dest/deep", True, "/dest/deep"),
        ("/dest/deep", True, "/dest/deep"),
    ],
)
async def test_defect_14_each_file_of_a_tree_comes_to_its_place(
    ftp_server: MiniFTP, tmp_path: Path, destination: str, write_into: bool, root: str
) -> None:
    """Guard: transfer.ftp._transfers._trees, which joins the whole of a path to the destination."""
    tree = tmp_path / "tree"
    (tree / "folder" / "deeper").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "one").write_bytes(b"1")
    (tree / "folder" / "deeper" / "two").write_bytes(b"2")
    async with await logged_in(ftp_server) as client:
        await client.upload(tree, destination, write_into=write_into)
        assert str(await client.get_current_directory()) == "/"

    assert ftp_server.files == {f"{root}/one": b"1", f"{root}/folder/deeper/two": b"2"}
    made = {f"{root}/empty", f"{root}/folder", f"{root}/folder/deeper"}
    above = {str(path) for path in Path(root).parents} | {root}
    assert ftp_server.directories == made | above
    assert said(ftp_server, "CWD") == []

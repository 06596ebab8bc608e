"""What must not happen while listings are read.

Each test names the guard without which it fails.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from tests.ftp.support import HELLO, binary, connected, deliver
from tests.peers import ScriptedPeer, expect_eof
from transfer import ftp
from transfer.ftp._listing import Entry, ListedLine, ListingParser


@pytest.mark.parametrize("name", ["../x", "../../../pwned.txt", "/etc/passwd", "a/b", "x\0y", "a/../../b"])
@pytest.mark.parametrize("method", ["list", "entries", "walk", "glob"])
async def test_defect_02_a_listed_name_never_leads_out_of_its_directory(
    peer: ScriptedPeer, method: str, name: str
) -> None:
    """Guard: transfer.ftp._list:ListingIterator._found, which looks at every name."""
    lines = b"type=file; ok\r\ntype=file; " + name.encode() + b"\r\n"
    peer.script(HELLO, *binary(), *deliver(b"MLSD in", lines), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused"):
        async for _ in getattr(client, method)("in/*" if method == "glob" else "in"):
            pass
    assert not client.is_connected


@pytest.mark.parametrize(
    "line",
    [
        "-rw-r--r-- 1 o g 12 Jan  5  2020 {}",
        "06-07-22  12:55PM  12 {}",
        "+r,\t{}",
        "ME 0 01/05/20 12:30:15 *STMF {}",
        "type=file; {}",
    ],
)
async def test_defect_02_holds_in_every_format_that_can_say_such_a_name(peer: ScriptedPeer, line: str) -> None:
    """Guard: the same; formats whose names can't hold a slash refuse the line."""
    verb = "MLSD" if line.startswith("type") else "LIST"
    peer.script(HELLO, *binary(), *deliver(verb.encode(), line.format("../x").encode() + b"\r\n"), expect_eof())
    client = await connected(peer)
    with pytest.raises(ftp.FTPProtocolError, match="refused"):
        await client.entries(raw_command=verb)
    assert not client.is_connected


@pytest.mark.parametrize(
    "line", ["../X.TXT;1  2/4  12-JAN-2026 10:00", "V 3390 2006/03/20 2 31 F 80 80 PS ../A", "ME JOB/0190 ME OUTPUT"]
)
async def test_defect_02_a_name_that_its_format_does_not_have_is_no_entry(peer: ScriptedPeer, line: str) -> None:
    """Guard: transfer.ftp._listing._vms:_NAME and _mvs:_QUALIFIER."""
    peer.script(HELLO, *binary(), *deliver(b"LIST", line.encode() + b"\r\n"), expect_eof())
    client = await connected(peer)
    assert await client.entries(raw_command="LIST") == []
    client.close()


def test_defect_19_dates_are_read_without_the_locale_of_the_process() -> None:
    """Guard: transfer.ftp._listing._dates and _months, which have tables of their own: none of the locale's.

    A process has one locale for all of its threads, and strptime goes by it.
    """
    for module in (Path(ftp.__file__).parent / "_listing").rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        assert re.search(r"^\s*(?:import|from) locale\b|strptime\(|%[aAbBcxXp]\b", text, re.MULTILINE) is None, module
    dates = {"Mar  5  2020": "20200305", "5. März 2020": "20200305", "мая 5 2020": "20200505", "Mai 5 2020": "20200505"}
    for date, expected in dates.items():
        line = ListingParser().parse(f"-rw-r--r-- 1 o g 12 {date} x".encode())
        assert isinstance(line, ListedLine)
        assert line.facts["modify"] == f"{expected}000000"


def test_defect_19_the_servers_clock_is_no_local_time() -> None:
    """Guard: transfer.ftp._listing._entry:_modify, which makes every time aware."""
    line = ListingParser().parse(b"-rw-r--r-- 1 o g 12 Jan  5 12:30 x")
    assert isinstance(line, ListedLine)
    modify = Entry.from_line(line, path=PurePosixPath("x")).modify
    assert modify is not None
    assert modify.utcoffset() is not None

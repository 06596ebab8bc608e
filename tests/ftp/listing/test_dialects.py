"""EPLF, OpenVMS, IBM i and z/OS, and that no line is in two formats."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.ftp._listing import (
    Entry,
    EntryType,
    LineParser,
    ListedLine,
    ListingParser,
    SkippedLine,
    UnreadableLineError,
    read_as400_line,
    read_eplf_line,
    read_mvs_line,
    read_unix_line,
    read_vms_line,
    read_windows_line,
)

NOW = datetime(2024, 6, 15, 12, 0)  # noqa: DTZ001
FORMATS: dict[str, LineParser] = {
    "unix": lambda raw: read_unix_line(raw, now=NOW),
    "windows": read_windows_line,
    "eplf": read_eplf_line,
    "vms": read_vms_line,
    "as400": read_as400_line,
    "mvs": read_mvs_line,
}

# The format, the line, the name, and the facts but for "type".
LINES: list[tuple[str, str, str, str, dict[str, str | int]]] = [
    ("unix", "-rw-r--r-- 1 o g 12 Jan  5  2020 x", "file", "x",
     {"unix.mode": 0o644, "unix.links": "1", "unix.owner": "o", "unix.group": "g", "size": "12",
      "modify": "20200105000000"}),
    ("windows", "06-07-22  12:55PM       <DIR>          docs", "dir", "docs", {"modify": "20220607125500"}),
    # EPLF.
    ("eplf", "+i8388621.48594,m825718503,r,s280,\tdjb.html", "file", "djb.html",
     {"unique": "8388621.48594", "modify": "19960301221500", "size": "280"}),
    ("eplf", "+i8388621.29609,m824255902,/,\t514", "dir", "514", {"unique": "8388621.29609", "modify": "19960213235800"}),
    ("eplf", "+/,up755,\t a b ", "dir", " a b ", {"unix.mode": 0o755}),
    ("eplf", "+\tnothing", "unknown", "nothing", {}),
    ("eplf", "+s,m,i,sx,m-1,q5,\tx", "unknown", "x", {}),
    # OpenVMS.
    ("vms", "README.TXT;3               2/4      12-JAN-2026 10:00:00.12  [GROUP,OWNER]  (RWED,RWED,RE,)",
     "file", "README.TXT;3",
     {"modify": "20260112100000", "vms.blocks": "2", "unix.owner": "OWNER", "unix.group": "GROUP",
      "vms.protection": "RWED,RWED,RE,"}),
    ("vms", "SUB.DIR;1  1/3  12-JAN-2026 10:00 [SYSTEM] (RWE,RWE,RE,RE)", "dir", "SUB",
     {"modify": "20260112100000", "vms.blocks": "1", "unix.owner": "SYSTEM", "vms.protection": "RWE,RWE,RE,RE"}),
    ("vms", "CII-MANUAL.TEX;1  213/216  29-jan-1996 03:33:12  [ANONYMOU,ANONYMOUS]   (RWED,RWED,,)",
     "file", "CII-MANUAL.TEX;1",
     {"modify": "19960129033300", "vms.blocks": "213", "unix.owner": "ANONYMOUS", "unix.group": "ANONYMOU",
      "vms.protection": "RWED,RWED,,"}),
    ("vms", "A.B;1  5  12-JAN-2026 10:00:00", "file", "A.B;1", {"modify": "20260112100000", "vms.blocks": "5"}),
    ("vms", "A.B;32767 12-JAN-2026", "file", "A.B;32767", {"modify": "20260112000000"}),
    ("vms", "two words.txt;2  1/2  12-JAN-2026 10:00", "file", "two words.txt;2",
     {"modify": "20260112100000", "vms.blocks": "1"}),
    # IBM i.
    ("as400", "QSYS            77824 02/23/00 15:09:55 *DIR       QOpenSys/", "dir", "QOpenSys",
     {"unix.owner": "QSYS", "as400.type": "*DIR", "size": "77824", "modify": "20000223150900"}),
    ("as400", "PEP             36864 21.04.98 08:08:40 *STMF      a file.txt", "file", "a file.txt",
     {"unix.owner": "PEP", "as400.type": "*STMF", "size": "36864", "modify": "19980421080800"}),
    ("as400", "QPGMR                                   *MEM       QCLSRC.MBR", "file", "QCLSRC.MBR",
     {"unix.owner": "QPGMR", "as400.type": "*MEM"}),
    ("as400", "QDFTOWN  1024 2020-01-05 12.30.15 *LIB MYLIB.LIB", "dir", "MYLIB.LIB",
     {"unix.owner": "QDFTOWN", "as400.type": "*LIB", "size": "1024", "modify": "20200105123000"}),
    ("as400", "ME 0 01/05/20 12:30:15 *SYMLNK x", "link", "x",
     {"unix.owner": "ME", "as400.type": "*SYMLNK", "size": "0", "modify": "20200105123000"}),
    ("as400", "ME 0 01/05/20 12:30:15 *FILE SRC.FILE/", "dir", "SRC.FILE",
     {"unix.owner": "ME", "as400.type": "*FILE", "size": "0", "modify": "20200105123000"}),
    ("as400", "ME 8 01/05/20 12:30:15 *DTAQ Q", "unknown", "Q",
     {"unix.owner": "ME", "as400.type": "*DTAQ", "size": "8", "modify": "20200105123000"}),
    # z/OS.
    ("mvs", "B10142 3390   2006/03/20  2   31  F       80    80  PS  MDI.OKL.WORK", "file", "MDI.OKL.WORK",
     {"mvs.organization": "PS", "mvs.volume": "B10142", "mvs.referred": "2006/03/20", "mvs.format": "F",
      "mvs.length": "80"}),
    ("mvs", "B1N231 3390   **NONE**    1    5  VB     256  6400  PO  'TSO.DATA'", "dir", "TSO.DATA",
     {"mvs.organization": "PO", "mvs.volume": "B1N231", "mvs.referred": "**NONE**", "mvs.format": "VB",
      "mvs.length": "256"}),
    ("mvs", " TBSHELF   01.03 2002/09/12 2002/10/11 09:37    11    11     0 KIL001", "file", "TBSHELF",
     {"modify": "20021011093700", "unix.owner": "KIL001", "mvs.records": "11"}),
    ("mvs", "$A@#      01.03 2002/09/12 2002/10/11 09:37:12", "file", "$A@#", {"modify": "20021011093700"}),
    ("mvs", "IBMUSER1 JOB01906 IBMUSER  OUTPUT A        RC=0000 3 spool files", "file", "JOB01906",
     {"mvs.job": "IBMUSER1", "mvs.status": "OUTPUT", "unix.owner": "IBMUSER"}),
    ("mvs", "IBMUSER1 JOB01906  OUTPUT    3 Spool Files", "file", "JOB01906",
     {"mvs.job": "IBMUSER1", "mvs.status": "OUTPUT"}),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["", "\r\n"])
@pytest.mark.parametrize("line", LINES, ids=lambda line: line[1])
def test_a_line_is_read_by_the_parser_of_its_format_and_by_no_other(
    line: tuple[str, str, str, str, dict[str, str | int]], ending: str
) -> None:
    of, text, kind, name, facts = line
    raw = (text + ending).encode()
    for each, parse in FORMATS.items():
        if each == of:
            read = parse(raw)
            assert isinstance(read, ListedLine)
            assert (read.name, read.facts, read.raw) == (name, {"type": kind} | facts, raw)
        else:
            with pytest.raises(UnreadableLineError):
                parse(raw)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "junk",
        "+i1,m2,r,s3, no tab",
        "+i1,m2,r\tno comma",
        "+i1,\t",
        "README.TXT;3",
        "README.TXT;3  2/4",
        "README.TXT;3  2/4  30-FEB-2026 10:00",
        "README.TXT  2/4  12-JAN-2026 10:00",
        "README.TXT;3  %RMS-E-PRV, insufficient privilege or file protection violation",
        "Total of 7 files, 12/30 blocks.",
        "note *READ this",
        "QSYS 77824 02/30/00 15:09:55 *DIR x",
        "QSYS 77824 02/23/00 15:09:55 *DIR ",
        "QSYS 77824 02/23/00 15:09:55 DIR x",
        "B10142 3390 2006/03/20 2 31 F 80 80 PS lower.case",
        "TBSHELF 01.03 2002/09/12 2002/13/11 09:37 11 11 0 KIL001",
        "TBSHELF",
        "A.B.C",
        "IBMUSER1 JOB01906 IBMUSER  SLEEPING",
    ],
)
def test_what_is_in_no_format_is_refused_by_all(text: str) -> None:
    for parse in FORMATS.values():
        with pytest.raises(UnreadableLineError):
            parse(text.encode())


def test_the_time_of_eplf_is_utc_and_those_of_the_others_are_the_servers() -> None:
    zone = timedelta(hours=2)
    eplf = Entry.from_line(read_eplf_line("+m825718503,r,\tx"), clock_offset=zone)
    vms = Entry.from_line(read_vms_line("A.B;1  5  12-JAN-2026 10:00:00"), clock_offset=zone)
    assert eplf.modify == datetime.fromisoformat("1996-03-01T22:15:03Z")
    assert eplf.modify_precision == timedelta(seconds=1)
    assert vms.modify == datetime.fromisoformat("2026-01-12T08:00:00Z")


def test_an_entry_has_owner_and_type_whatever_the_format() -> None:
    entry = Entry.from_line(read_as400_line("QSYS 77824 02/23/00 15:09:55 *DIR QOpenSys/"))
    assert (entry.type, entry.owner, entry.size) == (EntryType.DIRECTORY, "QSYS", 77824)
    entry = Entry.from_line(read_vms_line("A.B;1  5  12-JAN-2026 10:00 [G,O]"))
    assert (entry.type, entry.owner, entry.group, entry.size) == (EntryType.FILE, "O", "G", None)
    assert Entry.from_line(read_as400_line("ME 0 01/05/20 12:30:15 *SYMLNK x")).type is EntryType.LINK


# -- whole listings --------------------------------------------------------------------------------------------------


def read(data: str) -> tuple[list[str], list[bytes]]:
    """Return the names in a listing, and the lines that were skipped."""
    skipped: list[SkippedLine] = []
    reader = ListingParser(now=NOW).read_list(skipped.append)
    found = [reader.read(raw) for raw in data.encode().split(b"\n")]
    reader.finish()
    return [line.name for line in found if line is not None], [line.raw for line in skipped]


def test_openvms_with_headers_and_with_names_that_have_a_line_of_their_own() -> None:
    names, skipped = read(
        "\nDirectory DISK$USER:[SMITH]\n\n"
        "A.TXT;1               2/4      12-JAN-2026 10:00:00.12  [SMITH]  (RWED,RWED,RE,)\n"
        "A_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN.TXT;12\n"
        "                      2/4      12-JAN-2026 10:00:00.12  [SMITH]  (RWED,RWED,RE,)\n"
        "SECRET.DIR;1  %RMS-E-PRV, insufficient privilege\n"
        "ALONE.TXT;1\n"
        "SUB.DIR;1             1/4      12-JAN-2026 10:00:00.12  [SMITH]  (RWED,RWED,RE,)\n"
        "LAST.TXT;1\n"
        "\nTotal of 3 files, 5/12 blocks.\nGrand total of 1 directory, 3 files, 5/12 blocks.\n"
    )
    assert names == ["A.TXT;1", "A_NAME_THAT_IS_LONGER_THAN_ITS_COLUMN.TXT;12", "SUB"]
    assert skipped == [b"SECRET.DIR;1  %RMS-E-PRV, insufficient privilege", b"ALONE.TXT;1", b"LAST.TXT;1"]


def test_a_name_alone_at_the_end_is_skipped() -> None:
    assert read("ALONE.TXT;1") == ([], [b"ALONE.TXT;1"])


def test_data_sets_of_zos_that_are_not_on_disk_are_read_below_their_header() -> None:
    header = "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\n"
    odd = (
        "Migrated                                                A.B\n"
        "ARCIVE Not Direct Access Device                         KJK.IOP998\n"
        "Pseudo Directory                                        DEEP\n"
        "CATALG                          VSAM                    V.SAM\n"
        "T00001 Tape                                             ON.TAPE"
    )
    assert read(header + odd) == (["A.B", "KJK.IOP998", "DEEP", "V.SAM", "ON.TAPE"], [])
    assert read(odd) == ([], [line.encode() for line in odd.split("\n")])


def test_members_of_zos_without_statistics_are_read_below_their_header() -> None:
    header = " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\n"
    lines = " ONE\n TWO       01.03 2002/09/12 2002/10/11 09:37    11    11     0 KIL001\nTHREE   "
    assert read(header + lines) == (["ONE", "TWO", "THREE"], [])
    assert read("ONE\nTHREE") == ([], [b"ONE", b"THREE"])
    modules = " Name      Size     TTR   Alias-of AC --------- Attributes --------- Amode Rmode\n"
    assert read(modules + "IEFBR14   00000008 000101            00 FO             RN RU            31    ANY") == (
        ["IEFBR14"],
        [],
    )


def test_jobs_of_zos_have_a_header_too() -> None:
    header = "JOBNAME  JOBID    OWNER    STATUS CLASS\n"
    assert read(header + "ME1 JOB01906 ME  ACTIVE A") == (["JOB01906"], [])


def test_a_header_takes_the_place_of_the_one_before() -> None:
    """However many there are, a line is not tried more often."""
    members = " Name     VV.MM   Created       Changed      Size  Init   Mod   Id\n"
    data_sets = "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\n"
    assert read(members * 5000 + "ONE\n" + data_sets * 5000 + "Migrated A.B\nTWO\n") == (["ONE", "A.B"], [b"TWO"])


@pytest.mark.parametrize(
    "header",
    ["total 12", "insgesamt 12", "totale 0", "totaal 4K", "итого 12", "总用量 12", "合計 1,024", "razem 3"],
)
def test_a_header_in_any_language_is_no_entry_and_not_skipped(header: str) -> None:
    assert read(f"{header}\n-rw-r--r-- 1 o g 12 Jan  5  2020 x") == (["x"], [])


def test_the_format_may_change_from_line_to_line() -> None:
    names, skipped = read("\n".join(line[1] for line in [*LINES, *reversed(LINES)]))
    expected = [line[3] for line in LINES]
    assert (names, skipped) == (expected + expected[::-1], [])


@given(st.lists(st.sampled_from(LINES), max_size=12), st.lists(st.binary(max_size=40), max_size=5))
def test_what_came_before_never_changes_what_a_line_is(
    lines: list[tuple[str, str, str, str, dict[str, str | int]]], noise: list[bytes]
) -> None:
    reader = ListingParser(now=NOW).read_list(lambda line: None)
    for raw in noise:
        reader.read(raw)
    for _, text, kind, name, facts in lines:
        line = reader.read(text.encode())
        assert line is not None
        assert (line.name, line.facts) == (name, {"type": kind} | facts)


# -- any octets ------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["+", "i1,", "m825718503,", "\t", "/,", "A.B;1", " ", "  ", "2/4", "12-JAN-2026", "10:00", "[G,O]", "(RWED,,)",
     "QSYS", "77824", "02/23/00", "15:09:55", "*DIR", "x/", "B10142", "3390", "2006/03/20", "2", "31", "F", "80", "PS",
     "'A.B'", "01.03", "JOB01906", "OUTPUT", "Migrated"]
)  # fmt: skip


@given(st.binary(max_size=200) | st.lists(PIECES, max_size=14).map(lambda pieces: " ".join(pieces).encode()))
def test_any_octets_are_read_or_refused(raw: bytes) -> None:
    for parse in FORMATS.values():
        try:
            line = parse(raw)
        except UnreadableLineError:
            continue
        assert isinstance(line, ListedLine)
        assert line.name
        Entry.from_line(line, path=PurePosixPath("/x"))


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"A.B;1", b" 2/4  12-JAN-2026 10:00"]), max_size=8))
def test_every_line_is_an_entry_or_skipped_or_says_nothing(lines: list[bytes]) -> None:
    skipped: list[SkippedLine] = []
    reader = ListingParser(now=NOW).read_list(skipped.append)
    found = [line for raw in lines if (line := reader.read(raw)) is not None]
    reader.finish()
    assert len(found) + len(skipped) <= len(lines)
    assert all(line.reason for line in skipped)


@pytest.mark.parametrize(
    "raw",
    [
        b"+" + b"i1," * 5000,
        b"+" + b"," * 16000,
        b"A " * 8000 + b";1",
        b"A;1" + b" " * 16000,
        b"A;1 2/4 12-JAN-2026" + b" " * 16000 + b"(",
        b"Q" + b" " * 16000,
        b"Q " * 8000,
        b"QSYS 1 " + b" " * 16000 + b"*",
        b"A." * 8000,
        b"B10142 3390" + b" " * 16000,
        b"A 01.03" + b" " * 16000 + b"2002",
        b"ME JOB01906" + b" " * 16000,
        b"Volume  Unit" + b" " * 16000,
        b"Directory " + b"[" * 16000,
        b"total of 1" + b"\n " * 8000,
        b" " * 16000 + b"x",
        b"-rw-r--r-- " + "1 1月 1 ".encode() * 2000,
        b"-rw-r--r-- " + b"1 1-1-" * 2700,
        b"-rw-r--r-- " + b"1 janv " * 2300,
        b"-rw-r--r-- 1 o g 1" + b" " * 16000 + "märz".encode(),
    ],
    ids=lambda raw: str(raw[:24]),
)
def test_a_line_of_full_length_is_done_with(raw: bytes) -> None:
    """These make a pattern that backtracks take minutes; the run's time limit would end them."""
    assert isinstance(ListingParser(now=NOW).parse(raw), ListedLine | SkippedLine | None)

"""The words of servers, put into the mouth of a small one.

A :class:`Vendor` says how a server greets, what it calls its features, in which form it lists, and which codes it ends
things with; :func:`play` makes a ``MiniFTP`` speak so. The forms follow what these servers are known to print; names
and numbers are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import attrs

from tests.peers import MiniFTP
from tests.peers.replies import Answer

MODIFIED = datetime(2024, 1, 2, 15, 4, tzinfo=UTC)
"""When everything was changed last, as far as a listing by LIST tells."""
UNKNOWN_LISTS = ("MLSD", "MLST")
Names = Mapping[str, bytes | None]


@attrs.frozen(kw_only=True)
class Vendor:
    """How one server speaks.

    Attributes:
        greeting: its 220, lines separated by LF.
        replies: what it says to verbs, where that matters; see ``MiniFTP.replies``.
        features: its answer to FEAT, a line each.
        list_text: how LIST shows names.
        passive_texts: its 229 and 227, where they differ from the usual.
        absent: verbs that it does not know.
        unknown: how it says that it does not know a verb.
        shown: what it calls a name.
        knows_times: whether its listings say when something was modified.
    """

    greeting: str
    features: tuple[str, ...]
    list_text: Callable[[Names], str] | None = None
    replies: Mapping[str, Answer] = attrs.field(factory=dict)
    passive_texts: Mapping[str, str] = attrs.field(factory=dict)
    absent: tuple[str, ...] = ()
    unknown: str = "500 Unknown command."
    shown: Callable[[str], str] = str
    knows_times: bool = True


def play(vendor: Vendor, files: Mapping[str, bytes]) -> MiniFTP:
    """Return a server with *files* that speaks as *vendor* does."""
    server = MiniFTP(files=files, features=vendor.features)
    server.replies.update({"GREETING": f"220 {vendor.greeting}"})
    server.replies.update(vendor.replies)
    server.replies.update(dict.fromkeys(vendor.absent, vendor.unknown))
    server.passive_texts.update(vendor.passive_texts)
    if vendor.list_text is not None:
        server.list_text = vendor.list_text
    return server


# -- forms of LIST -----------------------------------------------------------------------------------------------------


def windows_list(names: Names) -> str:
    """Two-digit years, half days, no directory of its own."""
    lines = [
        f"{MODIFIED:%m-%d-%y  %I:%M%p}       {'<DIR>         ' if content is None else f'{len(content):14}'} {name}"
        for name, content in names.items()
    ]
    return "".join(line + "\r\n" for line in lines)


def long_year_windows_list(names: Names) -> str:
    """The same with years of four digits and whole days, as an option has it."""
    lines = [
        f"{MODIFIED:%m-%d-%Y  %H:%M}         {'<DIR>         ' if content is None else f'{len(content):14}'} {name}"
        for name, content in names.items()
    ]
    return "".join(line + "\r\n" for line in lines)


def vms_list(names: Names) -> str:
    """A heading, versions, sizes in blocks, a long name on a line of its own, a sum."""
    lines = ["", "Directory USER$DISK:[ALICE]", ""]
    for name, content in names.items():
        shown = f"{name.upper()}.DIR;1" if content is None else f"{name.upper()};1"
        facts = f"{1 + len(content or b'') // 512}/4  {MODIFIED:%d-%b-%Y %H:%M:%S}  [ALICE]  (RWED,RWED,RE,)".replace(
            f"{MODIFIED:%b}", f"{MODIFIED:%b}".upper()
        )
        lines += [f"{shown:<20} {facts}"] if len(shown) < 20 else [shown, f"{'':20} {facts}"]
    lines += ["", f"Total of {len(names)} files, 12/24 blocks."]
    return "".join(line + "\r\n" for line in lines)


def data_set(name: str) -> str:
    """What a name is called where it has parts in capitals between dots."""
    return name.upper().replace(" ", ".")


def with_version(name: str) -> str:
    """What a name is called where every file has versions."""
    return name.upper() if "." not in name else f"{name.upper()};1"


def zos_list(names: Names) -> str:
    """Data sets: no sizes, only days."""
    heading = "Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname"
    lines = [f"WYOSPT 3390   {MODIFIED:%Y/%m/%d}  1    5  FB      80 27920  PS  {data_set(name)}" for name in names]
    return "".join(line + "\r\n" for line in [heading, *lines])


def as400_list(names: Names) -> str:
    """An owner, a size, a date with two digits, a type; directories end in a slash."""
    lines = []
    for name, content in names.items():
        kind, shown = ("*DIR", f"{name}/") if content is None else ("*STMF", name)
        lines.append(f"QSYS {len(content or b''):>14} {MODIFIED:%m/%d/%y %H:%M:%S} {kind:<10} {shown}")
    return "".join(line + "\r\n" for line in lines)


def eplf_list(names: Names) -> str:
    """Facts before a tab, and seconds since 1970."""
    lines = [
        f"+i8388621.48594,m{MODIFIED.timestamp():.0f},{'/' if content is None else f'r,s{len(content)}'},\t{name}"
        for name, content in names.items()
    ]
    return "".join(line + "\r\n" for line in lines)


# -- servers -----------------------------------------------------------------------------------------------------------

_MICROSOFT_FEATURES = (
    "LANG EN*",
    "UTF8",
    "AUTH TLS;TLS-C;SSL;TLS-P;",
    "PBSZ",
    "PROT C;P;",
    "CCC",
    "HOST",
    "SIZE",
    "MDTM",
    "REST STREAM",
)

IIS = Vendor(
    greeting="Microsoft FTP Service",
    features=_MICROSOFT_FEATURES,
    list_text=windows_list,
    replies={
        "SYST": "215 Windows_NT",
        "TYPE": "200 Type set to I.",
        "LIST DONE": "226 Transfer complete.",
        "PWD": '257 "/" is current directory.',
        "QUIT": "221 Goodbye.",
    },
    absent=UNKNOWN_LISTS,
    unknown="500 Command not understood.",
)

VENDORS: Mapping[str, Vendor] = {
    "iis": IIS,
    "iis-long-years": attrs.evolve(IIS, list_text=long_year_windows_list),
    "filezilla": Vendor(
        greeting="FileZilla Server 1.8.2\nPlease visit https://filezilla-project.org/",
        features=(
            "MDTM",
            "REST STREAM",
            "SIZE",
            "MLST type*;size*;modify*;perm*;",
            "MLSD",
            "AUTH SSL",
            "AUTH TLS",
            "PROT",
            "PBSZ",
            "UTF8",
            "TVFS",
            "EPSV",
            "EPRT",
            "MFMT",
        ),
        replies={
            "TYPE": "200 Type set to I",
            "MLSD": "150 Starting data transfer.",
            "RETR": "150 Starting data transfer.",
            "RETR DONE": "226 Operation successful",
            "MLSD DONE": "226 Operation successful",
        },
    ),
    "z/os": Vendor(
        greeting="FTPSERVE IBM FTP CS V2R4 at MVS.EXAMPLE, 12:00:00 on 2024-01-02.\n"
        "Connection will close if idle for more than 5 minutes.",
        features=("SIZE", "MDTM", "REST STREAM", "EPSV", "UTF8"),
        list_text=zos_list,
        replies={
            "USER": "331 Send password please.",
            "PASS": '230 ALICE is logged on.  Working directory is "ALICE.".',
            "SYST": "215 MVS is the operating system of this server. FTP Server is running on z/OS.",
            "TYPE": "200 Representation type is Image",
            "PWD": "257 \"'ALICE.'\" is working directory.",
            "LIST": "125 List started OK",
            "LIST DONE": "250 List completed successfully.",
            "RETR": "125 Sending data set ALICE.REPORT FIXrecfm 80",
            "RETR DONE": "250 Transfer completed successfully.",
            "STOR": "125 Storing data set ALICE.UPLOADED",
            "STOR DONE": "250 Transfer completed successfully.",
        },
        passive_texts={"EPSV": "229 Entering Extended Passive Mode (!!!{port}!)"},
        absent=UNKNOWN_LISTS,
        unknown="500 unknown command MLSD",
        shown=data_set,
        knows_times=False,
    ),
    "vms": Vendor(
        greeting="vms.example FTP Server (Version 5.7) Ready.",
        features=("SIZE", "MDTM", "REST STREAM"),
        list_text=vms_list,
        replies={
            "USER": "331 User alice requires a Password",
            "SYST": "215 VMS system type.",
            "PWD": '257 "USER$DISK:[ALICE]" is current directory.',
            "LIST": "150 Opening data connection for directory listing",
            "EPSV": "500 Unrecognized command",
        },
        passive_texts={"PASV": "227 Entering Passive Mode {numbers}"},
        absent=UNKNOWN_LISTS,
        shown=with_version,
    ),
    "as/400": Vendor(
        greeting="QTCP at as400.example.\nConnection will close if idle more than 5 minutes.",
        features=("SIZE", "MDTM", "REST STREAM", "EPSV"),
        list_text=as400_list,
        replies={
            "SYST": '215  OS/400 is the remote operating system. The TCP/IP version is "V7R3M0".',
            "LIST": "125 List started.",
            "LIST DONE": "250 List completed.",
            "RETR DONE": "250 File transfer completed successfully.",
            "STOR DONE": "250 File transfer completed successfully.",
            "DELE": "250 Deleted file.",
        },
        absent=UNKNOWN_LISTS,
        unknown="501 Unknown extension in database file name.",
    ),
    "publicfile": Vendor(
        greeting="Features: a p .",
        features=(),
        list_text=eplf_list,
        replies={"LIST DONE": "226 Success.", "FEAT": "502 Sorry, I do not know that."},
        absent=(*UNKNOWN_LISTS, "FEAT"),
        unknown="502 Sorry, I do not know that.",
    ),
}

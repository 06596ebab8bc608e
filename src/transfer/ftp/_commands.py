"""The commands that the client sends, checked before they go anywhere.

A path is sent exactly as it was given, after one space (RFC 2640 §3.1), be it with spaces at either end; a path that
cannot be sent is refused and never changed. A path that begins with a hyphen is taken for options by many servers
after LIST and NLST: to write ``./-x`` is the caller's matter.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

from transfer._wire.command import Command
from transfer.ftp._errors import InvalidCommand

__all__ = [
    "ABOR",
    "CCC",
    "CDUP",
    "CPSV",
    "FEAT",
    "NOOP",
    "PASV",
    "PWD",
    "QUIT",
    "acct",
    "appe",
    "auth",
    "checksum",
    "clnt",
    "cwd",
    "dele",
    "eprt",
    "epsv",
    "hash_",
    "host",
    "list_",
    "mdtm",
    "mfmt",
    "mkd",
    "mlsd",
    "mlst",
    "mode",
    "nlst",
    "opts",
    "pass_",
    "pbsz",
    "port",
    "prot",
    "rest",
    "retr",
    "rmd",
    "rnfr",
    "rnto",
    "set_mdtm",
    "size",
    "sscn",
    "stor",
    "type_",
    "user",
]

Path = PurePosixPath | str

_FORBIDDEN = re.compile(r"[\r\n\0]")
_NAMES = {"\r": "CR", "\n": "LF", "\0": "NUL"}
# Offsets are signed 64-bit counts on both sides.
_LAST_OFFSET = 2**63 - 1

ABOR = Command("ABOR")
CCC = Command("CCC")
CDUP = Command("CDUP")
CPSV = Command("CPSV")
FEAT = Command("FEAT")
NOOP = Command("NOOP")
PASV = Command("PASV")
PWD = Command("PWD")
QUIT = Command("QUIT")


def _with_text(verb: str, text: str, *, secret: bool = False) -> Command:
    """Make a command, after a look at *text*.

    Raises:
        InvalidCommand: *text* holds CR, LF or NUL; the message does not show it.
    """
    bad = _FORBIDDEN.search(text)
    if bad is not None:
        raise InvalidCommand(f"argument of {verb} holds {_NAMES[bad[0]]} (position {bad.start()}); nothing was sent")
    return Command(verb, text, secret=secret)


def _with_path(verb: str, path: Path) -> Command:
    text = str(path)
    if not text:
        raise InvalidCommand(f"{verb} needs a path, not an empty one; nothing was sent")
    return _with_text(verb, text)


def _with_optional_path(verb: str, path: Path | None) -> Command:
    return Command(verb) if path is None or not str(path) else _with_text(verb, str(path))


def _apart_from_options(path: Path | None) -> Path | None:
    """Return *path* in a spelling that does not begin with a hyphen: servers take what does for options of ls."""
    return f"./{path}" if str(path).startswith("-") else path


# Access control: RFC 959 §4.1.1, RFC 4217 §4, §9, RFC 7151 §3.


def user(name: str) -> Command:
    """Name the user."""
    return _with_text("USER", name)


def pass_(password: str) -> Command:
    """Give the password, which is never shown."""
    return _with_text("PASS", password, secret=True)


def acct(account: str) -> Command:
    """Give the account, which is never shown."""
    return _with_text("ACCT", account, secret=True)


def auth(mechanism: str = "TLS") -> Command:
    """Ask for TLS on the control connection."""
    return _with_text("AUTH", mechanism)


def pbsz(size_octets: int = 0) -> Command:
    """Give the protection buffer's size, which is 0 with TLS."""
    return Command("PBSZ", str(size_octets))


def prot(level: str = "P") -> Command:
    """Choose the protection of data connections: ``P`` for TLS, ``C`` for none."""
    return _with_text("PROT", level)


def sscn(state: str) -> Command:
    """Make the server the client of TLS on data connections (``ON``), or not (``OFF``), between two servers."""
    return _with_text("SSCN", state)


def host(name: str) -> Command:
    """Name the virtual host, before USER; an IPv6 address is in brackets."""
    return _with_text("HOST", name)


def clnt(name: str) -> Command:
    """Name this program, as some servers like to know before they speak UTF-8."""
    return _with_text("CLNT", name)


# Transfer parameters and features: RFC 959 §4.1.2, RFC 2389, RFC 2428, RFC 3659 §5.


def type_(representation: str = "I") -> Command:
    """Choose the representation: ``I``, ``A``, ``A N``, ``L 8``."""
    return _with_text("TYPE", representation)


def epsv(argument: str | None = None) -> Command:
    """Ask for a passive port; *argument* is a network protocol (``1``, ``2``) or ``ALL``."""
    return Command("EPSV") if argument is None else _with_text("EPSV", argument)


def eprt(address: str, number: int) -> Command:
    """Ask the server to connect to *address*, an IPv4 or IPv6 literal, and the port *number* (RFC 2428 §2)."""
    return Command("EPRT", f"|{2 if ':' in address else 1}|{address}|{number}|")


def port(address: str, number: int) -> Command:
    """Ask the server to connect to *address*, an IPv4 literal, and the port *number* (RFC 959 §4.1.2)."""
    return Command("PORT", f"{address.replace('.', ',')},{number >> 8},{number & 255}")


def mode(name: str) -> Command:
    """Choose the transmission mode: ``S`` (stream) or ``Z`` (compressed)."""
    return _with_text("MODE", name)


def rest(offset: int) -> Command:
    """Begin the next transfer at *offset*, in octets from 0 to 2**63 - 1.

    Raises:
        ValueError: *offset* is out of range.
    """
    if not 0 <= offset <= _LAST_OFFSET:
        raise ValueError(f"offset must be from 0 to 2**63 - 1, not {offset}")
    return Command("REST", str(offset))


def opts(feature: str, parameters: str = "") -> Command:
    """Set the options of a feature."""
    return _with_text("OPTS", f"{feature} {parameters}" if parameters else feature)


# Files: RFC 959 §4.1.3.


def retr(path: Path) -> Command:
    """Download a file."""
    return _with_path("RETR", path)


def stor(path: Path) -> Command:
    """Upload a file."""
    return _with_path("STOR", path)


def appe(path: Path) -> Command:
    """Upload to the end of a file."""
    return _with_path("APPE", path)


def dele(path: Path) -> Command:
    """Remove a file."""
    return _with_path("DELE", path)


def rnfr(path: Path) -> Command:
    """Name the file to rename; RNTO follows at once."""
    return _with_path("RNFR", path)


def rnto(path: Path) -> Command:
    """Give the file of the RNFR before its new name."""
    return _with_path("RNTO", path)


def mkd(path: Path) -> Command:
    """Make a directory."""
    return _with_path("MKD", path)


def rmd(path: Path) -> Command:
    """Remove a directory."""
    return _with_path("RMD", path)


def cwd(path: Path) -> Command:
    """Change the working directory."""
    return _with_path("CWD", path)


# Facts and listings: RFC 959 §4.1.3, RFC 3659, and MFMT of draft-somers-ftp-mfxx.


def mlsd(path: Path | None = None) -> Command:
    """List a directory, or the working directory, by facts."""
    return _with_optional_path("MLSD", path)


def mlst(path: Path | None = None) -> Command:
    """Ask for the facts of one name, or of the working directory."""
    return _with_optional_path("MLST", path)


def list_(path: Path | None = None, *, hidden: bool = False) -> Command:
    """List a directory, or the working directory, in the server's own format.

    With *hidden* a server that hands its argument on to ls shows names that begin with a dot, ``.`` among them.
    """
    if not hidden:
        return _with_optional_path("LIST", _apart_from_options(path))
    text = str(path or "")
    # How many blanks there are between the option and the path is for the server to say.
    return _with_text("LIST", f"-a {'./' if text.startswith(('-', ' ')) else ''}{text}" if text else "-a")


def nlst(path: Path | None = None) -> Command:
    """List the names in a directory, or in the working directory."""
    return _with_optional_path("NLST", _apart_from_options(path))


def size(path: Path) -> Command:
    """Ask for a file's size in the representation of TYPE."""
    return _with_path("SIZE", path)


def mdtm(path: Path) -> Command:
    """Ask when a file was modified."""
    return _with_path("MDTM", path)


def mfmt(when: datetime, path: Path) -> Command:
    """Set when a file was modified, to the second.

    Raises:
        ValueError: *when* is naive.
        InvalidCommand: the path cannot be sent.
    """
    return _with_time("MFMT", when, path)


def set_mdtm(when: datetime, path: Path) -> Command:
    """Set when a file was modified, as servers understand MDTM that are older than MFMT; errors as there."""
    return _with_time("MDTM", when, path)


def _with_time(verb: str, when: datetime, path: Path) -> Command:
    if when.tzinfo is None:
        raise ValueError(f"the time must be aware, not {when.isoformat()}")
    if not str(path):
        raise InvalidCommand(f"{verb} needs a path, not an empty one; nothing was sent")
    moment = when.astimezone(UTC)
    # Not strftime: %Y is not padded below the year 1000 on every platform.
    return _with_text(verb, f"{moment.year:04}{moment:%m%d%H%M%S} {path}")


def hash_(path: Path) -> Command:
    """Ask for a file's checksum by the algorithm that OPTS HASH has chosen."""
    return _with_path("HASH", path)


def checksum(verb: str, path: Path) -> Command:
    """Ask for a file's checksum by one of the commands that were in use before HASH, such as XCRC."""
    return _with_path(verb, path)

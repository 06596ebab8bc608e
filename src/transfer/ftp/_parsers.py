"""``Parsers``: how replies and listings are read, as methods that a program calls or overrides."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from pathlib import PurePosixPath

import attrs

from transfer.ftp._code import Code, wrap_into_codes
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._listing import (
    Facts,
    LineParser,
    ListedLine,
    UnreadableLineError,
    format_clock,
    parse_list_date,
    parse_unix_mode,
    read_mlsx_line,
    read_unix_columns,
    read_unix_line,
    read_windows_line,
)
from transfer.ftp._replies import parse_directory, parse_epsv, parse_pasv
from transfer.ftp._settings import Settings

__all__ = ["Parsers"]

_PARTS_OF_UNIX_LINE = ("parse_unix_mode", "parse_ls_date", "format_date_time")


class Parsers:
    """What :class:`Client` reads with. A method that a subclass overrides is the one that the client uses.

    An override says that a line is not in its format by raising ValueError or LookupError.
    """

    _settings: Settings

    # -- replies -----------------------------------------------------------------------------------------------------

    def check_codes(self, expected_codes: str | tuple[str, ...], received_code: str, info: list[str]) -> None:
        """See whether *received_code* fits one of the masks; :meth:`command` asks it.

        Raises:
            StatusCodeError: it does not.
        """
        expected, received = wrap_into_codes(expected_codes), Code(received_code)
        if not any(received.matches(mask) for mask in expected):
            raise StatusCodeError(expected, received, info)

    @staticmethod
    def parse_epsv_response(s: str) -> tuple[str | None, int]:
        """Read the text of a 229 reply: no address, which is that of the control connection then, and the port.

        Raises:
            FTPProtocolError: there is no port.
        """
        return None, parse_epsv(s)

    @staticmethod
    def parse_pasv_response(s: str) -> tuple[str, int]:
        """Read the text of a 227 reply: the address, which is not followed unless that was asked for, and the port.

        Raises:
            FTPProtocolError: there is no address, or no port that may be.
        """
        return parse_pasv(s)

    @staticmethod
    def parse_directory_response(s: str) -> PurePosixPath:
        """Read the path in the text of a 257 reply.

        Raises:
            FTPProtocolError: there is none.
        """
        return PurePosixPath(parse_directory(s))

    # -- listings ----------------------------------------------------------------------------------------------------

    @staticmethod
    def parse_unix_mode(s: str) -> int:
        """Turn nine letters such as ``rwxr-xr-x`` into the twelve mode bits.

        Raises:
            ValueError: *s* is not nine such letters.
        """
        return parse_unix_mode(s)

    @staticmethod
    def format_date_time(d: datetime) -> str:
        """Write *d* in 14 digits, as the fact ``modify`` of LIST has it; the seconds are zero."""
        return format_clock(d)

    @classmethod
    def parse_ls_date(cls, s: str, *, now: datetime | None = None) -> str:
        """Read a date of ``ls`` such as ``Jan  5 12:30`` into 14 digits.

        Args:
            s: the date and nothing else.
            now: the server's clock, naive, which a date without a year is near to; the present in UTC without it.

        Raises:
            ValueError: *s* is no date.
        """
        moment = parse_list_date(s, now or datetime.now(UTC).replace(tzinfo=None))
        if moment is None:
            raise UnreadableLineError(f"{s!r} is not a date")
        return cls.format_date_time(moment.clock)

    def parse_list_line_unix(self, b: bytes) -> tuple[PurePosixPath, Facts]:
        """Read a line of ``ls -l``.

        Raises:
            ValueError: it is none.
        """
        parser = self._settings.parser
        if self._overrides(*_PARTS_OF_UNIX_LINE):
            return _pair(
                read_unix_columns(b, parser.encoding, read_mode=self.parse_unix_mode, read_date=self.parse_ls_date)
            )
        return _pair(read_unix_line(b, parser.encoding, now=parser.clock()))

    def parse_list_line_windows(self, b: bytes) -> tuple[PurePosixPath, Facts]:
        """Read a line of DIR.

        Raises:
            ValueError: it is none.
        """
        line = read_windows_line(b, self._settings.encoding)
        if line.moment is None:  # which a line of DIR always has
            return _pair(line)
        return line.path, {**line.facts, "modify": self.format_date_time(line.moment.clock)}

    def parse_list_line(self, b: bytes) -> tuple[PurePosixPath, Facts]:
        """Read a line of LIST, in whichever format it is.

        Raises:
            ValueError: it is in none.
        """
        parser = self._settings.parser
        inner = {name: read for name, read in parser.overrides.items() if name != "parse_list_line"}
        return _pair(attrs.evolve(parser, overrides=inner).read_line(b))

    def parse_mlsx_line(self, b: bytes | str) -> tuple[PurePosixPath, Facts]:
        """Read a line of MLSD, or of an MLST reply without the space before it.

        Raises:
            ValueError: it is none.
        """
        return _pair(read_mlsx_line(b, self._settings.encoding))

    # -- what is overridden ------------------------------------------------------------------------------------------

    def _overrides(self, *names: str) -> bool:
        """Tell whether the program has put its own in place of one of these methods."""
        return any(inspect.getattr_static(self, name) is not inspect.getattr_static(Parsers, name) for name in names)

    def _overriding_parsers(self) -> dict[str, LineParser]:
        """Return the methods that read lines in place of the built-in parsers."""
        parts = {"parse_list_line_unix": _PARTS_OF_UNIX_LINE, "parse_list_line_windows": ("format_date_time",)}
        names = ("parse_list_line", "parse_list_line_unix", "parse_list_line_windows", "parse_mlsx_line")
        return {name: getattr(self, name) for name in names if self._overrides(name, *parts.get(name, ()))}


def _pair(line: ListedLine) -> tuple[PurePosixPath, Facts]:
    return line.path, dict(line.facts)

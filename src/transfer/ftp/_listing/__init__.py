"""Directory listings: lines of MLSD, MLST and LIST into facts, and facts into entries. Pure code."""

from __future__ import annotations

from transfer.ftp._listing._as400 import read_as400_line
from transfer.ftp._listing._dates import Moment, format_clock, parse_list_date, parse_time_value
from transfer.ftp._listing._entry import Entry, EntryType
from transfer.ftp._listing._eplf import read_eplf_line
from transfer.ftp._listing._line import (
    BasicListInfo,
    Facts,
    LineParser,
    ListedLine,
    ListInfo,
    SkippedLine,
    UnixListInfo,
    UnreadableLineError,
    is_directory,
)
from transfer.ftp._listing._mlsx import parse_mlst_reply, read_mlsx_line
from transfer.ftp._listing._mvs import read_mvs_line
from transfer.ftp._listing._parser import LineReader, ListingParser
from transfer.ftp._listing._unix import parse_unix_mode, read_unix_columns, read_unix_line
from transfer.ftp._listing._vms import read_vms_line
from transfer.ftp._listing._windows import read_windows_line

__all__ = [
    "BasicListInfo",
    "Entry",
    "EntryType",
    "Facts",
    "LineParser",
    "LineReader",
    "ListInfo",
    "ListedLine",
    "ListingParser",
    "Moment",
    "SkippedLine",
    "UnixListInfo",
    "UnreadableLineError",
    "format_clock",
    "is_directory",
    "parse_list_date",
    "parse_mlst_reply",
    "parse_time_value",
    "parse_unix_mode",
    "read_as400_line",
    "read_eplf_line",
    "read_mlsx_line",
    "read_mvs_line",
    "read_unix_columns",
    "read_unix_line",
    "read_vms_line",
    "read_windows_line",
]

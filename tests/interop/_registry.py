"""Every server by name and mode, started at the first request and ended together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import attrs

from tests.interop import (
    _aioftp,
    _aiosmtpd,
    _exim,
    _opensmtpd,
    _postfix,
    _proftpd,
    _pureftpd,
    _pyftpdlib,
    _smtp_sink,
    _vsftpd,
)
from tests.interop._certificates import Certificates
from tests.interop._servers import FtpServer, Site, SmtpServer

Server = TypeVar("Server", SmtpServer, FtpServer)

SMTP_STARTERS: Mapping[str, Callable[[Site], SmtpServer]] = {
    "postfix": _postfix.start,
    "exim": _exim.start,
    "opensmtpd": _opensmtpd.start,
    "aiosmtpd": _aiosmtpd.start,
}
FTP_STARTERS: Mapping[tuple[str, str], Callable[[Site, str], FtpServer]] = {
    (name, mode): module.start
    for name, module in (
        ("vsftpd", _vsftpd),
        ("proftpd", _proftpd),
        ("pureftpd", _pureftpd),
        ("pyftpdlib", _pyftpdlib),
        ("aioftp", _aioftp),
    )
    for mode in module.MODES
}


@attrs.define(eq=False)
class Registry:
    """The servers of one test session.

    A server that is missing on the machine skips the test that asks (see ``_packages.unavailable``); one that does
    not start fails it, and is tried again for the next one that asks.
    """

    folder: Path
    certificates: Certificates
    cleanup: ExitStack
    _smtp: dict[str, SmtpServer] = attrs.field(factory=dict, init=False)
    _ftp: dict[tuple[str, str], FtpServer] = attrs.field(factory=dict, init=False)
    _started: int = attrs.field(default=0, init=False)

    def smtp(self, name: str) -> SmtpServer:
        """Return the mail server *name*, without messages."""
        if name not in self._smtp:
            self._smtp[name] = self._start(name, SMTP_STARTERS[name])
        server = self._smtp[name]
        server.clear()
        return server

    def ftp(self, name: str, mode: str) -> FtpServer:
        """Return the file server *name* in *mode*, its folder empty."""
        if (name, mode) not in self._ftp:
            starter = FTP_STARTERS[name, mode]
            self._ftp[name, mode] = self._start(f"{name}-{mode}", lambda site: starter(site, mode))
        server = self._ftp[name, mode]
        server.clear()
        return server

    def own_ftp(self, cleanup: ExitStack, name: str, mode: str) -> FtpServer:
        """Start one more file server *name* in *mode*; it ends with *cleanup*, in the middle of things if need be."""
        return FTP_STARTERS[name, mode](self._site(f"own-{name}-{mode}", cleanup), mode)

    def smtp_sink(self, cleanup: ExitStack, *options: str, keep_messages: bool = True) -> SmtpServer:
        """Start one more smtp-sink with *options*; it ends with *cleanup*, not with the session."""
        return _smtp_sink.start(self._site("smtp-sink", cleanup), *options, keep_messages=keep_messages)

    def _start(self, name: str, starter: Callable[[Site], Server]) -> Server:
        with ExitStack() as attempt:
            server = starter(self._site(name, attempt))
            # A failed start has been cleaned up when its error gets here; a good one ends with the session.
            self.cleanup.push(attempt.pop_all())
        return server

    def _site(self, name: str, cleanup: ExitStack) -> Site:
        self._started += 1
        folder = self.folder / f"{self._started:02}-{name}"
        folder.mkdir()
        return Site(folder, self.certificates, cleanup)

"""A small FTP server in threads over files in memory; answers can be replaced as in ``MiniSMTP``.

    with MiniFTP(files={"/pub/a.txt": b"one"}, tls=context) as server:
        server.replies["STOR"] = "553 not here"

Keys of ``replies`` are verbs in capitals, ``GREETING``, and ``<verb> DONE`` for the reply after a data transfer.
Passive and active (EPSV, PASV, EPRT, PORT). One transfer at a time; ABOR during a transfer closes the data connection
and gives 426, 226.
"""

from __future__ import annotations

import functools
import posixpath
import ssl
from collections.abc import Callable, Mapping

from tests.peers.mini_ftp_transfers import MODIFIED, Transfers, unix_list
from tests.peers.replies import Answer
from tests.peers.server import PeerServer
from tests.peers.wire import Gone, Wire

_BEFORE_LOGIN = {"USER", "PASS", "AUTH", "PBSZ", "PROT", "FEAT", "SYST", "NOOP", "QUIT", "OPTS"}

_SIMPLE = {
    "TYPE": "200 ok",
    "MODE": "200 ok",
    "STRU": "200 ok",
    "SYST": "215 UNIX Type: L8",
    "NOOP": "200 ok",
    "OPTS": "200 ok",
    "STAT": "211 all is well",
    "ALLO": "202 not needed",
}


class MiniFTP(PeerServer):
    """An FTP server; see the module's text, and ``PeerServer`` for further arguments.

    Args:
        files: absolute path to content; parent directories exist by themselves.
        tls: offers AUTH TLS, or with *implicit_tls* starts with the handshake.
        require_reuse: under PROT P a data connection has to resume a TLS session, else 522.
        users: name to password; without them any login is welcome.
    """

    def __init__(
        self,
        *,
        files: Mapping[str, bytes] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        require_reuse: bool = False,
        users: Mapping[str, str] | None = None,
        features: tuple[str, ...] = (
            "EPSV",
            "PASV",
            "MLST type*;size*;modify*;",
            "REST STREAM",
            "SIZE",
            "MDTM",
            "UTF8",
        ),
        **options: object,
    ) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # PeerServer's own keywords
        self.tls, self.implicit_tls, self.require_reuse = tls, implicit_tls, require_reuse
        self.users, self.features = dict(users or {}), features
        self.files: dict[str, bytes] = dict(files or {})
        self.directories: set[str] = {"/"}
        for path in self.files:
            while (path := posixpath.dirname(path)) != "/":
                self.directories.add(path)
        self.list_text: Callable[[Mapping[str, bytes | None]], str] = unix_list
        """What LIST says of the names in a directory and of their content, None for a directory."""
        self.passive_texts = {"EPSV": "229 here (|||{port}|)", "PASV": "227 here ({numbers})"}
        self.replies: dict[str, Answer] = {}
        self.commands: list[str] = []
        """Every command line of every connection, in order of arrival."""
        self.protected: list[bool] = []
        """One entry per data connection: whether it ran TLS."""

    def serve(self, wire: Wire) -> None:
        session = _Session(self, wire)
        try:
            if self.implicit_tls:
                session.start_tls()
            session.run()
        finally:
            session.close_data()


class _Session(Transfers):
    """The dialog of one connection."""

    def __init__(self, server: MiniFTP, wire: Wire) -> None:
        super().__init__(server, wire)
        self.user, self.logged_in, self.renaming = "", False, ""

    def run(self) -> None:
        self.answer("GREETING", "", "220 mini.example FTP ready")
        while True:
            line = self.wire.read_line().decode("utf-8", "surrogateescape")
            self.server.commands.append(line)
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None and verb not in _SIMPLE:
                self.answer(verb, argument, "502 not implemented")
            elif not self.logged_in and verb not in _BEFORE_LOGIN:
                self.answer(verb, argument, "530 log in first")
            elif handler is None:
                self.answer(verb, argument, _SIMPLE[verb])
            else:
                handler(argument)
            if verb == "QUIT":
                return

    # -- session

    def start_tls(self) -> None:
        assert self.server.tls is not None
        try:
            self.wire.start_tls(self.server.tls)
        except ssl.SSLError as exc:
            raise Gone(f"TLS: {exc}") from exc

    def on_user(self, argument: str) -> None:
        self.user = argument
        self.answer("USER", argument, "331 password, please")

    def on_pass(self, argument: str) -> None:
        welcome = not self.server.users or self.server.users.get(self.user) == argument
        self.logged_in = self.answer("PASS", argument, "230 welcome" if welcome else "530 no")

    def on_auth(self, argument: str) -> None:
        offered = self.server.tls is not None and self.wire.tls is None
        if self.answer("AUTH", argument, "234 go ahead" if offered else "504 not offered") and offered:
            self.start_tls()

    def on_pbsz(self, argument: str) -> None:
        self.answer("PBSZ", argument, "200 PBSZ=0")

    def on_prot(self, argument: str) -> None:
        if self.answer("PROT", argument, "200 ok" if self.wire.tls else "503 AUTH first"):
            self.private = argument.upper() == "P"

    def on_feat(self, argument: str) -> None:
        extra = ("AUTH TLS", "PBSZ", "PROT") if self.server.tls else ()
        lines = "".join(f" {feature}\r\n" for feature in (*self.server.features, *extra))
        if "FEAT" in self.server.replies:
            self.answer("FEAT", argument, "")
        else:
            self.wire.send(f"211-Features:\r\n{lines}211 End\r\n".encode())

    def on_quit(self, argument: str) -> None:
        self.answer("QUIT", argument, "221 bye")

    # -- names

    def on_pwd(self, argument: str) -> None:
        self.answer("PWD", argument, '257 "{}" is where you are'.format(self.directory.replace('"', '""')))

    def on_cwd(self, argument: str, verb: str = "CWD") -> None:
        path = self.path(argument)
        there = path in self.server.directories
        if self.answer(verb, argument, "250 ok" if there else "550 no such directory") and there:
            self.directory = path

    def on_cdup(self, argument: str) -> None:
        self.on_cwd("..", "CDUP")

    def on_mkd(self, argument: str) -> None:
        path = self.path(argument)
        free = path not in self.server.directories and posixpath.dirname(path) in self.server.directories
        make = functools.partial(self.server.directories.add, path)
        self.answer("MKD", argument, f'257 "{path}" made' if free else "550 no", make)

    def on_rmd(self, argument: str) -> None:
        path = self.path(argument)
        used = any(posixpath.dirname(name) == path for name in {*self.server.files, *self.server.directories})
        there = path in self.server.directories and not used
        remove = functools.partial(self.server.directories.discard, path)
        self.answer("RMD", argument, "250 removed" if there else "550 no", remove)

    def on_dele(self, argument: str) -> None:
        path = self.path(argument)
        remove = functools.partial(self.server.files.pop, path, None)
        self.answer("DELE", argument, "250 removed" if path in self.server.files else "550 no such file", remove)

    def on_rnfr(self, argument: str) -> None:
        self.renaming = self.path(argument)
        known = self.renaming in self.server.files
        self.answer("RNFR", argument, "350 to what?" if known else "550 no such file")

    def on_rnto(self, argument: str) -> None:
        known = self.renaming in self.server.files

        def rename() -> None:
            if known:
                self.server.files[self.path(argument)] = self.server.files.pop(self.renaming)

        self.answer("RNTO", argument, "250 renamed" if known else "503 RNFR first", rename)

    def on_size(self, argument: str) -> None:
        content = self.server.files.get(self.path(argument))
        self.answer("SIZE", argument, "550 no such file" if content is None else f"213 {len(content)}")

    def on_mdtm(self, argument: str) -> None:
        self.answer("MDTM", argument, f"213 {MODIFIED}" if self.path(argument) in self.server.files else "550 no")

    def on_mlst(self, argument: str) -> None:
        path = self.path(argument)
        there = path in self.server.files or path in self.server.directories
        if there and "MLST" not in self.server.replies:
            self.wire.send(f"250-Listing\r\n {self.facts(path)} {path}\r\n250 End\r\n".encode())
        else:
            self.answer("MLST", argument, f"250 Here\n {self.facts(path)} {path}\nEnd" if there else "550 not here")

    def on_abor(self, argument: str) -> None:
        self.answer("ABOR", argument, "226 nothing is going on")

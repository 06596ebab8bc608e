"""The data connections of ``MiniFTP``: passive listeners, transfers, listings."""

from __future__ import annotations

import posixpath
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tests.peers import descriptors
from tests.peers.replies import CLOSE, HANG, choose, encode_reply
from tests.peers.wire import Cut, Gone, Patience, Wire

if TYPE_CHECKING:
    from tests.peers.mini_ftp import MiniFTP

_BLOCK = 262_144
MODIFIED = "20240102030405"


class _Interrupted(Exception):
    """A command came in during a transfer."""


class _Refused(Exception):
    """A transfer ends with this reply."""


def unix_list(names: Mapping[str, bytes | None]) -> str:
    """Return a listing as ``ls -l`` makes it."""
    modes = {name: "drwxr-xr-x" if content is None else "-rw-r--r--" for name, content in names.items()}
    return "".join(
        f"{modes[name]} 1 ftp ftp {len(content or b''):>10} Jan 02  2024 {name}\r\n" for name, content in names.items()
    )


class Transfers:
    """The part of a session that moves data."""

    def __init__(self, server: MiniFTP, wire: Wire) -> None:
        self.server, self.wire = server, wire
        self.directory, self.offset, self.private = "/", 0, False
        self.listener: socket.socket | None = None
        self.target: tuple[str, int] | None = None
        """Where to connect to, in active mode."""
        wire.when_cut.append(self.close_data)  # a server that dies takes all its connections with it

    def answer(self, verb: str, argument: str, default: str, effect: Callable[[], object] | None = None) -> bool:
        """Send the reply to *verb*; whether it is a positive one, which follows its *effect*."""
        text = choose(self.server.replies, verb, argument, default)
        if text == HANG:
            self.wire.hang()
        if text in {CLOSE, HANG}:
            raise Gone("closed as told")
        is_positive = text[0] in "123"
        if is_positive and effect is not None:
            effect()
        self.wire.send(encode_reply(text))
        return is_positive

    def path(self, argument: str) -> str:
        return posixpath.normpath(posixpath.join(self.directory, argument)).replace("//", "/")

    def facts(self, path: str) -> str:
        content = self.server.files.get(path)
        kind = "type=dir;" if content is None else f"type=file;size={len(content)};"
        return f"{kind}modify={MODIFIED};"

    def on_eprt(self, argument: str) -> None:
        host, port = argument.split("|")[2:4]
        self.take_target("EPRT", argument, host, int(port))

    def on_port(self, argument: str) -> None:
        *host, high, low = argument.split(",")
        self.take_target("PORT", argument, ".".join(host), int(high) * 256 + int(low))

    def take_target(self, verb: str, argument: str, host: str, port: int) -> None:
        if self.answer(verb, argument, "200 so I will"):
            self.close_data()
            self.target = host, port

    def on_epsv(self, argument: str) -> None:
        self.offer_data("EPSV", argument)

    def on_pasv(self, argument: str) -> None:
        self.offer_data("PASV", argument)

    def offer_data(self, verb: str, argument: str) -> None:
        port = self.listen()
        numbers = f"{self.server.host.replace('.', ',')},{port >> 8},{port & 255}"
        self.answer(verb, argument, self.server.passive_texts[verb].format(port=port, numbers=numbers))

    def listen(self) -> int:
        self.close_data()
        self.listener = self.server.listen()
        port: int = self.listener.getsockname()[1]
        return port

    def close_data(self) -> None:
        if self.listener is not None:
            descriptors.close(self.listener)
        self.listener = self.target = None

    def on_rest(self, argument: str) -> None:
        self.offset = int(argument)
        self.answer("REST", argument, f"350 from {self.offset}")

    def on_stor(self, argument: str) -> None:
        start, self.offset = self.offset, 0
        before = self.server.files.get(self.path(argument), b"") if start else b""
        self.receive("STOR", argument, before[:start], before)

    def on_appe(self, argument: str) -> None:
        self.receive("APPE", argument, self.server.files.get(self.path(argument), b""))

    def receive(self, verb: str, argument: str, head: bytes, before: bytes = b"") -> None:
        """Write what comes behind *head*, over what was there *before*."""

        def move(data: Wire) -> None:
            path = self.path(argument)
            self.server.files[path] = head
            try:
                while self.may_read(data) and data.fill():
                    data.buffer.clear()
            finally:
                written = head + data.received
                self.server.files[path] = written + before[len(written) :]

        self.transfer(verb, argument, move)

    def on_retr(self, argument: str) -> None:
        start, self.offset = self.offset, 0
        content = self.server.files.get(self.path(argument))
        if content is None:
            self.answer("RETR", argument, "550 no such file")
        else:
            self.deliver("RETR", argument, content[start:])

    def on_mlsd(self, argument: str) -> None:
        self.list_with(
            "MLSD",
            argument,
            lambda names: "".join(f"{self.facts(path)} {posixpath.basename(path)}\r\n" for path in names),
        )

    def on_nlst(self, argument: str) -> None:
        self.list_with("NLST", argument, lambda names: "".join(posixpath.basename(path) + "\r\n" for path in names))

    def on_list(self, argument: str) -> None:
        def text(paths: Sequence[str]) -> str:
            return self.server.list_text({posixpath.basename(path): self.server.files.get(path) for path in paths})

        self.list_with("LIST", " ".join(word for word in argument.split() if not word.startswith("-")), text)

    def list_with(self, verb: str, argument: str, text: Callable[[Sequence[str]], str]) -> None:
        parent = self.path(argument)
        names = sorted({*self.server.files, *self.server.directories} - {"/"})
        listed = text([name for name in names if posixpath.dirname(name) == parent])
        self.deliver(verb, argument, listed.encode("utf-8", "surrogateescape"))

    def deliver(self, verb: str, argument: str, content: bytes) -> None:
        def move(data: Wire) -> None:
            for start in range(0, len(content), _BLOCK):
                if self.wire.readable():
                    raise _Interrupted
                data.send(content[start : start + _BLOCK])

        self.transfer(verb, argument, move)

    def transfer(self, verb: str, argument: str, move: Callable[[Wire], None]) -> None:
        """Run one transfer between its two replies."""
        if self.listener is None and self.target is None:
            self.answer(verb, argument, "425 EPSV or PASV first")
            return
        if not self.answer(verb, argument, "150 here it comes"):
            return
        done, data = "226 done", None
        try:
            data = self.open_data()
            move(data)
            data.close()
        except _Interrupted:
            done = "426 interrupted"
        except (Gone, Cut, Patience, ssl.SSLError) as exc:
            done = f"426 data connection: {type(exc).__name__}"
        except _Refused as exc:
            done = str(exc)
        finally:
            if data is not None:
                data.close(notify=False)
            self.close_data()
        self.answer(f"{verb} DONE", argument, done)

    def open_data(self) -> Wire:
        if self.target is not None:
            return self.secure_data(self.dial_data(*self.target))
        assert self.listener is not None
        if self.listener not in self.server.wait_any(self.listener, self.wire.socket):
            raise _Refused("425 no data connection")
        return self.secure_data(self.listener.accept()[0])

    def dial_data(self, host: str, port: int) -> socket.socket:
        try:
            return self.server.dial(host, port)
        except OSError as exc:
            raise _Refused(f"425 no data connection: {exc.strerror}") from exc

    def secure_data(self, sock: socket.socket) -> Wire:
        data = self.server.new_wire(sock, data=True)
        try:
            data.cut_if_due()
            if self.private and self.server.tls is not None:
                data.start_tls(self.server.tls)
                if self.server.require_reuse and not (data.tls and data.tls.session_reused):
                    raise _Refused("522 resume the control connection's TLS session")
        except BaseException:
            data.close(notify=False)
            raise
        self.server.protected.append(data.tls is not None)
        return data

    def may_read(self, data: Wire) -> bool:
        """Wait until *data* has something to say; _Interrupted when the client sends a command first."""
        if not data.pending() and data.socket not in self.server.wait_any(data.socket, self.wire.socket):
            raise _Interrupted
        return True

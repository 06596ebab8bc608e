"""A small SMTP server in threads: sane answers, each of which a test can replace, and a record of what came in.

    with MiniSMTP(users={"anna": "secret"}) as server:
        server.replies["RCPT"] = ["550 5.1.1 no such user"]   # once, then the default again
        server.replies["MAIL"] = "451 4.3.0 later"            # every time

Keys of ``replies`` are verbs in capitals, ``GREETING`` and ``.`` (the end of the message); a value is one reply text
(lines joined by ``\\n``), a list of them used up one per command, or a callable that takes the argument and returns
one, or None for the default. ``CLOSE`` closes the connection instead of answering, ``HANG`` never answers.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping

import attrs

from tests.peers.replies import CLOSE, HANG, Answer, choose, encode_reply
from tests.peers.server import PeerServer
from tests.peers.wire import Gone, Wire

EXTENSIONS = ("PIPELINING", "SIZE 33554432", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN")


@attrs.frozen
class Message:
    """One accepted message, dots unstuffed, with the arguments of MAIL and RCPT as they came."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool


class MiniSMTP(PeerServer):
    """An SMTP server; see the module's text, and ``PeerServer`` for further arguments.

    Args:
        extensions: keywords of the EHLO reply; STARTTLS and AUTH are added by themselves.
        tls: offers STARTTLS, or with *implicit_tls* starts with the handshake.
        users: name to password; offers AUTH PLAIN and LOGIN (under TLS only, where *tls* is given).
        lmtp: speaks LMTP: LHLO, and one answer to each message for each recipient.
    """

    def __init__(
        self,
        *,
        extensions: tuple[str, ...] = EXTENSIONS,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        users: Mapping[str, str] | None = None,
        lmtp: bool = False,
        **options: object,
    ) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # PeerServer's own keywords
        self.extensions, self.tls, self.implicit_tls, self.users = extensions, tls, implicit_tls, dict(users or {})
        self.lmtp = lmtp
        self.replies: dict[str, Answer] = {}
        self.commands: list[str] = []
        """Every command line of every connection, in order of arrival; answers to AUTH challenges are not in it."""
        self.messages: list[Message] = []
        self.logins: list[str] = []

    def serve(self, wire: Wire) -> None:
        if self.implicit_tls:
            assert self.tls is not None
            _handshake(wire, self.tls)
        _Session(self, wire).run()


def _handshake(wire: Wire, context: ssl.SSLContext) -> None:
    try:
        wire.start_tls(context)
    except ssl.SSLError as exc:
        raise Gone(f"TLS: {exc}") from exc  # what the client makes of it is the test's matter


class _Session:
    """The dialog of one connection."""

    def __init__(self, server: MiniSMTP, wire: Wire) -> None:
        self.server, self.wire = server, wire
        self.pending = b""  # replies go out together once the input is used up, as real servers answer a group
        self.sender: str | None = None
        self.recipients: list[str] = []
        self.chunks = b""

    def run(self) -> None:
        self.answer("GREETING", "", "220 mini.example ESMTP ready")
        while True:
            if b"\n" not in self.wire.buffer:
                self.flush()
            line = self.wire.read_line().decode("utf-8", "surrogateescape")
            self.server.commands.append(line)
            verb, _, argument = line.partition(" ")
            verb = verb.upper()
            handler = getattr(self, f"on_{verb.lower()}", None)
            if handler is None:
                self.answer(verb, argument, "500 5.5.2 unknown command")
            else:
                handler(argument)
            if verb == "QUIT":
                return

    def flush(self) -> None:
        data, self.pending = self.pending, b""
        self.wire.send(data)

    def answer(self, verb: str, argument: str, default: str) -> bool:
        """Queue the reply to *verb*; whether it is a positive one."""
        return self.say(choose(self.server.replies, verb, argument, default))

    def say(self, text: str) -> bool:
        """Queue *text*; whether it is a positive reply."""
        if text in {CLOSE, HANG}:
            self.flush()
            if text == HANG:
                self.wire.hang()
            raise Gone("closed as told")
        self.pending += encode_reply(text)
        return text[0] in "23"

    def reset(self) -> None:
        self.sender, self.recipients, self.chunks = None, [], b""

    def on_lhlo(self, argument: str) -> None:
        self.on_ehlo(argument)

    def on_ehlo(self, argument: str) -> None:
        self.reset()
        keywords = list(self.server.extensions)
        tls, secure = self.server.tls, self.wire.tls is not None
        if tls is not None and not secure:
            keywords.append("STARTTLS")
        if self.server.users and (secure or tls is None):
            keywords.append("AUTH PLAIN LOGIN")
        self.answer("EHLO", argument, "\n".join(["250 mini.example", *keywords]))

    def on_helo(self, argument: str) -> None:
        self.reset()
        self.answer("HELO", argument, "250 mini.example")

    def on_noop(self, argument: str) -> None:
        self.answer("NOOP", argument, "250 2.0.0 ok")

    def on_rset(self, argument: str) -> None:
        self.reset()
        self.answer("RSET", argument, "250 2.0.0 ok")

    def on_vrfy(self, argument: str) -> None:
        self.answer("VRFY", argument, "252 2.1.5 try it")

    def on_quit(self, argument: str) -> None:
        self.answer("QUIT", argument, "221 2.0.0 bye")
        self.flush()

    def on_starttls(self, argument: str) -> None:
        offered = self.server.tls is not None and self.wire.tls is None
        default = "220 2.0.0 go ahead" if offered else "503 5.5.1 not now"
        if self.answer("STARTTLS", argument, default) and self.server.tls is not None:
            self.flush()
            self.reset()
            _handshake(self.wire, self.server.tls)

    def on_auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        told = choose(self.server.replies, "AUTH", argument, "")
        if told or not self.server.users:
            self.say(told or "502 5.5.1 not offered")
        elif mechanism.upper() == "PLAIN":
            self._login(*([*self._decode(initial or self._ask("")).split("\0"), "", ""][1:3]))
        elif mechanism.upper() == "LOGIN":
            name = self._decode(initial or self._ask("VXNlcm5hbWU6"))
            self._login(name, self._decode(self._ask("UGFzc3dvcmQ6")))
        else:
            self.say("504 5.5.4 unknown mechanism")

    def _login(self, name: str, password: str) -> None:
        if self.server.users.get(name) == password:
            self.server.logins.append(name)
            self.say("235 2.7.0 welcome")
        else:
            self.say("535 5.7.8 wrong name or password")

    def _ask(self, challenge: str) -> str:
        self.say(f"334 {challenge}")
        self.flush()
        return self.wire.read_line().decode("ascii", "replace")

    @staticmethod
    def _decode(text: str) -> str:
        return base64.b64decode(text.encode("ascii", "replace")).decode("utf-8", "replace")

    def on_mail(self, argument: str) -> None:
        default = "250 2.1.0 ok" if self.sender is None else "503 5.5.1 nested MAIL"
        if self.answer("MAIL", argument, default):
            self.sender = argument.partition(":")[2]

    def on_rcpt(self, argument: str) -> None:
        if self.answer("RCPT", argument, "250 2.1.5 ok" if self.sender is not None else "503 5.5.1 MAIL first"):
            self.recipients.append(argument.partition(":")[2])

    def on_data(self, argument: str) -> None:
        if not self.answer("DATA", argument, "354 go ahead" if self.recipients else "554 5.5.1 no valid recipients"):
            return
        self.flush()
        # RFC 5321 §4.5.2: only CRLF . CRLF ends the message, and DATA's own CRLF counts as the first.
        self.wire.buffer[:0] = b"\r\n"
        stuffed = self.wire.read_until(b"\r\n.\r\n") + b"\r\n"
        self._finish(".", "", stuffed.replace(b"\r\n.", b"\r\n")[2:])

    def on_bdat(self, argument: str) -> None:
        size, _, last = argument.partition(" ")
        self.chunks += self.wire.read_exactly(int(size))
        if last.upper() == "LAST":
            self._finish("BDAT", argument, self.chunks)
        else:
            self.answer("BDAT", argument, "250 2.0.0 chunk taken")

    def _finish(self, verb: str, argument: str, content: bytes) -> None:
        # RFC 2033 §4.2: one reply for each recipient that was accepted.
        groups = [[one] for one in self.recipients] if self.server.lmtp else [self.recipients]
        for recipients in groups:
            if self.answer(verb, argument, "250 2.0.0 accepted"):
                message = Message(self.sender or "", tuple(recipients), content, self.wire.tls is not None)
                self.server.messages.append(message)
        self.reset()

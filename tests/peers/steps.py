"""The steps that a peer's script is made of.

A step is a value: what it says in a failure, and what it does on a connection. Where a test gives octets to send,
``{name}`` stands for something known by then: the port of the data listener *name* (``{name:pasv}`` for PASV's six
numbers, ``{name:octets}`` likewise), or a capture.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs

from tests.peers.wire import Gone, Patience, Stopped, Wire

if TYPE_CHECKING:
    from tests.peers.scripted import Connection

_LONGEST_SHOWN = 200


def shown(data: bytes | bytearray) -> str:
    """*data* for a message, shortened."""
    return (
        repr(bytes(data)) if len(data) <= _LONGEST_SHOWN else f"{bytes(data[:_LONGEST_SHOWN])!r}… ({len(data)} octets)"
    )


@attrs.frozen
class Step:
    """One step: how it reads, and how it is played in the connection's thread."""

    name: str
    play: Callable[[Connection], None] = attrs.field(repr=False)
    may_remain: bool = attrs.field(default=False, kw_only=True)
    """The peer may be closed, or the client may leave, while this step is played."""
    listens: bool = attrs.field(default=False, kw_only=True)
    """It waits for something from the client."""

    def __str__(self) -> str:
        return self.name


class Mismatch(AssertionError):
    """The client did something else than the script expects."""


class Left(AssertionError):
    """The client went away in the middle of what the script expects."""


def _need(connection: Connection, wire: Wire, step: str, matches: Callable[[bytearray], bool]) -> None:
    """Read until *matches*; it raises Mismatch as soon as what is there can no longer match."""
    try:
        while not matches(wire.buffer):
            if not wire.fill():
                raise Gone("end of file")
    except Gone as exc:
        raise Left(f"{step}: the client left ({exc}) having sent {shown(wire.buffer)}") from exc
    except (Patience, Stopped) as exc:
        why = str(exc) or "the peer was closed"
        raise Left(f"{step}: {why}; received {shown(wire.buffer)}") from exc


# -- input


def expect(data: bytes) -> Step:
    """The client sends exactly *data* next."""
    name = f"expect({data!r})"

    def matches(buffer: bytearray) -> bool:
        if not data.startswith(buffer[: len(data)]):
            raise Mismatch(f"expected {shown(data)}\nreceived {shown(buffer)}")
        return len(buffer) >= len(data)

    def play(connection: Connection) -> None:
        _need(connection, connection.wire, name, matches)
        connection.wire.take(len(data))

    return Step(name, play, listens=True)


def expect_line(pattern: bytes) -> Step:
    """The client's next line, without CRLF, matches *pattern* whole; its named groups are captured.

    The line must end in CRLF.
    """
    name, compiled = f"expect_line({pattern!r})", re.compile(pattern)

    def play(connection: Connection) -> None:
        wire = connection.wire
        _need(connection, wire, name, lambda buffer: b"\n" in buffer)
        line = wire.take(wire.buffer.index(b"\n") + 1)
        found = compiled.fullmatch(line.removesuffix(b"\r\n"))
        if found is None:
            raise Mismatch(f"expected a line like {pattern!r}\nreceived {shown(line)}")
        connection.capture(found.groupdict())

    return Step(name, play, listens=True)


def expect_until(end: bytes, capture: str | None = None) -> Step:
    """The client sends anything up to and including *end*; what came before *end* is captured."""
    name = f"expect_until({end!r})"

    def play(connection: Connection) -> None:
        wire = connection.wire
        start = 0

        def matches(buffer: bytearray) -> bool:
            nonlocal start
            found = buffer.find(end, start)
            start = max(0, len(buffer) - len(end) + 1)
            return found >= 0

        _need(connection, wire, name, matches)
        data = wire.take(wire.buffer.index(end))
        wire.take(len(end))
        if capture:
            connection.capture({capture: data})

    return Step(name, play, listens=True)


def expect_eof(*, close_notify: bool = False) -> Step:
    """The client closes its side and sends nothing before; with *close_notify* it says so in TLS first."""
    name = "expect_eof()"

    def play(connection: Connection) -> None:
        wire = connection.wire
        try:
            while not wire.buffer and wire.fill():
                pass
        except Gone:
            return
        except (Patience, Stopped) as exc:
            raise Left(f"{name}: the client did not close") from exc
        if wire.buffer:
            raise Mismatch(f"expected the end of file\nreceived {shown(wire.buffer)}")
        if close_notify and not wire.close_notify:
            raise Mismatch("expected close_notify\nreceived a bare end of file")

    return Step(name, play, listens=True)


# -- output


def send(data: bytes) -> Step:
    """Send *data* at once."""
    return Step(f"send({data!r})", lambda connection: connection.wire.send(connection.fill_in(data)))


def send_split(data: bytes, every: int = 1) -> Step:
    """Send *data* in pieces of *every* octets, each in a segment of its own (TCP_NODELAY)."""

    def play(connection: Connection) -> None:
        filled = connection.fill_in(data)
        for start in range(0, len(filled), every):
            connection.wire.send(filled[start : start + every])

    return Step(f"send_split({data!r}, {every})", play)


def drip(data: bytes, *, every_seconds: float, times: int = 1_000_000) -> Step:
    """Send *data* again and again with pauses: a peer that never stalls and never gets anywhere.

    Ends without failure when the client leaves or the peer is closed.
    """

    def play(connection: Connection) -> None:
        for _ in range(times):
            connection.wire.send(data)
            if connection.pause(every_seconds):
                raise Stopped

    return Step(f"drip({data!r})", play, may_remain=True)


def pause(seconds: float) -> Step:
    """Let *seconds* pass before the next step: so long the client has to wait, however fast the peer is."""

    def play(connection: Connection) -> None:
        if connection.pause(seconds):
            raise Stopped

    return Step(f"pause({seconds})", play)


def start_tls(context: ssl.SSLContext, *, fails: bool = False) -> Step:
    """Answer a TLS handshake; with *fails* the client has to refuse it."""
    return Step(
        f"start_tls(fails={fails})", lambda connection: connection.handshake(connection.wire, context, fails=fails)
    )


# -- the end


def hang(*, reading: bool = True) -> Step:
    """Do nothing more until the client goes away or the peer is closed; *reading* says whether input is taken in."""
    return Step("hang()", lambda connection: connection.wire.hang(reading=reading), may_remain=True)


def close(*, notify: bool = True) -> Step:
    """Close both directions (FIN); under TLS after close_notify, unless *notify* is false."""
    return Step("close()", lambda connection: connection.wire.close(notify=notify))


def half_close() -> Step:
    """Send the end of file (FIN) and go on reading."""
    return Step("half_close()", lambda connection: connection.wire.half_close())


def reset() -> Step:
    """Reset the connection (RST)."""
    return Step("reset()", lambda connection: connection.wire.reset())


def call(function: Callable[[Connection], None]) -> Step:
    """Do anything else, in the connection's thread: set a ``threading.Event``, look at ``connection.wire``."""
    return Step(f"call({getattr(function, '__name__', function)})", function)


# -- FTP's data connections


def listen_data(name: str) -> Step:
    """Open a data listener; its port is ``{name}`` in later sends."""
    return Step(f"listen_data({name!r})", lambda connection: connection.listen_data(name))


def accept_data(name: str) -> Step:
    """Accept one connection on that listener."""
    return Step(f"accept_data({name!r})", lambda connection: connection.accept_data(name))


def connect_data(name: str, port: str) -> Step:
    """Connect to the client's listener (PORT, EPRT), whose port is the capture *port*."""
    return Step(f"connect_data({name!r})", lambda connection: connection.connect_data(name, port))


def data_tls(name: str, context: ssl.SSLContext, *, resumed: bool | None = None) -> Step:
    """Answer a TLS handshake on the data connection; *resumed* says whether it has to resume a session."""

    def play(connection: Connection) -> None:
        wire = connection.data(name)
        connection.handshake(wire, context, fails=False)
        assert wire.tls is not None
        if resumed is not None and wire.tls.session_reused != resumed:
            raise Mismatch(f"data connection {name!r}: expected resumed={resumed}, received {wire.tls.session_reused}")

    return Step(f"data_tls({name!r})", play)


def send_data(name: str, data: bytes) -> Step:
    """Send *data* on the data connection."""
    return Step(f"send_data({name!r})", lambda connection: connection.data(name).send(data))


def receive_data(name: str, count: int | None = None) -> Step:
    """Read the data connection to its end, or *count* octets of it, into the capture *name*."""

    def play(connection: Connection) -> None:
        wire = connection.data(name)
        connection.capture({name: wire.read_to_end() if count is None else wire.read_exactly(count)})

    return Step(f"receive_data({name!r})", play)


def close_data(name: str, *, notify: bool = True) -> Step:
    """Close the data connection (FIN); under TLS after close_notify, unless *notify* is false."""
    return Step(f"close_data({name!r})", lambda connection: connection.data(name).close(notify=notify))


def reset_data(name: str) -> Step:
    """Reset the data connection (RST)."""
    return Step(f"reset_data({name!r})", lambda connection: connection.data(name).reset())

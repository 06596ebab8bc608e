"""How long to wait for what."""

from __future__ import annotations

import math

import anyio
import attrs

__all__ = ["Deadline", "Timeouts"]


def _check_seconds(_instance: object, attribute: attrs.Attribute[float | None], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} is a number of seconds above 0 or None for ever, not {value!r}")


def _seconds(default: float | None) -> float | None:
    return attrs.field(default=default, validator=_check_seconds)


@attrs.frozen(kw_only=True)
class Timeouts:
    """Time limits in seconds; None waits for ever. The defaults are the minima of RFC 5321 §4.5.3.2 where it has one.

    Attributes:
        connect: the name's resolution and the dial, all addresses together.
        tls: one handshake.
        greeting: the 220 after connecting.
        reply: one reply, or all replies to one pipelined group.
        initiation: the 354 to DATA, and the 1yz that opens an FTP transfer.
        data: one block of 256 KiB of a message or file, so a stalled peer is noticed and a slow one is not cut off.
        termination: the reply to the final dot, and the one that ends an FTP transfer.
        close: clean-up after a failure or a cancellation, and TLS's parting words.
    """

    connect: float | None = _seconds(30)
    tls: float | None = _seconds(30)
    greeting: float | None = _seconds(300)
    reply: float | None = _seconds(300)
    initiation: float | None = _seconds(120)
    data: float | None = _seconds(180)
    termination: float | None = _seconds(600)
    close: float | None = _seconds(5)

    @classmethod
    def uniform(cls, seconds: float | None) -> Timeouts:
        """Return limits of *seconds* for everything; clean-up keeps its own limit if that is shorter."""
        close = cls().close if seconds is None else min(seconds, 5)
        return cls(
            connect=seconds,
            tls=seconds,
            greeting=seconds,
            reply=seconds,
            initiation=seconds,
            data=seconds,
            termination=seconds,
            close=close,
        )


class Deadline:
    """One point in time for one exchange, group or block, however many waits that takes.

    It is fixed when the socket first blocks, so an exchange that never blocks never asks for the time; a peer that
    drips byte after byte does not move it.
    """

    __slots__ = ("_at", "phase", "seconds")

    def __init__(self, seconds: float | None, phase: str) -> None:
        self.seconds: float | None = seconds
        self.phase: str = phase
        self._at: float | None = None

    @property
    def at(self) -> float:
        """The event loop's clock at which time is up; ``inf`` for never."""
        if self._at is None:
            self._at = math.inf if self.seconds is None else anyio.current_time() + self.seconds
        return self._at

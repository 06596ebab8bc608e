"""What happens to a ``Sender``, for logs, traces and counters: one frozen object per event, handed to a hook.

How this works: events carry facts and no secrets: neither the options of a relay nor a message's content is in one's
text. A hook is called in the task to which the thing happened, so that what is bound to a task (a trace's context) is
there; what it raises is logged and goes no further, because no mail may be lost to a counter.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from email.message import Message

import attrs

from transfer.smtp._report import Report

__all__ = [
    "Authenticated",
    "ConnectFailed",
    "Connected",
    "Disconnected",
    "Event",
    "EventHook",
    "Failed",
    "Listener",
    "Refused",
    "Retried",
    "Sent",
]

LOGGER = logging.getLogger("transfer.smtp")


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened; ``relay`` is the server, ``host:port`` or the path of a socket, None where none was."""

    relay: str | None


EventHook = Callable[[Event], object]


@attrs.frozen(kw_only=True)
class Connected(Event):
    """A connection is ready for mails: TLS, EHLO and the login are done.

    Attributes:
        tls: the version of TLS, ``"TLSv1.3"`` for example; None in clear.
        seconds: how long that took.
    """

    tls: str | None
    seconds: float


@attrs.frozen(kw_only=True)
class Authenticated(Event):
    """The login of a connection was accepted."""


@attrs.frozen(kw_only=True)
class ConnectFailed(Event):
    """A relay gave no connection that can be used; *error* says why. The next one is tried, if there is one.

    Attributes:
        error: why.
        seconds: how long it took to fail.
    """

    error: Exception
    seconds: float


@attrs.frozen(kw_only=True)
class Disconnected(Event):
    """A connection has ended.

    Attributes:
        error: why, where it did not end in order.
        mails: how many mails were begun on it.
    """

    error: Exception | None
    mails: int


@attrs.frozen(kw_only=True)
class _Concluded(Event):
    """What became of a mail; exactly one of Sent, Refused and Failed comes for each."""

    report: Report

    @property
    def message_id(self) -> str | None:
        """The Message-ID of the mail, None where the message is no object or has none."""
        return message_id_of(self.report.mail)


@attrs.frozen(kw_only=True)
class Sent(_Concluded):
    """A server owns the mail for at least one recipient; *report* tells who is left out."""


@attrs.frozen(kw_only=True)
class Refused(_Concluded):
    """The servers refused the mail, or every recipient of it."""


@attrs.frozen(kw_only=True)
class Failed(_Concluded):
    """No server took the mail and none refused it, or nobody knows: ``report.delivery`` is NOT_SENT or UNKNOWN."""


@attrs.frozen(kw_only=True)
class Retried(Event):
    """A mail, or those recipients who have not got it, is being tried again.

    Attributes:
        mail: as it was given.
        error: why it has to be.
        attempt: the number of the attempt that begins, from 2 on.
        waited_seconds: since the one before it had failed.
    """

    mail: object = attrs.field(repr=False)
    error: Exception
    attempt: int
    waited_seconds: float

    @property
    def message_id(self) -> str | None:
        """The Message-ID of the mail, None where the message is no object or has none."""
        return message_id_of(self.mail)


def message_id_of(mail: object) -> str | None:
    """Return the Message-ID of *mail*, which is a message or has one as ``message``."""
    message = getattr(mail, "message", mail)
    if not isinstance(message, Message):
        return None
    found = message.get("Message-ID")
    return None if found is None else str(found).strip()


class Listener:
    """Calls *hook* with events, if there is one, and keeps its errors to itself.

    Raises:
        TypeError: *hook* is a coroutine function, which nobody would await.
    """

    __slots__ = ("_hook",)

    def __init__(self, hook: EventHook | None) -> None:
        if inspect.iscoroutinefunction(hook):
            raise TypeError(f"on_event is a plain function that takes an event, not {hook!r}")
        self._hook = hook

    @property
    def is_there(self) -> bool:
        """Whether anybody listens: no event needs to be made otherwise."""
        return self._hook is not None

    def tell(self, event: Event) -> None:
        """Hand *event* to the hook."""
        if self._hook is None:
            return
        try:
            self._hook(event)
        except Exception:
            LOGGER.exception("on_event failed for %r", event)

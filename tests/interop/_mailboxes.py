"""Read back what a mail server has accepted, whatever way it keeps it."""

from __future__ import annotations

import email
import email.policy
import os
import re
import threading
import time
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

import attrs

_POLL_SECONDS = 0.01


@attrs.frozen
class ReceivedMessage:
    """One message as a server kept it, the server's own trace fields on top included.

    ``raw`` has CRLF at the end of every line, also where the server keeps bare LF.
    """

    sender: str
    recipients: tuple[str, ...]
    raw: bytes = attrs.field(kw_only=True, converter=lambda raw: re.sub(rb"\r?\n", b"\r\n", raw))

    @property
    def body(self) -> bytes:
        """Everything after the first empty line."""
        return self.raw.partition(b"\r\n\r\n")[2]

    def parsed(self) -> EmailMessage:
        """Return the message as the standard library's object."""
        return email.message_from_bytes(self.raw, policy=email.policy.SMTP)


class Mailbox(Protocol):
    """Where a server keeps its messages."""

    def read(self) -> list[ReceivedMessage]:
        """Return the complete messages, oldest first."""

    def clear(self) -> None:
        """Forget the messages that are there now."""


def wait_for_messages(mailbox: Mailbox, count: int, seconds: float) -> list[ReceivedMessage]:
    """Return the messages of *mailbox* as soon as there are *count*: mail servers deliver after their reply.

    Raises:
        TimeoutError: fewer than *count* came within *seconds*.
    """
    deadline = time.monotonic() + seconds
    while len(messages := mailbox.read()) < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(messages)} of {count} messages were delivered within {seconds} s")
        time.sleep(_POLL_SECONDS)
    return messages


def wait_until_empty(folders: Iterable[Path], seconds: float) -> None:
    """Return as soon as there is no file below any of *folders*.

    Raises:
        TimeoutError: there still is one after *seconds*.
    """
    deadline = time.monotonic() + seconds
    # os.walk passes over a folder that is removed meanwhile.
    while found := [names for folder in folders for _, _, names in os.walk(folder) if names]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{found} are still on their way after {seconds} s")
        time.sleep(_POLL_SECONDS)


@attrs.define(eq=False)
class MemoryMailbox:
    """Messages of a server that runs in a thread of this process."""

    _messages: list[ReceivedMessage] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def add(self, message: ReceivedMessage) -> None:
        with self._lock:
            self._messages.append(message)

    def read(self) -> list[ReceivedMessage]:
        with self._lock:
            return list(self._messages)

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()


@attrs.define(eq=False)
class Maildir:
    """A folder in Maildir form: a file is renamed into ``new`` once it is complete.

    The envelope is in the fields that a final delivery adds: Return-Path (RFC 5321 §4.4) and, by custom,
    Envelope-To or Delivered-To.
    """

    folder: Path

    def read(self) -> list[ReceivedMessage]:
        paths = [*self.folder.glob("new/*")]
        paths.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
        return [_parse_delivered(path.read_bytes()) for path in paths]

    def clear(self) -> None:
        for path in self.folder.glob("new/*"):
            path.unlink(missing_ok=True)


@attrs.define(eq=False)
class SinkDumps:
    """The files that ``smtp-sink -d`` writes: X-Mail-Args and X-Rcpt-Args fields, the message, an empty line."""

    folder: Path

    def read(self) -> list[ReceivedMessage]:
        paths = sorted(self.folder.iterdir(), key=lambda path: (path.stat().st_mtime_ns, path.name))
        dumps = [path.read_bytes() for path in paths]
        # A file without the last empty line is still being written.
        return [_parse_dump(raw.removesuffix(b"\n")) for raw in dumps if raw.endswith(b"\n\n")]

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink(missing_ok=True)


def _parse_delivered(raw: bytes) -> ReceivedMessage:
    message = email.message_from_bytes(raw, policy=email.policy.SMTP)
    sender = str(message.get("Return-Path", "")).strip().strip("<>")
    recipients = message.get("Envelope-To", "") or message.get("Delivered-To", "")
    return ReceivedMessage(sender, tuple(part.strip() for part in str(recipients).split(",")), raw=raw)


def _parse_dump(raw: bytes) -> ReceivedMessage:
    head = raw.partition(b"\n\n")[0].decode("utf-8", "surrogateescape")
    senders = re.findall(r"^X-Mail-Args: .*?<(.*?)>", head, re.MULTILINE)
    recipients = re.findall(r"^X-Rcpt-Args: .*?<(.*?)>", head, re.MULTILINE)
    return ReceivedMessage(senders[0], tuple(recipients), raw=raw)

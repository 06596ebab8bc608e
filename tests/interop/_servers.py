"""What a test sees of a running server, and what a server module gets to start one."""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from tests.interop._certificates import Certificates
from tests.interop._mailboxes import Mailbox, ReceivedMessage, wait_for_messages, wait_until_empty

HOST = "127.0.0.1"
USER = "alice"
PASSWORD = "correct horse 1"
LIMIT_BYTES = 8 * 1024 * 1024
_QUEUE_SECONDS = 20.0


def features(names: str) -> frozenset[str]:
    """Return the blank-separated *names* as a server's features; see ``_Server``."""
    return frozenset(names.split())


@attrs.frozen
class Site:
    """What a server is started with: a folder of its own, the certificates, and where its clean-up goes."""

    folder: Path
    certificates: Certificates
    cleanup: ExitStack


@attrs.define(eq=False, kw_only=True)
class _Server:
    """What mail and file servers have in common.

    ``features`` holds, in capitals, what the server announces (EHLO keywords after STARTTLS, FEAT names) and, in
    small letters, what it does besides.
    """

    name: str
    mode: str = ""
    host: str = HOST
    port: int
    tls_port: int | None = None
    """The port where TLS begins with the first octet, if there is one."""
    user: str = USER
    password: str = PASSWORD
    ca_file: Path | None
    """The certificate to trust; None for a server without TLS."""
    features: frozenset[str]
    folder: Path
    """Configuration and logs."""

    def client_context(self) -> ssl.SSLContext:
        """Return a new context that trusts this server and checks its name; for servers with TLS only."""
        assert self.ca_file is not None, f"{self.name} has no TLS"
        return ssl.create_default_context(cafile=self.ca_file)


@attrs.define(eq=False, kw_only=True)
class SmtpServer(_Server):
    """A running mail server; every one takes any recipient.

    With "refuses-recipients" among its features it answers 550 to ``rejects*@…`` and 45x to ``defer*@…``, with
    "refuses-senders" 550 to MAIL from ``rejects*@…``.
    """

    impatient_port: int | None = None
    """A port where a client that says nothing for a second gets a 421, if there is one."""

    mailbox: Mailbox | None
    queue: Sequence[Path] = ()
    """The folders that hold a file for as long as a message is on its way."""

    def messages(self, count: int = 1, *, seconds: float = 10.0) -> list[ReceivedMessage]:
        """Return the delivered messages, oldest first, as soon as there are *count*.

        Blocks up to *seconds*; asynchronous tests call it in a worker thread or after their client has ended.

        Raises:
            TimeoutError: fewer than *count* came.
        """
        if self.mailbox is None:
            raise LookupError(f"{self.name} was started without a place for messages")
        return wait_for_messages(self.mailbox, count, seconds)

    def clear(self) -> None:
        """Forget all messages, those included that are on their way: of a cancelled mail nobody can await the end.

        Raises:
            TimeoutError: a message is still on its way after ``_QUEUE_SECONDS``.
        """
        wait_until_empty(self.queue, _QUEUE_SECONDS)
        if self.mailbox is not None:
            self.mailbox.clear()


@attrs.frozen
class MortalFtpServer:
    """A file server, and the function that ends it, whatever it is doing; that blocks until it has ended."""

    server: FtpServer
    end: Callable[[], None] = attrs.field(kw_only=True)


@attrs.define(eq=False, kw_only=True)
class FtpServer(_Server):
    """A running file server; ``port`` is that of its mode: plain and explicit begin in clear, implicit with TLS."""

    root: Path
    """The folder on disk that the user sees as ``/``."""
    limited_user: str | None = None
    """A user who may store ``LIMIT_BYTES`` and no more, with the same password, if there is one."""

    def clear(self) -> None:
        """Remove everything from the user's folder."""
        for path in self.root.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

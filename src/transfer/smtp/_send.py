"""``send()``: one mail over a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Sequence
from email.message import Message
from typing import TYPE_CHECKING

from transfer.smtp._client import SMTP
from transfer.smtp._connection import Path, Timeout
from transfer.smtp._lines import LinePolicy
from transfer.smtp._mechanism import MechanismFactory
from transfer.smtp._message import AnyMessage
from transfer.smtp._options import UNSET
from transfer.smtp._response import SMTPResponse

if TYPE_CHECKING:
    import socket
    import ssl

__all__ = ["send"]


async def send(
    message: AnyMessage | str | bytes,
    /,
    *,
    sender: str | None = None,
    recipients: str | Sequence[str] | None = None,
    mail_options: Sequence[str] | None = None,
    rcpt_options: Sequence[str] | None = None,
    hostname: str | None = "localhost",
    port: int | None = None,
    username: str | bytes | None = None,
    password: str | bytes | None = None,
    oauth_token_generator: Callable[[], Awaitable[str]] | None = None,
    local_hostname: str | None = None,
    source_address: tuple[str, int] | None = None,
    timeout: Timeout = UNSET,
    use_tls: bool | None = None,
    start_tls: bool | None = None,
    validate_certs: bool = True,
    client_cert: Path | None = None,
    client_key: Path | None = None,
    tls_context: ssl.SSLContext | None = None,
    cert_bundle: Path | None = None,
    socket_path: str | bytes | os.PathLike[str] | None = None,
    sock: socket.socket | None = None,
    allow_cleartext_auth: bool = False,
    proxy: str | None = None,
    server_hostname: str | None = None,
    line_policy: LinePolicy = LinePolicy.NORMALISE,
    mechanisms: Sequence[str | MechanismFactory] | None = None,
) -> tuple[dict[str, SMTPResponse], str]:
    """Connect, send *message*, and part.

    Args:
        message: a message object; or a text or octets, sent as they are, which need *sender* and *recipients*.
        sender: of the envelope, where the headers are not to give it.
        recipients: of the envelope, where the headers are not to give them; a str is one recipient.
        mail_options: raw ESMTP parameters for MAIL.
        rcpt_options: raw ESMTP parameters for every RCPT.
        hostname: and everything after it, as for :class:`SMTP`.

    Returns:
        The refused recipients with their replies, and the text of the reply to the final dot.

    Raises:
        ValueError: *message* is no object and *sender* or *recipients* is missing, or arguments contradict each other.
        SMTPException: every reason that lies outside of the program; see ``SMTP.connect`` and ``SMTP.sendmail``.

    Cancellation: the connection is closed; the mail was taken or not.
    """
    if not isinstance(message, Message) and (sender is None or recipients is None):
        raise ValueError("a message in octets or text needs sender and recipients")
    client = SMTP(
        hostname=hostname,
        port=port,
        username=username,
        password=password,
        oauth_token_generator=oauth_token_generator,
        local_hostname=local_hostname,
        source_address=source_address,
        timeout=timeout,
        use_tls=use_tls,
        start_tls=start_tls,
        validate_certs=validate_certs,
        client_cert=client_cert,
        client_key=client_key,
        tls_context=tls_context,
        cert_bundle=cert_bundle,
        socket_path=socket_path,
        sock=sock,
        allow_cleartext_auth=allow_cleartext_auth,
        proxy=proxy,
        server_hostname=server_hostname,
        line_policy=line_policy,
        mechanisms=mechanisms,
    )
    async with client:
        if isinstance(message, Message):
            return await client.send_message(
                message,
                sender=sender,
                recipients=recipients,
                mail_options=mail_options,
                rcpt_options=rcpt_options,
            )
        assert sender is not None  # checked above
        assert recipients is not None
        return await client.sendmail(sender, recipients, message, mail_options=mail_options, rcpt_options=rcpt_options)

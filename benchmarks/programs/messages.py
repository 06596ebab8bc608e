"""The messages that everybody sends."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

SENDER, RECIPIENT = "sender@example.com", "recipient@example.com"
_LINE_OCTETS = 72


def make_octets(size: int) -> bytes:
    """Return a message of *size* octets, in lines of 72."""
    head = f"From: <{SENDER}>\r\nTo: <{RECIPIENT}>\r\nSubject: benchmark\r\n\r\n".encode()
    line = b"x" * (_LINE_OCTETS - 2) + b"\r\n"
    lines, rest = divmod(size - len(head), _LINE_OCTETS)
    return head + line * lines + (b"x" * (rest - 2) + b"\r\n" if rest > 2 else b"")


def make_numbered(size: int, start: int, count: int) -> Iterator[bytes]:
    """Yield *count* messages of *size* octets, no two of them alike or the same object."""
    head = b"Message-ID: <%08d@example.com>\r\n"
    rest = make_octets(size - len(head % 0))
    for number in range(start, start + count):
        yield head % number + rest


def make_object(size: int) -> EmailMessage:
    """Return the same message as an object; the headers that this adds are not counted in *size*."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "benchmark"
    message.set_content(make_octets(size).partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n"))
    return message


def make_attachment(size: int) -> EmailMessage:
    """Return a message with a short text and one attachment of *size* octets, which base64 makes a third longer."""
    message = make_object(500)
    every_octet = bytes(range(256))
    octets = (every_octet * (size // len(every_octet) + 1))[:size]
    message.add_attachment(octets, maintype="application", subtype="octet-stream", filename="attachment.bin")
    return message


def make_recipients(count: int) -> list[str]:
    """Return *count* addresses."""
    return [RECIPIENT] if count == 1 else [f"recipient{number}@example.com" for number in range(count)]

"""A mail by hand: ``python -m transfer.smtp`` asks for server, envelope and message, sends, and shows the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from transfer.smtp._client import SMTP
from transfer.smtp._errors import SMTPException
from transfer.smtp._options import SMTP_PORT

__all__ = ["main"]


def main() -> None:
    """Ask, and send in clear (``start_tls=False``), as one does to a server under test.

    Raises:
        SystemExit: the mail was not sent; the message says why.
    """
    try:
        hostname = input("SMTP server hostname [localhost]: ") or "localhost"
        port = int(input(f"SMTP server port [{SMTP_PORT}]: ") or SMTP_PORT)
        sender = input("From: ")
        recipients = [recipient.strip() for recipient in input("To: ").split(",")]
    except EOFError:
        sys.exit("The input ended before the message began")
    except ValueError as exc:
        sys.exit(f"A port is a number: {exc}")
    print("Enter message, end with ^D:")
    message = "\n".join(_lines())
    print(f"Message length (bytes): {len(message.encode('utf-8', 'surrogateescape'))}")
    client = SMTP(hostname=hostname, port=port, start_tls=False)
    try:
        errors, answer = client.sendmail_sync(sender, recipients, message)
    except (SMTPException, ValueError) as exc:
        sys.exit(f"The mail was not sent: {exc}")
    for recipient, refusal in errors.items():
        print(f"Refused: {recipient}: {refusal}")
    print(f"Server response: {answer}")


def _lines() -> Iterator[str]:
    while True:
        try:
            yield input()
        except EOFError:
            return


if __name__ == "__main__":
    main()

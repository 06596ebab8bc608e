"""``LMTP``: the client for a server that delivers at once, and answers for each recipient (RFC 2033)."""

from __future__ import annotations

from typing import ClassVar

from transfer.smtp._client import SMTP

__all__ = ["LMTP"]


class LMTP(SMTP):
    """An LMTP client: an :class:`SMTP` that says LHLO, and is told of each recipient what became of the mail.

    Arguments are those of :class:`SMTP`; the port is 24 where none is given, and most servers are reached by
    *socket_path*. Recipients that accepted the address and then refused the mail are among the refused ones that
    :meth:`sendmail` returns, and in the report of :meth:`deliver`. RFC 2033.
    """

    _speaks_lmtp: ClassVar[bool] = True

"""An SMTP client for asyncio and trio: :func:`send` for one mail, :class:`SMTP` for a connection.

Names, parameters, return values and exceptions are those that mail programs know; see the migration guide.
"""

from __future__ import annotations

from transfer._net.certificate import Certificate
from transfer.smtp import api as api
from transfer.smtp import auth as auth
from transfer.smtp import email as email
from transfer.smtp import errors as errors
from transfer.smtp import esmtp as esmtp
from transfer.smtp import response as response
from transfer.smtp import smtp as smtp
from transfer.smtp import status as status
from transfer.smtp import typing as typing
from transfer.smtp._check import Check
from transfer.smtp._client import SMTP
from transfer.smtp._dkim import DKIM
from transfer.smtp._enhanced import EnhancedCode
from transfer.smtp._errors import (
    SMTPAddressError,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPDeliveryUncertain,
    SMTPDeliveryUncertainDisconnected,
    SMTPDeliveryUncertainTimeout,
    SMTPException,
    SMTPHeloError,
    SMTPMessageError,
    SMTPNotSupported,
    SMTPProtocolError,
    SMTPReadTimeoutError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
    SMTPTLSError,
)
from transfer.smtp._events import (
    Authenticated,
    Connected,
    ConnectFailed,
    Disconnected,
    Event,
    EventHook,
    Failed,
    Refused,
    Retried,
    Sent,
)
from transfer.smtp._lines import LinePolicy
from transfer.smtp._lmtp import LMTP
from transfer.smtp._mail import Mail
from transfer.smtp._mechanism import Mechanism, MechanismFactory
from transfer.smtp._oauth import TokenSource
from transfer.smtp._options import SMTPTokenGenerator
from transfer.smtp._parameters import DeliverBy, Notify, Parameters, Recipient, Return
from transfer.smtp._report import Delivery, Phase, RecipientReport, RecipientStatus, Report
from transfer.smtp._response import SMTPResponse, SMTPStatus
from transfer.smtp._send import send
from transfer.smtp._sender import Relay, Sender
from transfer.smtp._sender_bulk import Reports

__all__ = [
    "DKIM",
    "LMTP",
    "SMTP",
    "Authenticated",
    "Certificate",
    "Check",
    "ConnectFailed",
    "Connected",
    "DeliverBy",
    "Delivery",
    "Disconnected",
    "EnhancedCode",
    "Event",
    "EventHook",
    "Failed",
    "LinePolicy",
    "Mail",
    "Mechanism",
    "MechanismFactory",
    "Notify",
    "Parameters",
    "Phase",
    "Recipient",
    "RecipientReport",
    "RecipientStatus",
    "Refused",
    "Relay",
    "Report",
    "Reports",
    "Retried",
    "Return",
    "SMTPAddressError",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPConnectResponseError",
    "SMTPConnectTimeoutError",
    "SMTPDataError",
    "SMTPDeliveryUncertain",
    "SMTPDeliveryUncertainDisconnected",
    "SMTPDeliveryUncertainTimeout",
    "SMTPException",
    "SMTPHeloError",
    "SMTPMessageError",
    "SMTPNotSupported",
    "SMTPProtocolError",
    "SMTPReadTimeoutError",
    "SMTPRecipientRefused",
    "SMTPRecipientsRefused",
    "SMTPResponse",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPStatus",
    "SMTPTLSError",
    "SMTPTimeoutError",
    "SMTPTokenGenerator",
    "Sender",
    "Sent",
    "TokenSource",
    "send",
]

for _name in __all__:
    # Tracebacks, pickles and documentation show the name under which users import it.
    if _name not in (
        "EventHook",
        "MechanismFactory",
        "SMTPTokenGenerator",
    ):  # aliases of something that belongs to others
        globals()[_name].__module__ = __name__
# The options of a client and the description of a relay are one class, which programs know by this name.
Relay.__name__ = Relay.__qualname__ = "Relay"

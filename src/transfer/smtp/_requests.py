"""What a sender asks for, fitted to a server: the parameters of MAIL and RCPT, or an error before anything is sent.

Nothing that was asked for is left out because a server does not offer it: that the mail is withheld is what the sender
can see and mend, that a mail went without is not.
"""

from __future__ import annotations

from transfer.smtp._errors import SMTPAddressError, SMTPNotSupported
from transfer.smtp._extensions import Extensions
from transfer.smtp._parameters import DeliverBy, Notify, Parameters, Recipient, format_moment
from transfer.smtp._xtext import ORCPT_LIMIT, encode_original_recipient, encode_xtext

__all__ = ["mail_parameters", "rcpt_parameters"]


def mail_parameters(
    parameters: Parameters, extensions: Extensions, *, is_verified_tls: bool, is_null_sender: bool
) -> list[str]:
    """Spell the parameters of MAIL.

    Args:
        parameters: what is asked for.
        extensions: what the server offers, as its last EHLO says.
        is_verified_tls: whether TLS is on and the server's certificate was verified.
        is_null_sender: whether the mail goes out from ``<>``.

    Raises:
        SMTPNotSupported: the server does not offer something; or REQUIRETLS has no TLS, or no verified certificate, to
            stand on.
        SMTPAddressError: a value is outside of the limits that the server states.
    """
    asked = []
    if parameters.ret is not None:
        _require(extensions, "DSN", "RET")
        asked.append(f"RET={parameters.ret}")
    if parameters.envid is not None:
        _require(extensions, "DSN", "ENVID")
        asked.append(f"ENVID={encode_xtext(parameters.envid)}")
    if parameters.require_tls:
        asked += _ask_for_tls(extensions, is_verified_tls, is_null_sender)
    if parameters.deliver_by is not None:
        asked.append(_ask_for_time(parameters.deliver_by, extensions))
    if parameters.hold_for is not None or parameters.hold_until is not None:
        asked.append(_ask_for_hold(parameters, extensions))
    if parameters.priority is not None:
        _require(extensions, "MT-PRIORITY", "a priority")
        asked.append(f"MT-PRIORITY={parameters.priority}")
    return asked


def rcpt_parameters(recipient: Recipient, defaults: Parameters, extensions: Extensions, *, utf8: bool) -> list[str]:
    """Spell the parameters of RCPT for *recipient*; its own wishes go before those of *defaults*.

    Args:
        recipient: whom it is for.
        defaults: what is asked for all recipients.
        extensions: what the server offers.
        utf8: whether SMTPUTF8 is in force, in which case a domain goes out in U-labels.

    Raises:
        SMTPNotSupported: notifications are asked for, or NEVER is, and the server does not offer DSN.

    RFC 3461 §4.1, §4.2: at submission ORCPT "MUST contain the same address as the RCPT TO address".
    """
    notify = defaults.notify if recipient.notify is None else recipient.notify
    asked = []
    if notify is not None:
        _require(extensions, "DSN", "NOTIFY")
        asked.append(f"NOTIFY={','.join(notify)}")
    if recipient.orcpt is not None:
        _require(extensions, "DSN", "ORCPT")
        asked.append(f"ORCPT={encode_original_recipient(recipient.orcpt)}")
    elif notify is not None and Notify.NEVER not in notify:
        encoded = encode_original_recipient(recipient.mailbox.for_wire(utf8=utf8))
        # Without it, as nobody asked for it, a notification names the recipient as RCPT does.
        if len(encoded) <= ORCPT_LIMIT:
            asked.append(f"ORCPT={encoded}")
    return asked


def _ask_for_tls(extensions: Extensions, is_verified_tls: bool, is_null_sender: bool) -> list[str]:
    # RFC 8689 §2: "This option MUST only be specified in the context of an SMTP session meeting the security
    # requirements of REQUIRETLS".
    fault = None
    if not is_verified_tls:
        fault = "the connection has no TLS, or the server's certificate was not verified"
    elif not extensions.supports("REQUIRETLS"):
        fault = "the server does not offer it"
    if fault is None:
        return ["REQUIRETLS"]
    # RFC 8689 §5: "When the MAIL FROM return-path is empty, the REQUIRETLS parameter SHOULD NOT cause a bounce message
    # to be discarded even if the next-hop relay does not advertise REQUIRETLS." §4.2.1 is not about such mails either.
    if is_null_sender:
        return []
    raise SMTPNotSupported(f"REQUIRETLS can't be asked for: {fault} (RFC 8689 §4.2.1)")


def _ask_for_time(deliver_by: DeliverBy, extensions: Extensions) -> str:
    _require(extensions, "DELIVERBY", "a time of delivery")
    minimum = extensions.minimum_by_time
    # RFC 2852 §4: the minimum is for by-mode "R" only.
    if deliver_by.mode == "R" and minimum is not None and deliver_by.seconds < minimum:
        raise SMTPAddressError(
            f"deliver_by can't be {deliver_by.seconds} seconds: the server asks for at least {minimum} (RFC 2852 §2)"
        )
    return f"BY={deliver_by}"


def _ask_for_hold(parameters: Parameters, extensions: Extensions) -> str:
    _require(extensions, "FUTURERELEASE", "a later release")
    longest, latest = extensions.hold_limits
    if parameters.hold_until is not None:
        if latest is not None and parameters.hold_until > latest:
            raise SMTPAddressError(
                f"hold_until can't be {parameters.hold_until}: the server holds until {latest} at most (RFC 4865 §3)"
            )
        return f"HOLDUNTIL={format_moment(parameters.hold_until)}"
    if longest is not None and parameters.hold_for is not None and parameters.hold_for > longest:
        raise SMTPAddressError(
            f"hold_for can't be {parameters.hold_for} seconds: the server holds for {longest} at most (RFC 4865 §3)"
        )
    return f"HOLDFOR={parameters.hold_for}"


def _require(extensions: Extensions, keyword: str, what: str) -> None:
    if not extensions.supports(keyword):
        raise SMTPNotSupported(f"The mail asks for {what}, and the server does not offer {keyword}")

"""One mail over one session: envelope, body, outcome.

How this works: everything that can be wrong on this side is found while the :class:`Envelope` is built, before a byte
is written. With PIPELINING the envelope and DATA go as one group, because whoever is accepted gets the mail; should
DATA be accepted although no recipient was, a lone dot ends it (RFC 2920 §3.1). From the first byte of the envelope to
the reply to the final dot, an interruption leaves the channel BROKEN: the server may be in the middle of a mail.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence

import attrs

from transfer._errors import DisconnectedError, TransferError, TransferTimeoutError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.dialect import SMTP_CLIENT
from transfer._wire.reply import Reply, Severity
from transfer.smtp import _commands as commands
from transfer.smtp._address import Mailbox
from transfer.smtp._dot import stuff_normalised
from transfer.smtp._errors import (
    SMTPAddressError,
    SMTPDataError,
    SMTPDeliveryUncertain,
    SMTPDeliveryUncertainDisconnected,
    SMTPDeliveryUncertainTimeout,
    SMTPException,
    SMTPProtocolError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from transfer.smtp._report import Delivery
from transfer.smtp._response import SMTPResponse, response_from
from transfer.smtp._session import Session, refusal

__all__ = ["Envelope", "Transaction"]

# RFC 5321 §4.1.1.4: an empty body, for a DATA that was accepted although nobody is to get the mail.
_LONE_DOT = b".\r\n"
# Below the dialect's limits, so that a group never has to be cut in the middle of a command (RFC 2920 §3.1).
_GROUP_COMMANDS = 60
_GROUP_OCTETS = 7168
# As much of a message as the channel sends under one deadline.
_BLOCK_OCTETS = 256 * 1024
_SERVICE_CLOSING = 421


@attrs.frozen(kw_only=True)
class Envelope:
    """The commands of one mail, checked.

    Args:
        mail: MAIL with its parameters.
        sender: the reverse-path as given, for errors.
        rcpts: one RCPT per recipient, in order.
        recipients: the recipients as given, the keys of the outcome.
    """

    mail: Command
    sender: str
    rcpts: tuple[Command, ...]
    recipients: tuple[str, ...]

    @classmethod
    def build(
        cls,
        sender: Mailbox,
        recipients: Sequence[Mailbox],
        *,
        mail_options: Sequence[str],
        rcpt_options: Sequence[str],
        utf8: bool,
    ) -> Envelope:
        """Build the commands; raises SMTPAddressError where one can't be written. Nothing is sent."""
        mail = commands.mail(sender, mail_options, utf8=utf8)
        rcpts = tuple(commands.rcpt(recipient, rcpt_options, utf8=utf8) for recipient in recipients)
        for command in (mail, *rcpts):
            if _size(command) > SMTP_CLIENT.queue_octets_limit:
                limit = SMTP_CLIENT.queue_octets_limit
                raise SMTPAddressError(f"{command.verb} with its parameters would be longer than {limit} octets")
        return cls(
            mail=mail, sender=sender.text, rcpts=rcpts, recipients=tuple(recipient.text for recipient in recipients)
        )


class Transaction:
    """One mail; made for it, run once. ``delivery`` tells its fate at any time, also after a cancellation."""

    def __init__(self, session: Session) -> None:
        self.delivery = Delivery.NOT_SENT
        self._channel = session.channel
        self._pipelines = session.extensions.supports("pipelining")
        self._refused: list[SMTPRecipientRefused] = []
        self._has_begun = False

    async def run(self, envelope: Envelope, message: bytes) -> tuple[dict[str, SMTPResponse], str]:
        """Send *message*, whose line ends are CRLF, and return the refused recipients and the server's last words.

        Raises:
            SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError: nobody gets the mail; the session is reset.
            SMTPDeliveryUncertain: the connection was lost after the final dot; never to be repeated blindly.
            SMTPServerDisconnected, SMTPReadTimeoutError, SMTPProtocolError: lost before that; the mail was not taken.

        Cancellation: the channel is BROKEN, unless nothing was sent yet, and ``delivery`` says what is known.
        """
        open_envelope = self._open_by_groups if self._pipelines else self._open_in_lock_step
        try:
            reply = await self._deliver(lambda: open_envelope(envelope), message)
        except SMTPException:
            await self._reset()
            raise
        return {refused.recipient: SMTPResponse(refused.code, refused.message) for refused in self._refused}, reply.text

    async def run_data(self, message: bytes) -> SMTPResponse:
        """Send *message* for an envelope that was sent step by step; raises as :meth:`run` and resets nothing."""
        return response_from(await self._deliver(self._open_data, message))

    async def _deliver(self, begin: Callable[[], Awaitable[None]], message: bytes) -> Reply:
        channel = self._channel
        channel.payload_ended = False
        try:
            await begin()
            self._has_begun = True
            reply = await self._send_body(message)
            if reply.severity is not Severity.COMPLETION:
                raise refusal(SMTPDataError, reply, None, channel)
        except BaseException as exc:
            is_answer = isinstance(exc, SMTPResponseException | SMTPRecipientsRefused)
            if is_answer and not isinstance(exc, SMTPProtocolError):
                self.delivery = Delivery.REFUSED
            else:
                self._interrupted(exc)
            raise
        self.delivery = Delivery.ACCEPTED
        return reply

    async def _send_body(self, message: bytes) -> Reply:
        stuffed = stuff_normalised(message)
        if len(stuffed) <= _BLOCK_OCTETS:
            return await self._channel.payload(stuffed)
        # The final dot goes with the end, which the channel notes in the very step that sends it: a cancellation
        # between the two would otherwise report a mail as not sent that the server has.
        last = (len(stuffed) - 1) // _BLOCK_OCTETS * _BLOCK_OCTETS - len(_LONE_DOT)
        blocks = (stuffed[start : min(start + _BLOCK_OCTETS, last)] for start in range(0, last, _BLOCK_OCTETS))
        return await self._channel.payload(blocks, end=stuffed[last:])

    # -- envelope ------------------------------------------------------------------------------------------------------

    async def _open_data(self) -> None:
        deadline = Deadline(self._channel.timeouts.initiation, "reply to DATA")
        self._judge_data(await self._channel.exchange(commands.DATA, deadline))

    async def _open_in_lock_step(self, envelope: Envelope) -> None:
        reply = await self._channel.exchange(envelope.mail)
        self._has_begun = True
        self._judge_sender(envelope, reply)
        for recipient, command in zip(envelope.recipients, envelope.rcpts, strict=True):
            self._note_recipient(envelope, recipient, command, await self._channel.exchange(command))
        self._require_recipients(envelope)
        await self._open_data()

    async def _open_by_groups(self, envelope: Envelope) -> None:
        replies: list[Reply] = []
        for group in _groups((envelope.mail, *envelope.rcpts, commands.DATA)):
            replies += await self._channel.pipeline(group, goes_on=group[-1] is commands.DATA)
            self._has_begun = True
            if not self._channel.is_open or replies[0].severity is not Severity.COMPLETION:
                break
        data_reply = replies.pop() if len(replies) == len(envelope.rcpts) + 2 else None
        try:
            self._judge_sender(envelope, replies[0])
            for recipient, command, reply in zip(envelope.recipients, envelope.rcpts, replies[1:], strict=False):
                self._note_recipient(envelope, recipient, command, reply)
            self._require_recipients(envelope)
        except (SMTPSenderRefused, SMTPRecipientsRefused):
            self.delivery = Delivery.REFUSED
            if data_reply is not None and data_reply.severity is Severity.INTERMEDIATE:
                await self._send_lone_dot()
            raise
        assert data_reply is not None  # with a 421 before it, everybody is refused
        self._judge_data(data_reply)

    async def _send_lone_dot(self) -> None:
        # RFC 2920 §3.1: "the client cannot assume that the DATA command will be rejected just because none of the
        # RCPT TO commands worked"; "if the DATA command was accepted the client SMTP should send a single dot."
        try:
            reply = await self._channel.payload(_LONE_DOT)
            if reply.severity in (Severity.PRELIMINARY, Severity.INTERMEDIATE):
                raise refusal(SMTPDataError, reply, None, self._channel)
        except TransferError:
            pass  # the channel is BROKEN; the refusal is what the caller is to hear of
        finally:
            # Nobody was to get this mail, so nothing about it is uncertain.
            self._channel.payload_ended = False

    def _judge_sender(self, envelope: Envelope, reply: Reply) -> None:
        if reply.severity is not Severity.COMPLETION:
            raise refusal(SMTPSenderRefused, reply, envelope.mail, self._channel, envelope.sender)

    def _require_recipients(self, envelope: Envelope) -> None:
        if len(self._refused) == len(envelope.recipients):
            raise SMTPRecipientsRefused(self._refused, peer=self._channel.peer)

    def _note_recipient(self, envelope: Envelope, recipient: str, command: Command, reply: Reply) -> None:
        if reply.severity is not Severity.COMPLETION:
            self._refused.append(refusal(SMTPRecipientRefused, reply, command, self._channel, recipient))
        if reply.code == _SERVICE_CLOSING:
            # nobody gets the mail, those who had been accepted included (RFC 5321 §3.8).
            known = {refused.recipient for refused in self._refused}
            self._refused += (
                SMTPRecipientRefused(reply.code, reply.text, other, reply=reply, peer=self._channel.peer)
                for other in envelope.recipients
                if other not in known
            )
            raise SMTPRecipientsRefused(self._refused, peer=self._channel.peer)

    def _judge_data(self, reply: Reply) -> None:
        if reply.severity is not Severity.INTERMEDIATE:
            raise refusal(SMTPDataError, reply, commands.DATA, self._channel)

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _reset(self) -> None:
        """Bring the server back to where a new mail may begin, as far as it still listens."""
        if self._channel.is_open:
            with contextlib.suppress(TransferError):
                await self._channel.exchange(commands.RSET)

    def _interrupted(self, exc: BaseException) -> None:
        """Give up what was begun; raise the error of uncertainty for one of ours if the server may have the mail."""
        if self._has_begun:
            self._channel.abandon(exc)
        if not self._channel.payload_ended:
            return
        self.delivery = Delivery.UNKNOWN
        if not isinstance(exc, TransferError):
            return
        message = f"The mail may or may not have been taken: {exc.args[-1]}"
        if isinstance(exc, TransferTimeoutError):
            raise SMTPDeliveryUncertainTimeout(message, phase=exc.phase, seconds=exc.seconds, peer=exc.peer) from exc
        if isinstance(exc, DisconnectedError):
            raise SMTPDeliveryUncertainDisconnected(message, reply=exc.reply, errno=exc.errno, peer=exc.peer) from exc
        raise SMTPDeliveryUncertain(message, peer=exc.peer) from exc


def _groups(everything: Sequence[Command]) -> Iterator[Sequence[Command]]:
    """Cut *everything* into groups that fit the channel's limits, in order."""
    start = octets = 0
    for place, command in enumerate(everything):
        size = _size(command)
        if place > start and (place - start == _GROUP_COMMANDS or octets + size > _GROUP_OCTETS):
            yield everything[start:place]
            start, octets = place, 0
        octets += size
    yield everything[start:]


def _size(command: Command) -> int:
    """Count the octets that *command* takes on the wire, or a few more than that."""
    argument = command.argument or ""
    # UTF-8 takes at most four octets a character.
    return len(command.verb) + len(argument) * (1 if argument.isascii() else 4) + 3

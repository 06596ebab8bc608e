"""One transaction over one session: envelope, content, and what became of each recipient.

How this works: everything that can be wrong on this side is found while the mail is prepared, before a byte is
written. :meth:`Transaction.open` sends the envelope, with PIPELINING as groups; DATA joins the last one where whoever
is accepted gets the mail, and should DATA be accepted although no recipient was, a lone dot ends it (RFC 2920 §3.1).
:meth:`Transaction.deliver` sends the content, and the envelope of the next transaction in the same flight if there is
one: then that one's ``open`` finds its replies on the way. Replies are counted, never matched. From the first byte of
the envelope to the reply to the content, an interruption leaves the channel BROKEN: the server may be in the middle of
a mail.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import attrs

from transfer._errors import DisconnectedError, TransferError, TransferTimeoutError
from transfer._net.timeouts import Deadline
from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity
from transfer.smtp import _commands as commands
from transfer.smtp._chunking import send_chunks
from transfer.smtp._content import Content
from transfer.smtp._envelope import Envelope, cut_group
from transfer.smtp._errors import (
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
from transfer.smtp._report import Delivery, Phase, RecipientReport, RecipientStatus, is_too_many, status_of
from transfer.smtp._response import response_from
from transfer.smtp._session import Session, refusal

__all__ = ["Prepared", "Transaction"]

# RFC 5321 §4.1.1.4: an empty body, for a DATA that was accepted although nobody is to get the mail.
_LONE_DOT = b".\r\n"
_SERVICE_CLOSING = 421


@attrs.frozen(kw_only=True)
class Prepared:
    """A mail that is fit for one server.

    Attributes:
        envelope: its commands.
        content: what is sent after them.
        by_chunks: by BDAT instead of DATA (RFC 3030).
        all_or_nothing: whether nobody is to get the mail unless every recipient is accepted.
    """

    envelope: Envelope
    content: Content
    by_chunks: bool = False
    all_or_nothing: bool = False


class Transaction:
    """One mail, or a part of its recipients; made for it, run once.

    ``delivery`` tells the fate of the whole at any time, also after a cancellation.

    Args:
        session: with the server.
        mail: fit for it.
        follows: the transaction whose :meth:`deliver` this one is to be given to as the next.
    """

    def __init__(self, session: Session, mail: Prepared, *, follows: Transaction | None = None) -> None:
        self.delivery: Delivery = Delivery.NOT_SENT
        self.mail: Prepared = mail
        self._session = session
        self._channel = session.channel
        envelope = mail.envelope
        # RFC 5321 §4.1.1.5: what an earlier mail has left behind goes first; RSET may stand anywhere in a group.
        # A final dot ends a mail, however it is answered; a refused chunk does not.
        self._first = int(session.needs_reset and (follows is None or follows.mail.by_chunks))
        self._with_data = not (mail.by_chunks or mail.all_or_nothing)
        self._commands = (
            *(commands.RSET,) * self._first,
            envelope.mail,
            *envelope.rcpts,
            *(commands.DATA,) * self._with_data,
        )
        self._replies: list[Reply] = []
        self._ahead = 0
        self._refused: list[SMTPRecipientRefused] = []
        self._accepted: list[int] = []
        """The places of the recipients who were accepted by RCPT."""
        self._final: list[Reply] = []
        """The replies to the content: one, or (LMTP) one for each accepted recipient."""
        self._has_begun = False
        self._phase = Phase.CONNECT
        self._rest: tuple[RecipientStatus, Reply | None] = RecipientStatus.DEFERRED, None
        """What became of those who got no reply of their own."""

    # -- the envelope --------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Send the envelope, or what of it was not sent ahead; the server waits for the content afterwards.

        Raises:
            SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError: nobody gets the mail.
            SMTPServerDisconnected, SMTPReadTimeoutError, SMTPProtocolError: the connection is lost.

        Cancellation: the channel is BROKEN, unless nothing was sent yet.
        """
        try:
            await self._send_envelope()
            self._has_begun = True
            await self._judge_envelope()
        except BaseException as exc:
            self._fail(exc)
            raise

    def first_group(self) -> Sequence[Command]:
        """Return what may go ahead in the flight of another transaction's content; nothing without PIPELINING."""
        return cut_group(self._commands, 0) if self._session.extensions.supports("pipelining") else ()

    async def _send_envelope(self) -> None:
        channel, replies, everything = self._channel, self._replies, self._commands
        if self._ahead:
            self._has_begun = True
            replies += await channel.next_replies(self._ahead, yields=self._ahead < len(everything))
        self._session.needs_reset = False
        pipelines = self._session.extensions.supports("pipelining")
        while len(replies) < len(everything) and self._is_hopeful():
            start = len(replies)
            group = cut_group(everything, start) if pipelines else everything[start : start + 1]
            if group[0] is commands.DATA:
                replies.append(await self._ask_for_content())
            else:
                replies += await channel.pipeline(group, goes_on=group[-1] is commands.DATA)
            self._has_begun = True

    async def _ask_for_content(self) -> Reply:
        self._phase = Phase.DATA
        return await self._channel.exchange(commands.DATA, Deadline(self._channel.timeouts.initiation, "reply to DATA"))

    def _is_hopeful(self) -> bool:
        """Whether, going by the replies so far, anybody may still get the mail."""
        replies = self._replies[self._first :]
        if self._replies and self._replies[-1].code == _SERVICE_CLOSING:
            return False
        if not replies:
            return True
        if replies[0].severity is not Severity.COMPLETION:
            return False
        asked = replies[1 : 1 + len(self.mail.envelope.rcpts)]
        if self.mail.all_or_nothing and any(reply.severity is not Severity.COMPLETION for reply in asked):
            return False
        if len(asked) < len(self.mail.envelope.rcpts):
            return True
        return any(reply.severity is Severity.COMPLETION for reply in asked)

    async def _judge_envelope(self) -> None:
        replies, asked = self._replies[self._first :], len(self.mail.envelope.rcpts)
        if not replies:
            self._channel.look_for_news()  # the answer to RSET was a 421, which this raises
        data_reply = replies.pop() if self._with_data and len(replies) == asked + 2 else None
        try:
            self._judge_sender(replies[0])
            self._judge_recipients(replies[1:])
        except (SMTPSenderRefused, SMTPRecipientsRefused):
            if data_reply is not None and data_reply.severity is Severity.INTERMEDIATE:
                await self._send_lone_dot()
            raise
        self._phase = Phase.DATA
        if not self.mail.by_chunks:
            self._judge_data(data_reply or await self._ask_for_content())

    def _judge_sender(self, reply: Reply) -> None:
        self._phase = Phase.MAIL
        if reply.severity is not Severity.COMPLETION:
            raise refusal(SMTPSenderRefused, reply, self.mail.envelope.mail, self._channel, self.mail.envelope.sender)
        self._session.needs_reset = True

    def _judge_recipients(self, replies: Sequence[Reply]) -> None:
        self._phase = Phase.RCPT
        envelope = self.mail.envelope
        for place, reply in enumerate(replies):
            if reply.severity is Severity.COMPLETION:
                self._accepted.append(place)
            else:
                recipient, command = envelope.recipients[place], envelope.rcpts[place]
                self._refused.append(refusal(SMTPRecipientRefused, reply, command, self._channel, recipient))
        if replies and replies[-1].code == _SERVICE_CLOSING:
            # Nobody gets the mail, those who had been accepted included (RFC 5321 §3.8).
            parting, known = replies[-1], {refused.recipient for refused in self._refused}
            self._refused += (
                SMTPRecipientRefused(parting.code, parting.text, other, reply=parting, peer=self._channel.peer)
                for other in envelope.recipients
                if other not in known
            )
            self._accepted = []
        if not self._accepted or (self._refused and self.mail.all_or_nothing):
            raise SMTPRecipientsRefused(self._refused, peer=self._channel.peer)

    def _judge_data(self, reply: Reply) -> None:
        if reply.severity is not Severity.INTERMEDIATE:
            raise refusal(SMTPDataError, reply, commands.DATA, self._channel)

    async def _send_lone_dot(self) -> None:
        # RFC 2920 §3.1: "the client cannot assume that the DATA command will be rejected just because none of the
        # RCPT TO commands worked"; "if the DATA command was accepted the client SMTP should send a single dot."
        self.delivery = Delivery.REFUSED
        try:
            reply = await self._channel.payload(_LONE_DOT)
            if reply.severity in (Severity.PRELIMINARY, Severity.INTERMEDIATE):
                raise refusal(SMTPDataError, reply, None, self._channel)
            self._session.needs_reset = False
        except TransferError:
            pass  # the channel is BROKEN; the refusal is what the caller is to hear of
        finally:
            # Nobody was to get this mail, so nothing about it is uncertain.
            self._channel.payload_ended = False

    # -- the content ---------------------------------------------------------------------------------------------------

    async def deliver(self, then: Transaction | None = None) -> Reply:
        """Send the content of the opened transaction and return the server's last word, which is 2yz.

        Args:
            then: the transaction that follows on this session; its envelope, or the beginning of it, goes in the same
                flight if the server offers PIPELINING.

        Raises:
            SMTPDataError, SMTPRecipientsRefused (LMTP): nobody gets the mail.
            SMTPDeliveryUncertain: the connection was lost after the end of the content; never to be repeated blindly.
            SMTPServerDisconnected, SMTPReadTimeoutError, SMTPProtocolError: lost before that; the mail was not taken.

        Cancellation: the channel is BROKEN, and ``delivery`` says what is known.
        """
        content = self.mail.content
        self._phase = Phase.BODY
        group = then.first_group() if then is not None else ()
        if then is not None:
            then._ahead = len(group)
        try:
            if self.mail.by_chunks:
                reply = await send_chunks(self._channel, content, then=group, replies=self._awaited)
            else:
                reply = await self._channel.payload(content.for_data(), then=group, replies=self._awaited)
            self._phase = Phase.END
            self._session.needs_reset = self.mail.by_chunks and reply.severity is not Severity.COMPLETION
            self._final.append(reply)
            if self._awaited > 1:
                await self._hear_further_replies()
            return self._judge_end()
        except BaseException as exc:
            self._fail(exc)
            raise
        finally:
            await content.close()

    async def run(self) -> Reply:
        """:meth:`open` and :meth:`deliver`; after an error the server is brought back to where a mail may begin."""
        try:
            await self.open()
            return await self.deliver()
        except SMTPException:
            await self._reset()
            raise

    async def run_content(self) -> Reply:
        """Ask for the content of an envelope that was sent step by step, and send it; nothing is reset."""
        try:
            reply = await self._ask_for_content()
            self._has_begun = True
            self._judge_data(reply)
        except BaseException as exc:
            self._fail(exc)
            raise
        return await self.deliver()

    @property
    def _awaited(self) -> int:
        """How many replies the content has: LMTP gives one for each accepted recipient (RFC 2033 §4.2)."""
        return len(self._accepted) if self._session.is_lmtp else 1

    async def _hear_further_replies(self) -> None:
        deadline = Deadline(self._channel.timeouts.termination, "replies to the message")
        while len(self._final) < self._awaited and self._channel.is_open:
            self._final += await self._channel.next_replies(1, deadline)

    def _judge_end(self) -> Reply:
        for reply in self._final:
            if reply.severity is Severity.COMPLETION:
                self.delivery = Delivery.ACCEPTED
                return reply
        if not self._session.is_lmtp:
            raise refusal(SMTPDataError, self._final[0], None, self._channel)
        self._refused += (
            refusal(SMTPRecipientRefused, reply, None, self._channel, self.mail.envelope.recipients[place])
            for place, reply in zip(self._accepted, self._final, strict=False)
        )
        raise SMTPRecipientsRefused(self._refused, peer=self._channel.peer)

    # -- what became of it ---------------------------------------------------------------------------------------------

    @property
    def has_refusals(self) -> bool:
        """Whether anybody was refused, by a reply to RCPT or to the content."""
        return bool(self._refused) or any(reply.severity is not Severity.COMPLETION for reply in self._final)

    @property
    def last_reply(self) -> Reply | None:
        """The reply to the content by which the server took it; None if it did not."""
        return next((reply for reply in self._final if reply.severity is Severity.COMPLETION), None)

    def recipient_reports(self) -> list[RecipientReport]:
        """Tell the fate of each recipient as far as it is known, in the envelope's order."""
        # Whatever was said to RCPT without a MAIL says nothing of the recipients.
        asked = self._replies[self._first + 1 :] if self._phase is not Phase.MAIL else []
        answers = dict(zip(self._accepted, self._final, strict=False))
        reports = []
        for place, address in enumerate(self.mail.envelope.recipients):
            reply, phase = asked[place] if place < len(asked) else None, Phase.RCPT
            if reply is None or reply.severity is Severity.COMPLETION:
                reply, phase = answers.get(place) or self._common_answer(), Phase.END
            if reply is not None:
                status = status_of(reply, phase)
            else:
                (status, reply), phase = self._rest, self._phase
            response = None if reply is None else response_from(reply)
            reports.append(RecipientReport(address=address, status=status, phase=phase, response=response))
        return reports

    def _common_answer(self) -> Reply | None:
        """Return the reply to the content that counts for everybody: SMTP's only one, or a parting 421."""
        if self._final and (not self._session.is_lmtp or self._final[-1].code == _SERVICE_CLOSING):
            return self._final[-1]
        return None

    def postponed(self) -> Prepared | None:
        """Return the mail for those recipients who were one too many in this transaction; None if there is nobody.

        Each transaction takes somebody, so there is an end of them. RFC 5321 §4.5.3.1.10: "the client SHOULD
        distribute" such recipients over further transactions; a server may say 552 where it means 452.
        """
        if self.delivery is not Delivery.ACCEPTED or not self._refused or not self.mail.content.is_repeatable:
            return None
        asked = self._replies[self._first + 1 :]
        places = [place for place in range(len(self.mail.envelope.rcpts)) if is_too_many(asked[place])]
        return attrs.evolve(self.mail, envelope=self.mail.envelope.only(places)) if places else None

    # -- the end -------------------------------------------------------------------------------------------------------

    async def _reset(self) -> None:
        """Bring the server back to where a new mail may begin, as far as it still listens."""
        if self._channel.is_open:
            self._session.needs_reset = False
            with contextlib.suppress(TransferError):
                await self._channel.exchange(commands.RSET)

    def _fail(self, exc: BaseException) -> None:
        """Note how the transaction ended; give up what was interrupted.

        Raises:
            SMTPDeliveryUncertain: for an error of ours after which the server may have the mail.
        """
        is_answer = isinstance(exc, SMTPResponseException | SMTPRecipientsRefused)
        if is_answer and not isinstance(exc, SMTPProtocolError):
            self.delivery = Delivery.REFUSED
            reply = exc.reply if isinstance(exc, SMTPResponseException) else None
            if reply is not None:
                self._rest = status_of(reply, self._phase), reply
            return
        if self._has_begun:
            self._channel.abandon(exc)
        if isinstance(exc, DisconnectedError) and exc.reply is not None:
            self._rest = status_of(exc.reply, self._phase), exc.reply
        if not self._channel.payload_ended or self._phase not in (Phase.BODY, Phase.END):
            return
        self.delivery = Delivery.UNKNOWN
        self._phase, self._rest = Phase.END, (RecipientStatus.UNKNOWN, None)
        if not isinstance(exc, TransferError):
            return
        message = f"The mail may or may not have been taken: {exc.args[-1]}"
        if isinstance(exc, TransferTimeoutError):
            raise SMTPDeliveryUncertainTimeout(message, phase=exc.phase, seconds=exc.seconds, peer=exc.peer) from exc
        if isinstance(exc, DisconnectedError):
            raise SMTPDeliveryUncertainDisconnected(message, reply=exc.reply, errno=exc.errno, peer=exc.peer) from exc
        raise SMTPDeliveryUncertain(message, peer=exc.peer) from exc

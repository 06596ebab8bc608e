"""One mail over one session: as many transactions as its recipients need, and one report of them all."""

from __future__ import annotations

from transfer._wire.reply import Reply
from transfer.smtp._errors import SMTPDeliveryUncertain, SMTPException
from transfer.smtp._report import Delivery, RecipientReport, Report
from transfer.smtp._response import SMTPResponse, response_from
from transfer.smtp._session import Session
from transfer.smtp._transaction import Prepared, Transaction

__all__ = ["Dispatch"]


class Dispatch:
    """A mail that is fit for the server of *session*, on its way there; made for it, run once.

    Whoever wants to send several mails in a row without waiting drives ``current`` by itself, and asks
    :meth:`advance` after each for what is left of the mail.
    """

    def __init__(self, session: Session, mail: Prepared, *, follows: Transaction | None = None) -> None:
        self.current: Transaction = Transaction(session, mail, follows=follows)
        self._session = session
        self._earlier: list[Transaction] = []

    @property
    def delivery(self) -> Delivery:
        """The fate of the mail as far as it is known: the first transaction's, or that of one nobody can tell."""
        if self.current.delivery is Delivery.UNKNOWN or not self._earlier:
            return self.current.delivery
        return self._earlier[0].delivery

    async def run(self) -> Reply:
        """Send the mail and return the server's last word on it.

        Raises as ``Transaction.run``; what goes wrong once a part of the recipients have the mail is told by the
        report alone, unless nobody knows what became of the rest.
        """
        reply = await self.current.run()
        while self.advance():
            try:
                reply = await self.current.run()
            except SMTPDeliveryUncertain:
                raise
            except SMTPException:
                break
        return reply

    def advance(self) -> bool:
        """Go on to the transaction for those recipients for whom there was no room; False if there are none."""
        rest = self.current.postponed()
        if rest is None:
            return False
        self._earlier.append(self.current)
        self.current = Transaction(self._session, rest)
        return True

    def errors(self) -> dict[str, SMTPResponse]:
        """Return the recipients who do not get the mail, with the replies that said so."""
        if not self._earlier and not self.current.has_refusals:
            return {}
        return self.report(None).errors

    def report(self, mail: object, error: SMTPException | None = None) -> Report:
        """Tell what became of *mail*, which this was made from."""
        recipients: dict[str, RecipientReport] = {}
        for transaction in (*self._earlier, self.current):
            recipients |= {one.address: one for one in transaction.recipient_reports()}
        reply = next((each.last_reply for each in (self.current, *reversed(self._earlier)) if each.last_reply), None)
        return Report(
            mail=mail,
            recipients=tuple(recipients.values()),
            response=None if reply is None else response_from(reply),
            error=error,
            relay=self._session.channel.peer,
        )

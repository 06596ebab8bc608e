"""The commands of one mail's envelope, and how they are cut into groups."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from transfer._wire.command import Command
from transfer._wire.dialect import SMTP_CLIENT
from transfer.smtp import _commands as commands
from transfer.smtp._address import Mailbox
from transfer.smtp._errors import SMTPAddressError

__all__ = ["NOBODY", "Envelope", "cut_group"]

# Below the dialect's limits, so that a group never has to be cut in the middle of a command (RFC 2920 §3.1).
_GROUP_COMMANDS = 60
_GROUP_OCTETS = 7168


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
        rcpt_options: Sequence[Sequence[str]] = (),
        utf8: bool,
    ) -> Envelope:
        """Build the commands.

        Args:
            sender: the reverse-path.
            recipients: the forward-paths.
            mail_options: ESMTP parameters of MAIL.
            rcpt_options: those of RCPT, one sequence per recipient, or none at all.
            utf8: whether SMTPUTF8 is in force.

        Raises:
            SMTPAddressError: a command can't be written.
        """
        each = rcpt_options or ((),) * len(recipients)
        mail = commands.mail(sender, mail_options, utf8=utf8)
        rcpts = tuple(
            commands.rcpt(recipient, options, utf8=utf8) for recipient, options in zip(recipients, each, strict=True)
        )
        for command in (mail, *rcpts):
            if _size(command) > SMTP_CLIENT.queue_octets_limit:
                limit = SMTP_CLIENT.queue_octets_limit
                raise SMTPAddressError(f"{command.verb} with its parameters would be longer than {limit} octets")
        return cls(
            mail=mail, sender=sender.text, rcpts=rcpts, recipients=tuple(recipient.text for recipient in recipients)
        )

    def only(self, places: Sequence[int]) -> Envelope:
        """Return the same envelope with only those recipients that stand at *places*."""
        return attrs.evolve(
            self,
            rcpts=tuple(self.rcpts[place] for place in places),
            recipients=tuple(self.recipients[place] for place in places),
        )


NOBODY = Envelope(mail=commands.NOOP, sender="", rcpts=(), recipients=())
"""For a content whose envelope was sent step by step, outside of a transaction."""


def cut_group(everything: Sequence[Command], start: int) -> Sequence[Command]:
    """Return as many commands from *start* on as fit into one group."""
    octets = 0
    for place in range(start, len(everything)):
        octets += _size(everything[place])
        if place > start and (place - start == _GROUP_COMMANDS or octets > _GROUP_OCTETS):
            return everything[start:place]
    return everything[start:]


def _size(command: Command) -> int:
    """Count the octets that *command* takes on the wire, or a few more than that."""
    argument = command.argument or ""
    # UTF-8 takes at most four octets a character.
    return len(command.verb) + len(argument) * (1 if argument.isascii() else 4) + 3

"""Which commands may travel as one group."""

from __future__ import annotations

from collections.abc import Sequence

from transfer._wire.command import Command
from transfer._wire.dialect import Dialect

__all__ = ["group_fault"]

# RFC 2920 §3.1: EHLO, DATA, VRFY, EXPN, TURN, QUIT and NOOP "can only appear as the last command in a group"; BDAT's
# and AUTH's continuations and STARTTLS need an answer before anything else may be said.
_ONLY_LAST = frozenset({"EHLO", "HELO", "LHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "HELP"})
_NEVER_GROUPED = frozenset({"STARTTLS", "AUTH", "BDAT", ""})


def group_fault(commands: Sequence[Command], dialect: Dialect) -> str | None:
    """Say why *commands* can't be sent as one group, None if they can. RFC 2920 §3.1."""
    limit = dialect.queue_limit
    if not 1 <= len(commands) <= limit:
        return f"A group has 1 to {limit} commands, this one has {len(commands)}"
    for place, command in enumerate(commands, 1):
        verb = command.verb.upper()
        if verb in _NEVER_GROUPED or (verb in _ONLY_LAST and place < len(commands)):
            what = verb or "A line without a verb"
            return f"{what} can't be followed by others in a group"
    return None

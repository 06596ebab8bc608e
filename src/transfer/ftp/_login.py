"""USER, PASS, ACCT: as many of them as the server asks for, and nothing secret over a network in clear."""

from __future__ import annotations

from transfer._wire.command import Command
from transfer._wire.reply import Reply, Severity
from transfer.ftp import _commands as commands
from transfer.ftp._control import Control, check
from transfer.ftp._errors import FTPAuthenticationError, FTPNotSupported, StatusCodeError
from transfer.ftp._settings import DEFAULT_PASSWORD

__all__ = ["log_in"]

_NEED_ACCOUNT = 332
_EXPECTED = ("230", "33x")
# RFC 1635: the two names under which servers let everybody in, the password being a courtesy.
_ANONYMOUS = frozenset({"anonymous", "ftp"})
_NO_SECRETS = frozenset({"", DEFAULT_PASSWORD})


async def log_in(control: Control, user: str, password: str, account: str, *, allow_cleartext: bool) -> None:
    """Log in, with the answers that the server asks for, each at most once.

    Raises:
        FTPNotSupported: something secret would go over a network in clear; nothing was sent.
        InvalidCommand: an argument holds CR, LF or NUL, or can't be sent for another reason; nothing was sent.
        FTPAuthenticationError: the server refuses.
        StatusCodeError: the server refuses for another reason (421, 50x).

    RFC 959 §5.4 and §6, "login".
    """
    named = commands.user(user)
    answers = {"PASS": commands.pass_(password), "ACCT": commands.acct(account)}
    control.channel.require_sendable(named, *answers.values())
    open_to_all = user.lower() in _ANONYMOUS or password in _NO_SECRETS
    if not (open_to_all and not account) and not (control.is_encrypted or control.is_local or allow_cleartext):
        raise FTPNotSupported(
            f"the password of {user!r} would go over the network in clear: use TLS (upgrade_to_tls, ssl), or say "
            "allow_cleartext_auth=True; nothing was sent",
            peer=control.peer,
        )
    command, reply = named, await control.converse(named, _EXPECTED)
    while reply.severity is Severity.INTERMEDIATE:
        answer = _choose(reply, answers)
        if answer is None:
            break
        command, reply = answer, await control.converse(answer, _EXPECTED)
    _judge(reply, command, control)


def _choose(reply: Reply, answers: dict[str, Command]) -> Command | None:
    """Take from *answers* the one that *reply* asks for; an unlisted 3yz asks for what was not given yet."""
    order = ("ACCT",) if reply.code == _NEED_ACCOUNT else ("PASS",) if reply.code == 331 else ("PASS", "ACCT")
    return next((answers.pop(verb) for verb in order if verb in answers), None)


def _judge(reply: Reply, command: Command, control: Control) -> None:
    if reply.severity is Severity.COMPLETION:
        return
    # 421 says that there is no service, and 50x that there is no such command: neither speaks of the user.
    about_user = reply.code != 421 and not 500 <= reply.code <= 509
    check(reply, ("230",), command, peer=control.peer, error=FTPAuthenticationError if about_user else StatusCodeError)

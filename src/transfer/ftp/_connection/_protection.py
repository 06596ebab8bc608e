"""What is inside TLS: data connections by PROT, and commands until CCC."""

from __future__ import annotations

from transfer.ftp import _commands as commands
from transfer.ftp._control import Control, check
from transfer.ftp._errors import InvalidCommand

__all__ = ["agree_on_protection", "change_protection", "clear_commands"]

# "Bad sequence of commands", and "not logged in".
_LOGIN_FIRST = (503, 530)


async def agree_on_protection(control: Control, *, private: bool, may_wait: bool = False) -> None:
    """Agree on TLS for data connections, or on none, right after the handshake, implicit or not (RFC 4217 §9).

    With *may_wait* a server may want the login first; it is to be asked again after that, as
    ``protection_is_postponed`` says.

    Raises:
        StatusCodeError: the server refuses; the connection is closed, as nothing must go on in clear.

    Cancellation: the connection is closed, for the same reason.
    """
    channel = control.channel
    control.protection_is_postponed = False
    try:
        reply = await control.converse(commands.pbsz(), ("2xx",))
        if may_wait and reply.code in _LOGIN_FIRST:
            control.protection_is_postponed, control.is_private = True, private
            return
        check(reply, ("2xx",), commands.pbsz(), peer=control.peer)
        # A ticket of TLS 1.3 comes with the first octets after the handshake.
        channel.sessions.remember(channel.stream.tls)
        await change_protection(control, private=private)
    except BaseException as exc:
        channel.abandon(exc)
        raise


async def change_protection(control: Control, *, private: bool) -> None:
    """Have data connections inside TLS, or in clear, from the next one on (RFC 4217 §9).

    Raises:
        StatusCodeError: the server refuses, and nothing changes.
        InvalidCommand: commands are not inside TLS; nothing was sent.
    """
    _require_tls(control)
    await control.ask(commands.prot("P" if private else "C"), "2xx")
    control.is_private = private


async def clear_commands(control: Control) -> None:
    """Have commands go in clear from here on; data connections stay as they are (RFC 2228 §3, CCC).

    Raises:
        StatusCodeError: the server refuses, and nothing changes.
        InvalidCommand: commands are not inside TLS; nothing was sent.
        FTPDisconnected, FTPTimeoutError, FTPTLSError, FTPProtocolError: TLS did not end in order; the connection is
            closed.

    Cancellation: the connection is closed, as it is uncertain in which way the server goes on.
    """
    _require_tls(control)
    await control.ask(commands.CCC, "2xx")
    await control.channel.stop_tls()


def _require_tls(control: Control) -> None:
    if control.channel.is_open and not control.is_encrypted:
        raise InvalidCommand("the connection is not inside TLS; nothing was sent", peer=control.peer)

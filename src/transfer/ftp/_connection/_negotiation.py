"""What is said of oneself around a login: for which host, by which program, in which encoding, with which facts."""

from __future__ import annotations

import codecs
import contextlib

from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._connection._feat import features_of
from transfer.ftp._control import Control, check
from transfer.ftp._errors import StatusCodeError
from transfer.ftp._features import Features

__all__ = ["name_host", "negotiate"]

# What listings are made of here, in the order of RFC 3659 §7.5 and of what came later.
_FACTS = ("type", "size", "modify", "perm", "unix.mode", "unix.owner", "unix.ownername", "unix.group", "unix.groupname")


async def name_host(control: Control, name: str) -> None:
    """Say by which *name* the server was found, before the login; a server that does not know HOST has but one.

    Raises:
        StatusCodeError: it is none of the server's names (504).

    RFC 7151 §3.
    """
    command = commands.host(f"[{name}]" if ":" in name else name)
    reply = await control.converse(command, ())
    if reply.code not in (500, 502):
        check(reply, ("2xx",), command, peer=control.peer)


async def negotiate(control: Control, *, encoding: str, client_name: str | None) -> Features:
    """Ask for the server's features, and make use of them; what it refuses is left as it was.

    CLNT names this program, OPTS UTF8 ON is for servers that speak UTF-8 only then, and OPTS MLST asks for the facts
    that listings are made of here.
    """
    features = await features_of(control)
    if client_name is not None and "CLNT" in features:
        await _try(control, commands.clnt(client_name))
    if features.utf8 and codecs.lookup(encoding).name == "utf-8":
        await _try(control, commands.opts("UTF8", "ON"))
    wanted = tuple(fact for fact in _FACTS if fact in features.mlst_facts)
    if not set(wanted) <= set(features.mlst_default_facts):
        await _try(control, commands.opts("MLST", "".join(f"{fact};" for fact in wanted)))
    return features


async def _try(control: Control, command: Command) -> None:
    with contextlib.suppress(StatusCodeError):
        await control.ask(command, "2xx")

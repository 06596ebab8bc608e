"""The checksum of a file on the server, by HASH or by the commands before it."""

from __future__ import annotations

import contextlib

from transfer.ftp import _commands as commands
from transfer.ftp._checks._algorithms import ALGORITHMS, COMMANDS, Checksum, canonical_name
from transfer.ftp._checks._replies import parse_digits, parse_hash
from transfer.ftp._connection._feat import features_of
from transfer.ftp._control import Control
from transfer.ftp._errors import FTPNotSupported
from transfer.ftp._features import Features

__all__ = ["choose_algorithm", "remote_checksum"]


async def choose_algorithm(control: Control, wanted: str | None = None) -> str | None:
    """Return the strongest algorithm of the server's, or the *wanted* one; None if it has none, or not that one.

    Raises:
        ValueError: nobody has the wanted one.
    """
    offered = _offered(await features_of(control))
    for name in ALGORITHMS if wanted is None else (canonical_name(wanted),):
        if name in offered:
            return name
    return None


async def remote_checksum(control: Control, path: commands.Path, algorithm: str) -> Checksum:
    """Ask the server for the checksum of *path*.

    Args:
        control: the connection, with nothing owed.
        path: a file.
        algorithm: a name of ``ALGORITHMS`` that the server has offered.

    Raises:
        FTPNotSupported: it has not; nothing was sent.
        StatusCodeError: there is no such file, or the server refuses.
        FTPProtocolError: its reply can't be read; the connection is closed.

    draft-bryan-ftpext-hash §3, and the commands XCRC, XMD5, XSHA1, XSHA256 and XSHA512.
    """
    features = await features_of(control)
    if algorithm not in _offered(features):
        raise FTPNotSupported(f"The server offers no {algorithm}", peer=control.peer)
    # What is computed is what a transfer in this representation would carry.
    await control.represent("I")
    spelling = _by_hash(features).get(algorithm)
    if spelling is not None:
        # Compared and sent as the server spells it, which may know SHA256 and not SHA-256.
        selected = control.hash_algorithm or features.hash_selected
        if selected != spelling:
            await control.ask(commands.opts("HASH", spelling), "2xx")
        control.hash_algorithm = spelling
        reply = await control.ask(commands.hash_(path), "213")
        with control.closing_on_nonsense():
            return parse_hash(reply.text, algorithm)
    verb = next(verb for verb in COMMANDS[algorithm] if verb in features)
    reply = await control.ask(commands.checksum(verb, path), "2xx")
    with control.closing_on_nonsense():
        return parse_digits(reply.text, algorithm, str(path))


def _offered(features: Features) -> set[str]:
    by_command = {name for name, verbs in COMMANDS.items() if any(verb in features for verb in verbs)}
    return by_command.union(_by_hash(features))


def _by_hash(features: Features) -> dict[str, str]:
    """Return the algorithms of HASH that this side knows, and how the server spells each."""
    found = {}
    for name in features.hash_algorithms:
        with contextlib.suppress(ValueError):  # one that this side can't compute
            found[canonical_name(name)] = name
    return found

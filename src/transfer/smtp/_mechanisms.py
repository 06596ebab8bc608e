"""The mechanisms by name, in the order in which a login tries them, and what a refusal of one says of the others."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from functools import partial

from transfer.smtp._auth import CRAMMD5, EXTERNAL, LOGIN, PLAIN
from transfer.smtp._mechanism import Mechanism, MechanismFactory
from transfer.smtp._oauth import OAUTHBEARER, XOAUTH2
from transfer.smtp._scram import SCRAM

__all__ = [
    "MECHANISM_NAMES",
    "PASSWORD_MECHANISMS",
    "TOKEN_MECHANISMS",
    "Stage",
    "check_names",
    "make",
    "needs_no_password",
    "stage_of",
]


def _external(username: str | bytes, _: str | bytes) -> Mechanism:
    return EXTERNAL(username)


_FACTORIES: dict[str, MechanismFactory] = {
    "scram-sha-256-plus": partial(SCRAM, "SCRAM-SHA-256-PLUS"),
    "scram-sha-1-plus": partial(SCRAM, "SCRAM-SHA-1-PLUS"),
    "scram-sha-256": partial(SCRAM, "SCRAM-SHA-256"),
    "scram-sha-1": partial(SCRAM, "SCRAM-SHA-1"),
    "cram-md5": CRAMMD5,
    "plain": PLAIN,
    "login": LOGIN,
    "oauthbearer": OAUTHBEARER,
    "xoauth2": XOAUTH2,
    "external": _external,
}
MECHANISM_NAMES = tuple(_FACTORIES)
TOKEN_MECHANISMS = ("oauthbearer", "xoauth2")
PASSWORD_MECHANISMS = tuple(name for name in _FACTORIES if name not in {*TOKEN_MECHANISMS, "external"})


class Stage(enum.IntEnum):
    """How far a login has come: a refusal leaves those mechanisms to try that come later.

    A server has the password, or it has what one mechanism needs to check it. Where it lacks that, or cannot tie the
    exchange to TLS as this side does, a refusal says nothing of the password.
    """

    BOUND = 0
    """Tied to TLS, and checked by what the server keeps for SCRAM."""
    DIGEST = 1
    """Checked by what the server keeps for SCRAM or CRAM-MD5."""
    PASSWORD = 2
    """Checked by whatever the server keeps; the last word on a password, or a token."""
    OWN = 3
    """By other credentials."""


def stage_of(entry: str | MechanismFactory) -> Stage:
    """Return where in a login *entry* belongs."""
    if not isinstance(entry, str) or entry.lower() == "external":
        return Stage.OWN
    name = entry.lower()
    if name.startswith("scram-"):
        return Stage.BOUND if name.endswith("-plus") else Stage.DIGEST
    return Stage.DIGEST if name == "cram-md5" else Stage.PASSWORD


def make(entry: str | MechanismFactory, username: str | bytes, password: str | bytes) -> Mechanism:
    """Make the mechanism *entry* for one attempt."""
    factory = _FACTORIES[entry.lower()] if isinstance(entry, str) else entry
    return factory(username, password)


def needs_no_password(entry: str | MechanismFactory) -> bool:
    """Whether *entry* can do without a password, and perhaps without a user name."""
    return stage_of(entry) is Stage.OWN


def check_names(entries: Iterable[str | MechanismFactory]) -> None:
    """Raise ValueError for a name that no mechanism here has; TypeError for one str in the place of several."""
    if isinstance(entries, str):
        raise TypeError("mechanisms are a sequence of names and factories, not one str")
    for entry in entries:
        if isinstance(entry, str) and entry.lower() not in _FACTORIES:
            raise ValueError(f"there is no mechanism {entry[:40]!a} here, only {', '.join(_FACTORIES)}")

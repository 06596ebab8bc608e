"""FEAT, asked once for each connection."""

from __future__ import annotations

from transfer.ftp import _commands as commands
from transfer.ftp._control import Control
from transfer.ftp._features import Features, parse_features

__all__ = ["features_of"]


async def features_of(control: Control) -> Features:
    """Return what the server of *control* says that it can do; nothing, if it does not know FEAT.

    RFC 2389 §3.
    """
    if control.features is None:
        control.features = parse_features(await control.converse(commands.FEAT, ()))
    return control.features

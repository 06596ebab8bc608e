"""How a client has come to where it is, so that it can come there again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["Arrival", "Login"]


@attrs.frozen
class Login:
    """What was said to log in."""

    user: str
    password: str = attrs.field(repr=False)
    account: str = attrs.field(repr=False)


@attrs.define(kw_only=True)
class Arrival:
    """The steps to where a session is.

    Attributes:
        host: of the server.
        port: likewise.
        is_upgraded: whether TLS was begun by AUTH.
        context: the settings that were given for it, if any.
        is_private: whether data connections were put inside TLS or taken out of it, None for neither.
        login: how the login was done, if it was.
        directories: the directories that were changed to one after the other, ``..`` among them, since the last one
            that did not depend on those before it.
    """

    host: str
    port: int
    is_upgraded: bool = False
    context: SSLContext | None = None
    is_private: bool | None = None
    login: Login | None = None
    directories: list[str] = attrs.field(factory=list)

    def went_to(self, directory: str) -> None:
        """Note that the session has gone there."""
        if PurePosixPath(directory).is_absolute():
            self.directories.clear()
        self.directories.append(directory)

"""What is known of a server, kept for the next connection to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from transfer.ftp._features import Features

__all__ = ["ServerProfile"]

_VERSION = 1


@attrs.frozen(kw_only=True)
class ServerProfile:
    """What a server can do, as far as a client has found out; saves the next one from finding it out again.

    A profile is only believed of the very host and port that it is of, and only as long as it holds: what does not work
    any more is tried in the other ways, as without it, and the client's profile says so afterwards.

    Attributes:
        host: as it was connected to.
        port: likewise.
        ways: the passive commands, ``"epsv"`` and ``"pasv"``, that which works first.
        lacks: the verbs that it has said not to know, announced by FEAT or not.
        features: its reply to FEAT, name to parameters; None if it was not asked.
        clock_offset: how much later than UTC its clock is that LIST shows.
    """

    host: str
    port: int
    ways: tuple[str, ...] = ()
    lacks: frozenset[str] = frozenset()
    features: Mapping[str, str] | None = attrs.field(default=None, hash=False)
    clock_offset: timedelta = timedelta()

    def is_of(self, host: str, port: int) -> bool:
        """Whether it is of this server."""
        return (self.host.lower(), self.port) == (host.lower(), port)

    def as_features(self) -> Features | None:
        """The features in the form that a client works with."""
        return None if self.features is None else Features(dict(self.features))

    def to_json(self) -> str:
        """Return it as JSON, for :meth:`from_json`."""
        return json.dumps(
            {
                "version": _VERSION,
                "host": self.host,
                "port": self.port,
                "ways": self.ways,
                "lacks": sorted(self.lacks),
                "features": None if self.features is None else dict(self.features),
                "clock_offset": self.clock_offset.total_seconds(),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> ServerProfile:
        """Read what :meth:`to_json` has written.

        Raises:
            ValueError: it is something else.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            if found["version"] != _VERSION:
                raise ValueError(f"the version of the profile is {found['version']!r} and not {_VERSION}")
            return cls(
                host=str(found["host"]),
                port=int(found["port"]),
                ways=tuple(map(str, found["ways"])),
                lacks=frozenset(map(str, found["lacks"])),
                features=_as_features(found["features"]),
                clock_offset=timedelta(seconds=float(found["clock_offset"])),
            )
        except (KeyError, TypeError, AttributeError) as exc:
            raise ValueError(f"no profile of a server: {exc!r} is missing or wrong") from exc


def _as_features(found: Any) -> dict[str, str] | None:  # noqa: ANN401  # whatever is in the text
    return None if found is None else {str(name): str(parameters) for name, parameters in found.items()}

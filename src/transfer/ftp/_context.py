"""``Client.context``: a client that is connected and logged in for as long as a block lasts."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, TypeVar

import attrs

from transfer.ftp._client_files import FilesClient

__all__ = ["ClientContext"]

ClientT = TypeVar("ClientT", bound=FilesClient)


@attrs.frozen(eq=False)
class ClientContext(Generic[ClientT]):
    """What :meth:`Client.context` returns."""

    client: ClientT
    _host: str
    _port: int
    _user: str
    _password: str = attrs.field(repr=False)
    _account: str = attrs.field(repr=False)
    _upgrade_to_tls: bool
    _directories: tuple[str, ...] = ()

    async def __aenter__(self) -> ClientT:
        client = self.client
        try:
            await client.connect(self._host, self._port)
            if self._upgrade_to_tls:
                await client.upgrade_to_tls()
            await client.login(self._user, self._password, self._account)
            for directory in self._directories:
                await client.change_directory(directory)
        except BaseException:
            client.close()
            raise
        return client

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.client.__aexit__(exc_type, exc, traceback)

"""The client under the module name that existing programs import it from."""

from transfer.ftp._base import BaseClient
from transfer.ftp._client import Client
from transfer.ftp._listing import BasicListInfo, ListInfo, UnixListInfo
from transfer.ftp._streams._stream import DataConnectionThrottleStreamIO

__all__ = [
    "BaseClient",
    "BasicListInfo",
    "Client",
    "DataConnectionThrottleStreamIO",
    "ListInfo",
    "UnixListInfo",
]

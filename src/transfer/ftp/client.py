"""The client under the module name that existing programs import it from."""

from transfer.ftp._base import BaseClient
from transfer.ftp._client import Client

__all__ = ["BaseClient", "Client"]

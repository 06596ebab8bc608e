"""One file of a mirror, moved by a client.

What ``upload`` and ``download`` find out first, whether it is a file or a tree and where it goes, the plan has said.
That spares a command and its reply for each file, and what has become a directory meanwhile is an error and not a tree.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from transfer._net.progress import Meter
from transfer.ftp._mirror._action import MirrorAction
from transfer.ftp._transfers._download import download_one
from transfer.ftp._transfers._local import Storage
from transfer.ftp._transfers._options import TransferOptions, choose
from transfer.ftp._transfers._receiving import RemoteSource
from transfer.ftp._transfers._trees import file_source
from transfer.ftp._transfers._upload import upload_one

if TYPE_CHECKING:
    from transfer.ftp._client_transfers import TransfersClient

__all__ = ["receive_planned", "send_planned"]


async def receive_planned(
    client: TransfersClient,
    storage: Storage,
    action: MirrorAction,
    source: PurePosixPath,
    destination: Path,
    options: TransferOptions,
) -> None:
    """Receive the file *source* of *action* to be *destination* in *storage*, in a directory that is there.

    Raises:
        PathIOError, StatusCodeError, FTPException: as :meth:`TransfersClient.download`.
    """
    chosen = choose(options, atomic=True)
    file = RemoteSource(path=source, size=action.size)
    meter = Meter(chosen.progress, total=action.size if chosen.has_offsets else None)
    await download_one(client._attempts(chosen), storage, file, destination, chosen, meter)
    meter.finish()


async def send_planned(
    client: TransfersClient, storage: Storage, source: Path, destination: PurePosixPath, options: TransferOptions
) -> None:
    """Send the file *source* in *storage* to be *destination*, in a directory that is there.

    Raises:
        PathIOError, StatusCodeError, FTPException: as :meth:`TransfersClient.upload`.
    """
    chosen = choose(options, atomic=False)
    file = file_source(storage, source, await storage.stat(source))
    meter = Meter(chosen.progress, total=file.size)
    await upload_one(client._attempts(chosen), file, destination, chosen, meter)
    meter.finish()

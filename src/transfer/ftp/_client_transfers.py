"""``TransfersClient``: files and trees to the server and back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Unpack

from transfer._net.progress import Meter
from transfer.ftp._checks import Checksum, canonical_name, choose_algorithm, remote_checksum
from transfer.ftp._client_streams import StreamsClient
from transfer.ftp._errors import FTPNotSupported, StatusCodeError
from transfer.ftp._session import Session
from transfer.ftp._settings import DEFAULT_BLOCK_SIZE
from transfer.ftp._transfers import _trees
from transfer.ftp._transfers._attempts import Attempts
from transfer.ftp._transfers._download import download_into
from transfer.ftp._transfers._jobs import one_by_one
from transfer.ftp._transfers._options import Options, TransferOptions, choose
from transfer.ftp._transfers._sources import Source, source_of
from transfer.ftp._transfers._targets import check_local, local_target, remote_target
from transfer.ftp._transfers._upload import append_one, upload_one

__all__ = ["TransfersClient"]

Upload = str | Path | BinaryIO | AsyncIterable[bytes] | Iterable[bytes]
"""What can be uploaded: a path on this side, an open binary file, blocks of bytes."""


class TransfersClient(StreamsClient):
    """What :class:`Client` does with files; the options are explained at ``TransferOptions``."""

    async def upload(
        self,
        source: Upload,
        destination: str | PurePosixPath = "",
        *,
        write_into: bool = False,
        block_size: int = DEFAULT_BLOCK_SIZE,
        **options: Unpack[TransferOptions],
    ) -> None:
        """Send the file or tree *source* into the directory *destination*, or under that name with *write_into*.

        An open binary file is sent from its position on, and blocks of bytes as they come; *destination* is the new
        name then, whatever *write_into* says.

        Args:
            source: on this side: a path, an open binary file, or an iterable, asynchronous or not, of bytes.
            destination: on the server; directories that are missing are made.
            write_into: whether *destination* is the new name, and not the directory that *source* goes into.
            block_size: bytes; kept for programs that give it. Blocks are as large as the system moves best.
            options: as explained at :class:`TransferOptions`.

        Raises:
            PathIOError: *source* is not there, or can't be read.
            StatusCodeError: the server refuses, at first or in the end ("552 quota exceeded").
            FTPIncompleteTransfer: what has arrived is not what was sent, or *source* can't be read a second time.
            FTPNotSupported: the server can't do what an option asks for.
            FTPException: the connection failed; :attr:`is_connected` tells whether that of commands did.
            ValueError, TypeError: an option can't be so, or a text file was given; nothing was sent.

        Cancellation: the connection is in step, or closed. What was sent stays, unless the upload is atomic.
        """
        chosen = choose(options, atomic=False)
        opened = source_of(source)
        if opened is None:
            local = Path(source)  # type: ignore[arg-type]  # nothing else is left
            target = remote_target(local, destination, write_into=write_into, block_size=block_size)
            await _trees.upload(self._attempts(chosen), self.path_io, local, target, chosen, one_by_one)
            return
        meter = Meter(chosen.progress, total=opened.size)
        await upload_one(self._attempts(chosen), opened, _named(destination), chosen, meter)
        meter.finish()

    async def append(
        self, source: Upload, destination: str | PurePosixPath, **options: Unpack[TransferOptions]
    ) -> None:
        """Send *source* to the end of the file *destination*, which is made if it is not there (APPE).

        An append that was lost half-way is not repeated: what is there already can't be told from what was before.

        Args:
            source: as for :meth:`upload`, but no directory.
            destination: a file on the server.
            options: ``conn_type`` and ``progress``.

        Raises:
            ValueError: another option was given.
            PathIOError, StatusCodeError, FTPException: as for :meth:`upload`.
        """
        if unknown := options.keys() - {"conn_type", "progress"}:
            raise ValueError(f"append has no option {', '.join(sorted(unknown))}")
        chosen = choose(options, atomic=False)
        opened = source_of(source)
        if opened is None:
            check_local(source, DEFAULT_BLOCK_SIZE)
            opened = await self._file_source(Path(source))  # type: ignore[arg-type]  # nothing else is left
        meter = Meter(chosen.progress, total=opened.size)
        await append_one(self._attempts(chosen), opened, _named(destination), chosen, meter)
        meter.finish()

    async def download(
        self,
        source: str | PurePosixPath,
        destination: str | Path | BinaryIO = "",
        *,
        write_into: bool = False,
        block_size: int = DEFAULT_BLOCK_SIZE,
        **options: Unpack[TransferOptions],
    ) -> None:
        """Receive the file or tree *source* into the directory *destination*, or under that name with *write_into*.

        A file has its name when it is complete. Until then it is called ``NAME.….part``, which is removed when the
        download fails, unless it is to be resumed. Into an open binary file the octets are written as they come.

        Args:
            source: on the server.
            destination: on this side: a path, or an open binary file.
            write_into: whether *destination* is the new name, and not the directory that *source* goes into.
            block_size: bytes; kept for programs that give it. Blocks are as large as the system moves best.
            options: as explained at :class:`TransferOptions`.

        Raises:
            PathIOError: something can't be written on this side, or a link is in the way there.
            FTPIncompleteTransfer: fewer bytes came than the file has, or others.
            FTPProtocolError: a name in a tree would lead out of *destination*; nothing of its directory was written.
            FTPNotSupported: the server can't do what an option asks for.
            StatusCodeError: the server refuses, at first or in the end.
            FTPException: the connection failed.
            ValueError, TypeError: an option can't be so, or a text file was given; nothing was sent.

        Cancellation: the connection is in step, or closed.
        """
        chosen = choose(options, atomic=True)
        if not isinstance(destination, str | Path):
            await self._download_into(source, destination, chosen)
            return
        target = local_target(source, destination, write_into=write_into, block_size=block_size)
        await _trees.download(self._attempts(chosen), self.path_io, source, target, chosen, one_by_one)

    async def checksum(self, path: str | PurePosixPath, algorithm: str | None = None) -> Checksum:
        """Ask the server for the checksum of the file *path*.

        Args:
            path: on the server.
            algorithm: ``"SHA-512"``, ``"SHA-256"``, ``"SHA-1"``, ``"MD5"`` or ``"CRC32"``; by default the first of
                these that the server has.

        Raises:
            FTPNotSupported: it has none, or not that one.
            StatusCodeError: there is no such file, or the server refuses.
            ValueError: there is no such algorithm.
        """
        wanted = None if algorithm is None else canonical_name(algorithm)
        control = (await self._ready()).control
        chosen = await choose_algorithm(control, wanted)
        if chosen is None:
            raise FTPNotSupported(f"The server offers no {wanted or 'checksum'}", peer=control.peer)
        return await remote_checksum(control, path, chosen)

    async def _download_into(self, source: str | PurePosixPath, file: BinaryIO, options: Options) -> None:
        if not hasattr(file, "write") or hasattr(file, "encoding"):
            raise TypeError(f"a destination is a path or a file opened in binary mode, not {file!r}")
        attempts = self._attempts(options)
        found, refusal = await attempts.do(lambda session: _trees.look_at(session, source))
        remote = _trees.remote_file_at(source, found)
        meter = Meter(options.progress, total=remote.size if options.has_offsets else None)
        try:
            await download_into(attempts, remote, file, options, meter)
        except StatusCodeError as exc:
            raise exc from refusal
        meter.finish()

    async def _file_source(self, path: Path) -> Source:
        return _trees.file_source(self.path_io, path, await self.path_io.stat(path))

    def _attempts(self, options: Options) -> Attempts:
        find = self._ready if options.retry is None else self._renew

        @contextlib.asynccontextmanager
        async def lend() -> AsyncIterator[Session]:
            yield await find()

        return Attempts(lend=lend, policy=options.retry)


def _named(destination: str | PurePosixPath) -> PurePosixPath:
    path = PurePosixPath(destination)
    if not path.name:
        raise ValueError(f"what has no name of its own needs one on the server, not {str(destination)!r}")
    return path

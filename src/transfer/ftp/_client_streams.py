"""``StreamsClient``: transfers whose data is in the hands of the caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from transfer._wire.command import Command
from transfer.ftp import _commands as commands
from transfer.ftp._base import Codes, parse_command
from transfer.ftp._client_files import FilesClient
from transfer.ftp._code import Code, wrap_into_codes
from transfer.ftp._common._iterating import AsyncEnterable, async_enterable
from transfer.ftp._control import check
from transfer.ftp._errors import InvalidCommand
from transfer.ftp._settings import check_passive_commands
from transfer.ftp._streams._file import RemoteFile, open_file
from transfer.ftp._streams._passive import PassiveStreamIO
from transfer.ftp._streams._stream import DataConnectionThrottleStreamIO, ThrottleStreamIO
from transfer.ftp._transfers._remote import exact_size

__all__ = ["StreamsClient"]

_SENDING = frozenset({"STOR", "APPE", "STOU"})


class StreamsClient(FilesClient):
    """What :class:`Client` does to give data connections to its caller.

    Until a stream is finished its client serves nothing else.
    """

    def upload_stream(
        self, destination: str | PurePosixPath, *, offset: int = 0
    ) -> AsyncEnterable[DataConnectionThrottleStreamIO]:
        """Open a stream that writes the file *destination*; ``await`` the result, or enter it with ``async with``.

        Args:
            destination: on the server.
            offset: where in the file to begin, in bytes (REST).

        Raises:
            StatusCodeError: the server refuses.
            FTPException: as for data connections and exchanges.
        """
        return self._open_stream(commands.stor(destination), offset)

    def append_stream(
        self, destination: str | PurePosixPath, *, offset: int = 0
    ) -> AsyncEnterable[DataConnectionThrottleStreamIO]:
        """Open a stream that writes to the end of *destination*; the rest as :meth:`upload_stream`."""
        return self._open_stream(commands.appe(destination), offset)

    def download_stream(
        self, source: str | PurePosixPath, *, offset: int = 0
    ) -> AsyncEnterable[DataConnectionThrottleStreamIO]:
        """Open a stream that reads the file *source*; the rest as :meth:`upload_stream`."""
        return self._open_stream(commands.retr(source), offset)

    @async_enterable
    async def open(self, path: str | PurePosixPath, mode: str = "rb") -> RemoteFile:
        """Open the file *path* as a file object; ``await`` the result, or enter it with ``async with``.

        Args:
            path: on the server.
            mode: ``"rb"`` reads a file, ``"wb"`` writes a new one, ``"ab"`` writes to the end of one, and ``"r+b"``
                reads and writes one. Other places than the next are found by REST; for writing, not every server
                allows that.

        Raises:
            StatusCodeError: the server refuses.
            ValueError: there is no such *mode*.
            FTPException: as for data connections and exchanges.
        """

        async def measure() -> int | None:
            return await exact_size(await self._ready(), path)

        return await open_file(path, mode, start=self._stream, measure=measure)

    @async_enterable
    async def get_stream(
        self,
        command: str | None = None,
        expected_codes: Codes = (),
        wait_codes: Codes = (),  # noqa: ARG002  # programs give it
        censor_after: int | None = None,
        conn_type: str = "I",
        offset: int = 0,
    ) -> DataConnectionThrottleStreamIO:
        """Open the stream of any *command* that has one; ``await`` the result, or enter it with ``async with``.

        Args:
            command: a whole line.
            expected_codes: masks of the reply that opens it, ``"1xx"`` as a rule; without any, all are welcome that
                come with data.
            wait_codes: kept for programs that give it.
            censor_after: from this letter on the command is a secret.
            conn_type: the representation type.
            offset: where in the file to begin, in bytes (REST).

        Raises:
            StatusCodeError: the server refuses.
            InvalidCommand: there is no command, or it can't be sent.
        """
        if not command:
            raise InvalidCommand("a stream is that of a command, and none was given; nothing was sent")
        line = parse_command(command, censor_after)
        return await self._stream(line, offset, conn_type, wrap_into_codes(expected_codes))

    async def get_passive_connection(
        self, conn_type: str = "I", commands: Sequence[str] | None = None
    ) -> tuple[ThrottleStreamIO, ThrottleStreamIO]:
        """Open a data connection for a command that the program sends itself.

        Args:
            conn_type: the representation type.
            commands: the passive commands in the order in which they are tried; ``passive_commands`` without them.

        Returns:
            What to read from and what to write to, which are the same; ``async with`` it, so that the server is told
            where the data ends. TLS begins with the first byte read or written: after the command's 1yz.

        Raises:
            ValueError: *commands* holds others than ``"epsv"`` and ``"pasv"``, or none.
            FTPException: as for data connections.
        """
        session = await self._ready()
        ways = None if commands is None else check_passive_commands(commands)
        stream = PassiveStreamIO(session, await session.data.dial(conn_type, ways))
        return stream, stream

    # -- the rest ----------------------------------------------------------------------------------------------------

    async def abort(self, *, wait: bool = True) -> None:  # noqa: ARG002  # programs give it
        """End the transfer under way, if there is one, and say ABOR otherwise.

        Args:
            wait: kept for programs that give it: what the server says is waited for in any case, so that the next
                command is not answered by it.

        Cancellation: the connection is closed.
        """
        control = (await self._ready()).control
        if not await control.under_way.abort():
            await control.converse(commands.ABOR, ("2xx",))

    @async_enterable
    async def _open_stream(self, command: Command, offset: int) -> DataConnectionThrottleStreamIO:
        return await self._stream(command, offset)

    async def _stream(
        self, command: Command, offset: int, representation: str = "I", expected: Iterable[Code] = ()
    ) -> DataConnectionThrottleStreamIO:
        session = await self._ready()
        transfer = session.data.transfer(command, representation=representation, offset=offset)
        with session.control.fating(command):
            reply = await transfer.start()
        check(reply, ("1xx", "2xx"), command, peer=session.control.peer)
        if expected and not any(Code(reply.code).matches(mask) for mask in expected):
            await transfer.abort()
            check(reply, tuple(expected), command, peer=session.control.peer)
        return DataConnectionThrottleStreamIO(session, transfer, command, sends=command.verb.upper() in _SENDING)

"""Every exception class of the package, raised by the client for its reason."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

import transfer
from tests.ftp.support import HELLO, connected, impatient
from tests.peers import CLOSE, HANG, MiniFTP, ScriptedPeer, expect_eof, expect_until, send
from transfer import ftp

Provoke = Callable[[MiniFTP, Path], Awaitable[object]]

# For the server, whose paths and ports they speak of; the base is never raised itself.
NOT_THE_CLIENT_S = {"FTPException", "PathIsNotAbsolute", "NoAvailablePort"}


async def logged_in(server: MiniFTP, **options: Any) -> ftp.Client:
    client = await connected(server, timeouts=impatient("reply", "close"), **options)
    await client.login("u", "p")
    return client


async def dial_nobody(server: MiniFTP, folder: Path) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        await ftp.Client().connect("127.0.0.1", sock.getsockname()[1])


async def lose_the_connection(server: MiniFTP, folder: Path) -> None:
    server.replies["NOOP"] = CLOSE
    await (await logged_in(server)).command("NOOP", "2xx")


async def wait_in_vain(server: MiniFTP, folder: Path) -> None:
    server.replies["NOOP"] = HANG
    await (await logged_in(server)).command("NOOP", "2xx")


async def trust_nobody(server: MiniFTP, folder: Path) -> None:
    await (await connected(server)).upgrade_to_tls(ssl.create_default_context())


async def be_unknown(server: MiniFTP, folder: Path) -> None:
    client = await connected(server)
    try:
        await client.login("u", "wrong")
    finally:
        client.close()


async def ask_for_what_is_not_there(server: MiniFTP, folder: Path) -> None:
    async with await logged_in(server) as client:
        await client.download("none", folder)


async def hear_nonsense(server: MiniFTP, folder: Path) -> None:
    server.replies["PWD"] = "257 somewhere, I guess"
    await (await logged_in(server)).get_current_directory()


async def read_nonsense(server: MiniFTP, folder: Path) -> None:
    server.replies["MLST"] = "250 yes"
    await (await logged_in(server)).stat("a")


async def send_a_secret_in_clear(server: MiniFTP, folder: Path) -> None:
    """Through a proxy: loopback alone is trusted."""
    with ScriptedPeer() as proxy:
        proxy.script(expect_until(b"\r\n\r\n"), send(b"HTTP/1.1 200 OK\r\n\r\n"), HELLO, expect_eof())
        client = ftp.Client(proxy=f"http://{proxy.host}:{proxy.port}")
        await client.connect(server.host, server.port)
        try:
            await client.login("u", "p")
        finally:
            client.close()


async def get_less_than_there_is(server: MiniFTP, folder: Path) -> None:
    server.replies |= {"MLST": "250 Here\n type=file;size=9; a\nEnd", "SIZE": "213 9"}
    async with await logged_in(server) as client:
        await client.download("a", folder)


async def write_where_nothing_can_be_written(server: MiniFTP, folder: Path) -> None:
    (folder / "file").touch()
    async with await logged_in(server) as client:
        await client.download("a", folder / "file" / "x")


async def say_two_commands_at_once(server: MiniFTP, folder: Path) -> None:
    async with await logged_in(server) as client:
        await client.remove_file("a\r\nDELE b")


async def mirror_what_is_empty(server: MiniFTP, folder: Path) -> None:
    server.directories.add("/empty")
    (folder / "precious").touch()
    async with await logged_in(server) as client:
        await client.mirror(folder, "/empty", delete=True)


REASONS: dict[type[ftp.FTPException], tuple[Provoke, type[BaseException], bool]] = {
    ftp.FTPConnectError: (dial_nobody, transfer.ConnectError, True),
    ftp.FTPDisconnected: (lose_the_connection, transfer.DisconnectedError, True),
    ftp.FTPTimeoutError: (wait_in_vain, transfer.TransferTimeoutError, True),
    ftp.FTPTLSError: (trust_nobody, transfer.TLSError, False),
    ftp.FTPAuthenticationError: (be_unknown, transfer.AuthenticationError, False),
    ftp.StatusCodeError: (ask_for_what_is_not_there, transfer.ReplyError, False),
    ftp.FTPProtocolError: (hear_nonsense, transfer.RemoteProtocolError, False),
    ftp.UnreadableLineError: (read_nonsense, transfer.RemoteProtocolError, False),
    ftp.FTPNotSupported: (send_a_secret_in_clear, transfer.UnsupportedError, False),
    ftp.FTPIncompleteTransfer: (get_less_than_there_is, transfer.IncompleteTransferError, True),
    ftp.PathIOError: (write_where_nothing_can_be_written, transfer.LocalFileError, False),
    ftp.InvalidCommand: (say_two_commands_at_once, transfer.LocalProtocolError, False),
    ftp.MirrorRefused: (mirror_what_is_empty, transfer.LocalProtocolError, False),
}
BUILT_IN = {
    ftp.FTPConnectError: ConnectionError,
    ftp.FTPDisconnected: ConnectionError,
    ftp.FTPTimeoutError: TimeoutError,
    ftp.FTPTLSError: ConnectionError,
    ftp.UnreadableLineError: ValueError,
    ftp.InvalidCommand: ValueError,
    ftp.MirrorRefused: ValueError,
}


@pytest.mark.parametrize("error", REASONS, ids=lambda error: error.__name__)
async def test_the_class_says_why(
    error: type[ftp.FTPException], server_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    provoke, category, retryable = REASONS[error]
    with MiniFTP(tls=server_tls_context, users={"u": "p"}, files={"/a": b"content"}) as server:
        with pytest.raises(ftp.AIOFTPException) as caught:
            await provoke(server, tmp_path)
        assert type(caught.value) is error
        assert isinstance(caught.value, category)
        assert isinstance(caught.value, BUILT_IN.get(error, Exception))
        assert caught.value.retryable is retryable
        assert str(caught.value)
        if not isinstance(caught.value, transfer.LocalFileError | transfer.LocalProtocolError | transfer.ConnectError):
            assert caught.value.peer == f"{server.host}:{server.port}"


def test_every_public_class_has_its_reason() -> None:
    public = [getattr(ftp, name) for name in ftp.__all__]
    errors = {error.__name__ for error in public if isinstance(error, type) and issubclass(error, Exception)}
    assert errors == {error.__name__ for error in REASONS} | NOT_THE_CLIENT_S

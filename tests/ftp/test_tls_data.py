"""TLS on data connections: after the 1yz, in the control connection's session, and cut off."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.ftp.support import answer, binary, connected, passive
from tests.peers import (
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    close_data,
    data_tls,
    expect,
    expect_eof,
    receive_data,
    reset_data,
    send,
    send_data,
    start_tls,
)
from transfer import ftp
from transfer._net.timeouts import Timeouts

CONTENT = b"0123456789"


@pytest.fixture
def secured(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> Callable[..., Any]:
    """Script a server with implicit TLS; the result connects a client to it."""

    async def connect(*steps: Step, timeouts: Timeouts | None = None, **options: Any) -> ftp.Client:
        peer.script(
            start_tls(server_tls_context),
            send(b"220 hello\r\n"),
            *answer(b"PBSZ 0", b"200 ok"),
            *answer(b"PROT P", b"200 ok"),
            *steps,
        )
        return await connected(peer, ssl=client_tls_context, timeouts=timeouts, **options)

    return connect


def retrieving(size: str = "size=10;") -> tuple[Step, ...]:
    """What goes before the data of ``download("a")``; with *size* the server shows it."""
    listed = b"250- a\r\n type=file;" + size.encode() + b" a\r\n250 end"
    return *answer(b"MLST a", listed), *binary(), *passive(), *answer(b"RETR a", b"150 go"), accept_data("d")


# -- the session -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
async def test_every_data_connection_resumes_the_session(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion, implicit: bool
) -> None:
    """Servers refuse data connections that do not (RFC 4217 §10.2)."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.maximum_version = version
    with MiniFTP(tls=server_tls_context, implicit_tls=implicit, require_reuse=True, files={"/a": CONTENT}) as server:
        async with ftp.Client.context(server.host, server.port, ssl=context if implicit else None) as client:
            if not implicit:
                await client.upgrade_to_tls(context)
            for _ in range(3):
                assert len(await client.list()) == 1
            await client.download("a", tmp_path)
            await client.upload(tmp_path / "a", "b", write_into=True)
        assert server.protected == [True] * 5
        assert server.files["/b"] == CONTENT


async def test_the_handshake_comes_after_the_preliminary_reply(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext
) -> None:
    client = await secured(
        *binary(),
        *passive(),
        *answer(b"MLSD", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context, resumed=True),
        send_data("d", b"type=file; x\r\n"),
        close_data("d"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    assert [path.name for path, _ in await client.list()] == ["x"]
    client.close()


async def test_the_end_of_an_upload_is_said_in_tls(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext, peer: ScriptedPeer, tmp_path: Path
) -> None:
    """Without close_notify the server could not tell a whole file from one that was cut off."""
    (tmp_path / "a").write_bytes(CONTENT)
    client = await secured(
        *binary(),
        *passive(),
        *answer(b"STOR a", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context, resumed=True),
        receive_data("d"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    await client.upload(tmp_path / "a")
    client.close()
    await peer.served()
    assert peer.captured["d"] == CONTENT
    assert peer.connections[0].data("d").close_notify


async def test_a_failed_upload_does_not_end_like_a_whole_one(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext, peer: ScriptedPeer, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(bytes(1_000_000))
    client = await secured(
        *binary(),
        *passive(),
        *answer(b"STOR a", b"150 go"),
        accept_data("d"),
        data_tls("d", server_tls_context),
        receive_data("d", 100),
        expect(b"ABOR\r\n"),
        send(b"426 aborted\r\n226 so it is\r\n"),
        expect_eof(),
        write_speed_limit=1_000_000,
    )

    def fail(progress: object) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        await client.upload(tmp_path / "a", progress=fail)
    client.close()
    await peer.served()
    assert not peer.connections[0].data("d").close_notify


# -- the handshake that fails ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instead", "said", "error"),
    [
        (close_data("d"), b"", ftp.FTPDisconnected),
        (reset_data("d"), b"", ftp.FTPDisconnected),
        (close_data("d"), b"425 no session\r\n", ftp.StatusCodeError),
        (close_data("d"), b"522 no session\r\n", ftp.StatusCodeError),
        (send_data("d", b"type=file; in-clear\r\n"), b"", ftp.FTPTLSError),
    ],
    ids=str,
)
async def test_data_never_goes_in_clear_instead(
    secured: Callable[..., Any], instead: Step, said: bytes, error: type[ftp.FTPException]
) -> None:
    steps = (*binary(), *passive(), *answer(b"MLSD", b"150 go"), accept_data("d"), instead)
    ended = (send(said),) if said else answer(b"ABOR", b"426 aborted", b"226 so it is")
    client = await secured(*steps, *ended, *answer(b"NOOP", b"200 ok"), expect_eof())
    with pytest.raises(error):
        await client.list()
    await client.command("NOOP", "200")
    client.close()


# -- cut off ---------------------------------------------------------------------------------------------------------


def cut_off(server: ssl.SSLContext, data: bytes = CONTENT, said: bytes = b"226 done") -> tuple[Step, ...]:
    return (
        data_tls("d", server),
        send_data("d", data),
        close_data("d", notify=False),
        send(said + b"\r\n"),
    )


async def test_a_file_of_the_size_that_the_server_names_is_whole(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    client = await secured(*retrieving(), *cut_off(server_tls_context), *answer(b"SIZE a", b"213 10"), expect_eof())
    await client.download("a", tmp_path)
    client.close()
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("shown", ["size=10;", ""])
@pytest.mark.parametrize(("size", "expected"), [(b"213 11", 11), (b"213 9", 9), (b"502 no", None), (b"213 x", None)])
async def test_a_file_of_another_size_or_none_is_not(
    secured: Callable[..., Any],
    server_tls_context: ssl.SSLContext,
    tmp_path: Path,
    shown: str,
    size: bytes,
    expected: int | None,
) -> None:
    client = await secured(*retrieving(shown), *cut_off(server_tls_context), *answer(b"SIZE a", size), expect_eof())
    with pytest.raises(ftp.FTPIncompleteTransfer, match="cut off") as caught:
        await client.download("a", tmp_path)
    assert (caught.value.transferred, caught.value.expected) == (10, expected)
    assert caught.value.retryable
    assert client.is_connected
    client.close()


@pytest.mark.parametrize(
    ("said", "error"), [(b"226 done", ftp.FTPIncompleteTransfer), (b"426 cut off", ftp.StatusCodeError)]
)
async def test_a_file_that_is_short_is_not_asked_about(
    secured: Callable[..., Any],
    server_tls_context: ssl.SSLContext,
    tmp_path: Path,
    said: bytes,
    error: type[ftp.FTPException],
) -> None:
    client = await secured(*retrieving(), *cut_off(server_tls_context, CONTENT[:4], said), expect_eof())
    with pytest.raises(error) as caught:
        await client.download("a", tmp_path)
    assert caught.value.retryable
    assert client.is_connected
    client.close()


async def test_a_listing_that_was_cut_off_is_incomplete(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext
) -> None:
    line = b"type=file; x\r\n"
    begin = (*binary(), *passive(), *answer(b"MLSD", b"150 go"), accept_data("d"))
    client = await secured(*begin, *cut_off(server_tls_context, line), *answer(b"NOOP", b"200 ok"), expect_eof())
    with pytest.raises(ftp.FTPIncompleteTransfer) as caught:
        await client.list()
    assert caught.value.transferred == len(line)
    assert caught.value.retryable
    await client.command("NOOP", "2xx")
    client.close()


async def test_servers_that_never_say_it_can_be_lived_with(
    secured: Callable[..., Any], server_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    second = (*passive("e"), *answer(b"MLSD", b"150 go"), accept_data("e"), data_tls("e", server_tls_context))
    client = await secured(
        *retrieving(""),
        *cut_off(server_tls_context),
        *second,
        send_data("e", b"type=file; x\r\n"),
        close_data("e", notify=False),
        send(b"226 done\r\n"),
        expect_eof(),
        require_close_notify=False,
    )
    await client.download("a", tmp_path)
    assert len(await client.list()) == 1
    client.close()
    assert (tmp_path / "a").read_bytes() == CONTENT

"""QUIT, close and the end of a block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.ftp.support import HELLO, Signal, answer, binary, connected, impatient, open_data
from tests.peers import CLOSE, HANG, MiniFTP, ScriptedPeer, expect, expect_eof, send
from transfer import ftp
from transfer._errors import TransferError


async def test_context_logs_in_and_says_goodbye(ftp_server: MiniFTP) -> None:
    ftp_server.users = {"u": "p"}
    async with ftp.Client.context(ftp_server.host, ftp_server.port, "u", "p") as client:
        assert isinstance(client, ftp.Client)
    assert ftp_server.commands == ["USER u", "PASS p", "QUIT"]
    assert not client.is_connected


async def test_context_gives_subclasses_of_the_client(ftp_server: MiniFTP) -> None:
    class Own(ftp.Client):
        pass

    async with Own.context(ftp_server.host, ftp_server.port, socket_timeout=5) as client:
        assert type(client) is Own


@pytest.mark.parametrize("verb", ["GREETING", "USER", "PASS"])
async def test_context_that_cannot_enter_closes(verb: str) -> None:
    with MiniFTP() as server:
        server.replies[verb] = "530 no"
        context = ftp.Client.context(server.host, server.port)
        with pytest.raises(ftp.StatusCodeError):
            await context.__aenter__()
        assert not context.client.is_connected
        await server.served()
        assert "QUIT" not in server.commands


@pytest.mark.parametrize("farewell", ["221 bye", "500 what?", "421 bye", CLOSE, HANG])
async def test_nothing_that_happens_while_leaving_undoes_what_was_done(farewell: str) -> None:
    with MiniFTP() as server:
        server.replies["QUIT"] = farewell
        async with ftp.Client.context(server.host, server.port, timeouts=impatient("close")) as client:
            await client.command("NOOP", "2xx")
        assert not client.is_connected
        await server.served()


@pytest.mark.parametrize("farewell", ["221 bye", "500 what?", CLOSE, HANG])
async def test_the_exception_of_the_body_comes_out_whatever_the_server_does(farewell: str) -> None:
    """Clean-up never replaces the caller's exception (I8)."""
    with MiniFTP() as server:
        server.replies["QUIT"] = farewell
        with pytest.raises(KeyError, match="mine"):
            async with ftp.Client.context(server.host, server.port, timeouts=impatient("close")) as client:
                raise KeyError("mine")
        assert not client.is_connected
        await server.served()
        assert server.commands[-1] == "QUIT"


async def test_after_an_error_quit_is_said_only_in_step(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        expect(b"USER anonymous\r\n"),
        send(b"230 in\r\n"),
        expect(b"SITE A\r\n"),
        send(b"150 working\r\n"),
        expect_eof(),
    )

    async def fail_in_the_middle() -> None:
        async with ftp.Client.context(peer.host, peer.port) as client:
            await client.command("SITE A", "1xx")
            raise KeyError

    with pytest.raises(KeyError):
        await fail_in_the_middle()


async def test_a_cancelled_body_still_says_goodbye(ftp_server: MiniFTP) -> None:
    with anyio.move_on_after(5) as scope:
        async with ftp.Client.context(ftp_server.host, ftp_server.port):
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    await ftp_server.served()
    assert ftp_server.commands[-1] == "QUIT"


async def test_a_client_is_a_context_by_itself(ftp_server: MiniFTP) -> None:
    async with ftp.Client() as client:
        pass
    async with ftp.Client() as client:
        await client.connect(ftp_server.host, ftp_server.port)
    assert not client.is_connected
    assert ftp_server.commands == ["QUIT"]


@pytest.mark.parametrize(
    ("answer", "error"), [("500 what?", ftp.StatusCodeError), (CLOSE, ftp.FTPDisconnected), (HANG, ftp.FTPTimeoutError)]
)
async def test_quit_closes_in_any_case(answer: str, error: type[TransferError]) -> None:
    with MiniFTP() as server:
        server.replies["QUIT"] = answer
        client = await connected(server, timeouts=impatient("reply"))
        with pytest.raises(error):
            await client.quit()
        assert not client.is_connected


def test_close_needs_no_event_loop() -> None:
    with MiniFTP() as server:
        client = ftp.Client()
        anyio.run(client.connect, server.host, server.port)
        client.close()
        client.close()
        assert not client.is_connected


@pytest.mark.parametrize("name", ["download", "upload", "list"])
async def test_close_by_another_task_ends_a_transfer(peer: ScriptedPeer, tmp_path: Path, name: str) -> None:
    """Both connections: the transfer has an end of its own, and nothing is left open."""
    (tmp_path / "x").write_bytes(bytes(20_000_000))
    command = {"download": b"RETR x", "upload": b"STOR x", "list": b"MLSD"}[name]
    shown = answer(b"MLST x", b"250- x\r\n type=file; x\r\n250 end") if name == "download" else ()
    begun = Signal()
    peer.script(HELLO, *shown, *binary(), *open_data(command), begun.given, expect_eof())
    client = await connected(peer)

    async def close() -> None:
        await begun.wait()
        client.close()

    async def transfer() -> None:
        calls: dict[str, Any] = {
            "download": lambda: client.download("x", tmp_path / "copy"),
            "upload": lambda: client.upload(tmp_path / "x"),
            "list": lambda: client.list()._collect(),
        }
        with pytest.raises(ftp.FTPDisconnected):
            await calls[name]()

    async with anyio.create_task_group() as group:
        group.start_soon(close)
        await transfer()
    assert not client.is_connected

"""A control connection that is kept alive while files are on their way."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ftp.support import HELLO, Signal, answer, binary, connected, open_data
from tests.harness import Mode, Outcome, cancel_everywhere
from tests.peers import Connection, MiniFTP, ScriptedPeer, Step, call, close_data, expect_eof, receive_data, send_data
from tests.peers.wire import Gone
from transfer import ftp
from transfer._net.timeouts import Timeouts

CONTENT = b"0123456789"
OFTEN = 0.01


def noops(count: int) -> Step:
    """Be nudged *count* times, and say so each time."""

    def play(connection: Connection) -> None:
        for _ in range(count):
            assert connection.wire.read_line() == b"NOOP"
            connection.wire.send(b"200 still here\r\n")

    return call(play)


def done_and_further(connection: Connection) -> None:
    """End the transfer; then answer whatever comes, among it nudges that were on their way."""
    connection.wire.send(b"226 done\r\n")
    with contextlib.suppress(Gone):
        while True:
            line = connection.wire.read_line()
            connection.wire.send({b"NOOP": b"200 ok\r\n", b"PWD": b'257 "/home"\r\n'}[line])


def stored(*steps: Step) -> tuple[Step, ...]:
    return HELLO, *binary(), *open_data(b"STOR a"), *steps, call(done_and_further), expect_eof()


@pytest.mark.parametrize(
    "steps",
    [(noops(3), receive_data("d")), (receive_data("d"), noops(3))],
    ids=["while data moves", "while the end is awaited"],
)
async def test_a_long_upload_says_noop(peer: ScriptedPeer, tmp_path: Path, steps: tuple[Step, ...]) -> None:
    (tmp_path / "a").write_bytes(bytes(30_000_000))
    peer.script(*stored(*steps))
    client = await connected(peer, noop_interval=OFTEN)
    await client.upload(tmp_path / "a")
    assert str(await client.get_current_directory()) == "/home"
    client.close()


async def test_a_long_download_says_noop(peer: ScriptedPeer, tmp_path: Path) -> None:
    listed = answer(b"MLST a", b"250-x\r\n type=file;size=10; a\r\n250 x")
    data = (noops(2), send_data("d", CONTENT), close_data("d"), call(done_and_further))
    peer.script(HELLO, *listed, *binary(), *open_data(b"RETR a"), *data, expect_eof())
    client = await connected(peer, noop_interval=OFTEN)
    await client.download("a", tmp_path)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert str(await client.get_current_directory()) == "/home"
    client.close()


async def test_what_goes_wrong_meanwhile_comes_out_as_it_is(peer: ScriptedPeer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(30_000_000))
    nudged = Signal()

    def take_until_aborted(connection: Connection) -> None:
        with contextlib.suppress(Gone):
            connection.data("d").read_to_end()
        while (line := connection.wire.read_line()) != b"ABOR":
            assert line == b"NOOP"
            connection.wire.send(b"200 ok\r\n")
        connection.wire.send(b"426 aborted\r\n")

    def fail(progress: object) -> None:
        if nudged.is_given:
            raise KeyError("mine")

    failing = (noops(1), nudged.given, call(take_until_aborted), call(done_and_further))
    peer.script(HELLO, *binary(), *open_data(b"STOR a"), *failing, expect_eof())
    client = await connected(peer, noop_interval=OFTEN, write_speed_limit=20_000_000)
    with pytest.raises(KeyError, match="mine"):
        await client.upload(tmp_path / "a", progress=fail)
    assert str(await client.get_current_directory()) == "/home"
    client.close()


async def test_a_cancelled_call_leaves_the_connection_in_step_or_closed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)

    @contextlib.asynccontextmanager
    async def one_server() -> AsyncIterator[tuple[ftp.Client, MiniFTP]]:
        with MiniFTP(client_may_leave=True) as server:
            client = ftp.Client(timeouts=Timeouts.uniform(5), noop_interval=60)
            await client.connect(server.host, server.port)
            await client.login()
            try:
                yield client, server
            finally:
                client.close()

    async def check(outcome: Outcome) -> None:
        client, server = outcome.subject
        if not client.is_connected:
            await client.connect(server.host, server.port)
        assert await client.command("NOOP", "xxx") == ("200", [" ok"])

    await cancel_everywhere(
        lambda subject: subject[0].upload(tmp_path / "a"),
        around=one_server,
        check=check,
        clean_up_points=3,
        modes=list(Mode)[:4],
    )


async def test_the_system_probes_an_idle_connection(ftp_server: MiniFTP) -> None:
    client = await connected(ftp_server)
    sock = client._session.control.channel.stream.raw_socket
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    client.close()

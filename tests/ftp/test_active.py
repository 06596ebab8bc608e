"""Active mode: the server makes the data connections, and nobody else gets in."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ftp.support import HELLO, answer, binary, connected, impatient
from tests.peers import (
    HANG,
    Connection,
    MiniFTP,
    ScriptedPeer,
    Step,
    call,
    close_data,
    connect_data,
    expect,
    expect_eof,
    expect_line,
    pause,
    receive_data,
    send,
    send_data,
    start_tls,
)
from tests.peers.descriptors import adopt
from tests.peers.descriptors import close as close_socket
from tests.peers.loopback import LOOPBACK
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS
from transfer.ftp._connection._active import open_doorway

CONTENT = b"0123456789" * 1000
LINE = b"type=file; x\r\n"


def offered(name: str = "port", *, reply: bytes = b"200 ok") -> tuple[Step, ...]:
    """Be told by EPRT where the client listens."""
    return expect_line(rb"EPRT \|1\|127\.0\.0\.1\|(?P<%s>\d+)\|" % name.encode()), send(reply + b"\r\n")


def listing(*between: Step, said: bytes = b"150 go\r\n") -> tuple[Step, ...]:
    """What begins a listing, up to its 1yz."""
    return HELLO, *binary(), *offered(), expect(b"MLSD\r\n"), *between, send(said)


def delivered(name: str = "d", port: str = "port") -> tuple[Step, ...]:
    return connect_data(name, port), send_data(name, LINE), close_data(name)


async def names(client: ftp.Client) -> list[str]:
    return [path.name for path, _ in await client.list()]


# -- how it comes about ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [LOOPBACK, "::1"], ids=["IPv4", "IPv6"])
async def test_files_and_listings_go_over_connections_that_the_server_makes(host: str, tmp_path: Path) -> None:
    with MiniFTP(files={"/a": CONTENT}, host=host) as server:
        async with ftp.Client.context(server.host, server.port, active=True) as client:
            assert len(await client.list()) == 1
            await client.download("a", tmp_path)
            await client.upload(tmp_path / "a", "b", write_into=True)
        assert server.files["/b"] == (tmp_path / "a").read_bytes() == CONTENT
        asked = {line.partition(" ")[0] for line in server.commands}
        assert "EPRT" in asked
        assert not asked & {"EPSV", "PASV", "PORT"}


async def test_a_server_that_knows_no_eprt_is_told_by_port_from_then_on() -> None:
    with MiniFTP(files={"/a": CONTENT}) as server:
        server.replies["EPRT"] = "500 what?"
        async with ftp.Client.context(server.host, server.port, active=True) as client:
            assert await names(client) == ["a"]
            assert await names(client) == ["a"]
        assert [line.partition(" ")[0] for line in server.commands if line[:4] in ("EPRT", "PORT")] == [
            "EPRT",
            "PORT",
            "PORT",
        ]


async def test_a_server_that_connects_to_nobody_is_a_refusal() -> None:
    with MiniFTP() as server:
        server.replies |= {"EPRT": "500 what?", "PORT": "501 not to you"}
        async with ftp.Client.context(server.host, server.port, active=True) as client:
            with pytest.raises(ftp.StatusCodeError) as caught:
                await client.list()
            assert caught.value.command is not None
            await client.command("NOOP", "200")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((*listing(), *delivered(), send(b"226 done\r\n")), "after"),
        ((*listing(*delivered()), send(b"226 done\r\n")), "before"),
        ((*listing(*delivered(), said=b"150 go\r\n226 done\r\n"),), "before, and it is over"),
        ((*listing(*delivered(), said=b"226 done\r\n"),), "at once"),
        ((*listing(), connect_data("d", "port"), send(b"226 done\r\n"), pause(0.1), close_data("d")), "226 first"),
        ((*listing(said=b"150 go\r\n150 really\r\n"), *delivered(), send(b"226 done\r\n")), "two 1yz"),
        ((*listing(said=b"150 go\r\n22"), *delivered(), send(b"6 done\r\n")), "half a reply first"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_server_may_connect_before_its_150_or_after_it(
    peer: ScriptedPeer, steps: tuple[Step, ...], said: str
) -> None:
    peer.script(*steps, *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer, active=True)
    assert await names(client) == ([] if said == "226 first" else ["x"])
    await client.command("NOOP", "200")
    client.close()


@pytest.mark.parametrize("said", [b"425 no way to you\r\n", b"150 go\r\n425 no way to you\r\n"], ids=["first", "later"])
async def test_a_server_that_can_t_connect_says_so_and_is_not_waited_for(peer: ScriptedPeer, said: bytes) -> None:
    peer.script(*listing(said=said), *answer(b"NOOP", b"200 ok"), expect_eof())
    client = await connected(peer, active=True, timeouts=Timeouts(connect=600))
    with pytest.raises(ftp.StatusCodeError) as caught:
        await client.list()
    assert caught.value.received_codes == ("425",)
    assert caught.value.retryable
    await client.command("NOOP", "200")
    client.close()


async def test_a_server_that_does_not_connect_is_waited_for_no_longer_than_for_a_dial(peer: ScriptedPeer) -> None:
    peer.script(
        *listing(),
        *answer(b"ABOR", b"425 no connection", b"226 nothing to abort"),
        *answer(b"NOOP", b"200 ok"),
        expect_eof(),
    )
    client = await connected(peer, active=True, timeouts=impatient("connect"))
    with pytest.raises(ftp.FTPTimeoutError) as caught:
        await client.list()
    assert caught.value.phase == "data connection from the server"
    assert caught.value.peer == f"{peer.host}:{peer.port}"
    await client.command("NOOP", "200")
    client.close()


async def test_a_server_that_leaves_instead_is_a_lost_connection(peer: ScriptedPeer) -> None:
    peer.script(*listing())
    client = await connected(peer, active=True)
    with pytest.raises(ftp.FTPDisconnected):
        await client.list()
    assert not client.is_connected


# -- who gets in -----------------------------------------------------------------------------------------------------


def knock(connection: Connection) -> None:
    """Come from another address than the server's, and be shown the door."""
    port = int(connection.peer.captured["port"])
    with (
        pytest.raises(ConnectionResetError),  # as early as while it connects
        contextlib.closing(
            socket.create_connection(("127.0.0.1", port), timeout=5, source_address=("127.0.0.9", 0))
        ) as stranger,
    ):
        stranger.recv(100)


async def test_a_stranger_is_turned_away_and_the_server_still_let_in(peer: ScriptedPeer) -> None:
    peer.script(*listing(), call(knock), *delivered(), send(b"226 done\r\n"), expect_eof())
    client = await connected(peer, active=True)
    assert await names(client) == ["x"]
    client.close()


async def test_nobody_gets_in_once_the_server_is_in_or_the_transfer_over(peer: ScriptedPeer) -> None:
    def refuses(port: bytes) -> bool:
        try:
            socket.create_connection(("127.0.0.1", int(port)), timeout=5, source_address=(peer.host, 0)).close()
        except ConnectionRefusedError:
            return True
        return False

    peer.script(
        *listing(),
        connect_data("d", "port"),
        send_data("d", LINE),
        close_data("d"),
        send(b"226 done\r\n"),
        *offered("second"),
        *answer(b"MLSD", b"550 no"),
        expect_eof(),
    )
    client = await connected(peer, active=True)
    entries = client.list().__aiter__()
    await entries.__anext__()
    assert refuses(peer.captured["port"])
    assert [entry async for entry in entries] == []
    with pytest.raises(ftp.StatusCodeError):
        await client.list()
    assert refuses(peer.captured["second"])
    client.close()


# -- where it listens ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def taken(count: int) -> Iterator[list[int]]:
    """Ports of the loopback address that somebody listens on."""
    sockets = [adopt(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
    try:
        yield [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            close_socket(sock)


async def test_ports_that_are_in_use_are_passed_over(ftp_server: MiniFTP) -> None:
    with taken(3) as ports, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        only: int = free.getsockname()[1]
        free.close()
        async with ftp.Client.context(
            ftp_server.host, ftp_server.port, active=True, active_ports=[*ports, only]
        ) as client:
            for _ in range(4):
                assert await client.list() == []
        told = [line for line in ftp_server.commands if line.startswith("EPRT")]
        assert told == [f"EPRT |1|127.0.0.1|{only}|"] * 4


async def test_when_no_port_is_free_the_call_fails_and_nothing_else(ftp_server: MiniFTP) -> None:
    with taken(2) as ports:
        async with ftp.Client.context(ftp_server.host, ftp_server.port, active=True, active_ports=ports) as client:
            with pytest.raises(ftp.NoAvailablePort, match="2 active_ports"):
                await client.list()
            await client.command("NOOP", "200")


async def test_ports_are_not_taken_in_an_order_that_can_be_guessed() -> None:
    with MiniFTP() as server:
        client = await connected(server)
        stream = client._session.control.channel.stream
        with taken(40) as ports:
            pass
        firsts = set()
        for _ in range(30):
            doorway = open_doorway(stream, server.host, ports, None)
            firsts.add(doorway.port)
            doorway.close()
        assert len(firsts) > 1
        client.close()


async def test_the_address_that_is_told_can_be_a_router_s(peer: ScriptedPeer) -> None:
    told = expect_line(rb"EPRT \|1\|192\.0\.2\.7\|(?P<port>\d+)\|"), send(b"500 what?\r\n")
    again = expect_line(rb"PORT 192,0,2,7,\d+,\d+"), send(b"200 ok\r\n")
    peer.script(
        HELLO, *binary(), *told, *again, *answer(b"MLSD", b"150 go"), *delivered(), send(b"226 done\r\n"), expect_eof()
    )
    client = await connected(peer, active=True, active_address="192.0.2.7")
    assert await names(client) == ["x"]
    client.close()


@pytest.mark.parametrize(
    "options",
    [
        {"active": True, "active_ports": []},
        {"active": True, "active_ports": [0]},
        {"active": True, "active_ports": range(65000, 65537)},
        {"active": True, "active_address": "client.example"},
        {"active": True, "proxy": "socks5://127.0.0.1:1080"},
        {"active_ports": [5000]},
        {"active_address": "192.0.2.7"},
        {"noop_interval": 0},
    ],
    ids=str,
)
def test_senseless_settings_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        ftp.Client(**options)  # type: ignore[arg-type]  # that is the point


# -- TLS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda version: version.name)
async def test_the_client_is_the_client_of_tls_as_well(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """RFC 4217 §7: whichever side has made the connection."""
    context = ssl.create_default_context(cafile=str(ca_file))
    context.maximum_version = version
    with MiniFTP(tls=server_tls_context, require_reuse=True, files={"/a": CONTENT}) as server:
        async with ftp.Client.context(
            server.host, server.port, active=True, tls=TLS(context=context), upgrade_to_tls=True
        ) as client:
            assert await names(client) == ["a"]
            await client.download("a", tmp_path)
            await client.upload(tmp_path / "a", "b", write_into=True)
        assert server.protected == [True] * 3
        assert server.files["/b"] == CONTENT


async def test_a_server_that_connects_and_is_not_who_it_should_be_gets_nothing(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    peer.script(
        start_tls(server_tls_context),
        HELLO,
        *answer(b"PBSZ 0", b"200 ok"),
        *answer(b"PROT P", b"200 ok"),
        *binary(),
        *offered(),
        *answer(b"STOR a", b"150 go"),
        connect_data("d", "port"),
        send_data("d", b"no TLS here\r\n"),
        receive_data("d"),
        *answer(b"ABOR", b"426 aborted", b"226 so it is"),
        expect_eof(),
    )
    client = await connected(peer, active=True, ssl=client_tls_context)
    with pytest.raises(ftp.FTPTLSError):
        await client.upload(tmp_path / "a")
    assert CONTENT not in peer.captured.get("d", b"")
    client.close()


async def test_a_server_that_is_silent_after_the_command_is_given_up(ftp_server: MiniFTP) -> None:
    ftp_server.replies["MLSD"] = HANG
    client = await connected(ftp_server, active=True, timeouts=impatient("initiation"))
    await client.login()
    with pytest.raises(ftp.FTPTimeoutError):
        await client.list()
    assert not client.is_connected

"""Data connections: which way is asked for, which is remembered, and where they lead."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import anyio
import pytest

from tests.ftp.support import HELLO, LONG, answer, binary, connected, deliver, passive
from tests.peers import (
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    close_data,
    expect,
    expect_eof,
    listen_data,
    send,
)
from tests.peers.descriptors import adopt
from tests.peers.descriptors import close as close_socket
from tests.peers.loopback import LOOPBACK
from transfer import ftp

PASV = (expect(b"PASV\r\n"), listen_data("p"), send(b"227 here ({p:pasv})\r\n"))


def list_nothing(name: str) -> tuple[Step, ...]:
    return *answer(b"MLSD", b"150 go"), accept_data(name), close_data(name), send(b"226 done\r\n")


@contextmanager
def listener(host: str, port: int = 0) -> Iterator[socket.socket]:
    """Listen for data connections by hand, at an address of one's own."""
    sock = adopt(socket.create_server((host, port)))
    sock.settimeout(5)
    try:
        yield sock
    finally:
        close_socket(sock)


@contextmanager
def two_on_one_port(first: str, second: str) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Listen at two addresses under the same port number, which is free at both."""
    with ExitStack() as taken:
        while True:
            one = taken.enter_context(listener(first))
            try:
                two = taken.enter_context(listener(second, one.getsockname()[1]))
            except OSError:  # somebody else's at the second address; the kernel chose it for the first
                continue
            yield one, two
            return


@contextmanager
def full_backlog(host: str) -> Iterator[int]:
    """A port at which nobody is refused and nobody let in: the queue of whoever listens is full."""
    with ExitStack() as waiting:
        sock = waiting.enter_context(socket.create_server((host, 0), backlog=0))
        while True:
            one = waiting.enter_context(socket.socket())
            one.settimeout(0.05)
            try:
                one.connect(sock.getsockname())
            except TimeoutError:
                break
        yield sock.getsockname()[1]


def accept_by_hand(sock: socket.socket) -> Step:
    """Accept a data connection that brings nothing."""
    return call(lambda connection: close_socket(adopt(sock.accept()[0])))


def pasv_numbers(sock: socket.socket, host: str = "") -> bytes:
    """What PASV says of *sock*, or of its port at *host*."""
    address, port = sock.getsockname()
    return f"{(host or address).replace('.', ',')},{port >> 8},{port & 255}".encode()


# -- EPSV, PASV ------------------------------------------------------------------------------------------------------


async def test_epsv_comes_first_and_type_is_said_once(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *binary(), *passive("a"), *list_nothing("a"), *passive("b"), *list_nothing("b"), expect_eof())
    client = await connected(peer)
    assert await client.list() == []
    assert await client.list() == []
    client.close()


@pytest.mark.parametrize(
    "refusal",
    [
        b"500 what?",
        b"502 no",
        b"522 use another protocol (2)",
        b"425 no port is free",
        b"229 nonsense",
        b"229 (|||0|)",
        b"229 (|||70000|)",
        b"200 ok",
    ],
)
async def test_where_epsv_does_not_work_pasv_does_from_then_on(peer: ScriptedPeer, refusal: bytes) -> None:
    second = (expect(b"PASV\r\n"), listen_data("q"), send(b"227 here ({q:pasv})\r\n"))
    peer.script(
        HELLO,
        *binary(),
        *answer(b"EPSV", refusal),
        *PASV,
        *list_nothing("p"),
        *second,
        *list_nothing("q"),
        expect_eof(),
    )
    client = await connected(peer)
    assert await client.list() == []
    assert await client.list() == []
    client.close()


async def test_where_the_port_of_epsv_leads_nowhere_pasv_is_asked(peer: ScriptedPeer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        refused = b"229 (|||%d|)" % closed.getsockname()[1]
        peer.script(HELLO, *binary(), *answer(b"EPSV", refused), *PASV, *list_nothing("p"), expect_eof())
        client = await connected(peer)
        assert await client.list() == []
        client.close()


async def test_a_port_of_epsv_that_nobody_answers_is_left_for_pasv_in_time(peer: ScriptedPeer) -> None:
    """It takes a part of the time to connect, and the other way has all of it."""
    with full_backlog(peer.host) as port:
        silent = b"229 (|||%d|)" % port
        peer.script(HELLO, *binary(), *answer(b"EPSV", silent), *PASV, *list_nothing("p"), expect_eof())
        client = await connected(peer, connection_timeout=1.5)
        with anyio.fail_after(LONG):
            assert await client.list() == []
        assert client._session.data.ways == ("pasv", "epsv")
        client.close()


async def test_a_227_answers_epsv_as_well(peer: ScriptedPeer) -> None:
    epsv = (expect(b"EPSV\r\n"), listen_data("p"), send(b"227 here ({p:pasv})\r\n"))
    peer.script(HELLO, *binary(), *epsv, *list_nothing("p"), expect_eof())
    client = await connected(peer)
    assert await client.list() == []
    client.close()


@pytest.mark.parametrize("answer_", [b"227 here (127,0,0,7,20,20)", b"227 (10,0,0,1,0,25)", b"227 here (1,2,3)"])
async def test_a_227_to_epsv_leads_nowhere_else(peer: ScriptedPeer, answer_: bytes) -> None:
    """Nobody listens at the server's own address there, and the next way is asked."""
    peer.script(HELLO, *binary(), *answer(b"EPSV", answer_), *PASV, *list_nothing("p"), expect_eof())
    client = await connected(peer)
    assert await client.list() == []
    client.close()


async def test_a_way_that_fails_later_is_followed_by_the_one_before(peer: ScriptedPeer) -> None:
    """What is remembered is an order: none is given up for good."""
    peer.script(
        HELLO,
        *binary(),
        *answer(b"EPSV", b"425 not now"),
        *PASV,
        *list_nothing("p"),
        *answer(b"PASV", b"425 not now"),
        *passive("e"),
        *list_nothing("e"),
        expect_eof(),
    )
    client = await connected(peer)
    assert await client.list() == []
    assert await client.list() == []
    assert client._session.data.ways == ("epsv", "pasv")
    client.close()


async def test_a_client_that_connects_again_asks_epsv_again() -> None:
    with MiniFTP() as server:
        server.replies["EPSV"] = ["502 no"]
        client = await connected(server)
        await client.login()
        await client.list()
        await client.quit()
        await client.connect(server.host, server.port)
        await client.login()
        await client.list()
        await client.quit()
        assert [line for line in server.commands if line in ("EPSV", "PASV")] == ["EPSV", "PASV", "EPSV"]


@pytest.mark.parametrize(
    ("ways", "asked"), [(("pasv",), ["PASV"]), (("PASV", "epsv"), ["PASV"]), (("epsv",), ["EPSV"])]
)
async def test_the_ways_are_asked_in_the_order_given(
    ftp_server: MiniFTP, ways: tuple[str, ...], asked: list[str]
) -> None:
    async with ftp.Client.context(ftp_server.host, ftp_server.port, passive_commands=ways) as client:
        assert await client.list() == []
    assert [line for line in ftp_server.commands if line in ("EPSV", "PASV")] == asked


@pytest.mark.parametrize(
    ("epsv", "pasv", "code"),
    [
        ("502 no", "502 no", "502"),
        ("425 full", "502 no", "425"),
        ("502 no", "425 full", "425"),
        ("500 no", "530 TLS first", "530"),
    ],
)
async def test_when_every_way_is_refused_the_more_telling_answer_is_raised(
    ftp_server: MiniFTP, epsv: str, pasv: str, code: str
) -> None:
    ftp_server.replies |= {"EPSV": epsv, "PASV": pasv}
    async with ftp.Client.context(ftp_server.host, ftp_server.port) as client:
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.list()
        assert caught.value.received_codes == (code,)
        await client.command("NOOP", "2xx")


@pytest.mark.parametrize(
    "answers",
    [
        {"EPSV": "229 nonsense", "PASV": "502 no"},
        {"EPSV": "502 no", "PASV": "227 here (1,2,3)"},
        {"EPSV": "502 no", "PASV": "227 here (127,0,0,1,0,25)"},
        {"EPSV": "502 no", "PASV": "227 here (127,0,0,256,20,20)"},
    ],
    ids=str,
)
async def test_when_no_answer_can_be_read_the_connection_ends(answers: dict[str, str]) -> None:
    with MiniFTP() as server:
        server.replies |= answers
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.FTPProtocolError) as caught:
            await client.list()
        assert caught.value.peer == f"{server.host}:{server.port}"
        assert not client.is_connected


async def test_a_data_connection_that_is_refused_everywhere_leaves_the_client_connected(peer: ScriptedPeer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port: int = closed.getsockname()[1]
        peer.script(
            HELLO,
            *binary(),
            *answer(b"EPSV", b"229 (|||%d|)" % port),
            *answer(b"PASV", b"227 (127,0,0,1,%d,%d)" % (port >> 8, port & 255)),
            *answer(b"NOOP", b"200 ok"),
            expect_eof(),
        )
        client = await connected(peer)
        with pytest.raises(ftp.FTPConnectError) as caught:
            await client.list()
        assert caught.value.retryable
        await client.command("NOOP", "2xx")
        client.close()


@pytest.mark.parametrize("verb", ["TYPE", "EPSV", "MLSD"])
async def test_a_421_before_the_data_ends_the_connection(verb: str) -> None:
    with MiniFTP() as server:
        server.replies[verb] = "421 shutting down"
        client = await connected(server)
        await client.login()
        with pytest.raises(ftp.StatusCodeError) as caught:
            await client.list()
        assert caught.value.received_codes == ("421",)
        assert not client.is_connected


# -- whom they lead to -----------------------------------------------------------------------------------------------


async def test_the_address_in_a_227_is_not_where_the_client_goes(peer: ScriptedPeer) -> None:
    """A server can't send the client to somebody else's machine, nor to one in the client's own network."""
    with two_on_one_port("127.0.0.7", peer.host) as (stranger, own):
        peer.script(
            HELLO,
            *binary(),
            *answer(b"EPSV", b"502 no"),
            *answer(b"PASV", b"227 here (" + pasv_numbers(stranger) + b")"),
            expect(b"MLSD\r\n"),
            accept_by_hand(own),
            send(b"150 go\r\n226 done\r\n"),
            expect_eof(),
        )
        client = await connected(peer)
        assert await client.list() == []
        client.close()
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.accept()


@pytest.mark.parametrize("switch", ["trust_passive_address", "trust_server_pasv_ipv4_address"])
@pytest.mark.parametrize(("host", "said"), [("127.0.0.7", ""), (LOOPBACK, "0.0.0.0")], ids=["elsewhere", "zeros"])
async def test_the_address_in_a_227_can_be_trusted(peer: ScriptedPeer, switch: str, host: str, said: str) -> None:
    """0.0.0.0 is no address; servers that say it mean the one that the client is connected to."""
    with listener(host) as trusted:
        peer.script(
            HELLO,
            *binary(),
            *answer(b"PASV", b"227 here (" + pasv_numbers(trusted, said) + b")"),
            expect(b"MLSD\r\n"),
            accept_by_hand(trusted),
            send(b"150 go\r\n226 done\r\n"),
            expect_eof(),
        )
        client = await connected(peer, passive_commands=("pasv",), **{switch: True})
        assert await client.list() == []
        client.close()


async def test_ipv6_needs_no_address() -> None:
    with MiniFTP(host="::1", files={"/a": b"1"}) as server:
        async with ftp.Client.context(server.host, server.port) as client:
            assert [path.name for path, _ in await client.list("/")] == ["a"]
        assert "PASV" not in server.commands


async def test_data_connections_leave_from_the_source_address(peer: ScriptedPeer) -> None:
    seen: list[str] = []

    def look(connection: object) -> None:
        seen.append(peer.connections[0].wire.socket.getpeername()[0])
        seen.append(peer.connections[0].data("d").socket.getpeername()[0])

    peer.script(
        HELLO,
        *binary(),
        *passive(),
        *answer(b"MLSD", b"150 go"),
        accept_data("d"),
        call(look),
        close_data("d"),
        send(b"226 done\r\n"),
        expect_eof(),
    )
    client = await connected(peer, source_address=("127.0.0.5", 0))
    assert await client.list() == []
    client.close()
    assert seen == ["127.0.0.5", "127.0.0.5"]


async def test_two_transfers_at_once_are_refused_and_do_no_harm(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *passive("a"),
        *answer(b"MLSD", b"150 go"),
        accept_data("a"),
        call(lambda connection: connection.data("a").send(b"type=file; x\r\n")),
        expect_eof(),
    )
    client = await connected(peer)
    listing = client.list()
    iterator = listing.__aiter__()
    assert (await iterator.__anext__())[0].name == "x"
    with pytest.raises(ftp.InvalidCommand, match="under way"):
        await client.list()
    with pytest.raises(ftp.InvalidCommand, match="under way"):
        await client.command(None, "2xx")
    assert client.is_connected
    client.close()


async def test_what_follows_a_transfer_is_answered_in_order(peer: ScriptedPeer) -> None:
    peer.script(
        HELLO,
        *binary(),
        *deliver(b"MLSD", b"type=dir; x\r\n"),
        *answer(b"PWD", b'257 "/"'),
        expect_eof(),
    )
    client = await connected(peer)
    assert len(await client.list()) == 1
    assert str(await client.get_current_directory()) == "/"
    client.close()

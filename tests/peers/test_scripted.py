# ruff: noqa: PT012 (a peer raises at the end of its block, so the block is what raises)
from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers import (
    CutMode,
    ScriptedPeer,
    accept_data,
    close,
    close_data,
    connect_data,
    data_tls,
    drip,
    expect,
    expect_eof,
    expect_line,
    expect_until,
    half_close,
    hang,
    listen_data,
    receive_data,
    reset,
    reset_data,
    send,
    send_data,
    send_split,
    start_tls,
)
from tests.peers.descriptors import foreign_descriptors


@contextmanager
def connected(peer: ScriptedPeer) -> Iterator[socket.socket]:
    with socket.create_connection((peer.host, peer.port), timeout=5) as client:
        yield client


def read_all(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_a_script_is_played_in_order() -> None:
    with ScriptedPeer() as peer:
        peer.script(send(b"220 ready\r\n"), expect(b"NOOP\r\n"), send_split(b"250 ok\r\n"), expect_eof())
        with connected(peer) as client:
            assert client.recv(100) == b"220 ready\r\n"
            client.sendall(b"NOOP\r\n")
            client.shutdown(socket.SHUT_WR)
            assert read_all(client) == b"250 ok\r\n"
    assert peer.received == b"NOOP\r\n"


def test_wrong_octets_are_an_assertion_error_with_both_sides() -> None:
    with (
        pytest.raises(AssertionError, match=r"step 1: expected b'NOOP\\r\\n'\nreceived b'QUIT\\r\\n'"),
        ScriptedPeer() as peer,
    ):
        peer.script(expect(b"NOOP\r\n"), hang())
        with connected(peer) as client:
            client.sendall(b"QUIT\r\n")
            assert read_all(client) == b""


def test_the_first_wrong_octet_is_enough() -> None:
    with pytest.raises(AssertionError, match="received b'X'"), ScriptedPeer() as peer:
        peer.script(expect(b"NOOP\r\n"))
        with connected(peer) as client:
            client.sendall(b"X")
            assert read_all(client) == b""


def test_a_failure_is_a_note_on_the_exception_of_the_test() -> None:
    with pytest.raises(ZeroDivisionError) as caught, ScriptedPeer() as peer:
        peer.script(expect(b"NOOP\r\n"))
        with connected(peer) as client:
            client.sendall(b"QUIT\r\n")
            assert read_all(client) == b""
            raise ZeroDivisionError
    assert "received b'QUIT" in caught.value.__notes__[0]


@pytest.mark.parametrize("stays", [True, False])
def test_a_step_that_never_came_is_a_failure(stays: bool) -> None:
    peer = ScriptedPeer()
    peer.script(expect(b"NOOP\r\n"), expect(b"QUIT\r\n"))
    with peer, connected(peer) as client:
        client.sendall(b"NOOP\r\n")
        if not stays:
            client.close()
        with pytest.raises(AssertionError, match=r"step 2: expect\(b'QUIT"):
            peer.__exit__(None, None, None)
        peer.failures.clear()


def test_a_client_that_may_leave_still_has_to_send_the_right_octets() -> None:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(expect(b"NOOP\r\n"), send(b"250 ok\r\n"))
        peer.script(expect(b"NOOP\r\n"))
        with connected(peer) as client:
            client.sendall(b"NO")
    with pytest.raises(AssertionError, match="received b'NX'"), peer_that_was_told_nx():
        pass


@contextmanager
def peer_that_was_told_nx() -> Iterator[None]:
    with ScriptedPeer(client_may_leave=True) as peer:
        peer.script(expect(b"NOOP\r\n"))
        with connected(peer) as client:
            client.sendall(b"NX")
        yield


def test_a_script_without_a_connection_and_a_connection_without_a_script_are_failures() -> None:
    with pytest.raises(AssertionError, match="never played"), ScriptedPeer() as peer:
        peer.script(hang())
    with pytest.raises(AssertionError, match="no script"), ScriptedPeer() as peer, connected(peer) as client:
        read_all(client)


def test_no_wait_is_endless() -> None:
    with ScriptedPeer(patience_seconds=0.02) as peer:
        peer.script(expect(b"NOOP\r\n"))
        with connected(peer) as client:
            assert read_all(client) == b""
        with pytest.raises(AssertionError, match="the client sent nothing"):
            peer.raise_failures()
        peer.failures.clear()


def test_one_script_per_connection_then_the_one_for_all() -> None:
    with ScriptedPeer() as peer:
        peer.script(send(b"first"), close())
        peer.always(send(b"again"), close())
        found = []
        for _ in range(3):
            with connected(peer) as client:
                found.append(read_all(client))
    assert found == [b"first", b"again", b"again"]
    assert peer.accepted == 3


def test_lines_and_blocks_are_captured_and_filled_in() -> None:
    with ScriptedPeer() as peer:
        peer.script(
            expect_line(rb"EHLO (?P<name>.*)"),
            send(b"250 hello {name} {unknown}\r\n"),
            expect_until(b"\r\n.\r\n", "body"),
            close(),
        )
        with connected(peer) as client:
            client.sendall(b"EHLO me\r\nSubject: x\r\n\r\nhi\r\n.\r\n")
            assert read_all(client) == b"250 hello me {unknown}\r\n"
    assert peer.captured == {"name": b"me", "body": b"Subject: x\r\n\r\nhi"}


def test_a_line_has_to_end_in_crlf() -> None:
    with pytest.raises(AssertionError, match="a line like"), ScriptedPeer() as peer:
        peer.script(expect_line(b"NOOP"))
        with connected(peer) as client:
            client.sendall(b"NOOP\n")
            read_all(client)


def test_reset_and_half_close() -> None:
    with ScriptedPeer() as peer:
        peer.script(expect(b"go"), reset())
        peer.script(half_close(), expect(b"still here"), expect_eof())
        with connected(peer) as client:
            client.sendall(b"go")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        with connected(peer) as client:
            assert client.recv(1) == b""
            client.sendall(b"still here")


@pytest.mark.parametrize("reading", [True, False])
def test_a_hanging_peer_ends_at_once_with_its_block_or_its_client(reading: bool) -> None:
    started = time.monotonic()
    with ScriptedPeer(patience_seconds=60) as peer:
        peer.always(hang(reading=reading))
        with connected(peer):
            pass
        with connected(peer):
            peer.stop()
    assert time.monotonic() - started < 30
    assert peer.failures == []


async def test_a_dripping_peer_goes_on_until_the_client_has_enough(peer: ScriptedPeer) -> None:
    peer.script(drip(b"250-x\r\n", every_seconds=0.001))
    with connected(peer) as client:
        assert client.recv(7, socket.MSG_WAITALL) == b"250-x\r\n"
    await peer.served()


@pytest.mark.parametrize("notify", [True, False])
def test_close_notify_is_told_from_a_bare_end(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, notify: bool
) -> None:
    with ScriptedPeer() as peer:
        peer.script(start_tls(server_tls_context), expect(b"hi"), expect_eof())
        bare = socket.create_connection((peer.host, peer.port))
        with client_tls_context.wrap_socket(bare, server_hostname="localhost") as sock:
            sock.sendall(b"hi")
            if notify:
                sock.settimeout(0)
                with contextlib.suppress(ssl.SSLWantReadError):
                    sock.unwrap()
    assert peer.connections[0].wire.close_notify is notify


def test_tls_starts_in_place_and_ends_with_close_notify(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with ScriptedPeer() as peer:
        peer.script(
            expect(b"STARTTLS\r\n"),
            send(b"220\r\n"),
            start_tls(server_tls_context),
            expect(b"hi"),
            send(b"ho"),
            close(),
        )
        peer.script(start_tls(server_tls_context), close(notify=False))
        with connected(peer) as client:
            client.sendall(b"STARTTLS\r\n")
            assert client.recv(5) == b"220\r\n"
            with client_tls_context.wrap_socket(
                client, server_hostname="localhost", suppress_ragged_eofs=False
            ) as secure:
                secure.sendall(b"hi")
                assert secure.recv(10) == b"ho"
                assert secure.recv(10) == b""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        with (
            connected(peer) as client,
            context.wrap_socket(client, suppress_ragged_eofs=False) as secure,
            pytest.raises(ssl.SSLEOFError),
        ):
            secure.recv(10)


def test_a_refused_handshake_is_a_failure_unless_expected(server_tls_context: ssl.SSLContext) -> None:
    distrustful = ssl.create_default_context()
    with ScriptedPeer() as peer:
        peer.script(start_tls(server_tls_context, fails=True))
        peer.script(start_tls(server_tls_context), expect(b"hi"))
        for _ in range(2):
            with connected(peer) as client, pytest.raises(ssl.SSLCertVerificationError):
                distrustful.wrap_socket(client, server_hostname="localhost").close()
        peer.stop()
        assert len(peer.failures) == 1
        assert "TLS" in peer.failures[0]
        peer.failures.clear()


def test_data_connections(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with ScriptedPeer() as peer:
        peer.script(
            listen_data("d"),
            send(b"229 ok (|||{d}|)\r\n227 ({d:pasv})\r\n"),
            accept_data("d"),
            data_tls("d", server_tls_context, resumed=False),
            receive_data("d"),
            close_data("d"),
            listen_data("e"),
            send(b"{e}\r\n"),
            accept_data("e"),
            send_data("e", b"listing"),
            expect(b"GOT IT\r\n"),
            reset_data("e"),
            expect_line(rb"PORT (?P<port>\d+)"),
            connect_data("f", "port"),
            send_data("f", b"active"),
            close_data("f"),
        )
        with connected(peer) as client:
            lines = client.makefile("rb")
            port = int(lines.readline().split(b"|")[3])
            host = peer.host.replace(".", ",").encode()
            assert lines.readline() == b"227 (%s,%d,%d)\r\n" % (host, *divmod(port, 256))
            with socket.create_connection((peer.host, port)) as data:
                secure = client_tls_context.wrap_socket(data, server_hostname="localhost")
                secure.sendall(b"upload")
                secure.unwrap().close()
            with socket.create_connection((peer.host, int(lines.readline()))) as data:
                assert data.recv(7, socket.MSG_WAITALL) == b"listing"
                client.sendall(b"GOT IT\r\n")
                with pytest.raises(ConnectionResetError):
                    data.recv(1)
            with socket.create_server((client.getsockname()[0], 0)) as listener:
                client.sendall(b"PORT %d\r\n" % listener.getsockname()[1])
                with listener.accept()[0] as data:
                    assert read_all(data) == b"active"
            lines.close()
    assert peer.captured["d"] == b"upload"


@pytest.mark.parametrize("mode", CutMode)
@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_output_is_cut_after_exactly_so_many_octets(mode: CutMode, count: int) -> None:
    with ScriptedPeer() as peer:
        peer.cut_after, peer.cut_mode = count, mode
        # A peer that cut at once could do so before connect() has returned, and after none it does.
        peer.script(expect(b"go"), send(b"220 ready\r\n"), expect(b"NOOP\r\n"))
        found, ended = b"", CutMode.FIN
        try:
            with connected(peer) as client:
                client.sendall(b"go")
                while data := client.recv(100):
                    found += data
        except (ConnectionResetError, BrokenPipeError):
            ended = CutMode.RESET
    assert found == b"220 ready\r\n"[:count]
    assert ended is mode
    assert peer.was_cut


def test_a_longer_cut_does_not_happen() -> None:
    with ScriptedPeer() as peer:
        peer.cut_after = 12
        peer.script(send(b"220 ready\r\n"))
        with connected(peer) as client:
            assert read_all(client) == b"220 ready\r\n"
    assert not peer.was_cut


def test_a_cut_data_connection_is_followed_by_426() -> None:
    with ScriptedPeer() as peer:
        peer.cut_data_after = 3
        peer.script(
            listen_data("d"),
            send(b"{d}\r\n"),
            accept_data("d"),
            send_data("d", b"listing"),
            close_data("d"),
            send(b"226 ok\r\n"),
            expect(b"QUIT\r\n"),
            send(b"221 bye\r\n"),
        )
        with connected(peer) as client:
            lines = client.makefile("rb")
            with socket.create_connection((peer.host, int(lines.readline()))) as data:
                assert read_all(data) == b"lis"
            assert lines.readline() == b"426 data connection cut\r\n"
            client.sendall(b"QUIT\r\n")
            assert lines.read() == b"221 bye\r\n"
            lines.close()


def test_a_cut_control_connection_takes_the_data_connections_with_it() -> None:
    with ScriptedPeer() as peer:
        peer.cut_after = 20
        peer.script(listen_data("d"), send(b"{d}\n"), accept_data("d"), send(bytes(100)), hang())
        with connected(peer) as client, client.makefile("rb") as lines:
            with socket.create_connection((peer.host, int(lines.readline()))) as data:
                assert read_all(data) == b""
            assert set(lines.read()) == {0}
    assert peer.was_cut


def test_socket_pairs_and_unix_sockets(socket_path: Path) -> None:
    with ScriptedPeer(path=str(socket_path)) as peer:
        peer.always(send(b"hello"), close())
        with peer.socketpair() as client:
            assert read_all(client) == b"hello"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(socket_path))
            assert read_all(client) == b"hello"


def test_a_peer_owns_its_descriptors_and_leaves_none() -> None:
    before = foreign_descriptors()
    with ScriptedPeer() as peer:
        peer.always(listen_data("d"), send(b"x"), hang())
        client = socket.create_connection((peer.host, peer.port))
        client.recv(1)
        assert {number for number, _ in foreign_descriptors() - before} == {client.fileno()}
        client.close()
    assert foreign_descriptors() == before

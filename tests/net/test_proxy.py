"""Dialling through HTTP CONNECT, SOCKS5 and SOCKS4a, played octet by octet on real sockets."""

from __future__ import annotations

import errno
import socket
import ssl
import sys

import attrs
import pytest

from tests.harness import ALL_MODES, Outcome, cancel_everywhere, cut_everywhere
from tests.net.support import ERRORS, in_time, shake_hands, soon
from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    drip,
    expect,
    expect_eof,
    expect_until,
    hang,
    reset,
    send,
    send_split,
    start_tls,
)
from transfer._errors import ConnectError, TransferTimeoutError
from transfer._net.connect import connect_tcp
from transfer._net.stream import Stream


@attrs.frozen
class Kind:
    """One protocol between client and proxy, for a connection to mail.example:25."""

    scheme: str
    asked: tuple[Step, ...]
    """What comes before the answer that decides."""
    granted: bytes
    refused: bytes
    garbage: bytes

    def __str__(self) -> str:
        return self.scheme


HTTP = Kind(
    "http",
    (expect(b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n\r\n"),),
    granted=b"HTTP/1.0 200 Connection established\r\nVia: proxy\r\nContent-Length: 7\r\n\r\n",
    refused=b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
    garbage=b"220 mail.example ESMTP\r\n\r\n",
)
SOCKS5 = Kind(
    "socks5",
    (
        expect(b"\x05\x01\x00"),
        send(b"\x05\x00"),
        expect(b"\x05\x01\x00\x03\x0cmail.example\x00\x19"),
    ),
    granted=b"\x05\x00\x00\x03\x05proxy\x10\x00",
    refused=b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00",
    garbage=b"220 mail.example ESMTP\r\n",
)
SOCKS4 = Kind(
    "socks4",
    (expect(b"\x04\x01\x00\x19\x00\x00\x00\x01\x00mail.example\x00"),),
    granted=b"\x00\x5a\x00\x00\x00\x00\x00\x00",
    refused=b"\x00\x5b\x00\x00\x00\x00\x00\x00",
    garbage=b"220 mail.example ESMTP\r\n",
)
every_kind = pytest.mark.parametrize("kind", [HTTP, SOCKS5, SOCKS4], ids=str)


async def through(
    peer: ScriptedPeer, scheme: str, host: str = "mail.example", port: int = 25, *, login: str = ""
) -> Stream:
    """Connect to *host* through *peer*."""
    proxy = f"{scheme}://{login}{peer.host}:{peer.port}"
    return await connect_tcp(host, port, errors=ERRORS, deadline=in_time("connection"), proxy=proxy)


# -- granted -----------------------------------------------------------------------------------------------------------


@every_kind
async def test_the_proxy_resolves_the_name_and_the_greeting_may_follow_in_the_same_segment(
    kind: Kind, peer: ScriptedPeer
) -> None:
    peer.script(*kind.asked, send(kind.granted + b"220 ready\r\n"), expect(b"QUIT\r\n"), expect_eof())

    stream = await through(peer, kind.scheme)

    assert stream.peer == "mail.example:25"
    assert await stream.receive(in_time()) == b"220 ready\r\n"
    await stream.send(b"QUIT\r\n", in_time())
    stream.close()
    await peer.served()


@every_kind
async def test_the_answer_may_come_octet_by_octet(kind: Kind, peer: ScriptedPeer) -> None:
    peer.script(*kind.asked, send_split(kind.granted), send(b"220 ready\r\n"))

    stream = await through(peer, kind.scheme)

    assert await stream.receive(in_time()) == b"220 ready\r\n"
    stream.close()


@every_kind
async def test_tls_works_behind_a_proxy(
    kind: Kind, peer: ScriptedPeer, client_tls_context: ssl.SSLContext, server_tls_context: ssl.SSLContext
) -> None:
    peer.script(*kind.asked, send(kind.granted), start_tls(server_tls_context), expect(b"QUIT\r\n"), send(b"221\r\n"))

    stream = await through(peer, kind.scheme)
    await shake_hands(stream, client_tls_context)
    await stream.send(b"QUIT\r\n", in_time())

    assert await stream.receive(in_time()) == b"221\r\n"
    stream.close()


@pytest.mark.parametrize(
    ("scheme", "login", "script"),
    [
        ("http", "joe:s%40cret@", (expect_until(b"\r\nProxy-Authorization: Basic am9lOnNAY3JldA==\r\n\r\n"),)),
        (
            "socks5",
            "joe:s%40cret@",
            (
                expect(b"\x05\x02\x00\x02"),
                send(b"\x05\x02"),
                expect(b"\x01\x03joe\x06s@cret"),
                send(b"\x01\x00"),
                *SOCKS5.asked[2:],
            ),
        ),
        ("socks4", "joe@", (expect(b"\x04\x01\x00\x19\x00\x00\x00\x01joe\x00mail.example\x00"),)),
    ],
)
async def test_user_name_and_password_are_given_as_each_protocol_has_it(
    scheme: str, login: str, script: tuple[Step, ...], peer: ScriptedPeer
) -> None:
    granted = {"http": HTTP, "socks5": SOCKS5, "socks4": SOCKS4}[scheme].granted
    peer.script(*script, send(granted))

    (await through(peer, scheme, login=login)).close()


@pytest.mark.parametrize(
    ("host", "spelled"),
    [("straße.example", b"xn--strae-oqa.example"), ("2001:db8::1", b"[2001:db8::1]"), ("192.0.2.1", b"192.0.2.1")],
)
async def test_an_http_proxy_gets_names_in_ascii_and_addresses_in_brackets(
    host: str, spelled: bytes, peer: ScriptedPeer
) -> None:
    """The name is the one that a direct dial would look up, too (IDNA 2008)."""
    peer.script(expect(b"CONNECT %s:25 HTTP/1.1\r\nHost: %s:25\r\n\r\n" % (spelled, spelled)), send(HTTP.granted))

    (await through(peer, "http", host)).close()


@pytest.mark.parametrize(
    ("host", "spelled"),
    [
        ("straße.example", b"\x03\x15xn--strae-oqa.example"),
        ("2001:db8::1", b"\x04" + socket.inet_pton(socket.AF_INET6, "2001:db8::1")),
        ("192.0.2.1", b"\x01\xc0\x00\x02\x01"),
    ],
)
async def test_a_socks_proxy_gets_names_in_ascii_and_addresses_as_such(
    host: str, spelled: bytes, peer: ScriptedPeer
) -> None:
    peer.script(*SOCKS5.asked[:2], expect(b"\x05\x01\x00" + spelled + b"\x00\x19"), send(SOCKS5.granted))

    (await through(peer, "socks5", host)).close()


# -- not granted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (HTTP, "proxy: refused: HTTP/1.1 502 Bad Gateway"),
        (SOCKS5, "proxy: Connection refused by destination host"),
        (SOCKS4, "proxy: Request rejected or failed"),
    ],
    ids=str,
)
async def test_a_refusal_is_a_connect_error_with_the_proxys_reason(kind: Kind, reason: str, peer: ScriptedPeer) -> None:
    peer.script(*kind.asked, send(kind.refused), expect_eof())

    with pytest.raises(ConnectError) as caught:
        await through(peer, kind.scheme)

    assert str(caught.value) == f"Could not connect to mail.example:25: {reason}"
    assert caught.value.peer == "mail.example:25"
    assert caught.value.errno is None
    assert caught.value.retryable
    await peer.served()


@every_kind
async def test_garbage_is_a_connect_error(kind: Kind, peer: ScriptedPeer) -> None:
    peer.script(*kind.asked, send(kind.garbage), expect_eof())

    with pytest.raises(ConnectError, match="proxy: "):
        await through(peer, kind.scheme)
    await peer.served()


async def test_what_an_http_proxy_says_is_quoted_harmlessly_and_shortened(peer: ScriptedPeer) -> None:
    peer.script(*HTTP.asked, send(b"\x1b[2J\xff" + b"x" * 1000 + b"\r\n\r\n"))

    with pytest.raises(ConnectError) as caught:
        await through(peer, "http")

    assert len(str(caught.value)) < 300
    assert "\\xff" in str(caught.value)


async def test_an_http_answer_without_end_is_given_up(peer: ScriptedPeer) -> None:
    peer.client_may_leave = True
    peer.script(*HTTP.asked, drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 4000, every_seconds=0))

    with pytest.raises(ConnectError, match="proxy: its answer has no end"):
        await through(peer, "http")


@every_kind
async def test_a_proxy_that_is_reset_is_a_connect_error_with_errno(kind: Kind, peer: ScriptedPeer) -> None:
    peer.script(*kind.asked, reset())

    with pytest.raises(ConnectError) as caught:
        await through(peer, kind.scheme)

    assert caught.value.errno == errno.ECONNRESET


@every_kind
async def test_a_proxy_that_leaves_without_an_answer_is_a_connect_error(kind: Kind, peer: ScriptedPeer) -> None:
    peer.script(*kind.asked, send(kind.granted[:-1]), close())

    with pytest.raises(ConnectError, match=r"ended early|closed unexpectedly"):
        await through(peer, kind.scheme)


@every_kind
async def test_a_proxy_that_cannot_be_reached_is_a_connect_error_with_errno(kind: Kind) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        peer = ScriptedPeer()
        peer.port = placeholder.getsockname()[1]
        with pytest.raises(ConnectError, match=r"mail\.example:25") as caught:
            await through(peer, kind.scheme)

    assert caught.value.errno == errno.ECONNREFUSED


@every_kind
async def test_a_proxy_that_never_answers_meets_the_deadline(kind: Kind, peer: ScriptedPeer) -> None:
    peer.client_may_leave = True
    peer.script(*kind.asked, hang())
    proxy = f"{kind.scheme}://{peer.host}:{peer.port}"

    with pytest.raises(TransferTimeoutError, match=r"No connection to mail\.example:25"):
        await connect_tcp("mail.example", 25, errors=ERRORS, deadline=soon("connection"), proxy=proxy)


# -- what is refused here ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "socks5://joe:s3cret@",
        "socks5://joe:s3cret@host",
        "http://joe:s3cret@host:0",
        "http://joe:s3cret@host:99999",
        "http://joe:s3cret/x@host:80",
        "http://joe:s3cret@[::1:80",
        "https://joe:s3cret@host:443",
        "socks5h://joe:s3cret@host:1080",
        "socks5://joe:s3cret%C3%A9@host:1080",
        "socks5://joe:s3cret" + "x" * 250 + "@host:1080",
    ],
)
async def test_what_is_no_proxys_url_is_a_value_error_that_keeps_the_password(proxy: str) -> None:
    """I6."""
    with pytest.raises(ValueError, match="proxy") as caught:
        await connect_tcp("mail.example", 25, errors=ERRORS, deadline=in_time(), proxy=proxy)

    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in repr(error)
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("host", ["mail.example\r\nX: y", "mail example", "mail.example\x00", "mail.example\x7f"])
@every_kind
async def test_control_characters_never_reach_a_proxy(kind: Kind, host: str, peer: ScriptedPeer) -> None:
    """I3: nothing is sent, not even a connection is made."""
    with pytest.raises(ValueError):
        await through(peer, kind.scheme, host)

    assert peer.accepted == 0


@every_kind
async def test_a_name_that_cannot_be_is_a_connect_error(kind: Kind, peer: ScriptedPeer) -> None:
    peer.client_may_leave = True
    peer.always(*SOCKS5.asked[:2])

    with pytest.raises(ConnectError):
        await through(peer, kind.scheme, "ä" * 70 + ".example")


async def test_socks_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)

    with pytest.raises(ImportError, match=r"transfer-toolkit\[proxy\]"):
        await connect_tcp("mail.example", 25, errors=ERRORS, deadline=in_time(), proxy="socks5://127.0.0.1:1080")


# -- cancelled and cut everywhere --------------------------------------------------------------------------------------


def _granting(kind: Kind) -> ScriptedPeer:
    peer = ScriptedPeer(client_may_leave=True)
    peer.always(*kind.asked, send(kind.granted), hang())
    return peer


async def _connect_and_close(peer: ScriptedPeer, kind: Kind) -> None:
    (await through(peer, kind.scheme)).close()


@every_kind
async def test_cancelled_anywhere_a_dial_through_a_proxy_leaves_nothing_open(kind: Kind) -> None:
    async def dialled(peer: ScriptedPeer) -> None:
        await _connect_and_close(peer, kind)

    sweep = await cancel_everywhere(dialled, around=lambda: _granting(kind), check=_came_out, modes=ALL_MODES)
    assert sweep.points >= 3


def _came_out(outcome: Outcome) -> None:
    assert outcome.exception is None or outcome.cancelled


@every_kind
async def test_cut_anywhere_a_proxys_answer_is_a_connect_error(kind: Kind) -> None:
    async def dialled(peer: ScriptedPeer) -> None:
        await _connect_and_close(peer, kind)

    await cut_everywhere(dialled, lambda: _granting(kind), allowed=(ConnectError,))

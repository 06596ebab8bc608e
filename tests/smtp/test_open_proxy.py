"""Reaching a server through a proxy: what the proxy refuses, what it never sees, and what may be said behind it."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.harness import ALL_MODES, CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import ScriptedPeer, Step, close, expect, expect_eof, hang, reset, send, start_tls
from tests.smtp.support import LONG, NAME, PARTING, SHORT, offer, opening, raises, said, stalls
from transfer import smtp
from transfer.smtp._options import ConnectOptions

TARGET = "mail.example"
HTTP = (
    expect(b"CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n\r\n"),
    send(b"HTTP/1.1 200 go\r\n\r\n"),
)
SOCKS5 = (
    *(expect(b"\x05\x01\x00"), send(b"\x05\x00")),
    *(expect(b"\x05\x01\x00\x03\x0cmail.example\x00\x19"), send(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")),
)
SOCKS4 = (
    expect(b"\x04\x01\x00\x19\x00\x00\x00\x01\x00mail.example\x00"),
    send(b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
)
KINDS = {"http": HTTP, "socks5": SOCKS5, "socks4": SOCKS4}
by_every_kind = pytest.mark.parametrize("kind", KINDS)


def behind(peer: ScriptedPeer, kind: str = "http", **options: Any) -> smtp.SMTP:
    """A client that is about to connect to ``mail.example`` through *peer*."""
    given: dict[str, Any] = {"hostname": TARGET, "port": 25, "local_hostname": NAME, "timeout": LONG}
    return smtp.SMTP(**(given | {"proxy": f"{kind}://{peer.host}:{peer.port}"} | options))


# -- granted -----------------------------------------------------------------------------------------------------------


@by_every_kind
async def test_a_conversation_goes_through_a_proxy(kind: str, peer: ScriptedPeer) -> None:
    peer.script(*KINDS[kind], *opening(), *said((b"NOOP", b"250 here")), *PARTING)
    async with behind(peer, kind) as client:
        assert repr(client) == "<SMTP mail.example:25, connected>"
        assert (await client.noop()).message == "here"


@by_every_kind
async def test_a_proxy_on_this_host_is_no_reason_to_send_a_password_in_clear(kind: str, peer: ScriptedPeer) -> None:
    """The address that is connected to is the proxy's; where the words go from there is nobody's guess."""
    peer.script(*KINDS[kind], *opening(b"AUTH PLAIN LOGIN"), expect_eof())
    with raises(smtp.SMTPNotSupported, match="in clear"):
        await behind(peer, kind, username="anna", password="secret").connect()


async def test_a_target_on_this_host_behind_a_proxy_is_another_host(peer: ScriptedPeer) -> None:
    target = expect(b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: 127.0.0.1:25\r\n\r\n")
    peer.script(target, HTTP[1], *opening(b"AUTH PLAIN"), expect_eof())
    with raises(smtp.SMTPNotSupported, match="in clear"):
        await behind(peer, hostname="127.0.0.1", username="anna", password="secret").connect()


async def test_a_password_goes_through_a_proxy_inside_tls(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    peer.script(
        *(*HTTP, *opening(b"STARTTLS"), *said((b"STARTTLS", b"220 go")), start_tls(server_tls_context)),
        *(*offer(b"AUTH PLAIN"), *said((b"AUTH PLAIN AGFubmEAc2VjcmV0", b"235 in")), *PARTING),
    )
    async with behind(
        peer, tls_context=client_tls_context, server_hostname="localhost", username="anna", password="secret"
    ):
        pass


# -- not granted -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "steps", "reason"),
    [
        ("http", (HTTP[0], send(b"HTTP/1.1 403 no mail from here\r\n\r\n"), expect_eof()), "403 no mail from here"),
        ("http", (HTTP[0], close()), "ended early"),
        ("http", (HTTP[0], send(b"220 mail.example\r\n\r\n"), expect_eof()), "220 mail.example"),
        ("socks5", (*SOCKS5[:3], send(b"\x05\x02\x00\x01" + bytes(6)), expect_eof()), "not allowed"),
        ("socks5", (*SOCKS5[:1], send(b"\x05\xff"), expect_eof()), "authentication"),
        ("socks4", (SOCKS4[0], send(b"\x00\x5b" + bytes(6)), expect_eof()), "rejected"),
        ("http", (HTTP[0], reset()), "reset"),
    ],
    ids=["refused", "ended", "garbage", "not allowed", "no common login", "rejected", "reset"],
)
async def test_what_the_proxy_says_is_the_reason(
    kind: str, steps: tuple[Step, ...], reason: str, peer: ScriptedPeer
) -> None:
    peer.script(*steps)
    with raises(smtp.SMTPConnectError) as caught:
        await behind(peer, kind).connect()

    assert reason.lower() in str(caught.value).lower()
    assert caught.value.peer == "mail.example:25"
    assert caught.value.retryable


@by_every_kind
async def test_a_proxy_that_is_not_there_is_a_connect_error(kind: str) -> None:
    with socket.socket() as placeholder:
        placeholder.bind(("127.0.0.1", 0))
        peer = ScriptedPeer(host="127.0.0.1")
        peer.port = placeholder.getsockname()[1]
        with raises(smtp.SMTPConnectError) as caught:
            await behind(peer, kind).connect()
    assert caught.value.errno


@by_every_kind
async def test_a_proxy_that_says_nothing_is_a_connect_timeout(kind: str, peer: ScriptedPeer) -> None:
    peer.client_may_leave = True
    steps = [KINDS[kind][0], hang()]
    assert stalls(steps)
    peer.script(*steps)
    with raises(smtp.SMTPConnectTimeoutError) as caught:
        await behind(peer, kind, timeout=SHORT).connect()
    assert caught.value.phase == "connection"


@pytest.mark.parametrize("kind", ["socks5", "socks4"])
async def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    kind: str, peer: ScriptedPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with raises(smtp.SMTPNotSupported, match=r"transfer-toolkit\[proxy\]"):
        await behind(peer, kind).connect()
    assert peer.accepted == 0


# -- never sent --------------------------------------------------------------------------------------------------------

CONTROLS = ("\r\nX: y", "\n", "\r", "\0", "\t", "\x7f")


@by_every_kind
@pytest.mark.parametrize("bad", CONTROLS, ids=ascii)
def test_a_target_that_would_break_out_of_the_request_is_refused_at_once(kind: str, bad: str) -> None:
    with pytest.raises(ValueError, match="hostname"):
        ConnectOptions(hostname=f"mail{bad}.example", proxy=f"{kind}://127.0.0.1:1")


@pytest.mark.parametrize("bad", [*CONTROLS, " "], ids=ascii)
@pytest.mark.parametrize("url", ["http://pro{}xy:80", "http://us{}er:pw@proxy:80", "socks5://proxy:10{}80"])
def test_a_proxys_url_with_a_blank_or_a_control_character_is_refused_at_once(url: str, bad: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        ConnectOptions(hostname=TARGET, proxy=url.format(bad))


@pytest.mark.parametrize(
    "login", ["joe%00s3cret", "joe%0d%0aX", "jo%3Ae:s3cret", "joe:s3cret%0A", "joe:s3cret%00", "joe:s3cret%7f"]
)
@by_every_kind
def test_a_proxys_login_that_would_break_out_of_its_field_is_refused_unseen(kind: str, login: str) -> None:
    with pytest.raises(ValueError, match="proxy") as caught:
        ConnectOptions(hostname=TARGET, proxy=f"{kind}://{login}@proxy:80")
    assert "s3cret" not in repr(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("rest", ["/path", "?query", "#fragment", "/?x"])
def test_a_proxys_url_ends_with_its_port(rest: str) -> None:
    with pytest.raises(ValueError, match="proxy"):
        ConnectOptions(hostname=TARGET, proxy=f"http://proxy:80{rest}")
    assert ConnectOptions(hostname=TARGET, proxy="http://proxy:80/").proxy


def test_a_proxys_password_is_not_shown() -> None:
    assert "s3cret" not in repr(ConnectOptions(hostname=TARGET, proxy="http://joe:s3cret@proxy:80"))


def test_a_proxy_excludes_what_it_has_no_say_in() -> None:
    with socket.socket() as sock:
        for given in ({"socket_path": "/s"}, {"source_address": ("127.0.0.1", 0)}, {"sock": sock}):
            with pytest.raises(ValueError, match="proxy"):
                ConnectOptions(proxy="http://proxy:80", **given)


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_for_the_certificate_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="server_hostname"):
        ConnectOptions(server_hostname=name)


# -- cancelled and cut everywhere --------------------------------------------------------------------------------------


def _proxy() -> ScriptedPeer:
    peer = ScriptedPeer(client_may_leave=True)
    peer.always(*HTTP, *opening(), *said((b"NOOP", b"250 noop")), *PARTING[:2])
    return peer


@asynccontextmanager
async def _setting() -> AsyncIterator[smtp.SMTP]:
    with _proxy() as peer:
        client = behind(peer)
        try:
            yield client
        finally:
            client.close()


async def test_cancelled_anywhere_connecting_through_a_proxy_leaves_nothing() -> None:
    async def check(outcome: Outcome) -> None:
        client: smtp.SMTP = outcome.subject
        client.close()
        await client.connect()
        assert (await client.noop()).message == "noop"

    sweep = await cancel_everywhere(
        lambda client: client.connect(), around=_setting, check=check, modes=ALL_MODES, clean_up_points=2
    )
    assert sweep.points > 0


async def test_cut_anywhere_between_proxy_and_greeting_is_a_connect_error() -> None:
    async def connect(peer: ScriptedPeer) -> None:
        client = behind(peer, start_tls=False)
        try:
            await client.connect()
        finally:
            client.close()

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        greeted = len(b"HTTP/1.1 200 go\r\n\r\n220 mini.example ready\r\n")
        assert (outcome.exception is None) is (outcome.after is None or outcome.after >= greeted)
        assert outcome.exception is None or type(outcome.exception) is smtp.SMTPConnectError

    await cut_everywhere(connect, _proxy, check=check)

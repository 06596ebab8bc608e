"""Injection in what is no address: host names, sizes, names of files, URLs (GHSA-c7w3-x93f-qmm8, GHSA-vvjj-xcjg-gr5g).

A proxy's CONNECT is held by tests/smtp/test_open_proxy.py, parameters of Mail by test_command_injection.py.
"""

from __future__ import annotations

import inspect
import socket
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import pytest

from tests.peers import MiniSMTP, ScriptedPeer
from tests.smtp.advisories.support import BREAKS, CONTROLS, LOCAL
from tests.smtp.support import HELLO, PARTING, RECIPIENT, SENDER, TEXT, connected, letter
from transfer import smtp

Through = Callable[[dict[str, Any], dict[str, Any]], Awaitable[None]]


async def give_token() -> str:
    raise NotImplementedError


OPTIONS: dict[str, Callable[[str], dict[str, Any]]] = {
    "hostname": lambda bad: {"hostname": f"local{bad}host"},
    "server_hostname": lambda bad: {"server_hostname": f"local{bad}host"},
    "local_hostname": lambda bad: {"local_hostname": f"a{bad}b"},
    "source_address": lambda bad: {"source_address": (f"127.0.0.1{bad}", 0)},
    "proxy's host": lambda bad: {"proxy": f"http://local{bad}host:1"},
    "target of a proxy": lambda bad: {"hostname": f"mail{bad}.example", "proxy": "http://127.0.0.1:9"},
    "mechanism": lambda bad: {"mechanisms": [f"PLA{bad}IN"]},
}
SECRETS: dict[str, Callable[[str], dict[str, Any]]] = {
    "username": lambda bad: {"username": f"an{bad}na", "password": "secret"},
    "password": lambda bad: {"username": "anna", "password": f"secret{bad}"},
    "username in octets": lambda bad: {"username": f"an{bad}na".encode(), "password": b"secret"},
    "token's user": lambda bad: {"username": f"an{bad}na", "oauth_token_generator": give_token},
}
MATRIX = [
    *((make, CONTROLS, name) for name, make in OPTIONS.items()),
    *((make, BREAKS, name) for name, make in SECRETS.items()),
]


async def through_the_constructor(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.SMTP(**(usual | given)).connect()


async def through_connect(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.SMTP(**usual).connect(**given)


async def through_send(usual: dict[str, Any], given: dict[str, Any]) -> None:
    await smtp.send(letter(), **(usual | given))


# connect() takes what programs know it to take.
ROUTES = [
    pytest.param(make, bads, through, id=f"{name}-{through.__name__}")
    for make, bads, name in MATRIX
    for through in (through_the_constructor, through_connect, through_send)
    if through is not through_connect or set(make("")) <= set(inspect.signature(smtp.SMTP.connect).parameters)
]


@pytest.mark.parametrize(("make", "bads", "through"), ROUTES)
async def test_options_dial_nothing(make: Callable[[str], dict[str, Any]], bads: list[str], through: Through) -> None:
    """GHSA-vvjj-xcjg-gr5g."""
    with ScriptedPeer() as peer:
        for bad in bads:
            with pytest.raises(LOCAL) as caught:
                await through({"hostname": peer.host, "port": peer.port}, make(bad))
            assert "secret" not in str(caught.value)
        assert peer.accepted == 0


@pytest.mark.parametrize("bad", CONTROLS, ids=ascii)
@pytest.mark.parametrize("template", ["smtp://ho{}st", "smtp://host?local_hostname=a{}b", "lmtp://host?timeout=1{}"])
def test_a_url_is_no_way_around(template: str, bad: str) -> None:
    for spelled in (bad, quote(bad)):
        with pytest.raises(LOCAL):
            smtp.SMTP.from_url(template.format(spelled))


@pytest.mark.parametrize("name", ["socket_path", "client_cert", "client_key", "cert_bundle"])
async def test_a_file_s_name_holds_no_nul(name: str) -> None:
    """CR and LF are allowed in names of files."""
    with ScriptedPeer() as peer:
        given: dict[str, Any] = {name: "a\0b"}
        if name != "socket_path":
            given |= {"hostname": peer.host, "port": peer.port}
        with pytest.raises(ValueError, match=r"NUL|null|certificate"):
            await through_the_constructor({}, given)
        assert peer.accepted == 0


async def test_a_refused_option_leaves_a_socket_to_the_caller() -> None:
    with ScriptedPeer() as peer:
        peer.script(HELLO, *PARTING)
        sock = socket.create_connection((peer.host, peer.port))
        client = smtp.SMTP(sock=sock, start_tls=False, username="anna", password="sec\nret")
        with pytest.raises(LOCAL):
            await client.connect()
        await client.connect(username=None)
        await client.quit()


@pytest.mark.parametrize("size", ["10\r\nRCPT TO:<e@x>", "10", 10.5, b"10", True, -1], ids=repr)
async def test_a_size_is_a_number(smtp_server: MiniSMTP, size: Any) -> None:
    """GHSA-c7w3-x93f-qmm8."""

    async def body() -> Any:
        yield TEXT

    async with connected(smtp_server) as client:
        with pytest.raises((TypeError, ValueError)):
            await client.deliver(smtp.Mail(body(), sender=SENDER, recipients=RECIPIENT, size=size))
    assert [command[:4] for command in smtp_server.commands if not command.startswith("EHLO")] == []


@pytest.mark.parametrize("name", ["hold_for", "priority"])
@pytest.mark.parametrize("value", ["1\r\nRSET", "1", 1.5, True], ids=repr)
def test_a_parameter_that_is_a_number_is_a_number(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        smtp.Parameters(**{name: value})

"""What the package gives to programs that were written for aiosmtplib."""

from __future__ import annotations

import importlib
import inspect
import pickle
import ssl
import subprocess
import sys
from typing import Any

import aiosmtplib
import pytest

from tests.peers import MiniSMTP, ScriptedPeer, expect_eof
from tests.smtp.support import LONG, client_of, connected, opening, raises
from transfer import smtp

# These belong to asyncio; docs/howto/migrate.md lists them.
NOT_OFFERED = {"transport", "protocol", "loop"}
# What its modules say of arguments to each other.
NOT_FOR_PROGRAMS = {"Default", "SocketPathType", "_default"}
# The default of the original, and what stands for it here.
TIMEOUT = 60
OURS = {"allow_cleartext_auth", "proxy", "server_hostname", "line_policy", "mechanisms"}


def test_names_say_the_package() -> None:
    for name in smtp.__all__:
        found = getattr(smtp, name)
        if isinstance(found, type) or inspect.isfunction(found):
            assert found.__module__ == "transfer.smtp", name
            assert pickle.loads(pickle.dumps(found)) is found


def test_programs_find_every_name_where_they_look_for_it() -> None:
    assert set(aiosmtplib.__all__) <= set(smtp.__all__)


@pytest.mark.parametrize("name", ["api", "auth", "email", "errors", "esmtp", "response", "smtp", "status", "typing"])
def test_programs_find_the_modules_that_they_import_from(name: str) -> None:
    ours, theirs = (importlib.import_module(f"{package}.{name}") for package in ("transfer.smtp", "aiosmtplib"))
    for public in set(theirs.__all__) - NOT_FOR_PROGRAMS:
        found = getattr(ours, public)
        assert getattr(smtp, public, found) is found
    assert set(ours.__all__) <= {public for public in dir(theirs) if not public.startswith("_")}
    assert ours.__all__


def test_the_modules_are_there_after_one_import() -> None:
    modules = "api, auth, email, errors, esmtp, response, smtp, status, typing"
    script = f"import transfer.smtp\nfor name in {modules.split(', ')}: getattr(transfer.smtp, name)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_every_attribute_is_there() -> None:
    theirs = {name for name in (*dir(aiosmtplib.SMTP), *vars(aiosmtplib.SMTP())) if not name.startswith("_")}
    ours = {name for name in (*dir(smtp.SMTP), *vars(smtp.SMTP())) if not name.startswith("_")}

    assert theirs - ours == NOT_OFFERED
    assert ours - theirs == {"check", "deliver", "from_url", "last_delivery", "last_report"}


def parameters(method: Any) -> dict[str, tuple[object, object]]:
    found = inspect.signature(method).parameters.values()
    return {one.name: (one.kind, one.default) for one in found if one.name != "self"}


METHODS = [name for name in dir(aiosmtplib.SMTP) if inspect.isfunction(getattr(aiosmtplib.SMTP, name))]


@pytest.mark.parametrize("name", [name for name in METHODS if not name.startswith("_") or name == "__init__"])
def test_a_method_takes_what_it_takes_there(name: str) -> None:
    ours, theirs = parameters(getattr(smtp.SMTP, name)), parameters(getattr(aiosmtplib.SMTP, name))
    for parameter, (kind, default) in theirs.items():
        if parameter == "extension":
            parameter = "name"  # positional in both
        my_kind, my_default = ours[parameter]
        assert my_kind == kind, parameter
        # A token of its own stands for "not given", as there; 60 seconds and False are what comes of it.
        assert my_default == default or repr(my_default) == "UNSET" or (my_default is None and default is False)
    assert set(ours) - set(theirs) <= OURS | {"name"}


def test_send_takes_what_it_takes_there() -> None:
    ours, theirs = parameters(smtp.send), parameters(aiosmtplib.send)

    assert set(ours) - set(theirs) == OURS
    assert {name: kind for name, (kind, _) in ours.items() if name in theirs} == {
        name: kind for name, (kind, _) in theirs.items()
    }


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"hostname": "mail.example", "port": 2525, "timeout": 7, "local_hostname": "me.example"},
        {"use_tls": True, "validate_certs": False, "source_address": ("127.0.0.1", 0)},
        {"client_cert": "c.pem", "client_key": "k.pem", "cert_bundle": "b.pem"},
        {"socket_path": "/run/smtp"},
        {"tls_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
    ],
    ids=lambda given: "-".join(given) or "nothing",
)
def test_options_are_attributes(given: dict[str, Any]) -> None:
    ours, theirs = smtp.SMTP(**given), aiosmtplib.SMTP(**given)
    for name in (*given, "timeout", "use_tls", "validate_certs", "client_cert", "sock", "hostname", "source_address"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.timeout == given.get("timeout", TIMEOUT)


async def test_an_option_that_is_assigned_counts_for_the_next_connection(smtp_server: MiniSMTP) -> None:
    client = smtp.SMTP(start_tls=False)
    client.hostname, client.port, client.local_hostname = smtp_server.host, smtp_server.port, "assigned.example"
    client.timeout = LONG
    async with client:
        await client.noop()

    assert (client.hostname, client.port, client.timeout) == (smtp_server.host, smtp_server.port, LONG)
    assert smtp_server.commands[0] == "EHLO assigned.example"
    assert smtp.SMTP.timeout.__doc__


def test_an_option_that_is_assigned_is_checked_with_the_others() -> None:
    client = smtp.SMTP(start_tls=True)
    with pytest.raises(ValueError, match="exclude each other"):
        client.use_tls = True
    assert not client.use_tls


async def test_mechanisms_that_both_know(peer: ScriptedPeer) -> None:
    peer.script(*opening(b"AUTH LOGIN GSSAPI PLAIN"), expect_eof())
    client = client_of(peer)
    assert client.supported_auth_methods == client.server_auth_methods == []
    await client.connect()

    assert client.server_auth_methods == ["login", "gssapi", "plain"]
    assert client.supported_auth_methods == ["plain", "login"]
    assert smtp.SMTP.AUTH_METHODS == aiosmtplib.SMTP.AUTH_METHODS
    client.close()


# -- facts of the connection -------------------------------------------------------------------------------------------


async def test_facts_of_a_plain_connection(smtp_server: MiniSMTP) -> None:
    async with connected(smtp_server) as client:
        assert client.get_transport_info("peername") == (smtp_server.host, smtp_server.port)
        assert client.get_transport_info("sockname") == client.get_transport_info("socket").getsockname()
        for key in ("ssl_object", "sslcontext", "peercert", "cipher", "compression", "nonsense"):
            assert client.get_transport_info(key) is None
    with raises(smtp.SMTPServerDisconnected):
        client.get_transport_info("peername")


async def test_facts_of_tls(server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext) -> None:
    with MiniSMTP(tls=server_tls_context, implicit_tls=True) as server:
        async with connected(server, use_tls=True, tls_context=client_tls_context) as client:
            assert client.get_transport_info("sslcontext") is client_tls_context
            assert client.get_transport_info("ssl_object").version().startswith("TLS")
            assert ("DNS", "localhost") in client.get_transport_info("peercert")["subjectAltName"]
            assert len(client.get_transport_info("cipher")) == 3
            assert client.get_transport_info("compression") is None
            assert client.get_transport_info("nonsense") is None

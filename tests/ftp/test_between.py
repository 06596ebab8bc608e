"""Files from one server straight to another, and the addresses that are not believed."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from tests.ftp.support import HELLO, SHORT, answer, binary, connected, impatient
from tests.harness import Mode, Outcome, cancel_everywhere
from tests.peers import HANG, MiniFTP, ScriptedPeer, Step, expect, expect_eof, expect_line, send, start_tls
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS
from transfer.ftp._connection._between import _require_reachable

CONTENT = bytes(range(256)) * 4000


@attrs.define
class Two:
    """Two servers, and a client at each."""

    here: MiniFTP
    there: MiniFTP
    source: ftp.Client
    destination: ftp.Client

    async def copy(self) -> None:
        await ftp.transfer_between(self.source, "a", self.destination, "b")

    async def are_in_step(self) -> bool:
        return all(
            [
                (await client.command("NOOP", "xxx"))[0] == "200" and str(await client.get_current_directory()) == "/"
                for client in (self.source, self.destination)
            ]
        )


@contextlib.asynccontextmanager
async def two_servers(**options: Any) -> AsyncIterator[Two]:
    options = {"timeouts": Timeouts.uniform(5)} | options
    with (
        MiniFTP(files={"/a": CONTENT}, client_may_leave=True) as here,
        MiniFTP(client_may_leave=True) as there,
    ):
        clients = [await connected(server, **options) for server in (here, there)]
        try:
            for client in clients:
                await client.login()
            yield Two(here, there, *clients)
        finally:
            for client in clients:
                client.close()


def asked(server: MiniFTP) -> list[str]:
    verbs = ("PASV", "PORT", "RETR", "STOR", "ABOR")
    return [line.partition(" ")[0] for line in server.commands if line.startswith(verbs)]


# -- to its end ------------------------------------------------------------------------------------------------------


async def test_a_file_goes_from_one_server_to_the_other() -> None:
    async with two_servers() as two:
        await two.copy()
        assert two.there.files["/b"] == CONTENT
        assert (asked(two.here), asked(two.there)) == (["PASV", "RETR"], ["PORT", "STOR"])
        assert await two.are_in_step()


@pytest.mark.parametrize("which", ["here", "there"])
async def test_where_one_does_not_want_its_part_they_change_parts(which: str) -> None:
    async with two_servers() as two:
        if which == "here":
            two.here.replies["PASV"] = "502 not me"
        else:
            two.there.replies["PORT"] = "501 not there"
        await two.copy()
        assert two.there.files["/b"] == CONTENT
        assert await two.are_in_step()


async def test_both_connections_are_kept_alive_meanwhile() -> None:
    async with two_servers(noop_interval=60) as two:
        await two.copy()
        assert two.there.files["/b"] == CONTENT


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("replies_here", "replies_there", "code"),
    [
        ({"PASV": "502 no"}, {"PASV": "502 no"}, "502"),
        ({"PORT": "500 no"}, {"PORT": "500 no"}, "500"),
        ({"RETR": "550 no such file"}, {}, "550"),
        ({}, {"STOR": "553 not here"}, "553"),
        ({"RETR DONE": "451 disk error"}, {}, "451"),
        ({"RETR DONE": "426 cut off"}, {"STOR DONE": "552 quota"}, "552"),
        ({}, {"STOR DONE": "552 quota"}, "552"),
    ],
    ids=str,
)
async def test_a_refusal_of_one_server_ends_it_for_both(
    replies_here: dict[str, str], replies_there: dict[str, str], code: str
) -> None:
    async with two_servers() as two:
        two.here.replies |= replies_here
        two.there.replies |= replies_there
        with pytest.raises(ftp.StatusCodeError) as caught:
            await two.copy()
        assert caught.value.received_codes == (code,)
        assert two.source.is_connected
        assert two.destination.is_connected
        assert await two.are_in_step()


async def test_nothing_is_asked_for_that_nobody_takes() -> None:
    async with two_servers() as two:
        two.there.replies["STOR"] = "553 not here"
        with pytest.raises(ftp.StatusCodeError, match="553"):
            await two.copy()
        assert await two.are_in_step()
        assert "RETR" not in asked(two.here)


async def test_a_server_that_leaves_is_told_of_and_the_other_goes_on() -> None:
    async with two_servers() as two:
        two.here.replies["RETR"] = "421 leaving"
        with pytest.raises(ftp.StatusCodeError):
            await two.copy()
        assert not two.source.is_connected
        assert await two.destination.command("NOOP", "200")


async def test_a_silent_server_is_not_waited_for_once_the_other_has_failed() -> None:
    async with two_servers(timeouts=impatient("close")) as two:
        two.here.replies["RETR DONE"] = "451 disk error"
        two.there.replies["STOR DONE"] = HANG
        with pytest.raises(ftp.StatusCodeError) as caught:
            await two.copy()
        assert caught.value.received_codes == ("451",)
        assert await two.source.command("NOOP", "200")
        assert not two.destination.is_connected


async def test_one_client_can_t_be_both() -> None:
    async with two_servers() as two:
        with pytest.raises(ftp.InvalidCommand):
            await ftp.transfer_between(two.source, "a", two.source, "b")
        with pytest.raises(ftp.FTPDisconnected):
            await ftp.transfer_between(ftp.Client(), "a", two.source, "b")
        assert await two.are_in_step()


async def test_a_cancelled_copy_aborts_both(peer: ScriptedPeer) -> None:
    aborted = answer(b"ABOR", b"426 aborted", b"226 so it is")
    in_step = (*answer(b"NOOP", b"200 ok"), expect_eof())
    numbers = peer.host.replace(".", ",").encode() + b",20,20"
    peer.script(
        HELLO, *binary(), *answer(b"PASV", b"227 (" + numbers + b")"), *answer(b"RETR a", b"150 go"), *aborted, *in_step
    )
    peer.script(
        HELLO, *binary(), *answer(b"PORT " + numbers, b"200 ok"), *answer(b"STOR b", b"150 go"), *aborted, *in_step
    )
    clients = [await connected(peer), await connected(peer)]
    with anyio.move_on_after(SHORT):
        await ftp.transfer_between(clients[0], "a", clients[1], "b")
    for client in clients:
        await client.command("NOOP", "200")
        client.close()


async def test_a_copy_cancelled_anywhere_leaves_both_in_step_or_closed() -> None:
    async def check(outcome: Outcome) -> None:
        two: Two = outcome.subject
        for client, server in ((two.source, two.here), (two.destination, two.there)):
            if not client.is_connected:
                await client.connect(server.host, server.port)
                await client.login()
        assert await two.are_in_step()

    await cancel_everywhere(Two.copy, around=two_servers, check=check, clean_up_points=3, modes=list(Mode)[:4])


# -- whose address it is ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["127.0.0.7", "10.0.0.1", "192.0.2.1", "255.255.255.255"])
async def test_a_server_can_t_send_the_other_one_to_a_third(address: str) -> None:
    async with two_servers() as two:
        for server in (two.here, two.there):
            server.replies["PASV"] = f"227 there ({address.replace('.', ',')},20,20)"
        with pytest.raises(ftp.FTPNotSupported, match=address):
            await two.copy()
        assert (asked(two.here), asked(two.there)) == (["PASV"], ["PASV"])
        assert await two.are_in_step()


async def test_zeros_stand_for_the_server_s_own_address(peer: ScriptedPeer) -> None:
    own = peer.host.replace(".", ",").encode() + b",20,20"
    peer.script(HELLO, *binary(), *answer(b"PASV", b"227 (0,0,0,0,20,20)"), *answer(b"RETR a", b"150 x", b"226 x"))
    peer.script(HELLO, *binary(), *answer(b"PORT " + own, b"200 ok"), *answer(b"STOR b", b"150 x", b"226 x"))
    source, destination = await connected(peer), await connected(peer)
    await ftp.transfer_between(source, "a", destination, "b")
    source.close()
    destination.close()


async def test_an_address_can_be_trusted_on_purpose(peer: ScriptedPeer) -> None:
    peer.script(HELLO, *binary(), *answer(b"PASV", b"227 (127,0,0,7,20,20)"), *answer(b"RETR a", b"150 x", b"226 x"))
    peer.script(HELLO, *binary(), *answer(b"PORT 127,0,0,7,20,20", b"200 ok"), *answer(b"STOR b", b"150 x", b"226 x"))
    source, destination = await connected(peer, trust_passive_address=True), await connected(peer)
    await ftp.transfer_between(source, "a", destination, "b")
    source.close()
    destination.close()


@pytest.mark.parametrize(
    ("address", "other", "reachable"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "192.168.1.1", False),
        ("127.0.0.1", "8.8.8.8", False),
        ("127.0.0.1", None, False),
        ("192.168.1.2", "192.168.1.1", True),
        ("192.168.1.2", "127.0.0.1", True),
        ("192.168.1.2", "8.8.8.8", False),
        ("192.168.1.2", None, False),
        ("8.8.8.8", "9.9.9.9", True),
        ("8.8.8.8", "192.168.1.1", True),
        ("8.8.8.8", None, True),
        ("::1", "fe80::1", False),
        ("fe80::1", "2606:4700::1", False),
        ("2606:4700::1", "2606:4700::2", True),
        ("0.0.0.0", "8.8.8.8", False),
        ("224.0.0.1", "224.0.0.1", False),
    ],
)
def test_an_address_that_means_something_else_over_there_is_refused(
    address: str, other: str | None, reachable: bool
) -> None:
    """A server told to connect to 127.0.0.1 would connect to itself."""
    with contextlib.nullcontext() if reachable else pytest.raises(ftp.FTPNotSupported):
        _require_reachable(address, other, "server:21")


async def test_ipv6_servers_are_asked_by_epsv_and_told_by_eprt() -> None:
    with MiniFTP(host="::1", files={"/a": CONTENT}) as here, MiniFTP(host="::1") as there:
        clients = [await connected(server) for server in (here, there)]
        for client in clients:
            await client.login()
        await ftp.transfer_between(clients[0], "a", clients[1], "b")
        assert there.files["/b"] == CONTENT
        for client in clients:
            await client.quit()


# -- TLS -------------------------------------------------------------------------------------------------------------


def private(context: ssl.SSLContext, *steps: Step) -> tuple[Step, ...]:
    agreed = (*answer(b"PBSZ 0", b"200 ok"), *answer(b"PROT P", b"200 ok"))
    return start_tls(context), HELLO, *agreed, *binary(), *steps


@pytest.mark.parametrize("way", ["CPSV", "SSCN"])
async def test_with_tls_the_server_that_listens_is_its_client(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext, way: str
) -> None:
    numbers = peer.host.replace(".", ",").encode() + b",20,20"
    named = send(b"227 here (" + numbers + b")\r\n")
    retrieved = (*answer(b"RETR a", b"150 x"), send(b"226 x\r\n"))
    ways = {
        "CPSV": (expect(b"CPSV\r\n"), named, *retrieved),
        "SSCN": (
            *answer(b"CPSV", b"500 what?"),
            *answer(b"SSCN ON", b"200 ok"),
            expect(b"PASV\r\n"),
            named,
            *retrieved,
            *answer(b"SSCN OFF", b"200 ok"),
        ),
    }
    peer.script(*private(server_tls_context, *ways[way]), expect_eof())
    stored = (expect_line(rb"PORT .*,20,20"), send(b"200 ok\r\n"), *answer(b"STOR b", b"150 x", b"226 x"))
    peer.script(*private(server_tls_context, *stored), expect_eof())
    clients = [await connected(peer, ssl=client_tls_context) for _ in range(2)]
    await ftp.transfer_between(clients[0], "a", clients[1], "b")
    for client in clients:
        client.close()


async def test_servers_that_can_t_be_clients_of_tls_are_said_to_be_so(
    peer: ScriptedPeer, server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    for _ in range(2):
        refused = (*answer(b"CPSV", b"500 what?"), *answer(b"SSCN ON", b"500 what?"))
        peer.script(*private(server_tls_context, *refused), expect_eof())
    clients = [await connected(peer, ssl=client_tls_context) for _ in range(2)]
    with pytest.raises(ftp.FTPNotSupported, match="client of TLS"):
        await ftp.transfer_between(clients[0], "a", clients[1], "b")
    for client in clients:
        client.close()


async def test_data_is_private_at_both_servers_or_at_none(server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    with MiniFTP(tls=server_tls_context) as here, MiniFTP() as there:
        async with (
            ftp.Client.context(
                here.host, here.port, upgrade_to_tls=True, tls=TLS(ca_file=ca_file), allow_cleartext_auth=True
            ) as source,
            ftp.Client.context(there.host, there.port) as destination,
        ):
            with pytest.raises(ftp.FTPNotSupported, match="in clear at the other"):
                await ftp.transfer_between(source, "a", destination, "b")

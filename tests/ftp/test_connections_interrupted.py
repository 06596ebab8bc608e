"""Active mode, PROT and CCC, cancelled wherever they are suspended and cut off after every octet (I2, I8, I9)."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs
import pytest

from tests.ftp.support import answer, binary
from tests.harness import CutOutcome, Mode, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import (
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
    receive_data,
    send,
    send_data,
    start_tls,
)
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS

PATIENT = Timeouts.uniform(5)
CONTENT = b"0123456789"
FEW = list(Mode)[:4]
HELLO = send(b"220 a\r\n")


@attrs.define
class Subject:
    """A client in active mode, and its server."""

    client: ftp.Client
    server: MiniFTP
    folder: Path


@contextlib.asynccontextmanager
async def one_server(folder: Path, context: ssl.SSLContext, ca_file: Path, *, secure: bool) -> AsyncIterator[Subject]:
    with MiniFTP(files={"/x": CONTENT}, tls=context, client_may_leave=True) as server:
        client = ftp.Client(timeouts=PATIENT, tls=TLS(ca_file=ca_file), active=True)
        try:
            await client.connect(server.host, server.port)
            if secure:
                await client.upgrade_to_tls()
            await client.login()
            yield Subject(client, server, folder)
        finally:
            client.close()


async def in_step_or_closed(outcome: Outcome) -> None:
    client, server = outcome.subject.client, outcome.subject.server
    if not client.is_connected:
        await client.connect(server.host, server.port)
    assert await client.command("NOOP", "xxx") == ("200", [" ok"])
    await client.login()
    assert len(await client.list()) in (1, 2)
    await client.quit()


# -- cancelled -------------------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[Subject], Awaitable[object]]] = {
    "list": lambda subject: subject.client.list("/")._collect(),
    "upload": lambda subject: subject.client.upload(subject.folder / "sent"),
    "download": lambda subject: subject.client.download("x", subject.folder),
    "set_data_protection": lambda subject: subject.client.set_data_protection(False),
}


@pytest.mark.parametrize("name", ["list", "upload", "download"])
async def test_a_cancelled_call_in_active_mode_leaves_the_connection_in_step_or_closed(
    name: str, tmp_path: Path, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    (tmp_path / "sent").write_bytes(CONTENT)
    await cancel_everywhere(
        CALLS[name],
        around=lambda: one_server(tmp_path, server_tls_context, ca_file, secure=False),
        check=in_step_or_closed,
        clean_up_points=3,
        modes=FEW,
    )


@pytest.mark.parametrize("name", ["download", "set_data_protection"])
async def test_so_does_one_with_tls(
    name: str, tmp_path: Path, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    await cancel_everywhere(
        CALLS[name],
        around=lambda: one_server(tmp_path, server_tls_context, ca_file, secure=True),
        check=in_step_or_closed,
        modes=[Mode.SCOPE, Mode.NATIVE],
    )


def answered_in_either_way(connection: Connection) -> None:
    """Go on after CCC in clear, with a client that may have left."""
    connection.wire.stop_tls()


async def test_after_a_cancelled_ccc_the_client_is_where_it_was_or_closed(
    server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    """It never takes what comes in TLS for clear text, nor clear text for TLS."""

    @contextlib.asynccontextmanager
    async def secured() -> AsyncIterator[ftp.Client]:
        with ScriptedPeer(client_may_leave=True) as peer:
            agreed = (*answer(b"PBSZ 0", b"200 a"), *answer(b"PROT P", b"200 a"))
            ended = (*answer(b"CCC", b"200 a"), call(answered_in_either_way), *answer(b"NOOP", b"200 in clear"))
            peer.script(start_tls(server_tls_context), HELLO, *agreed, *ended)
            client = ftp.Client(timeouts=PATIENT, ssl=ssl.create_default_context(cafile=str(ca_file)))
            try:
                await client.connect(peer.host, peer.port)
                yield client
            finally:
                client.close()

    async def check(outcome: Outcome) -> None:
        client: ftp.Client = outcome.subject
        if client.is_connected:
            if client._session.control.is_encrypted:  # before anything was said
                await client.clear_command_channel()
            assert await client.command("NOOP", "xxx") == ("200", [" in clear"])

    await cancel_everywhere(lambda client: client.clear_command_channel(), around=secured, check=check, modes=FEW)


# -- cut off ---------------------------------------------------------------------------------------------------------


@attrs.frozen
class Dialogue:
    """What the client does in active mode, and the server's part."""

    call: Callable[[ftp.Client, Path], Awaitable[object]]
    steps: tuple[Step, ...]


def opened(line: bytes) -> tuple[Step, ...]:
    told = expect_line(rb"EPRT \|1\|127\.0\.0\.1\|(?P<port>\d+)\|"), send(b"200 a\r\n")
    return *binary(), *told, *answer(line, b"150 a"), connect_data("d", "port")


def sent(client: ftp.Client, folder: Path) -> Awaitable[object]:
    (folder / "x").write_bytes(CONTENT)
    return client.upload(folder / "x")


LISTED = answer(b"MLST x", b"250-a\r\n type=file;size=10; x\r\n250 b")
DIALOGUES = {
    "download": Dialogue(
        lambda client, folder: client.download("x", folder),
        (*LISTED, *opened(b"RETR x"), send_data("d", CONTENT), close_data("d"), send(b"226 a\r\n")),
    ),
    "upload": Dialogue(sent, (*opened(b"STOR x"), receive_data("d"), send(b"226 a\r\n"))),
}


@pytest.mark.parametrize("data", [False, True], ids=["control", "data"])
@pytest.mark.parametrize("name", DIALOGUES)
async def test_a_connection_that_is_cut_off_in_active_mode_is_told(name: str, data: bool, tmp_path: Path) -> None:
    connected: list[bool] = []

    def make() -> ScriptedPeer:
        peer = ScriptedPeer()
        peer.script(HELLO, *DIALOGUES[name].steps, expect_eof())
        return peer

    async def scenario(peer: ScriptedPeer) -> None:
        (tmp_path / "x").unlink(missing_ok=True)
        client = ftp.Client(timeouts=PATIENT, active=True)
        try:
            await client.connect(peer.host, peer.port)
            await DIALOGUES[name].call(client, tmp_path)
        finally:
            connected.append(client.is_connected)
            client.close()

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        error = outcome.exception
        if data and outcome.was_cut:
            assert isinstance(error, ftp.StatusCodeError)
            assert error.received_codes == ("426",)
            assert connected[-1]
        elif error is not None:
            assert type(error) in {ftp.FTPDisconnected, ftp.FTPConnectError}, repr(error)
            assert isinstance(error, ftp.FTPException)
            assert error.retryable
            assert not connected[-1], repr(error)
        elif name == "download":
            assert (tmp_path / "x").read_bytes() == CONTENT

    await cut_everywhere(scenario, make, check=check, allowed=(ftp.FTPException,), data=data)


async def test_a_ccc_that_is_cut_off_is_a_lost_connection(server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    context = ssl.create_default_context(cafile=str(ca_file))

    def make() -> ScriptedPeer:
        peer = ScriptedPeer()
        agreed = (*answer(b"PBSZ 0", b"200 a"), *answer(b"PROT P", b"200 a"))
        ended = (expect(b"CCC\r\n"), send(b"200 a\r\n"), call(answered_in_either_way), *answer(b"NOOP", b"200 clear"))
        peer.script(start_tls(server_tls_context), HELLO, *agreed, *ended, expect_eof())
        return peer

    async def scenario(peer: ScriptedPeer) -> None:
        client = ftp.Client(timeouts=PATIENT, ssl=context)
        try:
            await client.connect(peer.host, peer.port)
            await client.clear_command_channel()
            assert await client.command("NOOP", "xxx") == ("200", [" clear"])
        finally:
            client.close()

    await cut_everywhere(scenario, make, allowed=(ftp.FTPException,), stride=31)

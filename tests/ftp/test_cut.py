"""The connection, control or data, cut off after every octet that the server sends, by FIN and by RST."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import pytest

from tests.ftp.support import answer, binary, deliver, open_data, passive
from tests.harness import CutOutcome, cut_everywhere
from tests.peers import (
    CutMode,
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    close_data,
    expect_eof,
    receive_data,
    send,
    send_data,
)
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS

PATIENT = Timeouts.uniform(5)
CONTENT = b"0123456789"
# Terse, so that there are not too many octets after which to cut.
TERSE = {
    "GREETING": "220 a",
    "USER": "331 a",
    "PASS": "230 a",
    "AUTH": "234 a",
    "PBSZ": "200 a",
    "PROT": "200 a",
    "TYPE": "200 a",
    "MLSD": "150 a",
    "RETR": "150 a",
    "QUIT": "221 a",
}
HELLO = send(b"220 a\r\n")


@attrs.frozen
class Dialogue:
    """What the client does, and the server's part."""

    call: Callable[[ftp.Client, Path], Awaitable[object]]
    steps: tuple[Step, ...]


async def manage(client: ftp.Client, folder: Path) -> None:
    await client.login("u", "p")
    assert not await client.exists("x")
    await client.make_directory("x", parents=False)
    await client.change_directory("x")
    await client.rename("a", "b")
    await client.quit()


def listed(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.list()._collect()


async def looked_through(client: ftp.Client, folder: Path) -> None:
    assert [path.name async for path, _, _ in client.walk("x")] == ["x"]
    assert [entry.name for entry in await client.glob("x/b*")] == ["b"]
    assert await client.list_names("x") == ["a", "b"]


def received(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.download("x", folder)


def sent(client: ftp.Client, folder: Path) -> Awaitable[object]:
    (folder / "x").write_bytes(CONTENT)
    return client.upload(folder / "x")


async def streamed(client: ftp.Client, folder: Path) -> None:
    async with client.upload_stream("x") as stream:
        await stream.write(CONTENT)
    async with client.download_stream("x", offset=3) as stream:
        assert await stream.read() == CONTENT[3:]


async def opened(client: ftp.Client, folder: Path) -> None:
    async with client.open("x") as file:
        await file.seek(3)
        assert await file.read() == CONTENT[3:]


LISTED = b"type=file; a\r\n b\r\n"
FROM_3 = (
    *passive("e"),
    *answer(b"REST 3", b"350 a"),
    *answer(b"RETR x", b"150 a"),
    accept_data("e"),
    send_data("e", CONTENT[3:]),
    close_data("e"),
    send(b"226 a\r\n"),
)
DIALOGUES = {
    "looks": Dialogue(
        looked_through,
        (
            *binary(),
            *deliver(b"MLSD x", LISTED),
            *deliver(b"MLSD x", LISTED, name="e"),
            *deliver(b"NLST x", b"a\r\nb\r\n", name="f"),
        ),
    ),
    "names": Dialogue(
        manage,
        (
            *answer(b"USER u", b"331 a"),
            *answer(b"PASS p", b"230 a"),
            *answer(b"MLST x", b"550 a"),
            *answer(b"MLST x", b"550-a\r\nb\r\n550 c"),
            *answer(b"MKD x", b"257 a"),
            *answer(b"CWD x", b"250 a"),
            *answer(b"RNFR a", b"350 a"),
            *answer(b"RNTO b", b"250 a"),
            *answer(b"QUIT", b"221 a"),
        ),
    ),
    "list": Dialogue(listed, (*binary(), *deliver(b"MLSD", LISTED, done=b"226 a"))),
    "download": Dialogue(
        received,
        (*answer(b"MLST x", b"250-a\r\n type=file;size=10; x\r\n250 b"), *binary(), *deliver(b"RETR x", CONTENT)),
    ),
    "upload": Dialogue(sent, (*binary(), *open_data(b"STOR x"), receive_data("d"), send(b"226 a\r\n"))),
    "streams": Dialogue(
        streamed,
        (
            *binary(),
            *open_data(b"STOR x"),
            receive_data("d"),
            send(b"226 a\r\n"),
            *FROM_3,
        ),
    ),
    "open": Dialogue(opened, (*binary(), *answer(b"SIZE x", b"213 10"), *FROM_3)),
}


# In "names" the replies to MKD and RNTO are the octets from 45 and from 66 on, seven of them each.
MAY_HAVE_LEFT = {45, 66}
MUST_NOT_BE_REPEATED = {*range(46, 52), *range(67, 73)}


def scripted(dialogue: Dialogue) -> Callable[[], ScriptedPeer]:
    def make() -> ScriptedPeer:
        peer = ScriptedPeer()
        peer.script(HELLO, *dialogue.steps, expect_eof())
        return peer

    return make


class Run:
    """One run's client, for the check that follows it."""

    def __init__(self, dialogue: Dialogue, folder: Path) -> None:
        self._dialogue, self._folder = dialogue, folder
        self.client = ftp.Client()

    async def __call__(self, peer: ScriptedPeer) -> object:
        for file in self._folder.iterdir():
            file.unlink()
        self.client = ftp.Client(timeouts=PATIENT)
        try:
            await self.client.connect(peer.host, peer.port)
            return await self._dialogue.call(self.client, self._folder)
        finally:
            self.connected = self.client.is_connected
            self.client.close()


@pytest.mark.parametrize("name", DIALOGUES)
async def test_a_control_connection_that_is_cut_off_is_lost(name: str, tmp_path: Path) -> None:
    run = Run(DIALOGUES[name], tmp_path)

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        error = outcome.exception
        # Some loops notice a reset before they report the connection.
        assert error is None or type(error) in {ftp.FTPDisconnected, ftp.FTPConnectError}, repr(error)
        if error is not None:
            assert isinstance(error, ftp.FTPException)
            assert not run.connected
            # Cut right after the reply before it, the command may have left or not.
            if name != "names" or outcome.after not in MAY_HAVE_LEFT:
                assert error.retryable is not (name == "names" and outcome.after in MUST_NOT_BE_REPEATED)
        elif name == "download":
            assert (tmp_path / "x").read_bytes() == CONTENT

    sweep = await cut_everywhere(run, scripted(DIALOGUES[name]), check=check, allowed=(ftp.FTPException,))
    assert sweep.points > 30


@pytest.mark.parametrize("name", ["list", "download", "upload"])
async def test_a_data_connection_that_is_cut_off_is_told_by_the_server(name: str, tmp_path: Path) -> None:
    run = Run(DIALOGUES[name], tmp_path)

    def check(outcome: CutOutcome, peer: ScriptedPeer) -> None:
        error = outcome.exception
        if outcome.was_cut:
            # The server's word explains more than a reset.
            assert isinstance(error, ftp.StatusCodeError)
            assert error.received_codes == ("426",)
            assert error.retryable
            assert run.connected
        else:
            assert error is None

    await cut_everywhere(run, scripted(DIALOGUES[name]), check=check, allowed=(ftp.FTPException,), data=True)


@pytest.mark.parametrize("encrypted", [False, True])
async def test_a_server_that_calls_half_a_file_whole_is_found_out(
    tmp_path: Path, server_tls_context: ssl.SSLContext, ca_file: Path, encrypted: bool
) -> None:
    """Its own size of the file tells, and inside TLS the missing close_notify."""

    def make() -> MiniFTP:
        server = MiniFTP(files={"/x": CONTENT}, tls=server_tls_context)
        server.replies |= {**TERSE, "RETR DONE": "226 done"}
        return server

    async def scenario(server: MiniFTP) -> None:
        (tmp_path / "x").unlink(missing_ok=True)
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=encrypted, tls=TLS(ca_file=ca_file), timeouts=PATIENT
        ) as client:
            await client.download("x", tmp_path)

    def check(outcome: CutOutcome, server: MiniFTP) -> None:
        if outcome.exception is None:
            assert (tmp_path / "x").read_bytes() == CONTENT
        elif outcome.mode is CutMode.FIN and not encrypted:
            assert isinstance(outcome.exception, ftp.FTPIncompleteTransfer)
            assert outcome.exception.transferred == outcome.after
            assert outcome.exception.expected == len(CONTENT)

    await cut_everywhere(
        scenario, make, check=check, allowed=(ftp.FTPException,), data=True, stride=53 if encrypted else 1
    )


async def test_a_dialogue_with_tls_that_is_cut_off_is_lost(server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    """Nothing is said in clear that was to be private, wherever it is cut."""

    def make() -> MiniFTP:
        server = MiniFTP(files={"/x": CONTENT}, tls=server_tls_context, users={"u": "p"})
        server.replies |= TERSE
        return server

    async def scenario(server: MiniFTP) -> None:
        async with ftp.Client.context(
            server.host, server.port, "u", "p", upgrade_to_tls=True, tls=TLS(ca_file=ca_file), timeouts=PATIENT
        ) as client:
            await client.list()

    def check(outcome: CutOutcome, server: MiniFTP) -> None:
        # A handshake that is cut off is a lost connection, too.
        assert isinstance(outcome.exception, ftp.FTPDisconnected | ftp.FTPConnectError | None)
        assert all(server.protected)
        if server.commands:
            assert server.commands[0] == "AUTH TLS"

    await cut_everywhere(scenario, make, check=check, allowed=(ftp.FTPException,), stride=29)

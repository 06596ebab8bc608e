"""A server that talks nonsense, too much, or not at all: the right error in time, nothing left, and a new start."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from tests.ftp.support import HELLO, answer, binary, impatient, open_data, passive
from tests.harness.leaks import LeakWatch
from tests.peers import (
    ScriptedPeer,
    Step,
    close,
    close_data,
    drip,
    expect,
    expect_eof,
    hang,
    receive_data,
    reset,
    send,
    send_data,
    start_tls,
)
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS

# One test lets everybody stall at the same time.
STALL = Timeouts.uniform(0.5)
LISTED = b"250- x\r\n type=%b; x\r\n250 end"


@attrs.frozen
class Stage:
    """Where in the conversation it happens: the steps up to there, and what the program does."""

    call: Callable[[ftp.Client, Path], Awaitable[object]]
    steps: tuple[Step, ...] = ()
    tls: bool = False
    """Whether the steps begin with AUTH TLS and a handshake."""


def greeted(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.command("NOOP", "2xx")


def secured(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.upgrade_to_tls()


def listed(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.list()._collect()


def received(client: ftp.Client, folder: Path) -> Awaitable[object]:
    return client.download("x", folder)


def sent(client: ftp.Client, folder: Path) -> Awaitable[object]:
    (folder / "x").write_bytes(b"content")
    return client.upload(folder / "x")


RETR = (*answer(b"MLST x", LISTED % b"type=file;size=3"), *binary())
STAGES = {
    "greeting": Stage(greeted),
    "USER": Stage(lambda client, _: client.login("u", "p", "a"), (expect(b"USER u\r\n"),)),
    "PASS": Stage(lambda client, _: client.login("u", "p", "a"), (*answer(b"USER u", b"331"), expect(b"PASS p\r\n"))),
    "ACCT": Stage(lambda client, _: client.login("u", "p", "a"), (*answer(b"USER u", b"332"), expect(b"ACCT a\r\n"))),
    "AUTH": Stage(secured, (expect(b"AUTH TLS\r\n"),)),
    "PBSZ": Stage(secured, (expect(b"PBSZ 0\r\n"),), tls=True),
    "PROT": Stage(secured, (*answer(b"PBSZ 0", b"200"), expect(b"PROT P\r\n")), tls=True),
    "PWD": Stage(lambda client, _: client.get_current_directory(), (expect(b"PWD\r\n"),)),
    "CWD": Stage(lambda client, _: client.change_directory("x"), (expect(b"CWD x\r\n"),)),
    "MLST": Stage(lambda client, _: client.exists("x"), (expect(b"MLST x\r\n"),)),
    "MKD": Stage(lambda client, _: client.make_directory("x"), (*answer(b"MLST x", b"550 no"), expect(b"MKD x\r\n"))),
    "DELE": Stage(lambda client, _: client.remove_file("x"), (expect(b"DELE x\r\n"),)),
    "RMD": Stage(lambda client, _: client.remove_directory("x"), (expect(b"RMD x\r\n"),)),
    "RNFR": Stage(lambda client, _: client.rename("x", "y"), (expect(b"RNFR x\r\n"),)),
    "RNTO": Stage(lambda client, _: client.rename("x", "y"), (*answer(b"RNFR x", b"350"), expect(b"RNTO y\r\n"))),
    "TYPE": Stage(listed, (expect(b"TYPE I\r\n"),)),
    "EPSV": Stage(listed, (*binary(), expect(b"EPSV\r\n"))),
    "PASV": Stage(listed, (*binary(), *answer(b"EPSV", b"502 no"), expect(b"PASV\r\n"))),
    "MLSD": Stage(listed, (*binary(), *passive(), expect(b"MLSD\r\n"))),
    "LIST": Stage(listed, (*binary(), *passive(), *answer(b"MLSD", b"502"), *passive("e"), expect(b"LIST -a\r\n"))),
    "end of MLSD": Stage(listed, (*binary(), *open_data(b"MLSD"), send_data("d", b" x\r\n"), close_data("d"))),
    "RETR": Stage(received, (*RETR, *passive(), expect(b"RETR x\r\n"))),
    "end of RETR": Stage(received, (*RETR, *open_data(b"RETR x"), send_data("d", b"abc"), close_data("d"))),
    "SIZE": Stage(
        received,
        (*RETR, *open_data(b"RETR x"), send_data("d", b"a"), close_data("d"), send(b"226\r\n"), expect(b"SIZE x\r\n")),
    ),
    "STOR": Stage(sent, (*binary(), *passive(), expect(b"STOR x\r\n"))),
    "end of STOR": Stage(sent, (*binary(), *open_data(b"STOR x"), receive_data("d"))),
    "QUIT": Stage(lambda client, _: client.quit(), (expect(b"QUIT\r\n"),)),
}
NONSENSE = {
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "empty line": b"\r\n",
    "NUL": b"250 o\0k\r\n",
    "code out of range": b"600 what\r\n",
    "code of four digits": b"2500 what\r\n",
    "endless line": b"250 " + b"x" * 70_000,
    "endless line without a code": b"x" * 70_000,
    "endless reply": b"250-x\r\n" * 5_000,
    "long reply": (b"250-" + b"x" * 8_000 + b"\r\n") * 40,
}


def stages(*names: str) -> Any:
    chosen = names or tuple(STAGES)
    return pytest.mark.parametrize("stage", [pytest.param(STAGES[name], id=name) for name in chosen])


@pytest.fixture
def play(server_tls_context: ssl.SSLContext, ca_file: Path) -> Callable[..., Awaitable[ftp.FTPException | None]]:
    """Play a stage and what is bad, and return what came out; the client can connect again afterwards."""

    async def play(stage: Stage, bad: Sequence[Step], folder: Path, timeouts: Timeouts) -> ftp.FTPException | None:
        in_tls = (*answer(b"AUTH TLS", b"234"), start_tls(server_tls_context)) if stage.tls else ()
        hello = () if stage is STAGES["greeting"] else (HELLO,)
        caught: ftp.FTPException | None = None
        with ScriptedPeer(client_may_leave=True) as peer:
            peer.script(*hello, *in_tls, *stage.steps, *bad)
            peer.script(HELLO, *answer(b"NOOP", b"200 ok"), expect_eof())
            client = ftp.Client(timeouts=timeouts, tls=TLS(ca_file=ca_file))
            try:
                await client.connect(peer.host, peer.port)
                await stage.call(client, folder)
            except ftp.FTPException as exc:
                caught = exc
            if client.is_connected:
                client.close()
                assert not isinstance(caught, ftp.FTPProtocolError | ftp.FTPDisconnected | ftp.FTPTimeoutError)
            await client.connect(peer.host, peer.port)
            await client.command("NOOP", "2xx")
            client.close()
        return caught

    return play


@pytest.fixture
def bring_about(play: Any, tmp_path: Path) -> Callable[..., Awaitable[ftp.FTPException | None]]:
    """As ``play``, with time enough for everything, and nothing left behind."""

    async def bring(stage: Stage, bad: Sequence[Step], timeouts: Timeouts | None = None) -> ftp.FTPException | None:
        with LeakWatch(1.0) as watch:
            caught: ftp.FTPException | None = await play(stage, bad, tmp_path, timeouts or impatient())
            assert await watch.problems() == []
        return caught

    return bring


@pytest.fixture
def bring_all_about(play: Any, tmp_path: Path) -> Callable[..., Awaitable[dict[str, ftp.FTPException | None]]]:
    """Play many stages at the same time, each with what is bad, and return what came out of each."""

    async def bring(*stalls: tuple[str, Stage, Step]) -> dict[str, ftp.FTPException | None]:
        caught: dict[str, ftp.FTPException | None] = {}

        async def one(name: str, stage: Stage, bad: Step) -> None:
            folder = tmp_path / name
            folder.mkdir()
            caught[name] = await play(stage, [bad], folder, STALL)

        with LeakWatch(1.0) as watch:
            async with anyio.create_task_group() as group:
                for stall in stalls:
                    group.start_soon(one, *stall)
            assert await watch.problems() == []
        return caught

    return bring


# -- the control connection ------------------------------------------------------------------------------------------


@stages()
async def test_garbage_is_the_server_s_fault_at_every_stage(bring_about: Any, stage: Stage) -> None:
    error = await bring_about(stage, [send(b"\xff\xfe garbage\r\n"), hang()])
    assert type(error) is ftp.FTPProtocolError


@stages("greeting", "PASS", "EPSV", "MLSD", "end of STOR")
@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_of_every_kind_is_the_server_s_fault(bring_about: Any, stage: Stage, nonsense: bytes) -> None:
    error = await bring_about(stage, [send(nonsense), hang()])
    assert type(error) is ftp.FTPProtocolError


@stages()
async def test_an_early_end_is_a_lost_connection_at_every_stage(bring_about: Any, stage: Stage) -> None:
    assert type(await bring_about(stage, [close()])) is ftp.FTPDisconnected


@stages("greeting", "PASS", "EPSV", "MLSD", "end of STOR")
@pytest.mark.parametrize("lost", [reset(), send(b"250-the end")], ids=["reset", "half a reply"])
async def test_an_end_of_any_kind_is_a_lost_connection(bring_about: Any, stage: Stage, lost: Step) -> None:
    error = await bring_about(stage, [lost])
    # Some loops notice a reset before they report the connection.
    assert isinstance(error, ftp.FTPDisconnected | ftp.FTPConnectError)
    assert isinstance(error, ConnectionError)


async def test_silence_is_a_timeout_at_every_stage(bring_all_about: Any) -> None:
    caught = await bring_all_about(*((name, stage, hang()) for name, stage in STAGES.items()))
    assert {name: type(error) for name, error in caught.items()} == dict.fromkeys(STAGES, ftp.FTPTimeoutError)


async def test_who_never_comes_to_an_end_is_not_waited_for(bring_all_about: Any) -> None:
    """Each octet is in time and the whole never is: half a line, half a reply, and preliminary ones."""
    names = ("greeting", "PASS", "EPSV", "end of MLSD", "end of STOR")
    steps = [drip(dripped, every_seconds=0.02) for dripped in (b"2", b"250-x\r\n", b"150 wait\r\n")]
    caught = await bring_all_about(
        *((f"{name} {place}", STAGES[name], step) for name in names for place, step in enumerate(steps))
    )
    assert {type(error) for error in caught.values()} == {ftp.FTPTimeoutError}


@stages("greeting", "PASS", "PWD", "EPSV", "end of MLSD")
async def test_preliminary_replies_without_end_come_to_an_end(bring_about: Any, stage: Stage) -> None:
    error = await bring_about(stage, [send(b"150 wait\r\n" * 1000), hang()])
    assert isinstance(error, ftp.FTPProtocolError | ftp.StatusCodeError)


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("greeting", b"230 you are in"),
        ("greeting", b"500 go away"),
        ("USER", b"530 no"),
        ("PASS", b"331 again"),
        ("AUTH", b"200 fine"),
        ("PBSZ", b"334 what"),
        ("PROT", b"331 what"),
        ("PWD", b"200 fine"),
        ("CWD", b"350 go on"),
        ("MLST", b"350 go on"),
        ("MKD", b"450 no"),
        ("DELE", b"350 go on"),
        ("RNFR", b"250 done"),
        ("RNTO", b"350 go on"),
        ("TYPE", b"504 no"),
        ("PASV", b"200 fine"),
        ("PASV", b"229 (|||1|)"),
        ("MLSD", b"350 go on"),
        ("end of MLSD", b"350 go on"),
        ("RETR", b"350 go on"),
        ("end of RETR", b"331 go on"),
        ("STOR", b"331 go on"),
        ("end of STOR", b"350 go on"),
        ("QUIT", b"350 go on"),
    ],
)
async def test_a_wrong_code_says_which_one_came(bring_about: Any, name: str, reply: bytes) -> None:
    error = await bring_about(STAGES[name], [send(reply + b"\r\n"), hang()])
    assert isinstance(error, ftp.StatusCodeError)
    assert error.received_codes == (reply[:3].decode(),)
    assert error.expected_codes


@stages("USER", "PWD", "TYPE", "EPSV", "MLSD", "end of MLSD", "end of STOR")
async def test_a_421_ends_the_connection(bring_about: Any, stage: Stage) -> None:
    error = await bring_about(stage, [send(b"421 too long\r\n"), hang()])
    assert isinstance(error, ftp.StatusCodeError)
    assert error.received_codes == ("421",)
    assert error.retryable


@stages("PASS", "CWD", "RNFR", "TYPE", "end of STOR")
async def test_a_surplus_reply_answers_no_later_command(bring_about: Any, stage: Stage) -> None:
    async def call(client: ftp.Client, folder: Path) -> None:
        await stage.call(client, folder)
        with pytest.raises((ftp.FTPProtocolError, ftp.FTPDisconnected)):
            await client.command("PWD", "257")
        assert not client.is_connected
        raise ftp.FTPNotSupported("as it should be")

    steps = {"RNFR": b"350 ok\r\n350 ok\r\n"}
    name = next(name for name, known in STAGES.items() if known is stage)
    said = steps.get(name, b"230 ok\r\n230 ok\r\n")
    error = await bring_about(attrs.evolve(stage, call=call), [send(said), hang()])
    assert isinstance(error, ftp.FTPNotSupported | ftp.FTPProtocolError)


# -- data connections ------------------------------------------------------------------------------------------------

DATA = {
    "listing": Stage(listed, (*binary(), *open_data(b"MLSD"))),
    "download": Stage(received, (*RETR, *open_data(b"RETR x"))),
}


async def test_data_that_stands_still_is_a_timeout(bring_all_about: Any) -> None:
    half = Stage(listed, (*DATA["listing"].steps, send_data("d", b"type=file; half a li")))
    stages = {**DATA, "half a listing": half}
    caught = await bring_all_about(*((name, stage, hang()) for name, stage in stages.items()))
    assert {type(error) for error in caught.values()} == {ftp.FTPTimeoutError}
    assert all("progress" in error.phase for error in caught.values())


@pytest.mark.parametrize("stage", DATA.values(), ids=DATA)
@pytest.mark.parametrize("lost", [close(), reset()], ids=str)
async def test_when_both_connections_end_the_connection_is_lost(bring_about: Any, stage: Stage, lost: Step) -> None:
    error = await bring_about(stage, [send_data("d", b" x\r\n y"), lost, close_data("d")])
    assert type(error) is ftp.FTPDisconnected


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\r\n", b"\0\r\n", b"===;;; x\r\n", b"type; x\r\n", b";\r\n", b"x" * 16_000 + b"\r\n"], ids=repr
)
async def test_lines_that_are_none_cost_nothing_but_themselves(bring_about: Any, data: bytes) -> None:
    found: list[Any] = []

    async def call(client: ftp.Client, folder: Path) -> None:
        found.extend(await client.list())

    stage = Stage(call, (*binary(), *open_data(b"MLSD")))
    end = (send_data("d", data + b"type=file; good\r\n"), close_data("d"), send(b"226 done\r\n"), hang())
    assert await bring_about(stage, end) is None
    assert [path.name for path, _ in found] == ["good"]


@pytest.mark.parametrize(
    "data",
    [b"type=file; a/b\r\n", b"type=file; a\0b\r\n", b" ../x\r\n", b"x" * 20_000],
    ids=["path", "NUL", "up", "line"],
)
async def test_names_that_are_none_are_the_server_s_fault(bring_about: Any, data: bytes) -> None:
    error = await bring_about(Stage(listed, (*binary(), *open_data(b"MLSD"))), [send_data("d", data), hang()])
    assert type(error) is ftp.FTPProtocolError


# -- cleaning up -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "to_abor",
    [
        send(b"\xff\xfe\r\n"),
        send(b"426 a\r\n" + b"x" * 20_000),
        close(),
        reset(),
        hang(),
        drip(b"150 no\r\n", every_seconds=0.01),
    ],
    ids=["garbage", "endless line", "close", "reset", "hang", "drip"],
)
async def test_whatever_the_server_says_to_abor_the_program_s_own_error_comes_out(
    bring_about: Any, to_abor: Step
) -> None:
    """Clean-up never replaces the caller's exception (I8), and takes no longer than ``timeouts.close``."""

    async def call(client: ftp.Client, folder: Path) -> None:
        async def fail() -> None:
            async for _ in client.list():
                raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await fail()
        with pytest.raises(ftp.FTPDisconnected):
            await client.command("PWD", "257")

    stage = Stage(call, (*binary(), *open_data(b"MLSD"), send_data("d", b" x\r\n"), expect(b"ABOR\r\n")))
    assert await bring_about(stage, [to_abor], impatient("close")) is None

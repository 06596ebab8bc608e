"""Every public coroutine, cancelled wherever it is suspended, in every way there is (I2, I8, I9)."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.harness import Mode, Outcome, cancel_everywhere
from tests.peers import MiniFTP
from transfer import ftp
from transfer._net.timeouts import Timeouts
from transfer._net.tls import TLS

FILES = {"/a": b"0123456789" * 1000, "/d/b": b"b", "/d/e/c": b""}
ALL_THE_TIME = Timeouts.uniform(5)


@attrs.define
class Subject:
    """A client, and the server that it is connected to."""

    client: ftp.Client
    server: MiniFTP
    folder: Path
    kept: object = None


Call = Callable[[Subject], Awaitable[object]]


@contextlib.asynccontextmanager
async def one_server(
    folder: Path,
    *,
    ca_file: Path | None = None,
    context: ssl.SSLContext | None = None,
    connect: bool = True,
    login: bool = True,
    secure: bool = False,
    **replies: str,
) -> AsyncIterator[Subject]:
    """Bring client and server to where the scenario begins."""
    with MiniFTP(files=FILES, tls=context, client_may_leave=True) as server:
        server.replies |= replies
        client = ftp.Client(timeouts=ALL_THE_TIME, tls=TLS(ca_file=ca_file))
        try:
            if connect:
                await client.connect(server.host, server.port)
            if secure:
                await client.upgrade_to_tls()
            if connect and login:
                await client.login()
            yield Subject(client, server, folder)
        finally:
            client.close()


async def in_step_or_closed(outcome: Outcome) -> None:
    """What is sent next gets its own answer, or the client can connect again."""
    subject: Subject = outcome.subject
    client, server = subject.client, subject.server
    subject.kept = None
    if not client.is_connected:
        await client.connect(server.host, server.port)
    assert await client.command("NOOP", "xxx") == ("200", [" ok"])
    await client.login()
    assert (await client.command("PWD", "xxx"))[0] == "257"
    await client.quit()


async def sweep(call: Call, folder: Path, **options: Any) -> None:
    await cancel_everywhere(
        call, around=lambda: one_server(folder, **options), check=in_step_or_closed, clean_up_points=3
    )


async def read_lazily(subject: Subject) -> None:
    async for _ in subject.client.list("/", recursive=True):
        pass


async def walk_through(subject: Subject) -> None:
    async for _ in subject.client.walk("/"):
        pass


async def leave_half_way(subject: Subject) -> None:
    async for _ in subject.client.list("/"):
        break
    await subject.client.command("NOOP", "200")


async def write_a_stream(subject: Subject) -> None:
    async with subject.client.upload_stream("new") as stream:
        await stream.write(b"one")
        await stream.write(b"two")


async def write_an_open_file(subject: Subject) -> None:
    async with subject.client.open("a", "r+b") as file:
        await file.seek(3)
        await file.write(b"one")
        assert await file.read(3)
        await file.write(b"two")


async def read_an_open_file(subject: Subject) -> None:
    async with subject.client.open("a") as file:
        await file.seek(-3, os.SEEK_END)
        await file.read()
        await file.seek(2)
        await file.read(4)


async def read_a_stream(subject: Subject) -> None:
    async with subject.client.download_stream("a", offset=5) as stream:
        async for _ in stream.iter_by_block(4000):
            pass


async def upload_a_file(subject: Subject) -> None:
    await subject.client.upload(subject.folder / "tree" / "x", "new/x", write_into=True)


async def upload_a_tree(subject: Subject) -> None:
    await subject.client.upload(subject.folder / "tree")


CALLS: dict[str, Call] = {
    "command": lambda subject: subject.client.command("NOOP", "200"),
    "get_current_directory": lambda subject: subject.client.get_current_directory(),
    "change_directory": lambda subject: subject.client.change_directory("d"),
    "make_directory": lambda subject: subject.client.make_directory("n/e/w"),
    "remove_directory": lambda subject: subject.client.remove_directory("/n"),
    "remove_file": lambda subject: subject.client.remove_file("a"),
    "remove": lambda subject: subject.client.remove("d"),
    "rename": lambda subject: subject.client.rename("a", "z"),
    "stat": lambda subject: subject.client.stat("a"),
    "is_file": lambda subject: subject.client.is_file("a"),
    "entry": lambda subject: subject.client.entry("d/e"),
    "list_names": lambda subject: subject.client.list_names("/"),
    "walk": walk_through,
    "glob": lambda subject: subject.client.glob("/**/c")._collect(),
    "is_dir": lambda subject: subject.client.is_dir("a"),
    "exists": lambda subject: subject.client.exists("none"),
    "list": lambda subject: subject.client.list("/")._collect(),
    "async for": read_lazily,
    "break": leave_half_way,
    "upload": upload_a_file,
    "upload a tree": upload_a_tree,
    "download": lambda subject: subject.client.download("a", subject.folder / "copy"),
    "download a tree": lambda subject: subject.client.download("/d/e", subject.folder / "copy"),
    "upload_stream": write_a_stream,
    "download_stream": read_a_stream,
    "open, reading": read_an_open_file,
    "open, writing": write_an_open_file,
    "quit": lambda subject: subject.client.quit(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "x").write_bytes(b"0123456789" * 1000)
    (tmp_path / "tree" / "deep" / "y").touch()
    return tmp_path


@pytest.mark.parametrize("name", CALLS)
async def test_a_cancelled_call_leaves_the_connection_in_step_or_closed(name: str, folder: Path) -> None:
    await sweep(CALLS[name], folder, RMD="250 gone" if name == "remove_directory" else "")


@pytest.mark.parametrize("name", ["list", "upload", "download"])
async def test_so_does_one_with_tls(name: str, folder: Path, server_tls_context: ssl.SSLContext, ca_file: Path) -> None:
    await cancel_everywhere(
        CALLS[name],
        around=lambda: one_server(folder, ca_file=ca_file, context=server_tls_context, secure=True),
        check=in_step_or_closed,
        modes=[Mode.SCOPE, Mode.NATIVE],
    )


@pytest.mark.parametrize("lacking", ["MLSD", "EPSV"])
async def test_so_does_one_that_has_to_try_another_way(lacking: str, folder: Path) -> None:
    await sweep(CALLS["list"], folder, **{lacking: "502 no"})


async def test_a_cancelled_connect_leaves_nothing(folder: Path) -> None:
    await sweep(lambda subject: subject.client.connect(subject.server.host, subject.server.port), folder, connect=False)


async def test_a_cancelled_login_leaves_the_connection_in_step_or_closed(folder: Path) -> None:
    await sweep(lambda subject: subject.client.login(), folder, login=False)


async def test_after_a_cancelled_upgrade_nothing_goes_in_clear_that_was_to_be_private(
    folder: Path, server_tls_context: ssl.SSLContext, ca_file: Path
) -> None:
    async def check(outcome: Outcome) -> None:
        client, server = outcome.subject.client, outcome.subject.server
        if client.is_connected:
            await client.login()
            await client.list()
            assert server.protected == ["AUTH TLS" in server.commands]
        await in_step_or_closed(outcome)

    await cancel_everywhere(
        lambda subject: subject.client.upgrade_to_tls(),
        around=lambda: one_server(folder, ca_file=ca_file, context=server_tls_context, login=False),
        check=check,
    )


@pytest.mark.parametrize("tls", [False, True])
async def test_a_cancelled_block_closes(
    folder: Path, server_tls_context: ssl.SSLContext, ca_file: Path, tls: bool
) -> None:
    async def block(subject: Subject) -> None:
        server = subject.server
        async with ftp.Client.context(
            server.host, server.port, upgrade_to_tls=tls, tls=TLS(ca_file=ca_file), timeouts=ALL_THE_TIME
        ) as client:
            subject.kept = client
            await client.stat("a")

    def check(outcome: Outcome) -> None:
        client = outcome.subject.kept
        assert client is None or not client.is_connected

    await cancel_everywhere(
        block,
        around=lambda: one_server(folder, context=server_tls_context, connect=False),
        check=check,
        clean_up_points=3,
        modes=[Mode.SCOPE, Mode.NATIVE] if tls else list(Mode)[:4],
    )


async def test_a_cancelled_aclose_leaves_the_connection_in_step_or_closed(folder: Path) -> None:
    @contextlib.asynccontextmanager
    async def half_way() -> AsyncIterator[Subject]:
        async with one_server(folder) as subject:
            subject.kept = iterator = subject.client.list("/").__aiter__()
            await iterator.__anext__()
            yield subject

    async def leave(subject: Subject) -> None:
        assert isinstance(subject.kept, ftp._list.ListingIterator)
        await subject.kept.aclose()

    await cancel_everywhere(leave, around=half_way, check=in_step_or_closed, checkpoints=False)

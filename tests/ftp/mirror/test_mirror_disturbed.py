"""Mirrors, cancelled wherever they are suspended, and cut off all along: what is there is never half a file."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from tests.ftp.mirror.sides import contents, write
from tests.harness import CutOutcome, Mode, Outcome, cancel_everywhere, cut_everywhere
from tests.peers import MiniFTP
from transfer import ftp
from transfer._net.timeouts import Timeouts

FILES = {"/pub/a": b"0123456789", "/pub/d/b": b"b"}


@attrs.define
class Subject:
    client: ftp.Client
    server: MiniFTP
    folder: Path


@contextlib.asynccontextmanager
async def one_server(above: Path, files: dict[str, bytes] | None = None) -> AsyncIterator[Subject]:
    """A client, a server, and a folder of their own with *files*."""
    folder = Path(tempfile.mkdtemp(dir=above))
    write(folder, files or {})
    with MiniFTP(files=dict(FILES), client_may_leave=True) as server:
        client = ftp.Client(timeouts=Timeouts.uniform(5))
        try:
            await client.connect(server.host, server.port)
            await client.login()
            yield Subject(client, server, folder)
        finally:
            client.close()


def holds_whole_files(folder: Path, *, cleaned_up: bool = True) -> bool:
    """Whether *folder* holds whole files and nothing else; what is not *cleaned_up* has a name of its own."""
    found = {name: held for name, held in contents(folder).items() if cleaned_up or not name.endswith(".part")}
    return found.items() <= {"a": b"0123456789", "d": None, "d/b": b"b"}.items()


async def goes_on(outcome: Outcome) -> None:
    """The client is in step or closed, and the same call again brings both sides into line."""
    subject: Subject = outcome.subject
    client, server = subject.client, subject.server
    assert holds_whole_files(subject.folder, cleaned_up=outcome.mode is not Mode.DOUBLE)
    if not client.is_connected:
        await client.connect(server.host, server.port)
        await client.login()
    await client.mirror(subject.folder, "/pub")
    assert (subject.folder / "a").read_bytes() == FILES["/pub/a"]
    assert (subject.folder / "d/b").read_bytes() == FILES["/pub/d/b"]
    assert (await client.plan_mirror(subject.folder, "/pub")).is_empty
    await client.quit()


async def test_a_cancelled_download_goes_on_when_called_again(tmp_path: Path) -> None:
    await cancel_everywhere(
        lambda subject: subject.client.mirror(subject.folder, "/pub"),
        around=lambda: one_server(tmp_path),
        check=goes_on,
        clean_up_points=3,
    )


async def test_a_cancelled_upload_goes_on_when_called_again(tmp_path: Path) -> None:
    async def goes_up(outcome: Outcome) -> None:
        subject: Subject = outcome.subject
        client, server = subject.client, subject.server
        if not client.is_connected:
            await client.connect(server.host, server.port)
            await client.login()
        await client.mirror(subject.folder, "/new", direction="upload", compare="size")
        assert {path: held for path, held in server.files.items() if path.startswith("/new")} == {
            "/new/a": b"0123456789",
            "/new/d/b": b"b",
        }
        await client.quit()

    await cancel_everywhere(
        lambda subject: subject.client.mirror(subject.folder, "/new", direction="upload"),
        around=lambda: one_server(tmp_path, {"a": b"0123456789", "d/b": b"b"}),
        check=goes_up,
        clean_up_points=3,
    )


async def test_a_cancelled_download_over_a_pool_goes_on_when_called_again(tmp_path: Path) -> None:
    async def download(subject: Subject) -> None:
        async with ftp.ClientPool(subject.server.host, subject.server.port, size=2) as pool:
            await subject.client.mirror(subject.folder, "/pub", pool=pool)

    await cancel_everywhere(
        download,
        around=lambda: one_server(tmp_path),
        check=goes_on,
        modes=(Mode.SCOPE, Mode.NATIVE),
        clean_up_points=6,
    )


@pytest.mark.parametrize("data", [False, True])
async def test_a_download_that_is_cut_off_says_so_and_leaves_whole_files(tmp_path: Path, data: bool) -> None:
    folder = tmp_path / "copy"

    def make() -> MiniFTP:
        server = MiniFTP(files=dict(FILES))
        server.replies |= {"GREETING": "220 a", "USER": "331 a", "PASS": "230 a", "TYPE": "200 a", "QUIT": "221 a"}
        return server

    async def scenario(server: MiniFTP) -> ftp.MirrorReport:
        if folder.exists():
            shutil.rmtree(folder)
        async with ftp.Client.context(server.host, server.port, timeouts=Timeouts.uniform(5)) as client:
            return await client.mirror(folder, "/pub")

    def check(outcome: CutOutcome, server: MiniFTP) -> None:
        assert not folder.exists() or holds_whole_files(folder)
        if outcome.exception is None and outcome.value.is_complete:
            assert sorted(contents(folder)) == ["a", "d", "d/b"]

    # On data connections 137 octets go over, on that of commands eight times as many.
    await cut_everywhere(scenario, make, check=check, allowed=(ftp.FTPException,), data=data, stride=7 if data else 23)

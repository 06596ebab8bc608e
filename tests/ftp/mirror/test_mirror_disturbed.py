"""Mirrors, cancelled wherever they are suspended, and cut off after every octet: what is there is never half a file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from tests.ftp.mirror.sides import write
from tests.harness import Outcome, cancel_everywhere
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


async def goes_on(outcome: Outcome) -> None:
    """The client is in step or closed, and the same call again brings both sides into line."""
    subject: Subject = outcome.subject
    client, server = subject.client, subject.server
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

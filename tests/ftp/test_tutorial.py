"""The tutorial's programs run as they stand there, but for the server's name."""

from __future__ import annotations

import re
import ssl
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BACKENDS
from tests.peers import MiniFTP
from transfer import ftp

PAGE = Path(__file__).parent.parent.parent / "docs" / "tutorial" / "first-file.md"
PROGRAM, *SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def server(
    server_tls_context: ssl.SSLContext, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MiniFTP]:
    """The reader's server, and the reader's files in the current directory."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("FTP_PASSWORD", "s3cret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.pdf").write_bytes(b"a report")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "first").write_bytes(b"one")
    with MiniFTP(tls=server_tls_context, users={"me": "s3cret"}, files={"/inbox/old/x": b""}) as server:
        yield server


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_program(
    server: MiniFTP, tmp_path: Path, backend: tuple[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    name, options = backend
    program = PROGRAM.replace('"ftp.example.org",', f'"{server.host}", {server.port},')
    program = program.replace("anyio.run(main)", f"anyio.run(main, backend={name!r}, backend_options={options!r})")
    exec(compile(program, "files.py", "exec"), {})

    assert server.commands[:5] == ["AUTH TLS", "PBSZ 0", "PROT P", "USER me", "PASS s3cret"]
    assert server.files["/inbox/report.pdf"] == b"a report"
    assert (tmp_path / "copy.pdf").read_bytes() == b"a report"
    assert capsys.readouterr().out.splitlines() == ["inbox/old dir None", "inbox/report.pdf file 8"]


async def test_the_snippets_one_after_the_other(
    server: MiniFTP, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    body = textwrap.indent("\n".join(SNIPPETS), "    ")
    exec(compile(f"async def page(client):\n{body}", str(PAGE), "exec"), names)
    async with ftp.Client.context(server.host, server.port, "me", "s3cret") as client:
        await names["page"](client)

    assert len(SNIPPETS) == 4
    assert server.files == {"/inbox/old/x": b"", "/inbox/report.pdf": b"a report"}
    assert (tmp_path / "copies" / "reports" / "first").read_bytes() == b"one"
    *lines, error = capsys.readouterr().out.splitlines()
    readings = [line for line in lines if line.endswith("a second")]
    paths = [line for line in lines if line not in readings]
    assert re.fullmatch(r"8 of 8 bytes, \d+ a second", readings[-1])
    assert paths == ["inbox/old", "inbox/report.pdf", "inbox/old/x"]
    assert re.fullmatch(r"RETR inbox/none.pdf was answered 550 .* \[127\.\d+\.\d+\.\d+:\d+\] False", error)

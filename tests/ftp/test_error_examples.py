"""Programs written for aioftp run here, changed in their import line, their entry point, sleeps, host and port alone.

They are the usage examples of its description of errors, as they stand in ``examples/``; each is run once for every way
that it can take, on every event loop. The one that runs a server is the server's.
"""

from __future__ import annotations

import copy
import logging
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.conftest import BACKENDS
from tests.peers import CLOSE, MiniFTP

EXAMPLES = Path(__file__).parent / "examples"
BASIC, SPECIFIC, ROBUST, MONITORED = (
    "handle_basic_errors",
    "handle_specific_errors",
    "robust_ftp_operation",
    "monitored_ftp_operation",
)
CONTENT = b"what is in the file"
NO_MORE = r"Could not connect to 127\.\d+\.\d+\.\d+:\d+: Connection refused"
LOST = r"The server closed the connection \[127\.\d+\.\d+\.\d+:\d+\]"
EXPECTED = r"\('2xx',\)"
MISSING = r"\[Errno 2\] No such file or directory: '\w+\.txt'"


@attrs.frozen
class Run:
    """One way through an example: what the server answers, what is on this side, and what is printed or logged."""

    example: str
    replies: Mapping[str, Any] | None
    """In place of the server's usual ones; None where nobody listens."""
    says: Sequence[str]
    """Expressions, one for each line."""
    uploaded: str | None = attrs.field(default=None, kw_only=True)
    """Where the file has to be on the server then."""
    missing: bool = attrs.field(default=False, kw_only=True)
    """Whether the file to upload is not there."""


STARTED = ["INFO Connected to FTP server"]
RUNS = {
    "basic, sent": Run(BASIC, {}, [], uploaded="/remote_file.txt/local_file.txt"),
    "basic, refused": Run(
        BASIC,
        {"STOR": "553 what a name"},
        [
            r"FTP protocol error: STOR remote_file\.txt/local_file\.txt was answered 553 what a name .*",
            r"Expected: \('1xx', '2xx'\), Got: \('553',\)",
            r"Server message: \[' what a name'\]",
        ],
    ),
    "basic, refused in the end": Run(
        BASIC,
        {"STOR DONE": "552 quota\nexceeded"},
        [
            "FTP protocol error: .* 552 .*",
            rf"Expected: {EXPECTED}, Got: \('552',\)",
            r"Server message: \['-quota', ' exceeded'\]",
        ],
    ),
    "basic, unwelcome": Run(
        BASIC,
        {"PASS": "530 not you"},
        [
            r"FTP protocol error: PASS \*\*\*\* was answered 530 not you .*",
            r"Expected: \('230',\), .*",
            "Server message: .*",
        ],
    ),
    "basic, nothing to send": Run(
        BASIC,
        {},
        [
            f"File system error: {MISSING}",
            r"Original error: \(<class 'FileNotFoundError'>, FileNotFoundError\(2, .*\), <traceback .*>\)",
        ],
        missing=True,
    ),
    "basic, nobody listens": Run(BASIC, None, [f"General FTP error: {NO_MORE}"]),
    "basic, lost": Run(BASIC, {"STOR": CLOSE}, [f"General FTP error: {LOST}"]),
    "basic, garbage": Run(BASIC, {"STOR": "what"}, ["General FTP error: .*"]),
    "specific, not there": Run(SPECIFIC, {}, ["File not found on server"]),
    "specific, broken off": Run(SPECIFIC, {"MLST": "502 no", "RETR": "426 cut"}, ["Connection closed during transfer"]),
    "specific, busy": Run(SPECIFIC, {"RETR": "450 busy"}, ["Other protocol error: RETR .* was answered 450 busy .*"]),
    "robust, sent": Run(ROBUST, {}, ["Upload successful!"], uploaded="/backup.txt/important_file.txt"),
    "robust, not allowed": Run(
        ROBUST,
        {"STOR": "550 no"},
        [
            r"Permanent error: STOR backup\.txt/important_file\.txt was answered 550 no .*",
            "All retry attempts failed",
        ],
    ),
    "robust, busy twice": Run(
        ROBUST,
        {"STOR": ["450 busy", "451 later"]},
        ["Upload successful!"],
        uploaded="/backup.txt/important_file.txt",
    ),
    "robust, busy": Run(ROBUST, {"STOR": "450 busy"}, ["All retry attempts failed"]),
    "robust, nothing to send": Run(
        ROBUST, {}, [f"Local file error: {MISSING}", "All retry attempts failed"], missing=True
    ),
    "robust, lost once": Run(
        ROBUST,
        {"GREETING": [CLOSE]},
        [rf"Network error \(attempt 1\): {LOST}", "Upload successful!"],
        uploaded="/backup.txt/important_file.txt",
    ),
    "robust, garbage": Run(ROBUST, {"USER": "what"}, ["FTP error: .*", "All retry attempts failed"]),
    "monitored, sent": Run(
        MONITORED, {}, [*STARTED, "INFO File uploaded successfully"], uploaded="/remote_data.txt/data.txt"
    ),
    "monitored, refused": Run(
        MONITORED,
        {"STOR DONE": "426 cut"},
        [*STARTED, rf"ERROR FTP protocol error: expected {EXPECTED}, got \('426',\), info: \[' cut'\]"],
    ),
    "monitored, nothing to send": Run(MONITORED, {}, [*STARTED, f"ERROR File system error: {MISSING}"], missing=True),
    "monitored, nobody listens": Run(MONITORED, None, [f"ERROR General FTP error: {NO_MORE}"]),
}


@pytest.fixture
def server(run: Run) -> Iterator[MiniFTP]:
    """The server of *run*; where nobody is to listen, one that has ended."""
    with ExitStack() as stack:
        server = MiniFTP()
        if run.replies is None:
            sock = stack.enter_context(socket.socket())
            sock.bind((server.host, 0))
            server.port = sock.getsockname()[1]
        else:
            stack.enter_context(server)
            server.replies.update(copy.deepcopy(dict(run.replies)))  # lists are used up
        yield server


def changed(source: str, server: MiniFTP, backend: tuple[str, dict[str, Any]]) -> str:
    """The example, as a user would change it."""
    name, options = backend
    for old, new in (
        ("import asyncio\n", "import anyio\n"),
        ("import aioftp\n", "import transfer.ftp as aioftp\n"),
        (r'"ftp\.example\.com"', f'"{server.host}", {server.port}'),
        (r"asyncio\.run\((\w+)\(\)\)", rf"anyio.run(\1, backend={name!r}, backend_options={options!r})"),
    ):
        source, count = re.subn(old, new, source)
        assert count == 1
    return source.replace("asyncio.sleep(", "anyio.sleep(")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_program_written_for_aioftp_runs(
    run: Run,
    server: MiniFTP,
    backend: tuple[str, dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    if not run.missing:
        for name in ("local_file.txt", "important_file.txt", "data.txt"):
            (tmp_path / name).write_bytes(CONTENT)
    source = (EXAMPLES / f"{run.example}.txt").read_text("utf-8")
    with caplog.at_level(logging.INFO):
        exec(compile(changed(source, server, backend), run.example, "exec"), {"__name__": "example"})

    said = capsys.readouterr().out.splitlines()
    said += [f"{record.levelname} {record.getMessage()}" for record in caplog.records if record.name == "example"]
    assert len(said) == len(run.says), said
    for line, expected in zip(said, run.says, strict=True):
        assert re.fullmatch(expected, line), (line, expected)
    if run.uploaded is not None:
        assert server.files == {run.uploaded: CONTENT}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == {run.example for run in RUNS.values()}

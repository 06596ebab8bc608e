"""Programs written for aiosmtplib run here, changed in their import line, their entry point, and host and port alone.

They are the usage examples of its description of errors, as they stand in ``examples/``; each is run once for every way
that it can take, on every event loop. The ways that wait for its 10 and 30 seconds to pass are left to
``test_errors_raised.py``.
"""

from __future__ import annotations

import copy
import re
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.conftest import BACKENDS
from tests.peers import CLOSE, MiniSMTP

EXAMPLES = Path(__file__).parent / "examples"
USERS = {"user@example.com": "password", "user": "password"}
SUCCESS = r"\(\{\}, '2.0.0 accepted'\)"
PEER = r" \[[\w.]+:\d+\]"
DEAD = "dead"
"""In place of a server's replies: nobody listens."""


@attrs.frozen
class Run:
    """One way through an example: what its servers answer in place of their usual replies, and what it prints."""

    example: str
    servers: Sequence[Mapping[str, Any] | str]
    prints: Sequence[str]
    """Expressions, one for each line."""


BASIC, SPECIFIC, CLIENT = "basic_error_handling", "specific_error_handling", "client_error_handling"
RECOVERY, INFO = "error_recovery_example", "exception_info_example"
NO_TLS = {"EHLO": "250 mini.example"}
WRONG = {"AUTH": "535 5.7.8 no"}
LOGGED_IN = {"AUTH": "235 in"}
RUNS = {
    "basic, sent": Run(BASIC, [{}], [f"Email sent successfully: {SUCCESS}"]),
    "basic, nobody listens": Run(BASIC, [DEAD], ["SMTP error occurred: Could not connect to .*"]),
    "basic, refused": Run(
        BASIC, [{"RCPT": "550 no"}], [r"SMTP error occurred: All recipients were refused \(.*550 no\).*"]
    ),
    "specific, sent": Run(SPECIFIC, [LOGGED_IN], [f"Email sent: {SUCCESS}"]),
    "specific, wrong password": Run(
        SPECIFIC, [{}], [r"Authentication failed \(code 535\): 5.7.8 wrong name or password"]
    ),
    "specific, nobody listens": Run(SPECIFIC, [DEAD], ["Failed to connect to server: Could not connect to .*"]),
    "specific, no greeting": Run(SPECIFIC, [{"GREETING": CLOSE}], ["Failed to connect to server: .* closed .*"]),
    "specific, unwelcome": Run(SPECIFIC, [{"GREETING": "554 no"}], [f"Failed to connect to server: 554 no{PEER}"]),
    "specific, sender refused": Run(
        SPECIFIC, [LOGGED_IN | {"MAIL": "550 no"}], [r"Sender 'sender@example.com' refused \(code 550\): no"]
    ),
    "specific, all refused": Run(
        SPECIFIC,
        [LOGGED_IN | {"RCPT": "550 5.1.2 no"}],
        ["Multiple recipients refused:", "  invalid@nonexistent.domain: 5.1.2 no"],
    ),
    "specific, message refused": Run(
        SPECIFIC, [LOGGED_IN | {".": "554 spam"}], [r"Message content refused \(code 554\): spam"]
    ),
    "specific, no TLS": Run(SPECIFIC, [NO_TLS], ["Operation not supported: .*STARTTLS.*"]),
    "specific, lost": Run(SPECIFIC, [LOGGED_IN | {"MAIL": CLOSE}], ["Server disconnected unexpectedly: .*"]),
    "specific, lost at the end": Run(SPECIFIC, [LOGGED_IN | {".": CLOSE}], ["Server disconnected unexpectedly: .*"]),
    "specific, TLS refused": Run(SPECIFIC, [{"STARTTLS": "454 no"}], [r"Server error \(code 454\): no"]),
    "specific, garbage": Run(SPECIFIC, [LOGGED_IN | {"MAIL": "nonsense"}], [r"Server error \(code -1\): .*"]),
    "client, sent": Run(CLIENT, [{}], []),
    "client, one refused": Run(
        CLIENT, [{"RCPT": ["250 ok", "550 no such domain"]}], ["invalid@bad.domain: 550 no such domain"]
    ),
    "client, nobody listens": Run(CLIENT, [DEAD], ["Connection failed: Could not connect to .*"]),
    "client, wrong password": Run(CLIENT, [WRONG], ["Authentication failed: 535 5.7.8 no"]),
    "client, no login": Run(CLIENT, [NO_TLS], ["Authentication not supported: The server does not offer AUTH.*"]),
    "client, sender refused": Run(CLIENT, [{"MAIL": "550 no"}], ["Sender refused: sender@example.com - no"]),
    "client, all refused": Run(
        CLIENT,
        [{"RCPT": "550 no"}],
        ["Some recipients refused:", "  recipient1@example.com: no", "  invalid@bad.domain: no"],
    ),
    "client, message refused": Run(CLIENT, [{".": "552 no"}], ["Message data refused: no"]),
    "client, lost": Run(CLIENT, [{"MAIL": CLOSE}], ["Connection lost during operation: .*"]),
    "client, QUIT refused": Run(CLIENT, [{"QUIT": "500 no"}], []),
    "recovery, the first": Run(RECOVERY, [{}, DEAD, DEAD], [f"Email sent via localhost: {SUCCESS}"]),
    "recovery, the third": Run(
        RECOVERY,
        [DEAD, {"RCPT": "450 later"}, {}],
        [
            "Failed to connect to localhost: Could not connect to .*",
            "SMTP error with 127.0.0.1: All recipients were refused .*",
            f"Email sent via localhost: {SUCCESS}",
        ],
    ),
    "recovery, wrong password": Run(
        RECOVERY, [{"GREETING": "421 full"}, WRONG, {}], ["Failed to connect to .*: 421 full.*", "Auth failed with .*"]
    ),
    "recovery, none": Run(
        RECOVERY,
        [DEAD, NO_TLS, {"MAIL": CLOSE}],
        [
            "Failed to connect to localhost: .*",
            "SMTP error with 127.0.0.1: .*STARTTLS.*",
            "SMTP error with localhost: .*",
            "Failed to send email with all configured servers",
        ],
    ),
    "info, sent": Run(INFO, [{}], []),
    "info, sender refused": Run(
        INFO,
        [{"MAIL": "501 5.1.7 bad sender"}],
        [
            "Sender refused details:",
            "  Response code: 501",
            "  Server message: 5.1.7 bad sender",
            "  Refused sender: invalid-sender",
            r"  Exception args: \(501, '5.1.7 bad sender', 'invalid-sender'\)",
        ],
    ),
    "info, all refused": Run(
        INFO,
        [{"RCPT": "550 no"}],
        ["General SMTP error:", "  Error message: .+", "  Exception type: SMTPRecipientsRefused"],
    ),
    "info, unwelcome": Run(
        INFO,
        [{"GREETING": "554 no"}],
        ["Server response error:", "  Response code: 554", "  Server message: no"],
    ),
    "info, nobody listens": Run(
        INFO, [DEAD], ["General SMTP error:", "  Error message: .+", "  Exception type: SMTPConnectError"]
    ),
}


@pytest.fixture
def servers(run: Run, server_tls_context: ssl.SSLContext) -> Iterator[list[int]]:
    """The ports of the servers of *run*."""
    ports = []
    with ExitStack() as stack:
        for replies in run.servers:
            if isinstance(replies, str):
                sock = stack.enter_context(socket.socket())
                sock.bind(("127.0.0.1", 0))
                ports.append(sock.getsockname()[1])
            else:
                server = stack.enter_context(MiniSMTP(host="127.0.0.1", tls=server_tls_context, users=USERS))
                server.replies.update(copy.deepcopy(dict(replies)))  # lists are used up
                ports.append(server.port)
        yield ports


def changed(source: str, ports: Sequence[int], backend: tuple[str, dict[str, Any]]) -> str:
    """The example, as a user would change it."""
    name, options = backend
    for old, new in (
        ("import asyncio\n", "import anyio\n"),
        ("import aiosmtplib\n", "import transfer.smtp as aiosmtplib\n"),
        (r"asyncio\.run\((\w+)\(\)\)", rf"anyio.run(\1, backend={name!r}, backend_options={options!r})"),
    ):
        source, count = re.subn(old, new, source)
        assert count == 1
    hosts = iter(["localhost", "127.0.0.1", "localhost"])
    source = re.sub(r'"smtp\.\w+\.com"', lambda _: repr(next(hosts)), source)
    numbers = iter(ports)
    source = re.sub(r"\b(587|25)\b", lambda _: str(next(numbers)), source)
    assert next(numbers, None) is None
    return source


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_a_program_written_for_aiosmtplib_runs(
    run: Run,
    servers: list[int],
    backend: tuple[str, dict[str, Any]],
    ca_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    source = (EXAMPLES / f"{run.example}.txt").read_text("utf-8")
    exec(compile(changed(source, servers, backend), run.example, "exec"), {})

    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == len(run.prints), printed
    for line, expected in zip(printed, run.prints, strict=True):
        assert re.fullmatch(expected, line), (line, expected)


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == {run.example for run in RUNS.values()}

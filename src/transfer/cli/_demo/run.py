"""Set the stage, run the steps under each event loop, print the table."""

from __future__ import annotations

import logging
import os
import ssl
import tempfile
from pathlib import Path

import anyio
import trustme
from rich.console import Console

from transfer import RetryPolicy
from transfer.cli._demo.ftp_server import run_ftp_server
from transfer.cli._demo.report import Report
from transfer.cli._demo.smtp_server import run_smtp_server
from transfer.cli._demo.steps import Stage, run_steps

__all__ = ["run_demo"]

_USER, _PASSWORD = "demo", "correct horse battery staple"  # for a server that lives for seconds
_CHUNK_BYTES = 1024 * 1024


def run_demo(size_bytes: int) -> bool:
    """Run everything with a file of *size_bytes* and return whether every check held."""
    # The servers' own opinions of clients that break off are not the demo's.
    for name in ("pyftpdlib", "mail.log", "stamina"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        logger.addHandler(logging.NullHandler())  # without a handler, pyftpdlib would set one of its own
    console = Console()
    report = Report(console)
    with tempfile.TemporaryDirectory(prefix="transfer-demo-") as folder:
        base = Path(folder)
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        ca_file, combined, root = base / "ca.pem", base / "server.pem", base / "root"
        authority.cert_pem.write_to_path(ca_file)
        certificate.private_key_and_cert_chain_pem.write_to_path(combined)
        root.mkdir()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        payload = base / "payload.bin"
        _fill(payload, size_bytes)
        with (
            run_smtp_server(context, _USER, _PASSWORD) as mail,
            run_ftp_server(combined, root, _USER, _PASSWORD) as files,
        ):
            stage = Stage(
                mail=mail,
                files=files,
                ca_file=ca_file,
                payload=payload,
                folder=base,
                report=report,
                console=console,
                policy=RetryPolicy(attempts=5, wait_initial=0.1, wait_max=1.0, wait_jitter=0.1),
            )
            for loop in ("asyncio", "trio"):
                console.rule(loop)
                anyio.run(run_steps, stage, loop, backend=loop)
    report.print_table()
    return report.all_held


def _fill(path: Path, size_bytes: int) -> None:
    with path.open("wb") as file:
        for start in range(0, size_bytes, _CHUNK_BYTES):
            file.write(os.urandom(min(_CHUNK_BYTES, size_bytes - start)))

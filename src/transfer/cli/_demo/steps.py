"""The steps of the demo: the same code under asyncio and under trio."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from transfer import TLS, Progress, ReplyError, RetryPolicy, TransferError, ftp, smtp
from transfer.cli._demo.ftp_server import FileServer
from transfer.cli._demo.report import Report
from transfer.cli._demo.smtp_server import BUSY, UNKNOWN, MailServer

__all__ = ["Stage", "run_steps"]

Check = Callable[[bool, str], None]
_ATTACHMENT_BYTES = 300_000


@attrs.frozen(kw_only=True)
class Stage:
    """What the steps need: two servers, the authority that they are trusted by, a file, and where to tell of it all."""

    mail: MailServer
    files: FileServer
    ca_file: Path
    payload: Path
    folder: Path
    report: Report
    console: Console
    policy: RetryPolicy

    @property
    def smtp_options(self) -> dict[str, Any]:
        """How to reach the SMTP server and log in."""
        return {
            "hostname": "localhost",
            "port": self.mail.port,
            "start_tls": True,
            "username": self.mail.user,
            "password": self.mail.password,
            "cert_bundle": self.ca_file,
        }

    def ftp_client(self) -> AbstractAsyncContextManager[ftp.Client]:
        """A connected, encrypted, logged-in FTP client, as a context manager."""
        return ftp.Client.context(
            "localhost",
            self.files.port,
            self.files.user,
            self.files.password,
            upgrade_to_tls=True,
            tls=TLS(ca_file=self.ca_file),
        )

    @contextmanager
    def bar(self, name: str) -> Iterator[Callable[[Progress], None]]:
        """A progress bar, as the callback of a transfer."""
        with Bar(
            "[progress.description]{task.description}",
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=self.console,
        ) as bar:
            task = bar.add_task(name, total=self.payload.stat().st_size)

            def show(progress: Progress) -> None:
                bar.update(task, completed=progress.transferred)

            yield show


async def run_steps(stage: Stage, loop: str) -> None:
    """Run every step under the running event loop; *loop* is its name."""
    stage.mail.reset()
    for name, step in (
        ("mail with an attachment, STARTTLS and login", _mail),
        ("one recipient refused, the other served", _refused_recipient),
        ("451 twice, taken at the third try", _busy_mailbox),
        ("upload over FTPS", _upload),
        ("download over FTPS", _download),
        ("download broken off twice, brought through", _interrupted_download),
    ):
        with stage.report.step(loop, name) as line:
            await step(stage, line.check)


def _message(recipients: str, attachment: bytes) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "demo@example.com"
    message["To"] = recipients
    message["Subject"] = "Numbers of the day"
    message.set_content("The numbers are attached.\n.\nThis line comes after a lone dot.\n")
    message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="numbers.bin")
    return message


async def _mail(stage: Stage, check: Check) -> None:
    with stage.payload.open("rb") as file:
        attachment = file.read(_ATTACHMENT_BYTES)
    refused, text = await smtp.send(_message("you@example.com", attachment), **stage.smtp_options)
    arrived = message_from_bytes(stage.mail.messages[-1], policy=policy.default)
    [part] = arrived.iter_attachments()
    same = _digest(part.get_content()) == _digest(attachment)
    check(same and not refused, f"{text}; sha256 {'agrees' if same else 'differs'}")


async def _refused_recipient(stage: Stage, check: Check) -> None:
    before = len(stage.mail.messages)
    refused, _ = await smtp.send(_message(f"you@example.com, {UNKNOWN}", b"few"), **stage.smtp_options)
    said = "; ".join(f"{recipient}: {response}" for recipient, response in refused.items())
    held = list(refused) == [UNKNOWN] and refused[UNKNOWN].code == 550
    check(held and len(stage.mail.messages) == before + 1, said)


async def _busy_mailbox(stage: Stage, check: Check) -> None:
    seen: list[str] = []

    async def send() -> None:
        try:
            await smtp.send(_message(BUSY, b"few"), **stage.smtp_options)
        except TransferError as exc:
            seen.append(_answer(exc))
            raise

    await stage.policy.call(send)
    check(len(seen) == 2 and stage.mail.attempts_for_busy == 3, _story(seen))


async def _upload(stage: Stage, check: Check) -> None:
    async with stage.ftp_client() as client:
        with stage.bar("upload") as show:
            await client.upload(stage.payload, "numbers.bin", write_into=True, progress=show)
    check(_same_file(stage.payload, stage.files.root / "numbers.bin"), "sha256 agrees on the server")


async def _download(stage: Stage, check: Check) -> None:
    target = stage.folder / "numbers.bin"
    async with stage.ftp_client() as client:
        with stage.bar("download") as show:
            await client.download("numbers.bin", target, write_into=True, progress=show)
    check(_same_file(stage.payload, target), "sha256 agrees on this side")
    target.unlink()


async def _interrupted_download(stage: Stage, check: Check) -> None:
    target = stage.folder / "again.bin"
    seen: list[str] = []
    stage.files.downloads_to_break = 2

    async def download() -> None:
        try:
            async with stage.ftp_client() as client:
                await client.download("numbers.bin", target, write_into=True)
        except TransferError as exc:
            seen.append(_answer(exc))
            raise

    await stage.policy.call(download)
    same = _same_file(stage.payload, target)
    check(same and len(seen) == 2, f"{_story(seen)}; sha256 {'agrees' if same else 'differs'}")
    target.unlink()


def _answer(exc: TransferError) -> str:
    return str(exc.reply) if isinstance(exc, ReplyError) else str(exc)


def _story(failures: list[str]) -> str:
    return f"tries: {len(failures) + 1}; first answer: {failures[0].rstrip('.') if failures else 'good'}"


def _same_file(one: Path, other: Path) -> bool:
    return _file_digest(one) == _file_digest(other)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

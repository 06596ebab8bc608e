"""The demo: it is the main job, so it runs as a user runs it, and its exit status can be believed."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console

from transfer import ftp
from transfer.cli._demo.report import Report
from transfer.cli._demo.run import run_demo

MIB = 1024 * 1024
STEPS = 6


def test_the_demo_holds_all_its_checks_under_both_loops() -> None:
    command = [sys.executable, "-m", "transfer.cli", "demo", "--size", "3"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, env={"COLUMNS": "160"})

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for loop in ("asyncio", "trio"):
        rows = [line for line in ran.stdout.splitlines() if line.startswith(f"\u2502 {loop} ")]
        assert len(rows) == STEPS
        assert all(" yes " in row for row in rows)
    assert ran.stderr == ""


def test_a_file_that_arrives_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = ftp.Client.upload

    async def upload_less(self: ftp.Client, source: Any, *args: Any, **options: Any) -> None:
        with source.open("r+b") as file:
            file.truncate(source.stat().st_size - 1)
        await upload(self, source, *args, **options)
        with source.open("ab") as file:
            file.write(b"\0")

    monkeypatch.setattr(ftp.Client, "upload", upload_less)

    assert run_demo(2 * MIB) is False


def test_what_goes_wrong_in_a_step_fails_that_step() -> None:
    output = io.StringIO()
    report = Report(Console(file=output, width=120))
    with report.step("asyncio", "first") as line:
        line.check(True, "fine")
    held_before = report.all_held
    with report.step("asyncio", "second"):
        _fail()
    report.print_table()

    assert held_before
    assert not report.all_held
    assert "KeyError: 'gone'" in output.getvalue()


def _fail() -> None:
    raise KeyError("gone")


@pytest.mark.parametrize("checks", [(), (True, False), (False, True)])
def test_a_step_without_a_check_or_with_a_failed_one_does_not_hold(checks: tuple[bool, ...]) -> None:
    report = Report(Console(file=io.StringIO()))
    with report.step("trio", "step") as line:
        for held in checks:
            line.check(held, "")

    assert not report.all_held

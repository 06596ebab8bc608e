"""Processes: contestants, each turn in a new one, and the peers that they talk to."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.model import Contestant, Sample, Skip

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent
_TURN_SECONDS = 300
_START_SECONDS = 15
_STOP_SECONDS = 5
_POLL_SECONDS = 0.02


def run_program(program: str, **arguments: object) -> Sample:
    """Run the function ``module:name`` of ``benchmarks.programs`` in a new interpreter and return what it measured.

    Raises:
        RuntimeError: it failed; what it printed is on this process's standard error.
    """
    command = [sys.executable, "-m", "benchmarks.programs", program, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=_TURN_SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"{program} {arguments} ended with status {done.returncode}")
    return cast("Sample", json.loads(done.stdout))


def run_command(command: Sequence[str]) -> Sample:
    """Run a program that is not ours, and return its time from start to end, connecting and all.

    Raises:
        RuntimeError: it failed; what it printed is on this process's standard error.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with status {process.returncode}")
    return Sample(wall_seconds=wall, cpu_seconds=used.ru_utime + used.ru_stime, peak_bytes=None, value=None)


def take_turns(contestants: Sequence[Contestant], rounds: int) -> dict[str, list[Sample]]:
    """Let the *contestants* run in turn, A B A B, once uncounted and then *rounds* times, and return the latter."""
    samples: dict[str, list[Sample]] = {contestant.name: [] for contestant in contestants}
    for contestant in contestants:
        contestant.turn(True)
    for _ in range(rounds):
        for contestant in contestants:
            samples[contestant.name].append(contestant.turn(False))
    return samples


def find_program(name: str, package: str) -> str:
    """Return the path of the program *name*.

    Raises:
        Skip: it is not installed; Debian's *package* has it.
    """
    path = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if path is None:
        raise Skip(f"{name} is not installed (Debian: {package})")
    return path


@contextlib.contextmanager
def serving(command: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a server for the duration of the block; it ends with its process, whose children are its own business."""
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def python_peer(module: str, *arguments: str | Path) -> Iterator[int]:
    """Run a module of ``benchmarks.programs`` that prints the port on which it listens, and give that port."""
    command = [sys.executable, "-m", f"benchmarks.programs.{module}", *arguments]
    with serving(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer {module} ended before it listened")
        yield int(line)


def free_port() -> int:
    """Return a port that nothing listens on, below those that the kernel gives to outgoing connections."""
    while True:
        port = random.randrange(20000, 32768)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port


def wait_until_listening(process: subprocess.Popen[str], port: int) -> None:
    """Return as soon as *process* takes a connection on *port*.

    Raises:
        RuntimeError: it ended, or did not listen in time.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


def say(text: str) -> None:
    """Tell the person who waits how far it is."""
    print(text, file=sys.stderr, flush=True)

"""Run one server process and everything it forks: start, wait until it listens, end.

How this works: every server is started as the leader of a session of its own, so the processes that we started are
the members of that session, its descendants (a server may begin a session again in a child) and the members of their
sessions (a child whose parent has ended).  All three are read from /proc, and ending them never touches another
server on the machine.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

import attrs

START_SECONDS = 20.0
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01
_LOG_TAIL = 4000


class ServerFailedError(Exception):
    """A server ended early or did not listen in time; the text carries its logs."""


_started: WeakSet[ServerProcess] = WeakSet()


@attrs.define(eq=False)
class ServerProcess:
    """A running server and the folder that holds its configuration and logs (``*.log``)."""

    name: str
    folder: Path
    _process: subprocess.Popen[bytes] = attrs.field(alias="process")

    @classmethod
    def start(
        cls, name: str, command: Sequence[str | Path], folder: Path, *, environment: Mapping[str, str] | None = None
    ) -> ServerProcess:
        """Start *command* in *folder*; what it prints goes to ``<folder>/<name>.log``.

        Args:
            environment: variables set in addition to PATH and TZ, the only ones that a server sees otherwise.
        """
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC", **(environment or {})}
        with (folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        server = cls(name, folder, process)
        _started.add(server)
        return server

    @classmethod
    def kill_in(cls, folder: Path) -> None:
        """Kill the server whose folder is *folder*, if it is a process at all."""
        for server in _started:
            if server.folder == folder:
                server.kill()

    def wait_until_listening(self, host: str, *ports: int) -> None:
        """Return as soon as every one of *ports* takes a connection.

        Raises:
            ServerFailedError: the process ended, or a port took none within ``START_SECONDS``.
        """
        deadline = time.monotonic() + START_SECONDS
        for port in ports:
            while not _accepts(host, port):
                status = self._process.poll()
                if status is not None:
                    raise ServerFailedError(f"{self.name} ended with status {status}\n{self.logs()}")
                if time.monotonic() > deadline:
                    raise ServerFailedError(f"{self.name} does not listen on {host}:{port}\n{self.logs()}")
                time.sleep(_POLL_SECONDS)

    def logs(self) -> str:
        """Return the end of every log in the server's folder."""
        parts = [f"configuration and logs: {self.folder}"]
        for path in sorted(self.folder.glob("*.log")):
            text = path.read_text(encoding="utf-8", errors="replace")
            parts.append(f"--- {path.name}\n{text[-_LOG_TAIL:]}")
        return "\n".join(parts)

    def stop(self) -> None:
        """End the server and all its descendants: SIGTERM, after ``STOP_SECONDS`` SIGKILL.

        Raises:
            ServerFailedError: a process survived both.
        """
        self._end(signal.SIGTERM, signal.SIGKILL)

    def kill(self) -> None:
        """End the server and all its descendants at once by SIGKILL, in the middle of whatever they do.

        Raises:
            ServerFailedError: a process survived that.
        """
        # Stopped first: none of them is to notice what becomes of another, and to say so.
        for member in _family({self._process.pid}):
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGSTOP)
        self._end(signal.SIGKILL)

    def _end(self, *numbers: signal.Signals) -> None:
        sessions = {self._process.pid}
        for number in numbers:
            deadline = time.monotonic() + STOP_SECONDS
            signalled: set[int] = set()
            while time.monotonic() < deadline:
                remaining = _family(sessions)
                if not remaining:
                    self._process.wait()
                    return
                # Once each: to some servers a second SIGTERM means "at once", without a clean end.
                for member in remaining - signalled:
                    with suppress(ProcessLookupError):
                        os.kill(member, number)
                signalled |= remaining
                self._process.poll()
                time.sleep(_POLL_SECONDS)
        raise ServerFailedError(f"{self.name}: processes {_family(sessions)} cannot be ended\n{self.logs()}")


def _family(sessions: set[int]) -> set[int]:
    """Return the live processes of *sessions* and their descendants; the descendants' sessions are added to the set."""
    processes = _processes()
    members: set[int] = set()
    while True:
        found = {number for number, (parent, session) in processes.items() if session in sessions or parent in members}
        if found == members:
            return members
        members = found
        sessions |= {processes[number][1] for number in members}


def _processes() -> dict[int, tuple[int, int]]:
    """Return parent and session of every live process of the machine; a zombie is not live."""
    processes = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it ended between the listing and the read
            continue
        # proc(5): "pid (comm) state ppid pgrp session ..."; comm may hold blanks and parentheses itself.
        state, parent, _group, session = line.rpartition(")")[2].split()[:4]
        if state not in "ZX":
            processes[int(entry.name)] = (int(parent), int(session))
    return processes


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False

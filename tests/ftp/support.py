"""What the tests of the FTP client share: time limits, and the parts of a server's script."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import anyio
import attrs

from tests.peers import (
    MiniFTP,
    ScriptedPeer,
    Step,
    accept_data,
    call,
    close_data,
    expect,
    listen_data,
    send,
    send_data,
)
from transfer import ftp
from transfer._net.timeouts import Timeouts

# For what never comes; whatever does come has LONG, however busy the machine is.
SHORT, LONG = 0.15, 5.0
HELLO = send(b"220 hello\r\n")


def impatient(*phases: str) -> Timeouts:
    """Return time limits that are short in *phases* (fields of Timeouts) and long in all others."""
    return Timeouts(**{name: SHORT if name in phases else LONG for name in attrs.fields_dict(Timeouts)})


class Signal:
    """Lets a task wait until a peer's thread has come to a step of its script."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def given(self) -> Step:
        """The step at which it is given."""
        return call(lambda connection: self._event.set())

    @property
    def is_given(self) -> bool:
        """Whether it has been."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until then."""
        with anyio.fail_after(LONG):
            while not self._event.is_set():  # noqa: ASYNC110 (it is set in a thread, which no event of the loop knows)
                await anyio.sleep(0.001)


async def connected(peer: ScriptedPeer | MiniFTP, **options: Any) -> ftp.Client:
    """Return a client that has been greeted by *peer*."""
    client = ftp.Client(**options)
    await client.connect(peer.host, peer.port)
    return client


async def logged_in(server: MiniFTP, **options: Any) -> ftp.Client:
    """Return a client that *server* knows."""
    client = await connected(server, **options)
    await client.login()
    return client


def said(server: MiniFTP, *verbs: str) -> list[str]:
    """Return the commands of *verbs* that *server* was given, in order."""
    return [line for line in server.commands if line.partition(" ")[0] in verbs]


def names_in(folder: Path) -> list[str]:
    """Return what is in *folder*, in order."""
    return sorted(path.name for path in folder.iterdir())


def answer(line: bytes, *replies: bytes) -> tuple[Step, ...]:
    """Expect *line* and say *replies*, all without their CRLF."""
    return expect(line + b"\r\n"), *(send(reply + b"\r\n") for reply in replies)


def binary() -> tuple[Step, ...]:
    """Agree on the representation, which happens once for each connection."""
    return answer(b"TYPE I", b"200 ok")


def passive(name: str = "d") -> tuple[Step, ...]:
    """Open a data listener when asked by EPSV."""
    return expect(b"EPSV\r\n"), listen_data(name), send(b"229 here (|||{" + name.encode() + b"}|)\r\n")


def open_data(line: bytes, name: str = "d") -> tuple[Step, ...]:
    """Be asked for a data connection, then for *line*, and say that it begins."""
    return *passive(name), *answer(line, b"150 here it comes"), accept_data(name)


def deliver(line: bytes, data: bytes, *, name: str = "d", done: bytes = b"226 done") -> tuple[Step, ...]:
    """Give *data* to a client that asks for it by *line*."""
    return *open_data(line, name), send_data(name, data), close_data(name), send(done + b"\r\n")

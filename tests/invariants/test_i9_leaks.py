"""I9: no ExceptionGroup escapes a client API; no task or descriptor outlives its ``async with``, nor a thread."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.harness import ALL_MODES, CutOutcome, Outcome, cancel_everywhere, cut_everywhere
from tests.invariants.support import mail_client
from tests.peers import CutMode, MiniFTP, MiniSMTP, PeerServer
from transfer import ftp
from transfer._errors import TransferError

Session = Callable[[Any, Path], Coroutine[Any, Any, None]]


async def mail(peer: MiniSMTP, folder: Path) -> None:
    async with mail_client(peer) as client:
        await client.sendmail("a@b.example", ["c@d.example"], "text")


async def files(peer: MiniFTP, folder: Path) -> None:
    async with ftp.Client.context(peer.host, peer.port) as client:
        await client.download("/x", folder / "x", write_into=True)
        await client.list("/")


SESSIONS: dict[Session, Callable[[], PeerServer]] = {
    mail: lambda: MiniSMTP(client_may_leave=True),
    files: lambda: MiniFTP(files={"/x": bytes(10_000)}, client_may_leave=True),
}


def threads() -> set[threading.Thread]:
    """Those of this process, but for the workers of the resolver and of the loops, which stay or go as they like."""
    return {thread for thread in threading.enumerate() if not re.match(r"(?i)trio thread|.*worker", thread.name)}


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.__name__)
async def test_nothing_outlives_a_session_and_no_group_escapes(session: Session, tmp_path: Path) -> None:
    """Cancelled at every checkpoint; the harness looks for groups, tasks, descriptors and unclosed sockets."""
    before = threads()

    def check(outcome: Outcome) -> None:
        assert outcome.cancelled or outcome.exception is None

    await cancel_everywhere(
        lambda peer: session(peer, tmp_path), around=SESSIONS[session], check=check, modes=ALL_MODES
    )
    assert not threads() - before


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.__name__)
async def test_nothing_outlives_a_session_that_is_cut_off(session: Session, tmp_path: Path) -> None:
    before = threads()

    def check(outcome: CutOutcome, peer: PeerServer) -> None:
        assert outcome.exception is None or isinstance(outcome.exception, TransferError)

    await cut_everywhere(
        lambda peer: session(peer, tmp_path), SESSIONS[session], check=check, modes=[CutMode.RESET], stride=5
    )
    assert not threads() - before

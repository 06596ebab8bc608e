"""Fixtures of the mail client's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.peers import ScriptedPeer, Step
from tests.smtp.support import LONG, Begin, Open, Way, session_with
from transfer._net.timeouts import Timeouts
from transfer.smtp._session import Session


@pytest.fixture
def begin(peer: ScriptedPeer) -> Iterator[Begin]:
    """A function that starts a session with a peer that plays the given steps; it is closed at the end of the test."""
    with ExitStack() as sessions:

        def start(
            *steps: Step, dialled: bool = True, seconds: float = LONG, timeouts: Timeouts | None = None
        ) -> Session:
            peer.script(*steps)
            return sessions.enter_context(session_with(peer, dialled=dialled, seconds=seconds, timeouts=timeouts))

        yield start


@pytest.fixture
def opened(peer: ScriptedPeer) -> Iterator[Open]:
    """A function that opens a session; it is closed at the end of the test, before the peer is."""
    with ExitStack() as cleanup:
        yield Open(cleanup)


@pytest.fixture(params=[False, True], ids=["lock-step", "pipelining"])
def way(request: pytest.FixtureRequest) -> Way:
    """How envelopes are sent; a test runs once for each."""
    return Way(pipelining=request.param)

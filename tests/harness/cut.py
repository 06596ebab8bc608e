"""Cut the connection after every octet that the peer sends, one cut per run, by FIN and by RST.

await cut_everywhere(send_one_mail, lambda: MiniSMTP(), check=accepted_or_failed)
"""

from __future__ import annotations

import gc
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import attrs

from tests.harness.cancel import Sweep
from tests.harness.drive import Drive
from tests.harness.leaks import LeakWatch
from tests.peers.server import PeerServer
from tests.peers.wire import CutMode
from transfer._errors import TransferError

P = TypeVar("P", bound=PeerServer)


@attrs.define(eq=False)
class CutOutcome:
    """One run, as ``check`` sees it, after the peer has ended too."""

    mode: CutMode
    after: int | None
    """Octets that the peer was to send at most; None: all."""
    was_cut: bool
    value: Any
    exception: BaseException | None


@attrs.frozen(kw_only=True)
class _Rules(Generic[P]):
    scenario: Callable[[P], Awaitable[Any]]
    peer_factory: Callable[[], P]
    check: Callable[[CutOutcome, P], Awaitable[None] | None] | None
    allowed: tuple[type[BaseException], ...]
    bound_seconds: float
    settle_seconds: float
    data: bool

    async def run(self, mode: CutMode, after: int | None) -> tuple[bool, int]:
        """Run once; whether it was cut, and the octets that the peer sent where that is known."""
        try:
            with LeakWatch(self.settle_seconds) as watch:
                peer = self.peer_factory()
                outcome = await self._play(peer, mode, after)
                problems = await watch.problems()
            assert not problems, "\n".join(problems)
        except BaseException as exc:
            kind = "data" if self.data else "control"
            place = "without a cut" if after is None else f"{mode.value} after octet {after} on {kind} connections"
            exc.add_note(f"cut_everywhere: {place}")
            raise
        return outcome.was_cut, peer.data_octets if self.data else peer.control_octets

    async def _play(self, peer: P, mode: CutMode, after: int | None) -> CutOutcome:
        peer.cut_mode = mode
        if self.data:
            peer.cut_data_after = after
        else:
            peer.cut_after = after
        with peer:
            awaitable = self.scenario(peer)
            assert inspect.iscoroutine(awaitable), "the scenario is a coroutine function"
            drive = Drive(awaitable, bound_seconds=self.bound_seconds)
            await drive.run()
            assert not drive.hung, f"hang: no end within {self.bound_seconds} s, at {drive.hung}"
            assert not drive.tasks_left, f"tasks were left: {drive.tasks_left}"
        outcome = CutOutcome(mode, after, peer.was_cut, drive.stepped.value, drive.stepped.exception)
        self._judge(outcome)
        if self.check is not None:
            result = self.check(outcome, peer)
            if inspect.isawaitable(result):
                await result
        return outcome

    def _judge(self, outcome: CutOutcome) -> None:
        error = outcome.exception
        assert not isinstance(error, BaseExceptionGroup), f"an ExceptionGroup came out: {error!r}"
        if error is not None and not outcome.was_cut:
            raise AssertionError(f"nothing was cut, and still came {error!r}") from error
        if error is not None and not isinstance(error, self.allowed):
            raise AssertionError(f"the cut came out as {error!r}") from error


async def cut_everywhere(
    scenario: Callable[[P], Awaitable[Any]],
    peer_factory: Callable[[], P],
    *,
    check: Callable[[CutOutcome, P], Awaitable[None] | None] | None = None,
    modes: Sequence[CutMode] = tuple(CutMode),
    allowed: tuple[type[BaseException], ...] = (TransferError,),
    data: bool = False,
    stride: int = 1,
    bound_seconds: float = 5.0,
    settle_seconds: float = 1.0,
    limit: int = 100_000,
) -> Sweep:
    """Run *scenario* uncut, then with each connection cut after 0, 1, 2, … octets sent by the peer, until none is.

    Every run is held to: an end within *bound_seconds*; success, or one of *allowed* if something was cut, never an
    ExceptionGroup; no task, no descriptor, no ResourceWarning left; and what the peer itself complains about.

    Args:
        scenario: a coroutine function, called with the entered peer; connects, works, closes.
        peer_factory: makes a peer, not yet entered.
        check: called after every run, when the peer has ended; may be a coroutine function.
        modes: how it is cut.
        allowed: what may come out of a cut run.
        data: cut data connections in place of control connections.
        stride: octets between one cut and the next; more than 1 where TLS handshakes make every octet too many.
        bound_seconds: longer is a hang, which is ended by force and reported.
        settle_seconds: how long a descriptor may outlive its run before it counts as left.
        limit: octets after which the peer is taken to be endless.

    Returns:
        How many octets the peer sent uncut, and how many runs there were.

    Raises:
        AssertionError: a rule was broken; a note says in which run.
    """
    gc.collect()  # what earlier tests dropped is not this scenario's
    rules = _Rules(
        scenario=scenario,
        peer_factory=peer_factory,
        check=check,
        allowed=allowed,
        bound_seconds=bound_seconds,
        settle_seconds=settle_seconds,
        data=data,
    )
    _, octets = await rules.run(CutMode.FIN, None)
    runs = 1
    for mode in modes:
        for after in range(0, limit, stride):
            was_cut, _ = await rules.run(mode, after)
            runs += 1
            if not was_cut and after > octets:
                break
        else:
            raise AssertionError(f"the peer sent more than {limit} octets")
    return Sweep(octets, runs)

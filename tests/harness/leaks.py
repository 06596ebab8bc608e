"""What a run left behind: descriptors, and warnings about what was dropped without being closed."""

from __future__ import annotations

import gc
import warnings
from types import TracebackType
from typing import Self

import anyio

from tests.peers.descriptors import foreign_descriptors

_OF_INTEREST = (ResourceWarning, RuntimeWarning)  # unclosed sockets; coroutines never awaited


class LeakWatch:
    """Look at this process before and after a ``with`` block.

    ResourceWarnings are collected inside the block whatever the filters say; other warnings go on as usual at its end.
    A descriptor has *settle_seconds* to go: the resolver's threads have some, and a peer's is known for one only a
    moment after accept().
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._before: set[tuple[int, str]] = set()
        self._warnings: list[warnings.WarningMessage] = []
        self._recorder = warnings.catch_warnings(record=True)

    def __enter__(self) -> Self:
        self._before = foreign_descriptors()
        recorded = self._recorder.__enter__()
        assert recorded is not None
        self._warnings = recorded
        for category in _OF_INTEREST:
            warnings.simplefilter("always", category)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorder.__exit__(kind, error, trace)
        for warning in self._warnings:
            if not issubclass(warning.category, _OF_INTEREST):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)

    async def problems(self) -> list[str]:
        """What was left behind so far, a sentence each; waits a moment only where something was."""
        left = foreign_descriptors() - self._before
        with anyio.move_on_after(self._settle_seconds):
            while left:
                await anyio.sleep(0.002)
                left = foreign_descriptors() - self._before
        if left:
            gc.collect()  # says whose they were
        found = [f"descriptor {number} was left open: {what}" for number, what in sorted(left)]
        return found + [str(entry.message) for entry in self._warnings if issubclass(entry.category, _OF_INTEREST)]

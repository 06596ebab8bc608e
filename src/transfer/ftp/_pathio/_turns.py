"""``Turns``: let other tasks run while files are read and written in the event loop's own thread."""

from __future__ import annotations

from anyio.lowlevel import checkpoint, checkpoint_if_cancelled

__all__ = ["Turns"]

# As many as a transfer moves between two turns.
_FAIR_BYTES = 1024 * 1024


class Turns:
    """Counts the bytes of one storage's files; every MiB the other tasks have their turn."""

    __slots__ = ("moved",)

    def __init__(self) -> None:
        self.moved = 0

    async def take(self) -> None:
        """Look for a cancellation, and let others run if enough was moved since they last did."""
        if self.moved < _FAIR_BYTES:
            await checkpoint_if_cancelled()
        else:
            self.moved = 0
            await checkpoint()

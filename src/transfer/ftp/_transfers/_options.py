"""How a file is to be moved: the options that ``upload``, ``download`` and ``append`` share."""

from __future__ import annotations

from typing import Literal, TypedDict

import attrs

from transfer._engine.retry import RetryPolicy
from transfer._net.progress import ProgressCallback

__all__ = ["Options", "TransferOptions", "choose"]


class TransferOptions(TypedDict, total=False):
    """The options of a transfer; each can be left out.

    Attributes:
        resume: go on with what an earlier transfer has left, instead of beginning anew. What is there is taken for the
            beginning of the file; *verify* tells whether it was. A file that is there in full is not moved again.
        retry: repeat what fails for a passing reason, each file from where it came to, on a new connection if need be.
        atomic: give a file its name only when it is complete: it is first called ``NAME.part``, with something random
            before the ``.part`` unless it is to be resumed. Downloads do so by default, uploads if they are told to, as
            not every server lets its users rename.
        verify: compare what has arrived with what was sent: ``"size"``; ``"hash"`` or the name of an algorithm, such as
            ``"SHA-256"``, which the server has to have; True for a hash if the server has one, otherwise the size.
        keep_times: give the copy the modification time of the original, if the server can tell or set it.
        conn_type: the representation type, ``"I"``, octet by octet, or ``"A"``, text, whose line ends become those of
            the other side.
        compress: have the server compress what it sends and decompress what it gets (MODE Z).
        follow_links: write through symbolic links that are at the destination on this side. Without it a link to a
            directory below the destination is refused, and one to a file is replaced by the file.
        progress: is told about 20 times a second how far the whole call has come.
    """

    resume: bool
    retry: RetryPolicy | None
    atomic: bool
    verify: bool | str
    keep_times: bool
    conn_type: Literal["I", "A"]
    compress: bool
    follow_links: bool
    progress: ProgressCallback | None


@attrs.frozen(kw_only=True)
class Options:
    """The options of one call, complete and checked; see :class:`TransferOptions`."""

    resume: bool = False
    retry: RetryPolicy | None = None
    atomic: bool
    verify: bool | str = False
    keep_times: bool = False
    conn_type: str = "I"
    compress: bool = False
    follow_links: bool = False
    progress: ProgressCallback | None = None

    def __attrs_post_init__(self) -> None:
        if self.conn_type not in ("I", "A"):
            raise ValueError(f"conn_type is 'I' or 'A', not {self.conn_type!r}")
        if self.resume and not self.has_offsets:
            raise ValueError("resume wants octets to count: neither conn_type='A' nor compress")
        if self.conn_type == "A" and self.verify:
            raise ValueError("verify wants the same octets on both sides, which conn_type='A' does not leave")
        if isinstance(self.verify, str) and not self.verify:
            raise ValueError("verify is True, False, 'size', 'hash' or the name of an algorithm, and not empty")

    @property
    def has_offsets(self) -> bool:
        """Whether a transfer may begin in the middle of the file."""
        return self.conn_type == "I" and not self.compress


def choose(options: TransferOptions, *, atomic: bool) -> Options:
    """Complete and check the *options* of a call.

    Args:
        options: what is said.
        atomic: whether transfers of this kind are atomic if nothing is said.

    Raises:
        TypeError: there is no option of that name.
        ValueError: an option can't have that value, or excludes another.
    """
    complete: TransferOptions = {"atomic": atomic, **options}
    return Options(**complete)

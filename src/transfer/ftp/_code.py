"""Three-digit reply codes and the masks that match them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, overload

__all__ = ["Code", "wrap_into_codes", "wrap_with_container"]

Text = TypeVar("Text", bound=str)
T = TypeVar("T")


class Code(str):
    """A reply code as text, for example ``"226"``, or a mask, for example ``"2xx"``."""

    __slots__ = ()

    def matches(self, mask: str) -> bool:
        """Tell whether this code fits *mask*, in which whatever is not a digit stands for any digit.

        Only as many characters are compared as both have, so ``"2"`` is the same mask as ``"2xx"``.
        """
        return all(not wanted.isdigit() or wanted == digit for wanted, digit in zip(mask, self, strict=False))


def wrap_into_codes(codes: str | Iterable[str]) -> tuple[Code, ...]:
    """Make a tuple of codes from one code or mask, or from several."""
    if isinstance(codes, str):
        return (Code(codes),)
    return tuple(Code(code) for code in codes)


@overload
def wrap_with_container(o: Text) -> tuple[Text]: ...


@overload
def wrap_with_container(o: T) -> T: ...


def wrap_with_container(o: object) -> object:
    """Make a tuple of one text; whatever else is given is returned as it is."""
    return (o,) if isinstance(o, str) else o

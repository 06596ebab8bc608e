"""``setlocale``, as existing programs use it; nothing in here does."""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["setlocale"]

_LOCK = threading.Lock()


@contextmanager
def setlocale(name: str) -> Iterator[str]:
    """Set the whole process's locale to *name* and put the old one back at the end; one thread at a time.

    Others who set it meanwhile, or depend on it, are not kept from doing so.
    """
    with _LOCK:
        before = locale.setlocale(locale.LC_ALL)
        try:
            yield locale.setlocale(locale.LC_ALL, name)
        finally:
            locale.setlocale(locale.LC_ALL, before)

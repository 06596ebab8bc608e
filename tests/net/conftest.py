"""Every test of this package leaves the descriptors as it found them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

_TABLE = Path("/proc/self/fd")


def _sockets_and_files() -> set[str]:
    found = set()
    for entry in os.listdir(_TABLE) if _TABLE.is_dir() else ():
        try:
            target = os.readlink(_TABLE / entry)
        except OSError:
            continue  # the descriptor of the listing itself
        if not target.startswith("anon_inode:"):  # an event loop's, which may outlive a test
            found.add(f"{entry} {target}")
    return found


@pytest.fixture(scope="session")
def loops_have_run() -> None:
    """What the loops' libraries open once per process (uvloop a pipe for signals) is no leak of any test."""
    for options in ({"use_uvloop": True}, {}) if sys.platform != "win32" else ({},):
        anyio.run(anyio.lowlevel.checkpoint, backend_options=options)
    anyio.run(anyio.lowlevel.checkpoint, backend="trio")


@pytest.fixture(autouse=True)
def no_descriptor_leaks(loops_have_run: None) -> Iterator[None]:
    """Fail a test that leaves a socket, a pipe or a file open."""
    if sys.platform != "linux":
        yield
        return
    before = _sockets_and_files()
    yield
    assert _sockets_and_files() <= before

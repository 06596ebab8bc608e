"""Every test of this package leaves the descriptors as it found them."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

_TABLE = Path("/proc/self/fd")


def _sockets_and_files() -> set[str]:
    found = set()
    for entry in _TABLE.iterdir() if _TABLE.is_dir() else ():
        try:
            target = str(entry.readlink())
        except OSError:
            continue  # the descriptor of the listing itself
        if not target.startswith("anon_inode:"):  # an event loop's, which may outlive a test
            found.add(f"{entry.name} {target}")
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


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["tls1.2", "tls1.3"])
def context(request: pytest.FixtureRequest, ca_file: Path) -> ssl.SSLContext:
    """A client's context of this test's own that speaks one version only."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = context.maximum_version = request.param
    return context

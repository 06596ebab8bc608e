"""Fixtures for peers; a pytest plugin: ``pytest_plugins = ["tests.peers.fixtures"]`` in the root conftest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.mini_ftp import MiniFTP
from tests.peers.mini_smtp import MiniSMTP
from tests.peers.scripted import ScriptedPeer


@pytest.fixture
def peer() -> Iterator[ScriptedPeer]:
    """A scripted peer, listening; what did not go by its script fails the test at its end."""
    with ScriptedPeer() as scripted:
        yield scripted


@pytest.fixture
def smtp_server() -> Iterator[MiniSMTP]:
    """A small SMTP server with every extension, without TLS and users."""
    with MiniSMTP() as server:
        yield server


@pytest.fixture
def ftp_server() -> Iterator[MiniFTP]:
    """A small FTP server without files, TLS and users."""
    with MiniFTP() as server:
        yield server

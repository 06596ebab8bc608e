"""Fixtures that every test may ask for: event loops, certificates of a CA made for this run, paths of sockets."""

from __future__ import annotations

import gc
import os
import ssl
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, settings

from tests.peers.loopback import LOOPBACK

pytest_plugins = ["tests.peers.fixtures"]

# Deadlines and slowness say something about the machine, never about the code.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.register_profile("fuzz", settings.get_profile("default"), max_examples=5_000, print_blob=True)
# `--hypothesis-profile` on the command line is applied after this and wins.
settings.load_profile("ci" if os.environ.get("CI") else "default")

BACKENDS = [pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio")]
if sys.platform != "win32":  # uvloop does not exist there
    BACKENDS.append(pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"))
BACKENDS.append(pytest.param(("trio", {}), id="trio"))


@pytest.fixture(scope="module", params=BACKENDS)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The event loop of the test: every async test runs once on each."""
    backend: tuple[str, dict[str, Any]] = request.param
    return backend


@pytest.fixture(scope="session")
def certificate_authority() -> trustme.CA:
    """A certificate authority that nothing outside this run trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_certificate(certificate_authority: trustme.CA) -> trustme.LeafCert:
    """A server's certificate for localhost and the loopback addresses."""
    return certificate_authority.issue_cert("localhost", "127.0.0.1", LOOPBACK, "::1")


@pytest.fixture(scope="session")
def ca_file(certificate_authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CA's certificate as a PEM file, for SSL_CERT_FILE and `cafile` arguments."""
    path = tmp_path_factory.mktemp("certificate-authority") / "ca.pem"
    certificate_authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture(scope="session")
def server_tls_context(server_certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's context, shared by the whole run: a test that changes a setting makes its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_certificate.configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls_context(ca_file: Path) -> ssl.SSLContext:
    """A client's context that trusts the CA and nothing else; shared like `server_tls_context`."""
    return ssl.create_default_context(cafile=ca_file)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """Where a Unix socket may be bound: a kernel takes some 100 octets, and `tmp_path` grows with the checkout's."""
    with tempfile.TemporaryDirectory(prefix="transfer-", dir="/tmp") as folder:
        yield Path(folder) / "socket"


def pytest_collection_finish() -> None:
    """Take what was collected out of the garbage collector's sight.

    The harnesses collect garbage before and after each sweep. The modules and the items of the whole run never are
    garbage, and to look through them took longer than many a sweep.
    """
    gc.collect()
    gc.freeze()

"""Fixtures for tests against real servers; every test in this folder carries the mark ``interop``.

One fixture per server gives it running and empty; a test waits for the mail that it sent, or the next one would find
it.  A file server's mode is "explicit" unless the test says otherwise::

    @pytest.mark.parametrize("vsftpd", ["plain", "implicit"], indirect=True)
    async def test_upload(vsftpd: FtpServer) -> None: ...

``smtp_server`` and ``ftp_server`` run a test once for each server (and each of its modes).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.interop._certificates import write_certificates
from tests.interop._process import ServerProcess
from tests.interop._registry import FTP_STARTERS, SMTP_STARTERS, Registry
from tests.interop._servers import FtpServer, MortalFtpServer, SmtpServer
from tests.interop._smtp_sink import SmtpSinkFactory

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, certificate_authority: trustme.CA) -> Iterator[Registry]:
    """All servers by name and mode, ended with the session; configurations and logs stay when a test failed."""
    # Not below pytest's or the session's folder: most servers give up being root and may not enter there, and Unix
    # sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="transfer-interop-", dir="/tmp"))
    folder.chmod(0o755)
    with ExitStack() as cleanup:
        yield Registry(folder, write_certificates(certificate_authority, folder), cleanup)
    if request.session.testsfailed:
        reporter = request.config.get_terminal_writer()
        reporter.line(f"\nconfigurations and logs of the servers: {folder}")
    else:
        shutil.rmtree(folder)


@pytest.fixture
def postfix(servers: Registry) -> SmtpServer:
    return servers.smtp("postfix")


@pytest.fixture
def exim(servers: Registry) -> SmtpServer:
    return servers.smtp("exim")


@pytest.fixture
def opensmtpd(servers: Registry) -> SmtpServer:
    return servers.smtp("opensmtpd")


@pytest.fixture
def aiosmtpd(servers: Registry) -> SmtpServer:
    return servers.smtp("aiosmtpd")


@pytest.fixture(params=list(SMTP_STARTERS))
def smtp_server(request: pytest.FixtureRequest, servers: Registry) -> SmtpServer:
    """Every mail server in turn."""
    return servers.smtp(request.param)


@pytest.fixture
def smtp_sink(servers: Registry) -> Iterator[SmtpSinkFactory]:
    """A function that starts smtp-sink with the options it is given; all of them end with the test."""
    with ExitStack() as cleanup:
        yield partial(servers.smtp_sink, cleanup)


@pytest.fixture
def vsftpd(request: pytest.FixtureRequest, servers: Registry) -> FtpServer:
    return servers.ftp("vsftpd", getattr(request, "param", "explicit"))


@pytest.fixture
def proftpd(request: pytest.FixtureRequest, servers: Registry) -> FtpServer:
    return servers.ftp("proftpd", getattr(request, "param", "explicit"))


@pytest.fixture
def pureftpd(request: pytest.FixtureRequest, servers: Registry) -> FtpServer:
    return servers.ftp("pureftpd", getattr(request, "param", "explicit"))


@pytest.fixture
def pyftpdlib(request: pytest.FixtureRequest, servers: Registry) -> FtpServer:
    return servers.ftp("pyftpdlib", getattr(request, "param", "explicit"))


@pytest.fixture
def mortal_ftp_server(request: pytest.FixtureRequest, servers: Registry) -> Iterator[MortalFtpServer]:
    """A file server of the test's own, of the kind given by parameter, that the test may end."""
    with ExitStack() as cleanup:
        name, mode = request.param
        server = servers.own_ftp(cleanup, name, mode)

        def end() -> None:
            ServerProcess.kill_in(server.folder)
            cleanup.close()

        yield MortalFtpServer(server, end=end)


@pytest.fixture(params=list(FTP_STARTERS), ids="-".join)
def ftp_server(request: pytest.FixtureRequest, servers: Registry) -> FtpServer:
    """Every file server in each of its modes in turn."""
    name, mode = request.param
    return servers.ftp(name, mode)

"""Data connections that servers make, what TLS protects, NOOP under way, and files from server to server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop._files import digest, in_step, logged_in, octets, once_each, put
from tests.interop._registry import FTP_STARTERS
from tests.interop._servers import FtpServer
from transfer.ftp import FTPException, transfer_between

SIZE = 300_000


def servers(*, tls_only: bool = False, lacking: frozenset[tuple[str, str]] = frozenset()) -> pytest.MarkDecorator:
    """Run a test with every server but those that are *lacking* what it is about."""
    keys = [key for key in FTP_STARTERS if key not in lacking and not (tls_only and key[1] == "plain")]
    return pytest.mark.parametrize("ftp_server", keys, ids="-".join, indirect=True)


# It makes no data connections, and keeps them in TLS where commands are.
AIOFTP = frozenset(key for key in FTP_STARTERS if key[0] == "aioftp")
KEEPS_COMMANDS_PRIVATE = frozenset(key for key in FTP_STARTERS if key[0] != "proftpd")


@servers(lacking=AIOFTP)
async def test_servers_connect_to_a_client_in_active_mode(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "a", octets(SIZE))
    async with logged_in(ftp_server, active=True) as client:
        assert len(await client.list()) == 1
        await client.download("a", tmp_path)
        await client.upload(tmp_path / "a", "b", write_into=True)
        assert await in_step(client, ftp_server)
    assert digest(ftp_server.root / "b") == digest(tmp_path / "a") == digest(octets(SIZE))


@servers(tls_only=True, lacking=AIOFTP)
async def test_data_goes_in_clear_and_in_tls_again(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "a", octets(SIZE))
    async with logged_in(ftp_server, protect_data=False) as client:
        assert len(await client.list()) == 1
        await client.set_data_protection(True)
        await client.download("a", tmp_path)
        await client.set_data_protection(False)
        await client.upload(tmp_path / "a", "b", write_into=True)
        assert await in_step(client, ftp_server)
    assert digest(ftp_server.root / "b") == digest(octets(SIZE))


@servers(tls_only=True, lacking=KEEPS_COMMANDS_PRIVATE)
async def test_commands_go_in_clear_after_ccc_where_servers_allow_it(ftp_server: FtpServer, tmp_path: Path) -> None:
    put(ftp_server, "a", octets(SIZE))
    async with logged_in(ftp_server) as client:
        await client.clear_command_channel()
        assert len(await client.list()) == 1
        await client.download("a", tmp_path)
        await client.upload(tmp_path / "a", "b", write_into=True)
        assert await in_step(client, ftp_server)
    assert digest(ftp_server.root / "b") == digest(octets(SIZE))


@once_each
async def test_noops_under_way_confuse_nothing(ftp_server: FtpServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(octets(SIZE))
    async with logged_in(
        ftp_server, noop_interval=0.05, write_speed_limit=1_000_000, read_speed_limit=1_000_000
    ) as client:
        await client.upload(tmp_path / "a", "b", write_into=True)
        assert await in_step(client, ftp_server)
        await client.download("b", tmp_path)
        assert await in_step(client, ftp_server)
    assert digest(ftp_server.root / "b") == digest(tmp_path / "b") == digest(octets(SIZE))


@servers(lacking=AIOFTP)
async def test_a_file_goes_from_one_session_straight_to_another(ftp_server: FtpServer) -> None:
    put(ftp_server, "a", octets(SIZE))
    async with logged_in(ftp_server) as source, logged_in(ftp_server) as destination:
        if ftp_server.mode != "plain":
            # Either it can't be a client of TLS, or it insists on a session that it has with nobody.
            with pytest.raises(FTPException):
                await transfer_between(source, "a", destination, "b")
            for client in (source, destination):
                await in_step(client, ftp_server)
                await client.set_data_protection(False)
        await transfer_between(source, "a", destination, "b")
        assert await in_step(source, ftp_server)
        assert await in_step(destination, ftp_server)
    assert digest(ftp_server.root / "b") == digest(octets(SIZE))

"""``transfer.ftp`` and real file servers: connecting, TLS, logging in, directories, names, parting."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from tests.interop._files import MIXED, logged_in, octets, once_each, options, put, put_directory, put_many
from tests.interop._registry import FTP_STARTERS
from tests.interop._servers import FtpServer
from transfer import TLS, ConnectError, ReplyError, TLSError
from transfer.ftp import (
    Client,
    FTPAuthenticationError,
    FTPConnectError,
    FTPDisconnected,
    FTPTLSError,
    InvalidCommand,
    StatusCodeError,
)

with_tls = pytest.mark.parametrize(
    "ftp_server", [key for key in FTP_STARTERS if key[1] != "plain"], ids="-".join, indirect=True
)


# -- connecting and parting --------------------------------------------------------------------------------------------


async def test_connect_login_and_quit(ftp_server: FtpServer) -> None:
    client = await connected(ftp_server)
    await client.login(ftp_server.user, ftp_server.password)
    assert await client.get_current_directory() == PurePosixPath("/")
    with pytest.raises(InvalidCommand, match="already connected"):
        await client.connect(ftp_server.host, ftp_server.port)

    await client.quit()

    assert not client.is_connected
    with pytest.raises(FTPDisconnected):
        await client.get_current_directory()


async def test_a_client_that_has_parted_connects_again(ftp_server: FtpServer) -> None:
    client = await connected(ftp_server)
    await client.quit()
    for _ in range(2):
        assert await client.connect(ftp_server.host, ftp_server.port)
        if ftp_server.mode == "explicit":
            await client.upgrade_to_tls()
        await client.login(ftp_server.user, ftp_server.password)
        assert await client.list() == []
        await client.quit()


@once_each
async def test_nobody_listens_there(ftp_server: FtpServer) -> None:
    client = Client(**options(ftp_server))
    with pytest.raises(FTPConnectError) as caught:
        await client.connect(ftp_server.host, 1)

    assert isinstance(caught.value, ConnectError)
    assert caught.value.retryable
    assert caught.value.peer == f"{ftp_server.host}:1"


@once_each
async def test_an_error_in_the_block_is_the_one_that_comes_out(ftp_server: FtpServer) -> None:
    async def fail() -> None:
        async with logged_in(ftp_server) as client:
            await client.list()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


# -- login -------------------------------------------------------------------------------------------------------------


# Some servers let a guesser of passwords wait for seconds.
quick_to_refuse = pytest.mark.parametrize("ftp_server", [*MIXED[:2], MIXED[3]], ids="-".join, indirect=True)


async def connected(server: FtpServer) -> Client:
    """Return a client of *server* that is connected, and in TLS if its mode is that, but not logged in."""
    client = Client(**options(server))
    await client.connect(server.host, server.port)
    if server.mode == "explicit":
        await client.upgrade_to_tls()
    return client


@quick_to_refuse
async def test_a_wrong_password_is_refused_and_the_right_one_taken(ftp_server: FtpServer) -> None:
    client = await connected(ftp_server)
    with pytest.raises(FTPAuthenticationError) as caught:
        await client.login(ftp_server.user, "wrong secret")
    assert caught.value.received_codes == ("530",)
    assert not caught.value.retryable
    assert "wrong secret" not in str(caught.value)
    assert isinstance(caught.value, ReplyError)

    await client.login(ftp_server.user, ftp_server.password)

    assert await client.list() == []
    await client.quit()


@quick_to_refuse
async def test_a_context_with_a_wrong_user_is_not_entered(ftp_server: FtpServer) -> None:
    with pytest.raises(FTPAuthenticationError):
        async with logged_in(ftp_server, user="nobody"):
            pytest.fail("the login was refused")


@once_each
async def test_nothing_is_served_before_the_login(ftp_server: FtpServer) -> None:
    client = await connected(ftp_server)
    for attempt in (client.get_current_directory(), client.make_directory("x", parents=False), client.stat("x")):
        with pytest.raises(StatusCodeError) as caught:
            await attempt
        assert caught.value.received_codes[0].matches("5xx")
    with pytest.raises(StatusCodeError):
        await client.list()
    assert client.is_connected
    await client.quit()


# -- TLS ---------------------------------------------------------------------------------------------------------------


@with_tls
async def test_a_certificate_of_an_unknown_authority_is_refused(ftp_server: FtpServer) -> None:
    with pytest.raises(FTPTLSError, match="local issuer certificate") as caught:
        async with logged_in(ftp_server, tls=TLS()):
            pytest.fail("the certificate was taken")

    assert isinstance(caught.value, TLSError)
    assert not caught.value.retryable


@with_tls
async def test_a_certificate_for_another_host_is_refused(ftp_server: FtpServer) -> None:
    with pytest.raises(FTPTLSError, match=r"other\.test"):
        async with logged_in(ftp_server, tls=TLS(ca_file=ftp_server.ca_file, server_hostname="other.test")):
            pytest.fail("the certificate was taken")


@with_tls
async def test_every_data_connection_is_inside_tls(ftp_server: FtpServer) -> None:
    """By the first and by the second session ticket, by EPSV and by PASV: some servers insist on resumption."""
    put(ftp_server, "file", octets(1000))
    for way in ("epsv", "pasv"):
        async with logged_in(ftp_server, passive_commands=(way,)) as client:
            for _ in range(5):
                (found,) = await client.list()
                assert found[0] == PurePosixPath("file")


@pytest.mark.parametrize("vsftpd", ["plain"], indirect=True)
async def test_a_server_without_tls_refuses_the_upgrade(vsftpd: FtpServer) -> None:
    client = Client()
    await client.connect(vsftpd.host, vsftpd.port)
    with pytest.raises(StatusCodeError) as caught:
        await client.upgrade_to_tls()
    assert caught.value.received_codes[0].matches("5xx")
    # Nothing has changed: who wants to go on in clear may do so.
    await client.login(vsftpd.user, vsftpd.password)
    await client.quit()


@pytest.mark.parametrize("vsftpd", ["plain"], indirect=True)
async def test_tls_on_a_port_without_it_is_an_error_of_tls(vsftpd: FtpServer) -> None:
    with pytest.raises(FTPTLSError):
        await Client(ssl=True).connect(vsftpd.host, vsftpd.port)


# -- directories -------------------------------------------------------------------------------------------------------


@once_each
async def test_directories_are_made_entered_and_removed(ftp_server: FtpServer) -> None:
    async with logged_in(ftp_server) as client:
        await client.make_directory("one/two/three")
        await client.make_directory("one/two/three")
        assert (ftp_server.root / "one/two/three").is_dir()
        await client.change_directory("one/two")
        assert await client.get_current_directory() == PurePosixPath("/one/two")
        await client.make_directory("four", parents=False)
        await client.change_directory()
        assert await client.get_current_directory() == PurePosixPath("/one")
        await client.change_directory("/")
        await client.remove_directory("one/two/four")
        with pytest.raises(StatusCodeError) as caught:
            await client.remove_directory("one")
        assert caught.value.received_codes == ("550",)
        with pytest.raises(StatusCodeError):
            await client.change_directory("missing")
        await client.remove("one")

    assert list(ftp_server.root.iterdir()) == []


async def test_a_listing_says_what_is_there(ftp_server: FtpServer) -> None:
    put(ftp_server, "file", octets(12_345))
    put(ftp_server, "empty", b"")
    put_directory(ftp_server, "directory")
    put(ftp_server, "directory/inner", b"x")
    (ftp_server.root / "link").symlink_to("file")
    async with logged_in(ftp_server) as client:
        for raw_command in (None, "MLSD", "LIST"):
            if raw_command == "MLSD" and "MLST" not in ftp_server.features:
                with pytest.raises(StatusCodeError):
                    await client.list(raw_command=raw_command)
                continue
            found = {str(path): info for path, info in await client.list("/", raw_command=raw_command)}
            deep = [str(path) async for path, _ in client.list("", recursive=True, raw_command=raw_command)]

            assert set(found) == {"/file", "/empty", "/directory", "/link"}
            assert found["/file"]["type"] == "file"
            assert found["/file"]["size"] == "12345"
            assert found["/empty"]["size"] == "0"
            assert found["/directory"]["type"] == "dir"
            assert len(found["/file"]["modify"]) >= 14
            assert set(deep) == {"file", "empty", "directory", "link", "directory/inner"}


@once_each
async def test_a_long_listing_is_complete(ftp_server: FtpServer) -> None:
    names = {f"entry {number:04} {'x' * 40}" for number in range(1500)}
    put_many(ftp_server, "many", names)
    async with logged_in(ftp_server) as client:
        assert {path.name for path, _ in await client.list("many")} == names
        assert {path.name async for path, _ in client.list("many")} == names


@once_each
async def test_a_listing_that_is_left_half_way_leaves_the_connection_in_step(ftp_server: FtpServer) -> None:
    put_many(ftp_server, "many", [f"entry {number:04} {'x' * 200}" for number in range(1000)])
    async with logged_in(ftp_server) as client:
        for _ in range(3):
            async for path, _info in client.list("many"):
                assert path.parent == PurePosixPath("many")
                break
            assert await client.get_current_directory() == PurePosixPath("/")
        assert len(await client.list("many")) == 1000


@once_each
async def test_stat_and_its_kin(ftp_server: FtpServer) -> None:
    put(ftp_server, "file", octets(777))
    put_directory(ftp_server, "directory")
    put(ftp_server, "directory/inner", b"abc")
    async with logged_in(ftp_server) as client:
        assert (await client.stat("file"))["size"] == "777"
        assert (await client.stat("/directory/inner"))["size"] == "3"
        assert (await client.stat("directory"))["type"] == "dir"
        assert await client.is_file("file")
        assert not await client.is_dir("file")
        assert await client.is_dir("directory")
        assert await client.is_dir("/")
        assert await client.exists("directory/inner")
        with pytest.raises(StatusCodeError):
            await client.list("missing")
        for missing in ("missing", "directory/missing", "missing/missing", "/missing"):
            assert not await client.exists(missing)
            with pytest.raises(StatusCodeError) as caught:
                await client.stat(missing)
            assert caught.value.received_codes == ("550",)
            assert not caught.value.retryable


@once_each
async def test_rename_and_remove(ftp_server: FtpServer) -> None:
    put(ftp_server, "one", b"1")
    put_directory(ftp_server, "directory")
    async with logged_in(ftp_server) as client:
        await client.rename("one", "directory/two")
        await client.rename("directory", "folder")
        assert (ftp_server.root / "folder/two").read_bytes() == b"1"
        with pytest.raises(StatusCodeError):
            await client.rename("missing", "three")
        await client.remove_file("folder/two")
        with pytest.raises(StatusCodeError):
            await client.remove_file("folder/two")
        await client.remove("missing")
        await client.remove("folder")

    assert list(ftp_server.root.iterdir()) == []


@once_each
async def test_a_tree_is_removed_and_its_links_not_followed(ftp_server: FtpServer) -> None:
    put(ftp_server, "kept", b"kept")
    put_directory(ftp_server, "kept directory")
    put(ftp_server, "kept directory/inner", b"kept")
    async with logged_in(ftp_server) as client:
        await client.make_directory("tree/a/b/c")
        await client.make_directory("tree/a/d")
    put_directory(ftp_server, "tree/links")
    (ftp_server.root / "tree/links/file").symlink_to("../../kept")
    (ftp_server.root / "tree/links/directory").symlink_to("../../kept directory")
    put(ftp_server, "tree/a/file", b"x")
    async with logged_in(ftp_server) as client:
        await client.remove("tree")

    assert sorted(path.name for path in ftp_server.root.rglob("*")) == ["inner", "kept", "kept directory"]

"""Coming back by itself: when a client connects again, where to, and what it never does twice."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.ftp.support import HELLO, Signal, answer, connected, logged_in, said
from tests.peers import CLOSE, MiniFTP, ScriptedPeer, Step, close, expect_eof, send
from transfer import ftp

LOGIN = (HELLO, *answer(b"USER anonymous", b"331 go on"), *answer(b"PASS anon@", b"230 welcome"))
GOODBYE = (*answer(b"QUIT", b"221 bye"), expect_eof())


# -- when --------------------------------------------------------------------------------------------------------------


async def test_a_client_comes_back_by_itself_to_where_it_was(ftp_server: MiniFTP) -> None:
    ftp_server.files["/deep/file"] = b"abc"
    ftp_server.directories.add("/deep")
    async with await logged_in(ftp_server, reconnect=True) as client:
        await client.change_directory("deep")
        ftp_server.replies["NOOP"] = "421 idle for too long"
        with pytest.raises(ftp.StatusCodeError, match="421"):
            await client.command("NOOP", "2xx")
        assert not client.is_connected
        assert [path.name for path, _ in await client.list()] == ["file"]
    assert len(said(ftp_server, "USER")) == 2
    assert said(ftp_server, "CWD") == ["CWD deep"] * 2


async def test_it_does_not_unless_told_to(ftp_server: MiniFTP) -> None:
    ftp_server.replies["NOOP"] = [CLOSE]
    async with await logged_in(ftp_server) as client:
        with pytest.raises(ftp.FTPDisconnected):
            await client.command("NOOP", "2xx")
        with pytest.raises(ftp.FTPDisconnected):
            await client.list()
    assert len(said(ftp_server, "USER")) == 1


async def test_after_close_it_stays_away(ftp_server: MiniFTP) -> None:
    client = await logged_in(ftp_server, reconnect=True)
    client.close()
    with pytest.raises(ftp.FTPDisconnected):
        await client.list()
    assert len(said(ftp_server, "USER")) == 1


@pytest.mark.parametrize("words", [(), (send(b"421 idle for too long\r\n"),)], ids=["in silence", "with a 421"])
async def test_what_happened_while_nobody_looked_is_no_failure(words: tuple[Step, ...]) -> None:
    """The 421 of a server that has waited for long enough comes unasked: it answers no command (RFC 959 §5.4)."""
    gone = Signal()
    peer = ScriptedPeer()
    peer.script(*LOGIN, *answer(b"CWD /deep", b"250 there"), *words, close(), gone.given)
    peer.script(*LOGIN, *answer(b"CWD /deep", b"250 there"), *answer(b"NOOP", b"200 ok"), *GOODBYE)
    with peer:
        async with await connected(peer, reconnect=True) as client:
            await client.login()
            await client.change_directory("/deep")
            await gone.wait()
            await client.command("NOOP", "200")


async def test_without_being_told_to_the_421_is_what_is_raised(peer: ScriptedPeer) -> None:
    gone = Signal()
    peer.script(*LOGIN, send(b"421 idle for too long\r\n"), close(), gone.given)
    client = await connected(peer)
    await client.login()
    await gone.wait()
    with pytest.raises(ftp.FTPException, match="421"):
        await client.command("NOOP", "200")
    assert not client.is_connected


async def test_after_quit_it_stays_away(ftp_server: MiniFTP) -> None:
    client = await logged_in(ftp_server, reconnect=True)
    await client.quit()
    with pytest.raises(ftp.FTPDisconnected):
        await client.list()
    assert len(said(ftp_server, "USER")) == 1


# -- where to ----------------------------------------------------------------------------------------------------------


async def test_it_comes_back_into_tls_and_to_the_same_protection(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(tls=server_tls_context) as server:
        async with await connected(server, reconnect=True) as client:
            await client.upgrade_to_tls(client_tls_context)
            await client.login("anna", "secret")
            await client.set_data_protection(False)
            server.replies["NOOP"] = [CLOSE]
            with pytest.raises(ftp.FTPDisconnected):
                await client.command("NOOP", "200")
            before = len(server.commands)
            await client.list()
        assert server.commands[before : before + 6] == [
            "AUTH TLS",
            "PBSZ 0",
            "PROT P",
            "USER anna",
            "PASS secret",
            "PROT C",
        ]
        assert server.protected == [False]


async def test_a_server_that_has_no_tls_any_more_is_not_told_the_password(
    server_tls_context: ssl.SSLContext, client_tls_context: ssl.SSLContext
) -> None:
    with MiniFTP(tls=server_tls_context) as server:
        client = await connected(server, reconnect=True)
        await client.upgrade_to_tls(client_tls_context)
        await client.login("anna", "secret")
        server.replies["NOOP"], server.replies["AUTH"] = [CLOSE], "504 not any more"
        with pytest.raises(ftp.FTPDisconnected):
            await client.command("NOOP", "200")
        with pytest.raises(ftp.StatusCodeError, match="504"):
            await client.list()
        assert not client.is_connected
        assert said(server, "PASS") == ["PASS secret"]
        assert len(said(server, "AUTH")) == 2
        # The way is known as before, for the time when the server is itself again.
        del server.replies["AUTH"]
        await client.list()
        await client.quit()


async def test_a_directory_that_is_gone_is_an_error_and_not_another_directory(ftp_server: MiniFTP) -> None:
    ftp_server.directories.add("/deep")
    client = await logged_in(ftp_server, reconnect=True)
    await client.change_directory("/deep")
    ftp_server.replies["NOOP"] = [CLOSE]
    with pytest.raises(ftp.FTPDisconnected):
        await client.command("NOOP", "200")
    ftp_server.directories.discard("/deep")
    with pytest.raises(ftp.StatusCodeError, match="550"):
        await client.remove("file")
    assert not client.is_connected
    assert said(ftp_server, "DELE", "RMD", "MLST") == []


# -- what is not done twice --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("DELE", lambda client, local: client.remove_file("/file")),
        ("MKD", lambda client, local: client.make_directory("/new", parents=False)),
        ("RMD", lambda client, local: client.remove_directory("/empty")),
        ("RNTO", lambda client, local: client.rename("/file", "/other")),
        ("STOR DONE", lambda client, local: client.upload(local, "/new", write_into=True)),
        ("APPE DONE", lambda client, local: client.append(local, "/file")),
    ],
    ids=["DELE", "MKD", "RMD", "RNTO", "STOR", "APPE"],
)
async def test_a_command_whose_answer_was_lost_is_not_repeated(
    ftp_server: MiniFTP, tmp_path: Path, verb: str, what: Callable[[ftp.Client, Path], Awaitable[object]]
) -> None:
    """Coming back is for the next command: whether this one was carried out, only its caller can find out."""
    local = tmp_path / "local"
    local.write_bytes(b"abc")
    ftp_server.files["/file"] = b"x"
    ftp_server.directories.add("/empty")
    ftp_server.replies[verb] = [CLOSE]
    async with await logged_in(ftp_server, reconnect=True) as client:
        with pytest.raises(ftp.FTPDisconnected):
            await what(client, local)
        assert not client.is_connected
        await client.command("NOOP", "200")
    assert len(said(ftp_server, verb.partition(" ")[0])) == 1
    assert len(said(ftp_server, "USER")) == 2


async def test_the_second_half_of_a_rename_goes_to_no_other_connection(ftp_server: MiniFTP) -> None:
    ftp_server.files["/file"] = b"x"
    ftp_server.replies["RNFR"] = ["421 too late", "350 go on"]
    async with await logged_in(ftp_server, reconnect=True) as client:
        with pytest.raises(ftp.StatusCodeError, match="421"):
            await client.rename("/file", "/other")
        await client.command("NOOP", "200")
    assert said(ftp_server, "RNFR", "RNTO") == ["RNFR /file"]


async def test_a_marker_goes_to_no_other_connection(ftp_server: MiniFTP) -> None:
    """REST that was lost with its connection is not what the next transfer begins with."""
    ftp_server.files["/file"] = b"abcdef"
    async with await logged_in(ftp_server, reconnect=True) as client:
        ftp_server.replies["REST"] = ["421 too late"]
        with pytest.raises(ftp.StatusCodeError, match="421"):
            await client.get_stream("RETR /file", "1xx", offset=3)
        async with client.download_stream("/file") as stream:
            assert await stream.read() == b"abcdef"
    assert said(ftp_server, "REST") == ["REST 3"]

"""Servers that bear fewer connections than a pool may have: what they say, and what becomes of those who wait."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.ftp.pool.servers import CrowdedFTP, below, pool_for, read, tree
from tests.peers import CLOSE, MiniFTP
from transfer import ftp

REFUSALS = [
    ("GREETING", "421 Too many users, try again later"),
    ("GREETING", "421 There are 2 of you already"),
    ("USER", "421 Too many connections"),
    ("USER", "530 Sorry, the maximum number of clients (2) for this user are already connected."),
    ("PASS", "421 I can't handle more than 2 of you"),
    ("PASS", "530 Too many connections from this address"),
]
FILES = tree(12)


@pytest.mark.parametrize(("verb", "reply"), REFUSALS)
async def test_everything_goes_over_the_connections_that_the_server_bears(
    tmp_path: Path, verb: str, reply: str
) -> None:
    with CrowdedFTP(2, verb, reply, files=FILES) as server:
        async with pool_for(server, 5) as pool:
            await pool.download("/tree", tmp_path)
            assert read(tmp_path / "tree") == below(FILES, "/tree")
            asked, refused = server.accepted, server.refused
            await pool.upload(tmp_path / "tree", "/copy", write_into=True)
            # A server that has said so is not asked for more a minute long; one that went may come back.
            assert server.refused == refused
            assert server.accepted == asked
        assert below(server.files, "/copy") == below(FILES, "/tree")
        assert 1 <= refused <= 4


@pytest.mark.parametrize(("verb", "reply"), REFUSALS)
async def test_whoever_is_refused_gets_the_connection_that_comes_back(verb: str, reply: str) -> None:
    with CrowdedFTP(1, verb, reply) as server:
        async with pool_for(server, 2) as pool, anyio.create_task_group() as group:
            waited: list[ftp.Client] = []

            async def use() -> None:
                async with pool.client() as client:
                    waited.append(client)

            async with pool.client() as first:
                group.start_soon(use)
                with anyio.fail_after(5):
                    while not server.refused:  # noqa: ASYNC110 (it is counted in a thread)
                        await anyio.sleep(0.001)
                await anyio.lowlevel.checkpoint()
                assert waited == []
                await first.command("NOOP", "200")
        assert waited == [first]


@pytest.mark.parametrize(("verb", "reply"), REFUSALS)
async def test_a_server_that_bears_none_is_an_error_by_itself(verb: str, reply: str, tmp_path: Path) -> None:
    with CrowdedFTP(0, verb, reply, files=FILES) as server:
        async with pool_for(server, 3) as pool:
            with pytest.raises(ftp.FTPException) as caught:
                await pool.download("/tree", tmp_path)
            assert caught.value.retryable
            assert reply[:3] in str(caught.value)
            async with anyio.create_task_group() as group:
                failures: list[ftp.FTPException] = []

                async def use() -> None:
                    try:
                        async with pool.client():
                            pytest.fail("it was lent")
                    except ftp.FTPException as exc:
                        failures.append(exc)

                for _ in range(5):
                    group.start_soon(use)
        assert len(failures) == 5
        assert server.refused == server.accepted


@pytest.mark.parametrize(
    ("verb", "reply"),
    [
        ("PASS", "530 Login incorrect"),
        ("PASS", "530 Too many failed attempts"),
        ("USER", "550 no"),
        ("GREETING", "500 no"),
        ("GREETING", CLOSE),
        ("PASS", CLOSE),
    ],
)
async def test_any_other_refusal_is_not_waited_for(verb: str, reply: str) -> None:
    with MiniFTP() as server:
        async with pool_for(server, 2) as pool, pool.client():
            server.replies[verb] = reply
            with anyio.fail_after(5), pytest.raises(ftp.FTPException):
                async with pool.client():
                    pytest.fail("it was lent")
        assert server.accepted == 2


async def test_a_server_that_is_not_there_is_an_error_by_itself(tmp_path: Path) -> None:
    with MiniFTP() as server:
        pass
    async with pool_for(server) as pool:
        with pytest.raises(ftp.FTPConnectError):
            await pool.download("/tree", tmp_path)


async def test_a_421_in_the_middle_of_a_transfer_is_an_error_and_no_crowd(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        async with pool_for(server, 1) as pool:
            server.replies["RETR"] = ["421 going down"]
            with pytest.raises(ftp.FTPException, match="421"):
                await pool.download("/tree", tmp_path / "a")
            await pool.download("/tree", tmp_path / "b", write_into=True)
        assert server.accepted == 2
    assert read(tmp_path / "b") == below(FILES, "/tree")

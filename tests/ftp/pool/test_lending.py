"""Connections that a pool lends: made when needed, kept, replaced when lost, given up when idle or in the end."""

from __future__ import annotations

import contextlib
import io

import anyio
import pytest

from tests.ftp.pool.servers import pool_for
from tests.ftp.support import HELLO, LONG, Signal, answer, impatient
from tests.peers import CLOSE, HANG, MiniFTP, ScriptedPeer, Step, close, expect_eof, send
from transfer import ftp

LOGIN = (HELLO, *answer(b"USER anonymous", b"331 go on"), *answer(b"PASS anon@", b"230 welcome"))
GOODBYE = (*answer(b"QUIT", b"221 bye"), expect_eof())


async def noop(client: ftp.Client) -> None:
    await client.command("NOOP", "200")


async def use_and_fail(pool: ftp.ClientPool) -> None:
    async with pool.client() as client:
        await noop(client)
        raise KeyError("mine")


async def until_sent(server: MiniFTP, line: str) -> None:
    with anyio.fail_after(LONG):
        while line not in server.commands:  # noqa: ASYNC110 (it is noted in a thread, which no event of the loop knows)
            await anyio.sleep(0.001)


# -- made and kept ---------------------------------------------------------------------------------------------------


async def test_nothing_is_connected_before_it_is_needed(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server):
        pass
    assert ftp_server.accepted == 0


async def test_one_after_the_other_gets_the_same_connection(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server) as pool:
        async with pool.client() as first:
            await noop(first)
        async with pool.client() as second:
            await noop(second)
    assert first is second
    assert (ftp_server.accepted, ftp_server.commands.count("QUIT")) == (1, 1)


async def test_there_are_no_more_connections_than_the_size_says(ftp_server: MiniFTP) -> None:
    inside = most = 0
    both = anyio.Event()

    async def use(pool: ftp.ClientPool) -> None:
        nonlocal inside, most
        async with pool.client() as client:
            inside += 1
            most = max(most, inside)
            if inside == 2:
                both.set()
            await both.wait()  # or the first would have served all ten before the second is logged in
            await noop(client)
            inside -= 1

    with anyio.fail_after(LONG):
        async with pool_for(ftp_server, 2) as pool, anyio.create_task_group() as group:
            assert pool.size == 2
            for _ in range(10):
                group.start_soon(use, pool)
    assert most == 2
    assert ftp_server.accepted == 2
    assert ftp_server.commands.count("NOOP") == 10


async def test_a_client_comes_in_the_directory_that_the_one_before_has_left_it_in() -> None:
    with MiniFTP(files={"/pub/file": b"x"}) as server:
        async with pool_for(server, 1) as pool:
            async with pool.client() as client:
                await client.change_directory("/pub")
            async with pool.client() as client:
                assert str(await client.get_current_directory()) == "/pub"


async def test_clients_are_of_the_class_that_was_asked_for(ftp_server: MiniFTP) -> None:
    class Own(ftp.Client):
        pass

    async with pool_for(ftp_server, client_class=Own) as pool, pool.client() as client:
        assert type(client) is Own


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None])
def test_a_size_that_is_none_shows_at_once(size: int) -> None:
    with pytest.raises((ValueError, TypeError)):
        ftp.ClientPool("localhost", size=size)


def test_an_argument_that_clients_do_not_have_shows_at_once() -> None:
    with pytest.raises(TypeError, match="colour"):
        ftp.ClientPool("localhost", colour="red")


# -- lost ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(), (send(b"421 idle for too long\r\n"),)], ids=["in silence", "with a 421"])
async def test_one_that_the_server_closed_while_it_was_idle_is_replaced(words: tuple[Step, ...]) -> None:
    gone = Signal()
    peer = ScriptedPeer()
    peer.script(*LOGIN, *answer(b"NOOP", b"200 ok"), *words, close(), gone.given)
    peer.script(*LOGIN, *answer(b"NOOP", b"200 ok"), *GOODBYE)
    with peer:
        async with ftp.ClientPool(peer.host, peer.port) as pool:
            async with pool.client() as first:
                await noop(first)
                await gone.wait()  # it is not asked for by NOOP or the like, which would fail in this script
            async with pool.client() as second:
                await noop(second)
    assert first is not second


async def test_one_that_is_lost_in_use_is_an_error_and_the_next_is_another(ftp_server: MiniFTP) -> None:
    ftp_server.replies["NOOP"] = [CLOSE]
    async with pool_for(ftp_server, 1) as pool:
        with pytest.raises(ftp.FTPDisconnected):
            async with pool.client() as client:
                await noop(client)
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2


@pytest.mark.parametrize("how", ["quit", "close"])
async def test_one_that_was_closed_by_its_user_is_replaced(ftp_server: MiniFTP, how: str) -> None:
    async with pool_for(ftp_server, 1) as pool:
        async with pool.client() as client:
            if how == "quit":
                await client.quit()
            else:
                client.close()
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2


async def test_one_that_comes_back_in_the_middle_of_a_transfer_is_replaced() -> None:
    with MiniFTP(files={"/file": b"x" * 5_000_000}) as server:
        async with pool_for(server, 1) as pool:
            async with pool.client() as client:
                stream = await client.download_stream("/file")
                assert await stream.read(10) == b"x" * 10
            async with pool.client() as client:
                await noop(client)
            stream.close()
        assert server.accepted == 2


async def test_an_error_of_the_user_leaves_a_working_connection_to_the_next(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server, 1) as pool:
        with pytest.raises(KeyError, match="mine"):
            await use_and_fail(pool)
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 1


async def test_one_that_nobody_needs_any_more_is_parted_with(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server, 1, idle_seconds=0.01) as pool:
        async with pool.client() as client:
            await noop(client)
        await until_sent(ftp_server, "QUIT")
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2


# -- cancelled -------------------------------------------------------------------------------------------------------


async def test_one_whose_user_was_cancelled_in_the_middle_of_a_command_is_replaced(ftp_server: MiniFTP) -> None:
    ftp_server.replies["NOOP"] = [HANG]
    async with pool_for(ftp_server, 1) as pool:
        async with anyio.create_task_group() as group:

            async def use() -> None:
                async with pool.client() as client:
                    await noop(client)

            group.start_soon(use)
            await until_sent(ftp_server, "NOOP")
            group.cancel_scope.cancel()
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2


async def test_whoever_waits_in_vain_takes_nothing_along(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server, 1) as pool:
        async with pool.client() as client:
            with anyio.move_on_after(0.01) as scope:
                async with pool.client():
                    pytest.fail("there is only one")
            assert scope.cancelled_caught
            await noop(client)
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 1


async def test_a_connection_attempt_that_is_cancelled_leaves_its_place_to_others(ftp_server: MiniFTP) -> None:
    ftp_server.replies["PASS"] = [HANG]
    async with pool_for(ftp_server, 1) as pool:
        async with anyio.create_task_group() as group:

            async def use() -> None:
                async with pool.client():
                    pytest.fail("the server did not let it in")

            group.start_soon(use)
            await until_sent(ftp_server, "PASS anon@")
            group.cancel_scope.cancel()
        async with pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2


# -- the end ---------------------------------------------------------------------------------------------------------


async def test_outside_of_its_block_a_pool_lends_nothing(ftp_server: MiniFTP) -> None:
    pool = pool_for(ftp_server)
    for _ in range(2):
        with pytest.raises(ftp.InvalidCommand, match="async with"):
            async with pool.client():
                pytest.fail("it was lent")
        async with pool, pool.client() as client:
            await noop(client)
    assert ftp_server.accepted == 2  # one for each block: a pool may be used again


async def test_a_pool_is_not_entered_twice(ftp_server: MiniFTP) -> None:
    async with pool_for(ftp_server) as pool:
        with pytest.raises(RuntimeError, match="entered already"):
            await pool.__aenter__()
        async with pool.client() as client:
            await noop(client)


async def test_what_is_lent_may_be_used_to_its_end_while_the_pool_is_left(ftp_server: MiniFTP) -> None:
    lent, leaving = anyio.Event(), anyio.Event()
    refused: list[ftp.FTPException] = []

    async def hold(pool: ftp.ClientPool) -> None:
        async with pool.client() as client:
            lent.set()
            await leaving.wait()
            await noop(client)

    async def wait_for_one(pool: ftp.ClientPool) -> None:
        try:
            async with pool.client():
                pytest.fail("it was lent")
        except ftp.FTPDisconnected as exc:
            refused.append(exc)
            leaving.set()

    async with anyio.create_task_group() as group, pool_for(ftp_server, 1) as pool:
        group.start_soon(hold, pool)
        await lent.wait()
        group.start_soon(wait_for_one, pool)
        await anyio.wait_all_tasks_blocked()
    assert [exc.retryable for exc in refused] == [False]
    assert ftp_server.commands[-2:] == ["NOOP", "QUIT"]
    assert ftp_server.accepted == 1


async def test_a_pool_left_by_an_error_closes_without_goodbyes(ftp_server: MiniFTP) -> None:
    async def leave_by_an_error() -> None:
        async with pool_for(ftp_server) as pool:
            async with pool.client() as client:
                await noop(client)
            await use_and_fail(pool)

    with pytest.raises(KeyError, match="mine"):
        await leave_by_an_error()
    await ftp_server.served()
    assert "QUIT" not in ftp_server.commands


async def test_what_is_lent_when_a_pool_is_left_by_an_error_is_closed_when_it_comes_back(ftp_server: MiniFTP) -> None:
    async with contextlib.AsyncExitStack() as lent:

        async def leave_by_an_error() -> ftp.Client:
            async with pool_for(ftp_server) as pool:
                client = await lent.enter_async_context(pool.client())
                clients.append(client)
                raise KeyError("mine")

        clients: list[ftp.Client] = []
        with pytest.raises(KeyError, match="mine"):
            await leave_by_an_error()
        await noop(clients[0])
    assert not clients[0].is_connected


async def test_a_server_that_does_not_answer_the_goodbye_is_left(ftp_server: MiniFTP) -> None:
    ftp_server.replies["QUIT"] = HANG
    async with pool_for(ftp_server, timeouts=impatient("close")) as pool, pool.client() as client:
        await noop(client)
    assert not client.is_connected


# -- from a URL ------------------------------------------------------------------------------------------------------


async def test_a_url_names_the_server_the_login_and_the_directory() -> None:
    with MiniFTP(files={"/pub/deep/file": b"x"}, users={"me": "s3cret"}) as server:
        url = f"ftp://me:s3cret@{server.host}:{server.port}/pub/deep"
        async with ftp.ClientPool.from_url(url, size=2) as pool:
            async with pool.client() as first, pool.client() as second:
                for client in (first, second):
                    assert str(await client.get_current_directory()) == "/pub/deep"
            assert pool.size == 2
            file = io.BytesIO()
            async with pool.client() as client:
                await client.download("file", file)
    assert file.getvalue() == b"x"


@pytest.mark.parametrize("url", ["http://localhost/", "ftp://", "ftp://localhost:x/", "nonsense"])
def test_a_url_that_is_none_shows_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ftp.ClientPool.from_url(url)


async def test_a_url_that_names_a_directory_which_is_not_there_is_an_error_when_it_is_needed(
    ftp_server: MiniFTP,
) -> None:
    async with ftp.ClientPool.from_url(f"ftp://{ftp_server.host}:{ftp_server.port}/nowhere") as pool:
        with pytest.raises(ftp.StatusCodeError) as caught:
            async with pool.client():
                pytest.fail("it was lent")
    assert [str(code) for code in caught.value.received_codes] == ["550"]

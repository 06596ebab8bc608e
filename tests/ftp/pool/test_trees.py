"""Trees by several connections at once: what goes over, how it fails, how it is cancelled."""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.ftp.pool.servers import below, pool_for, read, tree
from tests.ftp.support import LONG, impatient
from tests.peers import CLOSE, HANG, MiniFTP
from tests.peers.mini_ftp_transfers import unix_list
from transfer import Progress, RetryPolicy, ftp

FILES = tree(12)
AT_ONCE = RetryPolicy(attempts=3, wait_initial=0, wait_jitter=0)


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# -- all of it -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 8])
async def test_a_tree_arrives_whole_in_both_directions(tmp_path: Path, size: int) -> None:
    readings: list[Progress] = []
    with MiniFTP(files=FILES) as server:
        server.directories.add("/tree/empty")
        async with pool_for(server, size) as pool:
            await pool.download("/tree", tmp_path, progress=readings.append)
            await pool.upload(tmp_path / "tree", "/copy", write_into=True)
        assert read(tmp_path / "tree") == below(FILES, "/tree")
        assert below(server.files, "/copy") == below(FILES, "/tree")
        assert (tmp_path / "tree" / "empty").is_dir()
        assert "/copy/empty" in server.directories
        assert server.accepted <= size
    assert readings[-1].transferred == sum(map(len, FILES.values()))


async def test_a_single_file_goes_over_as_well(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        async with pool_for(server) as pool:
            await pool.download("/tree/0/0", tmp_path)
            await pool.upload(tmp_path / "0", "/copy/", verify="size")
        assert server.files["/copy/0"] == FILES["/tree/0/0"]
        assert server.accepted == 1


@pytest.mark.parametrize("verb", ["RETR", "STOR"])
async def test_files_go_over_side_by_side(tmp_path: Path, verb: str) -> None:
    meeting = threading.Barrier(3)

    def meet(_: str) -> None:
        meeting.wait(LONG)  # broken, it fails the server and with it the test

    write(tmp_path / "tree", below(FILES, "/tree"))
    with MiniFTP(files=FILES) as server:
        async with pool_for(server, 3) as pool:
            server.replies[verb] = meet
            if verb == "STOR":
                await pool.upload(tmp_path / "tree", "/copy", write_into=True)
            else:
                await pool.download("/tree", tmp_path / "copy", write_into=True)
        copied = below(server.files, "/copy") if verb == "STOR" else read(tmp_path / "copy")
    assert copied == below(FILES, "/tree")


async def test_two_trees_share_the_connections(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        async with pool_for(server, 2) as pool, anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(partial(pool.download, "/tree", tmp_path / name, write_into=True))
        assert server.accepted == 2
    for name in "abc":
        assert read(tmp_path / name) == below(FILES, "/tree")


# -- errors ----------------------------------------------------------------------------------------------------------


async def test_the_first_refusal_is_raised_by_itself_and_the_pool_works_on(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        async with pool_for(server) as pool:
            server.replies["RETR"] = "550 not for you"
            with pytest.raises(ftp.StatusCodeError) as caught:
                await pool.download("/tree", tmp_path)
            assert [str(code) for code in caught.value.received_codes] == ["550"]
            del server.replies["RETR"]
            await pool.download("/tree", tmp_path / "again", write_into=True)
    assert read(tmp_path / "again") == below(FILES, "/tree")
    assert not [name for name in read(tmp_path) if name.endswith(".part")]


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ({"MLSD": "550 no"}, ftp.StatusCodeError),
        ({"MLST": CLOSE}, ftp.FTPDisconnected),
        ({"RETR": CLOSE}, ftp.FTPDisconnected),
        ({"EPSV": CLOSE}, ftp.FTPDisconnected),
        ({"RETR DONE": "426 disk on fire"}, ftp.FTPException),
    ],
)
async def test_what_happens_to_all_connections_is_raised_once(
    tmp_path: Path, replies: dict[str, str], kind: type[Exception]
) -> None:
    with MiniFTP(files=FILES) as server:
        server.replies.update(replies)
        async with pool_for(server) as pool:
            with pytest.raises(kind):
                await pool.download("/tree", tmp_path)


async def test_a_name_that_leads_out_of_the_tree_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    lines = "".join(f"-rw-r--r-- 1 ftp ftp 10 Jan 02  2024 {name}\r\n" for name in ("0", "../evil"))
    with MiniFTP(files=FILES, features=()) as server:
        server.replies.update({"MLST": "502 no", "MLSD": "502 no"})
        server.list_text = lambda names: lines if "0" in names else unix_list(names)
        async with pool_for(server) as pool:
            with pytest.raises(ftp.FTPProtocolError, match="evil"):
                await pool.download("/tree/0", tmp_path / "here", write_into=True)
    assert read(tmp_path) == {}


async def test_what_can_not_be_written_is_raised_by_itself(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        (tmp_path / "tree").write_bytes(b"in the way")
        async with pool_for(server) as pool:
            with pytest.raises(ftp.PathIOError):
                await pool.download("/tree", tmp_path)
            with pytest.raises(ftp.PathIOError):
                await pool.upload(tmp_path / "nothing")


async def test_what_the_progress_callback_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    def refuse(progress: Progress) -> None:
        raise LookupError("no more")

    with MiniFTP(files=FILES) as server:
        async with pool_for(server) as pool:
            with pytest.raises(LookupError, match="no more"):
                await pool.download("/tree", tmp_path, progress=refuse)
            await pool.download("/tree", tmp_path / "again", write_into=True)
    assert read(tmp_path / "again") == below(FILES, "/tree")


async def test_outside_of_its_block_a_pool_moves_nothing(tmp_path: Path) -> None:
    with MiniFTP(files=FILES) as server:
        pool = pool_for(server)
        with pytest.raises(ftp.InvalidCommand):
            await pool.download("/tree", tmp_path)
        assert server.accepted == 0


@pytest.mark.parametrize("options", [{"resume": True, "conn_type": "A"}, {"verify": ""}])
async def test_options_that_exclude_each_other_are_refused_before_anything_is_sent(
    tmp_path: Path, options: ftp.TransferOptions
) -> None:
    with MiniFTP(files=FILES) as server:
        async with pool_for(server) as pool:
            with pytest.raises(ValueError, match=r"."):
                await pool.download("/tree", tmp_path, **options)
        assert server.accepted == 0


# -- again -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "replies",
    [
        {"RETR": ["450 busy", CLOSE]},
        {"MLSD": [CLOSE, "450 busy"]},
        {"RETR DONE": ["426 broken", "451 not so good"]},
        {"PASS": ["530 too many connections", CLOSE]},
        {"GREETING": [CLOSE, CLOSE]},
    ],
)
async def test_with_a_policy_what_fails_in_passing_is_repeated_on_other_connections(
    tmp_path: Path, replies: dict[str, list[str]]
) -> None:
    with MiniFTP(files=FILES) as server:
        server.replies.update(replies)
        async with pool_for(server) as pool:
            await pool.download("/tree", tmp_path, retry=AT_ONCE)
        assert not any(replies.values())  # all of it was said
    assert read(tmp_path / "tree") == below(FILES, "/tree")


async def test_a_policy_gives_up_with_the_last_error(tmp_path: Path) -> None:
    asked: list[str] = []

    def refuse(path: str) -> str:
        asked.append(path)
        return "450 busy"

    with MiniFTP(files={"/tree/file": b"x"}) as server:
        server.replies["RETR"] = refuse
        async with pool_for(server) as pool:
            with pytest.raises(ftp.StatusCodeError, match="450"):
                await pool.download("/tree", tmp_path, retry=AT_ONCE)
    assert len(asked) == 3


# -- cancelled -------------------------------------------------------------------------------------------------------


class Stop:
    """Keeps a server from answering *verb* until it is released, and tells how many have asked."""

    def __init__(self, server: MiniFTP, verb: str, reply: str | None = None) -> None:
        self.asked = 0
        self._released = threading.Event()
        self._reply = reply
        server.replies[verb] = self._answer

    def _answer(self, _: str) -> str | None:
        self.asked += 1
        if self._reply is None:
            self._released.wait(LONG)
        return self._reply

    async def cancel(self, transfer: Coroutine[Any, Any, None], asked: int) -> None:
        """Cancel *transfer* when so many have asked, and let the server go on."""

        async def run() -> None:
            await transfer

        async with anyio.create_task_group() as group:
            group.start_soon(run)
            with anyio.fail_after(LONG):
                while self.asked < asked:  # noqa: ASYNC110 (it is counted in the server's threads)
                    await anyio.sleep(0.001)
            group.cancel_scope.cancel()
            self._released.set()
        assert group.cancel_scope.cancelled_caught


@pytest.mark.parametrize("verb", ["RETR", "STOR", "RETR DONE", "STOR DONE", "EPSV", "PASS"])
async def test_a_cancelled_tree_leaves_a_pool_that_works(tmp_path: Path, verb: str) -> None:
    write(tmp_path / "tree", below(FILES, "/tree"))
    with MiniFTP(files=FILES) as server:
        stop = Stop(server, verb)
        async with pool_for(server) as pool:
            if verb.startswith("STOR"):
                transfer = pool.upload(tmp_path / "tree", "/there", write_into=True)
            else:
                transfer = pool.download("/tree", tmp_path / "there", write_into=True)
            await stop.cancel(transfer, 1 if verb in ("EPSV", "PASS") else 3)
            assert not [name for name in read(tmp_path) if name.endswith(".part")]
            await pool.download("/tree", tmp_path / "again", write_into=True)
    assert read(tmp_path / "again") == below(FILES, "/tree")


@pytest.mark.parametrize("verb", ["RETR", "RETR DONE"])
async def test_connections_that_do_not_answer_a_cancellation_are_closed_and_replaced(tmp_path: Path, verb: str) -> None:
    with MiniFTP(files=FILES) as server:
        stop = Stop(server, verb, HANG)
        async with pool_for(server, timeouts=impatient("close")) as pool:
            await stop.cancel(pool.download("/tree", tmp_path / "there", write_into=True), 3)
            assert server.accepted == 3
            del server.replies[verb]
            await pool.download("/tree", tmp_path / "again", write_into=True)
        assert server.accepted > 3
    assert read(tmp_path / "again") == below(FILES, "/tree")

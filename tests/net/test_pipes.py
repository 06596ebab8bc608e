"""Pipes for splice: few, large enough, empty, and drained before anybody waits."""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.net.support import pair, pattern
from transfer._net.movers import Refused, Splice
from transfer._net.pipes import PIPE_BYTES, Pipe, borrow_pipe

DATA = pattern(200_000)


def unread(pipe: Pipe) -> int:
    """How many bytes are in *pipe*."""
    answer = fcntl.ioctl(pipe.reader, termios.FIONREAD, bytes(4))
    return int.from_bytes(answer, sys.byteorder)


def test_a_pipe_is_empty_and_holds_a_block() -> None:
    with borrow_pipe() as pipe:
        assert pipe is not None
        assert unread(pipe) == 0
        assert 65536 <= pipe.size <= PIPE_BYTES
        assert not os.get_inheritable(pipe.reader)
        assert not os.get_inheritable(pipe.writer)
        with pytest.raises(BlockingIOError):
            os.read(pipe.reader, 1)


def test_there_are_32_at_most_and_each_comes_back() -> None:
    for _ in range(2):
        with contextlib.ExitStack() as stack:
            borrowed = [stack.enter_context(borrow_pipe()) for _ in range(34)]

        assert [pipe is None for pipe in borrowed] == [False] * 32 + [True] * 2


def test_the_first_pipes_are_large_and_all_together_stay_far_below_the_users_limit() -> None:
    with contextlib.ExitStack() as stack:
        sizes = [pipe.size for _ in range(32) if (pipe := stack.enter_context(borrow_pipe())) is not None]

    assert sorted(sizes, reverse=True) == sizes
    assert sum(sizes) <= 14 << 20


def test_a_pipe_comes_back_whatever_happens_and_what_is_in_it_is_nobody_elses() -> None:
    for _ in range(40):
        with pytest.raises(LookupError):
            _leave_something_and_fail()


def _leave_something_and_fail() -> None:
    with borrow_pipe() as pipe:
        assert pipe is not None
        assert unread(pipe) == 0
        os.write(pipe.writer, b"left over")
        raise LookupError


def test_without_descriptors_there_is_no_pipe_and_no_error() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with borrow_pipe() as pipe:
            assert pipe is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


_UNPRIVILEGED = """
import fcntl, os, sys
from transfer._net.pipes import borrow_pipe
user = 10_000 + os.getpid() % 50_000
os.setresuid(user, user, user)
held = []
for kibibytes in map(int, sys.argv[1:]):
    held.append(os.pipe())
    fcntl.fcntl(held[-1][1], fcntl.F_SETPIPE_SZ, kibibytes * 1024)
with borrow_pipe() as pipe:
    print(pipe and pipe.size)
"""
_SOFT_LIMIT = Path("/proc/sys/fs/pipe-user-pages-soft")


@pytest.mark.skipif(
    not _SOFT_LIMIT.exists() or _SOFT_LIMIT.read_text() != "16384\n" or os.geteuid() != 0,
    reason="takes the kernel's usual limit of 64 MiB, and root to become a user whom it binds",
)
@pytest.mark.parametrize(
    ("held", "size"),
    [
        ([], "1048576"),
        ([1024] * 63 + [256], "262144"),
        ([1024] * 63 + [256] * 3 + [64], "65536"),
        ([1024] * 64, "None"),
    ],
    ids=["free", "large-ones-used-up", "nearly-used-up", "used-up"],
)
def test_a_user_whose_pipes_are_used_up_gets_a_smaller_one_and_then_none(held: list[int], size: str) -> None:
    """pipe(7), pipe-user-pages-soft: beyond the limit each new pipe has 8 KiB, and growing one is EPERM."""
    command = [sys.executable, "-c", _UNPRIVILEGED, *map(str, held)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ended.stdout.strip() == size, ended.stderr


async def test_after_every_block_the_pipe_is_empty_although_more_has_come_than_it_holds(tmp_path: Path) -> None:
    """A full pipe is EAGAIN while the socket is readable: who waited for the socket then would spin for ever."""
    with pair() as (stream, peer), borrow_pipe() as pipe, (tmp_path / "data").open("wb", buffering=0) as file:
        assert pipe is not None
        fcntl.fcntl(pipe.writer, fcntl.F_SETPIPE_SZ, 4096)
        step = Splice(stream, file.fileno(), pipe)
        peer.sendall(DATA[:100_000])
        peer.shutdown(socket.SHUT_WR)
        steps = 0
        while count := step():
            assert 0 < count <= 4096
            assert unread(pipe) == 0
            steps += 1

        assert step() == 0
        assert step.moved == 100_000
        assert steps >= 25
    assert (tmp_path / "data").read_bytes() == DATA[:100_000]


async def test_a_file_that_refuses_gets_what_is_in_the_pipe_before_the_short_cut_is_given_up(tmp_path: Path) -> None:
    with pair() as (stream, peer), borrow_pipe() as pipe, (tmp_path / "data").open("ab", buffering=0) as file:
        assert pipe is not None
        step = Splice(stream, file.fileno(), pipe)
        peer.sendall(DATA[:50_000])
        count = step()
        assert count == step.moved > 0
        assert unread(pipe) == 0
        with pytest.raises(Refused):
            step()
        assert (tmp_path / "data").read_bytes() == DATA[:count]

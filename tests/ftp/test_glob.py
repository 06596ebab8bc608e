"""``glob``: patterns of paths, matched on this side."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers import MiniFTP
from transfer import ftp
from transfer.ftp._glob import parse_glob

FILES = ["a.txt", "b.txt", ".hidden", "pub/a.txt", "pub/[x].txt", "pub/deep/a.txt", "pub/deep/er/b.md", "zoo/deep/c"]


@pytest.fixture
async def server() -> AsyncIterator[MiniFTP]:
    with MiniFTP(files={f"/{path}": b"" for path in FILES}) as server:
        yield server


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/*", "/.hidden /a.txt /b.txt /pub /zoo"),
        ("/*.txt", "/a.txt /b.txt"),
        ("/?.txt", "/a.txt /b.txt"),
        ("/[!a]*.txt", "/b.txt"),
        ("/[b-z]*", "/b.txt /pub /zoo"),
        ("/.*", "/.hidden"),
        ("/*/", "/pub /zoo"),
        ("/*/a.txt", "/pub/a.txt"),
        ("/*/deep", "/pub/deep /zoo/deep"),
        ("/*/*/c", "/zoo/deep/c"),
        ("/pub/*", "/pub/[x].txt /pub/a.txt /pub/deep"),
        ("/pub/[[]x].txt", "/pub/[x].txt"),
        ("/pub/a.txt", "/pub/a.txt"),
        ("/pub/deep/", "/pub/deep"),
        ("/**/a.txt", "/a.txt /pub/a.txt /pub/deep/a.txt"),
        ("/**/deep/*", "/pub/deep/a.txt /pub/deep/er /zoo/deep/c"),
        ("/**/deep/**/b.md", "/pub/deep/er/b.md"),
        ("/**/**/b.md", "/pub/deep/er/b.md"),
        ("/pub/**", "/pub/[x].txt /pub/a.txt /pub/deep /pub/deep/a.txt /pub/deep/er /pub/deep/er/b.md"),
        ("/pub/**/", "/pub/deep /pub/deep/er"),
        ("/none/*", ""),
        ("/A*", ""),
        ("/**/none", ""),
        ("/*/..", ""),
        ("pub/./*.txt", "pub/[x].txt pub/a.txt"),
        ("*.txt", "a.txt b.txt"),
    ],
)
async def test_what_matches_is_found(server: MiniFTP, pattern: str, expected: str) -> None:
    server.replies["MLSD"] = ["550 not there"] if "none/" in pattern else ["150 here it comes"] * 20
    async with ftp.Client.context(server.host, server.port) as client:
        found = await client.glob(pattern)
        assert sorted(str(entry.path) for entry in found) == sorted(expected.split())
        if expected:
            assert [entry async for entry in client.glob(pattern)] == found
        await client.command("NOOP", "200")


async def test_only_directories_in_which_something_may_match_are_listed(server: MiniFTP) -> None:
    async with ftp.Client.context(server.host, server.port) as client:
        await client.glob("/p*/*.txt")
    assert [line for line in server.commands if line.startswith("MLSD")] == ["MLSD /", "MLSD /pub"]
    assert not any("*" in line for line in server.commands)


async def test_an_inner_directory_that_cannot_be_read_is_an_error(server: MiniFTP) -> None:
    server.replies["MLSD"] = ["150 ok", "550 secret"]
    async with ftp.Client.context(server.host, server.port) as client:
        with pytest.raises(ftp.StatusCodeError, match="secret"):
            await client.glob("/*/*")
        await client.command("NOOP", "200")


@pytest.mark.parametrize("pattern", ["", "/", ".", "//", "./"])
def test_a_pattern_has_a_name(pattern: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        ftp.Client().glob(pattern)


# -- the matcher alone -----------------------------------------------------------------------------------------------


def matched(pattern: str, path: str, *, is_directory: bool = False) -> bool:
    """Tell whether a listing of all directories comes upon *path*, and wants it."""
    where, route = parse_glob(pattern)
    names, wanted = path.split("/"), False
    if where:
        base = where.split("/")
        if names[: len(base)] != base or len(names) == len(base):
            return False
        names = names[len(base) :]
    state: object = True
    for place, name in enumerate(names, 1):
        last = place == len(names)
        if state is None:
            return False
        wanted, state = route(name, is_directory or not last, state)
    return wanted


def expected_match(pattern: list[str], path: list[str]) -> bool:
    """The same by the words of the documentation, in exponential time."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(path)
        return any(expected_match(pattern[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and PurePosixPath(path[0]).match(pattern[0]) and expected_match(pattern[1:], path[1:])


@given(
    st.lists(st.sampled_from(["**", "a", "b", "*", "a*", "?"]), min_size=1, max_size=6),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6),
)
def test_a_path_is_matched_as_the_documentation_says(pattern: list[str], path: list[str]) -> None:
    assert matched("/".join(pattern), "/".join(path)) is expected_match(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/".join(["**", "a"] * 30) + "/b", "/".join(["a"] * 120)),
        ("/".join(["**"] * 200) + "/b", "/".join(["a"] * 120)),
        ("*a" * 60 + "b", "a" * 250),
        ("*" * 250 + "b", "a" * 250),
        ("**/" + "?*" * 100 + "b", "a" * 250),
    ],
    ids=["directories", "stars", "name", "many", "signs"],
)
def test_matching_takes_time_that_grows_with_the_lengths_alone(pattern: str, path: str) -> None:
    """These make a matcher that tries all ways take years; the run's time limit would end them."""
    assert not matched(pattern, path)
    assert not any(matched(pattern, path + letter) for letter in itertools.islice(path, 3))

"""Patterns of names that a mirror leaves out."""

from __future__ import annotations

import pytest

from transfer.ftp._mirror._exclude import Exclusions


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        (["*.tmp"], "a.tmp", True),
        (["*.tmp"], "deep/er/a.tmp", True),
        (["*.tmp"], "a.tmp.txt", False),
        (["*.tmp"], ".tmp", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[ab].txt"], "b.txt", True),
        (["[!ab].txt"], "b.txt", False),
        (["/build"], "build", True),
        (["/build"], "src/build", False),
        (["docs/*.md"], "docs/a.md", True),
        (["docs/*.md"], "docs/deep/a.md", False),
        (["docs/*.md"], "more/docs/a.md", False),
        (["docs/**/*.md"], "docs/a.md", True),
        (["docs/**/*.md"], "docs/very/deep/a.md", True),
        (["docs/**/*.md"], "docs/very/deep/a.txt", False),
        (["docs/**"], "docs/a", True),
        (["docs/**"], "docs", False),
        (["**/x/**/y"], "a/x/b/x/c/y", True),
        (["**/x/**/y"], "a/b/c/y", False),
        (["**"], "a/b", True),
        (["*", "!*.txt"], "a.txt", False),
        (["*", "!*.txt"], "a.bin", True),
        (["*", "!*.txt", "a.*"], "a.txt", True),
        (["!a", "a"], "a", True),
        (["\\!a"], "!a", True),
        ([], "a", False),
        (["A"], "a", False),
        (["a\nb"], "a\nb", True),
        (["a"], "a\n", False),
    ],
)
def test_the_last_pattern_that_matches_decides(patterns: list[str], path: str, excluded: bool) -> None:
    assert Exclusions.parse(patterns).excludes(path, False) is excluded


def test_a_slash_at_the_end_means_directories_only() -> None:
    exclusions = Exclusions.parse(["cache/"])
    assert exclusions.excludes("a/cache", True)
    assert not exclusions.excludes("a/cache", False)


def test_a_slash_at_the_end_does_not_tie_a_pattern_to_the_top() -> None:
    assert Exclusions.parse(["a/cache/"]).excludes("a/cache", True)
    assert not Exclusions.parse(["a/cache/"]).excludes("b/a/cache", True)


@pytest.mark.parametrize("pattern", ["", "/", "!", "//", "!/"])
def test_a_pattern_without_a_name_is_none(pattern: str) -> None:
    with pytest.raises(ValueError, match="not a pattern"):
        Exclusions.parse([pattern])


def test_one_string_is_not_taken_for_a_pattern_per_letter() -> None:
    with pytest.raises(ValueError, match="not one string"):
        Exclusions.parse("*.tmp")


def test_many_stars_take_no_more_time_than_few() -> None:
    """A matcher that goes back to every star would not come back from this."""
    deep = "/".join(["a"] * 2000)
    assert not Exclusions.parse(["**/a/" * 300 + "b"]).excludes(deep, False)
    assert not Exclusions.parse(["*a" * 100 + "b"]).excludes("a" * 2000, False)

"""What a mirror decides about two trees."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.ftp.mirror.trees import directory, file, rules, snapshot
from transfer import ftp
from transfer.ftp import MirrorAction
from transfer.ftp._mirror._compare import check_deletions, difference, find_done, plan_actions
from transfer.ftp._mirror._snapshot import Kind, Node, Snapshot

LINK = Node(Kind.LINK, target="/etc")
EXCLUDED = Node(Kind.EXCLUDED)
NOTHING = Snapshot({})


def shown(actions: list[MirrorAction]) -> list[str]:
    return [str(action) for action in actions]


# -- two files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "destination", "changes", "answer"),
    [
        (file(1, 0), file(1, 0), {}, ""),
        (file(1, 0), file(2, 0), {}, "size differs"),
        (file(1, 5), file(1, 0), {}, "source is newer"),
        (file(1, 0), file(1, 5), {}, "time differs"),
        (file(1, 0), file(1, 5), {"keeps_times": False}, ""),
        (file(1, 5), file(1, 0), {"keeps_times": False}, "source is newer"),
        (file(1, 0.02), file(1, 0), {}, ""),
        (file(1, 0.1), file(1, 0), {}, "source is newer"),
        (file(1, 0.9), file(1, 0, modify_precision=timedelta(minutes=1)), {}, ""),
        (file(1, 1.1), file(1, 0, modify_precision=timedelta(minutes=1)), {}, "source is newer"),
        (file(1, 5), file(1, 0), {"compare": "size"}, ""),
        (file(1, None), file(1, 0), {}, ""),
        (file(None, 0), file(1, 0), {}, ""),
        (file(None, 5), file(1, 0), {}, "source is newer"),
        (file(None, None), file(1, 0), {}, "size is unknown"),
        (file(None, 0), file(1, 0), {"compare": "size"}, "size is unknown"),
        (file(1, 0, digest="A:1"), file(1, 5, digest="A:1"), {"compare": "hash"}, ""),
        (file(1, 0, digest="A:1"), file(1, 0, digest="A:2"), {"compare": "hash"}, "content differs"),
        (file(1, 0, digest="A:1"), file(1, 0), {"compare": "hash"}, "content is not known to be the same"),
    ],
)
def test_files_differ_by_what_is_compared(
    source: Node, destination: Node, changes: dict[str, object], answer: str
) -> None:
    assert difference(source, destination, rules(**changes)) == answer


# -- what is planned --------------------------------------------------------------------------------------------------


def test_what_is_missing_is_made_and_added_directories_first() -> None:
    source = snapshot({"z": file(3), "a/b/c": file(2000), "empty": directory()})
    assert shown(plan_actions(source, NOTHING, rules())) == [
        "+ ./",
        "+ a/",
        "+ empty/",
        "+ a/b/",
        "+ z (3 B)",
        "+ a/b/c (2.0 KiB)",
    ]


def test_what_is_only_at_the_destination_stays_unless_told() -> None:
    source, destination = snapshot({"a": file()}), snapshot({"a": file(), "b/c": file()})
    assert plan_actions(source, destination, rules()) == []
    assert shown(plan_actions(source, destination, rules(delete=True))) == ["- b/c", "- b/"]


def test_deletions_come_last() -> None:
    actions = plan_actions(snapshot({"new": file(1)}), snapshot({"old": file()}), rules(delete=True))
    assert shown(actions) == ["+ new (1 B)", "- old"]


@pytest.mark.parametrize(
    ("there", "obstacle"),
    [(file(), "a file"), (LINK, "a link"), (Node(Kind.OTHER), "something else")],
)
def test_what_is_in_the_way_stays_unless_told(there: Node, obstacle: str) -> None:
    actions = plan_actions(snapshot({"a/b": file()}), snapshot({"a": there}), rules())
    assert shown(actions) == [f"! a: {obstacle} is in its place"]


def test_what_is_in_the_way_is_deleted_before_anything_else_if_told() -> None:
    source = snapshot({"a/b": file(1), "c": file(1), "link": file(1)})
    destination = snapshot({"a": file(), "c/d/e": file(), "link": LINK})
    assert shown(plan_actions(source, destination, rules(delete=True))) == [
        "- a",
        "+ a/",
        "- c/d/e",
        "- c/d/",
        "- c/",
        "- link",
        "+ c (1 B)",
        "+ link (1 B)",
        "+ a/b (1 B)",
    ]


def test_a_directory_that_holds_what_is_excluded_is_not_cleared_away() -> None:
    source, destination = snapshot({"c": file()}), snapshot({"c/kept": EXCLUDED, "c/d": file()})
    assert shown(plan_actions(source, destination, rules(delete=True))) == ["! c: a directory is in its place"]


def test_a_deletion_leaves_what_is_excluded_and_the_directories_around_it() -> None:
    destination = snapshot({"old/deep/kept": EXCLUDED, "old/deep/x": file(), "old/y/z": file(), "w": EXCLUDED})
    assert shown(plan_actions(snapshot(), destination, rules(delete=True))) == [
        "- old/deep/x",
        "- old/y/z",
        "- old/y/",
    ]


def test_links_and_special_files_are_skipped_with_a_reason() -> None:
    source = snapshot({"link": LINK, "pipe": Node(Kind.OTHER), "dangling": Node(Kind.LINK)})
    assert shown(plan_actions(source, snapshot(), rules())) == [
        "! dangling: a link",
        "! link: a link to /etc",
        "! pipe: neither a file nor a directory",
    ]


@pytest.mark.parametrize("node", [LINK, Node(Kind.OTHER), EXCLUDED])
def test_what_the_source_has_in_any_form_is_not_deleted(node: Node) -> None:
    actions = plan_actions(snapshot({"a": node}), snapshot({"a/b": file()}), rules(delete=True))
    assert not [action for action in actions if action.kind.is_deletion]


def test_nothing_is_deleted_where_the_source_could_not_be_listed() -> None:
    source = snapshot({"a": directory(trouble="550 no"), "b": directory()})
    destination = snapshot({"a/x": file(), "a/y/z": file(), "b/x": file()})
    assert shown(plan_actions(source, destination, rules(delete=True))) == ["! a: 550 no", "- b/x"]


def test_a_directory_that_could_not_be_listed_at_the_destination_stays() -> None:
    destination = snapshot({"a": directory(trouble="550 no")})
    assert plan_actions(snapshot(), destination, rules(delete=True)) == []


def test_a_link_at_the_destination_is_deleted_as_a_link() -> None:
    assert shown(plan_actions(snapshot(), snapshot({"link": LINK}), rules(delete=True))) == ["- link"]


def test_a_name_that_cannot_be_created_is_skipped_with_all_that_is_in_it() -> None:
    def problem(name: str) -> str:
        return "a device on Windows" if name == "NUL" else ""

    source, destination = snapshot({"NUL/a": file(), "b": file()}), snapshot({"b": file()})
    actions = plan_actions(source, destination, rules(delete=True, name_problem=problem))
    assert shown(actions) == ["! NUL: a device on Windows"]


# -- case -------------------------------------------------------------------------------------------------------------


def test_names_that_differ_in_case_are_two_where_the_destination_can_tell_them_apart() -> None:
    source = snapshot({"A": file(1), "a": file(1)})
    assert shown(plan_actions(source, snapshot(), rules())) == ["+ A (1 B)", "+ a (1 B)"]


def test_of_names_that_collide_the_first_goes_over() -> None:
    source = snapshot({"A/x": file(1), "a/y": file(1), "b": file(1), "B": LINK})
    assert shown(plan_actions(source, snapshot(), rules(ignores_case=True))) == [
        "+ A/",
        "! B: a link to /etc",
        "! a: the destination can't tell it from A",
        "+ b (1 B)",
        "+ A/x (1 B)",
    ]


def test_another_case_at_the_destination_is_the_same_file_and_not_deleted() -> None:
    source = snapshot({"A/Stra\u00dfe": file(1), "A/\u00e9": file(1)})
    destination = snapshot({"a/STRASSE": file(1), "a/e\u0301": file(1)})
    assert plan_actions(source, destination, rules(ignores_case=True, delete=True)) == []


# -- the guard --------------------------------------------------------------------------------------------------------


def test_an_empty_source_deletes_nothing() -> None:
    destination = snapshot({"a": file(), "b": file()})
    actions = plan_actions(snapshot(), destination, rules(delete=True))
    with pytest.raises(ftp.MirrorRefused, match=r"delete 2 of 2 .* no more than 50% .* delete_limit=1"):
        check_deletions(actions, destination, 0.5)
    check_deletions(actions, destination, 1)


def test_the_guard_lets_half_of_the_destination_go() -> None:
    destination = snapshot({"a": file(), "b": file(), "c": EXCLUDED})
    actions = plan_actions(snapshot({"a": file()}), destination, rules(delete=True))
    check_deletions(actions, destination, 0.5)
    with pytest.raises(ftp.MirrorRefused):
        check_deletions(actions, destination, 0.49)


# -- what is done already ---------------------------------------------------------------------------------------------


def test_a_plan_that_was_applied_is_done() -> None:
    source = snapshot({"a": file(1), "d/b": file(2), "dir": file(3), "link": file(4)})
    before = snapshot({"a": file(9), "old": file(), "dir/x": file(), "link": LINK})
    actions = plan_actions(source, before, rules(delete=True))
    assert find_done(actions, source, rules(), {}) == [True] * len(actions)


def test_what_is_in_place_of_what_was_in_the_way_is_not_deleted_again() -> None:
    actions = plan_actions(snapshot({"a": file(1)}), snapshot({"a": LINK}), rules(delete=True))
    assert shown(actions) == ["- a", "+ a (1 B)"]
    assert find_done(actions, snapshot({"a": LINK}), rules(), {}) == [False, False]
    assert find_done(actions, snapshot({}), rules(), {}) == [True, False]
    assert find_done(actions, snapshot({"a": file(1)}), rules(), {}) == [True, True]


def test_a_file_that_is_there_in_part_is_not_done() -> None:
    actions = plan_actions(snapshot({"a": file(10), "b": directory()}), snapshot(), rules())
    assert find_done(actions, snapshot({"a": file(4), "b": file()}), rules(), {}) == [False, False]

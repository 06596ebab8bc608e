"""Plans as values: what they count, what they print, and what JSON makes of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ftp.mirror.trees import at
from transfer.ftp import MirrorAction, MirrorActionKind, MirrorPlan

PLAN = MirrorPlan(
    direction="upload",
    local="here",
    remote="/there",
    compare="hash",
    keeps_times=True,
    actions=(
        MirrorAction(MirrorActionKind.MAKE_DIRECTORY, "."),
        MirrorAction(MirrorActionKind.MAKE_DIRECTORY, "a"),
        MirrorAction(MirrorActionKind.SKIP, "link", reason="a link"),
        MirrorAction(
            MirrorActionKind.ADD,
            "a/b",
            size=3_500_000,
            modify=at(0.5),
            modify_precision=timedelta(milliseconds=1),
        ),
        MirrorAction(MirrorActionKind.UPDATE, "c\udcff\x1b[2J", size=5, reason="size differs"),
        MirrorAction(MirrorActionKind.DELETE_FILE, "old/x"),
        MirrorAction(MirrorActionKind.DELETE_DIRECTORY, "old"),
    ),
)


def changed(**fields: object) -> str:
    """Return the plan's JSON with other fields."""
    return json.dumps(json.loads(PLAN.to_json()) | fields)


def with_action(**fields: object) -> str:
    return changed(actions=[{"kind": "add", "path": "a"} | fields])


# -- what it says -----------------------------------------------------------------------------------------------------


def test_a_plan_counts_what_it_does() -> None:
    assert (PLAN.file_count, PLAN.byte_count, PLAN.deletion_count, PLAN.is_empty) == (2, 3_500_005, 2, False)


def test_a_plan_that_only_skips_is_empty() -> None:
    assert attrs.evolve(PLAN, actions=()).is_empty
    assert attrs.evolve(PLAN, actions=PLAN.actions[2:3]).is_empty


def test_a_plan_prints_one_line_per_action_and_nothing_that_moves_a_cursor() -> None:
    assert str(PLAN).splitlines() == [
        "upload here to /there, by hash",
        "  + ./",
        "  + a/",
        "  ! link: a link",
        "  + a/b (3.3 MiB)",
        "  ~ c\\udcff\\x1b[2J (5 B): size differs",
        "  - old/x",
        "  - old/",
        "files: 2 (3.3 MiB), directories: 2, deletions: 2, skipped: 1",
    ]


def test_a_download_prints_the_server_first() -> None:
    plan = attrs.evolve(PLAN, direction="download", local="", actions=())
    assert str(plan).splitlines()[0] == "download /there to ., by hash"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (2**40, "1.0 TiB"), (2**60, "1048576.0 TiB")]
)
def test_sizes_are_printed_in_binary_units(size: int, text: str) -> None:
    assert str(MirrorAction(MirrorActionKind.ADD, "a", size=size)) == f"+ a ({text})"


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_a_plan_survives_json() -> None:
    assert MirrorPlan.from_json(PLAN.to_json()) == PLAN
    assert MirrorPlan.from_json(PLAN.to_json().encode("ascii")) == PLAN


def test_the_form_of_a_saved_plan() -> None:
    """Plans that were saved have to be read by later versions."""
    fields = json.loads(PLAN.to_json())
    assert fields.pop("actions")[3:5] == [
        {
            "kind": "add",
            "path": "a/b",
            "size": 3500000,
            "modify": "2024-01-02T03:04:35+00:00",
            "modify_precision": 0.001,
        },
        {"kind": "update", "path": "c\udcff\x1b[2J", "size": 5, "reason": "size differs"},
    ]
    assert fields == {
        "format": "transfer-mirror-plan",
        "version": 1,
        "direction": "upload",
        "local": "here",
        "remote": "/there",
        "compare": "hash",
        "keeps_times": True,
    }


@pytest.mark.parametrize("path", ["../a", "a/../b", "/etc/passwd", "a//b", "a/", "", "a/.", "..", "a\0b", "a/./b"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="leads out of the tree"):
        MirrorPlan.from_json(with_action(path=path))


@pytest.mark.parametrize("kind", ["add", "update", "delete file", "delete directory"])
def test_the_tree_itself_can_only_be_made(kind: str) -> None:
    with pytest.raises(ValueError, match="leads out of the tree"):
        MirrorPlan.from_json(with_action(kind=kind, path="."))


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("", "Expecting value"),
        ("[]", "format"),
        ("{}", "format"),
        ("[" * 100_000, "nested"),
        (changed(format="else"), "format"),
        (changed(version=2), "version is 2"),
        (changed(direction="sideways"), "direction"),
        (changed(direction=1), "direction"),
        (changed(compare="smell"), "compare"),
        (changed(local=None), "local"),
        (changed(keeps_times=1), "keeps_times"),
        (changed(actions={}), "actions"),
        (changed(actions=["add"]), "an action"),
        (with_action(kind="remove"), "no action"),
        (with_action(path=1), "path"),
        (with_action(size=-1), "size"),
        (with_action(size=True), "size"),
        (with_action(size="1"), "size"),
        (with_action(reason=1), "reason"),
        (with_action(modify="today", modify_precision=1.0), "no time"),
        (with_action(modify="2024-01-02T03:04:05", modify_precision=1.0), "no time that all clocks share"),
        (with_action(modify="2024-01-02T03:04:05+00:00", modify_precision=-1.0), "no time that all clocks share"),
        (with_action(modify="2024-01-02T03:04:05+00:00", modify_precision=1e300), "no time"),
        (with_action(modify="2024-01-02T03:04:05+00:00"), "modify_precision"),
    ],
    ids=lambda value: value[-60:],
)
def test_what_is_no_plan_is_refused(text: str, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        MirrorPlan.from_json(text)


@given(st.data())
def test_any_text_is_a_plan_or_a_value_error(data: st.DataObject) -> None:
    text = PLAN.to_json()
    start = data.draw(st.integers(min_value=0, max_value=len(text)))
    end = data.draw(st.integers(min_value=start, max_value=min(len(text), start + 20)))
    mangled = text[:start] + data.draw(st.text(alphabet='{}[]":,01tfn.-e', max_size=8)) + text[end:]
    try:
        plan: Any = MirrorPlan.from_json(mangled)
    except ValueError:
        return
    assert MirrorPlan.from_json(plan.to_json()) == plan

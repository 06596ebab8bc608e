"""What holds of the plan for any two trees."""

from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from tests.ftp.mirror.trees import Tree, apply, rules, snapshot_of
from transfer.ftp import MirrorActionKind
from transfer.ftp._mirror._compare import find_done, plan_actions

NAMES = st.sampled_from(["a", "b", "c", "A", "\u00e9", "x y"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.tuples(st.text(string.ascii_lowercase, max_size=2).map(str.encode), st.integers(min_value=0, max_value=2))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree in which every path's directories are directories."""
    tree: Tree = {}
    for path, held in draw(st.dictionaries(PATHS, st.none() | CONTENTS, max_size=8)).items():
        parts = path.split("/")
        parents = ["/".join(parts[:end]) for end in range(1, len(parts))]
        if any(tree.get(parent, None) is not None for parent in parents) or path in tree:
            continue
        tree |= dict.fromkeys(parents, None) | {path: held}
    return tree


def same_content_for_same_facts(tree: Tree) -> Tree:
    """Where size and time are equal the content is, as a comparison by them has to assume."""
    return {path: held and (b"x" * len(held[0]), held[1]) for path, held in tree.items()}


@given(trees().map(same_content_for_same_facts), trees().map(same_content_for_same_facts))
def test_a_plan_makes_the_destination_like_the_source_and_then_there_is_nothing_to_do(
    source: Tree, destination: Tree
) -> None:
    everything = rules(delete=True)
    actions = plan_actions(snapshot_of(source), snapshot_of(destination), everything)
    apply(actions, source, destination)
    assert destination == source
    assert plan_actions(snapshot_of(source), snapshot_of(destination), everything) == []


@given(trees(), trees())
def test_without_delete_nothing_vanishes(source: Tree, destination: Tree) -> None:
    before = dict(destination)
    actions = plan_actions(snapshot_of(source), snapshot_of(destination), rules())
    apply(actions, source, destination)
    assert before.keys() <= destination.keys()
    again = plan_actions(snapshot_of(source), snapshot_of(destination), rules())
    assert all(action.kind is MirrorActionKind.SKIP for action in again)


@given(trees().map(same_content_for_same_facts), trees().map(same_content_for_same_facts), st.data())
def test_a_plan_that_stopped_half_way_can_be_applied_again(
    source: Tree, destination: Tree, data: st.DataObject
) -> None:
    everything = rules(delete=True)
    actions = plan_actions(snapshot_of(source), snapshot_of(destination), everything)
    stop = data.draw(st.integers(min_value=0, max_value=len(actions)))
    apply(actions[:stop], source, destination)
    done = find_done(actions, snapshot_of(destination), everything, {})
    apply([action for action, is_done in zip(actions, done, strict=True) if not is_done], source, destination)
    assert destination == source

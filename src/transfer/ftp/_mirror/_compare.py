"""Which files differ, and what has to be done about two trees. Pure code.

How this works: :func:`plan_actions` goes over the source from directory to directory and looks each name up at the
destination. What it decides goes to one of three lists: what has to be out of the way, or there, before files go over;
the files; and what is deleted in the end. An action that fails then costs as little as possible.

Nothing is deleted whose counterpart might be there: where the source has anything under that name, even what is
skipped, where the source's directory could not be listed to its end, and where a pattern leaves something out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import attrs

from transfer.ftp._errors import MirrorRefused
from transfer.ftp._mirror._action import Compare, MirrorAction, MirrorActionKind
from transfer.ftp._mirror._snapshot import ROOT, Kind, Node, Snapshot, name_of

__all__ = ["Rules", "check_deletions", "difference", "find_done", "plan_actions"]

# File systems that count in steps of two seconds are in use on sticks and cards.
_GRANULARITY = timedelta(seconds=2)


@attrs.frozen(kw_only=True)
class Rules:
    """How two trees are compared.

    Attributes:
        compare: what makes two files equal.
        keeps_times: whether a file at the destination has the time of its source.
        delete: whether what is only at the destination goes.
        ignores_case: whether two names that differ in case are the same at the destination.
        name_problem: says why a name can't be created at the destination, or "".
    """

    compare: Compare
    keeps_times: bool
    delete: bool = False
    ignores_case: bool = False
    name_problem: Callable[[str], str] = lambda _: ""


def difference(source: Node, destination: Node, rules: Rules) -> str:
    """Say in what two files differ; "" if they count as equal."""
    sizes_known = source.size is not None and destination.size is not None
    if sizes_known and source.size != destination.size:
        return "size differs"
    if rules.compare == "hash":
        if source.digest is None or destination.digest is None:
            return "content is not known to be the same"
        return "" if source.digest == destination.digest else "content differs"
    if rules.compare == "size" or source.modify is None or destination.modify is None:
        return "" if sizes_known else "size is unknown"
    ahead = source.modify - destination.modify
    if abs(ahead) <= max(source.modify_precision, destination.modify_precision, _GRANULARITY):
        return ""
    if ahead > timedelta(0):
        return "source is newer"
    return "time differs" if rules.keeps_times else ""


def check_deletions(actions: Sequence[MirrorAction], destination: Snapshot, limit: float) -> None:
    """Hold the guard: of what is at the destination, at most the share *limit* may be deleted.

    Raises:
        MirrorRefused: it would be more, as when the source is empty because it is the wrong one.
    """
    deleted = sum(action.kind.is_deletion for action in actions)
    present = sum(path != ROOT and node.kind is not Kind.EXCLUDED for path, node in destination.nodes.items())
    if deleted > present * limit:
        raise MirrorRefused(
            f"the mirror would delete {deleted} of {present} files and directories at the destination, and no more "
            f"than {limit:.0%} may go; nothing was done. If that is what you want, give delete_limit=1."
        )


def plan_actions(source: Snapshot, destination: Snapshot, rules: Rules) -> list[MirrorAction]:
    """Return what makes *destination* like *source*, in order."""
    planner = _Planner(source, destination, rules)
    planner.plan()
    return [*planner.before, *planner.files, *planner.after]


@attrs.define(eq=False)
class _Planner:
    source: Snapshot
    destination: Snapshot
    rules: Rules
    before: list[MirrorAction] = attrs.field(factory=list)
    files: list[MirrorAction] = attrs.field(factory=list)
    after: list[MirrorAction] = attrs.field(factory=list)

    def plan(self) -> None:
        """Fill the lists."""
        waiting: list[tuple[str, str | None]] = []
        if self.destination.exists:
            waiting.append((ROOT, ROOT))
        else:
            self._make(ROOT)
            waiting.append((ROOT, None))
        while waiting:
            waiting.extend(reversed(self._directory(*waiting.pop())))

    def _directory(self, here: str, there: str | None) -> list[tuple[str, str | None]]:
        """Decide about what is in the source's directory *here*, which is the destination's *there* if that exists.

        Returns:
            The directories in it, in the same form.
        """
        present = {} if there is None else {self._key(path): path for path in self.destination.children(there)}
        taken: dict[str, str] = {}
        counterparts: set[str] = set()
        inner: list[tuple[str, str | None]] = []
        for path in self.source.children(here):
            key = self._key(path)
            node = self.source.nodes[path]
            problem = self._problem(path, node, taken.get(key))
            counterparts.add(key)
            if problem:
                self._skip(path, problem)
                continue
            taken[key] = path
            if node.kind is Kind.DIRECTORY:
                inner.extend(self._enter(path, present.get(key)))
            elif node.kind is Kind.FILE:
                self._file(path, node, present.get(key))
        trouble = self.source.nodes[here].trouble
        if trouble:
            self._skip(here, trouble)
        elif self.rules.delete:
            for key, path in present.items():
                if key not in counterparts:
                    self._delete(path, self.after)
        return inner

    def _problem(self, path: str, node: Node, taken: str | None) -> str:
        """Say why *path* can't be mirrored."""
        if node.kind is Kind.LINK:
            return f"a link to {node.target}" if node.target else "a link"
        if node.kind is Kind.OTHER:
            return "neither a file nor a directory"
        if node.kind is Kind.EXCLUDED:
            return ""
        if taken is not None:
            return f"the destination can't tell it from {name_of(taken)}"
        return self.rules.name_problem(name_of(path))

    def _enter(self, path: str, there: str | None) -> list[tuple[str, str | None]]:
        if there is not None and self.destination.nodes[there].kind is Kind.DIRECTORY:
            return [(path, there)]
        if there is not None and not self._clear(path, there):
            return []
        self._make(path)
        return [(path, None)]

    def _file(self, path: str, node: Node, there: str | None) -> None:
        kind, reason = MirrorActionKind.ADD, ""
        if there is not None and self.destination.nodes[there].kind is Kind.FILE:
            kind, reason = MirrorActionKind.UPDATE, difference(node, self.destination.nodes[there], self.rules)
            if not reason:
                return
        elif there is not None and not self._clear(path, there):
            return
        self.files.append(
            MirrorAction(
                kind,
                path,
                size=node.size,
                modify=node.modify,
                modify_precision=node.modify_precision,
                reason=reason,
            )
        )

    def _clear(self, path: str, there: str) -> bool:
        """Delete what is in the way at the destination; if that may not be, skip *path*."""
        what = {Kind.LINK: "a link", Kind.DIRECTORY: "a directory", Kind.FILE: "a file"}
        found = self.destination.nodes[there]
        if not self.rules.delete or any(map(self._is_protected, self.destination.below(there))):
            self._skip(path, found.trouble or f"{what.get(found.kind, 'something else')} is in its place")
            return False
        self._delete(there, self.before)
        return True

    def _delete(self, top: str, actions: list[MirrorAction]) -> None:
        """Delete *top* and what is in it, except for what is protected and the directories around that."""
        kept: set[str] = set()
        for path in self.destination.below(top):
            if path in kept or self._is_protected(path):
                kept.add(path.rpartition("/")[0])
                continue
            is_directory = self.destination.nodes[path].kind is Kind.DIRECTORY
            kind = MirrorActionKind.DELETE_DIRECTORY if is_directory else MirrorActionKind.DELETE_FILE
            actions.append(MirrorAction(kind, path))

    def _is_protected(self, path: str) -> bool:
        node = self.destination.nodes[path]
        return node.kind in {Kind.EXCLUDED, Kind.OTHER} or bool(node.trouble)

    def _make(self, path: str) -> None:
        self.before.append(MirrorAction(MirrorActionKind.MAKE_DIRECTORY, path))

    def _skip(self, path: str, reason: str) -> None:
        self.before.append(MirrorAction(MirrorActionKind.SKIP, path, reason=reason))

    def _key(self, path: str) -> str:
        name = name_of(path)
        return unicodedata.normalize("NFC", name).casefold() if self.rules.ignores_case else name


def find_done(
    actions: Sequence[MirrorAction], destination: Snapshot, rules: Rules, digests: Mapping[str, str]
) -> list[bool]:
    """Tell of each action of a plan whether *destination* shows that it has been done already.

    *digests* are those of files of the source, as far as they matter.
    """
    done = [_is_done(action, destination.nodes.get(action.path), rules, digests.get(action.path)) for action in actions]
    # What was in the way has gone if that which should be in its place is there.
    created = {
        action.path
        for action, is_done in zip(actions, done, strict=True)
        if is_done and (action.kind.is_transfer or action.kind is MirrorActionKind.MAKE_DIRECTORY)
    }
    return [is_done or action.path in created for action, is_done in zip(actions, done, strict=True)]


def _is_done(action: MirrorAction, found: Node | None, rules: Rules, digest: str | None) -> bool:
    if action.kind is MirrorActionKind.SKIP:
        return True
    if action.kind.is_deletion:
        return found is None
    if found is None:
        return False
    if action.kind is MirrorActionKind.MAKE_DIRECTORY:
        return found.kind is Kind.DIRECTORY
    wanted = Node(
        Kind.FILE,
        action.size,
        modify=action.modify,
        modify_precision=action.modify_precision,
        digest=digest,
    )
    return found.kind is Kind.FILE and not difference(wanted, found, rules)

"""Plans as JSON, and back: a plan from elsewhere is checked in everything before any of it is believed. Pure code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from transfer.ftp._errors import FTPProtocolError
from transfer.ftp._mirror._action import MirrorAction, MirrorActionKind, check_compare, check_direction
from transfer.ftp._mirror._snapshot import ROOT
from transfer.ftp._names import check_name

__all__ = ["check_path", "read_plan", "write_plan"]

_FORMAT = "transfer-mirror-plan"
_VERSION = 1
_KINDS = {kind.value: kind for kind in MirrorActionKind}

T = TypeVar("T")


def write_plan(plan: Mapping[str, Any]) -> str:
    """Write the fields of a plan; what an action does not know is left out."""
    actions = [_write_action(action) for action in plan["actions"]]
    return json.dumps({"format": _FORMAT, "version": _VERSION, **plan, "actions": actions}, indent=1)


def _write_action(action: MirrorAction) -> dict[str, object]:
    fields: dict[str, object] = {"kind": action.kind.value, "path": action.path}
    if action.size is not None:
        fields["size"] = action.size
    if action.modify is not None:
        fields["modify"] = action.modify.isoformat()
        fields["modify_precision"] = action.modify_precision.total_seconds()
    if action.reason:
        fields["reason"] = action.reason
    return fields


def read_plan(text: str | bytes) -> dict[str, Any]:
    """Read the fields of a plan.

    Raises:
        ValueError: *text* is no such plan, or of a later version; or a path in it leads out of the tree.
    """
    try:
        fields = json.loads(text)
    except RecursionError as exc:
        raise ValueError("plan of a mirror: it is nested too deeply") from exc
    if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
        raise ValueError(f"plan of a mirror: it is no JSON object with the format {_FORMAT!r}")
    if fields.get("version") != _VERSION:
        raise ValueError(f"plan of a mirror: its version is {fields.get('version')!r}, and not {_VERSION}")
    return {
        "direction": check_direction(_take(fields, "direction", str)),
        "local": _take(fields, "local", str),
        "remote": _take(fields, "remote", str),
        "compare": check_compare(_take(fields, "compare", str)),
        "keeps_times": _take(fields, "keeps_times", bool),
        "actions": tuple(_read_action(action) for action in _take(fields, "actions", list)),
    }


def _read_action(fields: object) -> MirrorAction:
    if not isinstance(fields, dict):
        raise ValueError(f"plan of a mirror: an action is an object, not {fields!r}")
    kind = _KINDS.get(_take(fields, "kind", str))
    if kind is None:
        raise ValueError(f"plan of a mirror: {fields['kind']!r} is no action")
    size = _take(fields, "size", int) if "size" in fields else None
    if size is not None and size < 0:
        raise ValueError(f"plan of a mirror: {size} is no size")
    modify, precision = _read_time(fields) if "modify" in fields else (None, timedelta(0))
    return MirrorAction(
        kind,
        check_path(_take(fields, "path", str), kind),
        size=size,
        modify=modify,
        modify_precision=precision,
        reason=_take(fields, "reason", str) if "reason" in fields else "",
    )


def _read_time(fields: dict[str, Any]) -> tuple[datetime, timedelta]:
    text, seconds = _take(fields, "modify", str), _take(fields, "modify_precision", float)
    try:
        modify, precision = datetime.fromisoformat(text), timedelta(seconds=seconds)
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"plan of a mirror: {text!r}, within {seconds} seconds, is no time") from exc
    if modify.tzinfo is None or precision < timedelta(0):
        raise ValueError(f"plan of a mirror: {text!r}, within {seconds} seconds, is no time that all clocks share")
    return modify, precision


def check_path(path: str, kind: MirrorActionKind) -> str:
    """Return *path* if it leads to somewhere in the tree and nowhere else; the tree itself can only be made.

    Raises:
        ValueError: it does not.
    """
    if path == ROOT and kind in {MirrorActionKind.MAKE_DIRECTORY, MirrorActionKind.SKIP}:
        return path
    try:
        for name in path.split("/"):
            check_name(name, windows=False)
    except FTPProtocolError as exc:
        raise ValueError(f"plan of a mirror: the path {path!r} leads out of the tree") from exc
    return path


def _take(fields: dict[str, Any], name: str, kind: type[T]) -> T:
    value = fields.get(name)
    # JSON's true is no number.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"plan of a mirror: {name} is {value!r}")
    return value

"""How the small servers word their replies, and how a test replaces them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

CLOSE = "<close>"
HANG = "<hang>"
Answer = str | list[str] | Callable[[str], str | None]


def encode_reply(text: str) -> bytes:
    """Turn ``"250 one\\ntwo"`` into ``250-one`` and ``250 two``."""
    code, _, rest = text.partition(" ")
    lines = rest.split("\n")
    marked = [f"{code}-{line}" for line in lines[:-1]] + [f"{code} {lines[-1]}"]
    return "".join(line + "\r\n" for line in marked).encode("utf-8", "surrogateescape")


def choose(replies: Mapping[str, Answer], verb: str, argument: str, default: str) -> str:
    """What the test wants said to *verb*, else *default*."""
    answer = replies.get(verb)
    if callable(answer):
        return answer(argument) or default
    if isinstance(answer, list):
        return answer.pop(0) if answer else default
    return answer or default

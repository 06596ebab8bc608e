"""What happened, line by line, as a table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from rich.console import Console
from rich.table import Table

__all__ = ["Report", "Step"]


@attrs.define
class Step:
    """One line of the table; ``held`` is None until the step's check was made."""

    loop: str
    name: str
    outcome: str = ""
    held: bool | None = None
    seconds: float = 0.0

    def check(self, held: bool, outcome: str) -> None:
        """Note the result of the step's check; one that failed can't be made good by a later one."""
        self.held = held if self.held is None else self.held and held
        self.outcome = outcome if not self.outcome else f"{self.outcome}; {outcome}"


class Report:
    """Collects the steps of every event loop."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: list[Step] = []

    @property
    def all_held(self) -> bool:
        """Whether there was a check in every step and every one held."""
        return bool(self._steps) and all(step.held is True for step in self._steps)

    @contextmanager
    def step(self, loop: str, name: str) -> Iterator[Step]:
        """Time one step; an exception out of it is the step's outcome and ends it."""
        step = Step(loop, name)
        self._steps.append(step)
        started = time.perf_counter()
        try:
            yield step
        except Exception as exc:  # noqa: BLE001  # whatever went wrong belongs into the table
            step.check(False, f"{type(exc).__name__}: {exc}")
        finally:
            step.seconds = time.perf_counter() - started
            mark = "[green]ok[/]" if step.held else "[red]failed[/]"
            self._console.print(f"  {mark} {step.name}", highlight=False)

    def print_table(self) -> None:
        """Print everything."""
        table = Table(title="What happened")
        for column in ("loop", "step", "outcome", "held"):
            table.add_column(column)
        table.add_column("seconds", justify="right")
        for step in self._steps:
            held = "[green]yes[/]" if step.held else "[red]no[/]"
            table.add_row(step.loop, step.name, step.outcome, held, f"{step.seconds:.2f}")
        self._console.print(table)

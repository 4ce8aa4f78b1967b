"""Prints tables and goals on stdout, and progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its upper limit."""

    what: str
    figure: float
    most: float
    unit: str = ""

    @property
    def kept(self) -> bool:
        """Whether the figure is within the limit."""
        return self.figure <= self.most

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        told = f"{self.what:<73}{GAP}{_exactly(self.figure):>6}{unit}"
        return f"{told:<87}{GAP}goal <= {_exactly(self.most)}{unit}{'' if self.kept else '  MISSED'}"


def show(figure: float) -> str:
    """The figure without decimals if it is whole or 100 or more, else with two decimals."""
    return f"{figure:.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.2f}"


def _exactly(figure: float) -> str:
    """The figure with three decimals, so a goal that is just missed doesn't look kept."""
    return f"{figure:.0f}" if figure == int(figure) else f"{figure:.3f}"


def pair(figure: float, beside: float | None) -> str:
    """tsrevel's figure and the baseline's, in one cell."""
    return f"{show(figure)} / {'-' if beside is None else show(beside)}"


def progress(text: str) -> None:
    """Print on stderr what is being measured."""
    print(f"... {text}", file=sys.stderr, flush=True)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a title and a table. The first column is aligned left, figures are aligned right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print(GAP.join(cells).rstrip())
    sys.stdout.flush()


def print_goals(goals: Sequence[Goal]) -> None:
    """Print each goal beside its figure."""
    if goals:
        print()
    for goal in goals:
        print(goal)
    sys.stdout.flush()

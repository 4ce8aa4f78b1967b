"""How figures are printed: tables and goals on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

GAP = "  "


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that may be so much at most."""

    what: str
    figure: float
    most: float
    unit: str = ""

    @property
    def kept(self) -> bool:
        """Whether it was reached."""
        return self.figure <= self.most

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        told = f"{self.what:<73}{GAP}{_exactly(self.figure):>6}{unit}"
        return f"{told:<87}{GAP}goal <= {_exactly(self.most)}{unit}{'' if self.kept else '  MISSED'}"


def show(figure: float) -> str:
    """A figure as a person reads it: whole from a hundred on or where it is whole, else two digits behind the point."""
    return f"{figure:.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.2f}"


def _exactly(figure: float) -> str:
    """With so many digits that a goal that is just missed doesn't look kept."""
    return f"{figure:.0f}" if figure == int(figure) else f"{figure:.3f}"


def pair(figure: float, beside: float | None) -> str:
    """tsrevel's figure and the baseline's."""
    return f"{show(figure)} / {'-' if beside is None else show(beside)}"


def progress(text: str) -> None:
    """Say on stderr what is being measured."""
    print(f"... {text}", file=sys.stderr, flush=True)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A title, and rows of cells below their heads: the first column from the left, figures from the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    print(f"\n{title}\n")
    for row in (head, *rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print(GAP.join(cells).rstrip())
    sys.stdout.flush()


def print_goals(goals: Sequence[Goal]) -> None:
    """Each goal beside its figure."""
    if goals:
        print()
    for goal in goals:
        print(goal)
    sys.stdout.flush()

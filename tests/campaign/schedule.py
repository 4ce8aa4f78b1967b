"""What is played: a scenario, the faults with their points, and how the runs follow each other; as data and as text."""

from __future__ import annotations

from dataclasses import dataclass

from .alphabet import FAULTS
from .scenario import find_scenario

USUAL_GAP = 45 * 60
"""Seconds between two runs: cron's."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`gaps[n]` are the seconds after run n+1, the usual ones where there is none; `modes[n]` how run n+1 is made
    ("live", "thrice": three runs in one process, "dry", "disabled", "elsewhere"); `lost`: the ledger is lost after
    those runs.
    """

    scenario: str
    faults: tuple[tuple[int, str], ...] = ()
    gaps: tuple[int, ...] = ()
    modes: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()

    def gap(self, run: int) -> int:
        """Seconds that pass after the run of that number, counted from 1."""
        return self.gaps[run - 1] if run <= len(self.gaps) else USUAL_GAP

    def mode(self, run: int) -> str:
        """How the run of that number is made."""
        return self.modes[run - 1] if run <= len(self.modes) else "live"

    def __str__(self) -> str:
        options = {"gaps": self.gaps, "modes": self.modes, "lost": self.lost}
        told = [f"{name}={','.join(map(str, values))}" for name, values in options.items() if values]
        return " ".join([self.scenario, *told, *(f"{number}:{name}" for number, name in self.faults)])


def read_schedule(text: str) -> Schedule:
    """The schedule that `text` tells of, as `str` told it. Raises ValueError where it isn't one."""
    scenario, *words = text.split()
    options: dict[str, tuple[str, ...]] = {}
    faults = []
    for word in words:
        name, sign, values = word.partition("=")
        number, _, fault = word.partition(":")
        if sign and name in {"gaps", "modes", "lost"}:
            options[name] = tuple(values.split(","))
        elif number.isdecimal() and fault in FAULTS:
            faults.append((int(number), fault))
        else:
            raise ValueError(f"{word!r} is neither NUMBER:FAULT nor gaps=, modes=, lost=")
    return Schedule(
        find_scenario(scenario).name,
        tuple(faults),
        tuple(map(int, options.get("gaps", ()))),
        options.get("modes", ()),
        tuple(map(int, options.get("lost", ()))),
    )

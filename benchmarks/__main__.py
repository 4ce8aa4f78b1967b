"""Prints each figure beside its goal; 1 where a goal is missed. Linux only: peak memory is read from /proc."""

from __future__ import annotations

import sys

from benchmarks.measure import count_requests, measure_peak, measure_starts
from benchmarks.place import install

VERSION_GOAL = 0.8
IDLE_GOAL = 2.5
MEMORY_GOAL = 80.0
EVENTS = 50
BESIDE_LINES = 10
"""Requests to Revel for an order with a discount and one payment, beside one for each line."""
PAGE = 10
"""Rows on a page of the sandbox: items are read back page by page. Revel itself sends 250 and more."""


def main() -> int:
    """Measure and print everything; the exit status."""
    kept = [*_show_starts(), *_show_requests(), _show_memory()]
    return 0 if all(kept) else 1


def _show_starts() -> tuple[bool, bool]:
    with install() as place:
        starts = measure_starts(place)
    version, idle = starts.version / starts.baseline, starts.idle_sync / starts.baseline
    print(f"cold start of `import typer, pydantic`    {starts.baseline * 1000:6.0f} ms")
    return (
        _show("tsrevel --version", f"{version:.2f} times that", f"<= {VERSION_GOAL}", kept=version <= VERSION_GOAL),
        _show("tsrevel sync, nothing to do", f"{idle:.2f} times that", f"<= {IDLE_GOAL}", kept=idle <= IDLE_GOAL),
    )


def _show_requests() -> list[bool]:
    kept = []
    for lines in (1, 5, 20):
        with install() as place:
            first, second = count_requests(place, lines)
        figures = f"{first.order} to Revel + {first.catalogue} catalogue pages, {first.tripleseat} to TripleSeat"
        goal = lines + BESIDE_LINES + (lines - 1) // PAGE
        kept.append(
            _show(
                f"an event of {lines} line{'' if lines == 1 else 's'}",
                figures,
                f"<= {goal} to Revel",
                kept=first.order <= goal,
            )
        )
        figures = f"{second.order + second.catalogue} to Revel, {second.tripleseat} to TripleSeat"
        nothing = second.order + second.catalogue == 0 and second.tripleseat < first.tripleseat
        kept.append(_show("the same again", figures, "0 to Revel, searches only", kept=nothing))
    return kept


def _show_memory() -> bool:
    with install() as place:
        peak = measure_peak(place, EVENTS)
    return _show(
        f"peak memory, {EVENTS} events injected", f"{peak:.1f} MB", f"< {MEMORY_GOAL:.0f} MB", kept=peak < MEMORY_GOAL
    )


def _show(what: str, figure: str, goal: str, *, kept: bool) -> bool:
    print(f"{what:<40}  {figure:<48}  goal {goal}{'' if kept else '  MISSED'}", flush=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())

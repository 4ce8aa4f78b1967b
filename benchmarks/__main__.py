"""Prints each figure beside its goal. Exit status 1: a goal was missed. Linux only: peak memory is read from /proc."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Collection
from functools import partial

from benchmarks.deliveries import measure_deliveries
from benchmarks.events import measure_requests, measure_wall
from benchmarks.journey import measure_journey
from benchmarks.ledgers import measure_ledgers
from benchmarks.memory import measure_catalogues, measure_memory
from benchmarks.report import Goal, print_goals, progress
from benchmarks.scale import PARTS as SCALE_PARTS
from benchmarks.scale import measure_scale
from benchmarks.starts import measure_starts

EVENTS = (1, 10, 50, 500)
PARTS = ("journey", "cold", "requests", "wall", "memory", "catalogue", "ledger", "serve", "scale")


def main() -> int:
    """Measure and print the requested parts. Returns the exit status."""
    options = _options()
    parts: dict[str, Callable[[], list[Goal]]] = {
        "journey": measure_journey,
        "cold": measure_starts,
        "requests": lambda: measure_requests(options.events),
        "wall": lambda: measure_wall(options.events),
        "memory": measure_memory,
        "catalogue": measure_catalogues,
        "ledger": measure_ledgers,
        "serve": measure_deliveries,
        "scale": lambda: measure_scale(options.scale_divisor, options.scale_parts),
    }
    wanted = [name for name in PARTS if name in options.only and not (name == "wall" and options.no_latency)]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores. {_conditions()}")
    began = time.monotonic()
    goals = []
    for name in wanted:
        goals += _measure(name, parts[name])
    missed = [goal for goal in goals if not goal.kept]
    print(f"\n{len(goals) - len(missed)} of {len(goals)} goals kept.")
    print_goals(missed)
    progress(f"{time.monotonic() - began:.0f} s")
    return 1 if missed else 0


def _measure(name: str, measure: Callable[[], list[Goal]]) -> list[Goal]:
    progress(name)
    goals = measure()
    print_goals(goals)
    return goals


def _conditions() -> str:
    return (
        "Both services are sandboxes on loopback.\n"
        "tsrevel's settings have requests_per_second = 1000, so its pacing isn't measured. Bytes are those of HTTP\n"
        "with heads. Wall, CPU and memory are those of the measured process, from start to end."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", type=_parts, default=PARTS, metavar="PARTS", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--events", type=_counts, default=EVENTS, metavar="N,N", help="how many events (1,10,50,500)")
    parser.add_argument("--scale-divisor", type=int, default=1, metavar="N", help="`scale` by sizes divided by N")
    some = partial(_parts, known=SCALE_PARTS)
    parser.add_argument(
        "--scale-parts", type=some, metavar="PARTS", help=f"of `scale`: some of {','.join(SCALE_PARTS)}"
    )
    parser.add_argument("--no-latency", action="store_true", help="leave out what is measured with latency (`wall`)")
    return parser.parse_args()


def _parts(text: str, known: Collection[str] = PARTS) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(known):
        raise argparse.ArgumentTypeError(f"no part is called {', '.join(sorted(unknown))}")
    return names


def _counts(text: str) -> list[int]:
    named = text.split(",")
    if not all(each.isdecimal() and int(each) for each in named):
        raise argparse.ArgumentTypeError(f"{text}: give whole numbers from 1 on, separated by commas")
    return sorted({int(each) for each in named})


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.campaign`: play schedules, print a table, and for each violation the command that plays it again.

    python -m tests.campaign                          regressions, singles, 400 pairs, 1,000 random schedules
    python -m tests.campaign --quick                  what every test run plays: fewer pairs and random schedules;
                                                      from like states, runs without faults once
    python -m tests.campaign --singles                every fault at every point
    python -m tests.campaign --full                   every pair of them
    python -m tests.campaign --seeds 1-100000         random schedules
    python -m tests.campaign --replay 'single 12:timeout_after 30:kill_before' --trace
    python -m tests.campaign --seeds 1-5000 --workers 4    the same with several threads, never quite the same twice
    python -m tests.campaign --list                   the faults by name

Exit status 1: something was violated, or a fault struck less than 40 times, 12 if --quick. Replays, singles and fewer
than 1,000 seeds needn't meet every fault.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator

from .alphabet import FAULTS
from .choose import from_seed, singles
from .play import play
from .pool import QUICK, THOROUGH, Tally, ordinary, spread, spread_pairs
from .schedule import Schedule, read_schedule


def main(arguments: list[str] | None = None) -> int:
    """Play what the command line asks for; the exit status."""
    asked = _parser().parse_args(arguments)
    if asked.list:
        for fault in FAULTS.values():
            _say(f"{fault.name:20} {fault.text}")
        return 0
    size = QUICK if asked.quick else THOROUGH
    chosen = _choose(asked) or ordinary(size)
    if asked.trace or asked.replay:
        return _play_aloud(chosen, asked.workers, trace=asked.trace)
    began = time.monotonic()
    if asked.full:
        tallies = spread_pairs(asked.jobs, _say)
    else:
        tallies = spread(chosen, asked.jobs, workers=asked.workers, recovers_once=asked.quick)
    tally = _add_up(tallies)
    _say(table(tally, time.monotonic() - began, size.least_hits))
    few = asked.singles or (asked.seeds and len(asked.seeds) < len(THOROUGH.seeds))
    enough = few or not tally.too_rare(size.least_hits)
    return 0 if enough and not tally.failures else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description="the fault campaign")
    parser.add_argument("--quick", action="store_true", help="what every test run plays")
    parser.add_argument("--singles", action="store_true", help="every fault at every point")
    parser.add_argument("--full", action="store_true", help="every pair of faults")
    parser.add_argument("--seeds", type=_range, metavar="A-B", help="random schedules of these seeds")
    parser.add_argument("--replay", action="append", metavar="SCHEDULE", help="this schedule")
    parser.add_argument("--trace", action="store_true", help="tell every point, in one process")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--workers", type=int, default=1, help="establishments at a time (1: deterministic)")
    parser.add_argument("--list", action="store_true", help="name every fault")
    return parser


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _choose(asked: argparse.Namespace) -> Iterable[Schedule]:
    if asked.replay:
        return [read_schedule(text) for text in asked.replay]
    if asked.seeds:
        return (from_seed(seed) for seed in asked.seeds)
    return singles() if asked.singles else ()


def _play_aloud(schedules: Iterable[Schedule], workers: int, *, trace: bool) -> int:
    """One after another, each told as soon as it is over."""
    status = 0
    for schedule in schedules:
        result = play(schedule, workers=workers)
        _say(f"== {schedule}")
        for line in result.trace if trace else [f"violation: {each}" for each in result.violations]:
            _say(line)
        status |= bool(result.violations)
    return status


def _add_up(tallies: Iterable[Tally]) -> Tally:
    total, told = Tally(), time.monotonic()
    for tally in tallies:
        total += tally
        for replay, violations in tally.failures:
            print(f"VIOLATION {violations[0]}\n  {replay}", file=sys.stderr)  # noqa: T201
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"{total.schedules} schedules, {len(total.failures)} violations", file=sys.stderr)  # noqa: T201
    return total


def table(tally: Tally, seconds: float, least_hits: int) -> str:
    """What is printed at the end: violations first, with the commands that play them again."""
    return "\n".join(_rows(tally, seconds, least_hits))


def _rows(tally: Tally, seconds: float, least_hits: int) -> Iterator[str]:
    for replay, violations in sorted(tally.failures):
        yield from (f"VIOLATION {each}" for each in violations)
        yield f"  {replay}"
    yield f"{'schedules':20}{tally.schedules:>12,}"
    yield f"{'runs':20}{tally.runs:>12,}"
    yield f"{'points':20}{tally.points:>12,}"
    yield f"{'seconds':20}{seconds:>12,.1f}"
    yield f"{'violations':20}{len(tally.failures):>12,}"
    for name in FAULTS:
        rare = f"   fewer than {least_hits}" if tally.hits[name] < least_hits else ""
        yield f"  {name:18}{tally.hits[name]:>12,}{rare}"


def _say(text: str) -> None:
    print(text)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())

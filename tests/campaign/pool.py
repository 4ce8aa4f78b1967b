"""Plays many schedules, over several processes if asked to, and adds up what came of them."""

from __future__ import annotations

import functools
import gc
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from .alphabet import FAULTS
from .choose import from_seed, sampled_pairs, singles, taken_over
from .pairs import Bundle, bundle, count_pairs, explore, find_alike
from .play import Result, play
from .schedule import Schedule, read_schedule

Work = TypeVar("Work")
Done = TypeVar("Done")


@dataclass(frozen=True, slots=True)
class Size:
    """How many pairs and which seeds are played beside the regressions, and how many of the singles.

    `every`: 1 for all singles, 2 for every second one. `least_hits`: how often each fault must have struck, or the
    campaign proves too little.
    """

    every: int
    pairs: int
    seeds: range
    least_hits: int


THOROUGH = Size(1, 400, range(1, 1001), 40)
QUICK = Size(2, 100, range(1, 101), 7)
"""What every test run plays."""
REGRESSIONS = Path(__file__).with_name("regressions.txt")


@dataclass(slots=True)
class Tally:
    """What came of some schedules: how many of what, how often each fault struck, and the failures to replay."""

    schedules: int = 0
    runs: int = 0
    points: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one more schedule."""
        self.schedules += 1
        self.runs += result.runs
        self.points += result.points
        self.hits.update(name for _, name in result.fired)
        if result.violations:
            self.failures.append((result.replay, result.violations))

    def __iadd__(self, other: Tally) -> Tally:
        self.schedules += other.schedules
        self.runs += other.runs
        self.points += other.points
        self.hits += other.hits
        self.failures += other.failures
        return self

    def too_rare(self, least: int) -> list[str]:
        """The faults that struck less than `least` times."""
        return [name for name in FAULTS if self.hits[name] < least]


def play_all(schedules: Iterable[Schedule], recovered: set[str] | None = None, workers: int = 1) -> Tally:
    """Play them one after another, in this process; their runs with so many `workers`."""
    tally = Tally()
    with _seldom_collected():
        for schedule in schedules:
            tally.add(play(schedule, recovered=recovered, workers=workers))
    return tally


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """Python's garbage is looked for less often: a tenth of the time otherwise."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def regressions() -> list[Schedule]:
    """The schedules that failed once."""
    lines = REGRESSIONS.read_text(encoding="utf-8").splitlines()
    return [read_schedule(line) for line in lines if line and not line.startswith("#")]


def ordinary(size: Size = THOROUGH) -> Iterator[Schedule]:
    """Regressions, singles, a sample of the pairs, the first seeds."""
    yield from regressions()
    yield from islice(singles(), 0, None, size.every)
    yield from taken_over()
    yield from sampled_pairs(size.pairs)
    yield from (from_seed(seed) for seed in size.seeds)


def spread(
    schedules: Iterable[Schedule], jobs: int, batch: int = 50, workers: int = 1, *, recovers_once: bool = False
) -> Iterator[Tally]:
    """Play them over `jobs` processes; a tally for each batch, as it comes in.

    `recovers_once`: from states that are alike, each process plays the runs without faults once.
    """
    texts = iter([str(each) for each in schedules])
    batches = iter(lambda: list(islice(texts, batch)), [])
    yield from _spread(functools.partial(_play_batch, workers=workers, recovers_once=recovers_once), batches, jobs)


def spread_pairs(jobs: int, tell: Callable[[str], object]) -> Iterator[Tally]:
    """Play all pairs over `jobs` processes; a tally for each bundle of them, as it comes in."""
    branches = list(_spread(explore, [str(each) for each in singles()], jobs))
    bundles = list(bundle(branches, find_alike(branches)))
    played = sum(len(each.seconds) for each in bundles)
    tell(f"{count_pairs(branches):,} pairs, {played:,} of them with a course of their own")
    yield from _spread(_play_bundle, (part for each in bundles for part in _split(each)), jobs)


def _split(whole: Bundle, most: int = 100) -> Iterator[Bundle]:
    for start in range(0, len(whole.seconds), most):
        yield Bundle(whole.first, whole.seconds[start : start + most])


def _spread(play_some: Callable[[Work], Done], work: Iterable[Work], jobs: int) -> Iterator[Done]:
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(play_some, work)
        pool.close()
        pool.join()  # a process that is ended before it ends leaves its folder behind


def _play_batch(texts: list[str], workers: int, *, recovers_once: bool) -> Tally:
    return play_all(map(read_schedule, texts), _recovered() if recovers_once else None, workers)


def _play_bundle(some: Bundle) -> Tally:
    return play_all(some.schedules(), _recovered())


@functools.cache
def _recovered() -> set[str]:
    """The states that this process has seen go well."""
    return set()

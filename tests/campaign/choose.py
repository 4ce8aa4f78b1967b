"""Which schedules there are: every single fault at every point, pairs of them, and random ones by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import product

from .alphabet import AT_WRITES, FAULTS
from .play import play
from .scenario import find_scenario
from .schedule import USUAL_GAP, Schedule

CLEAN = Schedule("single")
SOON = (1, 5, 240)
"""Seconds after which an impatient operator, or a hook, starts the next run."""
NIGHT = 3 * 60 * 60
"""Seconds: longer than an access token lives."""
BAG = (*FAULTS, "twin_made", *(name for name in FAULTS if name in AT_WRITES))
"""What random schedules draw from: what only a write can meet twice, since most points are none."""
POINTS_AN_EVENT = 30
STRIDE = 1009
"""Has no divisor in common with the number of fault pairs: steps of that size come past all of them."""


@cache
def clean_survey(scenario: str = "single") -> tuple[tuple[str, ...], ...]:
    """The faults that fit each point of a schedule of that scenario in which nothing goes wrong."""
    return play(Schedule(scenario), survey=True).survey


def singles() -> Iterator[Schedule]:
    """Every fault at every point where it fits, of a run without any other and of the idle one after it.

    Those of writes also for an order whose items are one: there what is lost is all there is.
    """
    for number, names in enumerate(clean_survey(), 1):
        yield from (Schedule("single", ((number, name),)) for name in names)
    for number, names in enumerate(clean_survey("lone"), 1):
        yield from (Schedule("lone", ((number, name),)) for name in names if name in AT_WRITES)


def taken_over() -> Iterator[Schedule]:
    """Each write of an order gets no answer in time, and another user, who must know of it, runs five seconds later."""
    writes = (number for number, names in enumerate(clean_survey("lone"), 1) if "timeout_late" in names)
    for number in writes:
        yield Schedule("lone", ((number, "timeout_late"), (number + 1, "other_user")), gaps=(5,))


def sampled_pairs(count: int) -> Iterator[Schedule]:
    """`count` pairs, the same each time: all pairs of faults in turn, at points that their number decides."""
    places = {name: [n for n, names in enumerate(clean_survey(), 1) if name in names] for name in FAULTS}
    couples = list(product(FAULTS, repeat=2))
    for n in range(count):
        chance = random.Random(n)
        first, second = couples[n * STRIDE % len(couples)]
        number = chance.choice([each for each in places[first] if each <= POINTS_AN_EVENT])
        yield Schedule("single", ((number, first), (number + chance.randint(1, 20), second)))


def from_seed(seed: int) -> Schedule:
    """The random schedule of that seed, decided by it alone."""
    chance = random.Random(seed)
    scenario = find_scenario(f"drawn-{seed}")
    reach = POINTS_AN_EVENT * len(scenario.stories) + 5
    faults = sorted((chance.randint(1, reach), chance.choice(BAG)) for _ in range(chance.randint(1, 5)))
    lost = (chance.randint(1, 3),) if chance.random() < 0.1 else ()
    gaps = [chance.choices((USUAL_GAP, *SOON, NIGHT), (6, 3, 3, 3, 1))[0] for _ in range(chance.choice((0, 4, 6)))]
    for run in lost:
        gaps[run - 1 : run] = [USUAL_GAP] * len(gaps[run - 1 : run])  # what is under way then has arrived
    modes: tuple[str, ...] = ()
    if chance.random() < 0.12:
        modes = tuple(chance.choice(("live", "dry", "disabled", "elsewhere")) for _ in range(chance.randint(1, 3)))
    elif chance.random() < 0.12:
        modes = ("thrice",) * chance.randint(1, 3)
    return Schedule(scenario.name, tuple(faults), tuple(gaps), modes, lost)

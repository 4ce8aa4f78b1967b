"""All pairs of faults, each once for what can tell it from another.

Plays are deterministic, so that a pair need not be played whose like is:

- two first faults at one point after which every request, every outcome and the state are the same (a 502 and a 503
  on a read) have the same second faults: one of the two is played;
- a second fault that strikes in a later run meets nothing but the state that the first one's run has left: each state
  is played once (`state.fingerprint`);
- of second faults that came to the same at every point of a kind in the clean run, one is played;
- what happens to an event is met by the next request to TripleSeat, what happens to an order by the next one to Revel:
  it is played there, and not at the points between;
- a state from which the runs without faults were once seen to go well needn't be gone on from again.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .play import MOST_FAULTY_RUNS, Player, usual_folder
from .rig import REVEL, TRIPLESEAT, Rig
from .scenario import find_scenario
from .schedule import Schedule, read_schedule
from .state import fingerprint

_POINT = re.compile(r"(?P<point>\d+ (?P<service>\S+) (?P<method>\S+) (?P<path>\S*) \S+) \S+")
_MET_BY = {"pos_touch": REVEL, "order_removed": REVEL}
Alike = dict[str, dict[str, str]]
"""For each kind of point, each fault's representative there."""


@dataclass(frozen=True, slots=True)
class Branch:
    """What a single fault leads to. `end`: the last point of the run it struck in; `left`: the state after that run.

    `course` stands for all that was asked and came out until then; `survey` and `kinds` are of each point to the end.
    """

    first: str
    end: int
    left: str
    course: str
    survey: tuple[tuple[str, ...], ...]
    kinds: tuple[str, ...]

    @property
    def number(self) -> int:
        """The point at which the fault was to strike."""
        return read_schedule(self.first).faults[0][0]

    @property
    def fault(self) -> str:
        """Its name."""
        return read_schedule(self.first).faults[0][1]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Second faults to play with one first."""

    first: str
    seconds: tuple[tuple[int, str], ...]

    def schedules(self) -> Iterator[Schedule]:
        """Each as a schedule of its own."""
        first = read_schedule(self.first)
        for second in self.seconds:
            yield Schedule(first.scenario, (*first.faults, second))


def explore(first: str) -> Branch:
    """Play that single fault to the end, and note what a second one could meet."""
    schedule = read_schedule(first)
    rig = Rig(usual_folder(), find_scenario(schedule.scenario), schedule.faults)
    rig.surveys = True
    player = Player(rig, schedule)
    end, left, course = 0, "", ""
    for number in range(1, MOST_FAULTY_RUNS + 1):
        player.run_once()
        player.between(number)
        if rig.fired and not end:
            end, left, course = rig.count, fingerprint(rig), _course(rig.trace)
        if player.is_over(number):
            break
    player.recover()
    kinds = tuple(_kind(line) for line in rig.trace if _POINT.match(line))
    return Branch(first, end or rig.count, f"{schedule.scenario} {left}", course, tuple(rig.survey), kinds)


def _course(trace: Iterable[str]) -> str:
    """All that was asked and came out, without the faults, their answers and the words they were told in."""
    lines = [_POINT.match(line) for line in trace]
    told = [
        match["point"] if match else " ".join(line.split()[:3])
        for match, line in zip(lines, trace, strict=True)
        if match or re.match(r"  \d+ |run ", line)
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _kind(line: str) -> str:
    match = _POINT.match(line)
    if match is None:
        raise ValueError(f"no point: {line}")
    return f"{match['service']} {match['method']} {re.sub(r'[0-9]+', 'N', match['path'].partition('?')[0])}"


def find_alike(branches: Iterable[Branch]) -> Alike:
    """The faults that came to the same, course and state, wherever both were played first at a kind of point."""
    results: defaultdict[str, defaultdict[str, dict[int, tuple[str, str]]]] = defaultdict(lambda: defaultdict(dict))
    for branch in branches:
        schedule = read_schedule(branch.first)
        if schedule.scenario == "single":
            ((number, fault),) = schedule.faults
            results[branch.kinds[number - 1]][fault][number] = (branch.course, branch.left)
    alike: Alike = {}
    for kind, faults in results.items():
        standing: dict[str, str] = {}
        for fault, outcome in faults.items():
            same = (other for other in standing.values() if faults[other] == outcome)
            standing[fault] = next(same, fault)
        alike[kind] = standing
    return alike


def bundle(branches: Iterable[Branch], alike: Alike) -> Iterator[Bundle]:
    """What is to be played of all pairs."""
    courses: set[tuple[int, str, str]] = set()
    states: set[str] = set()
    for branch in branches:
        course = (branch.number, branch.course, branch.left)
        if course in courses:
            continue
        courses.add(course)
        if _is_met_later(branch, branch.number, branch.fault):
            continue
        last = branch.end if branch.left in states else len(branch.survey)
        states.add(branch.left)
        seconds = [
            (number, name)
            for number in range(branch.number + 1, last + 1)
            for name in _representatives(branch.survey[number - 1], alike.get(branch.kinds[number - 1], {}))
            if not _is_met_later(branch, number, name)
        ]
        yield Bundle(branch.first, tuple(seconds))


def _is_met_later(branch: Branch, number: int, name: str) -> bool:
    """Whether the fault is one of the world's, and it is a later point that meets it, where it fits as well."""
    service = TRIPLESEAT if name.startswith("event_") else _MET_BY.get(name)
    if service is None:
        return False
    points = zip(branch.kinds[number - 1 :], branch.survey[number - 1 :], strict=True)
    meets = (offset for offset, (kind, names) in enumerate(points) if kind.startswith(service) and name in names)
    return next(meets, 0) > 0


def _representatives(names: tuple[str, ...], standing: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(standing.get(name, name) for name in names))


def count_pairs(branches: Iterable[Branch]) -> int:
    """How many pairs there are in all."""
    return sum(len(names) for branch in branches for names in branch.survey[branch.number :])

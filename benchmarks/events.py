"""The cost of events in requests, bytes, time and memory, compared with the baseline's, and its growth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from statistics import median
from threading import Barrier

from benchmarks.measure import Case, Cost, Twice, measure_baseline, measure_tsrevel
from benchmarks.meter import FAR, Latency
from benchmarks.place import LINES, PRODUCTS
from benchmarks.report import Goal, pair, print_table, progress, show

ESTABLISHMENTS = (1, 4)
LINE_COUNTS = (1, 5, 8, 20)
BESIDE_LINES = 10
"""Requests to Revel for an order with a discount and one payment, in addition to one for each line."""
SHARED = ("GET Product", "GET Product/set/ID", "GET Order")
"""Requests that serve several events: catalogue, confirmation of products, look-ups, checks of finished orders."""
FEW, TIMES = 50, 3
"""Runs over up to FEW events are repeated TIMES times, so noise isn't taken for growth."""
LONGEST_SETUP = 120.0
"""Seconds."""
FARTHEST = 50
"""The most events with latency: the baseline takes about three seconds for each."""
FLAT = 1.10
WALL_GOALS = {1: 0.60, 4: 0.20}


@dataclass(frozen=True, slots=True)
class Pair:
    """The costs of a case with tsrevel and the baseline, each with a second run over the same unchanged events."""

    case: Case
    tsrevel: Twice
    baseline: Twice


def measure_requests(counts: Sequence[int]) -> list[Goal]:
    """Measure requests, bytes, time and memory without latency."""
    goals = []
    for establishments in ESTABLISHMENTS:
        pairs = [_measure(Case(events, establishments)) for events in counts]
        title = (
            f"{_place(establishments)}, events of {LINES} lines, no latency: tsrevel / baseline\n"
            f"(a catalogue of {PRODUCTS} products at each; each establishment has a finished order of an earlier day)"
        )
        print_table(title, ["events", *(str(events) for events in counts)], _rows(pairs))
        goals += _request_goals(pairs)
        goals += _growth(pairs)
    return goals + _measure_lines()


def measure_wall(counts: Sequence[int]) -> list[Goal]:
    """Measure wall time with latency."""
    counts = [events for events in counts if events <= FARTHEST]
    goals, rows = [], []
    for establishments in ESTABLISHMENTS:
        for events in counts:
            pair_of = _measure_side_by_side(Case(events, establishments, FAR))
            ours, theirs = pair_of.tsrevel.first, pair_of.baseline.first
            ratio = ours.wall / theirs.wall
            cells = (ours.wall, theirs.wall, ratio, ours.requests, theirs.requests, ours.connections)
            rows.append([f"{_events(events)}, {_place(establishments)}", *map(show, (*cells, theirs.connections))])
            if events >= 10:
                what = f"wall time of the baseline's, {_events(events)}, {_place(establishments)}"
                goals.append(Goal(what, ratio, WALL_GOALS[establishments]))
    heads = ("", "tsrevel s", "baseline s", "ratio", "requests", "baseline", "connections", "baseline")
    print_table(f"Wall time with latency: {_tell(FAR)}", heads, rows)
    return goals


def _measure(case: Case) -> Pair:
    """Measure one after the other. With few events, tsrevel runs several times and the median times count."""
    progress(f"{_events(case.events)}, {_place(case.establishments)}")
    times = TIMES if case.events <= FEW else 1
    runs = [measure_tsrevel(case) for _ in range(times)]
    wall, cpu = (median(getattr(run.first, name) for run in runs) for name in ("wall", "cpu"))
    ours = replace(runs[0], first=replace(runs[0].first, wall=wall, cpu=cpu))
    return Pair(case, ours, measure_baseline(case))


def _measure_side_by_side(case: Case) -> Pair:
    """Measure both at once, each with its own services: they wait for their latency nearly all the time."""
    progress(f"{_events(case.events)}, {_place(case.establishments)}, with latency")
    both_ready = Barrier(2, timeout=LONGEST_SETUP)
    with ThreadPoolExecutor(2) as pool:
        ours = pool.submit(measure_tsrevel, case, again=False, ready=both_ready.wait)
        theirs = pool.submit(measure_baseline, case, again=False, ready=both_ready.wait)
        return Pair(case, ours.result(), theirs.result())


def _rows(pairs: Sequence[Pair]) -> list[list[str]]:
    ours, theirs = [each.tsrevel.first for each in pairs], [each.baseline.first for each in pairs]
    kinds = dict.fromkeys(kind for cost in (*theirs, *ours) for kind in cost.kinds)
    counts = [
        [kind, *(pair(a.kinds.get(kind, 0), b.kinds.get(kind, 0)) for a, b in zip(ours, theirs, strict=True))]
        for kind in sorted(kinds, key=lambda kind: (kind.split()[0] != "TripleSeat", list(kinds).index(kind)))
    ]
    return [
        *counts,
        ["all requests", *_both(pairs, lambda cost: cost.requests)],
        ["connections", *_both(pairs, lambda cost: cost.connections)],
        ["kB both ways", *_both(pairs, lambda cost: cost.kilobytes)],
        ["wall s", *_both(pairs, lambda cost: cost.wall)],
        ["CPU s", *_both(pairs, lambda cost: cost.cpu)],
        ["peak memory MB", *_both(pairs, lambda cost: cost.peak)],
        ["nothing changed: requests", *_both(pairs, lambda cost: cost.requests, again=True)],
        ["nothing changed: kB", *_both(pairs, lambda cost: cost.kilobytes, again=True)],
        ["nothing changed: wall s", *_both(pairs, lambda cost: cost.wall, again=True)],
        ["nothing changed: CPU s", *_both(pairs, lambda cost: cost.cpu, again=True)],
    ]


def _both(pairs: Sequence[Pair], figure: Callable[[Cost], float], *, again: bool = False) -> list[str]:
    cells = []
    for each in pairs:
        ours, theirs = (each.tsrevel.again, each.baseline.again) if again else (each.tsrevel.first, each.baseline.first)
        cells.append(pair(figure(ours), figure(theirs)) if ours and theirs else "-")
    return cells


def _request_goals(pairs: Sequence[Pair]) -> list[Goal]:
    goals = []
    for each in pairs:
        ours, theirs = each.tsrevel, each.baseline
        where = _place(each.case.establishments)
        if each.case.events == 10:
            share = ours.first.requests / theirs.first.requests
            goals.append(Goal(f"requests of the baseline's, 10 events, {where}", share, 0.80))
            share = ours.first.kilobytes / theirs.first.kilobytes
            goals.append(Goal(f"bytes of the baseline's, 10 events, {where}", share, 0.10))
        if each.case.events == 50 and ours.again and theirs.again:
            what = f"requests, nothing changed over 50 events, {where} (baseline {theirs.again.requests})"
            goals.append(Goal(what, ours.again.requests, 3))
    return goals


def _growth(pairs: Sequence[Pair]) -> list[Goal]:
    """Compare the cost of one more event from 10 to 50 events, and from 50 to 500, so fixed costs drop out."""
    known = {each.case.events: each for each in pairs}
    if not {10, 50, 500} <= set(known):
        return []
    where, steps = _place(pairs[0].case.establishments), ((10, 50), (50, 500))
    figures: dict[str, Callable[[Cost], float]] = {
        "requests": lambda cost: cost.requests,
        "kB": lambda cost: cost.kilobytes,
        "CPU ms": lambda cost: cost.cpu * 1000,
        "wall ms": lambda cost: cost.wall * 1000,
    }
    rows, goals = [], []
    for name, figure in figures.items():
        low, high = (_each_more(figure, known[few], known[many]) for few, many in steps)
        rows.append([name, show(low), show(high), show(high / low)])
        if name != "wall ms":  # wall time includes the sandbox, which searches more and more rows
            goals.append(Goal(f"growth of {name} an event, from 10-50 to 50-500, {where}", high / low, FLAT))
    heads = ("tsrevel, each more event", "10 to 50", "50 to 500", "growth")
    print_table(f"{where}, no latency: what one more event costs", heads, rows)
    return goals


def _each_more(figure: Callable[[Cost], float], few: Pair, many: Pair) -> float:
    return (figure(many.tsrevel.first) - figure(few.tsrevel.first)) / (many.case.events - few.case.events)


def _measure_lines() -> list[Goal]:
    """Measure an event's requests to Revel by its lines, without SHARED ones, and those of the next run."""
    rows, goals = [], []
    for lines in LINE_COUNTS:
        what = f"an event of {lines} line{'' if lines == 1 else 's'}"
        progress(what)
        twice = measure_tsrevel(Case(1, lines=lines))
        first, again = twice.first.till.requests, twice.again.till.requests.total() if twice.again else 0
        shared = sum(first[kind] for kind in SHARED)
        order = first.total() - shared
        seat = twice.first.seat.requests.total()
        rows.append([str(lines), *map(show, (order, shared, seat, twice.first.kilobytes, again))])
        goals.append(Goal(f"requests to Revel for {what}, beside what events share", order, lines + BESIDE_LINES))
        goals.append(Goal(f"requests to Revel for {what}, next run", again, 1))
    heads = ("lines", "to Revel for it", "shared", "to TripleSeat", "kB", "to Revel, next run")
    print_table("One event, no latency: requests of tsrevel by lines", heads, rows)
    return goals


def _place(establishments: int) -> str:
    return f"{establishments} establishment{'' if establishments == 1 else 's'}"


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _tell(latency: Latency) -> str:
    seconds = (latency.round_trip, latency.service, latency.connection)
    trip, service, connection = (f"{each * 1000:.0f} ms" for each in seconds)
    return f"{trip} round trip + {service} service a request, {connection} more a new connection"

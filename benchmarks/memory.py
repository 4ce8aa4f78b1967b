"""Peak memory of a run over many events, and with catalogues of several sizes."""

from __future__ import annotations

from benchmarks.measure import Case, Cost, measure_tsrevel, meet, run_sync
from benchmarks.place import MENU, PRODUCTS, install
from benchmarks.report import Goal, print_table, progress, show

EVENTS, LINES = 50, 10
MOST = 50.0
SIZES = (MENU, PRODUCTS, 10_000, 35_000)
"""Numbers of products at an establishment. Accounts with 35,000 exist (facts Revel 5.6)."""
GROWTH = 60.0


def measure_memory() -> list[Goal]:
    """Measure the peak memory of a process that injects many events."""
    progress(f"peak memory over {EVENTS} events")
    cost = measure_tsrevel(Case(EVENTS, lines=LINES), again=False).first
    title = f"Peak memory, {EVENTS} events of {LINES} lines injected, {PRODUCTS} products"
    print_table(title, ("", "MB"), [["tsrevel", show(cost.peak)]])
    return [Goal(f"peak memory, {EVENTS} events injected", cost.peak, MOST, "MB")]


def measure_catalogues() -> list[Goal]:
    """Measure one event by size of the catalogue, in the first run with a new ledger and in the next run."""
    rows, peaks = [], []
    for size in SIZES:
        progress(f"a catalogue of {size} products")
        with install(products=size) as place:
            first = meet(place)
            place.add_events(1)
            after = run_sync(place, injected=1)
        rows += [_row(f"{size}, first run", first), _row(f"{size}, next run", after)]
        peaks.append(max(first.peak, after.peak))
    heads = ("products", "catalogue pages", "kB", "CPU s", "peak MB")
    print_table("One event, 1 establishment, no latency: tsrevel by size of the catalogue", heads, rows)
    what = f"growth of peak memory from {SIZES[0]} to {SIZES[-1]} products"
    return [Goal(what, peaks[-1] - peaks[0], GROWTH, "MB")]


def _row(name: str, cost: Cost) -> list[str]:
    return [name, *map(show, (cost.till.requests["GET Product"], cost.kilobytes, cost.cpu, cost.peak))]

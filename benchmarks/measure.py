"""The measurements: medians of interleaved starts, requests by count, peak memory as the kernel saw it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.place import SETTLED, TSREVEL, Installation

ROUNDS = 15
BASELINE = [sys.executable, "-c", "import typer, pydantic; pydantic.BaseModel"]
PEAK = """
import sys
from tsrevel.cli import main
try:
    main()
finally:
    with open("/proc/self/status", encoding="ascii") as file:
        print(next(line.split()[1] for line in file if line.startswith("VmHWM")), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Starts:
    """Median seconds: the imports that any such program makes, `--version`, a sync with nothing to do."""

    baseline: float
    version: float
    idle_sync: float


def measure_starts(place: Installation) -> Starts:
    """Interleaved, so that a busy machine slows all three alike. The first round warms up and is not counted."""
    place.keep_only(SETTLED)
    place.run()
    commands = (BASELINE, [TSREVEL, "--version"], place.sync)
    rounds = [[_time(command, place.environ) for command in commands] for _ in range(ROUNDS + 1)]
    baseline, version, idle_sync = (median(column) for column in zip(*rounds[1:], strict=True))
    return Starts(baseline, version, idle_sync)


def _time(command: Sequence[str], environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


@dataclass(frozen=True, slots=True)
class Requests:
    """Of one event with `lines` lines: to Revel for its order, to Revel for the catalogue, to TripleSeat."""

    lines: int
    order: int
    catalogue: int
    tripleseat: int


def count_requests(place: Installation, lines: int) -> tuple[Requests, Requests]:
    """What the run that injects one event asks for, and what the next run asks for. The ledger isn't a new one."""
    place.keep_only(())
    place.run()
    place.add_event(64100001, lines)
    return _count(place, lines, injected=1), _count(place, lines, injected=0)


def _count(place: Installation, lines: int, *, injected: int) -> Requests:
    report = place.run()
    if report["summary"]["injected"] != injected:
        raise RuntimeError(f"not {injected} injected: {report}")
    asked = place.revel_requests()
    catalogue = asked.pop("GET Product", 0)
    return Requests(lines, asked.total(), catalogue, place.tripleseat_requests())


def measure_peak(place: Installation, events: int) -> float:
    """The most memory, in MB (10^6 bytes), that a process held which injected so many events of ten lines."""
    place.keep_only(())
    for number in range(events):
        place.add_event(64200001 + number, 10)
    command = [sys.executable, "-c", PEAK, *place.sync[1:]]
    done = subprocess.run(command, env=place.environ, capture_output=True, text=True, check=True)
    orders = len(place.served.revel.orders)
    if orders != events:
        raise RuntimeError(f"{orders} orders for {events} events")
    return int(done.stderr.split()[-1]) * 1024 / 1_000_000

"""Runs a program in its own process, and measures its time, its memory and its requests to both services."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from benchmarks.meter import NONE, Latency, Tally
from benchmarks.place import FIRST_EVENT, LINES, TSREVEL, Installation, install

HERE = Path(__file__).parent
PROBE = [sys.executable, "-P", str(HERE / "probe.py")]
BASELINE = str(HERE / "baseline.py")
KNOWN = FIRST_EVENT - 1000
"""The first id of the events that have their orders before the measured run."""
EARLIER = 7
"""How many days ago those events were: so many that no run checks their orders any more."""
HELD = 3
"""The exit status of a run that holds an event."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one process: seconds of wall time and of CPU, peak memory in MB (10^6 bytes), and its requests."""

    wall: float
    cpu: float
    peak: float
    seat: Tally
    till: Tally

    @property
    def requests(self) -> int:
        """Both services together."""
        return self.seat.requests.total() + self.till.requests.total()

    @property
    def connections(self) -> int:
        """Both services together."""
        return self.seat.connections + self.till.connections

    @property
    def kilobytes(self) -> float:
        """Bytes to and from both services, in 10^3 bytes."""
        return (self.seat.bytes + self.till.bytes) / 1000

    @property
    def kinds(self) -> dict[str, int]:
        """The number of requests by kind, such as "Revel POST OrderItem"."""
        named = (("TripleSeat", self.seat), ("Revel", self.till))
        return {f"{name} {kind}": n for name, tally in named for kind, n in tally.requests.items()}


@dataclass(frozen=True, slots=True)
class Case:
    """The numbers of events, of their lines and of establishments, and the latency. Events are spread evenly."""

    events: int
    establishments: int = 1
    latency: Latency = NONE
    lines: int = LINES


@dataclass(frozen=True, slots=True)
class Twice:
    """The cost of injecting, and of the next run with nothing changed (None: not measured)."""

    first: Cost
    again: Cost | None = None


def _at_once() -> None:
    """Return at once."""


def measure_tsrevel(case: Case, *, again: bool = True, ready: Callable[[], object] = _at_once) -> Twice:
    """Measure an installation in use: each establishment has a finished order of an earlier day.

    `ready` is called when all is prepared. The measurement begins when it returns.
    """
    with install(case.establishments) as place:
        meet(place)
        place.add_events(case.events, case.lines)
        place.set_latency(case.latency)
        ready()
        first = run_sync(place, injected=case.events)
        check_orders(place, case)
        return Twice(first, run_sync(place, injected=0) if again else None)


def meet(place: Installation) -> Cost:
    """Give each establishment a finished order of an earlier day. Returns the cost of the first run, which makes them.

    The second run finds the orders by `local_id__in`, and the third is a good one over each location. The events are
    removed before that one.
    """
    place.add_events(place.establishments, first=KNOWN, days_ago=EARLIER)
    options = ["--ignore-time-gate", "--json", "--config", str(place.config)]
    named = [TSREVEL, "sync-event", *map(str, place.events), *options]
    cost = _run_injecting(place, named, injected=place.establishments)
    _run_injecting(place, named, injected=0)
    place.forget_events()
    run_sync(place, injected=0)
    return cost


def measure_baseline(case: Case, *, again: bool = True, ready: Callable[[], object] = _at_once) -> Twice:
    """Measure the baseline in the same way."""
    with install(case.establishments) as place:
        place.add_events(case.events, case.lines)
        place.set_latency(case.latency)
        command = [BASELINE, str(place.write_job())]
        ready()
        first = _run(place, command)[0]
        check_orders(place, case)
        return Twice(first, _run(place, command)[0] if again else None)


def run_sync(place: Installation, injected: int) -> Cost:
    """Make one live run. Raises RuntimeError for another number of injected events or another exit status than 0."""
    return _run_injecting(place, place.sync, injected)


def _run_injecting(place: Installation, command: Sequence[str], injected: int) -> Cost:
    cost, report = _run(place, command)
    if json.loads(report)["summary"]["injected"] != injected:
        raise RuntimeError(f"not {injected} injected: {report[:2000]}")
    return cost


def run_command(place: Installation, command: Sequence[str], statuses: Sequence[int] = (0,)) -> Cost:
    """Run any command line of tsrevel. Raises RuntimeError for an exit status outside `statuses`."""
    return _run(place, command, statuses)[0]


def check_orders(place: Installation, case: Case) -> None:
    """Raises RuntimeError unless each event has one complete order, so no cost is that of a partial run."""
    rows = place.till.state.rows
    known = [order for order in rows["Order"].values() if int(order["local_id"][-8:]) >= FIRST_EVENT]
    uris = {order["resource_uri"] for order in known}
    kept = {
        name: sum(row["order"] in uris for row in rows[name].values())
        for name in ("OrderItem", "Payment", "OrderHistory")
    }
    expected = {"OrderItem": case.events * case.lines, "Payment": case.events, "OrderHistory": case.events}
    if len(known) != case.events or kept != expected:
        raise RuntimeError(f"{len(known)} orders with {kept} for {case.events} events")


def _run(place: Installation, command: Sequence[str], statuses: Sequence[int] = (0,)) -> tuple[Cost, str]:
    """Run a script. Returns its cost and its stdout. Raises RuntimeError if it fails."""
    for meter in place.meters:
        meter.read()
    wall, cpu, out, err = run_child([*PROBE, *command], place.environ, statuses)
    seat, till = (meter.read() for meter in place.meters)
    return Cost(wall, cpu, int(err.split()[-1]) * 1024 / 1_000_000, seat, till), out


def run_child(
    command: Sequence[str], environ: Mapping[str, str], statuses: Sequence[int] = (0,)
) -> tuple[float, float, str, str]:
    """Returns wall seconds, CPU seconds, stdout, stderr. Raises RuntimeError for a status outside `statuses`."""
    with TemporaryFile() as out, TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        said, complained = _read(out), _read(err)
    if process.returncode not in statuses:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said[-2000:]} {complained[-2000:]}")
    return wall, usage.ru_utime + usage.ru_stime, said, complained


def _read(file: Any) -> str:  # noqa: ANN401
    file.seek(0)
    text: str = file.read().decode()
    return text

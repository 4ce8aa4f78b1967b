"""One installation of tsrevel to measure: the pretend services on loopback, a settings file, events as asked for.

Runs are made by the real program in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tsrevel.cli.sandbox import Served, run_services, write_private
from tsrevel.sandbox import Charge, Line, make_event

TSREVEL = str(Path(sys.executable).with_name("tsrevel"))
SETTLED = ("full", "paid", "twins", "early", "lost")
"""Stories of the sample day that leave nothing to do once they were synced."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Settings and services. `environ` is what a run sees: no setting of the caller's, bytecode kept as usual."""

    served: Served
    config: Path
    environ: dict[str, str]

    @property
    def sync(self) -> list[str]:
        """The command line of one live run."""
        return [TSREVEL, "sync", "--json", "--config", str(self.config)]

    def run(self) -> dict[str, Any]:
        """One live run; its report. Raises RuntimeError where it didn't end with status 0."""
        self.served.tripleseat.requests.clear()
        self.served.revel.requests.clear()
        done = subprocess.run(self.sync, env=self.environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"sync ended with {done.returncode}: {done.stderr}")
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def keep_only(self, stories: Sequence[str]) -> None:
        """Leave only these stories of the sample day in TripleSeat."""
        for event in self.served.day.events:
            if event.story not in stories:
                del self.served.tripleseat.state.events[event.id]

    def add_event(self, event_id: int, lines: int) -> None:
        """An event for today with so many lines, a discount, a tax and a deposit: every kind of step."""
        names = ("Taco Trio", "Coffee Urn", "Fruit Platter", "Morning Pastry Tray", "Sparkling Water Case")
        rows = [Line(names[n % len(names)], 2, 40) for n in range(lines)]
        spot = self.served.day.locations[0]
        day = self.served.day.event("full").day
        event = make_event(
            id=event_id,
            day=day,
            location=spot.place,
            lines=rows,
            discount=5,
            charges=[Charge("Sales Tax", "3.10")],
            payments=[("20.00", True)],
        )
        self.served.tripleseat.add_event(event)

    def revel_requests(self) -> Counter[str]:
        """What the last run asked of Revel, as "METHOD Resource"."""
        return Counter(f"{each.method} {each.path.split('/')[2]}" for each in self.served.revel.requests)

    def tripleseat_requests(self) -> int:
        """How many requests the last run made to TripleSeat."""
        return len(self.served.tripleseat.requests)


@contextmanager
def install() -> Iterator[Installation]:
    """An installation that goes when the block ends."""
    with TemporaryDirectory(prefix="tsrevel-benchmark-") as folder, run_services() as served:
        config = Path(folder, "config.toml")
        write_private(config, served.config)
        unwanted = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH"}
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        yield Installation(served, config, {**kept, "DRY_RUN": "false"})

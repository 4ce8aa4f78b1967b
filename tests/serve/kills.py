"""SIGKILL at random instants: each delivery that was answered with 200 ends in exactly one order."""

from __future__ import annotations

import copy
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from ..cli.captured import sign
from ..forks import Forks
from ..world import World
from .bench import FULL, PAID, Service, run_service, until, world_to_serve

FIRST = 64500001
"""The id of the first event; each service that is killed meets two new ones, of two locations."""
PER_SECOND = 10
LOOK_PAUSES = (0.05, 0.1)
"""Seconds between looks for a write that a killed process may have sent: nothing comes late here."""
QUIET = 20
"""Seconds without a delivery dealt with: what still waits then waits for 15 minutes to pass."""
LONGEST_LIFE = 1.5
"""Seconds from the start of a service to its end."""


@dataclass
class Tally:
    """What became of the deliveries: `lost` were accepted, and are neither dealt with nor waiting."""

    kills: int = 0
    sent: int = 0
    events: list[int] = field(default_factory=list)
    accepted: dict[bytes, int] = field(default_factory=dict)
    lost: int = 0
    flaws: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = f"{self.kills} kills, {self.sent} sent, {len(self.accepted)} accepted, {self.lost} lost"
        return f"{told}; {'; '.join(self.flaws) or 'each event has exactly one whole order'}"


def kill_again_and_again(folder: Path, kills: int, seed: int) -> Tally:
    """Kill so many services one after another, then let one work in peace, and count."""
    dice, tally = random.Random(seed), Tally()
    with world_to_serve(folder, "full", "paid") as world, Forks(LOOK_PAUSES) as forks:
        world.config["safety"] |= {"max_orders_per_run": 10_000}
        world.write_config()
        for _ in range(kills):
            add_events(world, tally)
            with run_service(world, forks=forks) as service:
                life = dice.uniform(0.0, LONGEST_LIFE)
                threading.Timer(life, service.process.kill).start()
                _send_until_killed(service, tally)
                tally.kills += 1
        with run_service(world, forks=forks) as service:
            _work_in_peace(service)
            tally.lost = _count_lost(service, tally)
        _settle_doubts(world, tally)
        sent = sorted(set(tally.accepted.values()))
        tally.flaws = [f"event {each}: {flaw}" for each in sent for flaw in world.flaws(each)]
    return tally


def add_events(world: World, tally: Tally) -> None:
    """Two new events of today, like those of the sample day."""
    for like in (FULL, PAID):
        event = copy.deepcopy(world.tripleseat.state.events[like])
        event["id"] = FIRST + len(tally.events)
        world.tripleseat.add_event(event)
        tally.events.append(event["id"])


def _send_until_killed(service: Service, tally: Tally) -> None:
    while service.process.poll() is None:
        event = tally.events[-2 + tally.sent % 2]
        body = service.body(event)
        tally.sent += 1
        try:
            answer = service.client.post("/webhook", content=body, headers={"X-Signature": sign(body)})
        except httpx.TransportError:
            break
        assert answer.status_code == 200
        tally.accepted[body] = event
        time.sleep(1 / PER_SECOND)
    service.process.wait()


def _work_in_peace(service: Service) -> None:
    """Until nothing waits but for an event whose last write may still be applied (15 minutes)."""
    done, stable = -1, time.monotonic()

    def is_done() -> bool:
        nonlocal done, stable
        count = len(service.waiting)
        if count != done:
            done, stable = count, time.monotonic()
        return count == 0 or time.monotonic() - stable > QUIET

    until(is_done, 600)


def _count_lost(service: Service, tally: Tally) -> int:
    kept = {each.read_bytes() for each in service.spool.rglob("*.json")}
    return sum(each not in kept for each in tally.accepted)


def _settle_doubts(world: World, tally: Tally) -> None:
    """What a killed process may have sent is in doubt for 15 minutes: let them pass, and run once more."""
    world.time.now = datetime.now(UTC) + timedelta(minutes=20)
    world.sync_event(*tally.events)

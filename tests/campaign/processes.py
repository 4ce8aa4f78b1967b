"""Real `tsrevel sync` processes, killed, stopped and raced against each other on real ledger files over real loopback.

A case is an installation of its own (both services, ledger, settings) and what is done to it, drawn from the seed and
its name. Two processes share one ledger here, as two crontab lines may; two ledgers on one Revel are out of scope: only
a shared ledger has a lock.

    python -m tests.campaign.processes --kills 1000 --pairs 500 --seed 7
    python -m tests.campaign.processes --seed 7 --case kill-12
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from signal import SIGINT, SIGKILL, SIGTERM
from tempfile import TemporaryDirectory

from tsrevel.errors import TsrevelError

from ..forks import PATIENCE, Forks, Run
from .installation import KINDS, Installation, Instant, Violation, open_installation

JOBS = 20
"""Installations at once: a run that follows a killed one mostly waits. More of them would wait for a core as well."""
KILLS_A_CASE = 2
UNDISTURBED = 3
"""So many runs may it take, once nobody disturbs them, until every due event has its order."""
REQUESTS = {("full",): 21, ("paid",): 18, ("full", "paid"): 37}
"""About what one run over these stories sends, to both services together."""
LONGEST_RUN = 0.25
"""Seconds from the fork: by then a run is mostly over."""
STATUS_OF = {SIGKILL: -SIGKILL, SIGINT: 130, SIGTERM: 143}
LOCKED = 11
LOOK_PAUSES = (0.5, 1.0, 1.5)
"""Seconds between looks for what isn't there: in all longer than any request here is slow, and no longer."""


@dataclass(slots=True)
class Tally:
    """What a campaign did, in counts by what the table calls it, and every violation with the way to see it again."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, table: str, row: str) -> None:
        """One more of these."""
        with self._lock:
            self.counts.setdefault(table, Counter())[row] += 1

    def total(self, table: str) -> int:
        """How many there were in all."""
        with self._lock:
            return self.counts.get(table, Counter()).total()

    def __str__(self) -> str:
        rows = [(table, row, n) for table, counts in sorted(self.counts.items()) for row, n in sorted(counts.items())]
        lines = [f"{table:<34} {row:<34} {number:>6}" for table, row, number in rows]
        return "\n".join([*lines, f"{'violations':<69} {len(self.violations):>6}", *self.violations])


@dataclass(slots=True)
class Campaign:
    """Plays cases by name: "kill-12", "pair-3", "stop-1". The same seed and name draw the same instants."""

    forks: Forks
    folder: Path
    seed: int
    jobs: int = JOBS
    tally: Tally = field(default_factory=Tally)

    def kill(self, wanted: int) -> None:
        """Cases until so many runs died by SIGKILL."""
        numbers, under_way, lock = count(1), Counter[str](), threading.Lock()

        def begin() -> str | None:
            with lock:
                expected = self.tally.total("killed") + KILLS_A_CASE * under_way.total()
                case = f"kill-{next(numbers)}" if expected < wanted else None
                under_way.update([case] if case else [])
                return case

        def work() -> None:
            while case := begin():
                self.play(case)
                with lock:
                    under_way.subtract([case])

        with ThreadPoolExecutor(self.jobs) as pool:
            for done in [pool.submit(work) for _ in range(self.jobs)]:
                done.result()

    def race(self, pairs: int) -> None:
        """So many cases of two runs at once, by turns undisturbed and with the first one killed."""
        self._play_all(f"pair-{number}" for number in range(1, pairs + 1))

    def stop(self, times: int) -> None:
        """So many cases of a run told to stop, by SIGTERM and SIGINT in turn."""
        self._play_all(f"stop-{number}" for number in range(1, times + 1))

    def play(self, case: str) -> None:
        """One case. A violation is kept in the tally, and its folder where it is."""
        kind, _, number = case.partition("-")
        rng = Random(f"{self.seed} {case}")
        stories = rng.choice(list(REQUESTS))
        plays: dict[str, Callable[[Installation, Random, int], None]] = {
            "kill": self._kill,
            "pair": self._race if int(number) % 2 else self._race_the_killed,
            "stop": self._stop,
        }
        with open_installation(self.folder / case, stories, self.forks) as place:
            try:
                plays[kind](place, rng, int(number))
                self._finish(place)
            except (Violation, TimeoutError, TsrevelError, sqlite3.Error, ValueError) as error:
                again = f"python -m tests.campaign.processes --seed {self.seed} --case {case}"
                what = f"{type(error).__name__}: {error}"
                self.tally.violations.append(f"{case} ({', '.join(place.story)}): {what}\n  again: {again}")
                return
        shutil.rmtree(self.folder / case)

    def _play_all(self, cases: Iterator[str]) -> None:
        with ThreadPoolExecutor(self.jobs) as pool:
            for done in [pool.submit(self.play, case) for case in cases]:
                done.result()

    # What happens in a case

    def _kill(self, place: Installation, rng: Random, number: int) -> None:
        """Runs killed one after another, each taking up what the last one left; every tenth case from a bare start."""
        expected = REQUESTS[place.stories]
        start = ", from a bare start" if number % 10 == 0 else ""
        for _ in range(KILLS_A_CASE):
            instant = draw_instant(rng, expected)
            ran, came = place.strike(instant, SIGKILL, fresh=bool(start))
            left = place.check()
            if ran.status != STATUS_OF[SIGKILL]:
                self.tally.note("outlived its instant", f"{instant.kind}, which {'came' if came else 'did not end'}")
                place.expect(ran.status in {0, 3}, f"a run that nothing struck ended with {ran.status}: {ran.err}")
                return
            self.tally.note("killed", f"{instant.kind}{start}")
            self.tally.note("killed: Revel shows", left.at_revel)
            self.tally.note("killed: the ledger knows", left.in_ledger)
            expected = max(expected - place.door.count, 10)

    def _stop(self, place: Installation, rng: Random, number: int) -> None:
        signal = (SIGTERM, SIGINT)[number % 2]
        instant = Instant(rng.choice(("before", "after")), rng.randint(3, 15))
        ran, _ = place.strike(instant, signal)
        place.check()
        said = (ran.status, ran.answer.get("exit_status") if ran.out else None)
        place.expect(
            said == (STATUS_OF[signal], STATUS_OF[signal]), f"stopped by {signal!r}, it said {said}: {ran.err}"
        )
        self.tally.note("stopped", signal.name)

    def _race(self, place: Installation, rng: Random, _number: int) -> None:
        """Two runs begun together, or the second a little later."""
        gap = rng.choice((0.0, 0.0, rng.uniform(0, LONGEST_RUN)))
        place.say(f"the second run {gap * 1000:.1f} ms after the first")
        first = place.start()
        time.sleep(gap)
        ended = sorted((place.start().wait().status, first.wait().status))
        place.check()
        place.expect(ended in ([0, 0], [0, LOCKED]), f"they ended with {ended}")
        place.expect(place.is_complete(), "both ended, and not every event has its order")
        self.tally.note("pairs", f"exit {ended[0]} and {ended[1]}")

    def _race_the_killed(self, place: Installation, rng: Random, _number: int) -> None:
        """Two runs, of which the first is killed just before or after the second is begun."""
        instant = draw_instant(rng, REQUESTS[place.stories])
        kill_first, gap = rng.random() < 0.5, rng.choice((0.0, rng.uniform(0, 2 * LONGEST_RUN)))
        place.say(f"the second run {gap * 1000:.1f} ms {'after' if kill_first else 'before'} the first one's end")
        second: Future[Run] = Future()

        def strike(first: Run) -> None:
            if kill_first:
                first.send(SIGKILL)
                time.sleep(gap)
            second.set_result(place.start())
            if not kill_first:
                time.sleep(gap)
                first.send(SIGKILL)

        ran, came = place.strike_with(instant, strike)
        if not came:
            second.set_result(place.start())
        other = second.result(PATIENCE).wait()
        place.check()
        place.expect(ran.status in {STATUS_OF[SIGKILL], 0, LOCKED}, f"the first run ended with {ran.status}: {ran.err}")
        place.expect(other.status in {0, 3, LOCKED}, f"the second run ended with {other.status}: {other.err}")
        self.tally.note("pairs", f"{'killed' if ran.status < 0 else f'exit {ran.status}'}, then exit {other.status}")

    def _finish(self, place: Installation) -> None:
        """Undisturbed runs until all is done; what arrived late must have changed nothing."""
        said: list[str] = []
        while not said or not place.is_complete():
            place.expect(len(said) < UNDISTURBED, f"not done after undisturbed runs that ended so: {said}")
            ran = place.start().wait()
            place.check()
            said.append(f"exit {ran.status} {ran.out}{ran.err}")
            if not place.is_complete():
                place.door.wait_idle()
                place.check()
                place.pass_doubt()
        self.tally.note("undisturbed runs until all was done", str(len(said)))
        place.door.wait_idle()
        place.check()
        place.expect(place.is_complete(), "a request that arrived late spoiled the order")


def draw_instant(rng: Random, requests: int) -> Instant:
    """Any of the kinds, among the first `requests` of the run: mostly the writes, which are the later ones."""
    kind = rng.choice(KINDS)
    number = round(rng.triangular(1, requests, requests * 0.7))
    longest = {"answered": 0.012, "slow": 2.5, "time": LONGEST_RUN}.get(kind, 0.0)
    return Instant(kind, number if kind != "time" else 0, rng.uniform(0, longest))


@contextmanager
def open_campaign(seed: int, jobs: int = JOBS, folder: Path | None = None) -> Iterator[Campaign]:
    """A campaign with a process to fork from, in `folder` or a temporary one."""
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(TemporaryDirectory(prefix="tsrevel-campaign-")))
        yield Campaign(stack.enter_context(Forks(LOOK_PAUSES)), place, seed, jobs)


def main() -> int:
    """The command line: exit status 1 where an invariant was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.processes", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="runs to kill (200)")
    parser.add_argument("--pairs", type=int, default=100, help="pairs of runs to race (100)")
    parser.add_argument("--stops", type=int, default=8, help="runs to stop by SIGTERM or SIGINT (8)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same instants (1)")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"installations at once ({JOBS})")
    parser.add_argument("--case", action="append", default=[], help='only this case, such as "kill-12"')
    asked = parser.parse_args()
    begun = time.monotonic()
    with open_campaign(asked.seed, asked.jobs) as campaign:
        if asked.case:
            for case in asked.case:
                campaign.play(case)
        else:
            campaign.kill(asked.kills)
            campaign.race(asked.pairs)
            campaign.stop(asked.stops)
    print(f"seed {asked.seed}, {time.monotonic() - begun:.1f} s\n{campaign.tally}")  # noqa: T201
    return 1 if campaign.tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())

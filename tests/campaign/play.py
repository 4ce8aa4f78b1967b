"""Plays a schedule: runs with faults until all have struck, then runs without, each judged as soon as it has ended."""

from __future__ import annotations

import atexit
import functools
import io
import logging
import random
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from tsrevel.cli.context import CliContext as Surroundings
from tsrevel.cli.context import OutputOptions
from tsrevel.cli.sync import SyncOptions, sync_all
from tsrevel.engine.context import RunState
from tsrevel.engine.find import Window
from tsrevel.engine.outcomes import RunReport
from tsrevel.engine.run import sync
from tsrevel.errors import TsrevelError

from ..world import Died, World
from . import invariants
from .alphabet import Stopped
from .kept import Kept
from .rig import Rig
from .scenario import NOON, find_scenario
from .schedule import Schedule
from .state import fingerprint

MOST_FAULTY_RUNS = 12
MOST_CLEAN_RUNS = 3
IDLE_RUNS = 2
"""After so many runs in a row that found all settled and wrote nothing, what still waits is given up."""
CLEAN_GAP = 45 * 60


@dataclass(slots=True)
class Run:
    """One run as it ended. `report` None: it died or was stopped by `error`. `kept`: what the ledger held then."""

    number: int
    mode: str
    started_at: datetime
    clock_at: datetime
    first_point: int
    last_point: int = 0
    report: RunReport | None = None
    earlier: list[RunReport] = field(default_factory=list)  # of the runs before it in the same process
    error: TsrevelError | None = None
    died: bool = False
    crash: str = ""
    wrote: bool = False
    log: str = ""
    kept: Kept = field(default_factory=Kept)

    @property
    def exit_status(self) -> int | None:
        """What the command would exit with; None for a run that died."""
        if self.report:
            return self.report.exit_status
        return self.error.exit_status if self.error else None

    @property
    def calls_a_person(self) -> bool:
        """Whether a person reads its report at once, and logs in again if asked. An alarm outranks a dead login."""
        return self.exit_status in {12, 14}


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a schedule: sentences for what was violated, which faults struck where, and the trace."""

    schedule: Schedule
    violations: tuple[str, ...]
    fired: tuple[tuple[int, str], ...]
    runs: int
    points: int
    trace: tuple[str, ...]
    survey: tuple[tuple[str, ...], ...] = ()
    workers: int = 1

    @property
    def replay(self) -> str:
        """The command that plays it again, with several workers perhaps not the same."""
        threads = f" --workers {self.workers}" if self.workers > 1 else ""
        return f"python -m tests.campaign --trace{threads} --replay '{self.schedule}'"


def play(
    schedule: Schedule,
    folder: Path | None = None,
    *,
    survey: bool = False,
    recovered: set[str] | None = None,
    workers: int = 1,
) -> Result:
    """Play one schedule to its end, or to the first violation.

    `survey`: note which faults fit each point. `recovered`: the states from which runs without faults are known to go
    well; they aren't played again, and new ones are added. `workers`: the runs' threads.
    """
    random.seed(0)  # a replay pauses before repeated reads as its first play did
    rig = Rig(folder or usual_folder(), find_scenario(schedule.scenario), schedule.faults, workers)
    rig.surveys = survey
    player = Player(rig, schedule, recovered)
    violations = player.play()
    rig.trace.extend(f"violation: {each}" for each in violations)
    fired, trace = tuple(rig.fired), tuple(rig.trace)
    return Result(schedule, tuple(violations), fired, len(player.runs), rig.count, trace, tuple(rig.survey), workers)


@functools.cache
def usual_folder() -> Path:
    """A folder of this process, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Player:
    """One schedule under way. Also for tests that decide on each run themselves: `run`, then `judge`."""

    def __init__(self, rig: Rig, schedule: Schedule, recovered: set[str] | None = None) -> None:
        self.rig = rig
        self.schedule = schedule
        self.recovered = recovered
        self.runs: list[Run] = []
        self.judge = invariants.Judge(rig)

    def play(self) -> list[str]:
        """All runs; what was violated."""
        for number in range(1, MOST_FAULTY_RUNS + 1):
            violations = self.run_once(self.schedule.mode(number))
            if violations:
                return violations
            self.between(number)
            if self.is_over(number):
                break
        return self.recover() if self.recovered is None else self._recover_if_new(self.recovered)

    def _recover_if_new(self, recovered: set[str]) -> list[str]:
        """`recover`, unless it is known to go well from a state like this one."""
        state = fingerprint(self.rig)
        violations = [] if state in recovered else self.recover()
        if not violations:
            recovered.add(state)
        return violations

    def run_once(self, mode: str = "live") -> list[str]:
        """One run; what it violated."""
        return self.judge.after_run(self.run(mode))

    def recover(self) -> list[str]:
        """Runs without faults until all is settled and nothing is under way, three at most; what is violated then."""
        rig = self.rig
        rig.waiting.clear()
        if rig.scenario.gated:
            rig.time.now = max(rig.time.now, NOON)
        unsettled: list[str] = []
        left = MOST_CLEAN_RUNS
        while left:
            run = self.run()
            violations = self.judge.after_run(run)
            if violations:
                return violations
            unsettled = self.judge.unsettled(run)
            if not unsettled and not rig.late:  # what is still under way must not undo it
                return []
            rig.time.move(seconds=CLEAN_GAP)
            left -= not (run.calls_a_person and rig.log_in_again())
        return unsettled

    def run(self, mode: str = "live") -> Run:
        """One run of `sync`, whatever becomes of it."""
        rig = self.rig
        clock = rig.time.now + rig.skew
        run = Run(len(self.runs) + 1, mode, rig.time.now, clock, rig.count + 1)
        rig.begin_run(mode)
        with _logged() as log:
            try:
                run.report = self._sync(mode, run)
            except (Died, Stopped):
                run.died = True
            except TsrevelError as error:
                run.error = error
            except Exception as error:  # noqa: BLE001 (whatever else escapes from a run is a violation to tell)
                run.crash = "".join(traceback.format_exception(error))
        rig.end_run()
        run.last_point, run.log, run.wrote = rig.count, log.getvalue(), rig.wrote
        self.runs.append(run)
        rig.trace.extend(_tell(run, rig))
        return run

    def _sync(self, mode: str, run: Run) -> RunReport:
        if mode == "thrice":
            return self._sync_thrice(run)
        if mode != "disabled":
            return self.rig.sync(dry_run=mode == "dry")
        World.settings(self.rig)
        surroundings = Surroundings(
            self.rig.environ,
            stdout=io.StringIO(),
            stderr=io.StringIO(),
            stand_in=self.rig.runtime(),
            options=OutputOptions(self.rig.folder / "config.toml"),
        )
        return sync_all(surroundings, SyncOptions())

    def _sync_thrice(self, run: Run) -> RunReport:
        """Three runs in one process, as several deliveries of one event are; what the last one reports.

        The reports of those before it are added to `run.earlier`.
        """
        with self.rig.open_run() as ctx:
            state = RunState.begin(ctx)
            report = sync(ctx, state, Window(48))
            for number in range(2):
                if report.error is None:
                    run.earlier.append(report)
                    self.judge.after_part(run)
                    run_id = f"{report.run_id[:24]}{number + 1:08x}"
                    state = state.of_next_run()
                    report = sync(replace(ctx, run_id=run_id), state, Window(48))
        return report

    def between(self, number: int) -> None:
        """What happens after that run, until the next."""
        rig = self.rig
        if self.runs[-1].calls_a_person:
            rig.log_in_again()
        if number in self.schedule.lost:
            rig.lose_ledger()
            rig.ledger_lost = True
            rig.trace.append("the ledger is lost")
        gap = self.schedule.gap(number)
        if rig.jumped:
            gap = max(gap, CLEAN_GAP)  # by such a clock no ledger can tell 15 minutes
        rig.time.move(seconds=gap)

    def is_over(self, number: int) -> bool:
        """Whether no further run with faults is of use."""
        rig, schedule = self.rig, self.schedule
        if number < max(len(schedule.modes), *schedule.lost, 0):
            return False
        if not rig.waiting:
            return True
        idle = all(not run.wrote and not self.judge.unsettled(run) for run in self.runs[-IDLE_RUNS:])
        return idle and number >= IDLE_RUNS


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """What is logged meanwhile."""
    text = io.StringIO()
    catcher = logging.StreamHandler(text)
    logger = logging.getLogger("tsrevel")
    before = logger.level, logger.propagate
    logger.addHandler(catcher)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield text
    finally:
        logger.removeHandler(catcher)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def _tell(run: Run, rig: Rig) -> list[str]:
    """The run in the trace."""
    ended = "died" if run.died else f"exit {run.exit_status}"
    lines = [f"run {run.number} {run.mode} at {run.started_at:%Y-%m-%dT%H:%M:%S} {ended}"]
    said = str(run.error or (run.report.error if run.report else "") or "")
    if said:
        lines.append(f"  {said}")
    outcomes = run.report.outcomes if run.report else ()
    lines += [f"  {each.event_id} {each.status} {each.reason or '-'} {each.text}".rstrip() for each in outcomes]
    return [line.replace(str(rig.folder), "") for line in lines]

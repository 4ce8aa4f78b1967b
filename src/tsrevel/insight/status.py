"""The status from the ledger: the last runs, and the events held, failed, missed, due or changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.engine.outcomes import describe_disabled
from tsrevel.insight.history import Changed, find_changed
from tsrevel.ledger import LedgerView, Pause, Resolution, RunRecord, oldest_of
from tsrevel.ledger.connection import describe_unwritable
from tsrevel.ledger.queries import EventStatus, OpenOrder, UnsentMails
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, describe_failed, find_critical
from tsrevel.planning.model import EventId, Location, Policy
from tsrevel.planning.money import Cents
from tsrevel.planning.reasons import FailedWrite, Reason
from tsrevel.planning.screening import covered_locations, find_named, judge_gate
from tsrevel.text import show_span
from tsrevel.webhook.spool import Spool, SpoolStatus

STALE = timedelta(hours=3)
"""After this time without a good run `status` warns: cron starts one every 45 minutes. Deliveries likewise."""
OVERDUE = timedelta(minutes=5)
"""A run may exceed its deadline by this much, because it finishes its current order."""


@dataclass(frozen=True, slots=True)
class InstallationStatus:
    """The status. `known`: there is a ledger. `good` is the last good run: live, over all events, exit 0, 3 or 14.
    If runs cover single locations, it is that of the location whose last good run is oldest, or None if one has none;
    `behind` names that location, or those that share it.

    `dry` are events that a dry run found held, failed or missed, and that no live run has seen since. `changed` are
    events that changed after their orders were made, until they are resolved or agree again. `totals` are the totals
    of each run's orders, by run id and currency, if known. `dry_run` is the setting as read here. `contrary` is a
    recent run with another value: runs may have another environment. `unended`: the last run and the last `sync`, as
    far as they didn't end. `failed_writes`: the writes that failed in several runs. `unsent`: mails that runs tried to
    send in vain. `unwritable`: why this user can't write to the ledger, and what to do.
    """

    now: datetime
    known: bool
    dry_run: bool
    dry_run_origin: str
    enabled: bool
    deadline: timedelta
    pause: Pause | None = None
    good: RunRecord | None = None
    behind: tuple[str, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    totals: Mapping[str, Mapping[str, Cents]] = field(default_factory=dict)
    held: tuple[EventStatus, ...] = ()
    failed: tuple[EventStatus, ...] = ()
    missed: tuple[EventStatus, ...] = ()
    due: tuple[EventStatus, ...] = ()
    overdue: frozenset[EventId] = frozenset()
    orders: tuple[OpenOrder, ...] = ()
    resolved: tuple[Resolution, ...] = ()
    dry: tuple[EventStatus, ...] = ()
    changed: tuple[Changed, ...] = ()
    spool: SpoolStatus = field(default_factory=SpoolStatus)
    assumptions: tuple[AssumptionAnswer, ...] = ()
    accepted: tuple[AssumptionCode, ...] = ()
    contrary: RunRecord | None = None
    unended: tuple[RunRecord, ...] = ()
    failed_writes: Mapping[EventId, FailedWrite] = field(default_factory=dict)
    unsent: UnsentMails | None = None
    unwritable: str = ""

    @property
    def dry_run_differs(self) -> bool:
        """Whether a recent run had another `dry_run`."""
        return self.contrary is not None

    @property
    def since_good(self) -> timedelta | None:
        """How long ago the last good run ended; None if there was none."""
        return self.now - (self.good.finished_at or self.good.started_at) if self.good else None

    @property
    def is_stale(self) -> bool:
        """Whether there was no good run within STALE."""
        return self.since_good is None or self.since_good > STALE

    @property
    def is_disputed(self) -> bool:
        """Whether an order in Revel isn't its plan."""
        return any(each.state == "disputed" for each in self.orders)

    @property
    def has_alarm(self) -> bool:
        """Whether a person must check an order before anything more is written for its event."""
        return self.is_disputed or any(_is_about_order(each) for each in self.held)

    @property
    def over_behind(self) -> str:
        """The locations that `good` is about, to add to a sentence; "" if it is about all."""
        return f" over {', '.join(self.behind)}" if self.behind else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        is_off = self.pause is not None or not self.enabled
        found = [describe_disabled(self.pause)] if self.pause else []
        if not self.enabled:
            found.append(f"{describe_disabled(None)}: no run does anything")
        if self.dry_run and not self.contrary:
            found.append(f"safety.dry_run is true ({self.dry_run_origin}): runs read and plan, and write nothing")
        if not self.known:
            found.append("there is no ledger yet: no run has used these settings")
        elif self.since_good is None and not is_off:
            told = f"there was no good run yet{self.over_behind}: no live `sync` has ended with exit 0, 3 or 14"
            others = "(one with --from or --to doesn't count, nor does one that left events out)"
            found.append(f"{told}{' there' if self.behind else ''} {others}")
        elif self.since_good and self.is_stale and not is_off:
            told = f"the last good run{self.over_behind} ended {show_span(self.since_good)} ago; check that cron starts"
            ends = "how it ends, and whether it leaves events out; `tsrevel doctor` finds causes"
            found.append(f"{told} `tsrevel sync`{self.over_behind}, {ends}")
        if self.unwritable:
            found.append(f"this user's runs can't begin, because the ledger can't be written to: {self.unwritable}")
        for each in find_critical(self.assumptions, self.accepted):
            told = f"an assumption doesn't hold in this account: {describe_failed(each)}"
            found.append(f"runs write nothing, because {told}")
        late = [each for each in self.unended if self.now - each.started_at > self.deadline + OVERDUE]
        for run in late:
            may_hang = "" if run.followed else "hangs, "
            found.append(
                f"{run.correlation_id} didn't finish: it {may_hang}was stopped, died, or couldn't store its end"
            )
        if self.unsent:
            found.append(f"{self.unsent.describe(self.now)}; `tsrevel notify --test` shows its answer")
        found += self._warn_of_deliveries()
        if self.contrary:
            value, was = ("true", "was live") if self.dry_run else ("false", "was a dry run")
            why = "the setting was changed since then" if self.dry_run else "it was started with --dry-run"
            ago = show_span(self.now - self.contrary.started_at)
            found.append(
                f"safety.dry_run is {value} here ({self.dry_run_origin}), but {self.contrary.correlation_id} {was} "
                f"({ago} ago): either {why}, or runs get another value, for example from cron's environment. `status` "
                "sees only its own environment."
            )
        for order in self.orders:
            if order.state == "disputed":
                whose = f"Revel order {order.order_id} of event {order.event_id}"
                found.append(f"a person must check {whose}: {order.dispute}")
        return tuple(found)

    def _warn_of_deliveries(self) -> Iterator[str]:
        if self.spool.failed:
            told = f"webhook deliveries that can't be used: {self.spool.failed}. Read NAME.reason beside each in the"
            yield f"{told} spool's folder `failed`, then remove them"
        waits = self.now - self.spool.oldest if self.spool.oldest else timedelta()
        if waits > STALE and not (self.pause or self.dry_run or not self.enabled):
            told = f"webhook deliveries have waited for {show_span(waits)}; check that `tsrevel serve` runs and what it"
            yield f"{told} logs"

    def is_overdue(self, standing: EventStatus) -> bool:
        """Whether the event still waits although its time gate has closed."""
        return standing.event_id in self.overdue


def take_stock(view: LedgerView | None, settings: Settings, now: datetime, limit: int) -> InstallationStatus:
    """The status at `now`, with the last `limit` runs. Raises LedgerUnusable and LedgerDamaged."""
    bare = InstallationStatus(
        now=now,
        known=False,
        dry_run=settings.safety.dry_run,
        dry_run_origin=str(settings.origin("safety.dry_run")),
        enabled=settings.safety.enable_connector,
        deadline=timedelta(minutes=settings.sync.deadline_minutes),
        spool=Spool(settings.spool_path).count(),
        accepted=settings.safety.accepted_assumptions,
    )
    if view is None:
        return bare
    policy = build_policy(settings)
    changed, covered = tuple(find_changed(view)), covered_locations(policy)
    with view.reading():
        trouble, missed, due = view.queries.held_or_failed(), view.queries.missed(), view.queries.waiting()
        runs, last_good = view.runs.latest(limit), view.runs.last_good_of_each(covered, now)
        lasts = {each.run_id: each for each in (*view.runs.latest(1), *view.runs.latest(1, bulk=True))}
        return replace(
            bare,
            known=True,
            unwritable=describe_unwritable(view.path),
            pause=view.runs.paused(),
            good=oldest_of(last_good),
            behind=_find_behind(covered, last_good),
            runs=runs,
            totals=view.queries.totals_of(run.run_id for run in runs),
            held=tuple(each for each in trouble if each.status == "held"),
            failed=tuple(each for each in trouble if each.status == "failed"),
            missed=missed,
            unsent=view.queries.unsent_mails(now) if settings.email.configured else None,
            failed_writes=view.orders.failed_writes(each.event_id for each in (*trouble, *missed)),
            due=due,
            overdue=frozenset(each.event_id for each in due if _is_overdue(each, policy, now)),
            orders=view.queries.open_orders(),
            resolved=view.events.all_resolutions(),
            dry=view.queries.dry_findings(),
            changed=changed,
            contrary=_find_contrary(view, now, dry_run=bare.dry_run),
            unended=tuple(each for each in lasts.values() if each.finished_at is None),
            assumptions=view.assumptions.answers(),
        )


def _is_about_order(held: EventStatus) -> bool:
    """Whether the event is held because of its order at Revel. Amounts that don't add up may be those of the event."""
    own = {Reason.AMOUNT_MISMATCH} if held.has_order else set()
    return held.reason in {Reason.DUPLICATE_ORDERS, Reason.ORDER_DIFFERS} | own


def _is_overdue(waiting: EventStatus, policy: Policy, now: datetime) -> bool:
    """Whether its time gate has closed, by the clock of its location."""
    location = find_named(waiting.location, policy)
    zone = ZoneInfo(location.timezone if location else policy.default_timezone)
    return waiting.day is not None and judge_gate(waiting.day, zone, policy.gate, now) == "passed"


def _find_behind(covered: Mapping[str, Location], last_good: Mapping[str, RunRecord | None]) -> tuple[str, ...]:
    """The names of the locations whose last good run is the oldest, or that had none; () if that is all of them."""
    oldest = oldest_of(last_good)
    behind = [each for key, each in covered.items() if last_good[key] == oldest]
    return tuple(each.name for each in behind) if len(behind) < len(covered) else ()


def _find_contrary(view: LedgerView, now: datetime, *, dry_run: bool) -> RunRecord | None:
    """A run that shows that runs have another `dry_run` than this one: the last `sync`, or a recent live run.

    `--dry-run` makes any run dry, but no option makes a run live.
    """
    for run in view.runs.latest(1, bulk=True):
        if run.dry_run != dry_run:
            return run
    for run in view.runs.latest(1, live=True) if dry_run else ():
        if timedelta() <= now - run.started_at < STALE:  # a fast clock may have started it
            return run
    return None

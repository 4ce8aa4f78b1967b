"""Finished orders, looked at once more: what a POS station has changed of them is told and left as it is.

Only reads (facts Revel 3.7). What a station does in normal service isn't news: a payment taken, the order printed,
sent or closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tsrevel.engine.evidence import find_twice
from tsrevel.engine.report import Outcome, not_written, with_order
from tsrevel.errors import LedgerUnusable, Refused, StopRun, TryNextRun, Unreadable
from tsrevel.gate import Place, WriteGate
from tsrevel.ledger import Ledger, OrderRecord, StationChange, StationReport
from tsrevel.planning.model import EventId, Hold, OrderId, Plan, Skip
from tsrevel.planning.money import Cents, show
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel.client import Revel, tell_doubles
from tsrevel.revel.decode import OrderRow

log = logging.getLogger(__name__)

DAYS_AFTER = 2
"""An order is looked at from when it was made until so many days after its event's day."""
BATCH = 50
"""Orders asked for in one request."""
MOST = 4 * BATCH
"""Orders that a run looks at, at most: those whose days are nearest."""
MOST_SINGLES = 50
"""Orders that a run asks for one by one at most, where Revel doesn't show them together."""

Shown = Mapping[str, str]
"""What of an order is watched, as text: money with two decimals, marks as yes or no. Free of customer data."""

_ENDINGS = {
    StationChange.CHANGED: "look at it there, it is left as it is",
    StationChange.UNDONE: "it is as it was made again",
}
_MONEY = ("subtotal", "discount", "tax", "gratuity", "total", "balance")


@dataclass(slots=True, eq=False, repr=False)
class Watch:
    """Looks at the finished orders of days to come and of those just passed, at the end of a run. Use one for a run.

    `after_report` takes what is to be stored once the run's report stands.
    """

    revel: Revel
    ledger: Ledger
    gate: WriteGate
    run_id: str
    now: datetime
    after_report: Callable[[Callable[[], None]], None]
    _confirmed: int = field(default=0, init=False)

    def look(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """`outcomes` with what was changed at Revel since it was last told. Raises LedgerUnusable.

        A look that fails tells nothing: the next run looks again.
        """
        told = {each.event_id: each for each in outcomes}
        orders = [each for each in self._near() if _may_be_told(told.get(each.event_id))][:MOST]
        known = self.ledger.shown_orders(each.event_id for each in orders)
        try:
            for record, row in self._rows(orders):
                about = told.get(record.event_id)
                if isinstance(row, Hold):
                    outcome: Outcome | None = _hold(record, row, about)
                else:
                    outcome = self._compare(
                        record, self._confirm(record, row, known), known.get(record.event_id), about
                    )
                if outcome:
                    told[record.event_id] = outcome
        except LedgerUnusable:
            raise
        except (StopRun, TryNextRun, Refused) as error:
            log.warning("finished orders can't be looked at now, so the next run looks again: %s", error)
        return list(told.values())

    def _near(self) -> list[OrderRecord]:
        """The finished orders of places that this run is about and of days not long passed, the nearest day first."""
        first = self.now.date() - timedelta(days=DAYS_AFTER + 1)
        ahead = [(self._days_ahead(record), record) for record in self.ledger.settled_near(first, date.max)]
        found = [(days, record) for days, record in ahead if days is not None and days >= -DAYS_AFTER]
        return [record for _, record in sorted(found, key=lambda pair: abs(pair[0]))]

    def _days_ahead(self, record: OrderRecord) -> int | None:
        """In how many days its event is, by the clock there; None where the run isn't about its place."""
        plan = record.seen_plan or record.plan  # an event may have been moved to another day since
        if plan is None:
            return None
        if not self.gate.covers(Place(plan.location.tripleseat_location, plan.location.tripleseat_site)):
            return None
        here = self.now.astimezone(ZoneInfo(plan.location.timezone)).date()
        return (plan.day - here).days

    def _rows(self, orders: Iterable[OrderRecord]) -> Iterator[tuple[OrderRecord, OrderRow | Hold | None]]:
        """Each order with what Revel shows of it; a Hold where it is there twice, or its history; None where it isn't.

        Asked for by uuid, so that a twin is shown as well.
        """
        wanted = {record.plan.uuid: record for record in orders if record.order_id and record.plan}
        uuids, singles = list(wanted), 0
        for start in range(0, len(uuids), BATCH):
            batch = uuids[start : start + BATCH]
            found = self.revel.orders_by_uuid(batch)
            for uuid in batch:
                record, rows = wanted[uuid], found.get(uuid, ())
                standing = [row.id for row in rows if not row.deleted]
                own = next((row for row in rows if row.id == record.order_id), None)
                if len(standing) > 1:
                    yield record, Hold(Reason.DUPLICATE_ORDERS, tell_doubles(standing))
                elif own:
                    yield record, self._written_twice(own) or own
                elif singles < MOST_SINGLES and record.order_id:
                    singles += 1
                    try:
                        row = self._find(record, record.order_id)
                    except Unreadable as error:
                        log.warning(
                            "Revel order %s can't be read, so the next run looks again: %s", record.order_id, error
                        )
                    else:
                        yield record, row

    def _written_twice(self, row: OrderRow) -> Hold | None:
        """A Hold where one history row is there twice; a station that opens an order again adds one of its own."""
        if (row.histories or 0) < 2 or self._confirmed == MOST_SINGLES:
            return None
        self._confirmed += 1
        twice = find_twice(self.revel.history(row.id))
        return Hold(Reason.AMOUNT_MISMATCH, f"Revel order {row.id} is not what was planned: {twice}") if twice else None

    def _confirm(self, record: OrderRecord, row: OrderRow | None, known: Mapping[EventId, Shown]) -> OrderRow | None:
        """`row`, or the order itself where a list shows it changed: lists may lag behind what was just written."""
        if row is None or record.plan is None or self._confirmed == MOST_SINGLES:
            return row
        if _as_shown(record.plan, row) == (known.get(record.event_id) or _as_planned(record.plan)):
            return row
        self._confirmed += 1
        return self.revel.find_by_id(row.id) or row

    def _find(self, record: OrderRecord, order_id: OrderId) -> OrderRow | None:
        """The order by its id; where Revel knows no such id, by its uuid: one word isn't enough to call it gone."""
        row = self.revel.find_by_id(order_id)
        if row is None and record.plan:
            row = next((each for each in self.revel.find_by_uuid(record.plan.uuid) if each.id == order_id), None)
        return row

    def _compare(
        self, record: OrderRecord, row: OrderRow | None, known: Shown | None, outcome: Outcome | None
    ) -> Outcome | None:
        """The event's outcome with what was changed; None where there is nothing to tell."""
        if record.plan is None:
            return None
        planned, shown = _as_planned(record.plan), _as_shown(record.plan, row)
        before = known or planned
        if shown == before:
            return None
        changes = describe_order_changes(before, shown)
        report = None
        if changes:
            change = StationChange.UNDONE if shown == planned else StationChange.CHANGED
            what = f"Revel order {record.order_id} was changed at Revel: {', '.join(changes)}"
            report = StationReport(change, f"{what}; {_ENDINGS[change]}")
        self._remember(record.event_id, shown, report)
        return _tell(record, outcome, report.text) if report else None

    def _remember(self, event_id: EventId, shown: Shown, report: StationReport | None) -> None:
        if not self.gate.dry_run:
            note, run_id = self.ledger.note_shown, self.run_id
            self.after_report(lambda: note(run_id, event_id, shown, report))


def describe_order_changes(before: Shown, now: Shown) -> list[str]:
    """What a person must know of the change from `before` to `now`; nothing where it is normal service.

    A balance that falls, not below zero, is a payment taken at a station.
    """
    if now["there"] != before["there"]:
        return ["Revel has no such order any more" if now["there"] == "no" else "it is there again"]
    changes = []
    if now["deleted"] != before["deleted"]:
        changes.append("it was deleted" if now["deleted"] == "yes" else "it is no longer deleted")
    changes += [
        f"{what} {before[what]} → {now[what]}" for what in ("establishment", *_MONEY) if now[what] != before[what]
    ]
    changes += [f"its {what} is another" for what in ("local_id", "uuid") if now[what] < before[what]]
    changes += [f"its {what} is ours again" for what in ("local_id", "uuid") if now[what] > before[what]]
    return [] if len(changes) == 1 and _is_payment(before, now) else changes


def _is_payment(before: Shown, now: Shown) -> bool:
    return 0 <= Decimal(now["balance"]) < Decimal(before["balance"])


def _may_be_told(outcome: Outcome | None) -> bool:
    """Whether there is room for it: what this run has just made was just proven, and trouble is told by itself."""
    return outcome is None or outcome.status is Status.SKIPPED


def _tell(record: OrderRecord, outcome: Outcome | None, text: str) -> Outcome:
    about = outcome or with_order(Outcome(record.event_id, Status.SKIPPED), record)
    if about.news and about.text:  # the event has changed as well, or was cancelled
        return replace(about, text=f"{about.text}; {text}")
    told = not_written(about, Skip(Reason.CHANGED_AFTER_INJECTION, text))
    return replace(told, order_id=record.order_id, news=True)


def _hold(record: OrderRecord, found: Hold, outcome: Outcome | None) -> Outcome:
    """An order that has a twin, or a part twice: told in every run, until a person has deleted one of them."""
    about = with_order(outcome or Outcome(record.event_id, Status.SKIPPED), record)
    return replace(not_written(about, found), alarm=True)


def _as_planned(plan: Plan) -> Shown:
    money = (plan.subtotal, plan.discount, plan.tax, plan.gratuity, plan.final_total, plan.remaining_due)
    return _as_text(str(plan.location.establishment), money, deleted=False, local_id=True, uuid=True)


def _as_shown(plan: Plan, row: OrderRow | None) -> Shown:
    if row is None:
        return {**_as_planned(plan), "there": "no"}
    return _as_text(
        str(row.establishment or "none"),
        (row.subtotal, row.discount, row.tax, row.gratuity, row.final_total, row.remaining_due),
        deleted=row.deleted,
        local_id=row.local_id == plan.local_id,
        uuid=row.uuid == plan.uuid,
    )


def _as_text(
    establishment: str, money: tuple[Cents, ...], *, deleted: bool, local_id: bool, uuid: bool
) -> dict[str, str]:
    marks = {"deleted": deleted, "local_id": local_id, "uuid": uuid, "there": True}
    amounts = {what: show(amount) for what, amount in zip(_MONEY, money, strict=True)}
    return {
        "establishment": establishment,
        **amounts,
        **{what: "yes" if is_so else "no" for what, is_so in marks.items()},
    }

"""Sums up results by location and day, and checks the comparison itself by the day's sums. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tsrevel.planning.model import EstablishmentId, Hold
from tsrevel.planning.money import show
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.model import (
    MONEY_KINDS,
    ComparedSpan,
    ComparisonResult,
    Day,
    Difference,
    DifferenceKind,
    Figures,
    Money,
    Reconciliation,
    ReportLocation,
    Totals,
    UnmatchedKind,
)
from tsrevel.text import count_of


def sum_up(
    verdicts: Sequence[ComparisonResult], spans: tuple[ComparedSpan, ...], at: datetime, *, has_ledger: bool
) -> Reconciliation:
    """Every day of every span, and days of locations without an entry: in the order of the settings, then by day."""
    days: dict[tuple[ReportLocation, date], list[ComparisonResult]] = {}
    for span in spans:
        for number in range((span.last - span.first).days + 1):
            days[span.location, span.first + timedelta(days=number)] = []
    elsewhere: dict[tuple[ReportLocation, date], list[Money]] = {}
    for verdict in verdicts:
        days.setdefault((verdict.case.location, verdict.case.day), []).append(verdict)
        for location, money in _orders_elsewhere(verdict, spans):
            elsewhere.setdefault((location, verdict.case.day), []).append(money)
    for key in elsewhere:
        days.setdefault(key, [])
    locations = list(dict.fromkeys(location for location, _ in days))
    keys = sorted(days, key=lambda key: (locations.index(key[0]), key[1]))
    summed = [_sum_day(key, days[key], elsewhere.get(key, []), has_ledger=has_ledger) for key in keys]
    return Reconciliation(at, spans, tuple(summed if has_ledger else _with_ledger_missed(summed, verdicts)), has_ledger)


def _is_own(verdict: ComparisonResult, establishment: EstablishmentId | None) -> bool:
    return establishment in {None, verdict.case.location.establishment}


def _orders_elsewhere(
    verdict: ComparisonResult, spans: tuple[ComparedSpan, ...]
) -> Iterator[tuple[ReportLocation, Money]]:
    """Revel's orders that aren't at the event's own location, each with the location that it is at."""
    for at, money in zip(verdict.establishments, verdict.revel, strict=True):
        if at is not None and not _is_own(verdict, at):
            named = (span.location for span in spans if span.location.establishment == at)
            yield next(named, ReportLocation(f"establishment {at}", at)), money


def _sum_day(
    key: tuple[ReportLocation, date], verdicts: list[ComparisonResult], elsewhere: Sequence[Money], *, has_ledger: bool
) -> Day:
    location, day = key
    matched = Figures()
    unmatched: dict[UnmatchedKind, Figures] = {}
    for verdict in sorted(verdicts, key=lambda each: each.case.event_id):
        own = [money for at, money in zip(verdict.establishments, verdict.revel, strict=True) if _is_own(verdict, at)]
        figures = Figures(_total(verdict.tripleseat), _total(verdict.ledger), _total(*own))
        kind = _why_unmatched(verdict, has_order=bool(own))
        if kind is None:
            matched += figures
        elif figures != Figures():
            unmatched[kind] = unmatched.get(kind, Figures()) + figures
    if elsewhere:
        kind = UnmatchedKind.OTHER_LOCATION
        unmatched[kind] = unmatched.get(kind, Figures()) + Figures(revel=_total(*elsewhere))
    findings = tuple(each for verdict in verdicts for each in verdict.findings)
    in_order = {kind: unmatched[kind] for kind in UnmatchedKind if kind in unmatched}
    summed = Day(day, location, matched, in_order, findings, has_ledger)
    return summed if summed.differences else _checked(summed, verdicts)


def _total(*orders: Money | None) -> Totals:
    found = [each for each in orders if each is not None]
    return Totals(len(found), sum(found, Money()))


def _why_unmatched(verdict: ComparisonResult, *, has_order: bool) -> UnmatchedKind | None:
    """Why not all three have the event in full; None if they do. `has_order`: it has one at its own location."""
    case, kinds = verdict.case, {each.kind for each in verdict.findings}
    if verdict.tripleseat is None:
        return UnmatchedKind.NO_EVENT
    if has_order:
        if case.has_ledger and verdict.ledger is None:
            return UnmatchedKind.NOT_IN_LEDGER
        return UnmatchedKind.NOT_PLANNABLE if verdict.tripleseat.partial else None
    if verdict.revel:
        return UnmatchedKind.OTHER_LOCATION
    if DifferenceKind.ORDER_GONE in kinds:
        return UnmatchedKind.ORDER_GONE
    if case.unreadable:
        return UnmatchedKind.ORDER_UNREADABLE
    if isinstance(case.screened, Hold) or isinstance(case.plan, Hold):
        return UnmatchedKind.HELD
    return UnmatchedKind.MISSED if case.gate == "passed" else UnmatchedKind.NO_ORDER


def _checked(day: Day, verdicts: list[ComparisonResult]) -> Day:
    """Report sums that differ although no event does. Events whose money an explained finding is about are left out."""
    explained = {DifferenceKind.RESOLVED, DifferenceKind.PAYMENT_EXTRA}
    open_ones = [each for each in verdicts if explained.isdisjoint(found.kind for found in each.findings)]
    tripleseat = sum((each.tripleseat for each in open_ones if each.tripleseat), Money())
    revel = sum((money for each in open_ones for money in each.revel), Money())
    found = tuple(
        Difference(
            DifferenceKind.MONEY,
            f"the sum of {kind} on this day is {show(tripleseat.of(kind))} in TripleSeat and "
            f"{show(revel.of(kind))} in Revel, and no event explains it; report this fault in tsrevel",
            reason=Reason.AMOUNT_MISMATCH,
            field=kind,
            tripleseat=tripleseat.of(kind),
            revel=revel.of(kind),
        )
        for kind in MONEY_KINDS
        if tripleseat.of(kind) != revel.of(kind)
    )
    return replace(day, findings=(*day.findings, *found))


def _with_ledger_missed(days: list[Day], verdicts: Sequence[ComparisonResult]) -> list[Day]:
    """Add a finding to the last day that has an order of ours: a ledger existed when that was written."""
    ours = [each.case for each in verdicts if any(each.case.is_ours(row) for row in each.case.live)]
    if not ours:
        return days
    latest = max(ours, key=lambda case: case.day)
    count = sum(case.is_ours(row) for case in ours for row in case.live)
    text = (
        f"there is no ledger, but Revel has {count_of(count, 'order')} of tsrevel; if the ledger is "
        "lost, restore its last backup; otherwise the next live `sync` over these days adds the orders"
    )
    found = Difference(DifferenceKind.LEDGER_MISSING, text)
    last = (latest.location, latest.day)
    return [
        replace(each, findings=(*each.findings, found)) if (each.location, each.day) == last else each for each in days
    ]

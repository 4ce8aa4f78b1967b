"""Verdicts summed up: each location's days, what the three count there, and a check on the comparison itself. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tsrevel.planning.money import show
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.model import (
    MONEY_KINDS,
    ComparedSpan,
    ComparisonResult,
    Day,
    Difference,
    DifferenceKind,
    Money,
    Reconciliation,
    ReportLocation,
    Totals,
)
from tsrevel.reconcile.order_parts import is_ours


def sum_up(
    verdicts: Sequence[ComparisonResult], spans: tuple[ComparedSpan, ...], at: datetime, *, has_ledger: bool
) -> Reconciliation:
    """Every day of every span, and those of places that have no entry; in the order of the settings, then by day."""
    sorted_out: dict[tuple[ReportLocation, date], list[ComparisonResult]] = {}
    for span in spans:
        for number in range((span.last - span.first).days + 1):
            sorted_out[span.spot, span.first + timedelta(days=number)] = []
    held: dict[tuple[ReportLocation, date], list[tuple[ComparisonResult, Money]]] = {}
    for verdict in verdicts:
        sorted_out.setdefault((verdict.case.spot, verdict.case.day), []).append(verdict)
        for spot, money in _held_at(verdict, spans):
            held.setdefault((spot, verdict.case.day), []).append((verdict, money))
    for key in held:
        sorted_out.setdefault(key, [])
    places = list(dict.fromkeys(spot for spot, _ in sorted_out))
    keys = sorted(sorted_out, key=lambda key: (places.index(key[0]), key[1]))
    days = [_sum_day(key, sorted_out[key], held.get(key, []), has_ledger=has_ledger) for key in keys]
    return Reconciliation(at, spans, tuple(days if has_ledger else _with_ledger_missed(days, verdicts)), has_ledger)


def _held_at(verdict: ComparisonResult, spans: tuple[ComparedSpan, ...]) -> Iterator[tuple[ReportLocation, Money]]:
    """Revel's orders, each where Revel has it."""
    own = verdict.case.spot
    for at, money in zip(verdict.places, verdict.revel, strict=True):
        if at is None or at == own.establishment:
            yield own, money
        else:
            named = (span.spot for span in spans if span.spot.establishment == at)
            yield next(named, ReportLocation(f"establishment {at}", at)), money


def _sum_day(
    key: tuple[ReportLocation, date],
    verdicts: list[ComparisonResult],
    held: list[tuple[ComparisonResult, Money]],
    *,
    has_ledger: bool,
) -> Day:
    spot, day = key
    tripleseat, ledger, revel = Totals(), Totals(), Totals()
    for verdict in sorted(verdicts, key=lambda each: each.case.event_id):
        tripleseat, ledger = tripleseat.plus(verdict.tripleseat), ledger.plus(verdict.ledger)
    for _, money in held:
        revel = revel.plus(money)
    findings = tuple(each for verdict in verdicts for each in verdict.findings)
    strays = sum(verdict.case.spot != spot for verdict, _ in held)
    summed = Day(day, spot, tripleseat, ledger if has_ledger else None, revel, findings, strays)
    return summed if summed.differences else _checked(summed, verdicts)


def _checked(day: Day, verdicts: list[ComparisonResult]) -> Day:
    """No day agrees whose sums don't, whatever was found in its events. What a person resolved is left out."""
    open_ones = [each for each in verdicts if all(found.kind is not DifferenceKind.RESOLVED for found in each.findings)]
    tripleseat = sum((each.tripleseat for each in open_ones if each.tripleseat), Money())
    revel = sum((money for each in open_ones for money in each.revel), Money())
    found = tuple(
        Difference(
            DifferenceKind.MONEY,
            f"the day's {kind} are {show(tripleseat.of(kind))} in TripleSeat and "
            f"{show(revel.of(kind))} at Revel, and no event says why; please report this",
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
    """The days, with one finding on the last that has an order of ours: when it was written there was a ledger."""
    ours = [each.case for each in verdicts if any(is_ours(each.case, row) for row in each.case.live)]
    if not ours:
        return days
    latest = max(ours, key=lambda case: case.day)
    count = sum(is_ours(case, row) for case in ours for row in case.live)
    text = (
        f"there is no ledger, and Revel holds {count} {'order' if count == 1 else 'orders'} of ours; put back its last "
        "backup if it is lost, else the next `sync` over these days takes them in"
    )
    found = Difference(DifferenceKind.LEDGER_MISSING, text)
    return [
        replace(each, findings=(*each.findings, found)) if (each.spot, each.day) == (latest.spot, latest.day) else each
        for each in days
    ]

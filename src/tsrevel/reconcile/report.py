"""Verdicts summed up: each location's days, what the three count there, and a check on the comparison itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from tsrevel.planning.money import show
from tsrevel.planning.reasons import Reason
from tsrevel.reconcile.model import MONEY_KINDS, Day, Finding, Kind, Report, Span, Spot, Tally, Verdict


def sum_up(verdicts: Iterable[Verdict], spans: tuple[Span, ...], at: datetime, *, has_ledger: bool) -> Report:
    """Every day of every span, and those of places that have no entry; in the order of the settings, then by day."""
    sorted_out: dict[tuple[Spot, date], list[Verdict]] = {key: [] for span in spans for key in _days_of(span)}
    for verdict in verdicts:
        sorted_out.setdefault((verdict.case.spot, verdict.case.day), []).append(verdict)
    places = list(dict.fromkeys(spot for spot, _ in sorted_out))
    keys = sorted(sorted_out, key=lambda key: (places.index(key[0]), key[1]))
    days = tuple(_sum_day(spot, day, sorted_out[spot, day], has_ledger=has_ledger) for spot, day in keys)
    return Report(at, spans, days, has_ledger)


def _days_of(span: Span) -> Iterator[tuple[Spot, date]]:
    for number in range((span.last - span.first).days + 1):
        yield span.spot, span.first + timedelta(days=number)


def _sum_day(spot: Spot, day: date, verdicts: list[Verdict], *, has_ledger: bool) -> Day:
    tripleseat, ledger, revel = Tally(), Tally(), Tally()
    for verdict in sorted(verdicts, key=lambda each: each.case.event_id):
        tripleseat, ledger = tripleseat.plus(verdict.tripleseat), ledger.plus(verdict.ledger)
        for money in verdict.revel:
            revel = revel.plus(money)
    findings = tuple(each for verdict in verdicts for each in verdict.findings)
    summed = Day(day, spot, tripleseat, ledger if has_ledger else None, revel, findings)
    return summed if summed.differences else _checked(summed)


def _checked(day: Day) -> Day:
    """No day agrees whose sums don't, whatever was found in its events."""
    unlike = [kind for kind in MONEY_KINDS if day.tripleseat.money.of(kind) != day.revel.money.of(kind)]
    found = tuple(
        Finding(
            Kind.MONEY,
            f"the day's {kind} are {show(day.tripleseat.money.of(kind))} in TripleSeat and "
            f"{show(day.revel.money.of(kind))} at Revel, and no event says why; please report this",
            reason=Reason.AMOUNT_MISMATCH,
            field=kind,
            tripleseat=day.tripleseat.money.of(kind),
            revel=day.revel.money.of(kind),
        )
        for kind in unlike
    )
    return Day(day.day, day.spot, day.tripleseat, day.ledger, day.revel, (*day.findings, *found)) if found else day

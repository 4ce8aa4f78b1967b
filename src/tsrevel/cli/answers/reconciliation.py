"""The answer of `reconcile`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from pydantic import Field

from tsrevel.cli.answers.model import Answer, Id, Instant, Money, Text, fill
from tsrevel.planning.reasons import Category, Reason
from tsrevel.reconcile.model import (
    MONEY_KINDS,
    Day,
    Difference,
    DifferenceKind,
    Figures,
    MoneyKind,
    Reconciliation,
    Totals,
    UnmatchedKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileSummaryJson:
    """How many events and orders all days have, and how many differences, alarms and notes there are."""

    events: int
    orders: int
    differences: int
    alarms: int
    notes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalJson:
    """How many orders, and the sum of their totals."""

    orders: int
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsJson:
    """How many orders, and their money by kind."""

    orders: int
    items: Money
    discount: Money
    tax: Money
    charges: Money
    total: Money
    payments: Money
    balance: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SumsJson:
    """The sums of the same events on all three sides. `ledger` is null if there is no ledger."""

    tripleseat: TotalJson
    ledger: TotalJson | None
    revel: TotalJson


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedJson(SumsJson):
    """Events that one of the three sides lacks or has only in part. `kind`: why."""

    why: Annotated[UnmatchedKind, Field(serialization_alias="kind")]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayJson:
    """The day of a location: the events that all three sides have in full, the others, and the sum of both."""

    day: Annotated[date, Field(serialization_alias="date")]
    agrees: bool
    tripleseat: TotalsJson
    ledger: TotalsJson | None
    revel: TotalsJson
    unmatched: tuple[UnmatchedJson, ...]
    whole: SumsJson


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationDaysJson:
    """A location with its days. `establishment` is null for one without a [[locations]] entry."""

    name: Annotated[str, Field(serialization_alias="location")]
    establishment: Id | None
    timezone: Text
    days: tuple[DayJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceJson:
    """A difference; in `notes` an explained one. `field` and the three amounts: the money that differs."""

    kind: DifferenceKind
    reason: Reason | None
    category: Category | None
    event_id: Id | None
    orders: Annotated[tuple[Id, ...], Field(serialization_alias="revel_order_ids")]
    day: Annotated[date, Field(serialization_alias="date")]
    location: str
    establishment: Id | None
    field: MoneyKind | None
    tripleseat: Money | None
    ledger: Money | None
    revel: Money | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileAnswer(Answer):
    """TripleSeat, ledger and Revel side by side. `success`: no difference is open. `ledger`: whether there is one."""

    success: bool
    reason: None = None
    exit_status: int
    at: Instant
    first: Annotated[date | None, Field(serialization_alias="from")]
    last: Annotated[date | None, Field(serialization_alias="to")]
    has_ledger: Annotated[bool, Field(serialization_alias="ledger")]
    summary: ReconcileSummaryJson
    locations: tuple[LocationDaysJson, ...]
    differences: tuple[DifferenceJson, ...]
    notes: tuple[DifferenceJson, ...]


def answer_reconciliation(report: Reconciliation) -> ReconcileAnswer:
    """The report as `--json` prints it."""
    dates = [day.day for day in report.days]
    has_ledger = report.has_ledger
    return fill(
        ReconcileAnswer,
        report,
        success=report.exit_status == 0,
        first=min(dates, default=None),
        last=max(dates, default=None),
        summary=ReconcileSummaryJson(
            events=sum(day.whole.tripleseat.orders for day in report.days),
            orders=sum(day.whole.revel.orders for day in report.days),
            differences=len(report.differences),
            alarms=sum(finding.alarm for _, finding in report.differences),
            notes=len(report.notes),
        ),
        locations=tuple(
            fill(LocationDaysJson, location, days=tuple(_answer_day(day, has_ledger) for day in days))
            for location, days in report.by_location
        ),
        differences=tuple(_answer_finding(*pair) for pair in report.differences),
        notes=tuple(_answer_finding(*pair) for pair in report.notes),
    )


def _answer_day(day: Day, has_ledger: bool) -> DayJson:
    matched = day.matched
    return fill(
        DayJson,
        day,
        tripleseat=_answer_totals(matched.tripleseat),
        ledger=_answer_totals(matched.ledger) if has_ledger else None,
        revel=_answer_totals(matched.revel),
        unmatched=tuple(
            fill(UnmatchedJson, _answer_sums(figures, has_ledger), why=kind) for kind, figures in day.unmatched.items()
        ),
        whole=_answer_sums(day.whole, has_ledger),
    )


def _answer_sums(figures: Figures, has_ledger: bool) -> SumsJson:
    def answer(side: Totals) -> TotalJson:
        return TotalJson(orders=side.orders, total=side.money.total)

    ledger = answer(figures.ledger) if has_ledger else None
    return SumsJson(tripleseat=answer(figures.tripleseat), ledger=ledger, revel=answer(figures.revel))


def _answer_totals(totals: Totals) -> TotalsJson:
    return fill(TotalsJson, totals, **{kind: totals.money.of(kind) for kind in MONEY_KINDS})


def _answer_finding(day: Day, finding: Difference) -> DifferenceJson:
    return fill(
        DifferenceJson,
        finding,
        category=finding.reason.category if finding.reason else None,
        day=day.day,
        location=day.location.name,
        establishment=day.location.establishment,
    )

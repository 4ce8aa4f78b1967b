"""`report`: a text for a colleague, or for an issue. It holds no customer's data, no secret, no name and no address.

It shows only the shape of the services' answers: field names and types. It queries the services and stores nothing.
"""

from __future__ import annotations

import platform
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tsrevel import __version__
from tsrevel.config import Settings
from tsrevel.config.render import Shown, list_tables, list_values
from tsrevel.doctor.checks import Installation, keep_off, listed_days, run_checks
from tsrevel.doctor.findings import CheckResult, attempt
from tsrevel.errors import TsrevelError
from tsrevel.ledger import LedgerView, open_view
from tsrevel.planning.assumptions import ASSUMPTIONS, Assumption, AssumptionAnswer, AssumptionCode, summarize
from tsrevel.revel.decode import decode_id
from tsrevel.tripleseat.fields import read_id
from tsrevel.tripleseat.probes import TripleSeatProbe
from tsrevel.wiring import Services, open_services

_LAST_RUNS = 10
_SHOWN_WORDS = frozenset(
    {
        *("environment", "timezone", "tripleseat.auth", "tripleseat.payload", "tripleseat.eligible_statuses"),
        *("safety.accepted_assumptions", "orders.unmapped_items", "orders.payments", "orders.discounts", "email.on"),
        *("charges.as", "locations.timezone", "locations.currency"),
    }
)
"""Settings whose values are words of a closed list. Other settings are shown only if they are numbers."""
_WITH_WORDS = frozenset({AssumptionCode.TRIPLESEAT_CHARGES, AssumptionCode.TRIPLESEAT_PAYMENT_STATES})
"""Assumptions whose answers quote words that staff entered in TripleSeat."""
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_MOST_NESTED = 8
_REVEL_RESOURCES = ("Order", "OrderItem", "Payment", "OrderHistory", "Product")


@dataclass(frozen=True, slots=True)
class ReportSection:
    """A part of the report."""

    title: str
    lines: tuple[str, ...]


def collect_report(installation: Installation, *, offline: bool) -> tuple[ReportSection, ...]:
    """Every section. `offline`: call no service. A ledger that can't be read is shown by the error's type only."""
    settings, runtime = installation.settings, installation.runtime
    now = runtime.clock()
    sections = [
        ReportSection("Versions", tuple(_list_versions(now))),
        ReportSection("Settings", tuple(_list_settings(settings))),
        ReportSection("Problems", tuple(_list_problems(installation)) or ("none",)),
    ]
    view = attempt(lambda: open_view(settings.ledger_path, settings.environment, runtime.database))
    if isinstance(view, TsrevelError):
        sections.append(ReportSection("Ledger", (f"can't be read: {type(view).__name__}",)))
    elif view is None:
        sections.append(ReportSection("Ledger", ("there is none yet",)))
    else:
        with view:
            sections += _read_ledger(view)
    why = _why_not_asked(installation, offline=offline)
    if why:
        not_asked = (f"not asked: {why}",)
        return (*sections, ReportSection("Findings of doctor", not_asked), ReportSection("Shapes", not_asked))
    findings = tuple(
        f"{each.verdict} {each.name} {each.code}"
        for each in run_checks(installation)
        if each.verdict is not CheckResult.OK
    )
    with open_services(settings, runtime) as services:
        shapes = tuple(_list_shapes(services, listed_days(installation)))
    return (
        *sections,
        ReportSection("Findings of doctor", findings or ("all checks are ok",)),
        ReportSection("Shapes of the services' answers (field names and types)", shapes),
    )


def render_report(sections: Sequence[ReportSection]) -> str:
    """The whole text."""
    head = "tsrevel report. It holds field names, types, codes, counts and numbers of settings; no names, no secrets."
    parts = [f"{each.title}\n{'-' * len(each.title)}\n" + "\n".join(each.lines) for each in sections]
    return "\n\n".join([head, *parts]) + "\n"


def _why_not_asked(installation: Installation, *, offline: bool) -> str:
    if offline:
        return "--offline"
    if installation.switched_off():
        return "runs are paused or disabled"
    off = next(filter(None, (keep_off(installation, service) for service in ("tripleseat", "revel"))), None)
    return f"the settings have a problem ({off.code})" if off else ""


def _list_versions(now: datetime) -> Iterator[str]:
    yield f"tsrevel {__version__}"
    yield f"Python {platform.python_version()} ({platform.python_implementation()}), {platform.system()}"
    yield f"written {now:%Y-%m-%d %H:%M} UTC"


def _list_settings(settings: Settings) -> Iterator[str]:
    for each in list_values(settings):
        yield f"{each.key} = {_mask(each.key, each.value)}"
    for table in list_tables(settings):
        yield f"[[{table.key}]]: {len(table.entries)}"
        for number, entry in enumerate(table.entries, 1):
            fields = (f"{_last(each)} = {_mask(f'{table.key}.{_last(each)}', each.value)}" for each in entry)
            yield f"  {number}: {', '.join(fields)}"


def _list_problems(installation: Installation) -> Iterator[str]:
    for each in installation.problems:
        key = re.sub(r"\[.*\]", "[]", each.key)  # a location's name may stand there
        yield f"{key}: {each.code}"


def _last(shown: Shown) -> str:
    return shown.key.rpartition(".")[2]


def _mask(key: str, value: object) -> str:
    """Numbers, switches and words of closed lists unchanged. For any other value: whether it is set."""
    if isinstance(value, bool | int | Decimal | float) or key in _SHOWN_WORDS:
        return str(value)
    if isinstance(value, list | tuple):
        if all(isinstance(each, bool | int) for each in value):
            return str(list(value))
        return f"({len(value)} set)"
    return "(set)" if value not in (None, "") else "(not set)"


def _read_ledger(view: LedgerView) -> Iterator[ReportSection]:
    with view.reading():
        runs, orders = view.runs.latest(_LAST_RUNS), view.orders.count_by_state()
        answers, rehearsals = view.assumptions.answers(), view.assumptions.rehearsals()
    lines = [f"orders: {', '.join(f'{count} {state}' for state, count in orders.items())}"]
    for run in runs:
        counts = ", ".join(f"{count} {name}" for name, count in run.summary.items() if count)
        kind = f"{run.mode}{', dry run' if run.dry_run else ''}"
        lines.append(f"{run.started_at:%Y-%m-%d %H:%M} {kind}: exit {run.exit_status}; {counts or 'nothing'}")
    yield ReportSection("Last runs", tuple(lines))
    told = {each.code: each for each in answers}
    yield ReportSection(
        "Assumptions",
        (summarize(answers), *(_describe_assumption(row, told.get(code)) for code, row in ASSUMPTIONS.items())),
    )
    facts = tuple(
        f"{each.at:%Y-%m-%d}: {', '.join(f'{name} {value}' for name, value in each.facts.items() if value)}"
        for each in rehearsals
    )
    yield ReportSection("Rehearsals", facts or ("none yet",))


def _describe_assumption(row: Assumption, answer: AssumptionAnswer | None) -> str:
    named = f"{row.code} ({row.fact}{', critical' if row.critical else ''})"
    if answer is None:
        return f"{named}: not tested"
    detail = "details left out" if row.code in _WITH_WORDS else answer.detail
    return f"{named}: {answer.result}, {answer.tested_at:%Y-%m-%d}: {detail}"


def _list_shapes(services: Services, days: tuple[date, date]) -> Iterator[str]:
    probe = services.revel_probe
    order = next((row for row in probe.list_rows("Order", order_by="-id", limit="1").rows), None)
    params = {"order": decode_id(order.get("id"))} if order else {}
    for resource in _REVEL_RESOURCES:
        given = params if resource not in {"Order", "Product"} else {"order_by": "-id"}
        answer = probe.list_rows(resource, limit="1", **given)
        yield from _show_shape(f"Revel {resource}", answer.rows, answer.refused)
    yield from _list_event_shapes(services.tripleseat_probe, days)


def _list_event_shapes(probe: TripleSeatProbe, days: tuple[date, date]) -> Iterator[str]:
    answer = probe.search("event", *days)
    yield from _show_shape("TripleSeat search result", answer.rows[:1], answer.refused)
    number = next((found for row in answer.rows if (found := read_id(row.get("id"))) and found.isalnum()), None)
    if number:
        whole = probe.event(number)
        yield from _show_shape("TripleSeat event", whole.rows, whole.refused)


def _show_shape(name: str, rows: Sequence[Mapping[str, object]], refused: int | None) -> Iterator[str]:
    if not rows:
        yield f"{name}: {f'refused with status {refused}' if refused else 'no row'}"
        return
    yield f"{name}:"
    for path, kinds in shape_of(rows[0]).items():
        yield f"  {path}: {'|'.join(sorted(kinds))}"


def shape_of(value: object) -> dict[str, frozenset[str]]:
    """The types that occur at each path, such as `documents[].id`. The result holds no values.

    A key that isn't a plain word may be data itself, so it becomes `*`.
    """
    found: dict[str, Counter[str]] = {}
    for path, kind in _walk(value, "", 0):
        found.setdefault(path, Counter())[kind] += 1
    return {path: frozenset(kinds) for path, kinds in sorted(found.items())}


def _walk(value: object, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and depth < _MOST_NESTED:
        if path:
            yield path, "object"
        for key, each in value.items():
            word = key if _FIELD.fullmatch(str(key)) else "*"
            yield from _walk(each, f"{path}.{word}" if path else word, depth + 1)
    elif isinstance(value, list) and depth < _MOST_NESTED:
        yield path, "list"
        for each in value:
            yield from _walk(each, f"{path}[]", depth + 1)
    else:
        yield path, _kind_of(value)


def _kind_of(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int():
            return "whole number"
        case Decimal() | float():
            return "number with a point"
        case str():
            return _kind_of_text(value)
    return "nested"


def _kind_of_text(text: str) -> str:
    if not text:
        return "empty text"
    if re.fullmatch(r"-?\d+\.\d+", text):
        return f"text of a number with {len(text.partition('.')[2])} decimals"
    if re.fullmatch(r"/[A-Za-z]+/[A-Za-z]+/\d+/", text):
        return "text of a URI"
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", text):
        return "text of a time"
    return "text"

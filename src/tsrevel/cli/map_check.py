"""`map check`: whether every coming event would become an order. It plans as a run does, and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tsrevel.cli.answers.mapping import CoverageSummaryJson, MapCheckAnswer, UncoveredEventJson
from tsrevel.cli.answers.model import fill
from tsrevel.cli.context import CliContext
from tsrevel.cli.map_data import DayRange, Survey, open_survey
from tsrevel.cli.output import TextOutput, report_nothing_checked, show_progress
from tsrevel.cli.run_text import add_totals, list_counts, news_line, show_events
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.context import FailureStreak
from tsrevel.engine.fetch import EventUnavailable, FoundEvent
from tsrevel.engine.outcomes import (
    NEEDS_ATTENTION,
    Outcome,
    Progress,
    describe,
    not_written,
    order_stands,
    planned,
    recall_dispute,
)
from tsrevel.engine.prepare import plan_listed
from tsrevel.engine.triage import Compare, Leave, Recheck, Recover, TriageRules, triage
from tsrevel.errors import ConnectorDisabled, Refused, ServiceDown, TryNextRun
from tsrevel.ledger import Connect, KnownEvents, open_view
from tsrevel.planning.model import Event, EventId, Plan
from tsrevel.planning.plan import orderable_lines
from tsrevel.planning.products import Unmatched, match_line
from tsrevel.planning.reasons import TROUBLE, Reason, Status
from tsrevel.planning.screening import find_location
from tsrevel.text import count_of
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.client import Found


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """The outcome that an event would have, and its names without a product."""

    outcome: Outcome
    names: tuple[str, ...] = ()


def check_coverage(ctx: CliContext, days: int, only: Sequence[str] = ()) -> int:
    """Report the events that would be held or fail. Exit status 3 if there are any; 13 if not all are listed."""
    try:
        with open_survey(ctx, only) as survey, show_progress(ctx) as progress:
            span = survey.span(days)
            found, unlisted = survey.list_events(span)
            known = _read_ledger(survey, found, ctx.runtime.database)
            verdicts = _judge_all(survey, found, known, progress)
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, str(why))
    return _tell(ctx, span, verdicts, unlisted)


def _read_ledger(survey: Survey, found: Sequence[Found], database: Connect) -> KnownEvents:
    """These events in the ledger, if there is one."""
    view = open_view(survey.settings.ledger_path, survey.settings.environment, database)
    if view is None:
        return KnownEvents()
    with view:
        return view.known([each.event.id for each in found if each.event])


def _judge_all(survey: Survey, found: Sequence[Found], known: KnownEvents, progress: Progress) -> list[EventCoverage]:
    """Raises ServiceDown if several events in a row can't be planned, or none at all."""
    policy = survey.policy
    gate = WriteGate(dry_run=False, allowed=policy.allowed, only=policy.only, entries=policy.locations)
    rules = TriageRules(policy, gate, ignore_time_gate=True)
    catalogs = Catalogs(survey.services.revel)
    verdicts: list[EventCoverage] = []
    judged, failures, trouble = False, FailureStreak(), ""
    for each in found:
        if each.event is None:
            unreadable = EventId("unreadable")
            verdict = EventCoverage(Outcome(unreadable, Status.HELD, Reason.MISSING_DATA, each.problem or ""))
        elif decided := _decide_by_ledger(each.event, known, rules, survey.now):
            verdict = EventCoverage(decided)
        else:
            try:
                verdict = _judge(survey, catalogs, each.event)
            except (TryNextRun, Refused) as error:
                trouble = str(error)
                if failures.add(down=True):
                    text = f"{FailureStreak.LONGEST} events in a row can't be planned: {error}"
                    raise ServiceDown(text) from error
                about = describe(each.event, survey.policy)
                verdict = EventCoverage(
                    replace(about, status=Status.FAILED, reason=Reason.UPSTREAM_UNAVAILABLE, text=trouble)
                )
            else:
                if verdict.outcome.status is not Status.SKIPPED:
                    judged = not failures.add(down=False)
        verdicts.append(verdict)
        progress(len(verdicts), len(found))
    if failures.count and not judged:
        raise ServiceDown(f"no event can be planned: {trouble}")
    return verdicts


def _decide_by_ledger(event: Event, known: KnownEvents, rules: TriageRules, now: datetime) -> Outcome | None:
    """A run's outcome for an event that it wouldn't plan, such as a resolved one or one with an order. Else None."""
    match triage(FoundEvent(event), known, rules, now):
        case Leave(outcome):
            return outcome
        case Recover(about=about, record=record, plan=plan):
            return not_written(about, recall_dispute(record)) if record.state == "disputed" else planned(about, plan)
        case Recheck(record=record) | Compare(record=record):
            return order_stands(describe(event, rules.policy), record)
        case _:
            return None


def _judge(survey: Survey, catalogs: Catalogs, listed: Event) -> EventCoverage:
    """Raises TryNextRun and Refused if a service doesn't answer."""
    policy = survey.policy
    found = plan_listed(survey.services.tripleseat, catalogs, policy, survey.now, listed)
    if isinstance(found, EventUnavailable):
        about = describe(listed, policy)
        return EventCoverage(replace(about, status=found.status, reason=found.reason, text=found.text))
    event, result = found
    about = describe(event, policy)
    if isinstance(result, Plan):
        return EventCoverage(planned(about, result))
    names: dict[str, None] = {}
    location = find_location(event, policy)
    if location and result.reason is Reason.UNMAPPED_ITEMS:
        catalogue = catalogs.of(location.establishment)
        for line in orderable_lines(event, policy):
            if isinstance(match_line(line, policy, catalogue).found, Unmatched):
                names[line.name] = None
    return EventCoverage(not_written(about, result), tuple(names))


def _tell(ctx: CliContext, span: DayRange, verdicts: Sequence[EventCoverage], unlisted: str | None) -> int:
    bad = [each for each in verdicts if each.outcome.status in TROUBLE]
    statuses = Counter(each.outcome.status for each in verdicts)
    reasons = Counter(str(each.outcome.reason) for each in verdicts if each.outcome.status is Status.SKIPPED)
    skipped = dict(sorted(reasons.items()))
    exit_status = ServiceDown.exit_status if unlisted else NEEDS_ATTENTION if bad else 0
    if unlisted:
        ctx.log(f"not all events can be listed: {unlisted}")
    if ctx.options.json:
        counts = CoverageSummaryJson(
            events=len(verdicts),
            covered=statuses[Status.PLANNED],
            held=statuses[Status.HELD],
            failed=statuses[Status.FAILED],
            skipped=statuses[Status.SKIPPED],
        )
        held = tuple(fill(UncoveredEventJson, each.outcome, names=each.names) for each in bad)
        answer = fill(
            MapCheckAnswer,
            span,
            success=not exit_status,
            summary=counts,
            skipped=skipped,
            held=held,
            events_error=unlisted,
            exit_status=exit_status,
        )
        ctx.answer(answer)
        return exit_status
    page = TextOutput(ctx)
    if page.is_terminal and bad:
        show_events(page, [each.outcome for each in bad])
    else:
        for each in bad:
            page.line(news_line(each.outcome))
    if not ctx.options.quiet or bad:
        totals = add_totals(each.outcome for each in verdicts if each.outcome.status is Status.PLANNED)
        why = ", ".join(f"{reason} {count}" for reason, count in skipped.items())
        events = f"{count_of(len(verdicts), 'event')} from {span.first} to {span.last}"
        told = list_counts({str(status): count for status, count in statuses.items()}, totals, verb="can be planned")
        page.line(f"{events}: {told}" + (f" ({why})" if why else ""))
    if any(each.names for each in bad):
        page.line("`tsrevel map suggest` proposes a product for each name")
    return exit_status

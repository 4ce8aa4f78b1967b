"""`map check`: would every coming event become an order? The engine's own planning says; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import DayRange, Survey, open_survey
from tsrevel.cli.output import encode_day, news_line, report_nothing_checked, say, show_progress
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.fetch import EventUnavailable, fetch_event
from tsrevel.engine.outcomes import NEEDS_ATTENTION, Outcome, Progress, describe, not_written, planned
from tsrevel.errors import ConnectorDisabled, Refused, ServiceDown, TryNextRun
from tsrevel.planning.coverage import missing_lines, orderable_lines
from tsrevel.planning.model import Event, EventId, Hold, Skip
from tsrevel.planning.plan import plan_order
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import find_location, screen
from tsrevel.tripleseat.client import Found

PATIENCE = 3
"""So many events in a row that fail because a service is down: the rest would fail alike."""


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """What would become of an event, and the names in it that have no product."""

    outcome: Outcome
    names: tuple[str, ...] = ()


def check_coverage(ctx: CliContext, flags: OutputOptions, days: int, only: Sequence[str] = ()) -> int:
    """Tell what would be held or fail; the exit status: 0 where nothing would, else 3."""
    try:
        with open_survey(ctx, flags, only) as survey, show_progress(ctx, flags) as progress:
            span = survey.span(days)
            verdicts = _judge_all(survey, survey.coming_events(span), progress)
    except ConnectorDisabled as why:
        return report_nothing_checked(ctx, flags, str(why))
    return _tell(ctx, flags, span, verdicts)


def _judge_all(survey: Survey, found: Sequence[Found], progress: Progress) -> list[EventCoverage]:
    """Raises ServiceDown where several events in a row can't be judged, or none at all."""
    catalogues = Catalogs(survey.services.revel)
    verdicts: list[EventCoverage] = []
    judged, down, trouble = False, 0, ""
    for each in found:
        if each.event is None:
            event_id = EventId(each.id or "unreadable")
            verdict = EventCoverage(Outcome(event_id, Status.HELD, Reason.MISSING_DATA, each.problem or ""))
        else:
            try:
                verdict = _judge(survey, catalogues, each.event)
            except (TryNextRun, Refused) as error:
                down, trouble = down + 1, str(error)
                if down == PATIENCE:
                    raise ServiceDown(f"{PATIENCE} events in a row can't be judged: {error}") from error
                about = describe(each.event, find_location(each.event, survey.policy))
                verdict = EventCoverage(
                    replace(about, status=Status.FAILED, reason=Reason.UPSTREAM_UNAVAILABLE, text=trouble)
                )
            else:
                if verdict.outcome.status is not Status.SKIPPED:
                    judged, down = True, 0
        verdicts.append(verdict)
        progress(len(verdicts), len(found))
    if down and not judged:
        raise ServiceDown(f"no event can be judged: {trouble}")
    return verdicts


def _judge(survey: Survey, catalogues: Catalogs, listed: Event) -> EventCoverage:
    """The listing first, then the whole event. Raises TryNextRun and Refused where a service doesn't answer."""
    policy, now = survey.policy, survey.now
    about = describe(listed, find_location(listed, policy))
    location = screen(listed, policy, now, ignore_gate=True)
    if isinstance(location, Hold | Skip):
        return EventCoverage(not_written(about, location))
    event = fetch_event(survey.services.tripleseat, listed.id)
    if isinstance(event, EventUnavailable):
        return EventCoverage(replace(about, status=event.status, reason=event.reason, text=event.text))
    about = describe(event, find_location(event, policy))
    location = screen(event, policy, now, ignore_gate=True)
    if isinstance(location, Hold | Skip):
        return EventCoverage(not_written(about, location))
    catalogue = catalogues.of(location.establishment)
    plan = plan_order(event, location, catalogue, policy, now)
    if not isinstance(plan, Hold):
        return EventCoverage(planned(about, plan))
    missing = missing_lines(orderable_lines(event, policy), policy, catalogue)
    names = dict.fromkeys(each.line.name for each in missing) if plan.reason is Reason.UNMAPPED_ITEMS else ()
    return EventCoverage(not_written(about, plan), tuple(names))


def _tell(ctx: CliContext, flags: OutputOptions, span: DayRange, verdicts: Sequence[EventCoverage]) -> int:
    bad = [each for each in verdicts if each.outcome.status in {Status.HELD, Status.FAILED}]
    statuses = Counter(each.outcome.status for each in verdicts)
    reasons = Counter(str(each.outcome.reason) for each in verdicts if each.outcome.status is Status.SKIPPED)
    skipped = dict(sorted(reasons.items()))
    exit_status = NEEDS_ATTENTION if bad else 0
    if flags.json:
        counts = {
            "events": len(verdicts),
            "covered": statuses[Status.PLANNED],
            "held": statuses[Status.HELD],
            "failed": statuses[Status.FAILED],
            "skipped": statuses[Status.SKIPPED],
        }
        answer = {"schema": 1, "success": not bad, **span.encode(), "summary": counts, "skipped": skipped}
        held = [
            {
                "event": each.outcome.event_id,
                "date": encode_day(each.outcome.day),
                "location": each.outcome.location,
                "establishment": None if each.outcome.establishment is None else str(each.outcome.establishment),
                "status": each.outcome.status,
                "reason": each.outcome.reason,
                "error": each.outcome.text,
                "names": list(each.names),
            }
            for each in bad
        ]
        ctx.answer(answer | {"held": held, "exit_status": exit_status})
        return exit_status
    say(ctx, *(news_line(each.outcome) for each in bad))
    if not flags.quiet or bad:
        parts = [f"{statuses[Status.PLANNED]} would be injected", f"{statuses[Status.HELD]} held"]
        if statuses[Status.FAILED]:
            parts.append(f"{statuses[Status.FAILED]} can't be judged")
        if skipped:
            why = ", ".join(f"{reason} {count}" for reason, count in skipped.items())
            parts.append(f"{statuses[Status.SKIPPED]} skipped ({why})")
        say(ctx, f"{len(verdicts)} events from {span.first} to {span.last}: {', '.join(parts)}")
    if any(each.names for each in bad):
        say(ctx, "`tsrevel map suggest` proposes a product for each name")
    return exit_status

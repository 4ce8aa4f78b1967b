"""`map check`: would every coming event become an order? The engine's own planning says; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import DayRange, Survey, open_survey, unless_switched_off
from tsrevel.cli.output import news_line, say, show_progress
from tsrevel.engine.catalogs import Catalogs
from tsrevel.engine.fetch import EventUnavailable, fetch_event
from tsrevel.engine.outcomes import Outcome, describe, not_written, planned
from tsrevel.errors import Refused, ServiceDown, TryNextRun
from tsrevel.planning.coverage import missing_lines, orderable_lines
from tsrevel.planning.model import Event, EventId, Hold, Location, Skip
from tsrevel.planning.plan import plan_order
from tsrevel.planning.reasons import Reason, Status
from tsrevel.planning.screening import find_location, screen
from tsrevel.tripleseat.client import Found

ATTENTION = 3
PATIENCE = 3
"""So many events in a row that fail because a service is down: the rest would fail alike."""


@dataclass(frozen=True, slots=True)
class EventCoverage:
    """What would become of an event, and the names in it that have no product."""

    outcome: Outcome
    names: tuple[str, ...] = ()


@unless_switched_off
def check_coverage(ctx: CliContext, flags: OutputOptions, days: int, only: Sequence[str] = ()) -> int:
    """Tell what would be held or fail; the exit status: 0 where nothing would, else 3."""
    with open_survey(ctx, flags, only) as survey, show_progress(ctx, flags) as progress:
        span = survey.span(days)
        found = survey.coming_events(span)
        inspector = _Inspector(survey, Catalogs(survey.services.revel))
        verdicts: list[EventCoverage] = []
        for each in found:
            verdicts.append(inspector.inspect(each))
            progress(len(verdicts), len(found))
        inspector.close()
    _tell(ctx, flags, span, verdicts)
    return ATTENTION if _bad(verdicts) else 0


@dataclass(slots=True)
class _Inspector:
    """Judges events one by one. Raises ServiceDown where a service is down for all of them, or several in a row."""

    survey: Survey
    catalogues: Catalogs
    judged: bool = False
    down: int = 0
    trouble: str = ""

    def inspect(self, found: Found) -> EventCoverage:
        """The verdict on one event."""
        if found.event is None:
            bare = Outcome(EventId(found.id or "unreadable"), Status.HELD)
            return EventCoverage(replace(bare, reason=Reason.MISSING_DATA, text=found.problem or ""))
        about = describe(found.event, find_location(found.event, self.survey.policy))
        try:
            verdict = self._plan(found.event)
        except (TryNextRun, Refused) as error:
            self._note_trouble(error)
            return EventCoverage(
                replace(about, status=Status.FAILED, reason=Reason.UPSTREAM_UNAVAILABLE, text=str(error))
            )
        if verdict.outcome.status is not Status.SKIPPED:
            self.judged, self.down = True, 0
        return verdict

    def close(self) -> None:
        """To be called at the end: where nothing at all could be judged, there is no answer."""
        if self.down and not self.judged:
            raise ServiceDown(f"no event can be judged: {self.trouble}")

    def _plan(self, listed: Event) -> EventCoverage:
        location = self._screen(listed)
        if isinstance(location, Hold | Skip):
            return EventCoverage(not_written(self._describe(listed), location))
        event = fetch_event(self.survey.tripleseat, listed.id)
        if isinstance(event, EventUnavailable):
            about = self._describe(listed)
            return EventCoverage(replace(about, status=event.status, reason=event.reason, text=event.text))
        location = self._screen(event)
        if isinstance(location, Hold | Skip):
            return EventCoverage(not_written(self._describe(event), location))
        catalogue, policy = self.catalogues.of(location.establishment), self.survey.policy
        plan = plan_order(event, location, catalogue, policy, self.survey.now)
        if not isinstance(plan, Hold):
            return EventCoverage(planned(self._describe(event), plan))
        missing = missing_lines(orderable_lines(event, policy), policy, catalogue)
        names = dict.fromkeys(each.line.name for each in missing) if plan.reason is Reason.UNMAPPED_ITEMS else ()
        return EventCoverage(not_written(self._describe(event), plan), tuple(names))

    def _screen(self, event: Event) -> Location | Hold | Skip:
        return screen(event, self.survey.policy, self.survey.now, ignore_gate=True)

    def _describe(self, event: Event) -> Outcome:
        return describe(event, find_location(event, self.survey.policy))

    def _note_trouble(self, error: Exception) -> None:
        self.down, self.trouble = self.down + 1, str(error)
        if self.down == PATIENCE:
            raise ServiceDown(f"{PATIENCE} events in a row can't be judged: {error}") from error


def _bad(verdicts: Sequence[EventCoverage]) -> list[EventCoverage]:
    return [each for each in verdicts if each.outcome.status in {Status.HELD, Status.FAILED}]


def _tell(ctx: CliContext, flags: OutputOptions, span: DayRange, verdicts: Sequence[EventCoverage]) -> None:
    bad = _bad(verdicts)
    if flags.json:
        ctx.answer(_encode(span, verdicts))
        return
    say(ctx, *(news_line(each.outcome) for each in bad))
    if not flags.quiet or bad:
        say(ctx, _sum_up(span, verdicts))
    if any(each.names for each in bad):
        say(ctx, "`tsrevel map suggest` proposes a product for each name")


def _counts(verdicts: Sequence[EventCoverage]) -> dict[str, int]:
    statuses = Counter(each.outcome.status for each in verdicts)
    return {
        "events": len(verdicts),
        "covered": statuses[Status.PLANNED],
        "held": statuses[Status.HELD],
        "failed": statuses[Status.FAILED],
        "skipped": statuses[Status.SKIPPED],
    }


def _skipped(verdicts: Sequence[EventCoverage]) -> dict[str, int]:
    reasons = (each.outcome.reason for each in verdicts if each.outcome.status is Status.SKIPPED)
    return dict(sorted(Counter(str(reason) for reason in reasons).items()))


def _sum_up(span: DayRange, verdicts: Sequence[EventCoverage]) -> str:
    counts = _counts(verdicts)
    parts = [f"{counts['covered']} would be injected", f"{counts['held']} held"]
    parts += [f"{counts['failed']} can't be judged"] if counts["failed"] else []
    why = ", ".join(f"{reason} {count}" for reason, count in _skipped(verdicts).items())
    parts += [f"{counts['skipped']} skipped ({why})"] if why else []
    return f"{counts['events']} events from {span.first} to {span.last}: {', '.join(parts)}"


def _encode(span: DayRange, verdicts: Sequence[EventCoverage]) -> dict[str, object]:
    bad = _bad(verdicts)
    return {
        "schema": 1,
        "success": not bad,
        "days": span.days,
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        "summary": _counts(verdicts),
        "skipped": _skipped(verdicts),
        "held": [_encode_verdict(each) for each in bad],
        "exit_status": ATTENTION if bad else 0,
    }


def _encode_verdict(verdict: EventCoverage) -> dict[str, object]:
    outcome = verdict.outcome
    return {
        "event": outcome.event_id,
        "date": outcome.day.isoformat() if outcome.day else None,
        "location": outcome.location,
        "establishment": str(outcome.establishment) if outcome.establishment is not None else None,
        "status": outcome.status,
        "reason": outcome.reason,
        "error": outcome.text,
        "names": list(verdict.names),
    }

"""The assumptions about TripleSeat: the requests that test them, and one function for each that judges the answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from tsrevel.config import Settings
from tsrevel.doctor.findings import Judgement, fails, holds, untold
from tsrevel.errors import Unreadable
from tsrevel.planning.assumptions import AssumptionCode
from tsrevel.planning.documents import choose_document
from tsrevel.planning.model import Event, Hold
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason
from tsrevel.text import shorten
from tsrevel.tripleseat.decode import decode_event, knows_payment_state
from tsrevel.tripleseat.fields import object_at, objects_at, read_day, read_id, read_number, read_stamp
from tsrevel.tripleseat.probes import EventRow, TripleSeatAnswer, TripleSeatProbe

_C = AssumptionCode
_LONG_AGO = (date(2001, 1, 1), date(2001, 1, 31))
"""TripleSeat has no events on these days."""
_AROUND = timedelta(days=60)
MOST_EVENTS = 5
"""How many events are read in full."""
MOST_SITES = 5
"""How many sites' webhook endpoints are listed."""
_MOST_WORDS = 8
_LONGEST_WORD = 40
DaysOf = Callable[[EventRow], tuple[date, date] | None]
"""The first and the last day for which a search may list an event. None if unreadable."""


@dataclass(frozen=True, slots=True)
class TripleSeatEvidence:
    """TripleSeat's answers.

    `pages` are the first pages of the events around today. `by_day` and `by_update` search for the days of one event,
    `known`. `whole` are events with their money. `endpoints` are webhook endpoints, by site.
    """

    pages: tuple[TripleSeatAnswer, ...]
    long_ago: TripleSeatAnswer
    updated_long_ago: TripleSeatAnswer
    known: EventRow | None = None
    day: date | None = None
    by_day: TripleSeatAnswer | None = None
    updated: date | None = None
    by_update: TripleSeatAnswer | None = None
    whole: tuple[TripleSeatAnswer, ...] = ()
    endpoints: Mapping[str, TripleSeatAnswer] | None = None


def ask_tripleseat(
    probe: TripleSeatProbe, sites: Collection[str], statuses: Collection[str], today: date
) -> TripleSeatEvidence:
    """Send about 17 requests. `statuses`: those of events that become orders; such events are read in full first."""
    span = (today - _AROUND, today + _AROUND)
    pages = [probe.search("event", *span)]
    if (pages[0].pages or 0) > 1:
        pages.append(probe.search("event", *span, page=2))
    rows = [row for page in pages for row in page.rows]
    seen = TripleSeatEvidence(
        tuple(pages), probe.search("event", *_LONG_AGO), probe.search("event_updated", *_LONG_AGO)
    )
    dated = [(row, day, updated) for row in rows if (day := _day(row)) and (updated := _updated(row))]
    near = min(dated, key=lambda each: abs(each[1] - today), default=None)
    if near:
        row, day, updated = near
        by_day, by_update = probe.search("event", day, day), probe.search("event_updated", updated, updated)
        seen = replace(seen, known=row, day=day, by_day=by_day, updated=updated, by_update=by_update)
    due = sorted(
        dated, key=lambda each: (normalise(str(each[0].get("status"))).upper() not in statuses, abs(each[1] - today))
    )
    ids = dict.fromkeys(number for row, _, _ in due if (number := read_id(row.get("id"))) and number.isalnum())
    whole = tuple(probe.event(number) for number in list(ids)[:MOST_EVENTS])
    known_sites = dict.fromkeys([*sites, *(site for row in rows if (site := read_id(row.get("site_id"))))])
    wanted = [site for site in known_sites if site.isdigit()][:MOST_SITES]
    return replace(seen, whole=whole, endpoints={site: probe.webhook_endpoints(site) for site in wanted})


def _day(row: EventRow) -> date | None:
    return read_day(row.get("event_date_iso8601")) or read_day(row.get("event_date"))


def _days(row: EventRow) -> tuple[date, date] | None:
    """An event may end on the day after it begins (facts TripleSeat 3.2)."""
    day = _day(row)
    if day is None:
        return None
    ends = (read_day(row.get(name)) for name in ("event_end_iso8601", "event_end", "end_date"))
    return day, max(day, next((end for end in ends if end), day))


def _update_days(row: EventRow) -> tuple[date, date] | None:
    day = _updated(row)
    return (day, day) if day else None


def _updated(row: EventRow) -> date | None:
    stamp = read_stamp(row.get("updated_at"))
    return stamp.date() if stamp else None


# Judge the answers


def judge_event_dates(seen: TripleSeatEvidence) -> Judgement:
    others = _outside(seen.long_ago.rows, _days, *_LONG_AGO)
    if others:
        return fails(f"the search by event date for January 2001 lists events of other days ({others})")
    return _judge_search(seen, seen.by_day, seen.day, _days, timedelta())


def judge_update_dates(seen: TripleSeatEvidence) -> Judgement:
    others = _outside(seen.updated_long_ago.rows, _update_days, *_LONG_AGO)
    if others:
        return fails(f"the search by update date for January 2001 lists events of other days ({others})")
    return _judge_search(seen, seen.by_update, seen.updated, _update_days, timedelta(days=1))


def _judge_search(
    seen: TripleSeatEvidence, answer: TripleSeatAnswer | None, day: date | None, days_of: DaysOf, slack: timedelta
) -> Judgement:
    """Whether the search for the day of a known event lists that event, and none of other days."""
    if answer is None or day is None or seen.known is None:
        return untold(_why_no_event(seen))
    if answer.failure:
        return untold(answer.failure)
    if others := _outside(answer.rows, days_of, day - slack, day + slack):
        return fails(f"the search for one day lists events of other days ({others})")
    known = read_id(seen.known.get("id"))
    if (answer.pages or 1) == 1 and all(read_id(row.get("id")) != known for row in answer.rows):
        return fails(f"event {known} isn't listed by the search for its own day")
    return holds(f"the search finds the events of one day ({len(answer.rows)}), and none in January 2001")


def _outside(rows: Iterable[EventRow], days_of: DaysOf, first: date, last: date) -> int:
    return sum(days is not None and (days[0] > last or days[1] < first) for days in map(days_of, rows))


def judge_order(seen: TripleSeatEvidence) -> Judgement:
    if seen.pages[0].failure:
        return untold(seen.pages[0].failure)
    stamps = [stamp for page in seen.pages for row in page.rows if (stamp := read_stamp(row.get("created_at")))]
    if len(set(stamps)) < 2:
        return untold("TripleSeat lists too few events that were created at different times")
    try:
        sorted_stamps = sorted(stamps)
    except TypeError:  # some stamps have an offset, others have none
        return untold("TripleSeat shows some times of creation with an offset and others without")
    if stamps != sorted_stamps:
        return fails("events aren't sorted by their creation")
    return holds(f"{len(stamps)} events are sorted by their creation")


def judge_pages(seen: TripleSeatEvidence) -> Judgement:
    first = seen.pages[0]
    failed = next((page for page in seen.pages if page.failure), None)
    if failed:
        return untold(failed.failure)
    if first.pages is None and first.rows:
        return fails("the search returns no total_pages")
    if len(seen.pages) < 2:
        return untold("the events of the last and next 60 days fit on one page")
    if seen.pages[1].pages not in {None, first.pages}:
        return untold("TripleSeat's events changed while the pages were read")
    ids = [{read_id(row.get("id")) for row in page.rows} for page in seen.pages]
    if not ids[1] - ids[0]:
        return fails(f"page 2 of {first.pages} has only events of page 1")
    return holds(f"page 2 of {first.pages} has other events than page 1; {len(first.rows)} a page")


def judge_updated_at(seen: TripleSeatEvidence) -> Judgement:
    """Whether each edit that TripleSeat dates itself moved its event's time of change. Edits of lines have no date."""
    rows = [row for answer in seen.whole for row in answer.rows]
    updates = [(row, updated) for row in rows if (updated := read_stamp(row.get("updated_at")))]
    pairs = [(edited, updated) for row, updated in updates for edited in _edits(row)]
    comparable = [(one, other) for one, other in pairs if (one.tzinfo is None) == (other.tzinfo is None)]
    if not comparable:
        return untold(_why_no_event(seen) if not rows else "the events that were read have no dated edit")
    later = sum(edited > updated for edited, updated in comparable)
    if later:
        return fails(f"payments and status changes later than their event's updated_at: {later}")
    return holds(f"payments and status changes ({len(comparable)}) aren't later than their event's updated_at")


def _edits(row: EventRow) -> Iterator[datetime]:
    """The earliest times at which the event's status changes and payments may have been entered."""
    for change in objects_at(row, "status_changes"):
        stamp = read_stamp(change.get("created_at"))
        if stamp:
            yield stamp
    payments = (object_at(each, "payment_set") for each in objects_at(row, "documents"))
    for payment in (each for payment_set in payments for each in objects_at(payment_set, "payments")):
        for day in filter(None, (read_day(payment.get(key)) for key in ("paid_at", "refunded_at"))):
            yield datetime.combine(day - timedelta(days=1), time())  # the zone of the day is uncertain


def _events(seen: TripleSeatEvidence) -> list[Event]:
    found = []
    for answer in seen.whole:
        for row in answer.rows:
            try:
                found.append(decode_event(dict(row)))
            except Unreadable:
                continue
    return found


def _why_no_event(seen: TripleSeatEvidence) -> str:
    answer = next(iter(seen.whole), seen.pages[0])
    return answer.failure or "TripleSeat lists no event in the last or next 60 days"


def _untold(seen: TripleSeatEvidence, lacking: str) -> Judgement:
    """Nothing was tested: no event could be read, or those that were read lack something (`lacking`)."""
    return untold(lacking if _events(seen) else _why_no_event(seen))


def _live_documents(seen: TripleSeatEvidence) -> list[Mapping[str, object]]:
    rows = [row for answer in seen.whole for row in answer.rows]
    return [each for row in rows for each in objects_at(row, "documents") if not each.get("deleted_at")]


def judge_financials(seen: TripleSeatEvidence) -> Judgement:
    documents = _live_documents(seen)
    if not documents:
        return _untold(seen, "the events that were read have no document")
    with_money = [each for each in documents if {"line_items", "financials"} <= each.keys()]
    if not with_money:
        return fails(f"documents ({len(documents)}) come without the lines and totals that were requested")
    return holds(f"documents with lines and totals: {len(with_money)} of {len(documents)}")


def judge_charges(seen: TripleSeatEvidence, matches: Collection[str]) -> Judgement:
    """`matches`: the names that [[charges]] lists."""
    known = {normalise(each) for each in matches}
    documents = [each for event in _events(seen) for each in event.documents if not each.deleted]
    names = dict.fromkeys(total.name for each in documents for total in each.billing_totals if total.amount)
    if not documents:
        return _untold(seen, "the events that were read have no document")
    if not names:
        return untold("the events that were read have no billing totals")
    unknown = [name for name in names if normalise(name) not in known]
    if unknown:
        return fails(f"[[charges]] doesn't name {_words(unknown)}; it covers {_words(set(names) - set(unknown))}")
    return holds(f"[[charges]] covers {_words(names)}")


def judge_payment_states(seen: TripleSeatEvidence) -> Judgement:
    sets = [object_at(each, "payment_set") for each in _live_documents(seen)]
    states = dict.fromkeys(
        state for each in sets for payment in objects_at(each, "payments") if (state := str(payment.get("state") or ""))
    )
    if not states:
        return _untold(seen, "the events that were read have no payments")
    unknown = [state for state in states if not knows_payment_state(state)]
    if unknown:
        return fails(f"tsrevel doesn't know {_words(unknown)}; it knows {_words(set(states) - set(unknown))}")
    return holds(f"tsrevel knows {_words(states)}")


def judge_documents(seen: TripleSeatEvidence, pattern: str) -> Judgement:
    """`pattern`: tripleseat.order_document."""
    events = [each for each in _events(seen) if any(not doc.deleted and doc.lines for doc in each.documents)]
    if not events:
        return _untold(seen, "no event that was read has lines")
    counts = sorted(sum(not each.deleted for each in event.documents) for event in events)
    chosen = [choose_document(event, pattern) for event in events]
    unclear = [each for each in chosen if isinstance(each, Hold) and each.reason is Reason.AMBIGUOUS_DOCUMENT]
    many = f"events with lines: {len(events)}; live documents of each: {counts[0]} to {counts[-1]}"
    if unclear:
        return fails(f"{many}; for {len(unclear)} events nothing shows which one is the order")
    return holds(f"{many}; each has one that is the order")


def judge_webhooks(seen: TripleSeatEvidence) -> Judgement:
    answers = seen.endpoints or {}
    rows = [row for answer in answers.values() for row in answer.rows]
    if not rows:
        first = next(iter(answers.values()), None)
        why = (first.failure or "no webhook endpoint is set up") if first else "no site is known"
        return untold(why)
    disabled = sum(bool(row.get("disabled_at")) for row in rows)
    failing = [number for row in rows if (number := read_number(row.get("failed_count")))]
    if disabled or failing:
        worst = f"most failures in a row: {max(failing)}" if failing else "none fails now"
        return fails(f"disabled endpoints: {disabled} of {len(rows)}; {worst}")
    return holds(f"endpoints: {len(rows)}; all are enabled, and none fails")


def _words(words: Collection[str]) -> str:
    """The account's own words, limited in number and length so they stay readable."""
    shown = [repr(shorten(each, _LONGEST_WORD)) for each in sorted(words)[:_MOST_WORDS]]
    more = len(words) - len(shown)
    return ", ".join([*shown, *([f"and {more} more"] if more else [])]) or "none"


def judge_tripleseat(seen: TripleSeatEvidence, settings: Settings) -> dict[AssumptionCode, Judgement]:
    """The judgement of each assumption about TripleSeat."""
    return {
        _C.TRIPLESEAT_EVENT_DATES: judge_event_dates(seen),
        _C.TRIPLESEAT_UPDATE_DATES: judge_update_dates(seen),
        _C.TRIPLESEAT_ORDER: judge_order(seen),
        _C.TRIPLESEAT_PAGES: judge_pages(seen),
        _C.TRIPLESEAT_UPDATED_AT: judge_updated_at(seen),
        _C.TRIPLESEAT_FINANCIALS: judge_financials(seen),
        _C.TRIPLESEAT_CHARGES: judge_charges(seen, [each.match for each in settings.charges]),
        _C.TRIPLESEAT_PAYMENT_STATES: judge_payment_states(seen),
        _C.TRIPLESEAT_DOCUMENTS: judge_documents(seen, settings.tripleseat.order_document),
        _C.TRIPLESEAT_WEBHOOKS: judge_webhooks(seen),
    }

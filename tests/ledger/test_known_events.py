"""What the ledger recalls of some days: every order of theirs, and all that is known of an event."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tsrevel.ledger import KnownEvents, Ledger, open_view
from tsrevel.planning.model import EventId

from .samples import DAY, EVENT, ORDER, RUN, make_plan, store_result

OTHER = EventId("55521610")


def test_an_order_is_of_its_plans_day(path: Path, ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    assert ordered(path, 0) == (EVENT,)
    assert ordered(path, 1) == ()


def test_an_order_without_a_plan_is_of_the_day_its_event_was_seen_on(path: Path, ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, OTHER, ORDER, "Triple Seat 55521610")
    assert ordered(path, 0) == ()
    store_result(ledger, "skipped", "ORDER_EXISTS", OTHER)
    assert ordered(path, 0) == (OTHER,)


def test_an_event_that_was_only_seen_has_no_order(path: Path, ledger: Ledger) -> None:
    store_result(ledger, "held", "MISSING_DATA", OTHER)
    assert ordered(path, 0) == ()


def test_all_that_is_known_of_an_event_is_recalled_in_one_look(path: Path, ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    store_result(ledger, "held", "MISSING_DATA", OTHER)
    ledger.events.resolve(OTHER, "ignored", "a rehearsal", None)
    known = recalled(path, EVENT, OTHER)
    assert (set(known.orders), set(known.results), set(known.resolutions)) == ({EVENT}, {OTHER}, {OTHER})
    assert known == recalled(path, EVENT) | recalled(path, OTHER)


def ordered(path: Path, days: int) -> tuple[EventId, ...]:
    view = open_view(path, "sandbox")
    assert view
    day = DAY + timedelta(days=days)
    with view:
        return view.orders.event_ids_between(day, day)


def recalled(path: Path, *events: EventId) -> KnownEvents:
    view = open_view(path, "sandbox")
    assert view
    with view:
        return view.known(events)

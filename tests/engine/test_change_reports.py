"""What a run stores after its report: one comparison of each kind for an event, whichever thread adds or drops it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tsrevel.engine.context import ChangeReports, OrderChangeReported, ResolvedSeen
from tsrevel.ledger import EventDrift
from tsrevel.planning.model import EventId

ONE, OTHER = EventId("1"), EventId("2")


def test_the_latest_of_each_kind_stands_until_the_reports_of_its_event_are_dropped() -> None:
    reports = ChangeReports()
    assert reports.find_drift(ONE) is None
    shown, seen = OrderChangeReported(ONE, {}, None), ResolvedSeen(OTHER, "digest", changed=False)
    for report in (EventDrift(ONE, "first"), shown, seen, EventDrift(ONE, "second")):
        reports.append(report)
    assert list(reports) == [EventDrift(ONE, "second"), shown, seen]
    assert (reports.find_drift(ONE), reports.find_drift(OTHER)) == (EventDrift(ONE, "second"), None)
    reports.drop(ONE)
    assert list(reports) == [seen]


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Threads that take turns after a few steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_hasty")
def test_threads_do_not_hide_each_others_reports() -> None:
    reports = ChangeReports()

    def report(number: int) -> bool:
        drift = EventDrift(EventId(str(number)), "digest")
        found = True
        for _ in range(2000):
            reports.append(drift)
            found = found and reports.find_drift(drift.event_id) is drift
            reports.drop(drift.event_id)
        return found

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(report, range(4)))

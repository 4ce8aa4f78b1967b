"""The outbox: a notice is stored with the change it tells of, goes out in one mail, and that mail is sent once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger import FAILED_AGAIN, EventResult, Ledger
from tsrevel.ledger.outbox import DueMail, Notice
from tsrevel.ledger.queries import UnsentMails
from tsrevel.planning.model import EventId

from .samples import DAY, EVENT, ORDER, RUN, differs, make_plan, make_run, open_ledger, raises

EVERYTHING = frozenset({"injected", "held", "failed", "missed", "changed"})
HELD = EventResult(EVENT, DAY, "held", "UNMAPPED_ITEMS", "no product", None, location="Bakery")


@pytest.fixture
def telling(path: Path) -> Iterator[Ledger]:
    """A ledger of runs that are reported by mail, with one run begun."""
    with open_ledger(path, mail_on=EVERYTHING) as opened:
        opened.runs.begin(make_run())
        yield opened


def waiting(ledger: Ledger) -> list[Notice]:
    """The notices of all mails that are due."""
    return [notice for mail in ledger.outbox.make_mails(digest=True) for notice in mail.notices]


def occasions(ledger: Ledger, *seen: EventResult) -> list[str]:
    """What is to be told of these, seen in this order by one run after another."""
    for number, one in enumerate(seen, start=2):
        ledger.runs.begin(make_run(f"run-{number}"))
        ledger.events.store_results(f"run-{number}", [one])
    return [notice.occasion for notice in waiting(ledger)]


def begin(ledger: Ledger) -> None:
    """An order whose first write Revel has acknowledged."""
    plan = make_plan()
    ledger.orders.claim(RUN, plan)
    ledger.orders.mark_sent(RUN, EVENT, plan.steps[0])
    ledger.orders.record(RUN, EVENT, plan.steps[0], ORDER)


def inject(ledger: Ledger) -> None:
    begin(ledger)
    ledger.orders.settle(RUN, EVENT, ORDER, "digest")


def test_an_order_that_is_settled_is_told(telling: Ledger) -> None:
    inject(telling)
    (notice,) = waiting(telling)
    assert notice == Notice(EVENT, "injected", RUN, "sync-1a2b3c4d", None, "", ORDER, None, "")


def test_an_order_that_was_settled_before_isnt_told_again(telling: Ledger) -> None:
    inject(telling)
    telling.orders.settle(RUN, EVENT, ORDER, "another digest")
    assert len(waiting(telling)) == 1


def find(ledger: Ledger) -> None:
    """An order of an earlier ledger, all of which Revel shows."""
    plan = make_plan()
    ledger.orders.claim(RUN, plan)
    for step in plan.steps:
        ledger.orders.record(RUN, EVENT, step, ORDER, seen=True)


def test_an_order_that_was_found_complete_isnt_told(telling: Ledger) -> None:
    telling.orders.settle(RUN, EVENT, ORDER, None)
    assert waiting(telling) == []


def test_an_order_of_an_earlier_ledger_that_was_found_complete_isnt_told(telling: Ledger) -> None:
    find(telling)
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert waiting(telling) == []


def test_an_order_of_an_earlier_ledger_that_this_one_finishes_is_told(telling: Ledger) -> None:
    find(telling)
    telling.orders.mark_sent(RUN, EVENT, make_plan().steps[-1])
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert [notice.occasion for notice in waiting(telling)] == ["injected"]


def test_an_order_whose_answers_were_lost_is_told_once_it_is_found(telling: Ledger) -> None:
    plan = make_plan()
    telling.orders.claim(RUN, plan)
    telling.orders.mark_sent(RUN, EVENT, plan.steps[0])
    telling.orders.release(RUN, EVENT, "not there yet")
    find(telling)
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert [notice.occasion for notice in waiting(telling)] == ["injected"]


def test_an_order_whose_only_write_was_refused_before_it_was_found_isnt_told(telling: Ledger) -> None:
    plan = make_plan()
    telling.orders.claim(RUN, plan)
    telling.orders.mark_sent(RUN, EVENT, plan.steps[0])
    telling.orders.mark_not_applied(RUN, EVENT, plan.steps[0], "400")
    find(telling)
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert waiting(telling) == []


def test_an_order_begun_by_a_version_that_noted_no_sendings_is_told(telling: Ledger) -> None:
    plan = make_plan()
    telling.orders.claim(RUN, plan)
    telling.orders.record(RUN, EVENT, plan.steps[0], ORDER)
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert [notice.occasion for notice in waiting(telling)] == ["injected"]


def test_an_order_that_was_disputed_after_it_was_settled_isnt_told_again(telling: Ledger) -> None:
    inject(telling)
    telling.orders.dispute(RUN, EVENT, ORDER, differs())
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert len(waiting(telling)) == 1


def test_an_order_settled_after_a_dispute_is_told(telling: Ledger) -> None:
    begin(telling)
    telling.orders.dispute(RUN, EVENT, ORDER, differs())
    telling.orders.settle(RUN, EVENT, ORDER, "digest")
    assert [notice.occasion for notice in waiting(telling)] == ["injected"]


def test_a_change_that_isnt_stored_isnt_told(telling: Ledger) -> None:
    telling.orders.claim(RUN, make_plan())
    with pytest.raises(ClaimConflict):
        telling.orders.settle("run-unknown", EVENT, ORDER, "digest")
    assert waiting(telling) == []


def test_a_notice_says_all_that_a_mail_needs(telling: Ledger) -> None:
    telling.events.store_results(RUN, [HELD])
    (notice,) = waiting(telling)
    assert notice == Notice(EVENT, "held", RUN, "sync-1a2b3c4d", DAY, "Bakery", None, "UNMAPPED_ITEMS", "no product")


def test_an_event_without_a_day_is_told_without(telling: Ledger) -> None:
    telling.events.store_results(RUN, [replace(HELD, day=None)])
    assert waiting(telling)[0].day is None


FAILED = replace(HELD, status="failed", reason="UPSTREAM_UNAVAILABLE", text="no answer")
SKIPPED = replace(HELD, status="skipped", reason="TOO_EARLY", text="")
MISSED = replace(SKIPPED, reason="EVENT_DAY_PASSED", missed=True)
CHANGED = replace(SKIPPED, reason="CHANGED_AFTER_INJECTION", text="moved")
CANCELLED = replace(SKIPPED, reason="CANCELLED_AFTER_INJECTION", text="cancelled")


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([HELD, HELD], ["held"]),
        ([HELD, replace(HELD, details=("another product",))], ["held", "held"]),
        ([HELD, SKIPPED, HELD], ["held", "held"]),
        ([HELD, replace(HELD, reason="ORDER_TOO_LARGE")], ["held", "held"]),
        ([FAILED, FAILED], ["failed"]),
        ([FAILED, replace(FAILED, text="no answer at 10:15")], ["failed"]),
        ([FAILED, replace(FAILED, reason="OUTCOME_UNKNOWN")], ["failed", "failed"]),
        ([FAILED, HELD, FAILED], ["failed", "held", "failed"]),
        ([SKIPPED], []),
        ([MISSED, replace(MISSED, missed=False)], ["missed"]),
        ([MISSED, SKIPPED, MISSED], ["missed"]),
        ([CHANGED, SKIPPED, CHANGED, CANCELLED], ["changed", "changed", "changed"]),
    ],
)
def test_each_change_of_state_is_told_once(telling: Ledger, seen: Iterable[EventResult], told: list[str]) -> None:
    assert occasions(telling, *seen) == told


@pytest.mark.parametrize("wanted", sorted(EVERYTHING))
def test_only_what_is_wanted_is_stored(path: Path, wanted: str) -> None:
    others = [replace(one, event_id=EventId(f"{n}")) for n, one in enumerate((HELD, FAILED, MISSED, CHANGED))]
    with open_ledger(path, mail_on={wanted}) as ledger:
        ledger.runs.begin(make_run())
        inject(ledger)
        ledger.events.store_results(RUN, others)
        assert [notice.occasion for notice in waiting(ledger)] == [wanted]


def test_where_no_mails_can_be_sent_nothing_waits_for_them(ledger: Ledger) -> None:
    inject(ledger)
    ledger.events.store_results(RUN, [HELD])
    assert ledger.outbox.make_mails(digest=True) == ()


def two_held(ledger: Ledger) -> None:
    ledger.events.store_results(RUN, [HELD, replace(HELD, event_id=EventId("2"))])


def test_a_digest_holds_all_that_waits(telling: Ledger) -> None:
    two_held(telling)
    (mail,) = telling.outbox.make_mails(digest=True)
    assert mail == DueMail(1, mail.made_at, 0, None, mail.notices)
    assert [notice.event_id for notice in mail.notices] == [EVENT, "2"]
    assert mail.made_at == datetime(2025, 12, 28, 16, 0, mail.made_at.second, tzinfo=UTC)


def test_or_each_has_a_mail_of_its_own(telling: Ledger) -> None:
    two_held(telling)
    assert [len(mail.notices) for mail in telling.outbox.make_mails(digest=False)] == [1, 1]


def test_a_notice_is_put_into_one_mail_alone(telling: Ledger) -> None:
    two_held(telling)
    first = telling.outbox.make_mails(digest=True)
    assert telling.outbox.make_mails(digest=False) == first


def test_a_mail_that_is_sent_is_due_no_more_and_its_texts_are_gone(telling: Ledger) -> None:
    telling.events.store_results(RUN, [HELD])
    (mail,) = telling.outbox.make_mails(digest=True)
    telling.outbox.note_sent(mail.number)
    assert telling.outbox.make_mails(digest=True) == ()
    assert [tuple(row) for row in telling._transactions.connection.execute("SELECT text FROM notices")] == [("",)]
    row = telling.audit.rows()[-1]
    assert (row.kind, row.detail) == ("mail_sent", {"mail": "1"})
    telling.audit.verify()


def test_a_mail_is_sent_once(telling: Ledger) -> None:
    telling.events.store_results(RUN, [HELD])
    telling.outbox.make_mails(digest=True)
    telling.outbox.note_sent(1)
    with raises(ClaimConflict, ConflictCode.MAIL_NOT_DUE):
        telling.outbox.note_sent(1)
    with pytest.raises(ClaimConflict):
        telling.outbox.note_failed(1, "late")


def test_a_mail_that_failed_stays_due_and_counts(telling: Ledger) -> None:
    telling.events.store_results(RUN, [HELD])
    telling.outbox.make_mails(digest=True)
    telling.outbox.note_failed(1, "503")
    telling.outbox.note_failed(1, "400")
    (mail,) = telling.outbox.make_mails(digest=True)
    assert (mail.attempts, mail.notices[0].text) == (2, "no product")
    assert mail.tried_at is not None
    assert mail.tried_at > mail.made_at


def test_a_mail_that_is_given_up_is_in_the_audit(telling: Ledger) -> None:
    telling.events.store_results(RUN, [HELD])
    telling.outbox.make_mails(digest=True)
    telling.outbox.note_failed(1, "SendGrid answered 400", give_up=True)
    assert telling.outbox.make_mails(digest=True) == ()
    row = telling.audit.rows()[-1]
    assert (row.kind, row.detail) == ("mail_given_up", {"mail": "1", "text": "SendGrid answered 400"})


def test_mails_that_were_tried_in_vain_are_known_until_one_is_sent(telling: Ledger) -> None:
    queries, now = telling.queries, telling._transactions.clock()
    telling.events.store_results(RUN, [HELD])
    (first,) = telling.outbox.make_mails(digest=True)
    assert queries.unsent_mails(now) is None
    telling.outbox.note_failed(first.number, "SendGrid answered 401")
    assert queries.unsent_mails(now) == UnsentMails(1, first.made_at)
    telling.events.store_results(RUN, [replace(HELD, event_id=EventId("64000099"))])
    _, second = telling.outbox.make_mails(digest=True)
    assert queries.unsent_mails(now) == UnsentMails(2, first.made_at)
    telling.outbox.note_failed(first.number, "SendGrid answered 401", give_up=True)
    unsent = queries.unsent_mails(now)
    assert unsent == UnsentMails(1, first.made_at)
    assert "1 mail, the oldest for 2 h 5 min" in unsent.describe(first.made_at + timedelta(minutes=125))
    telling.outbox.note_failed(second.number, "SendGrid answered 401", give_up=True)
    assert queries.unsent_mails(now) == UnsentMails(2, first.made_at)
    assert queries.unsent_mails(now + timedelta(days=8)) is None
    telling.events.store_results(RUN, [replace(HELD, event_id=EventId("64000098"))])
    (third,) = telling.outbox.make_mails(digest=True)
    telling.outbox.note_sent(third.number)
    assert queries.unsent_mails(now) is None


def test_a_failure_is_told_once_and_once_more_when_it_repeats_whatever_its_reason_is(telling: Ledger) -> None:
    first = replace(HELD, status="failed", reason="UPSTREAM_UNAVAILABLE")
    again = replace(first, details=FAILED_AGAIN)
    otherwise = replace(again, reason="EVENT_DATA_UNAVAILABLE")
    assert occasions(telling, first, again, otherwise, again, HELD, first) == ["failed", "failed", "held", "failed"]
    assert [notice.again for notice in waiting(telling)] == [False, True, False, False]


def test_a_failure_of_another_kind_that_is_no_repeated_one_is_told(telling: Ledger) -> None:
    first = replace(HELD, status="failed", reason="UPSTREAM_UNAVAILABLE")
    assert occasions(telling, first, replace(first, reason=None), replace(first, reason=None, location="x")) == [
        "failed",
        "failed",
    ]

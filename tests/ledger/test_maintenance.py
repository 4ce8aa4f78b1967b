"""Care of the ledger: what a check finds, what a copy is, what an export leaves out, and what never goes."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tsrevel.errors import LedgerCode, LedgerDamaged, LedgerUnusable
from tsrevel.ledger import DeliveryKey, EventResult, Ledger, StationChange, StationReport
from tsrevel.ledger.maintenance import (
    REDACTED,
    back_up_ledger,
    check_ledger,
    count_prunable,
    export_rows,
    prune_details,
)
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.changes import EventDetails
from tsrevel.planning.model import EstablishmentId, EventId, OrderId, ProductId
from tsrevel.planning.products import Catalogue, Product

from ..planning.make import make_document, make_event
from .samples import (
    DAY,
    EVENT,
    NOTED,
    ORDER,
    RUN,
    START,
    TickingClock,
    differs,
    make_plan,
    make_run,
    open_ledger,
    raises,
    store_result,
)

LATER = START + timedelta(days=400)
BEFORE = START + timedelta(days=30)
Rows = list[dict[str, object]]


def settle(ledger: Ledger, event_id: EventId = EVENT) -> None:
    """An event with a finished order, and all that is kept of it."""
    plan = replace(make_plan(), event_id=event_id)
    ledger.orders.claim(RUN, plan)
    ledger.orders.record(RUN, event_id, plan.steps[0], "5550101", seen=True)
    ledger.orders.settle(RUN, event_id, ORDER, "digest")
    for status in ("injected", "skipped"):
        store_result(ledger, status, None, event_id, digest="digest")
    ledger.deliveries.store(
        RUN, DeliveryKey("UPDATE_EVENT", f"event {event_id}", "1", "5e0d"), event_id, signed=True, reason=None
    )
    ledger.orders.note_shown(RUN, event_id, {"balance": "0.00"}, StationReport(StationChange.CHANGED, "changed"))


def exported(path: Path, table: str) -> Rows:
    return [row for row in export_rows(path, "sandbox") if row["table"] == table]


def spoil(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_sound_ledger_is_counted(ledger: Ledger, path: Path) -> None:
    settle(ledger)
    summary = check_ledger(path, "sandbox")
    assert summary is not None
    assert (summary.tables["orders"], summary.tables["runs"], summary.tables["receipts"]) == (1, 1, 1)
    assert summary.orders == {"claimed": 0, "settled": 1, "disputed": 0, "foreign": 0}
    assert summary.inspection.facts == summary.tables["audit"] > 0
    assert summary.size == path.stat().st_size


def test_where_there_is_no_ledger_nothing_is_made(path: Path) -> None:
    assert check_ledger(path, "sandbox") is None
    for look in (
        lambda: list(export_rows(path, "sandbox")),
        lambda: back_up_ledger(path, path.with_name("copy"), "sandbox"),
        lambda: count_prunable(path, "sandbox", START),
    ):
        with raises(LedgerUnusable, LedgerCode.ABSENT):
            look()
    assert not path.parent.exists()


def test_what_every_change_leaves_behind_agrees_with_the_audit(ledger: Ledger, path: Path) -> None:
    settle(ledger)
    ledger.orders.dispute(RUN, EVENT, None, differs("tax"))
    settled, foreign, gone, begun, opened = (EventId(str(each)) for each in (8, 9, 10, 11, 12))
    ledger.orders.mark_foreign(RUN, opened, ORDER, "778", "digest")
    ledger.events.reopen(opened, "order wanted")
    ledger.orders.settle(RUN, settled, ORDER, None)
    for each in (foreign, gone, begun):
        ledger.orders.claim(RUN, replace(make_plan(), event_id=each))
    ledger.orders.mark_foreign(RUN, foreign, ORDER, "777")
    ledger.orders.record(RUN, gone, make_plan().steps[0], "7")
    ledger.orders.release(RUN, gone, "nothing there")
    ledger.orders.record(RUN, begun, make_plan().steps[0], "7")
    ledger.orders.record(RUN, begun, make_plan().steps[0], "8")
    ledger.events.resolve(begun, "done", "x", ORDER)
    ledger.events.resolve(begun, "ignored", "x", None)
    ledger.events.resolve(gone, "done", "x", None)
    ledger.events.reopen(gone, "x")
    assert check_ledger(path, "sandbox") is not None


TAMPERED = {
    "UPDATE orders SET order_id = '1'": f"event {EVENT} has Revel order 1; the audit says {ORDER}",
    "UPDATE orders SET order_id = NULL": f"event {EVENT} has Revel order none; the audit says {ORDER}",
    "UPDATE orders SET state = 'disputed'": f"the order of event {EVENT} is disputed; the audit says settled",
    "UPDATE orders SET plan = replace(plan, '2', '3')": f"the plan of event {EVENT} is not the claimed one",
    "UPDATE orders SET plan = NULL": f"the plan of event {EVENT} is not the claimed one",
    "DELETE FROM orders": f"the order of event {EVENT} is missing",
    "INSERT INTO orders (event_id, state, run_id, touched_at) SELECT '7', 'settled', run_id, touched_at FROM orders": (
        "the order of event 7 is not in the audit"
    ),
    "UPDATE receipts SET revel_id = '1'": f"a receipt of event {EVENT} is for Revel id 1; the audit says 5550101",
    "DELETE FROM receipts": f"a receipt of event {EVENT} is missing",
    "DELETE FROM resolutions": "event 9 is resolved as nothing; the audit says done",
    "UPDATE resolutions SET verdict = 'ignored'": "event 9 is resolved as ignored; the audit says done",
}


@pytest.mark.parametrize("statement", TAMPERED)
def test_what_other_hands_have_changed_is_found_and_its_event_named(path: Path, statement: str) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        settle(ledger)
        ledger.events.resolve(EventId("9"), "done", "x", None)
    spoil(path, "PRAGMA foreign_keys = ON", statement)
    with raises(LedgerDamaged, LedgerCode.TABLES_DISAGREE, match=TAMPERED[statement]):
        check_ledger(path, "sandbox")


DAMAGE: dict[str, tuple[Callable[[Path], object], LedgerCode]] = {
    "an altered fact": (
        lambda path: spoil(path, "DROP TRIGGER audit_is_never_updated", "UPDATE audit SET kind = 'x' WHERE seq = 1"),
        LedgerCode.AUDIT_ROW_ALTERED,
    ),
    "a lost run": (lambda path: spoil(path, "DELETE FROM runs"), LedgerCode.BROKEN_REFERENCE),
    "no database": (lambda path: path.write_bytes(b"something else " * 100), LedgerCode.NOT_A_DATABASE),
    "an empty file": (lambda path: path.write_bytes(b""), LedgerCode.EMPTY_FILE),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_ledger_is_found_out(path: Path, damage: str) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
    act, code = DAMAGE[damage]
    act(path)
    with raises(LedgerDamaged, code) as caught:
        check_ledger(path, "sandbox")
    assert str(caught.value).count("15 minutes have passed since the last run") == 1


def test_a_ledger_of_the_other_environment_is_not_damaged(ledger: Ledger, path: Path) -> None:
    with raises(LedgerUnusable, LedgerCode.OTHER_ENVIRONMENT) as caught:
        check_ledger(path, "production")
    assert not isinstance(caught.value, LedgerDamaged)


def test_a_copy_is_whole_while_the_ledger_is_open(ledger: Ledger, path: Path) -> None:
    settle(ledger)
    copy = path.with_name("copy")
    assert back_up_ledger(path, copy, "sandbox").orders["settled"] == 1
    assert copy.stat().st_mode & 0o777 == 0o600
    with open_ledger(copy) as opened:
        opened.audit.verify()
        assert opened.orders.find([EVENT]) == ledger.orders.find([EVENT])


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_copy_overwrites_nothing(ledger: Ledger, path: Path, kind: str) -> None:
    copy = path.with_name("copy")
    if kind == "file":
        copy.write_text("mine")
    else:
        copy.symlink_to(path.with_name("nowhere"))
    with raises(LedgerUnusable, LedgerCode.EXISTS):
        back_up_ledger(path, copy, "sandbox")


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
def test_a_copy_is_not_made_beside_a_log_of_an_earlier_one(ledger: Ledger, path: Path, end: str) -> None:
    log = path.with_name(f"copy{end}")
    log.write_bytes(b"of an earlier copy")
    with raises(LedgerUnusable, LedgerCode.EXISTS):
        back_up_ledger(path, path.with_name("copy"), "sandbox")
    assert [each.name for each in path.parent.glob("copy*")] == [log.name]


def test_a_copy_into_a_folder_that_does_not_exist_blames_no_ledger(ledger: Ledger, path: Path) -> None:
    copy = path.parent / "nowhere" / "copy"
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE) as caught:
        back_up_ledger(path, copy, "sandbox")
    assert str(caught.value).startswith(f"The file {copy} can't be written (No such file or directory). Name a file in")


@pytest.mark.parametrize("room", [4096, 65536])
def test_a_copy_that_does_not_fit_blames_no_ledger_and_leaves_nothing(ledger: Ledger, path: Path, room: int) -> None:
    settle(ledger)
    copy, before = path.with_name("copy"), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with raises(LedgerUnusable, LedgerCode.DISK_FULL) as caught:
            back_up_ledger(path, copy, "sandbox")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert f"The file {copy} can't be written" in str(caught.value)
    assert "Make room" in str(caught.value)
    assert not list(path.parent.glob("*copy*"))


def fill_every_table(ledger: Ledger, secret: str) -> None:
    """Rows in each table, with `secret` wherever a person or a service may have entered text."""
    settle(ledger)
    plan = make_plan(EventId("8"))
    items = tuple(replace(item, line=secret, override=secret, note=secret) for item in plan.items)
    ledger.orders.claim(RUN, replace(plan, items=items))
    ledger.orders.dispute(RUN, EventId("8"), ORDER, differs(secret))
    ledger.orders.note_content(RUN, EventId("8"), "content", EventDetails(total="50.00"))
    result = EventResult(EventId("9"), DAY, "held", "CHANGED_AFTER_INJECTION", secret, None, details=(secret,))
    event = replace(make_event(make_document()), name=secret, contact_name=secret)
    ledger.events.store_results(RUN, [replace(result, news=True, event=event)])
    ledger.events.store_dry_results(RUN, [replace(result, event_id=EventId("10"))])
    ledger.events.resolve(EventId("9"), "ignored", secret, None)
    ledger.events.resolve(EventId("11"), "done", secret, None)
    ledger.outbox.make_mails(digest=True)
    ledger.runs.pause(secret)
    ledger.catalogs.store(Catalogue.of(EstablishmentId(8), [Product(ProductId(77), secret)]))
    answer = AssumptionAnswer(AssumptionCode.TRIPLESEAT_CHARGES, AssumptionResult.FAILS, f"unknown: {secret}")
    ledger.assumptions.store([answer])
    ledger.audit.add(RUN, NOTED, strange=secret)
    ledger.events.store_results(RUN, [replace(result, event_id=EventId("12"), news=True)])


def test_an_export_has_every_row_of_every_table(path: Path) -> None:
    with open_ledger(path, mail_on={"held", "changed"}) as ledger:
        ledger.runs.begin(make_run())
        fill_every_table(ledger, "Jane")
    summary = check_ledger(path, "sandbox")
    assert summary is not None
    assert [table for table, count in summary.tables.items() if count == 0] == []
    rows = list(export_rows(path, "sandbox"))
    counts = {table: sum(row["table"] == table for row in rows) for table in summary.tables}
    assert counts == {**summary.tables, "catalogues": 0}
    assert exported(path, "orders")[0]["order_id"] == ORDER
    assert exported(path, "receipts")[0]["facts"] == {"seen": "at Revel"}
    assert exported(path, "shown_orders")[0]["shown"] == {"balance": "0.00"}


def test_an_export_has_the_answers_to_assumptions_without_the_words_of_staff(path: Path) -> None:
    with open_ledger(path) as ledger:
        ledger.runs.begin(make_run())
        fill_every_table(ledger, "Jane")
    (answer,) = exported(path, "assumptions")
    assert (answer["code"], answer["result"], answer["detail"]) == ("TRIPLESEAT_CHARGES", "doesn't hold", REDACTED)
    assert answer["tested_at"] != REDACTED
    (tested,) = (row for row in exported(path, "audit") if row["kind"] == "assumptions_tested")
    assert tested["detail"] == {"TRIPLESEAT_CHARGES": "doesn't hold"}


FREE_TEXT = {
    ("orders", "text"), ("sightings", "snapshot"), ("resolutions", "note"), ("pause", "reason"), ("notices", "text"),
    ("event_contents", "made"), ("event_contents", "seen"), ("assumptions", "detail"),
}  # fmt: skip


def test_an_export_redacts_the_columns_with_free_text_and_no_other(path: Path) -> None:
    """A new column is in one of the lists of `maintenance`, or here."""
    with open_ledger(path, mail_on={"held", "changed"}) as ledger:
        ledger.runs.begin(make_run())
        fill_every_table(ledger, "Jane")
        ledger.events.store_results(
            RUN, [EventResult(EventId("13"), DAY, "skipped", "EVENT_DAY_PASSED", "", None, missed=True, unlisted=True)]
        )
    rows = list(export_rows(path, "sandbox"))
    assert "Jane" not in str(rows)
    redacted = {(str(row["table"]), name) for row in rows for name, value in row.items() if value == REDACTED}
    assert redacted <= FREE_TEXT


def test_an_export_leaves_free_text_out(ledger: Ledger, path: Path) -> None:
    secret = "Jane"
    plan = make_plan()
    items = tuple(replace(item, line=secret, override=secret, note=secret) for item in plan.items)
    ledger.orders.claim(RUN, replace(plan, items=items))
    ledger.orders.dispute(RUN, EVENT, ORDER, differs(secret))
    ledger.runs.pause(secret)
    ledger.audit.add(RUN, NOTED, strange=secret)
    rows = list(export_rows(path, "sandbox"))
    assert secret not in str(rows)
    assert exported(path, "orders")[0]["text"] == REDACTED
    plan_row = exported(path, "orders")[0]["plan"]
    assert isinstance(plan_row, Mapping)
    assert {item["line"] for item in plan_row["items"]} == {REDACTED}
    assert plan_row["location"]["name"] == "Special Events"
    assert exported(path, "pause")[0]["reason"] == REDACTED


def test_what_is_old_and_done_goes_and_the_order_stays(ledger: Ledger, path: Path) -> None:
    settle(ledger)
    before = exported(path, "orders"), exported(path, "audit")
    expected = {"receipts": 1, "attempts": 1, "deliveries": 1, "sightings": 1}
    assert count_prunable(path, "sandbox", BEFORE) == expected
    assert prune_details(ledger, BEFORE, 30) == expected
    assert exported(path, "orders") == before[0]
    audit = exported(path, "audit")
    assert (audit[:-1], audit[-1]["kind"]) == (before[1], "pruned")
    record = ledger.orders.get(EVENT)
    assert record is not None
    assert (record.state, record.order_id, record.plan) == ("settled", ORDER, make_plan())
    assert prune_details(ledger, BEFORE, 30) == dict.fromkeys(expected, 0)
    assert len(exported(path, "audit")) == len(audit)
    assert check_ledger(path, "sandbox") is not None


def doubtful(ledger: Ledger) -> None:
    settle(ledger)
    ledger.orders.recheck(RUN, EVENT, LATER)


def disputed(ledger: Ledger) -> None:
    settle(ledger)
    ledger.orders.dispute(RUN, EVENT, ORDER, differs("why"))


def claimed(ledger: Ledger) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.record(RUN, EVENT, make_plan().steps[0], "1")


def foreign(ledger: Ledger) -> None:
    ledger.orders.mark_foreign(RUN, EVENT, OrderId("7"), "Triple Seat 1")
    store_result(ledger, "skipped", "ORDER_EXISTS")


def held(ledger: Ledger) -> None:
    store_result(ledger, "held", "UNMAPPED_ITEMS")


def missed(ledger: Ledger) -> None:
    store_result(ledger, "skipped", "EVENT_DAY_PASSED", missed=True)


def changed(ledger: Ledger) -> None:
    settle(ledger)
    told = EventResult(EVENT, DAY, "skipped", "CHANGED_AFTER_INJECTION", "", None, news=True)
    ledger.events.store_results(RUN, [told])


@pytest.mark.parametrize("story", [doubtful, disputed, claimed, foreign, held, missed, changed])
def test_what_is_not_settled_for_good_stays(ledger: Ledger, story: Callable[[Ledger], None]) -> None:
    story(ledger)
    assert not any(prune_details(ledger, LATER, 1).values())


@pytest.mark.parametrize("before", [START - timedelta(days=1), START])
def test_what_is_not_old_stays(ledger: Ledger, before: datetime) -> None:
    settle(ledger)
    assert not any(prune_details(ledger, before, 1).values())


def test_an_order_whose_event_is_still_to_come_stays(path: Path) -> None:
    with Ledger.open(path, environment="sandbox", clock=TickingClock(START - timedelta(days=90))) as ledger:
        ledger.runs.begin(make_run())
        settle(ledger)
        assert not any(prune_details(ledger, START - timedelta(days=30), 1).values())

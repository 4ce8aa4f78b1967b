"""Webhook deliveries in the ledger: each is dealt with once, and the audit says whether it was signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tsrevel.errors import ClaimConflict
from tsrevel.ledger import DeliveryKey, Ledger
from tsrevel.ledger.connection import encode_instant

from .samples import EVENT, RUN, START, make_run

KEY = DeliveryKey("UPDATE_EVENT", f"event {EVENT}", "2026-12-09T10:21:00", "5e0d")


def note(ledger: Ledger, key: DeliveryKey = KEY, *, signed: bool = True, reason: str | None = None) -> None:
    ledger.deliveries.store(RUN, key, EVENT, signed=signed, reason=reason)


def known(ledger: Ledger, key: DeliveryKey = KEY, received: datetime = START) -> bool:
    return ledger.deliveries.is_known(key, received)


def stored(ledger: Ledger) -> int:
    return int(ledger._transactions.connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])


def test_a_delivery_is_unknown_until_it_is_noted(ledger: Ledger) -> None:
    assert not known(ledger)
    note(ledger)
    assert known(ledger)


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, trigger="CREATE_EVENT"),
        replace(KEY, subject=f"booking {EVENT}"),
        replace(KEY, stamp="2026-12-09T10:22:00"),
        replace(KEY, stamp=""),
        replace(KEY, body_hash="5e0e"),
    ],
    ids=["trigger", "subject", "stamp", "no stamp", "body"],
)
def test_each_part_of_its_key_tells_it_from_others(ledger: Ledger, other: DeliveryKey) -> None:
    note(ledger)
    assert not known(ledger, other)


@pytest.mark.parametrize(
    ("stored_as", "is_known"), [("2026-12-09T10:21:00", True), ("2026-12-09T10:22:00", False), ("5e0d", False)]
)
def test_what_an_earlier_version_noted_by_its_stamp_alone_still_counts(
    ledger: Ledger, stored_as: str, is_known: bool
) -> None:
    row = (KEY.trigger, KEY.subject, stored_as, encode_instant(START))
    ledger._transactions.connection.execute(
        "INSERT INTO deliveries (trigger, subject, stamp, handled_at) VALUES (?, ?, ?, ?)", row
    )
    assert known(ledger) is is_known


def test_what_an_earlier_version_noted_by_its_bytes_still_counts(ledger: Ledger) -> None:
    key = replace(KEY, stamp="")
    row = (key.trigger, key.subject, key.body_hash, encode_instant(START))
    ledger._transactions.connection.execute(
        "INSERT INTO deliveries (trigger, subject, stamp, handled_at) VALUES (?, ?, ?, ?)", row
    )
    assert known(ledger, key)


def test_a_delivery_noted_twice_is_one_and_the_last_run_s(ledger: Ledger) -> None:
    ledger.runs.begin(make_run("run-2"))
    note(ledger)
    ledger.deliveries.store("run-2", KEY, EVENT, signed=True, reason=None)
    (row,) = ledger._transactions.connection.execute("SELECT run_id FROM deliveries").fetchall()
    assert row["run_id"] == "run-2"


@pytest.mark.parametrize("stamp", [KEY.stamp, ""])
def test_only_a_run_that_began_after_it_came_did_it(ledger: Ledger, stamp: str) -> None:
    key, begun = replace(KEY, stamp=stamp), make_run().started_at
    note(ledger, key)
    soon = timedelta(seconds=1)
    assert [known(ledger, key, each) for each in (begun - soon, begun, begun + soon)] == [True, True, False]


@pytest.mark.parametrize("stamp", [KEY.stamp, ""])
def test_a_run_that_seems_to_begin_later_than_now_did_nothing_that_is_known(ledger: Ledger, stamp: str) -> None:
    key = replace(KEY, stamp=stamp)
    ledger.runs.begin(replace(make_run("fast"), started_at=START + timedelta(minutes=9)))
    ledger.deliveries.store("fast", key, EVENT, signed=True, reason=None)
    assert not known(ledger, key)


@pytest.mark.parametrize(("signed", "told"), [(True, "yes"), (False, "no")])
def test_the_audit_says_whether_it_was_signed(ledger: Ledger, signed: bool, told: str) -> None:
    note(ledger, signed=signed, reason="TOO_EARLY")
    row = ledger.audit.rows(EVENT)[-1]
    assert (row.kind, row.run_id, row.detail["signed"]) == ("delivery", RUN, told)
    assert (row.detail["trigger"], row.detail["reason"]) == ("UPDATE_EVENT", "TOO_EARLY")
    ledger.audit.verify()


def test_a_delivery_that_called_for_no_run_is_noted_without_one(ledger: Ledger) -> None:
    ledger.deliveries.store(None, KEY, None, signed=True, reason="AUTHORIZATION_DENIED")
    assert known(ledger)
    assert (ledger.audit.rows()[-1].run_id, ledger.audit.rows()[-1].event_id) == (None, None)


def test_a_delivery_of_a_run_that_never_began_is_not_noted(ledger: Ledger) -> None:
    with pytest.raises(ClaimConflict):
        ledger.deliveries.store("run-9", KEY, EVENT, signed=True, reason=None)
    assert (stored(ledger), known(ledger)) == (0, False)

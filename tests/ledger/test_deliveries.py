"""Webhook deliveries in the ledger: each is dealt with once, and the audit says whether it was signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tsrevel.errors import ClaimConflict
from tsrevel.ledger import DeliveryKey, Ledger

from .samples import EVENT, RUN, make_run

KEY = DeliveryKey("UPDATE_EVENT", f"event {EVENT}", "2026-12-09T10:21:00", "5e0d")


def note(ledger: Ledger, key: DeliveryKey = KEY, *, signed: bool = True, reason: str | None = None) -> None:
    ledger.deliveries.store(RUN, key, EVENT, signed=signed, reason=reason)


def stored(ledger: Ledger) -> int:
    return int(ledger._transactions.connection.execute("SELECT count(*) FROM deliveries").fetchone()[0])


def test_a_delivery_is_unknown_until_it_is_noted(ledger: Ledger) -> None:
    assert not ledger.deliveries.is_known(KEY)
    note(ledger)
    assert ledger.deliveries.is_known(KEY)


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
    assert not ledger.deliveries.is_known(other)


@pytest.mark.parametrize(
    ("stored_as", "known"),
    [("2026-12-09T10:21:00", True), ("2026-12-09T10:22:00", False), ("5e0d", False)],
)
def test_what_an_earlier_version_noted_by_its_stamp_alone_still_counts(
    ledger: Ledger, stored_as: str, known: bool
) -> None:
    row = (KEY.trigger, KEY.subject, stored_as, "2026-12-09T18:21:00.000000+00:00")
    ledger._transactions.connection.execute(
        "INSERT INTO deliveries (trigger, subject, stamp, handled_at) VALUES (?, ?, ?, ?)", row
    )
    assert ledger.deliveries.is_known(KEY) is known


def test_what_an_earlier_version_noted_by_its_bytes_still_counts(ledger: Ledger) -> None:
    key = replace(KEY, stamp="")
    row = (key.trigger, key.subject, key.body_hash, "2026-12-09T18:21:00.000000+00:00")
    ledger._transactions.connection.execute(
        "INSERT INTO deliveries (trigger, subject, stamp, handled_at) VALUES (?, ?, ?, ?)", row
    )
    assert ledger.deliveries.is_known(key)


def test_a_delivery_noted_twice_is_one_and_the_last_run_s(ledger: Ledger) -> None:
    ledger.runs.begin(make_run("run-2"))
    note(ledger)
    ledger.deliveries.store("run-2", KEY, EVENT, signed=True, reason=None)
    (row,) = ledger._transactions.connection.execute("SELECT run_id FROM deliveries").fetchall()
    assert row["run_id"] == "run-2"


def test_without_a_stamp_only_a_run_that_began_after_it_came_did_it(ledger: Ledger) -> None:
    key, begun = replace(KEY, stamp=""), make_run().started_at
    note(ledger, key)
    note(ledger)
    soon = timedelta(seconds=1)
    assert [ledger.deliveries.is_known(key, each) for each in (begun - soon, begun, begun + soon)] == [
        True,
        True,
        False,
    ]
    assert ledger.deliveries.is_known(KEY, begun + soon)


@pytest.mark.parametrize(("signed", "told"), [(True, "yes"), (False, "no")])
def test_the_audit_says_whether_it_was_signed(ledger: Ledger, signed: bool, told: str) -> None:
    note(ledger, signed=signed, reason="TOO_EARLY")
    row = ledger.audit.rows(EVENT)[-1]
    assert (row.kind, row.run_id, row.detail["signed"]) == ("delivery", RUN, told)
    assert (row.detail["trigger"], row.detail["reason"]) == ("UPDATE_EVENT", "TOO_EARLY")
    ledger.audit.verify()


def test_a_delivery_that_called_for_no_run_is_noted_without_one(ledger: Ledger) -> None:
    ledger.deliveries.store(None, KEY, None, signed=True, reason="AUTHORIZATION_DENIED")
    assert ledger.deliveries.is_known(KEY)
    assert (ledger.audit.rows()[-1].run_id, ledger.audit.rows()[-1].event_id) == (None, None)


def test_a_delivery_of_a_run_that_never_began_is_not_noted(ledger: Ledger) -> None:
    with pytest.raises(ClaimConflict):
        ledger.deliveries.store("run-9", KEY, EVENT, signed=True, reason=None)
    assert (stored(ledger), ledger.deliveries.is_known(KEY)) == (0, False)

"""Rows that an older version stored, with their codes in sentences, are understood as those of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tsrevel.ledger import Ledger, StationChange, StationReport, open_view
from tsrevel.ledger.maintenance import check_ledger
from tsrevel.ledger.older_rows import read_dispute, read_station_change
from tsrevel.planning.reasons import Reason

from .. import older_rows
from .samples import EVENT, ORDER, RUN, differs, make_plan

BEFORE = "Revel order 5550101 was changed at Revel: total 12.00 → 14.00; "


def store_dispute(ledger: Ledger, path: Path, text: str) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    older_rows.dispute(ledger, path, RUN, EVENT, ORDER, text)


@pytest.mark.parametrize(
    ("stored", "reason", "text"),
    [
        ("AMOUNT_MISMATCH: tax is 1.00: not 2.00", Reason.AMOUNT_MISMATCH, "tax is 1.00: not 2.00"),
        ("looked at by hand: it differs", None, "looked at by hand: it differs"),
    ],
)
def test_the_code_before_the_text_of_a_dispute_is_found(
    ledger: Ledger, path: Path, stored: str, reason: Reason | None, text: str
) -> None:
    store_dispute(ledger, path, stored)
    record = ledger.orders.get(EVENT)
    assert record is not None
    assert (record.state, record.reason, record.text, record.dispute) == ("disputed", reason, text, stored)
    view = open_view(path, "sandbox")
    assert view is not None
    with view:
        assert [each.dispute for each in view.queries.open_orders()] == [stored]
    assert check_ledger(path, "sandbox") is not None


def test_the_dispute_that_was_stored_last_counts(ledger: Ledger, path: Path) -> None:
    ledger.orders.claim(RUN, make_plan())
    ledger.orders.dispute(RUN, EVENT, ORDER, differs("DUPLICATE_ORDERS: so it says", Reason.ORDER_DIFFERS))
    record = ledger.orders.get(EVENT)
    assert record is not None
    assert (record.reason, record.text) == (Reason.ORDER_DIFFERS, "DUPLICATE_ORDERS: so it says")
    older_rows.dispute(ledger, path, RUN, EVENT, ORDER, "AMOUNT_MISMATCH: tax")
    record = ledger.orders.get(EVENT)
    assert record is not None
    assert (record.reason, record.text) == (Reason.AMOUNT_MISMATCH, "tax")


def test_a_code_that_only_a_later_version_knows_is_none() -> None:
    assert read_dispute("OUT_OF_THE_BLUE", "text") == (None, "text")


@pytest.mark.parametrize(
    ("ending", "change"),
    [
        ("it is as it was made again", StationChange.UNDONE),
        ("look at it there, it is left as it is", StationChange.CHANGED),
    ],
)
def test_the_end_of_a_report_says_whether_a_change_was_undone(
    ledger: Ledger, ending: str, change: StationChange
) -> None:
    older_rows.report_station_change(ledger, RUN, EVENT, {"total": "14.00"}, BEFORE + ending)
    assert read_station_change(ledger.audit.rows(EVENT)[-1].detail) is change


def test_a_row_of_today_says_it_by_its_code(ledger: Ledger) -> None:
    ledger.orders.settle(RUN, EVENT, ORDER, None)
    ledger.orders.note_shown(
        RUN, EVENT, {}, StationReport(StationChange.CHANGED, BEFORE + "it is as it was made again")
    )
    assert read_station_change(ledger.audit.rows(EVENT)[-1].detail) is StationChange.CHANGED


def test_a_row_without_a_report_has_no_change() -> None:
    assert read_station_change({"shown": "{}"}) is None

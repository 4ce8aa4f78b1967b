"""Built events and the seeded day: shapes as in the fact sheets, sums that add up."""

from __future__ import annotations

import ast
import sys
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import tsrevel.sandbox
from tsrevel.sandbox import (
    LAKESIDE_BAKERY,
    RevelSandbox,
    SampleLine,
    TripleSeatSandbox,
    make_document,
    make_event,
    seed_day,
)
from tsrevel.sandbox.documents import money

DAY = date(2026, 7, 4)
NOW = datetime(2026, 12, 13, 5, 0, tzinfo=UTC)


def adds_up(event: dict[str, Any], document: dict[str, Any]) -> bool:
    sold = sum(Decimal(line["total_price"] or 0) for line in document["line_items"])
    billed = sum(Decimal(row["total_price"]) for row in document["billing_totals"])
    return sold - Decimal(document["financials"]["discounts_total"]) + billed == Decimal(event["grand_total"])


def test_days_and_times_are_unpadded_local_and_iso() -> None:
    event = make_event(day=DAY, start=time(9, 5), location=LAKESIDE_BAKERY)
    assert event["event_date"] == "7/4/2026"
    assert event["event_start"] == "7/4/2026 9:05 AM"
    assert event["event_start_iso8601"] == "2026-07-04T09:05:00-06:00"
    assert event["event_start_utc"] == "2026-07-04T15:05:00Z"
    assert event["event_timezone"] == "Mountain Time (US & Canada)"


def test_totals_follow_from_the_lines() -> None:
    lines = [
        ("Lunch", 24, "18.5", 120001),
        SampleLine("TACOS - all", 8, 12, discount="9.6"),
        ("Server", 4, 28, None, "Labor"),
    ]
    event = make_event(day=DAY, lines=lines, charges=[("Sales Tax", "53.24")], payments=[("200", True), ("1", False)])
    document = event["documents"][0]
    assert adds_up(event, document)
    assert document["financials"] == {"amount_due": "495.64", "grand_total": "695.64", "discounts_total": "9.6"}
    assert document["category_totals"] == [{"name": "Food", "value": "530.4"}, {"name": "Labor", "value": "112.0"}]
    assert (event["deposit_amount"], event["amount_due"]) == ("200.0", "495.64")


def test_a_menu_line_has_a_name_and_a_typed_one_only_a_description() -> None:
    menu, typed = make_document(lines=[SampleLine("Lunch", 1, 9, 120001, text="Chips"), ("TACOS - all", 1, 9)])[
        "line_items"
    ]
    assert (menu["display_name"], menu["description"], menu["section"]) == ("Lunch", "Chips", "Menu Items")
    assert (typed["display_name"], typed["description"], typed["menu_item_id"]) == (None, "TACOS - all", None)


def test_a_refund_is_given_back_in_what_is_due() -> None:
    event = make_event(day=DAY, lines=[("Lunch", 1, 100)], payments=[("80", True, "30")])
    assert event["amount_due"] == "50.0"
    assert event["documents"][0]["payment_set"]["payments"][0]["amount_refunded"] == "30.0"


def test_a_total_and_the_documents_can_be_given_on_purpose() -> None:
    assert make_event(day=DAY, grand_total="1.00")["documents"][0]["financials"]["grand_total"] == "1.0"
    gone = make_document(1, lines=[("A", 1, 5)], deleted_at="7/1/2026 1:00 PM")
    event = make_event(day=DAY, documents=[gone, make_document(2, lines=[("B", 1, 7)])])
    assert (event["grand_total"], event["document_ids"]) == ("7.0", "1,2")


@pytest.mark.parametrize(
    ("amount", "text"), [("18.50", "18.5"), (370, "370.0"), ("112.08", "112.08"), ("1E+2", "100.0"), (None, None)]
)
def test_money_is_written_as_tripleseat_does(amount: str | int | None, text: str | None) -> None:
    assert money(amount) == text


def test_the_seeded_day_is_the_local_one_of_each_place() -> None:
    tripleseat, revel = TripleSeatSandbox(lambda: NOW), RevelSandbox(lambda: NOW)
    day = seed_day(tripleseat, revel, NOW)
    assert day.event("full").day == date(2026, 12, 12)
    assert day.event("full").total == Decimal("837.72")
    assert [event.id for event in day.events if event.status == "injected"] == [64000001, 64000002, 64000007]
    later = datetime(2026, 12, 13, 7, 30, tzinfo=UTC)
    split = seed_day(TripleSeatSandbox(), RevelSandbox(), later)
    assert (split.event("full").day, split.event("paid").day) == (date(2026, 12, 12), date(2026, 12, 13))


def test_every_seeded_contract_adds_up() -> None:
    tripleseat = TripleSeatSandbox(lambda: NOW)
    day = seed_day(tripleseat, RevelSandbox(), NOW)
    for sample in day.events:
        event = tripleseat.event(sample.id)
        live = [document for document in event["documents"] if document["deleted_at"] is None]
        assert all(adds_up(event, document) for document in live)


def test_a_seeded_day_is_the_same_every_time() -> None:
    first, second = TripleSeatSandbox(lambda: NOW), TripleSeatSandbox(lambda: NOW)
    assert seed_day(first, RevelSandbox(), NOW) == seed_day(second, RevelSandbox(), NOW)
    assert first.state.events == second.state.events


def test_each_seeded_establishment_has_inactive_twins_and_more_than_one_page() -> None:
    revel = RevelSandbox(lambda: NOW)
    seed_day(TripleSeatSandbox(), revel, NOW)
    for establishment in (8, 9):
        products = revel.state.linked("Product", "establishment", establishment)
        assert len(products) > revel.page_cap
        active = {row["name"] for row in products if row["active"]}
        assert active & {row["name"] for row in products if not row["active"]}


def test_the_sandbox_imports_the_standard_library_and_itself_only() -> None:
    for path in Path(tsrevel.sandbox.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.startswith("tsrevel.sandbox") or name.split(".")[0] in sys.stdlib_module_names, (path, name)

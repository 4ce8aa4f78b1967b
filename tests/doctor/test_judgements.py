"""Each judgement by itself, from answers written down here: what no pretend service gives is judged as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tsrevel.doctor import assumed_of_revel as revel
from tsrevel.doctor import assumed_of_tripleseat as tripleseat
from tsrevel.doctor.assumed_of_revel import ListedOrder, RevelEvidence, StandingOrder
from tsrevel.doctor.assumed_of_tripleseat import TripleSeatEvidence
from tsrevel.doctor.findings import Judgement
from tsrevel.ledger import KnownOrder
from tsrevel.planning.assumptions import AssumptionResult
from tsrevel.planning.model import OrderId
from tsrevel.planning.money import Cents
from tsrevel.revel.probes import RevelAnswer
from tsrevel.tripleseat.probes import TripleSeatAnswer

HOLDS, FAILS, UNTOLD = AssumptionResult.HOLDS, AssumptionResult.FAILS, AssumptionResult.UNTOLD
ONE, TWO = "0000000a-0000-5000-8000-00000000000a", "0000000b-0000-5000-8000-00000000000b"
AT = datetime(2026, 12, 12, 18, 0, tzinfo=UTC)
DOWN = RevelAnswer(problem="Revel: no connection")
BAD_REQUEST = RevelAnswer(refused=400)
NONE = RevelAnswer(total=0)


def page(*rows: dict[str, Any], more: str | None = None, total: int | None = None) -> RevelAnswer:
    return RevelAnswer(rows, more, len(rows) if total is None else total)


def order(number: int, uuid: str, local_id: str, **more: object) -> dict[str, Any]:
    amounts = {"final_total": Decimal("10.5"), "tax": "0.000000", "remaining_due": 0, "gratuity": None}
    return {"id": number, "uuid": uuid, "local_id": local_id, **amounts, **more}


FIRST = order(11, ONE, "Triple Seat_1", created_date="2026-12-12T10:00:05")
SECOND = order(12, TWO, "Triple Seat_2")
KNOWN = KnownOrder(OrderId("11"), ONE, "Triple Seat_1", Cents(1050), "America/Los_Angeles", AT)
OTHER = KnownOrder(OrderId("12"), TWO, "Triple Seat_2", Cents(1050), "America/Los_Angeles", AT)
NONE_SHOWN: dict[str, Any] = {"shown": (), "none_shown": "order 11 is deleted at Revel or not shown"}
IDS = [{"id": number} for number in range(1, 6)]
GOOD = RevelEvidence(
    shown=(StandingOrder(KNOWN, FIRST),),
    none_shown="",
    orders=(ListedOrder("11", ONE, "Triple Seat_1"), ListedOrder("12", TWO, "Triple Seat_2")),
    newest=page(SECOND, FIRST),
    by_uuid=page(FIRST),
    by_local_id=page(FIRST),
    by_unknown=NONE,
    uuids_in=page(FIRST, SECOND),
    local_ids_in=page(FIRST, SECOND),
    unknown_in=NONE,
    unknown_filter=page(FIRST, total=2),
    establishment="8",
    of_establishment=page({"id": 1, "establishment": "/enterprise/Establishment/8/"}),
    of_nowhere=NONE,
    narrowed=page({"id": 1, "name": "Tea", "resource_uri": "/resources/Product/1/"}),
    longest=page(*[{"id": number} for number in range(250)], more="/resources/Product/?offset=250", total=300),
    pages=(
        page(*IDS[:2], more="/resources/Product/?offset=2", total=5),
        page(*IDS[2:4], more="/resources/Product/?offset=4", total=5),
        page(IDS[4], total=5),
    ),
    descending=page(*reversed(IDS)),
    products=("1", "2"),
    product_set=RevelAnswer(tuple(IDS[:2])),
    skew=3.0,
    other_skew=2.0,
)


def showing(of_it: dict[str, Any], known: KnownOrder = KNOWN, *others: StandingOrder) -> dict[str, Any]:
    return {"shown": (StandingOrder(known, {**FIRST, **of_it}), *others)}


SHORT = page(*IDS, more="/resources/Product/?offset=5", total=300)
SHOWS_WALL_TIME = StandingOrder(OTHER, {**SECOND, "created_date": "2026-12-12T10:00:05"})
SHOWS_UTC = StandingOrder(OTHER, {**SECOND, "created_date": "2026-12-12T18:00:05"})
Judge = Callable[[RevelEvidence], Judgement]
CASES: list[tuple[Judge, dict[str, Any], AssumptionResult]] = [
    (revel.judge_uuid_kept, showing({"uuid": TWO}), FAILS),
    (revel.judge_uuid_kept, showing({"uuid": ONE.upper()}), HOLDS),
    (revel.judge_uuid_kept, showing({"uuid": TWO}, replace(KNOWN, written_at=None)), UNTOLD),
    (revel.judge_uuid_kept, showing({"uuid": TWO}, KNOWN, StandingOrder(OTHER, SECOND)), UNTOLD),
    (revel.judge_uuid_kept, NONE_SHOWN, UNTOLD),
    (revel.judge_finds_by_uuid, {"by_uuid": page(FIRST, SECOND)}, FAILS),
    (revel.judge_finds_by_uuid, {"by_uuid": NONE}, FAILS),
    (revel.judge_finds_by_uuid, {"by_uuid": BAD_REQUEST}, FAILS),
    (revel.judge_finds_by_uuid, {"by_uuid": DOWN}, UNTOLD),
    (revel.judge_finds_by_uuid, {"by_uuid": None, "orders": ()}, UNTOLD),
    (revel.judge_finds_by_local_id, {"by_local_id": page(FIRST, SECOND)}, FAILS),
    (revel.judge_finds_by_local_id, {"by_local_id": NONE}, FAILS),
    (revel.judge_finds_by_local_id, {"by_local_id": page(FIRST, {**SECOND, "local_id": "Triple Seat_1"})}, HOLDS),
    (revel.judge_finds_by_local_id, {"by_local_id": page(FIRST, {**SECOND, "local_id": "TRIPLE SEAT_1 "})}, HOLDS),
    (revel.judge_finds_by_local_id, {"by_local_id": RevelAnswer(refused=404)}, UNTOLD),
    (revel.judge_finds_none, {"by_unknown": page(FIRST)}, FAILS),
    (revel.judge_finds_none, {"by_unknown": DOWN}, UNTOLD),
    (revel.judge_finds_none, {"newest": NONE}, UNTOLD),
    (revel.judge_in_filter, {"uuids_in": page(FIRST)}, FAILS),
    (revel.judge_in_filter, {"uuids_in": BAD_REQUEST}, FAILS),
    (revel.judge_in_filter, {"local_ids_in": NONE}, FAILS),
    (revel.judge_in_filter, {"local_ids_in": None}, HOLDS),
    (revel.judge_in_filter, {"local_ids_in": page(*[SECOND] * 10, more="/resources/Order/?offset=10")}, UNTOLD),
    (revel.judge_in_filter, {"local_ids_in": page(*[SECOND] * 10, total=11)}, UNTOLD),
    (revel.judge_in_filter, {"unknown_in": page(FIRST, SECOND)}, FAILS),
    (revel.judge_in_filter, {"uuids_in": None}, UNTOLD),
    (revel.judge_in_filter, {"uuids_in": DOWN}, UNTOLD),
    (revel.judge_unknown_filter, {"unknown_filter": BAD_REQUEST}, FAILS),
    (revel.judge_unknown_filter, {"unknown_filter": NONE}, FAILS),
    (revel.judge_unknown_filter, {"unknown_filter": NONE, "newest": NONE}, UNTOLD),
    (revel.judge_unknown_filter, {"unknown_filter": DOWN}, UNTOLD),
    (revel.judge_establishment_filter, {"of_establishment": page({"id": 1, "establishment": 9})}, FAILS),
    (revel.judge_establishment_filter, {"of_nowhere": page(IDS[0])}, FAILS),
    (revel.judge_establishment_filter, {"of_establishment": NONE}, UNTOLD),
    (revel.judge_establishment_filter, {"of_establishment": None}, UNTOLD),
    (revel.judge_establishment_filter, {"of_nowhere": BAD_REQUEST}, UNTOLD),
    (revel.judge_fields, {"narrowed": page({"id": 1, "name": "Tea", "price": 2})}, FAILS),
    (revel.judge_fields, {"narrowed": page({"id": 1})}, FAILS),
    (revel.judge_fields, {"narrowed": BAD_REQUEST}, FAILS),
    (revel.judge_fields, {"narrowed": NONE}, UNTOLD),
    (revel.judge_page_limit, {"longest": SHORT}, FAILS),
    (revel.judge_page_limit, {"longest": BAD_REQUEST}, FAILS),
    (revel.judge_page_limit, {"longest": page(*IDS)}, UNTOLD),
    (revel.judge_page_limit, {"longest": DOWN}, UNTOLD),
    (revel.judge_next_page, {"pages": (GOOD.pages[0], page(*IDS[:2], total=5), GOOD.pages[2])}, FAILS),
    (revel.judge_next_page, {"pages": (GOOD.pages[0], page(total=5), GOOD.pages[2])}, FAILS),
    (revel.judge_next_page, {"pages": (*GOOD.pages[:2], page(IDS[1], total=5))}, FAILS),
    (revel.judge_next_page, {"pages": (*GOOD.pages[:2], page(*IDS[3:], total=5))}, FAILS),
    (revel.judge_next_page, {"pages": GOOD.pages[:2]}, FAILS),
    (revel.judge_next_page, {"pages": (*GOOD.pages[:2], page(*IDS[3:], total=6))}, UNTOLD),
    (revel.judge_next_page, {"pages": (page(*IDS[:2], total=5),)}, FAILS),
    (revel.judge_next_page, {"pages": (page(*IDS[:2]),)}, UNTOLD),
    (revel.judge_next_page, {"pages": (GOOD.pages[0], DOWN, GOOD.pages[2])}, UNTOLD),
    (revel.judge_page_order, {"descending": page(*IDS)}, FAILS),
    (revel.judge_page_order, {"longest": page(*reversed(IDS))}, FAILS),
    (revel.judge_page_order, {"descending": page(IDS[0])}, UNTOLD),
    (revel.judge_page_order, {"descending": DOWN}, UNTOLD),
    (revel.judge_product_set, {"product_set": RevelAnswer(refused=404)}, FAILS),
    (revel.judge_product_set, {"product_set": RevelAnswer(tuple(IDS[:1]))}, FAILS),
    (revel.judge_product_set, {"product_set": None}, UNTOLD),
    (revel.judge_product_set, {"product_set": DOWN}, UNTOLD),
    (revel.judge_numbers, showing({"final_total": "1,000.00"}), FAILS),
    (revel.judge_numbers, {"newest": page({**SECOND, "tax": True})}, FAILS),
    (revel.judge_numbers, showing({"final_total": 1050}), FAILS),
    (revel.judge_numbers, {"shown": (), "newest": NONE}, UNTOLD),
    (revel.judge_numbers, {"shown": (), "newest": page({"id": 1})}, UNTOLD),
    (revel.judge_local_time, showing({"created_date": "2026-12-12T18:00:05"}), FAILS),
    (revel.judge_local_time, showing({"created_date": "2026-12-12T10:00:05-08:00"}), FAILS),
    (revel.judge_local_time, showing({"created_date": "2026-12-10T10:00:05"}), UNTOLD),
    (revel.judge_local_time, showing({"created_date": "2026-12-10T10:00:05"}, KNOWN, SHOWS_WALL_TIME), HOLDS),
    (revel.judge_local_time, showing({"created_date": "2026-12-10T10:00:05"}, KNOWN, SHOWS_UTC), FAILS),
    (revel.judge_local_time, showing({"created_date": "2026-12-12T18:00:05"}, KNOWN, SHOWS_WALL_TIME), UNTOLD),
    (revel.judge_local_time, showing({"created_date": None}), UNTOLD),
    (revel.judge_local_time, showing({}, replace(KNOWN, timezone="Atlantic/Reykjavik")), UNTOLD),
    (revel.judge_local_time, showing({}, replace(KNOWN, written_at=None)), UNTOLD),
    (revel.judge_local_time, NONE_SHOWN, UNTOLD),
    (revel.judge_clock, {"skew": 400.0}, FAILS),
    (revel.judge_clock, {"skew": None}, FAILS),
    (revel.judge_clock, {"skew": 4000.0, "other_skew": 3990.0}, UNTOLD),
    (revel.judge_clock, {"skew": None, "newest": DOWN}, UNTOLD),
]


@pytest.mark.parametrize("judge", revel.REVEL_JUDGES.values())
def test_a_good_revel_holds(judge: Judge) -> None:
    assert judge(GOOD).result is HOLDS


@pytest.mark.parametrize(("judge", "change", "result"), CASES)
def test_each_other_answer_of_revels(judge: Judge, change: dict[str, Any], result: AssumptionResult) -> None:
    told = judge(replace(GOOD, **change))
    assert told.result is result
    assert told.detail
    assert not told.detail.endswith(".")


TODAY = date(2026, 12, 12)
T_DOWN = TripleSeatAnswer(problem="TripleSeat: no connection")


def event(number: int | str, **more: object) -> dict[str, Any]:
    row = {"id": number, "event_date_iso8601": "2026-12-12", "status": "DEFINITE"}
    return {**row, "updated_at": "12/9/2026 10:21 AM", "created_at": f"11/{number}/2026 1:05 PM", **more}


def document(number: int, **more: object) -> dict[str, Any]:
    line = {"id": 1, "quantity": "1.0", "price": "8.0", "total_price": "8.0", "display_name": "Tea", "position": 0}
    billing = {"description": "Sales Tax", "total_price": "1.0"}
    payment = {"id": 5, "amount": "9.0", "state": "paid", "paid_at": "12/1/2026"}
    money = {"financials": {"grand_total": "9.0"}, "line_items": [line], "billing_totals": [billing]}
    return {"id": number, "deleted_at": None, **money, "payment_set": {"payments": [payment]}, **more}


def whole(*documents: dict[str, Any]) -> dict[str, Any]:
    return {"whole": (TripleSeatAnswer((event(1, grand_total="9.0", documents=list(documents)),)),)}


def edited(**fields: object) -> dict[str, Any]:
    return {"whole": (TripleSeatAnswer((event(1, documents=[], **fields),)),)}


def paid(payment: dict[str, Any]) -> dict[str, Any]:
    return whole(document(7, payment_set={"payments": [payment]}))


SEEN = TripleSeatEvidence(
    pages=(TripleSeatAnswer((event(1), event(2)), 2), TripleSeatAnswer((event(3),), 2)),
    long_ago=TripleSeatAnswer((), 0),
    updated_long_ago=TripleSeatAnswer((), 0),
    known=event(1),
    day=TODAY,
    by_day=TripleSeatAnswer((event(1),), 1),
    updated=date(2026, 12, 9),
    by_update=TripleSeatAnswer((event(1),), 1),
    endpoints={"15691": TripleSeatAnswer(({"id": 1, "disabled_at": None, "failed_count": 0},))},
    **whole(document(7)),
)


def charges(seen: TripleSeatEvidence) -> Judgement:
    return tripleseat.judge_charges(seen, ["sales tax"])


def documents(seen: TripleSeatEvidence) -> Judgement:
    return tripleseat.judge_documents(seen, "")


OTHER_DAY = event(9, event_date_iso8601="2026-11-01", updated_at="11/1/2026 9:00 AM")
OVERNIGHT = event(8, event_date_iso8601="2026-12-11", event_end_iso8601="2026-12-12T01:00:00-08:00")
NOTHING = {"whole": (), "pages": (TripleSeatAnswer((), 0),), "known": None, "by_day": None, "by_update": None}
T_JUDGES = (
    tripleseat.judge_event_dates,
    tripleseat.judge_update_dates,
    tripleseat.judge_order,
    tripleseat.judge_pages,
    tripleseat.judge_updated_at,
    tripleseat.judge_financials,
    charges,
    tripleseat.judge_payment_states,
    documents,
    tripleseat.judge_webhooks,
)
TJudge = Callable[[TripleSeatEvidence], Judgement]
T_CASES: list[tuple[TJudge, dict[str, Any], AssumptionResult]] = [
    (tripleseat.judge_event_dates, {"long_ago": TripleSeatAnswer((OTHER_DAY,))}, FAILS),
    (tripleseat.judge_event_dates, {"long_ago": TripleSeatAnswer((event(8, event_date_iso8601="2001-01-05"),))}, HOLDS),
    (tripleseat.judge_event_dates, {"by_day": TripleSeatAnswer((event(1), OTHER_DAY), 1)}, FAILS),
    (tripleseat.judge_event_dates, {"by_day": TripleSeatAnswer((), 0)}, FAILS),
    (tripleseat.judge_event_dates, {"by_day": TripleSeatAnswer((event(1), OVERNIGHT), 1)}, HOLDS),
    (tripleseat.judge_event_dates, {"by_day": TripleSeatAnswer((event("1"),), 1)}, HOLDS),
    (tripleseat.judge_event_dates, {"by_day": T_DOWN}, UNTOLD),
    (tripleseat.judge_event_dates, NOTHING, UNTOLD),
    (tripleseat.judge_update_dates, {"updated_long_ago": TripleSeatAnswer((OTHER_DAY,))}, FAILS),
    (tripleseat.judge_update_dates, {"by_update": TripleSeatAnswer((event(2),), 1)}, FAILS),
    (tripleseat.judge_update_dates, NOTHING, UNTOLD),
    (tripleseat.judge_order, {"pages": (TripleSeatAnswer((event(2), event(1)), 1),)}, FAILS),
    (tripleseat.judge_order, {"pages": (TripleSeatAnswer((event(1),), 1),)}, UNTOLD),
    (tripleseat.judge_order, {"pages": (T_DOWN,)}, UNTOLD),
    (
        tripleseat.judge_order,
        {"pages": (TripleSeatAnswer((event(1), event(2, created_at="2026-11-02T10:00:00-08:00")), 1),)},
        UNTOLD,
    ),
    (tripleseat.judge_pages, {"pages": (SEEN.pages[0], SEEN.pages[0])}, FAILS),
    (tripleseat.judge_pages, {"pages": (SEEN.pages[0], TripleSeatAnswer((), 2))}, FAILS),
    (tripleseat.judge_pages, {"pages": (SEEN.pages[0], TripleSeatAnswer((), 1))}, UNTOLD),
    (tripleseat.judge_pages, {"pages": (TripleSeatAnswer((event(1),)),)}, FAILS),
    (tripleseat.judge_pages, {"pages": (TripleSeatAnswer((event(1),), 1),)}, UNTOLD),
    (tripleseat.judge_pages, {"pages": (T_DOWN,)}, UNTOLD),
    (tripleseat.judge_updated_at, edited(status_changes=[{"created_at": "12/9/2026 10:21 AM"}, {}]), HOLDS),
    (tripleseat.judge_updated_at, edited(status_changes=[{"created_at": "12/9/2026 10:22 AM"}]), FAILS),
    (tripleseat.judge_updated_at, edited(status_changes=[{"created_at": "2026-12-09T10:22:00-08:00"}]), UNTOLD),
    (tripleseat.judge_updated_at, paid({"paid_at": "12/10/2026"}), HOLDS),
    (tripleseat.judge_updated_at, paid({"paid_at": "12/11/2026"}), FAILS),
    (tripleseat.judge_updated_at, paid({"paid_at": "12/1/2026", "refunded_at": "12/11/2026"}), FAILS),
    (tripleseat.judge_updated_at, paid({"paid_at": None}), UNTOLD),
    (
        tripleseat.judge_updated_at,
        edited(updated_at=None, status_changes=[{"created_at": "12/9/2026 1:00 PM"}]),
        UNTOLD,
    ),
    (tripleseat.judge_updated_at, NOTHING, UNTOLD),
    (tripleseat.judge_financials, whole({"id": 7, "deleted_at": None}), FAILS),
    (tripleseat.judge_financials, whole(), UNTOLD),
    (tripleseat.judge_financials, NOTHING, UNTOLD),
    (charges, whole(document(7, billing_totals=[{"description": "Levy", "total_price": "1.0"}])), FAILS),
    (charges, whole(document(7, billing_totals=[{"description": "Levy", "total_price": "0"}])), UNTOLD),
    (charges, NOTHING, UNTOLD),
    (tripleseat.judge_payment_states, whole(document(7, payment_set={"payments": [{"state": "x"}]})), FAILS),
    (tripleseat.judge_payment_states, whole(document(7, payment_set=None)), UNTOLD),
    (tripleseat.judge_payment_states, NOTHING, UNTOLD),
    (documents, whole(document(7), document(8, billing_totals=[])), FAILS),
    (documents, whole(document(7), document(8)), HOLDS),
    (documents, whole(document(7, line_items=[])), UNTOLD),
    (documents, NOTHING, UNTOLD),
    (tripleseat.judge_webhooks, {"endpoints": {"1": TripleSeatAnswer(({"disabled_at": "12/1/2026"},))}}, FAILS),
    (tripleseat.judge_webhooks, {"endpoints": {"1": TripleSeatAnswer(({"failed_count": 2},))}}, FAILS),
    (tripleseat.judge_webhooks, {"endpoints": {"1": TripleSeatAnswer(refused=404)}}, UNTOLD),
    (tripleseat.judge_webhooks, {"endpoints": {"1": TripleSeatAnswer(())}}, UNTOLD),
    (tripleseat.judge_webhooks, {"endpoints": None}, UNTOLD),
]


@pytest.mark.parametrize("judge", T_JUDGES)
def test_a_good_tripleseat_holds(judge: TJudge) -> None:
    assert judge(SEEN).result is HOLDS


@pytest.mark.parametrize(("judge", "change", "result"), T_CASES)
def test_each_other_answer_of_tripleseats(judge: TJudge, change: dict[str, Any], result: AssumptionResult) -> None:
    told = judge(replace(SEEN, **change))
    assert told.result is result
    assert told.detail
    assert not told.detail.endswith(".")

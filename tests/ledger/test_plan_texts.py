from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.errors import LedgerCode, LedgerDamaged
from tsrevel.ledger import Ledger
from tsrevel.ledger.plan_json import decode_plan, encode_plan
from tsrevel.planning.model import Item, Location, Plan, PlannedPayment, Step, StepKind

from .samples import EVENT, RUN, make_plan, raises, raw

TEXTS = st.text(max_size=20)
NUMBERS = st.integers(min_value=-(10**12), max_value=10**12)
PLANS = st.builds(
    Plan,
    event_id=TEXTS,
    day=st.dates(),
    location=st.builds(
        Location,
        name=TEXTS,
        tripleseat_location=st.none() | TEXTS,
        tripleseat_site=st.none() | TEXTS,
        establishment=NUMBERS,
        timezone=TEXTS,
        user=NUMBERS,
        station=NUMBERS,
        dining_option=NUMBERS,
        payment_type=NUMBERS,
        discount=NUMBERS,
        fallback_product=NUMBERS,
        currency=TEXTS,
    ),
    local_id=TEXTS,
    uuid=TEXTS,
    items=st.lists(
        st.builds(
            Item,
            uuid=TEXTS,
            product=NUMBERS,
            quantity=NUMBERS,
            unit_price=NUMBERS,
            line=TEXTS,
            override=TEXTS,
            note=TEXTS,
        ),
        max_size=3,
    ).map(tuple),
    discount=NUMBERS,
    tax=NUMBERS,
    gratuity=NUMBERS,
    payments=st.lists(st.builds(PlannedPayment, uuid=TEXTS, amount=NUMBERS), max_size=3).map(tuple),
    steps=st.lists(
        st.builds(Step, kind=st.sampled_from(get_args(StepKind)), uuid=TEXTS, number=NUMBERS), max_size=3
    ).map(tuple),
)


@given(PLANS)
def test_a_plan_comes_back_exactly(plan: Plan) -> None:
    assert decode_plan(encode_plan(plan)) == plan


@given(PLANS)
def test_the_same_plan_gives_the_same_text(plan: Plan) -> None:
    assert encode_plan(decode_plan(encode_plan(plan))) == encode_plan(plan)


def test_the_stored_shape_is_this_one() -> None:
    """If this fails, ledgers already written can't be read: raise the shape and write a migration."""
    content = json.loads(encode_plan(make_plan()))
    assert content.keys() == {
        *("shape", "event_id", "day", "location", "local_id", "uuid", "items", "discount", "tax", "gratuity"),
        *("payments", "steps"),
    }
    assert (content["shape"], content["day"], content["discount"]) == (1, "2025-12-28", 500)
    assert content["location"] == {
        "name": "Special Events",
        "tripleseat_location": "30501",
        "tripleseat_site": None,
        "establishment": 8,
        "timezone": "America/Los_Angeles",
        "user": 12,
        "station": 21,
        "dining_option": 113,
        "payment_type": 0,
        "discount": 0,
        "fallback_product": 0,
        "currency": "USD",
    }
    assert content["items"] == [
        {
            "uuid": make_plan().items[0].uuid,
            "product": 77,
            "quantity": 10,
            "unit_price": 1250,
            "line": "Fruit Platter",
            "override": "",
            "note": "",
        }
    ]
    assert content["payments"] == [{"uuid": make_plan().payments[0].uuid, "amount": 5000}]
    assert content["steps"][0] == {"kind": "order", "uuid": make_plan().uuid, "number": 0}


def test_a_plan_of_a_version_without_currencies_reads_as_in_dollars() -> None:
    content: dict[str, Any] = json.loads(encode_plan(make_plan()))
    del content["location"]["currency"]
    assert decode_plan(json.dumps(content)) == make_plan()


def altered(**changes: object) -> str:
    content: dict[str, Any] = json.loads(encode_plan(make_plan()))
    return json.dumps(content | changes)


def without(name: str) -> str:
    content: dict[str, Any] = json.loads(encode_plan(make_plan()))
    del content[name]
    return json.dumps(content)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not JSON",
        "[]",
        "null",
        without("shape"),
        without("tax"),
        altered(shape=0),
        altered(shape=2),
        altered(tip=100),
        altered(day="tomorrow"),
        altered(day=20251228),
        altered(tax="10.00"),
        altered(tax=10.0),
        altered(tax=True),
        altered(items={}),
        altered(items=["Fruit Platter"]),
        altered(items=[{"uuid": "1"}]),
        altered(payments=[{"uuid": "1", "amount": None}]),
        altered(steps=[{"kind": "refund", "uuid": "1", "number": 0}]),
        altered(location=None),
        altered(location={"name": "Special Events"}),
    ],
)
def test_what_is_not_a_plan_of_the_known_shape_is_damage(text: str) -> None:
    with raises(LedgerDamaged, LedgerCode.UNREADABLE_PLAN):
        decode_plan(text)


def test_an_unreadable_plan_in_the_file_stops_the_run(ledger: Ledger, path: Path) -> None:
    ledger.orders.claim(RUN, make_plan())
    with raw(path) as stranger:
        stranger.execute("UPDATE orders SET plan = '{}'")
    with pytest.raises(LedgerDamaged):
        ledger.orders.get(EVENT)

"""What a body says as a delivery: its trigger and what it is about, or why nothing of it can be read."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tsrevel.engine.deliveries import DeliveryAnswer, understand
from tsrevel.errors import DeliveryFault, DeliveryReason, DeliveryUnreadable
from tsrevel.webhook.delivery import ACTIONABLE, Delivery, read_delivery

PRIVATE = "Jordan Example"
"""Stands in every body that is refused here: no message may repeat it."""


def body(trigger: Any = "UPDATE_EVENT", **content: Any) -> bytes:
    return json.dumps({"webhook_trigger_type": trigger, "message": "...", **content}).encode()


def refusal(raw: bytes) -> DeliveryFault:
    with pytest.raises(DeliveryUnreadable) as caught:
        understand(raw)
    assert (caught.value.reason, caught.value.exit_status) == (DeliveryReason.MISSING_DATA, 3)
    assert PRIVATE not in str(caught.value)
    return caught.value.fault


def test_a_delivery_is_its_trigger_and_the_object_under_its_root() -> None:
    raw = body(event={"id": 64000001, "name": "x"})
    expected = Delivery("UPDATE_EVENT", "event", {"id": 64000001, "name": "x"}, hashlib.sha256(raw).hexdigest())
    assert read_delivery(raw) == expected


@pytest.mark.parametrize("root", ["event", "booking", "document_layout"])
def test_each_root_is_known(root: str) -> None:
    assert read_delivery(body(**{root: {"id": 5}})).root == root


def test_of_two_roots_the_event_counts() -> None:
    assert read_delivery(body(booking={"id": 1}, event={"id": 2})).row == {"id": 2}
    assert read_delivery(body(booking={"id": 1}, event=None)).root == "booking"


@pytest.mark.parametrize("trigger", sorted(ACTIONABLE))
def test_the_triggers_of_the_design_are_acted_on(trigger: str) -> None:
    assert read_delivery(body(trigger, event={"id": 1})).is_actionable
    assert read_delivery(body(f" {trigger.lower()}\n", event={"id": 1})).trigger == trigger


def test_the_triggers_are_those_of_the_design_and_no_more() -> None:
    assert len(ACTIONABLE) == 16


@pytest.mark.parametrize("trigger", ["DELETE_BOOKING", "CREATE_LEAD", "SHARED_DOCUMENT", "SOMETHING_NEW_2027"])
def test_any_other_trigger_is_understood_and_not_acted_on(trigger: str) -> None:
    assert not read_delivery(body(trigger, lead={"id": 1})).is_actionable
    _, answer = understand(body(trigger))
    assert (answer.ok, answer.processed, answer.reason) == (True, False, "TRIGGER_TYPE_NOT_ACTIONABLE")
    assert (answer.trigger, answer.exit_status, answer.may_pass) == (trigger, 0, False)


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"<!doctype html><title>Jordan Example</title>", DeliveryFault.NOT_JSON),
        (b"", DeliveryFault.NOT_JSON),
        (b" \r\n", DeliveryFault.NOT_JSON),
        (b'{"event": "Jordan Example"', DeliveryFault.NOT_JSON),
        (
            b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": NaN, "name": "Jordan Example"}}',
            DeliveryFault.NO_USABLE_ID,
        ),
        (b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": -Infinity}}', DeliveryFault.NO_USABLE_ID),
        (
            b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"id": 1e9999999999999999999}}',
            DeliveryFault.NO_USABLE_ID,
        ),
        (b'{"webhook_trigger_type": "UPDATE_EVENT", "event": {"name": "Jordan \xff Example"}}', DeliveryFault.NOT_JSON),
        (b"[" * 200_000, DeliveryFault.NOT_JSON),
        (b'{"a":' * 200_000, DeliveryFault.NOT_JSON),
        (b"9" * 10_000, DeliveryFault.NOT_JSON),
        (b"[]", DeliveryFault.NO_TRIGGER),
        (b'["Jordan Example"]', DeliveryFault.NO_TRIGGER),
        (b'"Jordan Example"', DeliveryFault.NO_TRIGGER),
        (b"null", DeliveryFault.NO_TRIGGER),
        (b"{}", DeliveryFault.NO_TRIGGER),
    ],
    ids=range(16),
)
def test_what_is_no_delivery_is_unreadable_and_not_quoted(raw: bytes, fault: DeliveryFault) -> None:
    assert refusal(raw) is fault


@pytest.mark.parametrize(
    "trigger", [None, "", " ", 5, True, [], {}, ["UPDATE_EVENT"], "Jordan Example", "A" * 65, "UPDATE-EVENT", "É"]
)
def test_without_a_plain_trigger_it_is_unreadable(trigger: Any) -> None:
    assert refusal(body(trigger, event={"id": 1, "name": PRIVATE})) is DeliveryFault.NO_TRIGGER


@pytest.mark.parametrize("content", [{}, {"event": None}, {"event": []}, {"event": PRIVATE}, {"lead": {"id": 1}}])
def test_a_trigger_to_act_on_needs_something_to_act_on(content: dict[str, Any]) -> None:
    assert refusal(body(**content)) is DeliveryFault.NO_SUBJECT


@pytest.mark.parametrize("root", ["event", "booking"])
def test_an_answer_of_the_api_may_be_passed_on_in_its_wrapper(root: str) -> None:
    assert read_delivery(body(**{root: {root: {"id": 7}}})).row == {"id": 7}


@pytest.mark.parametrize("number", [None, "", True, [], {}, 1.5, "07", "0", "1/../2", PRIVATE, "a" * 65])
@pytest.mark.parametrize("root", ["event", "booking"])
def test_what_it_is_about_needs_an_id(root: str, number: Any) -> None:
    assert refusal(body(**{root: {"id": number, "name": PRIVATE}})) is DeliveryFault.NO_USABLE_ID


def test_a_document_is_about_the_event_that_it_names() -> None:
    _, answer = understand(body("UPDATE_EVENT_DOCUMENT", document_layout={"id": 415, "event_id": 64000001}))
    assert answer.event_id == "64000001"
    assert refusal(body("UPDATE_EVENT_DOCUMENT", document_layout={"id": 415})) is DeliveryFault.NO_USABLE_ID


def test_a_delivery_is_told_by_trigger_subject_stamp_and_bytes() -> None:
    _, one = understand(body(event={"id": 5, "updated_at": "12/9/2026 10:21 AM", "name": "a"}))
    _, same = understand(body(event={"id": 5, "updated_at": "12/9/2026 10:21 AM", "name": "a"}))
    _, corrected = understand(body(event={"id": 5, "updated_at": "12/9/2026 10:21 AM", "name": "b"}))
    _, later = understand(body(event={"id": 5, "updated_at": "12/9/2026 10:22 AM"}))
    _, other = understand(body("CREATE_EVENT", event={"id": 5, "updated_at": "12/9/2026 10:21 AM"}))
    _, booking = understand(body(booking={"id": 5, "updated_at": "12/9/2026 10:21 AM"}))
    assert one.key == same.key
    assert len({one.key, corrected.key, later.key, other.key, booking.key}) == 5


@pytest.mark.parametrize("stamp", [None, "", "soon", 5, [], {}])
def test_without_a_stamp_it_is_told_by_its_bytes(stamp: Any) -> None:
    _, one = understand(body(event={"id": 5, "updated_at": stamp}))
    _, same = understand(body(event={"id": 5, "updated_at": stamp}))
    _, other = understand(body(event={"id": 5, "updated_at": stamp, "name": "b"}))
    assert one.key == same.key != other.key


# Fuzzing

TRIGGERS = st.sampled_from(["UPDATE_EVENT", "DELETE_EVENT", "UPDATE_BOOKING", "CREATE_LEAD", "update_event "])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1", "12/9/2026 1:00 PM"])
)
KEYS = st.sampled_from(["id", "event_id", "updated_at", "event", "event_ids", "events", "documents"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(), inner, max_size=5),
    max_leaves=15,
)
ROOTS = st.dictionaries(st.sampled_from(["event", "booking", "document_layout", "lead"]), JSON, max_size=3)


def check_typed(raw: bytes) -> None:
    """Nothing but the typed error comes of it, and no answer without its key where it is to be acted on."""
    with suppress(DeliveryUnreadable):
        assert re.fullmatch("[A-Z0-9_]{1,64}", read_delivery(raw).trigger)
    with suppress(DeliveryUnreadable):
        delivery, answer = understand(raw)
        assert isinstance(answer, DeliveryAnswer)
        assert answer.ok
        assert (answer.key is not None) is delivery.is_actionable


@settings(max_examples=300)
@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"\xef\xbb\xbf{}")
@example(b"\x00\x00\x00{")
@example('{"webhook_trigger_type": "É"}'.encode("utf-16"))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    check_typed(raw)


@settings(max_examples=300)
@given(TRIGGERS | JSON, ROOTS)
@example("UPDATE_EVENT", {"event": {"id": "\ud800"}})
@example("UPDATE_EVENT", {"event": {"id": 10**400}})
@example("UPDATE_EVENT", {"event": {"id": 1, "updated_at": "12/31/9999 11:59 PM"}})
@example("UPDATE_EVENT", {"event": {"id": 1, "updated_at": "2026-12-09T10:21:00+99:99"}})
def test_no_content_raises_anything_else(trigger: Any, roots: dict[str, Any]) -> None:
    check_typed(json.dumps({"webhook_trigger_type": trigger, **roots}).encode())


@settings(max_examples=200)
@given(st.integers(0, 200), st.binary(max_size=3))
def test_no_damage_on_the_way_raises_anything_else(place: int, junk: bytes) -> None:
    whole = body(event={"id": 64000001, "updated_at": "12/9/2026 10:21 AM", "documents": [{"line_items": [1.5]}]})
    check_typed(whole[:place] + junk + whole[place + 1 :])
    check_typed(whole[:place])

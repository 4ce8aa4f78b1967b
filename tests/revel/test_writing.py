"""Writes: what goes out, and which answers prove that it arrived."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tsrevel.errors import OutcomeUnknown, Refused, TsrevelError, Unavailable
from tsrevel.planning.model import OrderId, Plan
from tsrevel.revel.client import Revel
from tsrevel.sandbox import RevelSandbox

from .conftest import LABELS, NOW, Answering, Recorder, connect, make_plan, step_of

PLAN = make_plan(discount=230, paid=5000, tax=600, gratuity=1000)
ORDER_ID = OrderId("5550101")


def write_all(revel: Revel, plan: Plan) -> None:
    for step in plan.steps:
        revel.write(plan, step, OrderId("" if step.kind == "order" else ORDER_ID), LABELS)


def test_each_step_goes_where_it_belongs(revel: Revel, wire: Recorder, app: RevelSandbox) -> None:
    write_all(revel, PLAN)
    assert [(method, path) for method, path, _ in wire.bodies] == [
        ("POST", "/resources/Order/"),
        ("POST", "/resources/OrderItem/"),
        ("PATCH", "/resources/Order/5550101/"),
        ("POST", "/resources/Payment/"),
        ("PATCH", "/resources/Order/5550101/"),
        ("POST", "/resources/OrderHistory/"),
    ]
    order = app.order(5550101)
    assert [f"{order[key]:.2f}" for key in ("subtotal", "discount_amount", "tax", "gratuity", "final_total")] == [
        "72.30",
        "2.30",
        "6.00",
        "10.00",
        "86.00",
    ]
    assert f"{order['remaining_due']:.2f}" == "36.00"
    assert app.visible_in_console() == [order]


def test_the_print_mark_is_sent_again_where_it_did_not_take(revel: Revel, wire: Recorder, app: RevelSandbox) -> None:
    app.printed_needs_second_patch = True
    write_all(revel, make_plan())
    assert [method for method, _, _ in wire.bodies] == ["POST", "POST", "PATCH", "PATCH", "POST"]
    assert app.order(5550101)["printed"] is True


def test_the_print_mark_is_sent_once_where_it_took(revel: Revel, wire: Recorder) -> None:
    write_all(revel, make_plan())
    assert [method for method, _, _ in wire.bodies].count("PATCH") == 1


ANSWERS: dict[str, tuple[Callable[[], httpx.Response], type[TsrevelError]]] = {
    "a redirect": (lambda: httpx.Response(302, headers={"Location": "/login"}), OutcomeUnknown),
    "a page with 200": (lambda: httpx.Response(200, html="<html>Sign in</html>"), OutcomeUnknown),
    "a page with 201": (lambda: httpx.Response(201, html="<html>Sign in</html>"), OutcomeUnknown),
    "nothing": (lambda: httpx.Response(201), OutcomeUnknown),
    "broken JSON": (lambda: httpx.Response(201, text='{"id": 5'), OutcomeUnknown),
    "a list": (lambda: httpx.Response(201, json=[]), OutcomeUnknown),
    "another row": (lambda: httpx.Response(201, json={"id": 1, "uuid": "0"}), OutcomeUnknown),
    "no id": (lambda: httpx.Response(201, json={"uuid": "0"}), OutcomeUnknown),
    "null": (lambda: httpx.Response(201, json=None), OutcomeUnknown),
    "200 for 201": (lambda: httpx.Response(200, json={"id": 1}), OutcomeUnknown),
    "204": (lambda: httpx.Response(204), OutcomeUnknown),
    "500": (lambda: httpx.Response(500, json={"error_message": "null value"}), OutcomeUnknown),
    "502": (lambda: httpx.Response(502, html="<html>Bad gateway</html>"), OutcomeUnknown),
    "400": (lambda: httpx.Response(400, json={"Order": {"tax": ["This field is required."]}}), Refused),
    "404": (lambda: httpx.Response(404, html="<html>"), Refused),
    "429": (lambda: httpx.Response(429), Unavailable),
}


@pytest.mark.parametrize("kind", ["order", "item", "discount", "payment", "totals", "history"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_only_an_answer_that_shows_the_row_proves_a_write(kind: str, answer: str) -> None:
    make_answer, error = ANSWERS[answer]
    sent: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return make_answer()

    revel = Revel(connect(Answering(respond)), lambda: NOW)
    with pytest.raises(error):
        revel.write(PLAN, step_of(PLAN, kind), ORDER_ID, LABELS)
    assert len(sent) == 1


LOSSES: dict[str, tuple[type[httpx.RequestError], type[TsrevelError]]] = {
    "refused": (httpx.ConnectError, Unavailable),
    "no connection in time": (httpx.ConnectTimeout, Unavailable),
    "no free connection": (httpx.PoolTimeout, Unavailable),
    "no answer in time": (httpx.ReadTimeout, OutcomeUnknown),
    "not sent in time": (httpx.WriteTimeout, OutcomeUnknown),
    "reset": (httpx.ReadError, OutcomeUnknown),
    "broken off": (httpx.WriteError, OutcomeUnknown),
    "hung up": (httpx.RemoteProtocolError, OutcomeUnknown),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_write_without_an_answer_may_have_arrived_unless_it_was_never_sent(loss: str) -> None:
    raised, error = LOSSES[loss]

    def respond(request: httpx.Request) -> httpx.Response:
        raise raised(loss, request=request)

    revel = Revel(connect(Answering(respond)), lambda: NOW)
    with pytest.raises(error):
        revel.write(PLAN, step_of(PLAN, "order"), OrderId(""), LABELS)


def test_an_answer_whose_amounts_can_not_be_read_proves_nothing() -> None:
    step = step_of(PLAN, "item")
    transport = Answering(lambda _: httpx.Response(201, json={"id": 7, "uuid": step.uuid, "price": "free"}))
    with pytest.raises(OutcomeUnknown, match="price"):
        Revel(connect(transport), lambda: NOW).write(PLAN, step, ORDER_ID, LABELS)


@pytest.mark.parametrize("second", [{"id": 1}, [], None])
def test_the_second_try_of_the_print_mark_must_be_answered_as_well(second: Any) -> None:
    answers = iter([{"id": 5550101, "printed": False}, second])
    transport = Answering(lambda _: httpx.Response(202, json=next(answers)))
    revel = Revel(connect(transport), lambda: NOW)
    with pytest.raises(OutcomeUnknown):
        revel.write(PLAN, step_of(PLAN, "totals"), ORDER_ID, LABELS)

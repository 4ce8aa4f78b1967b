"""A week of events at two places: nothing is reported while it is clean, and each planted difference once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from ..cli.bench import Ran, Shell
from ..world import World
from .bench import FEW, FIRST, NUMBERED, WHOLE, Revel, differences, fill_week, reconcile

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def test_a_clean_week_of_300_events_agrees_and_every_planted_difference_is_found_once(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path))
    fill_week(shell.world, WHOLE)
    assert_clean(shell)
    planted = plant(shell.world)
    ran = reconcile(shell, "--json")
    assert (ran.status, differences(ran)) == (14, sorted(planted))
    assert_sums(ran)
    assert all(each["text"] for each in ran.answer["differences"])
    fields = [each["field"] for each in ran.answer["differences"] if each["kind"] == "money"]
    assert sorted(fields) == ["discount", "tax", "total"]


def assert_sums(ran: Ran) -> None:
    """Whatever differs: the events of all columns are the same, and what isn't matched makes up the whole day."""
    for day in (day for place in ran.answer["locations"] for day in place["days"]):
        assert day["tripleseat"]["orders"] == day["ledger"]["orders"] <= day["revel"]["orders"]
        for side in ("tripleseat", "ledger"):
            money = {kind: Decimal(amount) for kind, amount in day[side].items() if kind != "orders"}
            assert money["items"] - money["discount"] + money["tax"] + money["charges"] == money["total"]
        for side in ("tripleseat", "ledger", "revel"):
            apart = [Decimal(each[side]["total"]) for each in day["unmatched"]]
            assert Decimal(day[side]["total"]) + sum(apart) == Decimal(day["whole"][side]["total"])


def assert_clean(shell: Shell) -> None:
    shell.world.forget_requests()
    ran = reconcile(shell, "--json")
    answer = ran.answer
    assert (ran.status, answer["success"], answer["differences"], answer["notes"]) == (0, True, [], [])
    assert answer["summary"]["orders"] == answer["summary"]["events"] == WHOLE
    days = [day for place in answer["locations"] for day in place["days"]]
    assert len(days) == 14
    assert all(day["agrees"] and day["tripleseat"] == day["ledger"] == day["revel"] for day in days)
    total = sum(Decimal(day["revel"]["total"]) for day in days)
    assert total == sum(Decimal(order["final_total"]) for order in shell.world.revel.orders)
    assert len(shell.world.revel.requests) < WHOLE / 4  # in batches, not order by order


def plant(world: World) -> list[tuple[str, str]]:
    """Sixteen differences at as many events: what each should be found as."""
    revel, event = Revel(world), [NUMBERED + number for number in range(24)]
    revel.copy("Order", revel.order(event[0]), uuid="00000000-0000-4000-8000-000000000001")
    revel.copy("Order", revel.order(event[1]), uuid="00000000-0000-4000-8000-000000000002", local_id="Triple Seat 7")
    world.add_event(64009000, day=FIRST)
    revel.order(event[4])["final_total"] += Decimal("0.01")
    revel.remove("OrderItem", revel.parts("OrderItem", event[5])[0])
    revel.copy("OrderItem", revel.parts("OrderItem", event[7])[0], uuid="00000000-0000-4000-8000-000000000003")
    revel.order(event[8])["tax"] = Decimal("4.38")
    world.revel.pos_touch(revel.order(event[9])["id"])  # the discount is wiped
    revel.remove("Payment", revel.parts("Payment", event[10])[0])
    revel.copy("Payment", revel.parts("Payment", event[13])[0], uuid="00000000-0000-4000-8000-000000000004")
    revel.remove("Order", revel.order(event[12]))  # the ledger says settled
    revel.order(event[14])["establishment"] = "/enterprise/Establishment/9/"
    world.tripleseat.edit_event(event[15], status="LOST")
    world.rewrite_event(event[16], lines=[("Coffee Urn", 1, "9.99")])
    revel.parts("OrderItem", event[17])[0]["price"] += Decimal("1.00")
    revel.order(event[18])["deleted"] = True
    return [
        ("duplicate_orders", str(event[0])),
        ("order_without_event", "7"),
        ("event_without_order", "64009000"),
        ("money", str(event[4])),
        ("item_missing", str(event[5])),
        ("item_extra", str(event[7])),
        ("money", str(event[8])),
        ("money", str(event[9])),
        ("payment_missing", str(event[10])),
        ("payment_doubled", str(event[13])),
        ("order_gone", str(event[12])),
        ("wrong_establishment", str(event[14])),
        ("event_cancelled", str(event[15])),
        ("event_changed", str(event[16])),
        ("item_changed", str(event[17])),
        ("order_gone", str(event[18])),
    ]


def test_the_same_where_revel_passes_over_every_filter(week: Shell) -> None:
    planted = plant(week.world)
    week.world.revel.ignored_filters = {"local_id", "uuid", "order", "created_date", "establishment"}
    assert differences(reconcile(week, "--json")) == sorted(planted)


def test_the_same_where_revel_refuses_to_look_for_several_at_once(week: Shell) -> None:
    planted = plant(week.world)
    week.world.wires["revel"]._inner = httpx.WSGITransport(app=one_by_one(week.world.revel))
    assert differences(reconcile(week, "--json")) == sorted(planted)


def one_by_one(app: WSGIApplication) -> WSGIApplication:
    """A Revel that knows neither `__in` nor `__startswith`, and says so."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "__in=" in environ["QUERY_STRING"] or "__startswith=" in environ["QUERY_STRING"]:
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": "filtering is not allowed"}']
        return app(environ, start_response)

    return answer


def test_without_the_ledger_the_services_are_compared_and_it_says_so(week: Shell) -> None:
    week.world.lose_ledger()
    ran = reconcile(week)
    assert ran.status == 3
    assert ran.lines[-1].endswith("1 difference between TripleSeat and Revel (there is no ledger) (exit status 3).")
    assert f"there is no ledger, but Revel has {FEW} orders of tsrevel" in ran.lines[-2]
    planted = plant(week.world)
    same = [each for each in planted if each[0] not in {"order_gone", "event_changed"}]
    found = differences(reconcile(week, "--json"))
    assert [each for each in same if each not in found] == []
    assert not list(week.world.folder.glob("ledger.sqlite3*"))


def test_an_event_that_moved_to_another_week_is_told_on_the_day_of_its_order(week: Shell) -> None:
    moved = week.world.tripleseat.event(NUMBERED)
    later = FIRST + timedelta(days=30)
    changes = {"event_date": f"{later.month}/{later.day}/{later.year}", "event_date_iso8601": later.isoformat()}
    week.world.tripleseat.edit_event(NUMBERED, **changes)
    ran = reconcile(week, "--json")
    [found] = ran.answer["differences"]
    assert (found["kind"], found["event_id"], found["date"]) == (
        "event_changed",
        str(NUMBERED),
        moved["event_date_iso8601"],
    )
    assert re.search(rf"date {moved['event_date_iso8601']} \S+ {later}", found["text"])

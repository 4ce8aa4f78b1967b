"""`report`: what a colleague needs, and not one word of a customer, a secret or a name."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tsrevel.doctor.report import shape_of

from ..world import World
from .bench import Shell

FULL = 64000001
MARK = "zqmark"
CHOSEN = {
    *("status", "event_timezone", "event_style", "deleted_at", "url", "currency", "currency_code"),
    *("billing_kind", "state", "tripleseat_timezone"),
}
"""Texts by which services and tsrevel decide: a mark in them would only hold the event."""


def plant(value: Any, count: Iterator[int], key: str = "") -> Any:
    """The same JSON, each text a mark of its own, but for dates, numbers and what decides."""
    if isinstance(value, dict):
        return {name: plant(each, count, name) for name, each in value.items()}
    if isinstance(value, list):
        return [plant(each, count, key) for each in value]
    if not isinstance(value, str) or not value or key in CHOSEN or value[0].isdigit() or value[0] in "/-":
        return value
    return f"{MARK}{next(count)} {value}"


@pytest.fixture
def marked(shell: Shell) -> Shell:
    """A world in which every text of a customer's or of the settings' is marked, and one order was made."""
    world, numbers = shell.world, iter(range(10**6))
    config = world.config
    mail = {"base_url": "http://127.0.0.1:9", "on": ["missed"], "recipients": [f"{MARK}2@example.com"]}
    config["email"] = mail | {"api_key": f"{MARK}-mail", "sender": f"{MARK}@example.com"}
    config["monitor"] = {"ping_url": f"http://127.0.0.1:9/{MARK}-ping"}
    config["tripleseat"]["webhook_signing_keys"] = [f"{MARK}-signing"]
    for place in config["locations"]:
        place["name"] = f"{MARK} {place['name']}"
    world.revel.api_key, world.revel.api_secret = f"{MARK}-key", f"{MARK}-secret"
    config["revel"] |= {"api_key": f"{MARK}-key", "api_secret": f"{MARK}-secret"}
    ran = shell.run("rehearse", str(FULL), "--config", str(shell.write_config()), "--yes")
    assert ran.status == 0, ran
    shell.run("doctor", "--assumptions", "--config", str(shell.write_config()))
    for number, event in list(world.tripleseat.state.events.items()):
        world.tripleseat.state.events[number] = plant(event, numbers)
    for resource in ("Order", "OrderItem", "Payment", "OrderHistory"):
        for number, row in world.revel.state.rows[resource].items():
            kept = {"uuid", "resource_uri", "local_id", "order_local_id", "pos_mode"}
            world.revel.state.rows[resource][number] = {
                name: each if name in kept else plant(each, numbers, name) for name, each in row.items()
            }
    shell.run("doctor", "--assumptions", "--config", str(shell.write_config()))
    return shell


@pytest.mark.parametrize("argv", [(), ("--offline",), ("--json",)])
def test_no_mark_of_a_customer_or_a_secret_is_in_it(marked: Shell, argv: tuple[str, ...]) -> None:
    ran = marked.run("report", "--config", str(marked.write_config()), *argv)
    assert ran.status == 0
    assert MARK not in ran.out.lower() + ran.err.lower()
    for word in ("jordan", "555-0142", "example widgets", "veggie", "sandbox-client-secret", "sandbox-access"):
        assert word not in ran.out.lower()


def test_it_says_what_a_colleague_needs(marked: Shell) -> None:
    text = marked.run("report", "--config", str(marked.write_config())).out
    for part in (
        "tsrevel ",
        "safety.dry_run = False",
        "revel.api_key = (set)",
        "revel_establishment = 8",
        "REVEL_UUID_KEPT (Revel 3.3, critical): holds",
        "kept ",
        "exit 0; 1 queried, 1 injected",
        "documents[].line_items[].total_price",
        "final_total: number with a point",
        "TripleSeat event:",
    ):
        assert part in text, part


def test_an_event_of_another_day_that_doctor_lists_shows_its_shape(tmp_path: Path) -> None:
    shell = Shell(World(tmp_path, "early"))
    text = shell.run("report", "--config", str(shell.write_config())).out
    assert ("TripleSeat search result: no row" in text, "documents[].line_items[].total_price" in text) == (False, True)


def test_a_setting_that_is_wrong_is_named_without_its_location(marked: Shell) -> None:
    marked.world.config["locations"][0]["timezone"] = "Nowhere/Land"
    ran = marked.run("report", "--offline", "--config", str(marked.write_config()))
    assert ran.status == 10
    assert MARK not in ran.out.lower()
    assert "locations[].timezone: " in ran.out


def test_it_writes_nothing_and_asks_little(marked: Shell) -> None:
    world = marked.world
    world.forget_requests()
    marked.run("report", "--config", str(marked.write_config()))
    assert {each.method for each in (*world.revel.requests, *world.tripleseat.requests)} == {"GET"}
    world.forget_requests()
    marked.run("report", "--offline", "--config", str(marked.write_config()))
    marked.run("pause", "--config", str(marked.write_config()))
    assert "not asked: runs are paused" in marked.run("report", "--config", str(marked.write_config())).out
    assert marked.requests == 0


def test_a_new_file_takes_it_and_none_is_replaced(shell: Shell) -> None:
    path = shell.world.folder / "report.txt"
    argv = ("report", "--offline", "--output", str(path), "--config", str(shell.write_config()))
    assert shell.run(*argv).status == 0
    before = path.read_text()
    assert "there is none yet" in before
    assert shell.run(*argv).status == 2
    assert path.read_text() == before


def test_a_shape_has_no_values() -> None:
    row = {"id": 7, "name": "Jordan", "total": Decimal("1.5"), "lines": [{"price": "2.50"}, {"price": None}], "A b": 1}
    assert shape_of(row) == {
        "*": frozenset({"whole number"}),
        "id": frozenset({"whole number"}),
        "lines": frozenset({"list"}),
        "lines[]": frozenset({"object"}),
        "lines[].price": frozenset({"null", "text of a number with 2 decimals"}),
        "name": frozenset({"text"}),
        "total": frozenset({"number with a point"}),
    }

"""Whatever text a service sends: it reaches terminal, mail, log, page and ledger as plain words, and ends no run."""

from __future__ import annotations

import json
import re
import sqlite3
import unicodedata
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..notify.post import ToldWorld
from .bench import Shell

FULL, UNMAPPED = 64000001, 64000003
POISON = "\x1b[31m\x9b5mred\0\r\n2026-12-12T00:00:00.000Z ERROR [sync-forged] forged\u2028\u202eevil\u2066\ud83c\u200f"
COOK = "👩\u200d🍳"
NAMES = ("first_name", "last_name", "title", "display_name", "number", "username", "sku", "barcode")
CHARGES = ("name", "description")
"""A charge whose name is spoilt isn't the one in the settings."""
COMMANDS = (
    *(("status",), ("history",), ("history", str(FULL)), ("explain", str(FULL)), ("explain", str(UNMAPPED))),
    *(("map", "suggest"), ("map", "check"), ("map", "list", "--seen"), ("doctor",)),
)
_OURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""What a terminal is told on purpose: colours, and where a progress bar goes."""


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    told = ToldWorld(tmp_path)
    told.watch()
    return told


def find_harm(text: str, *, lines: bool = True) -> set[str]:
    """The characters in it that no reader should get."""
    allowed = {"\n"} if lines else set()
    return {sign for sign in set(text) - allowed if is_harmful(sign)}


def is_harmful(sign: str) -> bool:
    return unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(sign) in {
        *("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    }


class Poisoning(httpx.BaseTransport):
    """A service whose every text of these keys ends in what nobody should get."""

    def __init__(self, inner: httpx.BaseTransport, *keys: str) -> None:
        self._inner, self._keys = inner, keys

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        body = response.read()
        if "json" not in response.headers.get("Content-Type", ""):
            return httpx.Response(response.status_code, headers=response.headers, content=body)
        spoilt = json.dumps(poisoned(json.loads(body), self._keys)).encode()
        return httpx.Response(response.status_code, headers={"Content-Type": "application/json"}, content=spoilt)


class Refusing(httpx.BaseTransport):
    """A service that refuses everything, in its own words."""

    def __init__(self, status: int, body: object) -> None:
        self._status, self._body = status, json.dumps(body).encode()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        del request
        return httpx.Response(self._status, content=self._body)


def poison(told: ToldWorld, *keys: str) -> None:
    """Spoil the texts of both services, the names of products with those of the lines."""
    wires = told.wires
    wires["tripleseat"]._inner = Poisoning(wires["tripleseat"]._inner, *keys)
    wires["revel"]._inner = Poisoning(wires["revel"]._inner, *keys, "name")


def poisoned(value: Any, keys: Collection[str], key: str = "") -> Any:
    """A row with its free texts spoilt; what identifies, counts or dates something stays."""
    if isinstance(value, dict):
        return {name: poisoned(each, keys, name) for name, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each, keys, key) for each in value]
    return f"{value}{POISON}" if key in keys and isinstance(value, str) else value


def assert_harmless(told: ToldWorld, *outputs: str) -> None:
    for output in outputs:
        assert find_harm(_OURS.sub("", output)) == set()
        assert not re.search(r"^2026-12-12T00:00:00.000Z ERROR \[sync-forged\]", output, re.MULTILINE)
    for mail in told.sendgrid.mails:
        assert find_harm(str(mail["subject"]), lines=False) == set()
        for part in mail["content"]:
            assert find_harm(part["value"]) == set()
    with closing(sqlite3.connect(told.settings().ledger_path)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 (the ledger's own tables)
                assert all(find_harm(cell) == set() for cell in row if isinstance(cell, str)), (table, row)


@pytest.mark.parametrize("manner", [(), ("--json",), ("-vv",), ("-vv", "--log-format", "json")], ids=str)
@pytest.mark.parametrize("tty", [False, True], ids=["file", "terminal"])
@pytest.mark.parametrize("keys", [NAMES, (*NAMES, *CHARGES)], ids=["names", "charges"])
def test_poisoned_events_and_products_are_plain_words_everywhere(
    told: ToldWorld, keys: tuple[str, ...], tty: bool, manner: tuple[str, ...]
) -> None:
    poison(told, *keys)
    shell = Shell(told)
    ran = shell.sync(*manner, tty=tty)
    assert ran.status == 3
    shown = [ran.out, ran.err]
    config = ("--config", str(shell.write_config()))
    for command in COMMANDS:
        each = shell.run(*command, *config, *manner[:1], tty=tty)
        shown += [each.out, each.err]
    page = told.folder / "page.html"
    shown += [shell.run("reconcile", *config, "--html", str(page), tty=tty).out, page.read_text()]
    assert "a fault in tsrevel" not in "".join(shown)
    assert_harmless(told, *(each.replace("\r", "") if tty else each for each in shown))  # a progress bar's own


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize("service", ["tripleseat", "revel"])
@pytest.mark.parametrize(
    "body",
    [{"error": POISON}, {"error": {POISON: [POISON]}}, {POISON: {POISON: POISON}}],
    ids=["text", "error", "keys"],
)
def test_a_poisoned_refusal_is_one_plain_line(told: ToldWorld, service: str, status: int, body: object) -> None:
    told.wires[service]._inner = Refusing(status, body)
    ran = Shell(told).sync()
    assert ran.status in {3, 12, 13}
    assert "a fault in tsrevel" not in ran.err
    assert_harmless(told, ran.out, ran.err)


@pytest.mark.parametrize("key", ["uuid", "local_id", "next", "timezone", "resource_uri", "id", "status", "updated_at"])
@pytest.mark.parametrize("service", ["tripleseat", "revel"])
def test_poison_in_what_identifies_or_dates_ends_no_run_and_makes_no_second_order(
    told: ToldWorld, service: str, key: str
) -> None:
    for _ in range(2):
        told.wires[service]._inner = Poisoning(told.wires[service]._inner, key)
        ran = Shell(told).sync()
        assert "a fault in tsrevel" not in ran.err
        assert_harmless(told, ran.out, ran.err)
        told.time.move(minutes=45)
    assert len(told.orders_of(FULL)) <= 1


def test_a_line_and_a_product_that_are_spoilt_alike_are_still_each_other_s(told: ToldWorld) -> None:
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 1, "10.00")])
    poison(told, *NAMES, "description")
    ran = Shell(told).sync_event(str(FULL), "--json")
    assert (ran.status, ran.answer["summary"]["injected"]) == (0, 1)
    assert_harmless(told, ran.out, ran.err)


def test_a_poisoned_delivery_is_plain_words(told: ToldWorld) -> None:
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 1, "10.00")])
    row = poisoned(told.tripleseat.event(FULL), (*NAMES, "description"))
    poison(told, *NAMES, "description")
    body = json.dumps({"webhook_trigger_type": "UPDATE_EVENT", "event": row}).encode()
    ran = Shell(told).replay("-", "--unsigned", "--json", stdin=body)
    assert ran.status == 0
    assert_harmless(told, ran.out, ran.err)


def test_an_emoji_of_several_signs_is_matched_stored_and_shown_as_it_is(told: ToldWorld) -> None:
    name = f"{COOK} Brunch ☕\ufe0f"
    told.rewrite_event(FULL, lines=[(name, 1, "10.00")])
    told.revel.add("Product", None, name=name, active=True, establishment="/enterprise/Establishment/8/")
    ran = Shell(told).sync_event(str(FULL), "--json")
    assert (ran.status, ran.answer["summary"]["injected"]) == (0, 1)
    assert name in told.sendgrid.texts

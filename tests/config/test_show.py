"""`render_toml` and `encode_settings`: every value with its origin, no secret, and TOML that says what is in force."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import tomli_w

from tsrevel.config import SETTINGS, check_document
from tsrevel.config.render import encode_settings, list_values, render_toml
from tsrevel.config.settings import MASK, SECRETS

from .bench import Bench
from .test_sources import ENV_ONLY

MARKERS = {key: f"PLANTED-{number}" for number, key in enumerate(SECRETS)}
LOCATION = {"name": "Café", "tripleseat_location": 30501, "revel_establishment": 8, "station": 22}


def line_of(text: str, beginning: str) -> str:
    (line,) = [each for each in text.splitlines() if each.startswith(beginning)]
    return line


def test_every_setting_is_shown_once(bench: Bench) -> None:
    settings = bench.load({"locations": [LOCATION], "charges": [{"match": "Tax", "as": "tax"}]})
    document = tomllib.loads(render_toml(settings))
    named = {
        f"{name}.{key}" if isinstance(value, dict) else name
        for name, value in document.items()
        for key in (value if isinstance(value, dict) else [""])
    }
    assert named == set(SETTINGS)
    assert set(encode_settings(settings)) == {*SETTINGS, "products"}


def test_a_value_tells_its_origin(bench: Bench) -> None:
    settings = bench.load({"timezone": "America/Denver"}, env={"DRY_RUN": "false"}, overrides={"sync.hours_back": 7})
    text = render_toml(settings)
    assert line_of(text, "timezone").split() == ["timezone", "=", '"America/Denver"', "#", "config.toml"]
    assert line_of(text, "dry_run").endswith("# environment DRY_RUN")
    assert line_of(text, "hours_back").endswith("# flag --hours-back")
    assert line_of(text, "workers").endswith("# default")


def test_an_empty_value_tells_what_it_comes_to(bench: Bench) -> None:
    text = render_toml(bench.load())
    assert line_of(text, "token_url").endswith("# default: https://api.tripleseat.com/oauth2/token")
    assert "ledger.sqlite3" in line_of(text, "path = ")
    assert line_of(text, 'base_url = ""').endswith("# default: https://acme.revelup.com")


def test_settings_without_a_file_say_that_there_is_none(bench: Bench) -> None:
    assert render_toml(bench.load_text(None, env=ENV_ONLY)).startswith("# config: none\n")


def test_no_character_of_a_secret_is_shown(bench: Bench) -> None:
    changes: dict[str, Any] = {}
    for key, marker in MARKERS.items():
        section, _, name = key.partition(".")
        value: object = [marker, marker + "-2"] if name == "webhook_signing_keys" else marker
        changes.setdefault(section, {})[name] = f"https://hc.example.com/{marker}" if name == "ping_url" else value
    settings = bench.load(changes)
    shown = render_toml(settings) + json.dumps(encode_settings(settings))
    assert "PLANTED" not in shown
    document = tomllib.loads(render_toml(settings))
    assert document["revel"]["api_key"] == MASK
    assert document["tripleseat"]["webhook_signing_keys"] == [MASK, MASK]


def test_a_secret_of_a_file_is_masked_and_its_way_told(bench: Bench) -> None:
    bench.write("PLANTED\n", "key.txt")
    settings = bench.load({"revel": {"api_key": None, "api_key_file": "key.txt"}})
    line = line_of(render_toml(settings), 'api_key = "(')
    assert line.endswith("# config.toml, by api_key_file")
    assert "PLANTED" not in render_toml(settings)


def test_a_secret_that_is_not_set_is_empty(bench: Bench) -> None:
    assert tomllib.loads(render_toml(bench.load()))["email"]["api_key"] == ""


def test_what_is_shown_means_the_same_when_it_is_read_again(bench: Bench, tmp_path: Path) -> None:
    charges = [{"match": 'He said "no" — # 1\\', "as": "item", "product_name": "Tab\tbed"}]
    settings = bench.load(
        {
            "locations": [LOCATION],
            "charges": charges,
            "tripleseat": {"requests_per_second": 2.5},
            "time_gate": {"opens_at": "07:30"},
            "safety": {"allowed_locations": [30501], "max_order_total": "123.45"},
        }
    )
    text = render_toml(settings).replace(MASK, "filled in again")
    document = tomllib.loads(text, parse_float=Decimal)
    again = check_document(document, tmp_path / "config.toml", bench.environ)
    secret = set(SECRETS)
    before = [(each.key, each.value) for each in list_values(settings) if each.key not in secret]
    assert [(each.key, each.value) for each in list_values(again) if each.key not in secret] == before
    assert (again.locations, again.charges) == (settings.locations, settings.charges)


def test_what_a_location_takes_from_elsewhere_is_told(bench: Bench) -> None:
    text = render_toml(bench.load({"locations": [LOCATION]}))
    block = text.partition("[[locations]]")[2]
    assert line_of(block, "station").endswith("# config.toml")
    assert line_of(block, "user").endswith("# revel.user, config.toml")
    assert line_of(block, "timezone").endswith("# timezone, default")


def test_mappings_are_shown_with_their_file(bench: Bench) -> None:
    product = {"establishment": 8, "name": "Ube Cake", "product": 8104}
    bench.write(tomli_w.dumps({"product": [product]}), "mappings.toml")
    settings = bench.load()
    text = render_toml(settings)
    assert tomllib.loads(text)["product"] == [product]
    assert "# from mappings.toml" in text
    encoded: Any = encode_settings(settings)["products"]
    assert encoded["value"][0]["product"] == {"value": 8104, "origin": "mappings.toml"}


def test_a_name_with_control_characters_stays_within_its_line(bench: Bench) -> None:
    settings = bench.load({"locations": [{**LOCATION, "name": "A\nB\x1b[31m"}]})
    document = tomllib.loads(render_toml(settings))
    assert document["locations"][0]["name"] == "A\nB\x1b[31m"
    assert "\x1b" not in render_toml(settings)

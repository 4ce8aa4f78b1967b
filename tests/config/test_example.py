"""config.example.toml against the model, by enumeration: it names every setting and tells the true defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tsrevel.config import SETTINGS, ChargeSettings, LocationSettings
from tsrevel.config.settings import SECRETS, Configurable, Section
from tsrevel.errors import ConfigCode

from .bench import Bench

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
INVENTED = {
    "tripleseat.client_id",
    "tripleseat.client_secret",
    "revel.domain",
    "revel.api_key",
    "revel.api_secret",
    "revel.user",
    "revel.station",
    "charges",
    "locations",
}
"""Where the example shows a value made up rather than the default: what has none that works."""


def filled_in() -> str:
    """The example, with what only its user can know."""
    return EXAMPLE.read_text().replace("replace-me", "s3cret").replace("example-client-id", "client")


def parsed() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def value_at(source: Any, key: str) -> Any:
    for part in key.split("."):
        source = source[part] if isinstance(source, dict) else getattr(source, part)
    return source


def names_of(model: type[Section]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_the_example_loads_without_a_problem(bench: Bench) -> None:
    settings = bench.load_text(filled_in())
    assert settings.safety.dry_run
    assert len(settings.locations) == 2
    assert settings.locations[1].user == 12


def test_what_only_its_user_can_know_is_all_that_the_example_lacks(bench: Bench) -> None:
    problems = bench.problems_of_text(EXAMPLE.read_text())
    assert {each.code for each in problems} == {ConfigCode.PLACEHOLDER}
    credentials = {"tripleseat.client_id", "tripleseat.client_secret", "revel.api_key", "revel.api_secret"}
    assert {each.key for each in problems} == credentials


def test_the_example_names_every_setting_and_no_other() -> None:
    document = parsed()
    named = {
        f"{name}.{key}" if isinstance(value, dict) else name
        for name, value in document.items()
        for key in (value if isinstance(value, dict) else [""])
    }
    assert named == set(SETTINGS)


def test_the_example_names_every_key_of_a_charge_and_a_location() -> None:
    document = parsed()
    assert {key for entry in document["charges"] for key in entry} == names_of(ChargeSettings)
    assert {key for entry in document["locations"] for key in entry} == names_of(LocationSettings)


def test_every_default_that_the_example_shows_is_the_real_one(bench: Bench) -> None:
    loaded = bench.load_text(filled_in())
    defaults = Configurable()
    differing = {key for key in SETTINGS if value_at(loaded, key) != value_at(defaults, key)}
    assert differing == INVENTED


def test_the_example_tells_all_three_ways_of_giving_each_secret() -> None:
    introduction = EXAMPLE.read_text().partition("[safety]")[0]
    assert "api_key_file = " in introduction
    assert "api_key_command = " in introduction
    assert all(key.rpartition(".")[2] in introduction for key in SECRETS)

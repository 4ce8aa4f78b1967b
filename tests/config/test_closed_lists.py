"""Lists that close something: given, and naming nothing or the wrong thing, they are a problem in every source."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tsrevel.errors import ConfigCode

from .bench import Bench
from .test_sources import ENV_ONLY

KEY = "safety.allowed_locations"
NAMES = ("ALLOWED_LOCATIONS", "TSREVEL_SAFETY__ALLOWED_LOCATIONS")
PLACES = [
    {"name": "Hall", "tripleseat_location": 30501, "tripleseat_site": 15691, "revel_establishment": 8},
    {"name": "Bakery", "tripleseat_site": 15692, "revel_establishment": 9},
]
NOTHING = [",", " ", " , ", "\t", "\n", ",,,", "\ufeff"]
STRAY = [
    "999",
    "30501,999",
    "8",
    "305O1",
    "Hall",
    "30501 15691",
    "30501;15691",
    "-30501",
    "30501.0",
    "[30501]",
    "9" * 5000,
]


def closed(bench: Bench, env: Mapping[str, str], *allowed: int) -> tuple[int, ...]:
    found = bench.load({"locations": PLACES, "safety": {"allowed_locations": list(allowed)}}, env=env)
    return found.safety.allowed_locations


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", NOTHING)
def test_an_allow_list_of_the_environment_that_names_nothing_never_opens_every_location(
    bench: Bench, name: str, text: str
) -> None:
    for allowed in ([], [30501]):
        problem = bench.problem({"locations": PLACES, "safety": {"allowed_locations": allowed}}, env={name: text})
        assert (problem.key, problem.origin, problem.code) == (KEY, f"environment {name}", ConfigCode.EMPTY)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_leaves_the_list_of_the_file_in_force(bench: Bench, name: str) -> None:
    assert closed(bench, {name: ""}, 30501) == (30501,)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", STRAY)
def test_an_allow_list_of_the_environment_that_names_no_entry_is_a_problem(bench: Bench, name: str, text: str) -> None:
    problem = bench.problem({"locations": PLACES}, env={name: text})
    assert (problem.key, problem.origin) == (KEY, f"environment {name}")


@pytest.mark.parametrize("given", [[999], [30501, 999], [8], ["999"], [""], [" "], [","], ["Hall"], [30501.0], [True]])
def test_an_allow_list_of_the_file_that_names_no_entry_is_a_problem(bench: Bench, given: list[object]) -> None:
    assert bench.problem({"locations": PLACES, "safety": {"allowed_locations": given}}).key == KEY


@pytest.mark.parametrize("given", ["", ",", "30501", 30501, False])
def test_an_allow_list_of_the_file_that_is_no_list_is_a_problem(bench: Bench, given: object) -> None:
    assert bench.problem({"locations": PLACES, "safety": {"allowed_locations": given}}).code == ConfigCode.WRONG_TYPE


def test_what_an_entry_has_may_be_allowed_its_location_or_its_site(bench: Bench) -> None:
    assert closed(bench, {}, 30501) == (30501,)
    assert closed(bench, {}, 15691, 15692) == (15691, 15692)
    assert closed(bench, {"ALLOWED_LOCATIONS": " 15692 ,, 30501,"}) == (15692, 30501)


def test_an_id_that_one_entry_has_as_its_location_and_as_its_site_allows_that_entry(bench: Bench) -> None:
    place = {"tripleseat_location": 30501, "tripleseat_site": 30501, "revel_establishment": 8}
    assert bench.load({"locations": [place], "safety": {"allowed_locations": [30501]}}).safety.allowed_locations


@pytest.mark.parametrize(
    "site", [{"tripleseat_location": 30502, "tripleseat_site": 30501}, {"tripleseat_site": 30501}], ids=str
)
def test_an_id_that_is_a_location_of_one_entry_and_the_site_of_another_allows_neither(
    bench: Bench, site: dict[str, int]
) -> None:
    places = [{"tripleseat_location": 30501, "revel_establishment": 8}, {**site, "revel_establishment": 9}]
    problem = bench.problem({"locations": places, "safety": {"allowed_locations": [30501]}})
    assert (problem.key, problem.code) == (KEY, ConfigCode.AMBIGUOUS_LOCATION)
    assert "names 30501" in problem.message
    assert bench.load({"locations": places}).safety.allowed_locations == ()


def test_an_empty_list_in_the_file_stands_for_every_entry(bench: Bench) -> None:
    assert closed(bench, {}) == ()


def test_a_revel_establishment_is_told_from_a_slip(bench: Bench) -> None:
    problem = bench.problem({"locations": PLACES, "safety": {"allowed_locations": [9]}})
    assert problem.code is ConfigCode.ESTABLISHMENT_AS_LOCATION
    assert "names 9" in problem.message


def test_the_place_of_the_old_service_may_be_allowed_and_no_other(bench: Bench) -> None:
    loaded = bench.load_text(None, env={**ENV_ONLY, "ALLOWED_LOCATIONS": "15691"})
    assert loaded.safety.allowed_locations == (15691,)
    for stray, code in (("8", ConfigCode.ESTABLISHMENT_AS_LOCATION), ("15692", ConfigCode.UNKNOWN_LOCATION)):
        (problem,) = bench.problems_of_text(None, env={**ENV_ONLY, "ALLOWED_LOCATIONS": stray})
        assert (problem.key, problem.origin) == (KEY, "environment ALLOWED_LOCATIONS")
        assert problem.code is code


def test_without_any_location_nothing_can_be_allowed(bench: Bench) -> None:
    assert bench.problem({"safety": {"allowed_locations": [30501]}}).key == KEY


def test_a_location_that_is_spoilt_itself_is_the_only_problem(bench: Bench) -> None:
    places = [{"tripleseat_location": "nowhere", "revel_establishment": 8}]
    problem = bench.problem({"locations": places, "safety": {"allowed_locations": [30501]}})
    assert problem.key.startswith("locations[")


@pytest.mark.parametrize(
    "key",
    [
        "tripleseat.eligible_statuses",
        "tripleseat.webhook_signing_keys",
        "orders.legacy_local_ids",
        "email.on",
        "email.recipients",
    ],
)
@pytest.mark.parametrize("text", [",", " ", " , "])
def test_no_list_of_the_environment_may_name_nothing(bench: Bench, key: str, text: str) -> None:
    name = "TSREVEL_" + key.replace(".", "__").upper()
    problem = bench.problem(env={name: text})
    assert (problem.code, problem.key, problem.origin) == (ConfigCode.EMPTY, key, f"environment {name}")


@pytest.mark.parametrize("key", ["tripleseat.eligible_statuses", "orders.legacy_local_ids"])
def test_a_list_that_keeps_harm_away_may_not_be_emptied(bench: Bench, key: str) -> None:
    section, _, name = key.partition(".")
    problem = bench.problem({section: {name: []}})
    assert (problem.key, problem.code) == (key, ConfigCode.EMPTY)


MAIL = {"api_key": "mail-key", "sender": "tsrevel@example.com", "recipients": ["a@example.com"]}


@pytest.mark.parametrize("name", ["on", "recipients"])
def test_mails_that_are_set_up_may_not_be_silenced_by_an_empty_list(bench: Bench, name: str) -> None:
    problem = bench.problem({"email": {**MAIL, name: []}})
    assert (problem.key, problem.code) == (f"email.{name}", ConfigCode.EMPTY)
    assert bench.load({"email": {**MAIL, "api_key": "", name: []}}).email.configured is False

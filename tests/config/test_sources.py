"""Where values come from, which of them wins, and what each remembers of its origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomli_w

from tsrevel.config import SETTINGS, Settings, config_folder, load_settings, state_folder
from tsrevel.config.problems import DEFAULT
from tsrevel.config.settings import OLD_NAMES
from tsrevel.config.sources import TODAY
from tsrevel.errors import ConfigCode, ConfigError

from ..users import as_other, folder_of_other
from .bench import SOUND, Bench

ENV_ONLY = {
    "REVEL_DOMAIN": "acme",
    "REVEL_API_KEY": "revel-key",
    "REVEL_API_SECRET": "revel-secret",
    "TRIPLESEAT_OAUTH_CLIENT_ID": "example-client",
    "TRIPLESEAT_OAUTH_CLIENT_SECRET": "seat-secret",
    "TRIPLESEAT_SITE_ID": "15691",
    "REVEL_ESTABLISHMENT_ID": "8",
    "TSREVEL_REVEL__USER": "12",
    "TSREVEL_REVEL__STATION": "21",
}


def test_the_environment_alone_makes_usable_settings(bench: Bench) -> None:
    settings = bench.load_text(None, env=ENV_ONLY)
    (place,) = settings.locations
    assert (place.name, place.tripleseat_site, place.revel_establishment) == ("Site 15691", 15691, 8)
    assert (place.user, place.station, place.timezone) == (12, 21, "America/Los_Angeles")
    assert settings.revel_url == "https://acme.revelup.com"
    assert settings.safety.dry_run
    assert settings.safety.enable_connector
    assert settings.config_path is None
    assert str(settings.origin("locations")) == "environment TRIPLESEAT_SITE_ID"


def test_every_old_name_still_sets_what_it_set(bench: Bench) -> None:
    env = {
        "ENABLE_CONNECTOR": "off",
        "DRY_RUN": "No",
        "ALLOWED_LOCATIONS": "15691, ,",
        "TIMEZONE": "America/New_York",
        "ENV": "production",
        "TRIPLESEAT_PUBLIC_API_KEY": "public",
        "TRIPLESEAT_WEBHOOK_SIGNING_KEY": "old-key,new-key",
        "SENDGRID_API_KEY": "mail-key",
        "TRIPLESEAT_EMAIL_SENDER": "tsrevel@example.com",
        "TRIPLESEAT_EMAIL_RECIPIENTS": "a@example.com , b@example.com",
    }
    settings = bench.load_text(None, env=ENV_ONLY | env)
    assert not settings.safety.enable_connector
    assert not settings.safety.dry_run
    assert settings.safety.allowed_locations == (15691,)
    assert settings.timezone == settings.locations[0].timezone == "America/New_York"
    assert settings.tripleseat.public_key.get_secret_value() == "public"
    assert [key.get_secret_value() for key in settings.tripleseat.webhook_signing_keys] == ["old-key", "new-key"]
    assert settings.email.configured
    assert settings.email.recipients == ("a@example.com", "b@example.com")
    for old, key in OLD_NAMES.items():
        assert str(settings.origin(key)) == f"environment {old}"


def test_a_flag_wins_over_the_environment_which_wins_over_the_file(bench: Bench) -> None:
    file = {"sync": {"hours_back": 1, "workers": 1, "deadline_minutes": 1}}
    env = {"TSREVEL_SYNC__HOURS_BACK": "2", "TSREVEL_SYNC__WORKERS": "2"}
    settings = bench.load(file, env=env, overrides={"sync.hours_back": 3, "safety.dry_run": None})
    assert (settings.sync.hours_back, settings.sync.workers, settings.sync.deadline_minutes) == (3, 2, 1)
    assert str(settings.origin("sync.hours_back")) == "flag --hours-back"
    assert str(settings.origin("sync.workers")) == "environment TSREVEL_SYNC__WORKERS"
    assert str(settings.origin("sync.deadline_minutes")) == "config.toml"
    assert str(settings.origin("safety.dry_run")) == "default"
    assert str(settings.origin("revel.api_key")) == "config.toml"


def test_flags_are_called_what_the_command_line_calls_them(bench: Bench) -> None:
    settings = bench.load(overrides={"safety.dry_run": True, "safety.max_orders_per_run": 5})
    assert str(settings.origin("safety.dry_run")) == "flag --dry-run"
    assert str(settings.origin("safety.max_orders_per_run")) == "flag --max-orders"


def test_asking_for_the_origin_of_no_setting_is_a_mistake(bench: Bench) -> None:
    with pytest.raises(KeyError):
        bench.load().origin("safety.dry_runn")


def test_an_empty_variable_counts_as_not_set(bench: Bench) -> None:
    env = {"DRY_RUN": "", "TSREVEL_SYNC__WORKERS": "  ", "TSREVEL_NO_SUCH": "", "TRIPLESEAT_SITE_ID": " "}
    settings = bench.load(env=env)
    assert settings.origin("safety.dry_run") == settings.origin("sync.workers") == DEFAULT
    assert settings.locations == ()


@pytest.mark.parametrize("text", ["", " \t"])
def test_an_empty_url_counts_as_not_set(bench: Bench, text: str) -> None:
    seat = {"base_url": text, "authorize_url": text, "token_url": text}
    loaded, usual = (
        bench.load({"tripleseat": seat, "email": {"base_url": text}, "revel": {"base_url": text}}),
        bench.load(),
    )
    assert (loaded.tripleseat, loaded.email, loaded.token_url) == (usual.tripleseat, usual.email, usual.token_url)
    assert loaded.revel_url == usual.revel_url
    assert loaded.origin("tripleseat.base_url") == DEFAULT
    sandbox = {
        "environment": "sandbox",
        "tripleseat": seat,
        "revel": {"domain": None, "base_url": "http://127.0.0.1:1"},
    }
    assert [each.key for each in bench.problems(sandbox)] == ["tripleseat.base_url"]


@pytest.mark.parametrize("word", ["true", "1", "yes", "on", "TRUE", "Yes"])
def test_yes_is_said_in_many_ways(bench: Bench, word: str) -> None:
    assert bench.load(env={"TSREVEL_TRIPLESEAT__INVOICE_FALLBACK": word}).tripleseat.invoice_fallback


@pytest.mark.parametrize("word", ["false", "0", "no", "off", "FALSE", "No"])
def test_no_is_said_in_many_ways(bench: Bench, word: str) -> None:
    assert not bench.load(env={"DRY_RUN": word}).safety.dry_run


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DRY_RUN", "maybe"),
        ("TSREVEL_SYNC__WORKERS", "four"),
        ("TSREVEL_REVEL__REQUESTS_PER_SECOND", "fast"),
        ("TSREVEL_LOCATIONS", "[{"),
        ("TSREVEL_LOCATIONS", '{"name": "A"}'),
        ("TSREVEL_CHARGES", '["Sales Tax"]'),
    ],
)
def test_a_variable_that_cannot_be_read_is_a_problem(bench: Bench, name: str, text: str) -> None:
    problem = bench.problem(env={name: text})
    assert (problem.code, problem.origin) == (ConfigCode.WRONG_TYPE, f"environment {name}")
    assert text not in f"{problem.key} {problem.message}"


def test_numbers_and_separators_come_through_the_environment(bench: Bench) -> None:
    env = {
        "TSREVEL_REVEL__REQUESTS_PER_SECOND": "2.5",
        "TSREVEL_ORDERS__NAME_SEPARATOR": " / ",
        "TSREVEL_SAFETY__MAX_ORDER_TOTAL": "99.9",
        "TSREVEL_TIME_GATE__OPENS_AT": "07:30",
        "TSREVEL_TRIPLESEAT__ELIGIBLE_STATUSES": "definite",
    }
    settings = bench.load(env=env)
    assert settings.revel.requests_per_second == 2.5
    assert settings.orders.name_separator == " / "
    assert str(settings.safety.max_order_total) == "99.90"
    assert settings.time_gate.opens_at.isoformat() == "07:30:00"
    assert settings.tripleseat.eligible_statuses == ("DEFINITE",)


def test_an_empty_separator_is_taken_as_none(bench: Bench) -> None:
    assert bench.load({"orders": {"name_separator": ""}}).orders.name_separator == ""


def test_locations_and_charges_come_as_json(bench: Bench) -> None:
    places = [{"tripleseat_location": "30501", "revel_establishment": 8, "dining_option": 113}]
    charges = [{"match": "Sales Tax", "as": "tax"}, {"match": "Setup Fee", "as": "item", "product": 5001}]
    env = {"TSREVEL_LOCATIONS": json.dumps(places), "TSREVEL_CHARGES": json.dumps(charges)}
    settings = bench.load({"charges": [{"match": "Gratuity", "as": "gratuity"}]}, env=env)
    (place,) = settings.locations
    assert (place.name, place.tripleseat_location, place.dining_option) == ("Location 30501", 30501, 113)
    assert [(charge.match, charge.treat_as, charge.product) for charge in settings.charges] == [
        ("Sales Tax", "tax", None),
        ("Setup Fee", "item", 5001),
    ]
    assert str(settings.origin("charges")) == "environment TSREVEL_CHARGES"


def test_an_old_name_and_its_twin_may_agree_but_not_differ(bench: Bench) -> None:
    assert not bench.load(env={"DRY_RUN": "0", "TSREVEL_SAFETY__DRY_RUN": "false"}).safety.dry_run
    problem = bench.problem(env={"DRY_RUN": "1", "TSREVEL_SAFETY__DRY_RUN": "false"})
    assert problem.key == "safety.dry_run"
    assert problem.origin == "environment TSREVEL_SAFETY__DRY_RUN"
    assert problem.code == ConfigCode.CONFLICTING_VALUES


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        ("TSREVEL_SAFTY__DRY_RUN", "TSREVEL_SAFETY__DRY_RUN"),
        ("TSREVEL_DRY_RUN", "TSREVEL_SAFETY__DRY_RUN"),
        ("TSREVEL_LOCATION", "TSREVEL_LOCATIONS"),
    ],
)
def test_a_misspelt_variable_is_a_problem_with_a_guess(bench: Bench, name: str, guess: str) -> None:
    problem = bench.problem(env={name: "1"})
    assert (problem.key, problem.code, problem.remedy) == (name, ConfigCode.UNKNOWN_KEY, f"Did you mean {guess}?")
    assert str(problem).startswith(f"{name} (environment): ")


def test_every_setting_has_a_variable_of_its_own() -> None:
    assert "TSREVEL_SAFETY__DRY_RUN" in TODAY
    assert "TSREVEL_TIMEZONE" in TODAY
    assert "TSREVEL_REVEL__API_KEY_COMMAND" in TODAY
    assert len(TODAY) > len(SETTINGS)


@pytest.mark.parametrize("name", ["none.toml", "", "/"])
def test_an_explicit_file_must_be_there(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_settings(config=Path(name), environ=bench.environ)
    (problem,) = caught.value.problems
    assert (problem.code, problem.key, problem.origin) == (ConfigCode.FILE_NOT_FOUND, "config", "flag --config")
    (problem,) = bench.problems_of_text(None, env={"TSREVEL_CONFIG": str(tmp_path / "none.toml")})
    assert problem.origin == "environment TSREVEL_CONFIG"


def place_config(bench: Bench, name: str, workers: int) -> None:
    bench.write(tomli_w.dumps({**SOUND, "sync": {"workers": workers}}), name)


def test_the_file_is_looked_for_in_four_places_in_order(bench: Bench) -> None:
    place_config(bench, "etc/config.toml", 1)
    assert bench.load_text(None).sync.workers == 1
    place_config(bench, "home/.config/tsrevel/config.toml", 2)
    assert bench.load_text(None).sync.workers == 2
    place_config(bench, "xdg/tsrevel/config.toml", 3)
    xdg = {"XDG_CONFIG_HOME": str(bench.folder / "xdg")}
    assert bench.load_text(None, env=xdg).sync.workers == 3
    place_config(bench, "home/named.toml", 4)
    named = xdg | {"TSREVEL_CONFIG": "~/named.toml"}
    settings = bench.load_text(None, env=named)
    assert settings.sync.workers == 4
    assert str(settings.origin("sync.workers")) == "named.toml"
    assert bench.load({"sync": {"workers": 5}}, env=named).sync.workers == 5


def test_a_relative_xdg_folder_is_ignored_and_without_home_there_is_none() -> None:
    assert config_folder({"XDG_CONFIG_HOME": "relative", "HOME": "/home/ada"}) == Path("/home/ada/.config/tsrevel")
    assert state_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/tsrevel")
    assert state_folder({"HOME": "/home/ada"}) == Path("/home/ada/.local/state/tsrevel")
    assert config_folder({}) is state_folder({}) is None


def test_where_a_file_was_looked_for_is_told_if_something_is_missing(bench: Bench) -> None:
    told = bench.problems_of_text(None)[-1]
    assert told.code is ConfigCode.NO_CONFIG_FILE
    home, system = Path(bench.environ["HOME"]), bench.folder / "etc" / "config.toml"
    assert f"{home / '.config' / 'tsrevel' / 'config.toml'} or {system}" in told.message


def test_nobody_is_told_of_a_file_that_is_not_needed(bench: Bench) -> None:
    problems = bench.problems_of_text(None, env=ENV_ONLY | {"TSREVEL_SYNC__HOURS_BACK": "many"})
    assert [problem.key for problem in problems] == ["sync.hours_back"]
    assert {problem.key for problem in bench.problems_of_text("")} & {"config"} == set()


def test_the_ledger_needs_a_place(tmp_path: Path) -> None:
    arguments = {**ENV_ONLY, "TSREVEL_CONFIG": ""}
    with pytest.raises(ConfigError) as caught:
        load_settings(config=None, environ=arguments)
    assert [problem.key for problem in caught.value.problems] == ["config", "ledger.path"]
    arguments["TSREVEL_LEDGER__PATH"] = str(tmp_path / "my.sqlite3")
    settings = load_settings(config=None, environ=arguments)
    assert settings.ledger_path == tmp_path / "my.sqlite3"
    assert settings.mappings_path is None


def test_a_ledger_path_of_the_wrong_type_is_one_problem(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(tomli_w.dumps({**SOUND, "ledger": {"path": 5}}))
    with pytest.raises(ConfigError) as caught:
        load_settings(config=config, environ={})
    assert [problem.code for problem in caught.value.problems] == [ConfigCode.WRONG_TYPE]


def test_paths_start_at_the_config_file_or_the_home(bench: Bench) -> None:
    given = bench.load({"ledger": {"path": "data/l.sqlite3"}, "tripleseat": {"token_file": "~/token.json"}})
    assert given.ledger_path == bench.folder / "data/l.sqlite3"
    assert given.token_path == bench.folder / "home/token.json"


def test_a_setting_outside_any_file_keeps_relative_paths_as_they_are(bench: Bench) -> None:
    settings = bench.load_text(None, env=ENV_ONLY | {"TSREVEL_LEDGER__PATH": "l.sqlite3"})
    assert settings.ledger_path == Path("l.sqlite3")


def test_mappings_lie_beside_the_config_file(bench: Bench) -> None:
    mappings = [
        {"establishment": 8, "menu_item_id": 121548, "product": 5001},
        {"establishment": 8, "name": "Fruit Platter", "product": 5002},
    ]
    bench.write(tomli_w.dumps({"product": mappings}), "mappings.toml")
    settings = bench.load()
    assert [(m.menu_item_id, m.name, m.product) for m in settings.products] == [
        (121548, None, 5001),
        (None, "Fruit Platter", 5002),
    ]
    assert settings.mappings_path == bench.folder / "mappings.toml"
    assert str(settings.origin("products")) == "mappings.toml"


def test_without_a_config_file_mappings_lie_where_it_would(bench: Bench) -> None:
    text = tomli_w.dumps({"product": [{"establishment": 8, "name": "Fruit Platter", "product": 5002}]})
    bench.write(text, "home/.config/tsrevel/mappings.toml")
    assert len(bench.load_text(None, env=ENV_ONLY).products) == 1


def test_the_token_url_follows_the_base_url_unless_given(bench: Bench) -> None:
    assert bench.load().token_url == "https://api.tripleseat.com/oauth2/token"
    given = {"tripleseat": {"token_url": "https://api.tripleseat.com/oauth/token"}}
    assert bench.load(given).token_url == "https://api.tripleseat.com/oauth/token"


def test_settings_cannot_be_changed(bench: Bench) -> None:
    settings: Settings = bench.load()
    with pytest.raises(ValueError, match="frozen"):
        settings.safety.dry_run = False


def test_without_any_settings_the_missing_file_is_all_that_is_told(bench: Bench) -> None:
    problem = next(iter(bench.problems_of_text(None)))
    assert bench.problems_of_text(None) == (problem,)
    assert problem.code is ConfigCode.NO_CONFIG_FILE
    assert "tsrevel init" in problem.remedy


def test_with_some_in_the_environment_the_missing_file_is_told_first(bench: Bench) -> None:
    problems = bench.problems_of_text(None, env={"REVEL_API_KEY": "key"})
    assert problems[0].code is ConfigCode.NO_CONFIG_FILE
    assert "revel.api_secret" in [each.key for each in problems[1:]]


def test_a_folder_that_is_named_for_the_settings_file_asks_for_the_file(bench: Bench) -> None:
    bench.write("", "folder/config.toml")
    with pytest.raises(ConfigError) as caught:
        load_settings(config=bench.folder / "folder", environ=bench.environ)
    problem = caught.value.problems[0]
    assert problem.code is ConfigCode.FILE_UNREADABLE
    assert "folder/config.toml" in problem.remedy


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("shut", ["file", "folder"])
def test_settings_that_cant_be_read_are_told_whether_named_or_found(named: bool, shut: str) -> None:
    with folder_of_other() as folder, as_other():
        path = folder / ".config" / "tsrevel" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text(tomli_w.dumps(SOUND))
        (path if shut == "file" else path.parent).chmod(0)
        with pytest.raises(ConfigError) as caught:
            load_settings(config=path if named else None, environ={"HOME": str(folder)})
        path.parent.chmod(0o700)
    assert caught.value.exit_status == 10
    problem = caught.value.problems[0]
    assert problem.code is ConfigCode.FILE_UNREADABLE
    assert "Permission denied" in problem.message

"""`init --prefill` off a terminal: a unique exact name is taken, everything else is left with its candidates."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tsrevel.sandbox import SPECIAL_EVENTS

from .bench import Ran, Shell
from .consent import Admin, log_in_with


@pytest.fixture(autouse=True)
def _home(shell: Shell) -> None:
    shell.environ["HOME"] = str(shell.world.folder)


def prefill(shell: Shell, *argv: str, **environ: str) -> tuple[Ran, Path]:
    """The world's address and credentials as options and environment; the places are for `init` to find."""
    day, path = shell.world.day, shell.world.folder / "new.toml"
    secrets = {
        "REVEL_API_KEY": day.api_key,
        "REVEL_API_SECRET": day.api_secret,
        "TRIPLESEAT_OAUTH_CLIENT_SECRET": day.client_secret,
    }
    options = {
        "environment": "sandbox",
        "tripleseat.base_url": "http://127.0.0.1:8001",
        "tripleseat.client_id": day.client_id,
        "tripleseat.token_file": shell.world.folder / "token.json",
        "revel.base_url": "http://127.0.0.1:8002",
    }
    pairs = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    pairs += ["--output", str(path)]
    return shell.run("init", *pairs, "--prefill", *argv, environ=secrets | environ), path


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


def rename_establishment(shell: Shell, number: int, name: str) -> None:
    shell.world.revel.state.rows["Establishment"][number]["name"] = name


def test_names_that_are_the_same_are_matched(shell: Shell) -> None:
    ran, path = prefill(shell)
    assert ran.status == 0, ran.err
    assert read(path)["locations"] == [
        {
            "name": "Special Events", "tripleseat_location": 30501, "revel_establishment": 8,
            "timezone": "America/Los_Angeles", "station": 21,
        },
        {
            "name": "Lakeside Bakery", "tripleseat_location": 30502, "revel_establishment": 9,
            "timezone": "America/Denver", "station": 31,
        },
    ]  # fmt: skip
    revel = read(path)["revel"]
    assert (revel["user"], revel["payment_type"], revel["discount"]) == (12, 236, 3358)


def test_what_it_found_is_a_config_that_works(shell: Shell) -> None:
    _, path = prefill(shell, "--charge", "Service Charge=item:Service Charge", "--charge", "Sales Tax=tax")
    assert shell.run("config", "validate", "--config", str(path)).status == 0
    ran = shell.run("sync", "--dry-run", "--json", "--config", str(path))
    assert ran.answer["summary"]["planned"] == 3


def test_nothing_but_reads_is_sent(shell: Shell) -> None:
    prefill(shell)
    assert {each.method for each in shell.world.revel.requests} == {"GET"}
    assert {each.method for each in shell.world.tripleseat.requests} == {"GET"}


def test_case_and_spaces_do_not_count(shell: Shell) -> None:
    rename_establishment(shell, 8, "SPECIAL   events ")
    _, path = prefill(shell)
    assert [each["revel_establishment"] for each in read(path)["locations"]] == [8, 9]


def test_a_similar_name_is_left_to_a_person_with_its_candidates(shell: Shell) -> None:
    rename_establishment(shell, 8, "Special Event")
    ran, path = prefill(shell)
    assert [each["name"] for each in read(path)["locations"]] == ["Lakeside Bakery"]
    text = path.read_text()
    assert (
        "# revel_establishment: not exactly one establishment has its name; candidates: "
        '8 "Special Event", 9 "Lakeside Bakery"\n' in text
    )
    assert '# [[locations]]\n# name = "Special Events"\n# tripleseat_location = 30501\n' in text
    assert 'to do: location "Special Events" is commented out' in ran.err
    assert shell.run("config", "validate", "--config", str(path)).status == 0


def test_a_name_that_two_share_is_left_to_a_person(shell: Shell) -> None:
    rename_establishment(shell, 9, "Special Events")
    _, path = prefill(shell)
    assert "locations" not in read(path)


def test_two_locations_of_one_name_are_left_to_a_person(shell: Shell) -> None:
    (first, second) = shell.world.tripleseat.state.locations
    second["name"] = first["name"]
    _, path = prefill(shell)
    assert "locations" not in read(path)
    assert "another location has the same name" in path.read_text()


def test_a_second_user_is_a_choice_that_is_not_made_here(shell: Shell) -> None:
    shell.world.revel.add("User", 13, username="avery.sample")
    ran, path = prefill(shell)
    assert "user" not in read(path)["revel"]
    assert "locations" not in read(path)
    assert '12 "catering.api", 13 "avery.sample"' in ran.err
    assert "avery" not in path.read_text(), "staff's names are shown, not kept"
    assert '# not exactly one user has the name "TripleSeat"; candidates: 12, 13\n' in path.read_text()


def test_a_second_station_is_a_choice_that_is_not_made_here(shell: Shell) -> None:
    shell.world.revel.add("PosStation", 22, establishment="/enterprise/Establishment/8/")
    shell.world.revel.state.rows["PosStation"][22]["name"] = "Bar"
    _, path = prefill(shell)
    assert [each["name"] for each in read(path)["locations"]] == ["Lakeside Bakery"]
    assert 'candidates: 21 "Station", 22 "Bar"' in path.read_text()


def test_a_payment_type_that_is_named_otherwise_is_only_offered(shell: Shell) -> None:
    shell.world.revel.state.rows["CustomPaymentType"][236]["name"] = "House account"
    _, path = prefill(shell)
    assert "payment_type" not in read(path)["revel"]
    assert 'candidates: 236 "House account"' in path.read_text()


def test_an_inactive_one_is_no_candidate(shell: Shell) -> None:
    shell.world.revel.add("User", 13, username="TripleSeat", active=False)
    _, path = prefill(shell)
    assert read(path)["revel"]["user"] == 12


def test_a_zone_that_nobody_knows_is_left_to_a_person(shell: Shell) -> None:
    shell.world.tripleseat.state.sites[0]["timezone"] = "Moonbase Time"
    shell.world.revel.state.rows["Establishment"][8]["timezone"] = ""
    ran, path = prefill(shell)
    assert 'timezone: TripleSeat says "Moonbase Time", an unknown zone' in path.read_text()
    assert [each["name"] for each in read(path)["locations"]] == ["Lakeside Bakery"]
    assert 'location "Special Events" is commented out' in ran.err


def test_a_zone_that_tripleseat_does_not_tell_is_taken_from_revel(shell: Shell) -> None:
    shell.world.tripleseat.state.sites.clear()
    shell.world.revel.state.rows["Establishment"][9]["timezone"] = "Mountain Time (US & Canada)"
    _, path = prefill(shell)
    assert [each["timezone"] for each in read(path)["locations"]] == ["America/Los_Angeles", "America/Denver"]


def test_without_a_zone_anywhere_an_entry_is_left_to_a_person_unless_one_was_given_for_all(shell: Shell) -> None:
    shell.world.tripleseat.state.sites.clear()
    for row in shell.world.revel.state.rows["Establishment"].values():
        row["timezone"] = ""
    _, path = prefill(shell)
    assert "locations" not in read(path)
    assert "# timezone: neither TripleSeat nor Revel has one; write an IANA name" in path.read_text()
    path.unlink()
    _, path = prefill(shell, "--set", "timezone=America/Denver")
    assert len(read(path)["locations"]) == 2


def test_two_names_of_one_clock_are_no_difference(shell: Shell) -> None:
    shell.world.revel.state.rows["Establishment"][8]["timezone"] = "US/Pacific"
    assert "its zone is" not in prefill(shell)[0].err


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 403}, {"kind": "status", "status": 404}, {"kind": "html"}]
)
@pytest.mark.parametrize("which", ["sites", "locations"])
def test_a_list_that_tripleseat_does_not_give_is_left_open(shell: Shell, which: str, fault: dict[str, Any]) -> None:
    more = {key: value for key, value in fault.items() if key != "kind"}
    shell.world.tripleseat.faults.add(fault["kind"], "GET", f"/v1/{which}", times=None, **more)
    ran, path = prefill(shell)
    assert ran.status == 0, ran.err
    assert f"to do: TripleSeat's {which} can't be listed" in ran.err
    assert len(read(path).get("locations", [])) == (2 if which == "sites" else 0)


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 401}, {"kind": "html"}, {"kind": "status", "status": 500}]
)
def test_establishments_that_revel_does_not_give_leave_the_entries_commented_out(
    shell: Shell, fault: dict[str, Any]
) -> None:
    more = {key: value for key, value in fault.items() if key != "kind"}
    shell.world.revel.faults.add(fault["kind"], "GET", "/Establishment/", times=None, **more)
    ran, path = prefill(shell)
    assert ran.status == 0, ran.err
    assert "to do: Revel's establishments can't be listed" in ran.err
    assert "locations" not in read(path)
    assert "# tripleseat_location = 30501" in path.read_text()
    assert read(path)["revel"]["user"] == 12


def test_establishments_that_are_refused_where_nothing_else_is_asked_for_do_not_mean_a_bad_key(shell: Shell) -> None:
    shell.world.revel.denied_resources = {"Establishment"}
    ids = ("--set", "revel.user=12", "--set", "revel.payment_type=236", "--set", "revel.discount=3358")
    assert prefill(shell, *ids)[0].status == 0


def test_a_token_that_tripleseat_refuses_writes_nothing(shell: Shell) -> None:
    shell.world.tripleseat.expire_access_tokens()
    shell.world.tripleseat.revoke_refresh_token()
    ran, path = prefill(shell)
    assert (ran.status, path.exists()) == (12, False)


def test_a_payment_type_with_two_numbers_is_left_to_a_person(shell: Shell) -> None:
    rows = shell.world.revel.state.rows["CustomPaymentType"]
    rows[99] = {**rows.pop(236), "id": 99, "payment_type": 236}
    ran, path = prefill(shell)
    assert ran.status == 0
    assert "payment_type" not in read(path)["revel"]
    assert "Revel doesn't document which of them an order's payment uses" in path.read_text()
    assert 'candidates: 99 or 236 "TripleSeat"' in path.read_text()
    rows[99]["payment_type"] = 99
    path.unlink()
    assert read(prefill(shell)[1])["revel"]["payment_type"] == 99


def test_a_payment_type_beside_one_with_two_numbers_is_taken(shell: Shell) -> None:
    shell.world.revel.add("CustomPaymentType", 99, name="House account", payment_type=240)
    assert read(prefill(shell)[1])["revel"]["payment_type"] == 236


def test_typographic_quotes_do_not_count(shell: Shell) -> None:
    rename_establishment(shell, 8, "Ana\u2019s  Events")
    shell.world.tripleseat.state.locations[0]["name"] = "ANA'S Events"
    assert [each["revel_establishment"] for each in read(prefill(shell)[1])["locations"]] == [8, 9]


def test_zones_that_differ_are_told(shell: Shell) -> None:
    shell.world.tripleseat.state.sites[0]["timezone"] = "Eastern Time (US & Canada)"
    ran, path = prefill(shell)
    assert read(path)["locations"][0]["timezone"] == "America/New_York"
    assert "its zone is America/New_York at TripleSeat and America/Los_Angeles at Revel" in ran.err


def test_before_the_login_the_public_key_lists_the_places(shell: Shell) -> None:
    key = shell.world.day.public_key
    ran, path = prefill(shell, "--set", "tripleseat.token_file=nowhere.json", TRIPLESEAT_PUBLIC_API_KEY=key)
    assert ran.status == 0
    assert len(read(path)["locations"]) == 2
    assert f"  tsrevel login --config {path}" in ran.lines


def test_before_the_login_without_it_revel_is_asked_alone(shell: Shell) -> None:
    ran, path = prefill(shell, "--set", "tripleseat.token_file=nowhere.json")
    assert ran.status == 0
    assert read(path)["revel"]["user"] == 12
    assert "can't be listed before the login" in ran.err
    assert shell.world.tripleseat.requests == []


def test_a_key_that_revel_refuses_writes_nothing(shell: Shell) -> None:
    ran, path = prefill(shell, REVEL_API_KEY="PLANTED")
    assert ran.status == 12
    assert not path.exists()
    assert "/enterprise/Establishment/ answered 401" in ran.err
    assert "nothing was written" in ran.err
    assert "PLANTED" not in ran.err


def test_one_list_that_revel_refuses_is_left_open(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "GET", "/Discount/", status=401)
    ran, path = prefill(shell)
    assert ran.status == 0
    assert len(read(path)["locations"]) == 2
    assert "the discounts can't be listed: Revel: GET /resources/Discount/ answered 401" in ran.err


def test_a_service_that_is_down_writes_nothing(shell: Shell) -> None:
    for wire in shell.world.wires.values():
        wire.down = True
        ran, path = prefill(shell)
        assert (ran.status, path.exists()) == (13, False)
        wire.down = False


@pytest.mark.parametrize("service", ["tripleseat", "revel"])
def test_a_service_that_answers_nonsense_alone_writes_nothing(shell: Shell, service: str) -> None:
    getattr(shell.world, service).faults.add("html", "GET", times=None)
    ran, path = prefill(shell)
    assert (ran.status, path.exists()) == (13, False)


def test_a_location_that_is_given_is_not_added_again(shell: Shell) -> None:
    given = f"name=Mine,tripleseat_location={SPECIAL_EVENTS.location_id},revel_establishment=8"
    _, path = prefill(shell, "--location", given)
    first, second = read(path)["locations"]
    assert first == {"name": "Mine", "tripleseat_location": 30501, "revel_establishment": 8, "station": 21}
    assert second["name"] == "Lakeside Bakery"


def test_with_json_what_is_left_is_listed(shell: Shell) -> None:
    rename_establishment(shell, 8, "Special Event")
    ran, path = prefill(shell, "--json")
    assert ran.answer["locations"] == ["Lakeside Bakery"]
    assert any("Special Events" in each for each in ran.answer["open"])
    assert ran.answer["config"] == str(path)


# The way to set up: init, login, init --prefill --from


def set_up(shell: Shell, *argv: str) -> tuple[Path, Path]:
    """Settings without places where they are looked for, written by `init`, and a login with them; the new file."""
    day = shell.world.day
    secrets = {
        "REVEL_API_KEY": day.api_key,
        "REVEL_API_SECRET": day.api_secret,
        "TRIPLESEAT_OAUTH_CLIENT_SECRET": day.client_secret,
    }
    options = ("--set", "environment=sandbox", "--set", "tripleseat.base_url=http://127.0.0.1:8001")
    more = ("--set", f"tripleseat.client_id={day.client_id}", "--set", "revel.base_url=http://127.0.0.1:8002", *argv)
    first = shell.run("init", *options, *more, environ=secrets)
    assert first.status == 0, first.err
    config = shell.world.folder / ".config" / "tsrevel" / "config.toml"
    assert log_in_with(shell, config, visit=Admin(shell.world).approve).status == 0
    return config, shell.world.folder / "new.toml"


def test_after_the_login_places_are_prefilled_with_its_token_and_no_second_login_is_asked_for(shell: Shell) -> None:
    config, new = set_up(shell)
    ran = shell.run("init", "--prefill", "--from", str(config), "--output", str(new))
    assert ran.status == 0, ran.err
    assert [each["name"] for each in read(new)["locations"]] == ["Special Events", "Lakeside Bakery"]
    assert read(new)["tripleseat"]["token_file"] == str(config.with_name("tripleseat-token.json"))
    assert "path" not in read(new).get("ledger", {})
    assert not list(shell.world.folder.glob("new.*token*"))
    steps = ran.lines[ran.lines.index("Next:") + 1 :]
    assert steps == [f"  cp {new} {config} && rm {new}", "  tsrevel doctor", "  tsrevel sync --dry-run"]
    new.replace(config)
    assert shell.run("sync", "--dry-run", "--json").status in {0, 3}


def test_a_file_of_another_mode_is_put_in_place_without_changing_who_may_read_it(shell: Shell) -> None:
    config, new = set_up(shell)
    config.chmod(0o640)
    ran = shell.run("init", "--prefill", "--from", str(config), "--output", str(new), "--json")
    assert ran.answer["next"][0] == f"cp {new} {config} && rm {new}"


def test_a_file_that_is_written_where_settings_are_looked_for_stays_there(shell: Shell) -> None:
    config, new = set_up(shell)
    shell.run("init", "--from", str(config), "--output", str(new))
    config.unlink()
    ran = shell.run("init", "--from", str(new))
    assert ran.lines[ran.lines.index("Next:") + 1 :] == ["  tsrevel doctor", "  tsrevel sync --dry-run"]


# While runs are paused or disabled


def disable(shell: Shell, how: str, config: Path) -> None:
    if how == "paused":
        assert shell.run("pause", "--reason", "incident", "--config", str(config)).status == 0
    else:
        text = config.read_text()
        assert "\nenable_connector = true" in text
        config.write_text(text.replace("\nenable_connector = true", "\nenable_connector = false"))


@pytest.mark.parametrize("how", ["paused", "disabled"])
def test_while_runs_are_paused_or_disabled_no_service_is_called(shell: Shell, how: str) -> None:
    config, new = set_up(shell)
    disable(shell, how, config)
    shell.world.forget_requests()
    for target in (new, config.with_name("other.toml")):
        ran = shell.run("init", "--prefill", "--from", str(config), "--output", str(target), "--json")
        assert (ran.status, ran.answer["exit_status"], shell.requests) == (3, 3, 0)
        assert "neither service was called: " in ran.answer["error"]
        assert "leave out --prefill" in ran.err
        assert how == "disabled" or f"`tsrevel resume --config {config}`" in ran.err
        assert not target.exists()
    assert shell.run("init", "--from", str(config), "--output", str(new)).status == 0
    assert shell.requests == 0


def test_nor_is_one_if_the_file_stays_elsewhere_or_the_environment_disables_runs(shell: Shell) -> None:
    config, new = set_up(shell)
    shell.world.forget_requests()
    environ = {"ENABLE_CONNECTOR": "false"}
    ran = shell.run("init", "--prefill", "--from", str(config), "--output", str(new), environ=environ)
    assert (ran.status, shell.requests) == (3, 0)
    disable(shell, "paused", config)
    environ = {"TSREVEL_CONFIG": str(new)}
    assert shell.run("init", "--prefill", "--from", str(config), environ=environ).status == 3
    assert shell.requests == 0


def test_a_login_is_a_person_s_own_and_works_while_runs_are_paused(shell: Shell) -> None:
    config, _ = set_up(shell)
    disable(shell, "paused", config)
    shell.world.forget_requests()
    assert log_in_with(shell, config, visit=Admin(shell.world).approve).status == 0
    asked = {each.path for each in shell.world.tripleseat.requests}
    assert asked <= {"/oauth2/authorize", "/oauth2/token"}
    assert shell.world.revel.requests == []

"""`doctor` as a new operator meets it: everything that is wrong is told by name before there is any order."""

from __future__ import annotations

import codecs
import errno
import json
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..disks import mount_read_only
from .bench import Ran, Shell, assert_fits

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
Check = dict[str, Any]
CRONTAB = "#!/bin/sh\necho '0 * * * * {0}/bin/tsrevel sync --config {0}/config.toml'\n"
CORE = ["Order", "OrderItem", "Payment", "OrderHistory", "Product"]
LISTS = ["Establishment", "User", "PosStation", "CustomPaymentType", "Discount"]


@pytest.fixture(autouse=True)
def _ready(shell: Shell) -> None:
    """An installation with nothing to complain of: a monitor, a crontab, good file modes, orders made by hand."""
    for spot in shell.world.day.locations:
        place = f"/enterprise/Establishment/{spot.establishment}/"
        shell.world.revel.add("Order", None, establishment=place, dining_option=spot.dining_option)
    shell.world.config["monitor"] = {"ping_url": "http://127.0.0.1:9/planted-monitor"}
    table = shell.world.folder / "bin" / "crontab"
    table.parent.mkdir()
    for path in (table, table.with_name("tsrevel")):
        path.write_text(CRONTAB.format(shell.world.folder))
        path.chmod(0o700)
    shell.environ["PATH"] = str(table.parent)


def doctor(shell: Shell, *argv: str, tty: bool = False, columns: int = 80) -> Ran:
    config = shell.write_config()
    config.chmod(0o600)
    return type_doctor(shell, config, *argv, tty=tty, columns=columns)


def type_doctor(shell: Shell, config: Path, *argv: str, tty: bool = False, columns: int = 80) -> Ran:
    environ = {"COLUMNS": str(columns), "NO_COLOR": "1"} if tty else {}
    return shell.run("doctor", "--config", str(config), *argv, tty=tty, environ=environ)


def checks(ran: Ran, verdict: str = "problem") -> list[Check]:
    return [each for each in ran.answer["checks"] if each["verdict"] == verdict]


def names(ran: Ran, verdict: str = "problem") -> list[str]:
    return [each["name"] for each in checks(ran, verdict)]


def test_a_good_installation_has_nothing_but_ok(shell: Shell) -> None:
    ran = doctor(shell, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.answer["success"] is True
    assert names(ran) == names(ran, "warning") == []
    assert names(ran, "skipped") == ["file.ledger", "runs", "email"]


def test_an_installation_without_a_location_has_a_problem(shell: Shell) -> None:
    shell.world.config["locations"] = []
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)[0]) == (10, "config")
    assert "there are no [[locations]], so every event is held" in checks(ran)[0]["text"]
    assert "tsrevel is ready" not in doctor(shell).out


def test_the_answer_has_its_documented_shape(shell: Shell) -> None:
    shell.world.config["locations"][0]["user"] = 99
    ran = doctor(shell, "--json")
    assert list(ran.answer) == ["schema", "success", "exit_status", "checks"]
    assert (ran.answer["schema"], ran.answer["success"], ran.answer["exit_status"]) == (1, False, 10)
    for each in ran.answer["checks"]:
        assert list(each) == ["name", "subject", "verdict", "text", "remedy"]
        assert each["verdict"] in {"ok", "warning", "problem", "skipped"}
        assert bool(each["remedy"]) == (each["verdict"] in {"warning", "problem"})


WRONG_IDS = [
    ("user", 99, "location.user", "12"),
    ("station", 31, "location.station", "21 Station"),
    ("station", 77, "location.station", "21 Station"),
    ("revel_establishment", 88, "location.establishment", "8 Special Events"),
    ("payment_type", 999, "location.payment_type", "236 TripleSeat"),
    ("discount", 4711, "location.discount", "3358 TripleSeat discount"),
    ("tripleseat_location", 30599, "location.tripleseat", "30501 Special Events"),
    ("fallback_product", 5, "location.fallback_product", "active product"),
]


@pytest.mark.parametrize(("key", "value", "name", "instead"), WRONG_IDS)
def test_a_wrong_id_is_found_by_name_with_what_there_is_instead(
    shell: Shell, key: str, value: int, name: str, instead: str
) -> None:
    shell.world.config["locations"][0][key] = value
    ran = doctor(shell, "--json")
    assert ran.status == 10
    [found] = checks(ran)
    assert (found["name"], found["subject"]) == (name, "Special Events")
    assert f"locations[Special Events].{key} = {value}" in found["text"]
    assert instead in found["remedy"]
    assert shell.world.writes == []


def test_a_wrong_site_is_found_too(shell: Shell) -> None:
    entry = shell.world.config["locations"][0]
    del entry["tripleseat_location"]
    entry["tripleseat_site"] = 15699
    [found] = checks(doctor(shell, "--json"))
    assert "tripleseat_site = 15699: TripleSeat has no such site" in found["text"]
    assert "15691 Special Events" in found["remedy"]


def test_a_site_that_the_location_is_not_of_is_found(shell: Shell) -> None:
    shell.world.config["locations"][0]["tripleseat_site"] = 15692
    [found] = checks(doctor(shell, "--json"))
    assert "but location 30501 Special Events belongs to site 15691" in found["text"]


def test_an_inherited_value_is_called_by_the_key_that_gives_it(shell: Shell) -> None:
    for entry in shell.world.config["locations"]:
        del entry["user"]
    shell.world.config["revel"]["user"] = 99
    found = checks(doctor(shell, "--json"))
    assert [each["text"].partition(":")[0] for each in found] == [
        "revel.user (for Special Events) = 99",
        "revel.user (for Lakeside Bakery) = 99",
    ]


@pytest.mark.parametrize(
    ("resource", "row", "name"),
    [
        ("User", 12, "location.user"),
        ("Discount", 3358, "location.discount"),
        ("Establishment", 8, "location.establishment"),
    ],
)
def test_what_is_inactive_is_no_use(shell: Shell, resource: str, row: int, name: str) -> None:
    shell.world.revel.state.rows[resource][row]["active"] = False
    found = checks(doctor(shell, "--json"))
    assert {each["name"] for each in found} == {name}
    assert "inactive" in found[0]["text"]


def test_a_user_of_another_establishment_is_found(shell: Shell) -> None:
    shell.world.revel.add("User", 13, username="other", establishment="/enterprise/Establishment/9/")
    shell.world.config["locations"][0]["user"] = 13
    ran = doctor(shell, "--json")
    [found] = checks(ran)
    assert (ran.status, found["name"], found["subject"]) == (10, "location.user", "Special Events")
    assert "locations[Special Events].user = 13: this user belongs to establishment 9, not to 8" in found["text"]
    assert found["remedy"] == "There are: 12."


@pytest.mark.parametrize("places", [None, [], ["/enterprise/Establishment/7/", "/enterprise/Establishment/9/"]])
def test_a_user_of_no_single_establishment_fits_all(shell: Shell, places: object) -> None:
    shell.world.revel.state.rows["User"][12]["establishment"] = places
    assert names(doctor(shell, "--json")) == []


def test_establishments_that_are_exchanged_are_a_doubt(shell: Shell) -> None:
    first, second = shell.world.config["locations"]
    for key in ("revel_establishment", "station"):
        first[key], second[key] = second[key], first[key]
    shell.world.config["charges"] = []
    found = [each for each in checks(doctor(shell, "--json"), "warning") if each["name"] == "location.establishment"]
    assert [each["subject"] for each in found] == ["Special Events", "Lakeside Bakery"]
    assert "but establishment 8 has this location's name, 'Special Events'" in found[0]["text"]


def test_a_place_that_you_call_otherwise_is_known_by_its_name_at_tripleseat(shell: Shell) -> None:
    shell.world.config["locations"][0] |= {"name": "Mine", "revel_establishment": 9, "station": 31}
    assert "location.establishment" in names(doctor(shell, "--json"), "warning")


def test_a_payment_type_may_be_meant_by_either_of_its_numbers(shell: Shell) -> None:
    rows = shell.world.revel.state.rows["CustomPaymentType"]
    rows[99] = {**rows.pop(236), "id": 99, "payment_type": 236}
    for number in (236, 99):
        for entry in shell.world.config["locations"]:
            entry["payment_type"] = number
        ran = doctor(shell, "--json")
        assert (ran.status, set(names(ran, "warning"))) == (0, {"location.payment_type"})
        assert "'TripleSeat' has id 99 and payment_type 236" in checks(ran, "warning")[0]["text"]
    shell.world.config["locations"][0]["payment_type"] = 5
    assert "99 or 236 TripleSeat" in checks(doctor(shell, "--json"))[0]["remedy"]


def test_a_payment_type_whose_numbers_agree_is_beyond_doubt(shell: Shell) -> None:
    shell.world.revel.state.rows["CustomPaymentType"][236]["payment_type"] = 236
    assert "location.payment_type" not in names(doctor(shell, "--json"), "warning")


def test_a_row_with_nonsense_in_it_does_not_end_the_examination(shell: Shell) -> None:
    shell.world.revel.state.rows["User"][12]["active"] = []
    sites: list[Any] = shell.world.tripleseat.state.sites
    sites.append(None)
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (0, [])


def test_a_station_that_is_out_of_use_is_not_offered(shell: Shell) -> None:
    shell.world.revel.add("PosStation", 22, establishment="/enterprise/Establishment/8/", active=False)
    shell.world.config["locations"][0]["station"] = 77
    assert checks(doctor(shell, "--json"))[0]["remedy"] == "There are: 21 Station."


def test_a_wrong_time_zone_is_found_at_both_services(shell: Shell) -> None:
    shell.world.config["locations"][0]["timezone"] = "America/New_York"
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (10, ["location.timezone", "location.revel_timezone"])
    site, revel = checks(ran)
    assert "TripleSeat's site 15691 says Pacific Time (US & Canada) (America/Los_Angeles)" in site["text"]
    assert "Revel's establishment 8 says America/Los_Angeles" in revel["text"]
    assert 'timezone = "America/Los_Angeles"' in site["remedy"]


@pytest.mark.parametrize("told", ["", "Somewhere Time"])
def test_a_zone_that_cannot_be_told_is_a_doubt(shell: Shell, told: str) -> None:
    shell.world.revel.state.rows["Establishment"][8]["timezone"] = told
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran, "warning")) == (0, ["location.revel_timezone"])


def test_a_charges_product_must_be_on_sale_at_every_establishment(shell: Shell) -> None:
    shell.world.config["charges"] = [{"match": "Service Charge", "as": "item", "product": 8113}]
    ran = doctor(shell, "--json")
    [found] = checks(ran)
    assert (ran.status, found["subject"]) == (10, "Lakeside Bakery")
    assert "charges[Service Charge].product = 8113 is not an active product of establishment 9" in found["text"]
    assert "9113 Service Charge" in found["remedy"]


def test_a_charges_product_name_must_be_in_the_catalogue(shell: Shell) -> None:
    shell.world.config["charges"][0]["product_name"] = "Servis Charge"
    found = checks(doctor(shell, "--json"))
    assert [each["subject"] for each in found] == ["Special Events", "Lakeside Bakery"]
    assert 'charges[Service Charge].product_name = "Servis Charge" names no active product' in found[0]["text"]


def test_a_mapped_product_must_be_on_sale(shell: Shell) -> None:
    mapping = '[[product]]\nestablishment = 8\nname = "Coffee"\nproduct = 8002\n'
    (shell.world.folder / "mappings.toml").write_text(mapping)
    [found] = checks(doctor(shell, "--json"))
    assert (found["name"], found["subject"]) == ("location.mappings", "Special Events")
    assert "'Coffee' is mapped to 8002, not an active product of establishment 8" in found["text"]
    assert "--establishment 8 Coffee PRODUCT --config" in found["remedy"]


def test_a_dining_option_that_is_built_in_is_plausible_at_best(shell: Shell) -> None:
    shell.world.config["locations"][0]["dining_option"] = 3
    ran = doctor(shell, "--json")
    told = next(each for each in ran.answer["checks"] if each["name"] == "location.dining_option")
    assert (told["verdict"], "Revel has no list of them" in told["text"]) == ("ok", True)


def test_a_dining_option_is_sought_on_the_orders_of_its_own_establishment(shell: Shell) -> None:
    shell.world.revel.ignored_filters = {"establishment"}
    shell.world.revel.add("Order", None, establishment="/enterprise/Establishment/9/", dining_option=999)
    shell.world.config["locations"][0]["dining_option"] = 999
    [found] = checks(doctor(shell, "--json"), "warning")
    assert "none of the newest orders of establishment 8 has it; they have 113" in found["text"]


def test_without_an_order_a_dining_option_of_your_own_is_a_doubt(shell: Shell) -> None:
    shell.world.revel.state.rows["Order"].clear()
    found = checks(doctor(shell, "--json"), "warning")
    assert [each["subject"] for each in found] == ["Special Events", "Lakeside Bakery"]
    assert "there are no orders of establishment 8 to compare it with" in found[0]["text"]


@pytest.mark.parametrize("option", [42, 999])
def test_a_dining_option_that_nothing_speaks_for_is_a_doubt(shell: Shell, option: int) -> None:
    shell.world.config["locations"][0]["dining_option"] = option
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran, "warning")) == (0, ["location.dining_option"])


@pytest.mark.parametrize("resource", CORE)
def test_a_single_refused_resource_is_told_by_its_name_and_hides_nothing(shell: Shell, resource: str) -> None:
    shell.world.revel.denied_resources = {resource}
    shell.world.config["locations"][1]["timezone"] = "America/New_York"
    ran = doctor(shell, "--json")
    assert ran.status == 12
    found = checks(ran)
    assert f"the key has no right to {resource}," in found[0]["text"]
    assert "location.timezone" in names(ran)


@pytest.mark.parametrize("resource", LISTS)
def test_a_refused_list_that_no_run_reads_is_a_doubt(shell: Shell, resource: str) -> None:
    shell.world.revel.denied_resources = {resource}
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (0, [])
    [found] = checks(ran, "warning")
    assert f"can't be checked: the key has no right to {resource}," in found["text"]


@pytest.mark.parametrize("resource", LISTS)
def test_a_list_that_revel_does_not_have_cannot_be_checked(shell: Shell, resource: str) -> None:
    shell.world.revel.faults.add("status", "GET", f"/{resource}/", times=None, status=404)
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (0, [])
    assert any("can't be checked" in each["text"] for each in checks(ran, "warning"))


def test_a_wrong_key_is_told_once(shell: Shell) -> None:
    shell.world.config["revel"]["api_secret"] = "planted-wrong"
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (12, ["revel.key"])
    assert "revel.user" in names(ran, "skipped")
    assert "planted" not in ran.out


@pytest.mark.parametrize(("service", "other"), [("revel", "tripleseat.listing"), ("tripleseat", "revel.discount")])
def test_a_service_that_is_down_does_not_hide_the_other(shell: Shell, service: str, other: str) -> None:
    shell.world.wires[service].down = True
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (13, [f"{service}.connection"])
    assert other in names(ran, "ok")


@pytest.mark.parametrize("service", ["revel", "tripleseat"])
def test_nonsense_from_a_service_is_no_good_key(shell: Shell, service: str) -> None:
    getattr(shell.world, service).faults.add("html", "GET", times=None)
    ran = doctor(shell, "--json")
    assert ran.status == 13
    good = "revel.key" if service == "revel" else "tripleseat.token"
    assert good not in names(ran, "ok")


def test_a_dead_refresh_token_asks_for_a_person(shell: Shell) -> None:
    shell.world.tripleseat.expire_access_tokens()
    shell.world.tripleseat.revoke_refresh_token()
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (12, ["tripleseat.token"])
    assert "tsrevel login" in checks(ran)[0]["remedy"]
    assert "revel.discount" in names(ran, "ok")


def test_a_missing_token_file_is_told_and_not_made(shell: Shell) -> None:
    (shell.world.folder / "token.json").unlink()
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (10, ["tripleseat.token"])
    assert not (shell.world.folder / "token.json").exists()


def fill_disk(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    make = tempfile.mkstemp

    def refuse(**given: Any) -> tuple[int, str]:
        if given["prefix"].startswith(".token.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return make(**given)

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    shell.world.tripleseat.expire_access_tokens()


def put_a_folder_in_its_place(shell: Shell, _: pytest.MonkeyPatch) -> None:
    (shell.world.folder / "token.json").unlink()
    (shell.world.folder / "token.json").mkdir(0o700)


def remove_token(shell: Shell, _: pytest.MonkeyPatch) -> None:
    (shell.world.folder / "token.json").unlink()


def empty_token(shell: Shell, _: pytest.MonkeyPatch) -> None:
    (shell.world.folder / "token.json").write_text("{}")


@pytest.mark.parametrize(
    ("harm", "remedy"),
    [
        (fill_disk, "Make room on its disk."),
        (put_a_folder_in_its_place, "Let this user read it."),
        (remove_token, "run `tsrevel login --config {config}` while it runs"),
        (empty_token, "Get one: run `tsrevel login --config {config}`"),
    ],
)
def test_what_is_wrong_with_the_token_file_has_the_same_remedy_as_in_a_run(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Shell, pytest.MonkeyPatch], None], remedy: str
) -> None:
    config = shell.write_config()
    harm(shell, monkeypatch)
    ran = type_doctor(shell, config, "--json")
    [found] = [each for each in checks(ran) if each["name"] == "tripleseat.token"]
    assert remedy.format(config=config) in found["remedy"]
    synced = shell.run("sync", "--config", str(config))
    assert (synced.status, ran.status) == (10, 10)
    assert found["remedy"].partition("`")[0] in synced.err


@pytest.mark.parametrize(
    ("error", "login_helps"),
    [("invalid_grant", True), ("unauthorized_client", False), ("invalid_scope", False), ("invalid_request", False)],
)
def test_only_a_refusal_that_a_new_login_ends_asks_for_one(shell: Shell, error: str, login_helps: bool) -> None:
    shell.world.tripleseat.expire_access_tokens()
    body = json.dumps({"error": error})
    shell.world.tripleseat.faults.add("status", path="/oauth2/token", times=None, status=400, body=body)
    [found] = checks(doctor(shell, "--json"))
    assert (found["name"], "tsrevel login" in found["remedy"]) == ("tripleseat.token", login_helps)


def test_a_wrong_client_secret_asks_for_no_login(shell: Shell) -> None:
    shell.world.tripleseat.expire_access_tokens()
    shell.world.config["tripleseat"]["client_secret"] = "mistyped"
    [found] = checks(doctor(shell, "--json"))
    assert (found["name"], found["remedy"]) == ("tripleseat.token", "Correct what the message names.")
    assert "check tripleseat.client_id and client_secret" in found["text"]


def test_a_renewed_token_is_kept_for_the_next_run(shell: Shell) -> None:
    shell.world.tripleseat.expire_access_tokens()
    assert doctor(shell, "--json").status == 0
    kept = json.loads((shell.world.folder / "token.json").read_text())
    assert kept["refresh_token"] == shell.world.tripleseat.tokens.refresh
    shell.world.tripleseat.expire_access_tokens()
    assert shell.sync("--dry-run").status != 12


def test_a_public_key_does_not_reach_the_events(shell: Shell) -> None:
    seat = shell.world.config["tripleseat"]
    seat |= {"auth": "public_key", "public_key": shell.world.day.public_key}
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (12, ["tripleseat.listing"])
    assert {"tripleseat.sites", "tripleseat.locations"} <= set(names(ran, "ok"))


def test_a_scope_that_is_missing_is_told_by_what_it_keeps_closed(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", "GET", "/v1/sites", times=None, status=403)
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (12, ["tripleseat.sites"])
    assert "location.tripleseat" in names(ran, "ok")


def test_a_location_without_an_event_in_reach_is_a_doubt(shell: Shell) -> None:
    for event in shell.world.day.events:
        if event.location.place.name == "Lakeside Bakery":
            del shell.world.tripleseat.state.events[event.id]
    ran = doctor(shell, "--json")
    [found] = checks(ran, "warning")
    assert (ran.status, found["name"], found["subject"]) == (0, "location.event", "Lakeside Bakery")


def test_events_at_a_place_without_an_entry_are_told(shell: Shell) -> None:
    del shell.world.config["locations"][1]
    ran = doctor(shell, "--json")
    [found] = checks(ran, "warning")
    assert found["name"] == "tripleseat.unmapped"
    assert "30502 Lakeside Bakery" in found["text"]


def test_events_at_a_site_with_the_number_of_an_allowed_location_are_not_told_as_lacking_an_entry(shell: Shell) -> None:
    del shell.world.config["locations"][1]
    for event in shell.world.tripleseat.state.events.values():
        event["site_id"] = 30501 if event["location_id"] == 30502 else event["site_id"]
    shell.world.config["safety"]["allowed_locations"] = [30501]
    assert "tripleseat.unmapped" not in names(doctor(shell, "--json"), "warning")


@pytest.mark.parametrize(
    ("file", "name"), [("config.toml", "file.config"), ("token.json", "file.token"), ("ledger.sqlite3", "file.ledger")]
)
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_can_reach_is_told_with_the_cure(shell: Shell, file: str, name: str, mode: int) -> None:
    shell.sync("--dry-run")
    config = shell.write_config()
    config.chmod(0o600)
    path = shell.world.folder / file
    path.chmod(mode)
    ran = type_doctor(shell, config, "--json")
    [found] = checks(ran)
    assert (ran.status, found["name"], found["remedy"]) == (10, name, f"Run `chmod 600 {path}`.")
    assert f"{mode:04o}" in found["text"]


def test_a_cure_can_be_copied_whatever_the_path(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.world.folder = shell.world.folder / "my dir"
    shell.world.folder.mkdir()
    path = shell.write_config().rename(shell.world.folder / "co's.toml")
    path.chmod(0o644)
    monkeypatch.chdir(shell.world.folder)
    [found] = checks(type_doctor(shell, Path(path.name), "--json"))
    command = found["remedy"].removeprefix("Run `").removesuffix("`.")
    assert shlex.split(command) == ["chmod", "600", str(path)]


def test_no_mode_is_blamed_for_a_file_system_that_is_mounted_read_only(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.sync("--dry-run")
    mount_read_only(monkeypatch)
    [found] = [each for each in checks(doctor(shell, "--json")) if each["name"] == "file.ledger"]
    assert found["remedy"] == "Its file system is read-only; mount it writable, or set ledger.path."


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_secrets_own_file_is_looked_at_and_then_the_config_may_be_read(shell: Shell, mark: bytes) -> None:
    revel, seat = shell.world.config["revel"], shell.world.config["tripleseat"]
    for section, key in ((revel, "api_key"), (revel, "api_secret"), (seat, "client_secret")):
        path = shell.world.folder / key
        path.write_text(section.pop(key))
        path.chmod(0o600)
        section[f"{key}_file"] = key
    del shell.world.config["monitor"]
    config = shell.write_config()
    config.write_bytes(mark + config.read_bytes())
    config.chmod(0o644)
    assert names(type_doctor(shell, config, "--json")) == []
    (shell.world.folder / "api_secret").chmod(0o644)
    [found] = checks(type_doctor(shell, config, "--json"))
    assert (found["name"], str(shell.world.folder / "api_secret") in found["text"]) == ("file.secret", True)


def test_a_damaged_ledger_outweighs_everything(shell: Shell) -> None:
    shell.sync("--dry-run")
    path = shell.world.folder / "ledger.sqlite3"
    path.write_bytes(path.read_bytes()[:9000])
    shell.world.config["revel"]["api_key"] = "wrong"
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (14, ["ledger", "revel.key"])
    told = checks(ran)[0]
    assert (told["text"].count("restore a backup"), told["remedy"]) == (1, "")  # one advice, not two


def test_a_ledger_of_the_other_environment_is_told(shell: Shell) -> None:
    shell.sync("--dry-run")
    config = shell.write_config()
    text = config.read_text().replace('environment = "sandbox"', 'environment = "production"')
    config.write_text(
        text.replace("http://127.0.0.1:8001", "https://seat.example").replace("127.0.0.1:8002", "r.example")
    )
    config.write_text(config.read_text().replace("http://r.example", "https://r.example"))
    config.write_text(config.read_text().replace("http://127.0.0.1:9/", "https://monitor.example/"))
    config.chmod(0o600)
    ran = type_doctor(shell, config, "--json")
    assert (ran.status, names(ran)) == (10, ["ledger"])
    assert "belongs to the sandbox environment" in checks(ran)[0]["text"]


def test_a_run_at_work_is_a_warning_and_its_lock_stays(shell: Shell) -> None:
    with shell.world.open_run():
        ran = doctor(shell, "--json")
        assert (ran.status, names(ran, "warning")) == (0, ["lock"])


def test_nothing_is_written_anywhere(shell: Shell) -> None:
    shell.sync()
    config = shell.write_config()
    config.chmod(0o600)
    before = contents(shell.world.folder)
    writes = list(shell.world.writes)
    assert type_doctor(shell, config, "--json").status == 0
    assert contents(shell.world.folder) == before
    assert shell.world.writes == writes
    assert {each.method for each in shell.world.tripleseat.requests} == {"GET"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def spoil(shell: Shell, before: str, after: str) -> Path:
    config = shell.write_config()
    config.write_text(config.read_text().replace(before, after, 1))
    config.chmod(0o600)
    return config


def test_every_config_problem_is_a_line_and_the_rest_is_looked_at(shell: Shell) -> None:
    config = spoil(shell, 'timezone = "America/Los_Angeles"', 'timezone = "Mars/Base"\nusr = 3')
    ran = type_doctor(shell, config, "--json")
    assert (ran.status, names(ran)) == (10, ["config", "config"])
    assert {"location.timezone", "location.revel_timezone"} <= set(names(ran, "skipped"))
    assert {"revel.discount", "tripleseat.listing", "location.user"} <= set(names(ran, "ok"))


def test_a_service_whose_address_is_wrong_is_not_asked(shell: Shell) -> None:
    config = spoil(shell, 'base_url = "http://127.0.0.1:8002"', 'base_url = "ftp://127.0.0.1"')
    ran = type_doctor(shell, config, "--json")
    assert (ran.status, names(ran)) == (10, ["config"])
    assert "tripleseat.listing" in names(ran, "ok")
    assert len(shell.world.revel.requests) == 0


def test_without_a_config_nothing_is_asked(shell: Shell) -> None:
    ran = type_doctor(shell, shell.world.folder / "nowhere.toml", "--json")
    assert (ran.status, set(names(ran))) == (10, {"config"})
    assert shell.requests == 0
    assert "no settings file was found" not in ran.out  # that the one that was named isn't there is said


def test_that_no_settings_file_was_found_is_said(shell: Shell) -> None:
    ran = shell.run("doctor")
    assert ran.status == 10
    assert "no settings file was found. Run `tsrevel init` to write one, or name yours with --config FILE." in ran.out


def test_the_kill_switch_means_no_network_here_too(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    ran = doctor(shell, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"], shell.requests) == (3, False, 3, 0)
    assert ran.answer["reason"] == "CONNECTOR_DISABLED"
    assert names(ran, "warning") == ["safety"]
    assert names(ran, "problem") == []
    for manner in ((), ("-q",)):
        said = doctor(shell, *manner).out.splitlines()[-1]
        assert "No service was checked: the connector is disabled (safety.enable_connector)" in said


def test_a_worse_problem_is_told_by_its_own_status_though_switched_off(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    shell.environ["TSREVEL_TIME_GATE__OPENS_AT"] = "24:00"
    assert doctor(shell, "--json").status == 10


def test_neither_while_runs_are_paused(shell: Shell) -> None:
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    ran = doctor(shell, "--json")
    assert (ran.status, ran.answer["success"], shell.requests) == (3, False, 0)
    assert "safety" in names(ran, "warning")
    assert "tripleseat.connection" in names(ran, "skipped")
    last = doctor(shell).out.splitlines()[-1]
    assert "stocktaking" in last
    assert "`tsrevel resume --config " in last
    told = ESCAPES.sub("", doctor(shell, tty=True).out).splitlines()
    assert_fits(told, 80)
    assert "2026-12-12 10:00 PST" in " ".join(told[-4:])


WRONG_WAYS_OUT = {
    "HTTPS_PROXY": "socks5://proxy.example.com:1080",
    "https_proxy": "://",
    "ALL_PROXY": "ftp://proxy.example.com",
    "SSL_CERT_FILE": "/no/such/file",
    "SSL_CERT_DIR": "/no/such/folder",
}


@pytest.mark.parametrize("variable", WRONG_WAYS_OUT)
def test_a_wrong_proxy_or_certificate_leaves_no_other_check_out(shell: Shell, variable: str) -> None:
    every_name = [each["name"] for each in doctor(shell, "--json").answer["checks"]]
    shell.world.forget_requests()
    shell.environ[variable] = WRONG_WAYS_OUT[variable]
    ran = doctor(shell, "--json")
    assert (ran.status, shell.requests, ran.err) == (10, 0, "")
    assert [each["name"] for each in ran.answer["checks"]] == every_name
    assert [variable in each["text"] for each in checks(ran)] == [True]
    assert {"tripleseat.connection", "revel.connection"} <= {*names(ran, "skipped")}
    text = doctor(shell)
    assert (text.status, text.err) == (10, "")
    assert text.lines[-1].endswith("(exit status 10).")


def no_problem(shell: Shell) -> None:
    """As it is."""


def a_problem(shell: Shell) -> None:
    shell.world.config["locations"][0]["user"] = 99


@pytest.mark.parametrize("change", [no_problem, a_problem])
@pytest.mark.parametrize("columns", [80, 100])
def test_no_line_is_wider_than_the_terminal(shell: Shell, change: Callable[[Shell], None], columns: int) -> None:
    change(shell)
    lines = ESCAPES.sub("", doctor(shell, tty=True, columns=columns).out).splitlines()
    assert_fits(lines, columns)


def test_a_person_reads_verdict_name_text_and_what_to_do(shell: Shell) -> None:
    a_problem(shell)
    text = ESCAPES.sub("", doctor(shell, tty=True).out)
    assert "  problem  user              locations[Special Events].user = 99:" in text
    assert "-> There are: 12." in text
    assert text.splitlines()[-1].endswith("1 problem, 3 skipped. Fix the problems first (exit status 10).")


def test_off_a_terminal_each_check_is_one_line(shell: Shell) -> None:
    ran = doctor(shell)
    assert "ok       location.user [Special Events]: user 12 is active" in ran.lines
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("tty", [False, True])
def test_quiet_tells_problems_alone(shell: Shell, tty: bool) -> None:
    assert doctor(shell, "-q", tty=tty).out == ""
    a_problem(shell)
    out = doctor(shell, "-q", tty=tty).out
    assert "99" in out
    assert "ok " not in out


def test_no_secret_and_no_person_is_ever_told(shell: Shell) -> None:
    world = shell.world
    secrets = [world.day.client_secret, world.day.api_key, world.day.api_secret, "planted-monitor", "catering.api"]
    token = json.loads((world.folder / "token.json").read_text())
    secrets += [token["access_token"], token["refresh_token"]]
    secrets += [event.name for event in world.day.events]
    for change in (no_problem, a_problem):
        change(shell)
        for argv in (["--json"], ["-vv"], ["-vv", "--log-format", "json"]):
            ran = doctor(shell, *argv)
            assert [secret for secret in secrets if secret in ran.out + ran.err] == []


def test_an_allowed_location_without_an_entry_is_a_fault_of_the_settings(shell: Shell) -> None:
    config = shell.write_config()
    config.write_text(config.read_text().replace("dry_run = false", "allowed_locations = [30501, 39999]"))
    ran = type_doctor(shell, config, "--json")
    told = [each["text"] for each in checks(ran) if each["name"] == "config"]
    assert (ran.status, sum("names 39999," in each for each in told)) == (10, 1)


def test_what_no_order_needs_is_not_asked_of_the_key(shell: Shell) -> None:
    shell.world.config["orders"] = {"payments": "none", "discounts": "prices"}
    shell.world.revel.denied_resources = {"Discount", "CustomPaymentType"}
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (0, [])
    assert {"revel.discount", "location.discount", "revel.payment_type"} <= set(names(ran, "skipped"))


@pytest.mark.parametrize("key", ["payment_type", "discount"])
def test_an_id_that_is_left_out_is_a_doubt(shell: Shell, key: str) -> None:
    shell.world.config["locations"][0][key] = 0
    [found] = checks(doctor(shell, "--json"), "warning")
    assert (found["name"], f"{key} isn't set" in found["text"]) == (f"location.{key}", True)


def test_a_fallback_that_is_wanted_must_be_named(shell: Shell) -> None:
    shell.world.config["orders"] = {"unmapped_items": "fallback"}
    shell.world.config["locations"][1]["fallback_product"] = 9101
    [found] = checks(doctor(shell, "--json"))
    assert (found["name"], found["verdict"]) == ("config", "problem")
    assert "locations[Special Events].fallback_product" in found["text"]


def test_a_token_that_nobody_stands_behind_is_told_as_such(shell: Shell) -> None:
    shell.world.config["tripleseat"]["auth"] = "client_credentials"
    shell.world.tripleseat.client_credentials = "ownerless"
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (12, ["tripleseat.token"])
    assert "token belongs to no user" in checks(ran)[0]["text"]


def test_rows_past_the_first_page_count(shell: Shell) -> None:
    for number in range(500, 800):
        shell.world.revel.add("Discount", number, name=f"Other {number}")
    assert names(doctor(shell, "--json")) == []


def test_a_filter_that_revel_ignores_hides_no_wrong_station(shell: Shell) -> None:
    shell.world.revel.ignored_filters = {"establishment"}
    shell.world.config["locations"][0]["station"] = 31
    assert names(doctor(shell, "--json")) == ["location.station"]


def told_of_runs(shell: Shell) -> Check:
    found: Check = next(each for each in doctor(shell, "--json").answer["checks"] if each["name"] == "runs")
    return found


def test_a_schedule_whose_runs_stopped_is_a_problem(shell: Shell) -> None:
    assert told_of_runs(shell)["verdict"] == "skipped"
    shell.sync()
    assert (told_of_runs(shell)["name"], told_of_runs(shell)["verdict"]) == ("runs", "ok")
    shell.world.time.move(hours=3)
    assert told_of_runs(shell)["verdict"] == "ok"
    shell.world.time.move(days=10)
    ran = doctor(shell, "--json")
    assert (ran.status, names(ran)) == (3, ["runs"])
    assert "the last 10 days" in checks(ran)[-1]["text"]


def test_a_schedule_whose_runs_all_fail_is_a_problem_by_the_status_of_the_last(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "GET", times=None, status=403)
    assert shell.sync().status == 12
    assert told_of_runs(shell)["verdict"] == "ok"
    shell.world.time.move(hours=5)
    assert shell.sync().status == 12
    found = told_of_runs(shell)
    assert found["verdict"] == "problem"
    assert "ended with exit status 12" in found["text"]


def test_a_schedule_whose_runs_all_leave_events_out_is_a_problem_that_says_so(shell: Shell) -> None:
    shell.world.at("after POST .*/OrderHistory/", lambda: shell.world.time.move(minutes=29, seconds=10))
    assert shell.sync().status == 0
    shell.world.time.move(hours=4)
    found = told_of_runs(shell)
    assert (found["verdict"], "0, and left events out" in found["text"]) == ("problem", True)


def test_runs_that_were_paused_until_now_did_not_stop(shell: Shell) -> None:
    shell.sync()
    shell.run("pause", "--config", str(shell.write_config()))
    shell.world.time.move(days=10)
    shell.run("resume", "--config", str(shell.write_config()))
    assert told_of_runs(shell)["verdict"] == "ok"
    shell.world.time.move(hours=4)
    assert told_of_runs(shell)["verdict"] == "problem"


@pytest.mark.parametrize("stop", ["dry", "paused", "no crontab"])
def test_nobody_expects_runs_that_are_stopped_or_not_scheduled(shell: Shell, stop: str) -> None:
    shell.sync()
    shell.world.time.move(days=10)
    if stop == "dry":
        shell.world.config["safety"]["dry_run"] = True
    elif stop == "paused":
        shell.run("pause", "--config", str(shell.write_config()))
    else:
        shell.environ["PATH"] = "/nowhere"
    assert told_of_runs(shell)["verdict"] == "skipped"


@pytest.mark.parametrize(
    ("table", "end", "verdict"),
    [
        ("MAILTO=ops@example.com", "", "skipped"),
        ("", " 2>/dev/null", "skipped"),
        ("", " 2>&1 | mail ops@example.com", "skipped"),
        ('MAILTO=""', "", "warning"),
        ("", " >/dev/null 2>&1", "warning"),
        ("", " >>/var/log/tsrevel.log", "warning"),
        ("", " 1> out", "warning"),
        ("", " &>/dev/null", "warning"),
    ],
)
def test_a_schedule_that_mails_nobody_needs_mails_of_tsrevel(shell: Shell, table: str, end: str, verdict: str) -> None:
    crontab = shell.world.folder / "bin" / "crontab"
    line = crontab.read_text().splitlines()[1].removeprefix("echo '").removesuffix("'")
    crontab.write_text(f"#!/bin/sh\nprintf '%s\\n' '{table}' '{line}{end}'\n")
    ran = doctor(shell, "--json")
    assert ran.status == 0
    assert "email" in names(ran, verdict)
    shell.world.config["hooks"] = {"on_held": "/bin/true"}
    assert "email" in names(doctor(shell, "--json"), "skipped")


def test_neither_systemd_nor_serve_mails_anybody(shell: Shell) -> None:
    shell.world.config["serve"] = {"sync_every_minutes": 45}
    ran = doctor(shell, "--json")
    assert names(ran, "warning") == ["schedule", "email"]
    assert "runs by serve.sync_every_minutes mail no output" in checks(ran, "warning")[1]["text"]

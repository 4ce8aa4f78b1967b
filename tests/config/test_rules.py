"""What the settings refuse: each value by itself, and what doesn't agree with another."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from tsrevel.config import is_loopback
from tsrevel.config.problems import Origin, Source
from tsrevel.config.render import encode_settings
from tsrevel.config.settings import suggest
from tsrevel.config.value_types import check_template, decode_clock, decode_money, url_of_domain
from tsrevel.errors import ConfigCode
from tsrevel.text import clean_text

from .bench import SOUND, Bench

PLACE: dict[str, Any] = {"name": "Bakery", "tripleseat_location": 30501, "revel_establishment": 8}


def test_every_problem_is_told_at_once_with_key_origin_and_remedy(bench: Bench) -> None:
    changes = {
        "timezone": "Nowhere/Land",
        "sync": {"workers": 0, "huors_back": 5},
        "revel": {"api_key": None},
        "locations": [PLACE | {"timezone": "Mars"}, PLACE],
    }
    problems = bench.problems(changes, env={"DRY_RUN": "perhaps"}, overrides={"sync.deadline_minutes": -1})
    assert {(problem.key, problem.origin) for problem in problems} == {
        ("timezone", "config.toml"),
        ("sync.workers", "config.toml"),
        ("sync.huors_back", "config.toml"),
        ("revel.api_key", "default"),
        ("locations[Bakery, #1].timezone", "config.toml"),
        ("locations[Bakery, #2]", "config.toml"),
        ("safety.dry_run", "environment DRY_RUN"),
        ("sync.deadline_minutes", "flag --deadline-minutes"),
    }
    assert all(problem.message and problem.remedy.endswith((".", "?")) for problem in problems)


def test_an_entry_that_lacks_what_it_needs_most_still_tells_all_else_that_is_wrong_with_it(bench: Bench) -> None:
    problems = bench.problems({
        "revel": {"user": None, "station": None},
        "locations": [{"name": "Bakery", "revel_establishment": 0}, {"name": "Bar", "tripleseat_location": 30501}],
        "charges": [{"match": "Tip", "as": "weird"}, {"match": " tip", "as": "gratuity", "product": 5}],
    })  # fmt: skip
    assert {(problem.key, problem.code) for problem in problems} == {
        ("locations[Bakery].revel_establishment", ConfigCode.OUT_OF_RANGE),
        ("locations[Bakery]", ConfigCode.PLACE_REQUIRED),
        ("locations[Bakery].user", ConfigCode.NOT_SET),
        ("locations[Bakery].station", ConfigCode.NOT_SET),
        ("locations[Bar].revel_establishment", ConfigCode.NOT_SET),
        ("locations[Bar].user", ConfigCode.NOT_SET),
        ("locations[Bar].station", ConfigCode.NOT_SET),
        ("charges[Tip].as", ConfigCode.UNKNOWN_WORD),
        ("charges[ tip]", ConfigCode.PRODUCT_NOT_ALLOWED),
        ("charges[ tip]", ConfigCode.DUPLICATE_ENTRY),
    }


def test_entries_without_their_first_word_are_called_by_number(bench: Bench) -> None:
    problems = bench.problems({"charges": [{"as": "item"}]})
    assert {problem.key for problem in problems} == {"charges[#1].match", "charges[#1]"}


def test_entries_of_one_name_are_told_apart_by_their_numbers(bench: Bench) -> None:
    entry = {"name": "Coffee", "product": "x"}
    both = [entry | {"establishment": 8}, entry | {"establishment": 9}]
    bench.write(tomli_w.dumps({"product": [*both, {"menu_item_id": 7, "product": 5}]}), "mappings.toml")
    assert [problem.key for problem in bench.problems()] == [
        "product[Coffee, #1].product",
        "product[Coffee, #2].product",
        "product[7].establishment",
    ]


def test_a_misspelt_key_isnt_missed_as_well(bench: Bench) -> None:
    bench.write(tomli_w.dumps({"product": [{"establishment": 8, "nam": "Cake", "product": 5}]}), "mappings.toml")
    assert bench.problem().key == "product[#1].nam"


def test_a_mapping_without_its_product_still_has_its_other_faults_told(bench: Bench) -> None:
    bench.write('[[product]]\nestablishment = 8\n[[product]]\nname = "Cake"\nmenu_item_id = 4\n', "mappings.toml")
    assert [problem.key for problem in bench.problems()] == [
        "product[#1].product",
        "product[Cake].establishment",
        "product[Cake].product",
        "product[#1]",
        "product[Cake]",
    ]


@pytest.mark.parametrize(
    ("section", "name", "value", "code"),
    [
        ("safety", "dry_run", "yes", ConfigCode.WRONG_TYPE),
        ("safety", "dry_run", 1, ConfigCode.WRONG_TYPE),
        ("safety", "allowed_locations", 30501, ConfigCode.WRONG_TYPE),
        ("safety", "allowed_locations", [1, "site"], ConfigCode.WRONG_TYPE),
        ("safety", "allowed_locations", [0], ConfigCode.OUT_OF_RANGE),
        ("safety", "allowed_locations", [10**18], ConfigCode.OUT_OF_RANGE),
        ("safety", "accepted_assumptions", ["REVEL_FOO"], ConfigCode.UNKNOWN_WORD),
        ("safety", "max_orders_per_run", 0, ConfigCode.OUT_OF_RANGE),
        ("safety", "max_orders_per_run", Decimal("1.5"), ConfigCode.WRONG_TYPE),
        ("safety", "max_order_total", "12.345", ConfigCode.MALFORMED_AMOUNT),
        ("tripleseat", "auth", "oauth1", ConfigCode.UNKNOWN_WORD),
        ("tripleseat", "client_id", 7, ConfigCode.WRONG_TYPE),
        ("tripleseat", "eligible_statuses", [], ConfigCode.EMPTY),
        ("tripleseat", "eligible_statuses", ["LOST"], ConfigCode.UNKNOWN_WORD),
        ("tripleseat", "eligible_statuses", [3], ConfigCode.UNKNOWN_WORD),
        ("tripleseat", "base_url", "http://api.tripleseat.com", ConfigCode.HTTPS_REQUIRED),
        ("tripleseat", "authorize_url", "login.tripleseat.com", ConfigCode.MALFORMED_URL),
        ("tripleseat", "requests_per_second", 0, ConfigCode.OUT_OF_RANGE),
        ("tripleseat", "requests_per_second", True, ConfigCode.WRONG_TYPE),
        ("revel", "requests_per_second", Decimal("inf"), ConfigCode.WRONG_TYPE),
        ("revel", "user", -1, ConfigCode.OUT_OF_RANGE),
        ("revel", "station", True, ConfigCode.WRONG_TYPE),
        ("revel", "station", 10**18, ConfigCode.OUT_OF_RANGE),
        ("revel", "domain", "acme corp", ConfigCode.MALFORMED_DOMAIN),
        ("revel", "domain", "acme.revelup.com/resources", ConfigCode.MALFORMED_DOMAIN),
        ("revel", "domain", "http://acme.revelup.com", ConfigCode.HTTPS_REQUIRED),
        ("time_gate", "days_before", -1, ConfigCode.OUT_OF_RANGE),
        ("time_gate", "days_after", "1", ConfigCode.WRONG_TYPE),
        ("time_gate", "opens_at", "24:00", ConfigCode.MALFORMED_TIME),
        ("time_gate", "opens_at", time(7, 30), ConfigCode.MALFORMED_TIME),
        ("sync", "hours_back", 0, ConfigCode.OUT_OF_RANGE),
        ("sync", "workers", 33, ConfigCode.OUT_OF_RANGE),
        ("sync", "deadline_minutes", 0, ConfigCode.OUT_OF_RANGE),
        ("orders", "local_id", "Triple Seat", ConfigCode.MALFORMED_LOCAL_ID),
        ("orders", "legacy_local_ids", ["{event_id}", "{id}"], ConfigCode.MALFORMED_LOCAL_ID),
        ("orders", "unmapped_items", "drop", ConfigCode.UNKNOWN_WORD),
        ("orders", "payments", "all", ConfigCode.UNKNOWN_WORD),
        ("orders", "discounts", "lines", ConfigCode.UNKNOWN_WORD),
        ("orders", "name_separator", 5, ConfigCode.WRONG_TYPE),
        ("tripleseat", "event_url", "https://login.example.com/events/", ConfigCode.MALFORMED_URL),
        ("tripleseat", "event_url", "https://login.example.com/{event_id}/{name}", ConfigCode.MALFORMED_URL),
        ("tripleseat", "event_url", 'https://login.example.com/{event_id}"x', ConfigCode.MALFORMED_URL),
        ("tripleseat", "event_url", "https://{event_id} example.com/", ConfigCode.MALFORMED_URL),
        ("tripleseat", "event_url", "javascript:alert({event_id})", ConfigCode.MALFORMED_URL),
        ("tripleseat", "event_url", "http://login.example.com/{event_id}", ConfigCode.HTTPS_REQUIRED),
        ("email", "sender", "nobody", ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "reply_to", "nobody", ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "sender_name", "tsrevel\r\nBcc: a@example.com", ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", ["a@example.com", ""], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "sender", "orders@localhost", ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "sender", "first..last@example.com", ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", [".a@example.com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", ["küche@example.com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", ["a@example..com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", ["a@b@example.com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", [f"{'a' * 65}@example.com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "recipients", ["a@example.com,b@example.com"], ConfigCode.MALFORMED_MAIL_ADDRESS),
        ("email", "on", ["won"], ConfigCode.UNKNOWN_WORD),
        ("revel", "api_key", "replace-me", ConfigCode.PLACEHOLDER),
        ("revel", "api_secret", " replace-me ", ConfigCode.PLACEHOLDER),
        ("tripleseat", "client_id", "example-client-id", ConfigCode.PLACEHOLDER),
        ("tripleseat", "client_secret", "replace-me", ConfigCode.PLACEHOLDER),
        ("monitor", "ping_url", "https://ping.example.com/x#y", ConfigCode.MALFORMED_URL),
        ("monitor", "ping_url", "https://ping.example.com/x?y=1 2", ConfigCode.MALFORMED_URL),
        ("monitor", "ping_url", "https://ping.example.com/x?y=1#z", ConfigCode.MALFORMED_URL),
        ("monitor", "fail_on_held", "yes", ConfigCode.WRONG_TYPE),
        ("ledger", "path", 3, ConfigCode.WRONG_TYPE),
    ],
)
def test_a_value_that_does_not_fit_is_a_problem(
    bench: Bench, section: str, name: str, value: object, code: ConfigCode
) -> None:
    problem = bench.problem({section: {name: value}})
    assert (problem.code, problem.key, problem.origin) == (code, f"{section}.{name}", "config.toml")


def test_an_address_of_a_monitor_is_asked_for_as_the_monitor_shows_it(bench: Bench) -> None:
    problem = bench.problem({"monitor": {"ping_url": "hc-ping.com/0815"}})
    assert (problem.code, problem.remedy) == (ConfigCode.MALFORMED_URL, "Write the address as the monitor shows it.")


@pytest.mark.parametrize("address", ["a@example.com", "first.last+pos@mail.example.co.uk", "o'neill@x-y.example"])
def test_an_ordinary_mail_address_is_taken(bench: Bench, address: str) -> None:
    assert bench.load({"email": {"recipients": [address]}}).email.recipients == (address,)


def test_the_entry_of_a_list_that_does_not_fit_is_named_by_its_number(bench: Bench) -> None:
    assert "entry 2 " in bench.problem({"safety": {"allowed_locations": [1, "site"]}}).message
    assert "entry 1 " in bench.problem({"email": {"on": ["won"]}}).message


@pytest.mark.parametrize("zone", ["", "America", "Pacific Time (US & Canada)", "../etc/passwd", "America/Los_Angelos"])
def test_only_zones_that_this_machine_knows_are_zones(bench: Bench, zone: str) -> None:
    problem = bench.problem({"timezone": zone})
    assert (problem.key, problem.code) == ("timezone", ConfigCode.UNKNOWN_TIMEZONE)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://x.example.com/events/{event_id}?tab=1",
        "https://x.example.com/#/events/{event_id}",
        "http://127.0.0.1:8/{event_id}",
    ],
)
def test_a_link_to_an_event_may_be_any_address_or_none(bench: Bench, url: str) -> None:
    assert bench.load({"tripleseat": {"event_url": url}}).tripleseat.event_url == url


@pytest.mark.parametrize("word", ["development", "test", "PRODUCTION"])
def test_the_old_env_knows_two_words_only(bench: Bench, word: str) -> None:
    problem = bench.problem(env={"ENV": word})
    assert (problem.code, problem.key, problem.origin) == (ConfigCode.UNKNOWN_WORD, "environment", "environment ENV")
    assert "'production' or 'sandbox'" in problem.remedy


@pytest.mark.parametrize(
    ("document", "key", "remedy"),
    [
        ({"sync": {"hour_back": 1}}, "sync.hour_back", "Did you mean sync.hours_back?"),
        ({"dry_run": True}, "dry_run", "Did you mean safety.dry_run?"),
        ({"reveal": {"user": 1}}, "reveal", "Did you mean revel?"),
        ({"zzz": 1}, "zzz", "Remove it. config.example.toml lists every setting."),
        ({"ledger_path": "x"}, "ledger_path", "Did you mean ledger.path?"),
    ],
)
def test_an_unknown_key_is_a_problem_with_a_guess(
    bench: Bench, document: dict[str, Any], key: str, remedy: str
) -> None:
    problem = bench.problem(document)
    assert (problem.key, problem.code, problem.remedy) == (key, ConfigCode.UNKNOWN_KEY, remedy)


def test_an_unknown_key_of_an_entry_is_a_problem_with_a_guess(bench: Bench) -> None:
    problem = bench.problem({"locations": [PLACE | {"establishment": 8}]})
    assert problem.key == "locations[Bakery].establishment"
    assert problem.remedy == "Did you mean revel_establishment?"
    problem = bench.problem({"charges": [{"match": "Tax", "as": "tax", "treat_as": "tax"}]})
    assert problem.key == "charges[Tax].treat_as"


def test_an_unknown_flag_is_a_problem(bench: Bench) -> None:
    assert bench.problem(overrides={"sync.nonsense": 1}).origin == "flag --nonsense"


def test_a_section_must_be_a_section_and_tables_a_list(bench: Bench) -> None:
    for key, value in {"sync": 5, "locations": PLACE, "charges": ["Tax"]}.items():
        problem = bench.problem({key: value})
        assert (problem.code, problem.key) == (ConfigCode.WRONG_TYPE, key)
    assert bench.problem({"locations": [5]}).key == "locations"


def test_broken_toml_is_told_with_its_line_and_nothing_that_follows_from_it(bench: Bench) -> None:
    (problem,) = bench.problems_of_text("[revel]\ndomain = acme\n")
    assert (problem.code, problem.key) == (ConfigCode.NOT_TOML, "config")
    assert "at line 2, column 10" in problem.message
    (problem,) = bench.problems_of_text('[revel]\ndomain = "acme')
    assert problem.code is ConfigCode.NOT_TOML


@pytest.mark.parametrize(
    "text",
    [
        '[revel]\napi_key = "PLANTED"\napi_key = "PLANTED"\n',
        '[email]\nrecipients = ["PLANTED"]\nrecipients = [\n  "a@example.com",\n  "PLANTED",\n]\n',
        "[safety]\r\n[safety]\r\n",
        "sync = {workers = 1, workers = 2}\n",
        'timezone = "PLANTED\n[sync]\n',
        'timezone = "PLANTED',
    ],
)
def test_a_fault_of_toml_is_told_without_a_value(bench: Bench, text: str) -> None:
    (problem,) = bench.problems_of_text(text)
    assert problem.code is ConfigCode.NOT_TOML
    assert "PLANTED" not in f"{problem.message}{problem.remedy}"


def test_a_file_that_is_no_text_or_cannot_be_read_is_a_problem(bench: Bench) -> None:
    path = bench.write("", "home/.config/tsrevel/config.toml")
    path.write_bytes(b"\xff\xfe")
    (problem,) = bench.problems_of_text(None)
    assert problem.code is ConfigCode.FILE_NOT_TEXT
    bench.environ["TSREVEL_CONFIG"] = str(bench.folder / ("long" * 100))
    (problem,) = bench.problems_of_text(None)
    assert problem.code is ConfigCode.FILE_UNREADABLE


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_settings_in_utf_16_are_told_as_such(bench: Bench, encoding: str) -> None:
    path = bench.write("", "home/.config/tsrevel/config.toml")
    path.write_bytes(tomli_w.dumps(SOUND).encode(encoding))
    (problem,) = bench.problems_of_text(None)
    assert (problem.code, problem.key) == (ConfigCode.FILE_NOT_TEXT, "config")
    assert "it holds UTF-16 text" in problem.message


def test_a_byte_order_mark_is_no_part_of_the_settings_nor_of_the_mappings(bench: Bench) -> None:
    mapping = '[[product]]\nestablishment = 8\nname = "Latte"\nproduct = 5001\n'
    bench.write("\ufeff" + mapping, "mappings.toml")
    assert bench.load_text("\ufeff" + tomli_w.dumps(SOUND)).products[0].product == 5001


@pytest.mark.parametrize("value", ["9" * 5000, "1e99999999999999999999", "[" * 5000 + "]" * 5000])
def test_a_value_that_no_setting_has_is_a_problem(bench: Bench, value: str) -> None:
    (problem,) = bench.problems_of_text(f"[revel]\nuser = {value}\n")
    assert problem.key in {"config", "revel.user"}
    assert value not in str(problem)


# Services


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/api/v1", "/api/v1/", "/V1", "//", " ", "\n"])
def test_what_is_put_behind_tripleseats_address_may_stand_there_already(bench: Bench, path: str) -> None:
    loaded = bench.load({"tripleseat": {"base_url": f"https://api.tripleseat.com{path}"}})
    assert loaded.tripleseat.base_url == "https://api.tripleseat.com"
    assert loaded.token_url == "https://api.tripleseat.com/oauth2/token"
    below = bench.load({"tripleseat": {"base_url": f"https://proxy.example.com/seat{path}"}})
    assert below.tripleseat.base_url == "https://proxy.example.com/seat"


@pytest.mark.parametrize("path", ["/resources", "/resources/", "/Resources", "/"])
def test_what_is_put_behind_revels_address_may_stand_there_already(bench: Bench, path: str) -> None:
    loaded = bench.load({"revel": {"domain": "acme", "base_url": f"https://acme.revelup.com{path}"}})
    assert loaded.revel_url == "https://acme.revelup.com"


def test_what_is_put_behind_sendgrids_address_may_stand_there_already(bench: Bench) -> None:
    for path in ("/v3", "/v3/mail/send", "/v3/"):
        loaded = bench.load({"email": {"base_url": f"https://api.sendgrid.com{path}"}})
        assert loaded.email.base_url == "https://api.sendgrid.com"


@pytest.mark.parametrize("behind", ["/v1?key=1", "?", "#", "/v1#top", "/v1 /x"])
def test_a_base_url_with_a_query_is_a_problem(bench: Bench, behind: str) -> None:
    problem = bench.problem({"tripleseat": {"base_url": f"https://api.tripleseat.com{behind}"}})
    assert (problem.key, problem.code) == ("tripleseat.base_url", ConfigCode.MALFORMED_URL)


HERE = [
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0"),  # noqa: S104
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost", "LOCALHOST", "seat.localhost"),
]


@pytest.mark.parametrize("host", HERE)
def test_production_reaches_this_machine_by_no_spelling(bench: Bench, host: str) -> None:
    for scheme in ("http", "https"):
        for section in ("tripleseat", "revel"):
            url = {section: {"domain": None, "base_url": f"{scheme}://{host}:8001"}}
            assert f"{section}.base_url" in {each.key for each in bench.problems(url)}


@pytest.mark.parametrize("host", HERE)
def test_the_sandbox_may_be_reached_by_any_spelling_of_this_machine(bench: Bench, host: str) -> None:
    url = f"http://{host}:8001"
    here = {"environment": "sandbox", "tripleseat": {"base_url": url}, "revel": {"domain": None, "base_url": url}}
    assert bench.load(here).tripleseat.base_url == url


@pytest.mark.parametrize(
    "host",
    [
        "128.1",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "notlocalhost",
        "[::2]",
        "[::ffff:10.0.0.1]",
        "3232235521",
    ],
)
def test_the_sandbox_reaches_no_other_machine(bench: Bench, host: str) -> None:
    url = f"https://{host}"
    there = {"environment": "sandbox", "tripleseat": {"base_url": url}, "revel": {"domain": None, "base_url": url}}
    assert {"tripleseat.base_url", "revel.base_url"} <= {each.key for each in bench.problems(there)}


def test_a_revel_domain_may_be_written_in_three_ways(bench: Bench) -> None:
    for domain in ("acme", "acme.revelup.com", "https://acme.revelup.com", "https://ACME.revelup.com/"):
        assert bench.load({"revel": {"domain": domain}}).revel_url == "https://acme.revelup.com"


def test_base_url_and_domain_may_only_say_the_same(bench: Bench) -> None:
    same = {"revel": {"base_url": "https://acme.revelup.com/"}}
    assert bench.load(same).revel_url == "https://acme.revelup.com"
    problem = bench.problem({"revel": {"base_url": "https://other.revelup.com"}})
    assert (problem.key, problem.code) == ("revel.base_url", ConfigCode.CONFLICTING_VALUES)
    problem = bench.problem({"revel": {"domain": None}})
    assert (problem.code, problem.key) == (ConfigCode.NOT_SET, "revel.domain")


@pytest.mark.parametrize(
    "key", ["tripleseat.client_id", "tripleseat.client_secret", "revel.api_key", "revel.api_secret"]
)
def test_credentials_are_required(bench: Bench, key: str) -> None:
    section, _, name = key.partition(".")
    for changes in ({name: None}, {name: ""}):
        problem = bench.problem({section: changes})
        assert (problem.key, problem.code) == (key, ConfigCode.NOT_SET)
        assert "TSREVEL_" in problem.remedy


def test_what_tripleseat_asks_for_depends_on_the_way_in(bench: Bench) -> None:
    nothing = {"client_id": None, "client_secret": None}
    both = bench.problems({"tripleseat": nothing | {"auth": "client_credentials"}})
    assert [problem.key for problem in both] == ["tripleseat.client_id", "tripleseat.client_secret"]
    assert bench.problem({"tripleseat": nothing | {"auth": "public_key"}}).key == "tripleseat.public_key"
    assert (
        bench.load({"tripleseat": nothing | {"auth": "public_key", "public_key": "p"}}).tripleseat.auth == "public_key"
    )


def test_offline_commands_need_no_credentials_and_no_tills(bench: Bench) -> None:
    changes = {
        "tripleseat": {"client_id": None},
        "revel": {"domain": None, "api_key": None, "user": 0},
        "locations": [PLACE],
    }
    assert bench.load(changes, offline=True).revel_url == ""
    assert bench.problem({"sync": {"workers": 0}}, offline=True).key == "sync.workers"


LOCAL = {
    "environment": "sandbox",
    "tripleseat": {"base_url": "http://127.0.0.1:8001"},
    "revel": {"domain": None, "base_url": "http://localhost:8002"},
}


def with_local(section: str, values: dict[str, Any]) -> dict[str, Any]:
    return {**LOCAL, section: {**LOCAL.get(section, {}), **values}}  # type: ignore[dict-item]


def test_a_sandbox_needs_two_base_urls_only(bench: Bench) -> None:
    settings = bench.load(LOCAL)
    assert settings.token_url == "http://127.0.0.1:8001/oauth2/token"
    assert settings.revel_url == "http://localhost:8002"


@pytest.mark.parametrize(
    ("section", "values", "key"),
    [
        ("tripleseat", {"base_url": "https://api.example.com"}, "tripleseat.base_url"),
        ("tripleseat", {"token_url": "https://api.example.com/t"}, "tripleseat.token_url"),
        ("tripleseat", {"authorize_url": "https://login.example.com"}, "tripleseat.authorize_url"),
        ("revel", {"base_url": "https://acme.revelup.com"}, "revel.base_url"),
        ("revel", {"base_url": "", "domain": "acme"}, "revel.domain"),
        ("email", {"api_key": "k"}, "email.base_url"),
        ("email", {"base_url": "https://mail.example.com"}, "email.base_url"),
        ("monitor", {"ping_url": "https://ping.example.com/x"}, "monitor.ping_url"),
    ],
)
def test_a_sandbox_reaches_nothing_beyond_this_machine(
    bench: Bench, section: str, values: dict[str, Any], key: str
) -> None:
    problem = bench.problem(with_local(section, values))
    assert (problem.key, problem.code) == (key, ConfigCode.REMOTE_IN_SANDBOX)


def test_a_sandbox_may_have_everything_on_this_machine(bench: Bench) -> None:
    changes = LOCAL | {
        "email": {"api_key": "k", "base_url": "http://[::1]:8003"},
        "monitor": {"ping_url": "http://127.0.0.1:8004/ping?create=1"},
    }
    assert bench.load(changes).monitor.ping_url.get_secret_value() == "http://127.0.0.1:8004/ping?create=1"


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("tripleseat", "base_url"),
        ("tripleseat", "token_url"),
        ("tripleseat", "authorize_url"),
        ("email", "base_url"),
        ("monitor", "ping_url"),
        ("revel", "domain"),
    ],
)
def test_production_never_talks_to_this_machine(bench: Bench, section: str, name: str) -> None:
    problem = bench.problem({section: {name: "http://127.0.0.1:8001"}})
    assert (problem.key, problem.code) == (f"{section}.{name}", ConfigCode.LOOPBACK_IN_PRODUCTION)
    assert 'environment = "sandbox"' in problem.remedy


def test_a_broken_url_and_a_broken_environment_are_told_once(bench: Bench) -> None:
    problems = bench.problems({"environment": "dev", "tripleseat": {"base_url": "http://127.0.0.1"}})
    assert [problem.key for problem in problems] == ["environment"]
    problems = bench.problems({"revel": {"domain": "a b"}})
    assert [problem.key for problem in problems] == ["revel.domain"]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9:80", "[::1]:9", "tsrevel.localhost"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(f"http://{host}/x")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1.example.com",
        "https://localhost.example.com",
        "",
        "localhost",
        "http://[::1",
        "https://10.0.0.1",
        "http://u@localhost",
        "http://localhost:99999",
        "ftp://localhost",
        "http://",
    ],
)
def test_everything_else_is_not_loopback(url: str) -> None:
    assert not is_loopback(url)


@given(st.text(max_size=40))
def test_no_text_breaks_the_url_rules(text: str) -> None:
    assert is_loopback(text) in {True, False}
    assert url_of_domain(text) == url_of_domain(url_of_domain(text))


# Values


@given(st.integers(min_value=1, max_value=99_999_999_999))
def test_money_is_exact_to_the_cent(cents: int) -> None:
    text = f"{cents // 100}.{cents % 100:02}"
    assert decode_money(text) * 100 == decode_money(Decimal(text)) * 100 == cents
    assert decode_money(text).as_tuple().exponent == -2


@pytest.mark.parametrize("value", ["", "-1", "0", "0.00", "1e3", "NaN", "1,000.00", 12.5, True, None, "12.", "١٢"])
def test_what_is_no_money_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        decode_money(value)


def test_money_may_be_a_whole_number(bench: Bench) -> None:
    assert str(bench.load({"safety": {"max_order_total": 500}}).safety.max_order_total) == "500.00"


@given(st.times())
def test_every_minute_of_the_day_is_a_time(moment: time) -> None:
    assert decode_clock(moment.strftime("%H:%M")) == moment.replace(second=0, microsecond=0, fold=0)


@pytest.mark.parametrize("text", ["7:30", "07:60", "25:00", "07:30:00", "noon", "", " 07:30", "07:30\n"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        decode_clock(text)


@pytest.mark.parametrize(
    "text", ["x", "{}", "{event_id", "{event_id!r}", "{event_id:>9}", "{event_id.x}", "{event_id}{a}"]
)
def test_a_local_id_formats_cleanly_or_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        check_template(text)


@pytest.mark.parametrize("text", ["{event_id}", "#{event_id}", "7-{event_id}"])
def test_an_order_gets_no_name_that_a_station_may_give(bench: Bench, text: str) -> None:
    problem = bench.problem({"orders": {"local_id": text}})
    assert (problem.key, problem.code) == ("orders.local_id", ConfigCode.MALFORMED_LOCAL_ID)
    assert bench.load({"orders": {"legacy_local_ids": [text]}}).orders.legacy_local_ids == (text,)


@given(st.text(alphabet="ab {}_eventid!:", max_size=30))
def test_an_accepted_local_id_tells_events_apart(text: str) -> None:
    try:
        check_template(text)
    except PydanticCustomError:
        return
    assert text.format(event_id="1") != text.format(event_id="2")


def test_suggestions_prefer_the_same_last_part() -> None:
    assert suggest("dry_run", ["safety.dry_run", "dry_ran"]) == "Did you mean safety.dry_run?"


def test_what_all_variables_begin_with_makes_none_a_guess(bench: Bench) -> None:
    for name, guess in {
        "TSREVEL_FOO": "Remove it.",
        "TSREVEL_SINC__WORKERS": "Did you mean TSREVEL_SYNC__WORKERS?",
    }.items():
        assert bench.problem(env={name: "1"}).remedy.startswith(guess)


# Locations


def test_a_location_takes_from_revel_what_it_does_not_say(bench: Bench) -> None:
    revel = {"dining_option": 113, "payment_type": 236, "discount": 3358}
    own = {
        "name": "",
        "tripleseat_location": None,
        "tripleseat_site": 15691,
        "user": 99,
        "dining_option": 0,
        "timezone": "",
    }
    entry = {key: value for key, value in (PLACE | own).items() if value is not None}
    (place,) = bench.load({"timezone": "America/Denver", "revel": revel, "locations": [entry]}).locations
    assert (place.user, place.station, place.dining_option, place.payment_type) == (99, 21, 0, 236)
    assert (place.discount, place.timezone, place.name) == (3358, "America/Denver", "Site 15691")


def test_dining_option_payment_type_and_discount_may_stay_unset(bench: Bench) -> None:
    (place,) = bench.load({"locations": [PLACE]}).locations
    assert (place.dining_option, place.payment_type, place.discount) == (0, 0, 0)


def test_user_and_station_must_come_from_somewhere(bench: Bench) -> None:
    problems = bench.problems({"revel": {"user": 0, "station": None}, "locations": [PLACE]})
    assert [problem.key for problem in problems] == ["locations[Bakery].user", "locations[Bakery].station"]
    assert "TSREVEL_REVEL__USER" in problems[0].remedy


def test_a_broken_user_is_told_once(bench: Bench) -> None:
    assert bench.problem({"revel": {"user": "ada"}, "locations": [PLACE]}).key == "revel.user"
    assert bench.problem({"locations": [PLACE | {"user": "ada"}]}).key == "locations[Bakery].user"


def test_a_location_needs_its_two_places(bench: Bench) -> None:
    no_seat = {"name": "Bakery", "revel_establishment": 8}
    assert bench.problem({"locations": [no_seat]}).code == ConfigCode.PLACE_REQUIRED
    no_till = {"tripleseat_location": 30501}
    problem = bench.problem({"locations": [no_till]})
    assert (problem.key, problem.code) == ("locations[Location 30501].revel_establishment", ConfigCode.NOT_SET)
    odd = {"name": "Bakery", "tripleseat_site": "x", "revel_establishment": 8}
    assert bench.problem({"locations": [odd]}).key == "locations[Bakery].tripleseat_site"
    assert bench.problem({"locations": [{"revel_establishment": 8}]}).key == "locations[#1]"


def test_no_place_has_two_entries(bench: Bench) -> None:
    twin = PLACE | {"name": "Twin", "tripleseat_site": 15691}
    problem = bench.problem({"locations": [PLACE, twin]})
    assert (problem.code, problem.key) == (ConfigCode.DUPLICATE_ENTRY, "locations[Twin]")
    site = {"name": "Site", "tripleseat_site": 15691, "revel_establishment": 8}
    other = site | {"name": "Other"}
    assert bench.problem({"locations": [site, other]}).code == ConfigCode.DUPLICATE_ENTRY
    assert len(bench.load({"locations": [site, twin]}).locations) == 2


@pytest.mark.parametrize("name", ["Bakery", " Bakery ", "Bak\u200bery"])
def test_two_establishments_that_share_a_name_are_told_apart_by_their_numbers(bench: Bench, name: str) -> None:
    bakery = {"name": "Bakery", "tripleseat_location": 30501, "revel_establishment": 8}
    other = {"name": name, "tripleseat_location": 30502, "revel_establishment": 9}
    locations = bench.load({"locations": [bakery, other]}).locations
    shown = [clean_text(each.name) for each in locations]
    assert shown == ["Bakery (establishment 8)", "Bakery (establishment 9)"]


def test_so_is_an_entry_without_a_name_from_one_that_was_given_its_default(bench: Bench) -> None:
    named = {"name": "Site 15691", "tripleseat_location": 30501, "revel_establishment": 8}
    nameless = {"tripleseat_site": 15691, "revel_establishment": 9}
    names = [each.name for each in bench.load({"locations": [named, nameless]}).locations]
    assert names == ["Site 15691 (establishment 8)", "Site 15691 (establishment 9)"]


def test_two_tripleseat_locations_of_one_establishment_may_share_a_name(bench: Bench) -> None:
    hall = {"name": "Bakery", "tripleseat_location": 30501, "revel_establishment": 8}
    garden = {"name": "Bakery", "tripleseat_location": 30502, "revel_establishment": 8}
    assert [each.name for each in bench.load({"locations": [hall, garden]}).locations] == ["Bakery", "Bakery"]


OLD = {"TRIPLESEAT_SITE_ID": "15691", "REVEL_ESTABLISHMENT_ID": "8"}
SITE: dict[str, Any] = {"name": "Bakery", "tripleseat_site": 15691, "revel_establishment": 8}


@pytest.mark.parametrize("entry", [SITE, PLACE])
@pytest.mark.parametrize("env", [OLD, {"REVEL_LOCATION_ID": "8"}, {"TRIPLESEAT_SITE_ID": "15691"}])
def test_old_place_names_that_agree_with_the_locations_are_fine(
    bench: Bench, entry: dict[str, Any], env: dict[str, str]
) -> None:
    settings = bench.load({"locations": [entry]}, env=env)
    assert [place.name for place in settings.locations] == ["Bakery"]
    assert settings.origin("locations") == Origin(Source.FILE, "config.toml")


@pytest.mark.parametrize("env", [OLD | {"TRIPLESEAT_SITE_ID": "7"}, {"REVEL_LOCATION_ID": "9"}])
def test_old_place_names_that_contradict_the_locations_are_a_problem(bench: Bench, env: dict[str, str]) -> None:
    problem = bench.problem({"locations": [SITE]}, env=env)
    assert (problem.key, problem.code) == ("locations", ConfigCode.LOCATION_MISMATCH)


def test_old_place_names_must_make_a_whole_location(bench: Bench) -> None:
    for name, value in OLD.items():
        problem = bench.problem(env={name: value})
        assert (problem.origin, problem.code) == (f"environment {name}", ConfigCode.INCOMPLETE_LOCATION)
    for value in ("x", "0"):
        problem = bench.problem(env=OLD | {"TRIPLESEAT_SITE_ID": value})
        assert (problem.origin, problem.code) == ("environment TRIPLESEAT_SITE_ID", ConfigCode.MALFORMED_ID)


def test_the_two_old_names_of_the_establishment_may_not_differ(bench: Bench) -> None:
    assert len(bench.load(env=OLD | {"REVEL_LOCATION_ID": "8"}).locations) == 1
    assert bench.problem(env=OLD | {"REVEL_LOCATION_ID": "9"}).code == ConfigCode.CONFLICTING_VALUES


# Charges and mappings


def test_a_charge_becomes_an_item_with_exactly_one_product(bench: Bench) -> None:
    item = {"match": "Fee", "as": "item"}
    for entry in (item, item | {"product": 5, "product_name": "Fee"}, item | {"product_name": ""}):
        assert bench.problem({"charges": [entry]}).code == ConfigCode.PRODUCT_REQUIRED
    assert bench.load({"charges": [item | {"product_name": "Fee", "product": ""}]}).charges[0].product_name == "Fee"


@pytest.mark.parametrize("word", ["tax", "gratuity", "ignore"])
def test_a_charge_that_is_no_item_has_no_product(bench: Bench, word: str) -> None:
    entry = {"match": "Fee", "as": word}
    assert bench.load({"charges": [entry]}).charges[0].treat_as == word
    assert bench.problem({"charges": [entry | {"product": 5}]}).code == ConfigCode.PRODUCT_NOT_ALLOWED


def test_a_charge_needs_a_name_of_its_own_and_a_treatment(bench: Bench) -> None:
    entry = {"match": "Sales Tax", "as": "tax"}
    twin = {"match": " sales  TAX", "as": "ignore"}
    assert bench.problem({"charges": [entry, twin]}).code == ConfigCode.DUPLICATE_ENTRY
    assert bench.problem({"charges": [{"match": "Fee"}]}).key == "charges[Fee].as"
    assert bench.problem({"charges": [{"match": "", "as": "tax"}]}).key == "charges[#1].match"
    assert bench.problem({"charges": [{"match": "Fee", "as": "fee"}]}).key == "charges[Fee].as"


def mappings_problem(bench: Bench, document: dict[str, Any]) -> tuple[str, ConfigCode]:
    bench.write(tomli_w.dumps(document), "mappings.toml")
    problem = bench.problem()
    assert problem.origin == "mappings.toml"
    return problem.key, problem.code


def test_a_mapping_is_by_menu_item_or_by_name(bench: Bench) -> None:
    entry = {"establishment": 8, "product": 5001}
    code = ConfigCode.MENU_ITEM_OR_NAME_REQUIRED
    assert mappings_problem(bench, {"product": [entry]}) == ("product[#1]", code)
    both = entry | {"menu_item_id": 7, "name": "Fruit"}
    assert mappings_problem(bench, {"product": [both]}) == ("product[Fruit]", code)


def test_no_line_is_mapped_twice(bench: Bench) -> None:
    fruit = {"establishment": 8, "name": "Fruit", "product": 5001}
    twins = [fruit, fruit | {"name": "fruit ", "product": 5002}]
    assert mappings_problem(bench, {"product": twins}) == ("product[fruit ]", ConfigCode.DUPLICATE_ENTRY)
    bench.write(tomli_w.dumps({"product": [fruit, fruit | {"establishment": 9}]}), "mappings.toml")
    assert len(bench.load().products) == 2


def test_a_broken_mappings_file_is_a_problem_beside_the_others(bench: Bench) -> None:
    assert mappings_problem(bench, {"prodcut": []}) == ("mappings.prodcut", ConfigCode.UNKNOWN_KEY)
    assert mappings_problem(bench, {"product": {}}) == ("product", ConfigCode.WRONG_TYPE)
    bench.write("[[product", "mappings.toml")
    assert [problem.key for problem in bench.problems({"revel": {"api_key": None}})] == ["mappings", "revel.api_key"]


# Showing


def test_every_setting_is_shown_with_its_origin(bench: Bench) -> None:
    changes = {
        "locations": [PLACE],
        "charges": [{"match": "Sales Tax", "as": "tax"}],
        "time_gate": {"opens_at": "07:30"},
    }
    rows = encode_settings(bench.load(changes))
    assert rows["safety.dry_run"] == {"value": True, "origin": "default"}
    assert rows["time_gate.opens_at"] == {"value": "07:30", "origin": "config.toml"}
    assert rows["tripleseat.requests_per_second"] == {"value": 5, "origin": "default"}
    assert rows["revel.api_key"] == {"value": "(set)", "origin": "config.toml"}
    assert rows["email.api_key"] == {"value": "", "origin": "default"}
    told = {name: {"value": value, "origin": "config.toml"} for name, value in (("match", "Sales Tax"), ("as", "tax"))}
    assert rows["charges"] == {"value": [told], "origin": "config.toml"}
    places: Any = rows["locations"]["value"]
    assert places[0]["revel_establishment"]["value"] == 8
    assert rows["products"] == {"value": [], "origin": "default"}


# Currencies


@pytest.mark.parametrize(("given", "read"), [(None, "USD"), ("", "USD"), ("CAD", "CAD"), (" cad ", "CAD")])
def test_a_location_has_a_currency(bench: Bench, given: str | None, read: str) -> None:
    own = {} if given is None else {"currency": given}
    (place,) = bench.load({"locations": [PLACE | own]}).locations
    assert place.currency == read


@pytest.mark.parametrize("given", ["US", "USDT", "$", "U$D", "ДОЛ", "US D"])
def test_what_is_no_currency_code_is_refused(bench: Bench, given: str) -> None:
    problem = bench.problem({"locations": [PLACE | {"currency": given}]})
    assert (problem.key, problem.code) == ("locations[Bakery].currency", ConfigCode.MALFORMED_CURRENCY)
    assert bench.problem({"locations": [PLACE | {"currency": 840}]}).code == ConfigCode.WRONG_TYPE


def test_charges_of_names_that_read_the_same_are_one(bench: Bench) -> None:
    charges = [{"match": "Sales Tax", "as": "tax"}, {"match": "\u200esales\u00ad  tax", "as": "ignore"}]
    assert bench.problem({"charges": charges}).code == ConfigCode.DUPLICATE_ENTRY

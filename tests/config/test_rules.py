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
from tsrevel.config.keys import suggest
from tsrevel.config.urls import url_of_domain
from tsrevel.config.values import check_template, decode_clock, decode_money

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
        ("locations[Bakery].timezone", "config.toml"),
        ("locations[Bakery]", "config.toml"),
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
    assert {(problem.key, problem.message) for problem in problems} == {
        ("locations[Bakery].revel_establishment", "must be at least 1"),
        ("locations[Bakery]", "doesn't say which place at TripleSeat it is"),
        ("locations[Bakery].user", "isn't set"),
        ("locations[Bakery].station", "isn't set"),
        ("locations[Bar].revel_establishment", "isn't set"),
        ("locations[Bar].user", "isn't set"),
        ("locations[Bar].station", "isn't set"),
        ("charges[Tip].as", "isn't one of the words it knows"),
        ("charges[ tip]", "has a product but isn't an item"),
        ("charges[ tip]", "is listed before under the same name"),
    }


def test_entries_without_their_first_word_are_called_by_number(bench: Bench) -> None:
    problems = bench.problems({"charges": [{"as": "item"}]})
    assert {problem.key for problem in problems} == {"charges[#1].match", "charges[#1]"}


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
    ("section", "name", "value", "message"),
    [
        ("safety", "dry_run", "yes", "must be true or false"),
        ("safety", "dry_run", 1, "must be true or false"),
        ("safety", "allowed_locations", 30501, "must be a list"),
        ("safety", "allowed_locations", [1, "site"], "entry 2 must be a whole number"),
        ("safety", "allowed_locations", [0], "entry 1 must be at least 1"),
        ("safety", "max_orders_per_run", 0, "must be at least 1"),
        ("safety", "max_orders_per_run", Decimal("1.5"), "must be a whole number"),
        ("safety", "max_order_total", "12.345", "isn't an amount of money above zero in whole cents"),
        ("tripleseat", "auth", "oauth1", "isn't one of the words it knows"),
        ("tripleseat", "client_id", 7, "must be text"),
        ("tripleseat", "eligible_statuses", [], "is empty"),
        ("tripleseat", "eligible_statuses", ["LOST"], "entry 1 isn't one of the words it knows"),
        ("tripleseat", "eligible_statuses", [3], "entry 1 isn't one of the words it knows"),
        ("tripleseat", "base_url", "http://api.tripleseat.com", "isn't https, though its host isn't this machine"),
        ("tripleseat", "authorize_url", "login.tripleseat.com", "isn't a usable URL"),
        ("tripleseat", "requests_per_second", 0, "must be above 0"),
        ("tripleseat", "requests_per_second", True, "must be a number"),
        ("revel", "requests_per_second", Decimal("inf"), "must be a number"),
        ("revel", "user", -1, "must be at least 0"),
        ("revel", "station", True, "must be a whole number"),
        ("revel", "domain", "acme corp", "isn't a Revel domain"),
        ("revel", "domain", "acme.revelup.com/resources", "isn't a Revel domain"),
        ("revel", "domain", "http://acme.revelup.com", "isn't https, though its host isn't this machine"),
        ("time_gate", "days_before", -1, "must be at least 0"),
        ("time_gate", "days_after", "1", "must be a whole number"),
        ("time_gate", "opens_at", "24:00", "isn't a time of day"),
        ("time_gate", "opens_at", time(7, 30), "isn't a time of day"),
        ("sync", "hours_back", 0, "must be at least 1"),
        ("sync", "workers", 33, "must be at most 32"),
        ("sync", "deadline_minutes", 0, "must be at least 1"),
        ("orders", "local_id", "Triple Seat", "must hold {event_id}, and no other braces"),
        ("orders", "legacy_local_ids", ["{event_id}", "{id}"], "entry 2 must hold {event_id}, and no other braces"),
        ("orders", "unmapped_items", "drop", "isn't one of the words it knows"),
        ("orders", "payments", "all", "isn't one of the words it knows"),
        ("orders", "discounts", "lines", "isn't one of the words it knows"),
        ("orders", "name_separator", "", "is empty"),
        ("email", "sender", "nobody", "isn't a mail address"),
        ("email", "recipients", ["a@example.com", ""], "entry 2 isn't a mail address"),
        ("email", "on", ["won"], "entry 1 isn't one of the words it knows"),
        ("monitor", "ping_url", "https://ping.example.com/x#y", "isn't a usable URL"),
        ("monitor", "ping_url", "https://ping.example.com/x?y=1 2", "isn't a usable URL"),
        ("monitor", "ping_url", "https://ping.example.com/x?y=1#z", "isn't a usable URL"),
        ("monitor", "fail_on_held", "yes", "must be true or false"),
        ("ledger", "path", 3, "must be text"),
    ],
)
def test_a_value_that_does_not_fit_is_a_problem(
    bench: Bench, section: str, name: str, value: object, message: str
) -> None:
    problem = bench.problem({section: {name: value}})
    assert (problem.key, problem.origin, problem.message) == (f"{section}.{name}", "config.toml", message)


@pytest.mark.parametrize("zone", ["", "America", "Pacific Time (US & Canada)", "../etc/passwd", "America/Los_Angelos"])
def test_only_zones_that_this_machine_knows_are_zones(bench: Bench, zone: str) -> None:
    problem = bench.problem({"timezone": zone})
    assert (problem.key, problem.message) == ("timezone", "isn't a time zone known here")


@pytest.mark.parametrize("word", ["development", "test", "PRODUCTION"])
def test_the_old_env_knows_two_words_only(bench: Bench, word: str) -> None:
    problem = bench.problem(env={"ENV": word})
    assert (problem.key, problem.origin) == ("environment", "environment ENV")
    assert problem.remedy == "Write 'production' or 'sandbox'."


@pytest.mark.parametrize(
    ("document", "key", "remedy"),
    [
        ({"sync": {"hour_back": 1}}, "sync.hour_back", "Did you mean sync.hours_back?"),
        ({"dry_run": True}, "dry_run", "Did you mean safety.dry_run?"),
        ({"reveal": {"user": 1}}, "reveal", "Did you mean revel?"),
        ({"zzz": 1}, "zzz", "Remove it; config.example.toml lists every setting."),
        ({"ledger_path": "x"}, "ledger_path", "Did you mean ledger.path?"),
    ],
)
def test_an_unknown_key_is_a_problem_with_a_guess(
    bench: Bench, document: dict[str, Any], key: str, remedy: str
) -> None:
    problem = bench.problem(document)
    assert (problem.key, problem.message, problem.remedy) == (key, "is no setting", remedy)


def test_an_unknown_key_of_an_entry_is_a_problem_with_a_guess(bench: Bench) -> None:
    problem = bench.problem({"locations": [PLACE | {"establishment": 8}]})
    assert problem.key == "locations[Bakery].establishment"
    assert problem.remedy == "Did you mean revel_establishment?"
    problem = bench.problem({"charges": [{"match": "Tax", "as": "tax", "treat_as": "tax"}]})
    assert problem.key == "charges[Tax].treat_as"


def test_an_unknown_flag_is_a_problem(bench: Bench) -> None:
    assert bench.problem(overrides={"sync.nonsense": 1}).origin == "flag --nonsense"


def test_a_section_must_be_a_section_and_tables_a_list(bench: Bench) -> None:
    assert bench.problem({"sync": 5}).remedy == "Write [sync] on a line of its own above its keys."
    assert bench.problem({"locations": PLACE}).remedy == "Write [[locations]] above each of its entries."
    assert bench.problem({"charges": ["Tax"]}).key == "charges"
    assert bench.problem({"locations": [5]}).key == "locations"


def test_broken_toml_is_told_with_its_line_and_nothing_that_follows_from_it(bench: Bench) -> None:
    (problem,) = bench.problems_of_text("[revel]\ndomain = acme\n")
    assert problem.key == "config"
    assert "isn't TOML at line 2, column 10" in problem.message
    (problem,) = bench.problems_of_text('[revel]\ndomain = "acme')
    assert "isn't TOML" in problem.message
    (problem,) = bench.problems_of_text("sync = {}\n[sync]\n[sync]\n")
    assert "isn't TOML" in problem.message


def test_a_file_that_is_no_text_or_cannot_be_read_is_a_problem(bench: Bench) -> None:
    path = bench.write("", "home/.config/tsrevel/config.toml")
    path.write_bytes(b"\xff\xfe")
    (problem,) = bench.problems_of_text(None)
    assert "isn't UTF-8" in problem.message
    bench.environ["TSREVEL_CONFIG"] = str(bench.folder / ("long" * 100))
    (problem,) = bench.problems_of_text(None)
    assert "can't be read" in problem.message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_settings_in_utf_16_are_told_as_such(bench: Bench, encoding: str) -> None:
    path = bench.write("", "home/.config/tsrevel/config.toml")
    path.write_bytes(tomli_w.dumps(SOUND).encode(encoding))
    (problem,) = bench.problems_of_text(None)
    assert (problem.key, problem.remedy) == ("config", "Save it as UTF-8.")
    assert problem.message.endswith("isn't UTF-8 text: it holds UTF-16 text")


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
    assert (problem.key, problem.message) == ("tripleseat.base_url", "isn't a usable URL")


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
    assert (problem.key, problem.message) == ("revel.base_url", "differs from revel.domain (config.toml)")
    assert bench.problem({"revel": {"domain": None}}).key == "revel.domain"


@pytest.mark.parametrize(
    "key", ["tripleseat.client_id", "tripleseat.client_secret", "revel.api_key", "revel.api_secret"]
)
def test_credentials_are_required(bench: Bench, key: str) -> None:
    section, _, name = key.partition(".")
    for changes in ({name: None}, {name: ""}):
        problem = bench.problem({section: changes})
        assert (problem.key, problem.message) == (key, "isn't set")
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
    assert (problem.key, problem.message) == (key, "isn't this machine, in the sandbox")


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
    assert (problem.key, problem.message) == (f"{section}.{name}", "is this machine, in production")
    assert problem.remedy == 'Change it, or environment = "sandbox".'


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


@given(st.text(alphabet="ab {}_eventid!:", max_size=30))
def test_an_accepted_local_id_tells_events_apart(text: str) -> None:
    try:
        check_template(text)
    except PydanticCustomError:
        return
    assert text.format(event_id="1") != text.format(event_id="2")


def test_suggestions_prefer_the_same_last_part() -> None:
    assert suggest("dry_run", ["safety.dry_run", "dry_ran"]) == "Did you mean safety.dry_run?"


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
    assert bench.problem({"locations": [no_seat]}).message == "doesn't say which place at TripleSeat it is"
    no_till = {"tripleseat_location": 30501}
    problem = bench.problem({"locations": [no_till]})
    assert (problem.key, problem.message) == ("locations[Location 30501].revel_establishment", "isn't set")
    odd = {"name": "Bakery", "tripleseat_site": "x", "revel_establishment": 8}
    assert bench.problem({"locations": [odd]}).key == "locations[Bakery].tripleseat_site"
    assert bench.problem({"locations": [{"revel_establishment": 8}]}).key == "locations[#1]"


def test_no_place_has_two_entries(bench: Bench) -> None:
    twin = PLACE | {"name": "Twin", "tripleseat_site": 15691}
    assert bench.problem({"locations": [PLACE, twin]}).key == "locations[Twin]"
    site = {"name": "Site", "tripleseat_site": 15691, "revel_establishment": 8}
    other = site | {"name": "Other"}
    assert bench.problem({"locations": [site, other]}).message == "is at the same TripleSeat place as one before"
    assert len(bench.load({"locations": [site, twin]}).locations) == 2


OLD = {"TRIPLESEAT_SITE_ID": "15691", "REVEL_ESTABLISHMENT_ID": "8"}
SITE: dict[str, Any] = {"name": "Bakery", "tripleseat_site": 15691, "revel_establishment": 8}


@pytest.mark.parametrize("entry", [SITE, PLACE])
@pytest.mark.parametrize("env", [OLD, {"REVEL_LOCATION_ID": "8"}, {"TRIPLESEAT_SITE_ID": "15691"}])
def test_old_place_names_that_agree_with_the_locations_are_fine(
    bench: Bench, entry: dict[str, Any], env: dict[str, str]
) -> None:
    settings = bench.load({"locations": [entry]}, env=env)
    assert [place.name for place in settings.locations] == ["Bakery"]
    assert settings.origin("locations") == "config.toml"


@pytest.mark.parametrize("env", [OLD | {"TRIPLESEAT_SITE_ID": "7"}, {"REVEL_LOCATION_ID": "9"}])
def test_old_place_names_that_contradict_the_locations_are_a_problem(bench: Bench, env: dict[str, str]) -> None:
    problem = bench.problem({"locations": [SITE]}, env=env)
    assert (problem.key, problem.message) == ("locations", "fits none of the locations given by config.toml")


def test_old_place_names_must_make_a_whole_location(bench: Bench) -> None:
    for name, value in OLD.items():
        problem = bench.problem(env={name: value})
        assert (problem.origin, problem.message) == (f"environment {name}", "is only half of a location")
    for value in ("x", "0"):
        problem = bench.problem(env=OLD | {"TRIPLESEAT_SITE_ID": value})
        assert (problem.origin, problem.message) == ("environment TRIPLESEAT_SITE_ID", "isn't an id")


def test_the_two_old_names_of_the_establishment_may_not_differ(bench: Bench) -> None:
    assert len(bench.load(env=OLD | {"REVEL_LOCATION_ID": "8"}).locations) == 1
    assert bench.problem(env=OLD | {"REVEL_LOCATION_ID": "9"}).message == "differs from environment REVEL_LOCATION_ID"


# Charges and mappings


def test_a_charge_becomes_an_item_with_exactly_one_product(bench: Bench) -> None:
    item = {"match": "Fee", "as": "item"}
    for entry in (item, item | {"product": 5, "product_name": "Fee"}, item | {"product_name": ""}):
        assert bench.problem({"charges": [entry]}).message == "is an item, which needs one product"
    assert bench.load({"charges": [item | {"product_name": "Fee", "product": ""}]}).charges[0].product_name == "Fee"


@pytest.mark.parametrize("word", ["tax", "gratuity", "ignore"])
def test_a_charge_that_is_no_item_has_no_product(bench: Bench, word: str) -> None:
    entry = {"match": "Fee", "as": word}
    assert bench.load({"charges": [entry]}).charges[0].treat_as == word
    assert bench.problem({"charges": [entry | {"product": 5}]}).message == "has a product but isn't an item"


def test_a_charge_needs_a_name_of_its_own_and_a_treatment(bench: Bench) -> None:
    entry = {"match": "Sales Tax", "as": "tax"}
    twin = {"match": " sales  TAX", "as": "ignore"}
    assert bench.problem({"charges": [entry, twin]}).message == "is listed before under the same name"
    assert bench.problem({"charges": [{"match": "Fee"}]}).key == "charges[Fee].as"
    assert bench.problem({"charges": [{"match": "", "as": "tax"}]}).key == "charges[#1].match"
    assert bench.problem({"charges": [{"match": "Fee", "as": "fee"}]}).key == "charges[Fee].as"


def mappings_problem(bench: Bench, document: dict[str, Any]) -> str:
    bench.write(tomli_w.dumps(document), "mappings.toml")
    problem = bench.problem()
    assert problem.origin == "mappings.toml"
    return f"{problem.key} {problem.message}"


def test_a_mapping_is_by_menu_item_or_by_name(bench: Bench) -> None:
    entry = {"establishment": 8, "product": 5001}
    told = "needs menu_item_id or name, one of them"
    assert mappings_problem(bench, {"product": [entry]}) == f"product[to 5001] {told}"
    both = entry | {"menu_item_id": 7, "name": "Fruit"}
    assert mappings_problem(bench, {"product": [both]}) == f"product[Fruit] {told}"


def test_no_line_is_mapped_twice(bench: Bench) -> None:
    fruit = {"establishment": 8, "name": "Fruit", "product": 5001}
    twins = [fruit, fruit | {"name": "fruit ", "product": 5002}]
    assert mappings_problem(bench, {"product": twins}) == "product[fruit ] maps a line that one before maps"
    bench.write(tomli_w.dumps({"product": [fruit, fruit | {"establishment": 9}]}), "mappings.toml")
    assert len(bench.load().products) == 2


def test_a_broken_mappings_file_is_a_problem_beside_the_others(bench: Bench) -> None:
    assert mappings_problem(bench, {"prodcut": []}) == "mappings.prodcut is no part of the mappings"
    assert mappings_problem(bench, {"product": {}}) == "product must be a list of tables"
    bench.write("[[product", "mappings.toml")
    assert [problem.key for problem in bench.problems({"revel": {"api_key": None}})] == ["mappings", "revel.api_key"]


# Showing


def test_describe_lists_every_setting_with_its_origin(bench: Bench) -> None:
    changes = {
        "locations": [PLACE],
        "charges": [{"match": "Sales Tax", "as": "tax"}],
        "time_gate": {"opens_at": "07:30"},
    }
    rows = {key: (value, origin) for key, value, origin in bench.load(changes).describe()}
    assert rows["safety.dry_run"] == ("true", "default")
    assert rows["time_gate.opens_at"] == ("07:30", "config.toml")
    assert rows["tripleseat.requests_per_second"] == ("5", "default")
    assert rows["revel.api_key"] == ("(set)", "config.toml")
    assert rows["email.api_key"] == ("", "default")
    assert rows["charges[Sales Tax]"] == ("match Sales Tax, as tax", "config.toml")
    assert "revel_establishment 8" in rows["locations[Bakery]"][0]
    assert rows["products"] == ("", "default")


# Currencies


@pytest.mark.parametrize(("given", "read"), [(None, "USD"), ("", "USD"), ("CAD", "CAD"), (" cad ", "CAD")])
def test_a_location_has_a_currency(bench: Bench, given: str | None, read: str) -> None:
    own = {} if given is None else {"currency": given}
    (place,) = bench.load({"locations": [PLACE | own]}).locations
    assert place.currency == read


@pytest.mark.parametrize("given", ["US", "USDT", "$", "U$D", "ДОЛ", "US D"])
def test_what_is_no_currency_code_is_refused(bench: Bench, given: str) -> None:
    problem = bench.problem({"locations": [PLACE | {"currency": given}]})
    assert (problem.key, problem.message) == ("locations[Bakery].currency", "isn't the code of a currency")
    assert bench.problem({"locations": [PLACE | {"currency": 840}]}).message == "must be text"


def test_charges_of_names_that_read_the_same_are_one(bench: Bench) -> None:
    charges = [{"match": "Sales Tax", "as": "tax"}, {"match": "\u200esales\u00ad  tax", "as": "ignore"}]
    assert bench.problem({"charges": charges}).message == "is listed before under the same name"

"""`map` as a new user types it: see what is missing, say what it is, and know before go-live what would be held."""

from __future__ import annotations

import errno
import io
import os
import shlex
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ..users import as_other, folder_of_other, give_to_other
from ..world import World, find_outcome
from .bench import Ran, Shell

CAKE = "Ube Celebration Cake"
URN = "8107"


@pytest.fixture
def mappings(shell: Shell) -> Path:
    return shell.world.folder / "mappings.toml"


@pytest.fixture
def cake(shell: Shell) -> None:
    """A product that somebody may have meant by the cake."""
    shell.world.revel.add_product(8200, "Celebration Cake,  Ube &amp; Coconut", 8, "86.00", sku="0471")


class Typing(io.BytesIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


def run(shell: Shell, *argv: str, **more: Any) -> Ran:
    """`map ...` with the world's settings."""
    return shell.run("map", *argv, "--config", str(shell.write_config()), **more)


def answer(shell: Shell, *argv: str) -> dict[str, Any]:
    ran = run(shell, *argv, "--json")
    assert (ran.status, ran.err) == (0, "")
    return ran.answer


def unmapped(shell: Shell, *argv: str) -> list[tuple[str, str]]:
    return [(each["establishment"], each["name"]) for each in answer(shell, "suggest", *argv)["unmapped"]]


# The whole way


@pytest.mark.usefixtures("cake")
def test_a_name_is_suggested_mapped_checked_and_ordered(shell: Shell) -> None:
    held = run(shell, "check")
    assert held.status == 3
    assert held.lines[0].startswith("held event 64000003 (Special Events 2026-12-12) UNMAPPED_ITEMS: 1 of 2 lines")
    (wanted,) = answer(shell, "suggest")["unmapped"]
    assert (wanted["name"], wanted["events"], wanted["prices"]) == (CAKE, ["64000003"], ["86.00"])
    assert wanted["candidates"][0] == {
        "product": "8200",
        "name": "Celebration Cake, Ube & Coconut",
        "establishment": "8",
        "price": "86.00",
        "score": wanted["candidates"][0]["score"],
        "why": ["shared words: ube, celebration, cake", "same price"],
    }
    assert 0.7 < wanted["candidates"][0]["score"] < 1
    assert run(shell, "set", CAKE, wanted["candidates"][0]["product"]).status == 0
    assert run(shell, "check").status == 0
    outcome = find_outcome(shell.world.sync(), 64000003)
    assert outcome.order_id
    assert "/resources/Product/8200/" in {each["product"] for each in shell.world.revel.items_of(int(outcome.order_id))}


# list


def test_with_no_mapping_the_next_step_is_told(shell: Shell, mappings: Path) -> None:
    ran = run(shell, "list")
    assert (ran.status, ran.lines) == (
        0,
        [f"no mappings yet ({mappings}); `tsrevel map suggest --config {shell.write_config()}` shows what needs one"],
    )
    assert answer(shell, "list")["mappings"] == []


def test_the_list_tells_which_products_exist(shell: Shell) -> None:
    run(shell, "set", CAKE, URN)
    run(shell, "set", "120001", "9999", "--menu-item", "--establishment", "9", "--offline")
    cake, item = answer(shell, "list")["mappings"]
    assert cake == {
        "establishment": "8",
        "name": CAKE,
        "menu_item_id": None,
        "product": URN,
        "exists": True,
        "product_name": "Coffee Urn",
        "price": "38.00",
    }
    assert (item["menu_item_id"], item["name"], item["exists"]) == ("120001", None, False)
    lines = run(shell, "list").lines
    assert lines[1].split("  ")[0] == "8 (Special Events)"
    assert lines[1].endswith("ok")
    assert lines[2].endswith("not active")


def test_offline_nobody_is_asked(shell: Shell) -> None:
    run(shell, "set", CAKE, URN)
    shell.world.forget_requests()
    assert run(shell, "list", "--offline").lines[1].endswith("not checked")
    assert answer(shell, "list", "--offline")["mappings"][0]["exists"] is None
    assert run(shell, "set", "Other", URN, "--establishment", "8", "--offline").lines[0].startswith("'Other'")
    run(shell, "unset", "Other")
    assert shell.requests == 0


def test_a_product_of_another_establishment_doesn_t_exist_here(shell: Shell) -> None:
    run(shell, "set", CAKE, URN, "--establishment", "9", "--offline")
    assert answer(shell, "list")["mappings"][0]["exists"] is False


def test_what_is_seen_is_told_with_how_it_is_matched(shell: Shell) -> None:
    run(shell, "set", CAKE, URN, "--establishment", "8")
    told = answer(shell, "list", "--seen")
    assert (len(told["mappings"]), told["days"], told["events_left_out"]) == (1, 30, [])
    seen = {(each["establishment"], each["name"]): each for each in told["seen"]}
    cake, urn = seen["8", CAKE], seen["8", "Coffee Urn"]
    assert (cake["matched_by"], cake["product"], cake["events"]) == ("name", URN, ["64000003"])
    assert (urn["matched_by"], urn["product"], urn["product_name"], urn["price"]) == (
        "exact_name", URN, "Coffee Urn", "38.00",
    )  # fmt: skip
    assert all(each["matched_by"] for each in seen.values())


def test_a_name_without_a_product_is_told_with_why(shell: Shell) -> None:
    def missing() -> dict[str, Any]:
        (found,) = [each for each in answer(shell, "list", "--seen")["seen"] if each["matched_by"] is None]
        return dict(found)

    assert (missing()["name"], missing()["why"], missing()["product"]) == (CAKE, "names no active product", None)
    run(shell, "set", CAKE, "9999", "--offline", "--establishment", "8")
    assert "is mapped to 9999" in missing()["why"]


def test_the_days_that_are_looked_at_may_be_fewer(shell: Shell) -> None:
    told = answer(shell, "list", "--seen", "--days", "0")
    assert (told["days"], told["to"]) == (0, "2026-12-12")


def test_a_person_sees_mappings_then_names_then_how_many(shell: Shell) -> None:
    ran = run(shell, "list", "--seen")
    assert ran.status == 0
    assert ran.lines[0].startswith("no mappings yet")
    assert any("Coffee Urn" in line and "by exact name" in line for line in ran.lines)
    assert any(CAKE in line and "none: names no active product" in line for line in ran.lines)
    counts = "0 mapped by menu item, 0 mapped by name, 10 by exact name, 2 by the name before the separator"
    assert ran.lines[-1].endswith(f"{counts}, 1 without a product")


def test_what_is_seen_cannot_be_told_offline(shell: Shell) -> None:
    assert run(shell, "list", "--seen", "--offline").status == 2


# set and unset


def test_the_product_tells_the_establishment(shell: Shell, mappings: Path) -> None:
    ran = run(shell, "set", CAKE, "9107")
    assert ran.lines == [f"'{CAKE}' at establishment 9 (Lakeside Bakery) is now 9107 Coffee Urn, in {mappings}"]


@pytest.mark.parametrize("where", [("--establishment", "8"), ("--location", "30501"), ("--location", "special events")])
def test_a_place_may_be_said(shell: Shell, where: tuple[str, str]) -> None:
    told = answer(shell, "set", CAKE, URN, *where)
    assert (told["mapping"]["establishment"], told["mapping"]["product"], told["checked"]) == ("8", URN, True)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((CAKE, "9999"), "no active product 9999 at establishment 8 or 9"),
        ((CAKE, "8001"), "no active product 8001"),
        ((CAKE, "9107", "--establishment", "8"), "no active product 9107 at establishment 8"),
        ((CAKE, URN, "--establishment", "5"), "at establishment 5; there are: 8 (Special Events); 9 (Lakeside Bakery)"),
        ((CAKE, URN, "--location", "Nowhere"), "no [[locations]] entry is called 'Nowhere'"),
        ((CAKE, URN, "--offline"), "add --establishment with one of: 8 (Special Events), 9 (Lakeside Bakery)"),
    ],
)
def test_what_can_t_be_is_refused_and_nothing_written(
    shell: Shell, mappings: Path, argv: tuple[str, ...], said: str
) -> None:
    ran = run(shell, "set", *argv, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (2, False, 2)
    assert said in ran.answer["error"]
    assert said in ran.err
    assert not mappings.exists()


@pytest.mark.parametrize(
    "argv",
    [
        ("set", " ", URN),
        ("set", "two\nlines", URN),
        ("set", CAKE, "cake"),
        ("set", CAKE, "0"),
        ("set", CAKE, URN, "--menu-item"),
        ("set", CAKE, URN, "--establishment", "8", "--location", "30501"),
        ("unset", ""),
        ("suggest", "--days", "-1"),
        ("check", "--location", "777"),
        ("suggest", "--location", "777"),
    ],
)
def test_usage_errors_reach_no_service(shell: Shell, argv: tuple[str, ...]) -> None:
    assert run(shell, *argv).status == 2
    assert shell.requests == 0


def test_a_mapping_there_already_is_changed_and_comments_stay(shell: Shell, mappings: Path) -> None:
    mappings.write_text(f'# ours\n[[product]]\nestablishment = 8\nname = "{CAKE}"\nproduct = 1  # not sure\n')
    mappings.chmod(0o640)
    ran = run(shell, "set", CAKE.upper(), URN)
    assert ran.lines[0].endswith(f"is now {URN} Coffee Urn (it was 1), in {mappings}")
    assert mappings.read_text() == (
        f'# ours\n[[product]]\nestablishment = 8\nname = "{CAKE}"\nproduct = {URN}  # not sure\n'
    )
    assert stat.S_IMODE(mappings.stat().st_mode) == 0o640
    assert answer(shell, "set", CAKE, "8101")["replaced"][0]["product"] == URN


def test_a_mapping_is_taken_out_by_its_name(shell: Shell, mappings: Path) -> None:
    run(shell, "set", CAKE, URN)
    ran = run(shell, "unset", CAKE.lower())
    assert (ran.status, ran.lines) == (
        0,
        [f"'{CAKE}' at establishment 8 (Special Events) is no longer mapped, in {mappings}"],
    )
    assert mappings.read_text() == ""
    again = run(shell, "unset", CAKE, "--json")
    assert (again.status, again.answer["success"]) == (2, False)


def test_where_a_name_is_mapped_twice_the_place_must_be_said(shell: Shell) -> None:
    for product in (URN, "9107"):
        run(shell, "set", CAKE, product)
    assert "add --establishment with one of: 8 (Special Events), 9 (Lakeside Bakery)" in run(shell, "unset", CAKE).err
    assert answer(shell, "unset", CAKE, "--location", "30502")["removed"][0]["establishment"] == "9"
    assert answer(shell, "unset", CAKE, "--establishment", "8")["removed"][0]["product"] == URN


def test_a_mapping_of_a_place_that_is_no_more_can_be_taken_out(shell: Shell, mappings: Path) -> None:
    mappings.write_text(f'[[product]]\nestablishment = 5\nname = "{CAKE}"\nproduct = 1\n')
    assert run(shell, "unset", CAKE, "--establishment", "5").status == 0


def test_without_any_folder_there_is_nowhere_to_write(shell: Shell, tmp_path: Path) -> None:
    place = {"TRIPLESEAT_SITE_ID": "15691", "REVEL_ESTABLISHMENT_ID": "8"}
    environ = {**place, "TSREVEL_LEDGER__PATH": str(tmp_path / "ledger.sqlite3")}
    ran = shell.run("map", "set", CAKE, URN, "--offline", environ=environ)
    assert ran.status == 10
    assert "have no folder" in ran.err


def test_mappings_that_can_t_be_read_are_told_before_anything(shell: Shell, mappings: Path) -> None:
    config = str(shell.write_config())
    mappings.write_text("[[product]]\nestablishment = 8\n")
    assert shell.run("map", "set", CAKE, URN, "--config", config).status == 10
    assert shell.requests == 0


# suggest


def test_names_come_from_menus_too(shell: Shell) -> None:
    shell.world.tripleseat.add_menu(7, "Winter", {120001: "Boxed Lunch Package", 120009: "Hot Cider"})
    shell.world.tripleseat.add_menu(8, "Bakery", {120010: "Sour Rye"}, location_ids=[30502])
    assert unmapped(shell) == [("8", CAKE), ("8", "Hot Cider"), ("9", "Hot Cider"), ("9", "Sour Rye")]
    assert unmapped(shell, "--location", "30502") == [("9", "Hot Cider"), ("9", "Sour Rye")]
    assert (
        "Hot Cider (establishment 8, Special Events; on Winter): names no active product" in run(shell, "suggest").out
    )


def test_menus_out_of_reach_are_told_and_leave_the_events(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", path="/v1/menus", status=403)
    ran = run(shell, "suggest", "--json")
    assert (ran.status, len(ran.answer["unmapped"])) == (0, 1)
    assert "403" in ran.answer["menus_error"]
    assert "menus were left out" in ran.err


def test_an_event_out_of_reach_is_told(shell: Shell) -> None:
    shell.world.tripleseat.forbidden.add(64000003)
    ran = run(shell, "suggest", "--json")
    assert (ran.status, ran.answer["unmapped"]) == (0, [])
    assert [each["event"] for each in ran.answer["events_left_out"]] == ["64000003"]
    assert "event 64000003 was left out" in ran.err


def test_tentative_events_count_lost_ones_don_t(shell: Shell) -> None:
    day = (shell.world.time.now + timedelta(days=3)).date()
    shell.world.add_event(64000050, day=day, status="TENTATIVE", lines=[("Hot Cider", 1, 5)])
    shell.world.add_event(64000051, day=day, status="LOST", lines=[("Cold Cider", 1, 5)])
    shell.world.add_event(64000052, day=day, lines=[("hot  cider", 2, 6)])
    assert unmapped(shell) == [("8", "Hot Cider"), ("8", CAKE)]
    (cider, _) = answer(shell, "suggest")["unmapped"]
    assert (cider["events"], cider["prices"]) == (["64000050", "64000052"], ["5.00", "6.00"])
    assert unmapped(shell, "--days", "2") == [("8", CAKE)]


def test_what_is_proposed_can_be_typed(shell: Shell) -> None:
    shell.world.add_event(lines=[('-Ann\'s "urn"', 1, 5)])
    run(shell, "set", "120009", "1", "--menu-item", "--establishment", "8", "--offline")
    shell.world.tripleseat.add_menu(7, "Winter", {120009: "Hot Cider"}, location_ids=[30501])
    proposed = [line.strip() for line in run(shell, "suggest").lines if line.strip().startswith("tsrevel")]
    assert len(proposed) == 3
    for line in proposed:
        _, *argv = shlex.split(line.replace("PRODUCT", URN))
        assert shell.run(*argv).status == 0
    assert unmapped(shell) == []


def test_no_customer_is_named(shell: Shell) -> None:
    outs = [run(shell, *argv, *more).out for argv in (("suggest",), ("check",)) for more in ((), ("--json",))]
    for name in ("Placeholder Labs", "Jordan", "555-0142", "Mockingbird"):
        assert not any(name in out for out in outs)


# suggest --interactive


def go_through(shell: Shell, typed: str) -> Ran:
    return run(shell, "suggest", "--interactive", tty=True, stdin=Typing(typed.encode()))


@pytest.mark.usefixtures("cake")
@pytest.mark.parametrize("typed", ["1\n", "8200\n", "=8200\n", "cake\n99999\n=1\n1\n"])
def test_a_choice_is_written_at_once(shell: Shell, mappings: Path, typed: str) -> None:
    shell.world.tripleseat.add_menu(7, "Winter", {120009: "Hot Cider"}, location_ids=[30501])
    ran = go_through(shell, typed)  # and then the input ends
    assert (ran.status, ran.lines) == (0, ["1 name mapped, 1 still without a product", f"({mappings})"])
    assert [(each["name"], each["product"]) for each in answer(shell, "list")["mappings"]] == [(CAKE, "8200")]


@pytest.mark.parametrize("typed", ["s\n", "\n", "q\n", "quit\n", "skip\n", ""])
def test_a_name_may_be_left_open(shell: Shell, mappings: Path, typed: str) -> None:
    ran = go_through(shell, typed)
    assert (ran.status, ran.lines) == (0, ["0 names mapped, 1 still without a product", f"({mappings})"])
    assert not mappings.exists()


def test_a_mapping_by_item_is_put_right_by_item(shell: Shell) -> None:
    run(shell, "set", "120009", "1", "--menu-item", "--establishment", "8", "--offline")
    shell.world.tripleseat.add_menu(7, "Winter", {120009: "Hot Cider"}, location_ids=[30501])
    assert go_through(shell, f"s\n{URN}\n").status == 0
    assert [(each["menu_item_id"], each["product"]) for each in answer(shell, "list")["mappings"]] == [("120009", URN)]


@pytest.mark.parametrize("more", [{}, {"tty": True}, {"stdin": Typing(b"1\n")}])
def test_off_a_terminal_nothing_is_asked(shell: Shell, more: dict[str, Any]) -> None:
    ran = run(shell, "suggest", "--interactive", **more)
    assert ran.status == 2
    assert "needs a terminal" in " ".join(ran.err.split())
    assert shell.requests == 0


def test_json_asks_no_questions(shell: Shell) -> None:
    ran = run(shell, "suggest", "--interactive", "--json", tty=True, stdin=Typing(b"1\n"))
    assert (ran.status, ran.answer["success"], shell.requests) == (2, False, 0)


# check


def test_check_tells_what_would_be_held(shell: Shell) -> None:
    ran = run(shell, "check", "--json")
    assert ran.status == 3
    told = ran.answer
    assert told["summary"] == {"events": 7, "covered": 5, "held": 1, "failed": 0, "skipped": 1}
    assert (told["success"], told["skipped"]) == (False, {"STATUS_NOT_ELIGIBLE": 1})
    (held,) = told["held"]
    assert (held["event"], held["reason"], held["names"]) == ("64000003", "UNMAPPED_ITEMS", [CAKE])
    assert run(shell, "check").lines[-2:] == [
        (
            "7 events from 2026-12-10 to 2027-01-11: 5 orders can be planned (1,897.23), 1 held, "
            "1 with nothing to do (STATUS_NOT_ELIGIBLE 1)"
        ),
        f"`tsrevel map suggest --config {shell.write_config()}` proposes a product for each name",
    ]


def test_an_event_that_was_held_until_its_day_ended_is_led_to_its_order(shell: Shell) -> None:
    """The next day the same names are missing, and a run that reports it as missed still says what held it."""
    shell.sync()
    shell.world.time.move(days=1)
    missed = next(each for each in shell.sync("--json").answer["events"] if each["id"] == "64000003")
    assert missed["reason"] == "EVENT_DAY_PASSED"
    assert "held with UNMAPPED_ITEMS: first run `tsrevel map suggest " in missed["error"]
    assert unmapped(shell) == [("8", CAKE)]
    assert [each["event"] for each in run(shell, "check", "--json").answer["held"]] == ["64000003"]
    assert run(shell, "set", CAKE, "8107").status == 0
    assert shell.sync_event("64000003", "--ignore-time-gate").status == 0
    assert run(shell, "check").status == 0


def test_check_plans_what_is_not_due_yet(shell: Shell) -> None:
    day = (shell.world.time.now + timedelta(days=20)).date()
    shell.world.add_event(64000050, day=day, lines=[("Hot Cider", 1, 5)])
    assert [each["event"] for each in run(shell, "check", "--json").answer["held"]] == ["64000003", "64000050"]
    assert [each["event"] for each in run(shell, "check", "--days", "19", "--json").answer["held"]] == ["64000003"]


def test_check_of_one_place_leaves_the_others(shell: Shell) -> None:
    ran = run(shell, "check", "--location", "30502", "--json")
    assert (ran.status, ran.answer["summary"]["covered"]) == (0, 2)
    assert ran.answer["skipped"]["LOCATION_NOT_ALLOWED"] == 4


@pytest.mark.parametrize("word", ["done", "ignored"])
def test_check_holds_no_event_that_a_person_has_resolved(shell: Shell, word: str) -> None:
    shell.sync()
    shell.run("resolve", "64000003", "--as", word, "--note", "seen to", "--config", str(shell.write_config()))
    assert run(shell, "check").status == 0
    told = run(shell, "check", "--json").answer
    assert (told["held"], sum(told["skipped"].values())) == ([], 5)


def take_products_away(shell: Shell) -> None:
    """Whatever is planned from now on is held."""
    for product in shell.world.revel.state.rows["Product"].values():
        product["active"] = False


def make_the_order(shell: Shell) -> None:
    shell.sync()


def find_somebody_elses_order(shell: Shell) -> None:
    shell.world.add_order(64000001)
    shell.sync()


def begin_the_order(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "POST", "/Payment/", status=503)
    shell.sync()


def dispute_the_order(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()


@pytest.mark.parametrize(
    ("arrange", "told"),
    [
        (make_the_order, (0, 0, {"ALREADY_INJECTED": 1})),
        (find_somebody_elses_order, (0, 0, {"ORDER_EXISTS": 1})),
        (begin_the_order, (0, 1, {})),
        (dispute_the_order, (3, 0, {})),
    ],
)
def test_check_plans_no_event_anew_that_has_an_order_or_part_of_one(
    tmp_path: Path, arrange: Callable[[Shell], None], told: tuple[int, int, dict[str, int]]
) -> None:
    shell = Shell(World(tmp_path, "full"))
    arrange(shell)
    take_products_away(shell)
    shell.world.time.move(hours=10)
    shell.world.forget_requests()
    ran = run(shell, "check", "--json")
    assert (ran.status, ran.answer["summary"]["covered"], ran.answer["skipped"]) == told
    assert [each["reason"] for each in ran.answer["held"]] == (["AMOUNT_MISMATCH"] if told[0] else [])
    assert shell.world.revel_requests == []


@pytest.mark.parametrize("dry_run", [True, False])
def test_check_writes_nothing_and_needs_no_ledger(shell: Shell, dry_run: bool) -> None:
    shell.world.config["safety"]["dry_run"] = dry_run
    run(shell, "check")
    assert shell.world.writes == []
    assert not list(shell.world.folder.glob("ledger*"))


def test_any_reason_is_told(shell: Shell) -> None:
    shell.world.add_event(64000050, grand_total="1.00")
    shell.world.tripleseat.forbidden.add(64000001)
    told = run(shell, "check", "--json").answer["held"]
    reasons = {each["event"]: (each["status"], each["reason"], each["names"]) for each in told}
    assert reasons == {
        "64000001": ("held", "AUTHORIZATION_DENIED", []),
        "64000003": ("held", "UNMAPPED_ITEMS", [CAKE]),
        "64000050": ("held", "AMOUNT_MISMATCH", []),
    }


def test_a_row_that_can_t_be_read_is_told(shell: Shell) -> None:
    body = {"total_pages": 1, "results": [{"name": "no id"}]}
    shell.world.tripleseat.faults.add("wrong_shape", path="/v1/events/search", body=body)
    (held,) = run(shell, "check", "--json").answer["held"]
    assert (held["event"], held["reason"]) == ("unreadable", "MISSING_DATA")


def test_one_event_that_can_t_be_fetched_is_told(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", path="/v1/events/64000001", status=500, times=None)
    ran = run(shell, "check", "--json")
    failed = next(each for each in ran.answer["held"] if each["status"] == "failed")
    assert (ran.status, failed["event"], failed["reason"]) == (3, "64000001", "UPSTREAM_UNAVAILABLE")


@pytest.mark.parametrize("command", [("check",), ("suggest",), ("list",), ("set", "Other", URN)])
def test_a_service_that_is_down_is_no_answer(shell: Shell, command: tuple[str, ...]) -> None:
    run(shell, "set", CAKE, "8200", "--establishment", "8", "--offline")
    shell.world.wires["revel"].down = True
    ran = run(shell, *command, "--json")
    assert (ran.status, ran.answer["success"]) == (13, False)


def test_where_no_event_could_be_judged_there_is_no_answer(shell: Shell) -> None:
    shell.world.wires["revel"].down = True
    assert run(shell, "check", "--location", "30502").status == 13


def test_events_that_can_t_be_listed_are_no_coverage(shell: Shell) -> None:
    shell.world.wires["tripleseat"].down = True
    assert run(shell, "check").status == 13


def test_events_of_which_only_some_are_listed_are_told_as_far_as_they_go(shell: Shell) -> None:
    shell.world.tripleseat.page_size, shell.world.tripleseat.repeats_first_page = 4, True
    checked, suggested = run(shell, "check", "--json"), run(shell, "suggest", "--json")
    assert (checked.status, checked.answer["success"]) == (13, False)
    assert checked.answer["summary"]["events"] == 4
    assert suggested.status == 0
    assert suggested.answer["unmapped"]
    for each in (checked, suggested):
        assert each.answer["events_error"]
        assert each.answer["events_error"] in each.err


def switch_off(shell: Shell, how: str) -> None:
    """Throw the kill switch, in the settings or at hand."""
    shell.world.config["safety"]["enable_connector"] = how != "disabled"
    if how == "paused":
        with shell.world.ledger() as ledger:
            ledger.runs.pause("stocktaking")


HOW = [("disabled", "safety.enable_connector"), ("paused", "stocktaking")]
SWITCHES = pytest.mark.parametrize(("how", "says"), HOW)


@SWITCHES
@pytest.mark.parametrize("command", [("check",), ("suggest",), ("list", "--seen")])
def test_while_switched_off_nothing_is_checked_and_that_is_no_success(
    shell: Shell, command: tuple[str, ...], how: str, says: str
) -> None:
    switch_off(shell, how)
    ran = run(shell, *command, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (3, False, 3)
    assert (ran.answer["reason"], shell.requests) == ("CONNECTOR_DISABLED", 0)
    assert says in ran.answer["error"]
    ran = run(shell, *command, "-q")
    assert (ran.status, ran.out.startswith("Nothing was checked: "), says in ran.out) == (3, True, True)
    assert ("`tsrevel resume --config " in ran.out) == (how == "paused")
    assert shell.requests == 0


@SWITCHES
def test_while_switched_off_mappings_are_listed_and_set_unchecked_alone(shell: Shell, how: str, says: str) -> None:
    switch_off(shell, how)
    ran = run(shell, "set", CAKE, "8200", "--establishment", "8", "--json")
    assert (ran.status, says in ran.answer["error"], "--offline" in ran.err) == (3, True, True)
    assert run(shell, "set", CAKE, "8200", "--establishment", "8", "--offline").status == 0
    ran = run(shell, "list", "--json")
    assert (ran.status, ran.answer["mappings"][0]["exists"], says in ran.err) == (0, None, True)
    assert shell.requests == 0


def test_with_nothing_held_a_quiet_check_says_nothing(shell: Shell) -> None:
    assert run(shell, "check", "--location", "30502", "-q").out == ""
    assert "2 orders can be planned" in run(shell, "check", "--location", "30502").out


def test_map_alone_shows_its_commands(shell: Shell) -> None:
    out = shell.run("map", "--help").out
    for name in ("list", "suggest", "set", "unset", "check"):
        assert f" {name} " in out


# Names with characters that nobody sees


COOK = "Chef's \U0001f469\u200d\U0001f373 Plate"


def test_a_name_with_joiners_finds_its_own_product(shell: Shell) -> None:
    shell.world.revel.add_product(8300, f"\u200e{COOK}\ufe0f", 8, "10.00")
    shell.world.add_event(lines=[(COOK, 1, "10.00")])
    assert ("8", COOK) not in unmapped(shell)
    assert find_outcome(shell.world.sync(), 64000050).order_id


@pytest.mark.parametrize(
    "typed", [COOK, COOK.replace("\u200d", ""), f"\u200e{COOK.lower()}\ufe0f", COOK.replace(" ", "  ")]
)
def test_a_name_with_joiners_is_mapped_kept_as_it_is_shown_and_taken_out(
    shell: Shell, mappings: Path, typed: str
) -> None:
    shell.world.add_event(lines=[(COOK, 1, "10.00")])
    assert ("8", COOK) in unmapped(shell)
    assert run(shell, "set", typed, URN).status == 0
    assert "\u200e" not in mappings.read_text(encoding="utf-8")
    assert ("8", COOK) not in unmapped(shell)
    assert find_outcome(shell.world.sync(), 64000050).order_id
    assert run(shell, "unset", COOK).status == 0
    assert answer(shell, "list")["mappings"] == []


@pytest.mark.parametrize("typed", ["\u200d", "\ufe0f", "\u200e \ufeff", "a\x1bb", "half\ud800"])
def test_what_shows_nothing_or_is_no_text_is_no_name(shell: Shell, mappings: Path, typed: str) -> None:
    assert run(shell, "set", typed, URN).status == 2
    assert not mappings.exists()


# Files that can't be written


def set_anything(shell: Shell, config: Path) -> Ran:
    return shell.run("map", "set", "Anything", "8107", "--establishment", "8", "--offline", "--config", str(config))


def test_on_a_full_disk_room_is_asked_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_args: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", fill)
    ran = set_anything(shell, shell.write_config())
    assert ran.status == 10
    assert "The disk is full. Make room" in ran.err
    assert "writable" not in ran.err


def test_a_folder_that_isnt_writable_is_named() -> None:
    with folder_of_other() as folder:
        shell = Shell(World(folder))
        config = shell.write_config()
        give_to_other(*folder.iterdir())
        folder.chmod(0o555)
        with as_other():
            ran = set_anything(shell, config)
    assert ran.status == 10
    assert f"Let this user write to the folder {folder}" in ran.err

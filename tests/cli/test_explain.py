"""`explain`: the plan and the decision in words, and as JSON."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from ..engine.deliveries import encode
from ..world import Died
from .bench import Ran, Shell, assert_fits
from .test_status import plain

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)


def explain(shell: Shell, event_id: int, *argv: str, tty: bool = False) -> Ran:
    """`explain`, once it is seen that nothing was written."""
    before = len(shell.world.writes)
    ran = shell.run("explain", str(event_id), "--config", str(shell.write_config()), *argv, tty=tty)
    assert len(shell.world.writes) == before
    return ran


def test_a_plan_is_told_with_its_document_lines_products_and_total(shell: Shell) -> None:
    told = explain(shell, FULL, "--json").answer
    assert (told["status"], told["reason"], told["source"]) == ("planned", None, "live")
    assert told["event"]["total"] == "837.72"
    assert told["document"]["why"] == "it is the only live document with lines"
    first = told["lines"][0]
    assert (first["name"], first["quantity"], first["amount"]) == ("Boxed Lunch Package", "24", "444.00")
    assert (first["product"], first["product_name"], first["how"]) == ("8101", "Boxed Lunch Package", "exact_name")
    money = told["money"]
    assert money["identity"] == "lines 682.00 - discounts 9.60 + charges 165.32 = grand total 837.72"
    assert {each["name"]: each["as"] for each in money["charges"]} == {"Service Charge": "item", "Sales Tax": "tax"}
    assert (money["order_total"], money["paid"], money["remaining_due"]) == ("837.72", "200.00", "637.72")
    assert [each["step"] for each in told["steps"]].count("item") == 5
    assert not any(each["written"] for each in told["steps"])
    assert list(shell.world.folder.glob("ledger*")) == []


def test_in_words_it_is_the_same(shell: Shell) -> None:
    out = explain(shell, FULL).out
    for text in (
        "decision: planned",
        "document: 41500002 (Contract & Event Order: 41500002): it is the only live document with lines",
        "24 x Boxed Lunch Package, 444.00 -> product 8101 'Boxed Lunch Package': exactly one active product",
        "TACO TRIO - Carne asada, cilantro & onion, 96.00 -> product 8102 'Taco Trio': it begins with the name",
        "charge Sales Tax, 53.24: is the order's tax in Revel",
        "total: lines 682.00 - discounts 9.60 + charges 165.32 = grand total 837.72",
        "order Triple Seat_64000001 as planned now: establishment 8, 10 steps",
    ):
        assert text in out, text


def test_an_unmapped_line_is_named_with_what_to_do(shell: Shell) -> None:
    shell.sync()
    out = explain(shell, UNMAPPED).out
    assert "decision: held UNMAPPED_ITEMS: 1 of 2 lines has no product" in out
    assert "what to do: run `tsrevel map suggest --config " in out
    assert "1 x Ube Celebration Cake, 86.00: 'Ube Celebration Cake' names no active product" in out
    assert "last run that saw it: 2026-12-12 18:00 UTC, held UNMAPPED_ITEMS" in out


def test_a_mapping_is_named_as_what_led_to_the_product(shell: Shell) -> None:
    (shell.world.folder / "mappings.toml").write_text(
        '[[product]]\nestablishment = 8\nname = "Ube Celebration Cake"\nproduct = 8107\n'
    )
    told = explain(shell, UNMAPPED, "--json").answer
    assert (told["status"], told["lines"][1]["how"], told["lines"][1]["product"]) == ("planned", "mapped_name", "8107")


def test_what_will_hold_an_event_on_its_day_is_foretold(shell: Shell) -> None:
    shell.world.rewrite_event(EARLY, lines=[("Moon Cake", 1, 9)])
    told = explain(shell, EARLY, "--json").answer
    assert (told["reason"], told["foretold"]["reason"]) == ("TOO_EARLY", "UNMAPPED_ITEMS")
    assert "tsrevel map suggest" in told["advice"]
    out = explain(shell, EARLY).out
    assert "a run would hold it: UNMAPPED_ITEMS: 1 of 1 lines has no product" in out
    assert "what to do: run `tsrevel map suggest --config " in out
    assert "nothing to do" not in out


def test_an_order_half_written_is_told_with_its_steps(shell: Shell) -> None:
    shell.world.at("after POST /resources/Payment/", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync_event(FULL)
    shell.world.revive()
    told = explain(shell, FULL, "--json").answer
    assert (told["status"], told["event"]["revel_order_id"]) == ("planned", "5550101")
    assert told["text"] == "its Revel order 5550101 was begun and would be finished"
    assert [each["written"] for each in told["steps"]].count(True) == 7
    assert "7 of 10 steps written" in explain(shell, FULL).out
    shell.world.sync()
    assert shell.world.flaws(FULL) == []


def test_an_order_whose_last_answer_was_lost_is_told_as_complete(shell: Shell) -> None:
    shell.world.at("after POST /resources/OrderHistory/", shell.world.die)
    with pytest.raises(Died):
        shell.world.sync_event(FULL)
    shell.world.revive()
    told = explain(shell, FULL, "--json").answer
    assert (told["status"], told["text"]) == ("planned", "Revel order 5550101 is complete; the next run notes that")


def test_a_lost_ledger_is_no_loss(shell: Shell) -> None:
    shell.sync()
    shell.world.lose_ledger()
    told = explain(shell, FULL, "--json").answer
    assert (told["status"], told["reason"]) == ("skipped", "ALREADY_INJECTED")
    assert (told["order"], told["last_seen"], told["event"]["revel_order_id"]) == (None, None, "5550103")


def test_a_settled_event_is_told_with_the_persons_note(shell: Shell) -> None:
    shell.sync()
    config = str(shell.write_config())
    shell.run("resolve", str(UNMAPPED), "--config", config, "--as", "ignored", "--note", "called off")
    told = explain(shell, UNMAPPED, "--json").answer
    assert (told["status"], told["reason"]) == ("skipped", "STATUS_NOT_ELIGIBLE")
    assert told["resolution"]["note"] == "called off"
    offline = explain(shell, UNMAPPED, "--json", "--offline").answer
    assert (offline["status"], offline["reason"]) == ("skipped", "STATUS_NOT_ELIGIBLE")
    assert "note: called off" in explain(shell, UNMAPPED).out


@pytest.mark.parametrize("how", ["touched", "edited", "cancelled"])
@pytest.mark.parametrize("argv", [(), ("--offline",)])
def test_a_settled_change_of_a_finished_order_is_told_no_more(shell: Shell, argv: tuple[str, ...], how: str) -> None:
    world = shell.world
    shell.sync()
    (order,) = world.orders_of(FULL)

    def change(number: int) -> None:
        if how == "touched":
            world.revel.state.rows["Order"][order["id"]]["final_total"] = Decimal(800 + number)
        else:
            world.tripleseat.edit_event(FULL, **({"guest_count": number} if how == "edited" else {"status": "LOST"}))

    def told(runs: int = 3) -> tuple[str, bool]:
        for _ in range(runs):
            world.time.move(minutes=45)
            shell.sync()
        answer = explain(shell, FULL, "--json", *argv).answer
        return answer["reason"], "a person resolved it as done" in answer["text"]

    reason = "CANCELLED_AFTER_INJECTION" if how == "cancelled" else "CHANGED_AFTER_INJECTION"
    change(77)
    assert told() == (reason, False)
    shell.run("resolve", str(FULL), "--as", "done", "--note", "seen to", "--config", str(shell.write_config()))
    for runs in (0, 3):
        assert told(runs) == ("ALREADY_INJECTED", True)
    if how != "cancelled":
        change(78)
        assert told() == (reason, False)


def test_offline_an_unknown_event_is_told_as_unknown(shell: Shell) -> None:
    ran = explain(shell, 1, "--offline", "--json")
    assert (ran.status, ran.answer["known"], ran.answer["status"]) == (2, False, None)
    assert "no run in this ledger has seen it" in explain(shell, 1, "--offline").out


def test_offline_a_disputed_order_is_told_with_what_is_disputed(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()
    told = explain(shell, FULL, "--offline", "--json").answer
    assert (told["reason"], "tax is 0.00, not 53.24" in told["text"]) == ("AMOUNT_MISMATCH", True)
    assert told["items"][0] == {
        "line": "Boxed Lunch Package",
        "product": "8101",
        "product_name": None,
        "quantity": 24,
        "unit_price": "18.50",
        "amount": "444.00",
    }


def test_a_copy_in_the_ledger_is_explained_without_asking(shell: Shell) -> None:
    shell.sync()
    told = explain(shell, UNMAPPED, "--offline", "--json").answer
    assert told["money"]["identity"].endswith("= grand total 124.00")
    assert "was not read" in told["lines"][0]["why"]
    assert told["event"]["name"] == ""


def test_a_service_that_is_down_is_told_as_json_as_well(shell: Shell) -> None:
    shell.sync()
    shell.world.wires["tripleseat"].down = True
    ran = explain(shell, FULL, "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (13, False, 13)
    assert (ran.answer["status"], ran.answer["reason"]) == ("failed", "UPSTREAM_UNAVAILABLE")
    assert ran.answer["order"]["revel_order_id"] == "5550103"


def test_what_kept_the_services_from_being_asked_is_no_fault_of_tsrevels(shell: Shell) -> None:
    (shell.world.folder / "token.json").unlink()
    ran = explain(shell, FULL)
    assert ran.status == 10
    assert "tripleseat.token_file" in ran.out
    assert "what to do: correct the problem that the text names" in ran.out
    assert "source: not every service could be called" in ran.out


def test_on_a_terminal_the_event_is_named_and_lines_fit(shell: Shell) -> None:
    out = plain(explain(shell, FULL, tty=True).out)
    assert "Example Widgets holiday lunch" in out
    assert_fits(out.splitlines(), 100)
    assert "Example Widgets" not in explain(shell, FULL).out


@pytest.mark.parametrize("argv", [(), ("--offline",)])
def test_an_event_that_nobody_knows_is_said_to_be_unknown(shell: Shell, argv: tuple[str, ...]) -> None:
    ran = explain(shell, 99, *argv)
    assert (ran.status, len(ran.lines)) == (2, 1)
    assert "check its id" in ran.out
    if not argv:
        assert ran.out.startswith("event 99: TripleSeat has no such event, and no run in this ledger has seen it")
    told = explain(shell, 99, *argv, "--json").answer
    assert (told["known"], told["success"], told["exit_status"]) == (False, False, 2)
    assert told["error"]


@pytest.mark.parametrize("argv", [(), ("--json",)])
def test_an_event_that_only_a_delivery_named_is_known_offline(shell: Shell, argv: tuple[str, ...]) -> None:
    path = shell.world.folder / "delivery.json"
    path.write_bytes(encode("CREATE_LEAD", event={"id": 777}))
    assert shell.replay(str(path), "--unsigned").status == 0
    ran = explain(shell, 777, "--offline", *argv)
    assert (ran.status, "CREATE_LEAD" in ran.out, "check its id" in ran.out) == (0, True, False)


def test_an_event_that_the_ledger_alone_knows_is_explained_by_it(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.state.events.pop(UNMAPPED)
    told = explain(shell, UNMAPPED, "--json").answer
    assert told["known"] is True
    assert "check its id" not in explain(shell, UNMAPPED).out


def test_a_service_that_is_down_makes_no_event_unknown(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("status", "GET", "/v1/events/99", times=None, status=500)
    assert explain(shell, 99, "--json").answer["known"] is True


def test_commands_in_answers_name_the_settings_file(shell: Shell) -> None:
    shell.sync()
    config = str(shell.write_config())
    for argv in (("status",), ("explain", str(MISSED)), ("history", str(MISSED))):
        out = shell.run(*argv, "--json", "--config", config).out
        commands = re.findall(r"`(tsrevel [^`]+)`", out)
        assert commands, argv
        assert all(each.endswith(f"--config {config}") for each in commands), argv
    shell.world.config["revel"]["api_key"] = "wrong"
    advice = explain_failing(shell)
    assert f"`tsrevel explain {FULL} --config " in advice


def explain_failing(shell: Shell) -> str:
    """The advice of `explain` for an event that a problem of the settings keeps from being explained."""
    (shell.world.folder / "token.json").unlink()
    ran = shell.run("explain", str(FULL), "--json", "--config", str(shell.write_config()))
    assert ran.status == 10
    return str(ran.answer["advice"])


def test_an_item_of_a_charge_and_a_tax_are_told_in_words(shell: Shell) -> None:
    out = explain(shell, FULL).out
    assert "charge Service Charge, 112.08: is to be an item of the order in Revel" in out
    assert "charge Sales Tax, 53.24: is the order's tax in Revel" in out

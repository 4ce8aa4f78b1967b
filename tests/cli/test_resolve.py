"""`resolve`: a person's word on an event, and the way back, without a chance of a second order."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tsrevel.errors import RunLocked
from tsrevel.ledger import hold_lock

from ..world import World
from .bench import Ran, Shell

FULL, PAID, UNMAPPED, EARLY, MISSED, LOST, TWINS = range(64000001, 64000008)
ORDER = 5550101


def resolve(shell: Shell, event_id: int, word: str, *argv: str, note: str = "dealt with", tty: bool = False) -> Ran:
    """`resolve` with a note."""
    config = str(shell.write_config())
    return shell.run(
        "resolve", str(event_id), "--config", config, "--as", word, *(["--note", note] if note else []), *argv, tty=tty
    )


@pytest.mark.parametrize(("word", "reason"), [("done", "ALREADY_INJECTED"), ("ignored", "STATUS_NOT_ELIGIBLE")])
def test_a_held_event_is_settled_and_no_service_asked(shell: Shell, word: str, reason: str) -> None:
    shell.sync()
    before = shell.requests
    ran = resolve(shell, UNMAPPED, word, "--json", note="entered  by\n hand")
    assert (ran.status, ran.answer["success"], shell.requests) == (0, True, before)
    assert (ran.answer["event_id"], ran.answer["verdict"], ran.answer["reason"]) == (str(UNMAPPED), word, reason)
    assert ran.answer["resolution"] == {
        "event_id": str(UNMAPPED),
        "verdict": word,
        "note": "entered by hand",
        "revel_order_id": None,
        "revel_order_ids": [],
        "resolved_at": "2026-12-12T18:00:14Z",
    }
    assert (ran.answer["event"]["reason"], ran.answer["warnings"]) == ("UNMAPPED_ITEMS", [])
    ran = shell.sync("--json")
    told = {each["id"]: (each["status"], each["reason"]) for each in ran.answer["events"]}
    assert (ran.status, told[str(UNMAPPED)]) == (0, ("skipped", reason))


def test_off_a_terminal_and_on_it_one_line_says_what_is_true_now(shell: Shell) -> None:
    shell.sync()
    line = f"event {UNMAPPED} is resolved as done; runs skip it from now on (ALREADY_INJECTED)\n"
    assert resolve(shell, UNMAPPED, "done").out == line
    assert resolve(shell, UNMAPPED, "done", tty=True).out == line
    assert resolve(shell, UNMAPPED, "done", "-q").out == ""
    assert (
        resolve(shell, UNMAPPED, "open", "--no-order-exists").lines[0]
        == f"event {UNMAPPED} is open again; the next run reads it again and decides"
    )
    assert resolve(shell, UNMAPPED, "open").out == f"event {UNMAPPED} was not resolved; nothing changed\n"


@pytest.mark.parametrize(
    ("event_id", "runs_meanwhile", "said", "later"),
    [
        (MISSED, False, "skipped REOPENED", "skipped EVENT_DAY_PASSED"),
        (EARLY, False, "skipped REOPENED", "skipped TOO_EARLY"),
        (UNMAPPED, False, "held UNMAPPED_ITEMS", "held UNMAPPED_ITEMS"),
        (UNMAPPED, True, "skipped REOPENED", "held UNMAPPED_ITEMS"),
    ],
)
def test_opened_again_no_command_says_that_a_run_planned_it(
    shell: Shell, event_id: int, runs_meanwhile: bool, said: str, later: str
) -> None:
    config = ("--config", str(shell.write_config()))
    shell.sync()
    resolve(shell, event_id, "done")
    if runs_meanwhile:
        shell.sync()
    opened = resolve(shell, event_id, "open", "--no-order-exists", "--json").answer["event"]
    explained = shell.run("explain", str(event_id), "--offline", *config)
    told = shell.run("explain", str(event_id), "--offline", *config, "--json").answer
    past = shell.run("history", str(event_id), *config, "--json").answer["event"]
    status = shell.run("status", *config, "--json").answer
    [shown] = [each for each in (*status["held"], *status["missed"], *status["due"]) if each["id"] == str(event_id)]
    assert {f"{each['status']} {each['reason']}" for each in (opened, told, past, shown)} == {said}
    assert opened == past == told["last_seen"]
    everything = explained.out + shell.run("status", *config).out + shell.run("history", str(event_id), *config).out
    assert "planned" not in everything
    assert "makes its order" not in everything
    assert ("before a person opened it again" in explained.out) is (said == "skipped REOPENED")
    report = shell.sync("--json").answer
    assert [f"{each['status']} {each['reason']}" for each in report["events"] if each["id"] == str(event_id)] == [later]
    past = shell.run("history", str(event_id), *config, "--json").answer["event"]
    assert f"{past['status']} {past['reason']}" == later


def test_a_second_order_is_not_settled_by_words(shell: Shell) -> None:
    shell.sync()
    (order,) = shell.world.orders_of(FULL)
    shell.world.add_order(FULL, uuid=order["uuid"])
    shell.world.time.move(minutes=45)
    assert shell.sync().status == 14
    ran = resolve(shell, FULL, "done", "--json")
    assert "runs go on reporting that (exit 14) until one is left" in " ".join(ran.answer["warnings"])
    assert shell.sync().status == 14


@pytest.mark.parametrize("word", ["done", "ignored"])
def test_two_orders_of_an_event_without_one_in_the_ledger_are_not_settled_by_words(shell: Shell, word: str) -> None:
    numbers = [shell.world.add_order(PAID) for _ in range(2)]
    assert shell.sync().status == 14
    for flags in ((), ("--order", str(numbers[0])) if word == "done" else ()):
        ran = resolve(shell, PAID, word, *flags)
        assert (ran.status, all(str(each) in ran.err for each in numbers)) == (2, True)
    assert shell.sync().status == 14
    shell.world.revel.state.rows["Order"][numbers[1]]["deleted"] = True
    assert resolve(shell, PAID, word).status == 0


def test_two_orders_are_settled_with_a_warning_while_revel_can_not_be_asked(shell: Shell) -> None:
    for _ in range(2):
        shell.world.add_order(PAID)
    shell.sync()
    shell.world.wires["revel"].down = True
    ran = resolve(shell, PAID, "done", "--json")
    assert (ran.status, "no run checks that again" in ran.answer["warnings"][0]) == (0, True)


def test_an_unknown_event_is_taken_with_a_warning(shell: Shell) -> None:
    ran = resolve(shell, 1, "ignored", "--json")
    first, second = ran.answer["warnings"]
    assert (ran.status, second) == (0, "no run has seen this event yet; check its id")
    for again in (ran, resolve(shell, 2, "ignored"), resolve(shell, 2, "open", "--quiet")):
        assert f"warning: {second}" in again.err
    ledger = shell.world.settings().ledger_path
    assert first == f"no run has used this ledger; check that cron's runs use the same settings file ({ledger})"
    assert ran.answer["ledger"] == str(ledger)


def test_a_finished_order_is_noted_and_goes_on_to_be_watched(shell: Shell) -> None:
    shell.sync()
    ran = resolve(shell, FULL, "done", "--json")
    assert (ran.status, ran.answer["reason"]) == (0, None)
    assert "has Revel order 5550103" in ran.answer["warnings"][0]
    assert resolve(shell, FULL, "done").lines[0] == f"event {FULL} is noted as done"


def test_what_runs_will_not_report_again_is_named_when_it_is_settled(shell: Shell) -> None:
    shell.sync()
    shell.world.tripleseat.edit_event(FULL, status="LOST")
    shell.sync()
    for last in ("CANCELLED_AFTER_INJECTION", "has Revel order"):
        assert last in resolve(shell, FULL, "done", "--json").answer["warnings"][-1]


def test_an_order_in_dispute_is_settled_and_the_alarm_ends(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    assert shell.sync().status == 14
    told = ["no run finishes or corrects Revel order 5550103; correct or void it in Revel"]
    resolve(shell, TWINS, "done")
    for word in ("ignored", "done"):
        assert resolve(shell, FULL, word, "--json").answer["warnings"] == told
    opened = resolve(shell, FULL, "open", "--no-order-exists")
    assert ("runs hold it" in opened.out, "SECOND" in opened.out) == (True, False)
    resolve(shell, FULL, "done")
    resolve(shell, UNMAPPED, "ignored")
    assert shell.sync().status == 0


def test_an_order_begun_is_named_so_that_it_is_seen_to(shell: Shell) -> None:
    shell.world.revel.faults.add("drop_before", "POST", "/resources/OrderItem/", times=None)
    shell.sync()
    told = resolve(shell, FULL, "done", "--json").answer["warnings"]
    assert told == ["Revel order 5550103 is unfinished, and no run finishes it now; finish or delete it in Revel"]


@pytest.mark.parametrize(
    ("argv", "note", "says"),
    [
        (("--as", "done"), "", "--note is missing"),
        (("--as", "ignored"), "   ", "--note is missing"),
        (("--as", "done"), "x" * 501, "500"),
        (("--as", "done"), "bell \x07", "can't be printed"),
        (("--as", "ignored", "--order", "12"), "note", "--order goes with --as done"),
        (("--as", "open", "--order", "12"), "note", "--order goes with --as done"),
        (("--as", "done", "--order", "twelve"), "note", "the number of a Revel order"),
        (("--as", "done", "--order", "0"), "note", "the number of a Revel order"),
        (("--as", "ignored", "--no-order-exists"), "note", "--no-order-exists goes with --as open"),
        (("--as", "finished"), "note", "finished"),
        ((), "note", "--as"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error_and_stores_nothing(
    shell: Shell, argv: tuple[str, ...], note: str, says: str
) -> None:
    config = str(shell.write_config())
    ran = shell.run("resolve", str(FULL), "--config", config, *argv, "--note", note)
    assert ran.status == 2
    assert says in ran.err
    assert list(shell.world.folder.glob("ledger.sqlite3")) == []


def test_while_a_run_goes_on_it_is_refused_with_eleven(shell: Shell) -> None:
    shell.sync()
    with hold_lock(shell.world.folder / "ledger.sqlite3"):
        ran = resolve(shell, UNMAPPED, "done", "--json")
    assert (ran.status, ran.answer["exit_status"]) == (11, 11)
    assert shell.world.record(UNMAPPED) is None


def test_no_run_makes_an_order_while_a_named_one_is_looked_up(shell: Shell) -> None:
    order = shell.world.add_order(FULL, "by hand", final_total=Decimal("837.72"))
    ends: list[type[BaseException]] = []

    def run_meanwhile() -> None:
        with pytest.raises(RunLocked) as refused:
            shell.world.sync()
        ends.append(refused.type)

    shell.world.at(f"after GET .*events/{FULL} of TripleSeat", run_meanwhile)
    assert resolve(shell, FULL, "done", "--order", str(order)).status == 0
    assert ends == [RunLocked]
    shell.sync()
    assert shell.world.orders_of(FULL) == []


def test_opened_again_an_event_is_made_once(shell: Shell) -> None:
    resolve(shell, FULL, "ignored")
    shell.sync()
    assert shell.world.orders_of(FULL) == []
    assert resolve(shell, FULL, "open", note="").status == 0
    shell.sync()
    shell.sync()
    assert shell.world.flaws(FULL) == []


def test_an_order_by_hand_that_stands_keeps_the_event_from_being_opened(shell: Shell) -> None:
    order = shell.world.add_order(FULL, "typed by hand")
    resolve(shell, FULL, "done", "--order", str(order))
    ran = resolve(shell, FULL, "open", "--json")
    assert (ran.status, ran.answer["success"], ran.answer["exit_status"]) == (3, False, 3)
    assert f"Revel order {order} still stands" in ran.err
    shell.sync()
    assert [each["local_id"] for each in shell.world.revel.orders].count("Triple Seat_64000001") == 0


def void_by_hand(shell: Shell, order: int) -> None:
    """Void all of an order without items of its own, as a station does."""
    shell.world.revel.state.rows["Order"][order].update(dict.fromkeys(("final_total", "remaining_due"), Decimal(0)))
    item = {"quantity": 1, "price": Decimal(1), "voided_date": "2026-12-12T11:00:00"}
    shell.world.revel.add("OrderItem", None, order=f"/resources/Order/{order}/", **item)


@pytest.mark.parametrize("voided", [False, True])
def test_once_it_is_gone_the_event_can_be_opened(shell: Shell, voided: bool) -> None:
    order = shell.world.add_order(FULL, "typed by hand")
    resolve(shell, FULL, "done", "--order", str(order))
    if voided:
        void_by_hand(shell, order)
    else:
        shell.world.revel.state.rows["Order"][order]["deleted"] = True
    ran = resolve(shell, FULL, "open")
    assert (ran.status, "only by its local_id" in ran.out) == (0, True)
    shell.sync()
    assert len(shell.world.orders_of(FULL)) == 1


@pytest.mark.parametrize("word", ["done", "ignored"])
def test_a_later_word_without_an_order_doesnt_forget_the_one_that_was_named(shell: Shell, word: str) -> None:
    order = shell.world.add_order(FULL, "777")
    resolve(shell, FULL, "done", "--order", str(order))
    told = resolve(shell, FULL, word, "--json").answer
    assert told["resolution"]["revel_order_id"] == str(order)
    for _ in range(2):
        assert resolve(shell, FULL, "open", "--no-order-exists").status == 3
    assert shell.sync_event(str(FULL)).status == 0
    assert shell.world.orders_of(FULL) == []


def test_every_order_that_was_named_must_be_gone(shell: Shell) -> None:
    first, second = (shell.world.add_order(FULL, text) for text in ("777", "778"))
    resolve(shell, FULL, "done", "--order", str(first))
    told = resolve(shell, FULL, "done", "--order", str(second), "--json").answer
    assert told["resolution"]["revel_order_ids"] == [str(first), str(second)]
    shell.world.revel.state.rows["Order"][second]["deleted"] = True
    ran = resolve(shell, FULL, "open")
    assert (ran.status, f"Revel order {first} still stands" in ran.err) == (3, True)
    shell.world.revel.state.rows["Order"][first]["deleted"] = True
    assert resolve(shell, FULL, "open").status == 0
    resolve(shell, FULL, "ignored")
    assert resolve(shell, FULL, "open", "--json").answer["before"]["revel_order_ids"] == []


@pytest.mark.parametrize("how", ["deleted", "voided", "unknown"])
def test_an_order_that_revel_has_not_got_is_refused(shell: Shell, how: str) -> None:
    order = 999999999 if how == "unknown" else shell.world.add_order(FULL, "777", deleted=how == "deleted")
    if how == "voided":
        void_by_hand(shell, order)
    ran = resolve(shell, FULL, "done", "--order", str(order))
    assert (ran.status, "nothing was stored" in ran.err) == (2, True)
    assert resolve(shell, FULL, "open", "--json").answer["before"] is None


@pytest.mark.parametrize("by", ["uuid", "local_id", "ledger", "ledger alone", "resolution"])
def test_another_events_order_is_refused_and_it_is_said_whose_it_is(shell: Shell, by: str) -> None:
    """A number copied from the line above would leave this event without an order, and nobody would notice."""
    rows = shell.world.revel.state.rows["Order"]
    if by == "local_id":
        order = shell.world.add_order(FULL)
    elif by == "resolution":
        order = shell.world.add_order(FULL, "777")
        assert resolve(shell, FULL, "done", "--order", str(order)).status == 0
    else:
        shell.sync()
        order = shell.world.orders_of(FULL)[0]["id"]
        rows[order]["local_id"] = "renamed"
        if by.startswith("ledger"):
            rows[order]["uuid"] = "00000000-0000-4000-8000-000000000009"
        shell.world.wires["revel"].down = by == "ledger alone"
    ran = resolve(shell, UNMAPPED, "done", "--order", str(order))
    assert (ran.status, f"order {order} is the order of event {FULL} (" in ran.err) == (2, True)
    assert "nothing was stored" in ran.err
    assert resolve(shell, UNMAPPED, "open", "--json").answer["before"] is None


@pytest.mark.parametrize("name", ["Triple Seat_{}", "Triple Seat {}", "777"])
def test_its_own_order_is_taken_whatever_its_name(shell: Shell, name: str) -> None:
    order = shell.world.add_order(UNMAPPED, name)
    shell.sync()
    assert resolve(shell, UNMAPPED, "done", "--order", str(order)).status == 0
    assert resolve(shell, UNMAPPED, "done", "--order", str(order)).status == 0


def test_our_own_order_under_another_events_name_is_taken_by_its_uuid(shell: Shell) -> None:
    shell.sync()
    order = shell.world.orders_of(FULL)[0]["id"]
    shell.world.revel.state.rows["Order"][order]["local_id"] = f"Triple Seat_{UNMAPPED}"
    assert resolve(shell, FULL, "done", "--order", str(order)).status == 0
    assert resolve(shell, UNMAPPED, "done", "--order", str(order)).status == 2


def test_an_order_that_was_named_by_mistake_is_free_again_once_another_is_named(shell: Shell) -> None:
    wrong, right = (shell.world.add_order(FULL, text) for text in ("777", "778"))
    resolve(shell, UNMAPPED, "done", "--order", str(wrong))
    assert resolve(shell, FULL, "done", "--order", str(wrong)).status == 2
    assert resolve(shell, UNMAPPED, "done", "--order", str(right)).status == 0
    assert resolve(shell, FULL, "done", "--order", str(wrong)).status == 0


@pytest.mark.parametrize("how", ["down", "paused", "disabled"])
def test_where_revel_cant_be_asked_it_is_said_that_the_order_wasnt_checked(shell: Shell, how: str) -> None:
    shell.world.wires["revel"].down = how == "down"
    shell.world.config["safety"]["enable_connector"] = how != "disabled"
    if how == "paused":
        with shell.world.ledger() as ledger:
            ledger.runs.pause("stocktaking")
    ran = resolve(shell, FULL, "done", "--order", "12", "--json")
    assert (ran.status, ran.answer["resolution"]["revel_order_id"], shell.requests) == (0, "12", 0)
    assert "whether Revel has order 12 wasn't checked" in ran.answer["warnings"][0]


@pytest.mark.parametrize("event", ["abc", "0", "-5", "1.5", "0071", "٣"])
def test_what_can_be_no_events_id_is_refused(shell: Shell, event: str) -> None:
    config = str(shell.write_config())
    ran = shell.run("resolve", "--config", config, "--as", "done", "--note", "x", "--", event)
    assert (ran.status, "is not a TripleSeat event id" in ran.err) == (2, True)


def test_done_without_an_order_is_opened_only_by_who_says_that_there_is_none(shell: Shell) -> None:
    resolve(shell, FULL, "done")
    resolve(shell, FULL, "ignored")
    ran = resolve(shell, FULL, "open", "--json")
    assert (ran.status, "SECOND" in ran.answer["error"], "--no-order-exists" in ran.err) == (3, True, True)
    ran = resolve(shell, FULL, "open", "--no-order-exists")
    assert (ran.status, ran.lines[0]) == (0, f"event {FULL} is open again; the next run reads it again and decides")
    shell.sync()
    assert shell.world.flaws(FULL) == []


def test_where_that_cannot_be_asked_nothing_is_opened(shell: Shell) -> None:
    order = shell.world.add_order(FULL, "typed by hand")
    resolve(shell, FULL, "done", "--order", str(order))
    shell.world.wires["revel"].down = True
    assert resolve(shell, FULL, "open").status == 13
    shell.world.wires["revel"].down = False
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    before = shell.requests
    ran = resolve(shell, FULL, "open")
    assert (ran.status, shell.requests) == (3, before)
    assert f"whether Revel order {order} still stands: runs are paused since" in ran.err
    shell.world.config["safety"]["enable_connector"] = False
    assert resolve(shell, FULL, "open").status == 3


def test_a_word_without_an_order_is_taken_back_even_while_paused(shell: Shell) -> None:
    resolve(shell, FULL, "ignored")
    with shell.world.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    assert (resolve(shell, FULL, "open").status, shell.requests) == (0, 0)


def test_replay_leaves_it_alone_as_well(shell: Shell) -> None:
    shell.sync()
    resolve(shell, UNMAPPED, "ignored")
    assert shell.replay("--held", "--json").out == ""
    told = shell.replay("--event", str(UNMAPPED), "--json").answer
    assert (told["status"], told["reason"]) == ("skipped", "STATUS_NOT_ELIGIBLE")


# Opening an event that has an order of ours


def postpone(shell: Shell) -> None:
    shell.world.time.move(minutes=45)
    shell.world.tripleseat.edit_event(FULL, event_date_iso8601="2026-12-19", event_date="12/19/2026")


def list_changed(shell: Shell) -> list[str]:
    answer = shell.run("status", "--json", "--config", str(shell.write_config())).answer
    return [each["id"] for each in answer["changed"]]


def test_an_event_whose_order_is_finished_is_opened_without_the_promise_of_another(shell: Shell) -> None:
    shell.sync()
    postpone(shell)
    shell.sync()
    assert list_changed(shell) == [str(FULL)]
    order = shell.world.orders_of(FULL)[0]["id"]
    shell.world.revel.state.rows["Order"][order]["deleted"] = True
    resolve(shell, FULL, "done", note="postponed, order deleted")
    assert list_changed(shell) == []
    ran = resolve(shell, FULL, "open")
    assert "the next run" not in ran.out
    assert (
        f"tsrevel made Revel order {order} for it, so runs make no other and report its changes again" in ran.lines[0]
    )
    assert "was deleted and the event needs one, enter it by hand" in ran.out
    assert list_changed(shell) == [str(FULL)]
    shell.world.time.move(days=7)
    shell.sync()
    assert len(shell.world.orders_of(FULL)) == 1


def test_an_event_with_someone_elses_order_is_opened_without_the_promise_of_ours(shell: Shell) -> None:
    order = shell.world.add_order(FULL)
    shell.sync()
    resolve(shell, FULL, "ignored")
    ran = resolve(shell, FULL, "open")
    assert ran.lines[0].endswith(
        "the next run searches Revel, and if the event is due, makes an order "
        f"unless Revel order {order} or another stands"
    )
    shell.sync()
    assert len(shell.world.orders_of(FULL)) == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_half_written_order_of_ours_is_finished_once_its_event_is_opened(shell: Shell, named: bool) -> None:
    shell.world.revel.faults.add("status", "POST", "/resources/Payment/", times=None, status=503)
    shell.sync()
    order = str(shell.world.orders_of(FULL)[0]["id"])
    resolve(shell, FULL, "done", *(["--order", order] if named else []))
    ran = resolve(shell, FULL, "open", *([] if named else ["--no-order-exists"]))
    assert (ran.status, ran.lines[0]) == (0, f"event {FULL} is open again; the next run finishes Revel order {order}")
    assert ("SECOND" in ran.out) is not named
    shell.world.revel.faults.clear()
    shell.world.time.move(minutes=45)
    shell.sync()
    assert shell.world.flaws(FULL) == []


def test_an_order_by_hand_beside_a_half_written_one_keeps_the_event_from_being_opened(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "POST", "/resources/Payment/", times=None, status=503)
    shell.sync()
    own, other = str(shell.world.orders_of(FULL)[0]["id"]), str(shell.world.add_order(FULL, "777"))
    for order in (own, other):
        resolve(shell, FULL, "done", "--order", order)
    ran = resolve(shell, FULL, "open")
    assert (ran.status, f"Revel order {other} still stands" in ran.err) == (3, True)


def test_a_disputed_order_is_held_again_once_its_event_is_opened(shell: Shell) -> None:
    shell.world.revel.dropped_fields.add("tax")
    shell.sync()
    order = str(shell.world.orders_of(FULL)[0]["id"])
    resolve(shell, FULL, "done", "--order", order)
    ran = resolve(shell, FULL, "open")
    assert (ran.status, ran.lines[0]) == (
        0,
        f"event {FULL} is open again; runs hold it until Revel order {order} is right",
    )
    assert shell.sync().status == 14
    assert len(shell.world.orders_of(FULL)) == 1


# The order that a person names


def test_the_named_order_is_shown_before_it_is_stored(shell: Shell) -> None:
    total = "124.00"
    fields = {"final_total": total, "created_date": "2026-12-10T09:30:00"}
    order = shell.world.add_order(UNMAPPED, "777", **fields)
    ran = resolve(shell, UNMAPPED, "done", "--order", str(order))
    shown = f"Revel order {order}: establishment 8 (Special Events), written on 2026-12-10, total {total}"
    assert (ran.status, ran.lines[0]) == (0, shown)
    assert "check that it is the right order" not in ran.out
    assert resolve(shell, UNMAPPED, "done", "--order", str(order), "-q").out == ""
    told = resolve(shell, UNMAPPED, "done", "--order", str(order), "--json").answer
    assert told["order"] == {"id": str(order), "establishment": "8", "date": "2026-12-10", "total": total}


def test_an_order_with_another_total_is_warned_of(shell: Shell) -> None:
    order = shell.world.add_order(UNMAPPED, "777", final_total="8.50", created_date="soon")
    ran = resolve(shell, UNMAPPED, "done", "--order", str(order))
    total = "124.00"
    assert "written on an unknown day" in ran.lines[0]
    assert f"order {order} has the total 8.50, but the event has {total} in TripleSeat" in ran.out


def void(shell: Shell) -> None:
    rows = shell.world.revel.state.rows
    rows["Order"][ORDER] |= dict.fromkeys(("subtotal", "tax", "discount_amount", "final_total", "remaining_due"), 0)
    for row in (*rows["OrderItem"].values(), *rows["Payment"].values()):
        row |= {"voided_date": "2026-12-12T11:00:00", "deleted": True}


def delete(shell: Shell) -> None:
    shell.world.revel.state.rows["Order"][ORDER]["deleted"] = True


def rename(shell: Shell) -> None:
    shell.world.revel.state.rows["Order"][ORDER]["local_id"] = "912"


@pytest.mark.parametrize("change", [None, rename, void, delete])
def test_a_further_order_of_the_event_that_stands_is_warned_of(
    tmp_path: Path, change: Callable[[Shell], None] | None
) -> None:
    shell = Shell(World(tmp_path, "full"))
    shell.sync()
    if change:
        change(shell)
    other = shell.world.add_order(FULL, "777", final_total="837.72")
    ran = resolve(shell, FULL, "done", "--order", str(other))
    stands = change not in (void, delete)
    assert (ran.status, f"Revel order {ORDER} of this event stands, too" in ran.out) == (0, stands)
    named = resolve(shell, FULL, "done", "--order", str(ORDER)) if stands else None
    assert named is None or "stands, too" not in named.out


@pytest.mark.parametrize("tripleseat", ["up", "down"])
def test_an_order_at_another_establishment_is_refused(shell: Shell, tripleseat: str) -> None:
    shell.sync()
    order = shell.world.add_order(UNMAPPED, "777", establishment="/enterprise/Establishment/9/")
    shell.world.wires["tripleseat"].down = tripleseat == "down"
    ran = resolve(shell, UNMAPPED, "done", "--order", str(order))
    assert (ran.status, "nothing was stored" in ran.err.lower(), "leave --order out" in ran.err) == (2, True, True)
    assert "establishment 9" in ran.err
    assert "(establishment 8)" in ran.err
    shell.world.wires["tripleseat"].down = False
    assert resolve(shell, UNMAPPED, "open", "--json").answer["before"] is None


def test_our_own_order_of_an_event_that_moved_is_taken_with_a_warning(shell: Shell) -> None:
    shell.world.revel.faults.add("status", "POST", "/resources/Payment/", times=None, status=503)
    shell.sync()
    order = str(shell.world.orders_of(FULL)[0]["id"])
    lakeside = next(each for each in shell.world.config["locations"] if each["revel_establishment"] == 9)
    shell.world.tripleseat.edit_event(FULL, location_id=lakeside["tripleseat_location"])
    ran = resolve(shell, FULL, "done", "--order", order)
    assert (ran.status, "(establishment 9) now" in ran.out) == (0, True)


@pytest.mark.parametrize("how", ["down", "gone", "credentials"])
def test_where_the_event_cant_be_read_it_is_said_that_the_order_wasnt_compared(shell: Shell, how: str) -> None:
    order = shell.world.add_order(UNMAPPED, "777")
    shell.world.wires["tripleseat"].down = how == "down"
    if how == "gone":
        del shell.world.tripleseat.state.events[UNMAPPED]
    if how == "credentials":
        (shell.world.folder / "token.json").unlink()
    ran = resolve(shell, UNMAPPED, "done", "--order", str(order))
    assert ran.status == 0
    assert f"order {order} wasn't compared with the event" in ran.out
    assert "the event's location is unknown; check that the order is at the right establishment" in ran.out

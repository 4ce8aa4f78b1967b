"""A mail that is sent late leaves out what was settled meanwhile, so that nobody settles it a second time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tsrevel.ledger.records import Verdict
from tsrevel.planning.model import EventId

from ..notify.post import Envelope, ToldWorld
from .bench import Shell

PAID, UNMAPPED, MISSED = 64000002, 64000003, 64000005
Happening = Callable[[Shell, ToldWorld], object]


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    made = ToldWorld(tmp_path, "unmapped", "missed")
    made.config["email"]["on"] = ["held", "failed", "missed", "changed"]
    made.config["email"]["digest"] = False
    return made


@pytest.fixture
def post(told: ToldWorld) -> Shell:
    return Shell(told)


def texts_about(told: ToldWorld, event_id: int) -> list[str]:
    """The mails about an event, each in one line."""
    mails = [Envelope(mail) for mail in told.sendgrid.mails]
    return [" ".join(each.text.split()) for each in mails if f"event {event_id}" in str(each.mail["subject"])]


def send_late(post: Shell, told: ToldWorld, happening: Happening) -> None:
    """One run whose mails don't get through; then this happens, and a run whose mails do."""
    told.sendgrid.answers = [500]
    post.sync()
    assert told.sendgrid.mails == []
    told.sendgrid.answers = [500]  # nor do those of what happens now
    happening(post, told)
    told.sendgrid.answers = []
    told.time.move(minutes=45)
    post.sync()


def resolve(event_id: int, verdict: Verdict) -> Happening:
    def by_hand(_post: Shell, told: ToldWorld) -> None:
        with told.ledger() as ledger:
            ledger.events.resolve(EventId(str(event_id)), verdict, "by hand", None)

    return by_hand


def make_missed(post: Shell, _told: ToldWorld) -> None:
    assert post.sync_event(str(MISSED), "--ignore-time-gate").status == 0


def correct_names(_post: Shell, told: ToldWorld) -> None:
    told.rewrite_event(UNMAPPED, lines=[("Fruit Platter", 1, 5)])


def enter_by_hand(post: Shell, told: ToldWorld) -> None:
    told.add_order(UNMAPPED)
    correct_names(post, told)


def spoil_amounts(post: Shell, told: ToldWorld) -> None:
    correct_names(post, told)
    told.tripleseat.edit_event(UNMAPPED, grand_total="7.77")


def cancel(event_id: int) -> Happening:
    return lambda _post, told: told.tripleseat.cancel_event(event_id)


def postpone(event_id: int, to: int = 16) -> Happening:
    day = date(2026, 12, to)
    new = {"event_date": f"{day:%m/%d/%Y}", "event_date_iso8601": day.isoformat()}
    new |= {"event_start": f"{day:%m/%d/%Y} 12:00 PM", "event_start_iso8601": f"{day}T12:00:00-08:00"}
    return lambda _post, told: told.tripleseat.edit_event(event_id, **new)


SETTLED: list[tuple[int, Happening]] = [
    (MISSED, make_missed),
    (MISSED, resolve(MISSED, "done")),
    (MISSED, cancel(MISSED)),
    (MISSED, postpone(MISSED)),
    (UNMAPPED, correct_names),
    (UNMAPPED, resolve(UNMAPPED, "ignored")),
    (UNMAPPED, cancel(UNMAPPED)),
    (UNMAPPED, enter_by_hand),
]


@pytest.mark.parametrize(("event_id", "happening"), SETTLED)
def test_what_was_settled_before_the_mail_was_sent_asks_nobody_for_anything(
    post: Shell, told: ToldWorld, event_id: int, happening: Happening
) -> None:
    send_late(post, told, happening)
    assert texts_about(told, event_id) == []
    assert len(told.sendgrid.mails) == 1  # about the other event
    post.sync()
    assert len(told.sendgrid.mails) == 1


def test_what_is_held_again_after_its_mail_was_left_out_is_news(post: Shell, told: ToldWorld) -> None:
    send_late(post, told, postpone(UNMAPPED))
    assert texts_about(told, UNMAPPED) == []
    postpone(UNMAPPED, to=12)(post, told)
    told.time.move(minutes=45)
    post.sync()
    assert len(texts_about(told, UNMAPPED)) == 1


def test_a_digest_leaves_out_only_what_was_settled(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["digest"] = True
    send_late(post, told, make_missed)
    (text,) = texts_about(told, UNMAPPED)
    assert (f"HELD: event {UNMAPPED}" in text, str(MISSED) in text) == (True, False)


def test_an_event_that_is_held_for_another_reason_by_now_is_told_with_both(post: Shell, told: ToldWorld) -> None:
    send_late(post, told, spoil_amounts)
    first, second = texts_about(told, UNMAPPED)
    assert ("UNMAPPED_ITEMS" in first, "AMOUNT_MISMATCH" in second) == (True, True)


def test_an_event_that_was_held_and_is_missed_by_now_is_told_as_both(post: Shell, told: ToldWorld) -> None:
    send_late(post, told, lambda _post, told: told.time.move(days=1))
    first, second = texts_about(told, UNMAPPED)
    assert ("HELD: event" in first, "MISSED: event" in second) == (True, True)


def test_what_is_still_so_is_told_as_ever(post: Shell, told: ToldWorld) -> None:
    send_late(post, told, lambda _post, _told: None)
    (held,), (missed,) = texts_about(told, UNMAPPED), texts_about(told, MISSED)
    assert ("NEEDS A PERSON HELD" in held, "tsrevel map suggest" in held) == (True, True)
    assert ("NEEDS A PERSON MISSED" in missed, "--ignore-time-gate" in missed) == (True, True)


def test_a_failure_that_the_next_run_mended_is_settled(post: Shell, told: ToldWorld) -> None:
    told.wires["revel"].down = True

    def mend(_post: Shell, told: ToldWorld) -> None:
        told.wires["revel"].down = False
        correct_names(_post, told)

    send_late(post, told, mend)
    assert texts_about(told, UNMAPPED) == []


def test_a_second_order_of_an_event_that_was_resolved_before_needs_a_person(post: Shell, told: ToldWorld) -> None:
    told.add_event(64000050)
    post.sync()
    resolve(64000050, "done")(post, told)
    told.add_order(64000050, "Triple Seat_{}")
    told.sendgrid.mails.clear()
    while post.sync().status != 14:
        told.time.move(minutes=45)
    assert any("NEEDS A PERSON HELD" in each for each in texts_about(told, 64000050))


# Changes after injection


@pytest.fixture
def changed(tmp_path: Path) -> ToldWorld:
    """An order is made, and the event gets another quantity; the mails of that are still to be sent."""
    made = ToldWorld(tmp_path, "paid")
    made.add_event(64000050, lines=[("Fruit Platter", 2, 5)])
    made.config["email"] |= {"on": ["changed"], "digest": False}
    Shell(made).sync()
    made.time.move(minutes=45)
    made.rewrite_event(64000050, lines=[("Fruit Platter", 3, 5)])
    return made


def correct_in_revel(_post: Shell, told: ToldWorld) -> None:
    (order,) = told.orders_of(64000050)
    rows = told.revel.state.rows
    for item in rows["OrderItem"].values():
        if item["order"].endswith(f"/{order['id']}/"):
            item["quantity"] = 3
    rows["Order"][order["id"]] |= {"subtotal": 15, "final_total": 15, "remaining_due": 15}
    told.revel.pos_touch(order["id"])


CHANGED: list[Happening] = [
    correct_in_revel,
    resolve(64000050, "done"),
    lambda _post, told: told.rewrite_event(64000050, lines=[("Fruit Platter", 2, 5)]),
]


@pytest.mark.parametrize("happening", CHANGED)
def test_a_change_that_was_settled_before_the_mail_was_sent_asks_nobody_for_anything(
    changed: ToldWorld, happening: Happening
) -> None:
    send_late(Shell(changed), changed, happening)
    assert not any("correct the order in Revel by hand" in each for each in texts_about(changed, 64000050))


def test_a_changed_event_that_is_cancelled_by_now_is_told_with_the_advice_for_a_cancelled_one(
    changed: ToldWorld,
) -> None:
    send_late(Shell(changed), changed, cancel(64000050))
    assert "void it in Revel" in texts_about(changed, 64000050)[-1]


def test_a_changed_event_that_changes_again_is_told_as_changed_twice(changed: ToldWorld) -> None:
    send_late(
        Shell(changed), changed, lambda _post, told: told.rewrite_event(64000050, lines=[("Fruit Platter", 4, 5)])
    )
    assert ["NEEDS A PERSON CHANGED" in each for each in texts_about(changed, 64000050)] == [True, True]


def test_a_change_of_a_resolved_event_that_was_opened_again_is_decided_by_the_next_run(
    post: Shell, told: ToldWorld
) -> None:
    post.sync()
    resolve(UNMAPPED, "ignored")(post, told)
    told.time.move(minutes=45)
    told.tripleseat.edit_event(UNMAPPED, guest_count=77)
    told.sendgrid.mails.clear()

    def reopen(_post: Shell, told: ToldWorld) -> None:
        with told.ledger() as ledger:
            ledger.events.reopen(EventId(str(UNMAPPED)), "wanted after all")

    send_late(post, told, reopen)
    assert not any("CHANGED" in each for each in texts_about(told, UNMAPPED))

"""Mails of whole runs: what is listed in email.on, once a change, sent afterwards, and never in the run's way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import chain, repeat
from pathlib import Path

import httpx
import pytest
import tomli_w

from tsrevel.cli.notifications import send_mails
from tsrevel.engine.context import RunState
from tsrevel.engine.run import sync_events
from tsrevel.ledger import hold_mail_lock
from tsrevel.planning.model import EventId

from ..engine.conftest import FULL
from ..engine.test_after_injection import CONTRACT
from ..engine.test_corrected import correct
from ..notify.post import KEY, RECIPIENTS, SENDER, Envelope, ToldWorld
from .bench import Shell
from .test_status import status

CUSTOMER = ["PLANTEDNAME", "PLANTEDFIRST", "PLANTEDLAST", "555-0199"]
PAID, UNMAPPED = 64000002, 64000003
DAYS = "Fri 11 Dec to Sat 12 Dec"
SUBJECT = f"[sandbox] Special Events and Lakeside Bakery, {DAYS}: 3 orders, 1 held, 1 missed"


@pytest.fixture
def told(tmp_path: Path) -> ToldWorld:
    return ToldWorld(tmp_path)


@pytest.fixture
def post(told: ToldWorld) -> Shell:
    return Shell(told)


def sole(told: ToldWorld) -> Envelope:
    (mail,) = told.sendgrid.mails
    return Envelope(mail)


@pytest.mark.parametrize("key", ["api_key", "sender", "recipients"])
def test_half_of_the_mail_settings_is_warned_of_by_each_live_run_and_a_problem_beforehand(
    post: Shell, told: ToldWorld, key: str
) -> None:
    del told.config["email"][key]
    for ran in (post.sync(), post.run("sync-event", str(FULL), "--config", str(told.write_config()))):
        assert f"no mail can be sent: email.{key} isn't set" in ran.err
    assert told.sendgrid.mails == []
    assert "no mail" not in post.sync("--dry-run").err
    checked = post.run("config", "validate", "--json", "--config", str(told.write_config()))
    assert (checked.status, [each["key"] for each in checked.answer["problems"]]) == (10, [f"email.{key}"])


def test_without_mail_settings_no_run_warns_of_mails(post: Shell, told: ToldWorld) -> None:
    del told.config["email"]
    assert "mail" not in post.sync().err
    assert post.run("config", "validate", "--config", str(told.write_config())).status == 0


def test_a_run_sends_one_digest_to_everybody(post: Shell, told: ToldWorld) -> None:
    ran = post.sync()
    mail = sole(told)
    assert ran.status == 3
    assert mail.mail["subject"] == SUBJECT
    assert (mail.to, mail.mail["from"]) == (RECIPIENTS, {"email": SENDER, "name": "tsrevel"})
    assert mail.mail["headers"] == {"Auto-Submitted": "auto-generated"}
    assert "reply_to" not in mail.mail
    assert told.sendgrid.faults == []
    assert "sync-00000001" in mail.text
    assert "sync-00000001" in mail.html


def test_the_envelope_is_as_the_settings_say(post: Shell, told: ToldWorld) -> None:
    told.config["email"] |= {"sender_name": "Catering desk", "reply_to": "desk@example.com"}
    told.config["tripleseat"]["event_url"] = "https://example.com/e/{event_id}"
    post.sync()
    assert sole(told).mail["from"] == {"email": SENDER, "name": "Catering desk"}
    assert sole(told).mail["reply_to"] == {"email": "desk@example.com"}
    assert f"https://example.com/e/{PAID}" in sole(told).text
    assert told.sendgrid.faults == []


def test_it_tells_the_order_as_it_is_at_revel(post: Shell, told: ToldWorld) -> None:
    post.sync()
    text = sole(told).text
    (order,) = told.orders_of(PAID)
    row = next(line for line in text.splitlines() if line.split()[:1] == [str(PAID)])
    assert row.split() == [str(PAID), "Sat", "12", "Dec", str(order["id"]), f"{order['final_total']:.2f}"]
    section = text[text.index(f"Revel order {order['id']}") :].partition("\n\n")[0]
    assert f"{order['final_total']:.2f}" in section
    for item in told.revel.items_of(order["id"]):
        assert f"{item['quantity']} x " in section


def test_orders_of_a_lost_ledger_that_are_found_complete_are_in_no_mail_as_made(post: Shell, told: ToldWorld) -> None:
    post.sync()
    told.sendgrid.mails.clear()
    told.lose_ledger()
    told.time.move(minutes=45)
    ran = post.sync()
    assert "7 events: 0 orders made" in ran.out
    assert sole(told).mail["subject"].endswith(": 1 held, 1 missed, 1 changed")
    assert "LEDGER_LOST" in sole(told).text
    assert "ORDERS MADE" not in sole(told).text


def test_or_one_mail_an_event(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["digest"] = False
    post.sync()
    assert len(told.sendgrid.subjects) == 5
    assert f"[sandbox] Special Events, Sat 12 Dec: 1 held (event {UNMAPPED})" in told.sendgrid.subjects
    assert told.sendgrid.faults == []


def test_a_state_that_stays_is_told_once(post: Shell, told: ToldWorld) -> None:
    post.sync()
    assert post.sync().status == 3
    assert len(told.sendgrid.asked) == 1


def test_a_change_after_injection_is_told(post: Shell, told: ToldWorld) -> None:
    post.sync()
    told.sendgrid.mails.clear()
    told.rewrite_event(PAID, lines=[("Fruit Platter", 1, 5)])
    post.sync()
    assert sole(told).mail["subject"].endswith(f": 1 changed (event {PAID})")
    assert "CHANGED_AFTER_INJECTION" in sole(told).text


def undo_in_tripleseat(told: ToldWorld, post: Shell) -> None:
    told.rewrite_event(FULL, **{**CONTRACT, "lines": CONTRACT["lines"][1:]})
    post.sync()
    told.rewrite_event(FULL, **CONTRACT)


def undo_in_revel(told: ToldWorld, post: Shell) -> None:
    (order,) = (each for each in told.revel.state.rows["Order"].values() if str(FULL) in each["local_id"])
    order["final_total"] += 5
    post.sync()
    order["final_total"] -= 5


@pytest.mark.parametrize("undo", [undo_in_tripleseat, undo_in_revel])
def test_a_change_that_was_taken_back_is_told_without_asking_to_change_an_order_that_is_right(
    post: Shell, told: ToldWorld, undo: Callable[[ToldWorld, Shell], None]
) -> None:
    post.sync()
    undo(told, post)
    told.time.move(minutes=45)
    told.sendgrid.mails.clear()
    assert post.sync().status == 3
    assert "it is again as" in sole(told).text
    assert "Nothing to do, unless" in sole(told).text
    assert "NEEDS A PERSON" not in sole(told).text
    assert "orrect the order in Revel by hand" not in sole(told).text


def test_a_change_that_was_taken_back_after_its_order_followed_it_still_asks_to_change_the_order(
    post: Shell, told: ToldWorld
) -> None:
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 2, 10)])
    post.sync()
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 5, 10)])
    post.sync()
    (order,) = (each for each in told.revel.state.rows["Order"].values() if str(FULL) in each["local_id"])
    correct(told, 5, order["id"])
    post.sync()
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 2, 10)])
    told.sendgrid.mails.clear()
    post.sync()
    assert "orrect the order in Revel by hand" in sole(told).text


def test_an_order_without_a_known_plan_is_not_told_to_agree_with_its_event_again(post: Shell, told: ToldWorld) -> None:
    post.sync()
    told.rewrite_event(FULL, lines=[("Boxed Lunch Package", 2, 10)])
    told.lose_ledger()
    told.time.move(days=1)
    for now in ("DEFINITE", "LOST", "DEFINITE"):
        told.sendgrid.mails.clear()
        told.tripleseat.edit_event(FULL, status=now)
        told.time.move(minutes=45)
        post.sync()
    assert "was the order voided meanwhile?" in sole(told).text
    assert "orrect the order in Revel by hand" in sole(told).text


def test_that_somebody_elses_order_is_gone_is_told_once_with_what_to_do(post: Shell, told: ToldWorld) -> None:
    order = told.add_order(PAID, establishment="/enterprise/Establishment/9/")
    post.sync()
    told.revel.state.rows["Order"][order]["deleted"] = True
    told.sendgrid.mails.clear()
    for _ in range(4):
        post.sync()
    assert sole(told).mail["subject"].endswith(f": 1 changed (event {PAID})")
    assert f"tsrevel resolve {PAID} --as open" in sole(told).text
    assert "enter another one there" in sole(told).text


@pytest.mark.parametrize(("on", "subject"), [(["missed"], "1 missed"), (["held", "missed"], "1 held, 1 missed")])
def test_only_what_is_listed_is_told(post: Shell, told: ToldWorld, on: list[str], subject: str) -> None:
    told.config["email"]["on"] = on
    post.sync()
    assert subject in sole(told).mail["subject"]


def test_a_failure_is_told_with_its_reason_and_once(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["on"] = ["failed"]
    told.wires["revel"].down = True
    for _ in range(3):
        assert post.sync().status == 13
    assert "UPSTREAM_UNAVAILABLE" in sole(told).text


def test_a_dry_run_sends_nothing_nor_does_it_store_anything_to_be_sent(post: Shell, told: ToldWorld) -> None:
    post.sync("--dry-run")
    told.config["safety"]["dry_run"] = True
    post.sync()
    assert told.sendgrid.asked == []
    with told.ledger() as ledger:
        assert ledger.outbox.make_mails(digest=True) == ()


def test_a_dry_run_doesnt_send_what_waits_either(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [500]
    post.sync()
    told.time.move(minutes=45)
    post.sync("--dry-run")
    assert len(told.sendgrid.asked) == 1


def test_a_disabled_connector_sends_nothing(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [500]
    post.sync()
    told.time.move(minutes=45)
    post.environ["ENABLE_CONNECTOR"] = "false"
    post.sync()
    assert len(told.sendgrid.asked) == 1


def test_a_pause_holds_mails_too(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [500]
    post.sync()
    told.time.move(minutes=45)
    with told.ledger() as ledger:
        ledger.runs.pause("stocktaking")
    post.sync()
    assert len(told.sendgrid.asked) == 1


@pytest.mark.parametrize("missing", ["api_key", "sender", "recipients"])
def test_without_a_part_of_the_settings_there_are_no_mails(post: Shell, told: ToldWorld, missing: str) -> None:
    del told.config["email"][missing]
    post.sync()
    assert told.sendgrid.asked == []
    told.config["email"][missing] = {"api_key": KEY, "sender": SENDER, "recipients": RECIPIENTS}[missing]
    post.sync()
    assert told.sendgrid.asked == []


ANSWERS = [
    400,
    401,
    403,
    413,
    429,
    500,
    httpx.ConnectError("x"),
    httpx.ReadTimeout("x"),
    httpx.RemoteProtocolError("x"),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_mail_that_fails_is_sent_by_a_later_run_once(post: Shell, told: ToldWorld, answer: int | Exception) -> None:
    told.sendgrid.answers = [answer]
    failed = post.sync("--json")
    assert told.sendgrid.mails == []
    assert "mail 1 wasn't sent" in failed.err
    assert KEY not in failed.err
    assert "someone@example.com" not in failed.err
    for _ in range(3):
        told.time.move(minutes=45)
        post.sync()
    assert sole(told).mail["subject"] == SUBJECT
    assert "sync-00000001" in sole(told).text
    assert told.sendgrid.faults == []


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_a_mail_that_fails_changes_nothing_of_the_run(tmp_path: Path, answer: int | Exception) -> None:
    answers = []
    for name in ("good", "bad"):
        folder = tmp_path / name
        folder.mkdir()
        told = ToldWorld(folder)
        told.sendgrid.answers = [answer] if name == "bad" else []
        ran = Shell(told).sync("--json")
        answers.append((ran.status, ran.out))
    assert answers[0] == answers[1]


def test_what_failed_and_what_is_new_are_mails_of_their_own(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [500]
    post.sync()
    told.add_event(64000070, lines=[("Nobody knows this", 1, 5)])
    told.time.move(minutes=45)
    post.sync()
    assert told.sendgrid.subjects == [SUBJECT, "[sandbox] Special Events, Sat 12 Dec: 1 held (event 64000070)"]


def test_where_one_hangs_the_others_arent_tried(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["digest"] = False
    told.sendgrid.answers = [httpx.ReadTimeout("x")]
    post.sync()
    assert len(told.sendgrid.asked) == 1
    told.time.move(minutes=45)
    post.sync()
    assert len(told.sendgrid.mails) == 5


def test_where_one_isnt_acceptable_the_others_are_sent(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["digest"] = False
    told.sendgrid.answers = [400]
    post.sync()
    assert len(told.sendgrid.mails) == 4
    told.time.move(minutes=45)
    post.sync()
    assert len(told.sendgrid.mails) == 5


def test_a_run_goes_on_sending_for_so_long_only(post: Shell, told: ToldWorld) -> None:
    told.config["email"]["digest"] = False
    told.sendgrid.on_request = lambda: told.time.move(seconds=12)
    ran = post.sync()
    assert len(told.sendgrid.mails) == 3
    assert "it took too long; the next run continues" in ran.err
    post.sync()
    assert len(told.sendgrid.mails) == 5


@pytest.mark.parametrize("answer", [400, httpx.ReadTimeout("accepted, but slow")], ids=str)
def test_a_burst_of_runs_neither_gives_a_mail_up_nor_sends_it_again_and_again(
    post: Shell, told: ToldWorld, answer: int | Exception
) -> None:
    told.sendgrid.answers = [answer] * 99
    post.sync()
    for _ in range(12):
        told.time.move(seconds=20)
        post.sync_event(str(PAID))
    assert len(told.sendgrid.asked) == 1
    told.sendgrid.answers.clear()
    told.time.move(minutes=15)
    post.sync()
    assert sole(told).mail["subject"] == SUBJECT


@pytest.mark.parametrize("answer", [400, 401, 500])
def test_what_was_tried_for_a_week_is_news_no_more(told: ToldWorld, post: Shell, answer: int) -> None:
    told.sendgrid.answers = [answer] * 99
    post.sync()
    first = told.time.now
    pauses = chain([0.25, 0.5, 1, 2, 4], repeat(6))
    while not ended(told):
        try_again_after(next(pauses), told)
    assert timedelta(days=7) < told.time.now - first < timedelta(days=8)


def try_again_after(hours: float, told: ToldWorld) -> None:
    """A run sends the mail again after that pause; no run does soon after the last attempt or a second too early."""
    before = len(told.sendgrid.asked)
    for seconds in (300, hours * 3600 - 301):
        told.time.move(seconds=seconds)
        send_mails(told.settings(), told.runtime())
        assert len(told.sendgrid.asked) == before
    told.time.move(seconds=1)
    send_mails(told.settings(), told.runtime())
    assert len(told.sendgrid.asked) == before + 1


def ended(told: ToldWorld) -> bool:
    with told.ledger() as ledger:
        return not ledger.outbox.make_mails(digest=True)


@pytest.mark.parametrize("days", [8, -8])
def test_a_wrong_clock_alone_gives_no_mail_up_nor_does_it_make_one_wait(
    post: Shell, told: ToldWorld, days: int
) -> None:
    told.sendgrid.answers = [500, 500]
    post.sync()
    told.time.move(days=days)
    send_mails(told.settings(), told.runtime())
    told.time.move(days=-days, minutes=45)
    send_mails(told.settings(), told.runtime())
    assert len(told.sendgrid.asked) == 3
    assert sole(told).mail["subject"].endswith("1 missed")


def test_a_run_that_died_before_its_mails_is_told_by_the_next(post: Shell, told: ToldWorld) -> None:
    with told.open_run() as ctx:
        sync_events(ctx, RunState.begin(ctx), [EventId(str(PAID))])
    post.sync()
    assert f"event {PAID}" in sole(told).text


def test_while_mails_are_sent_the_next_run_may_begin(post: Shell, told: ToldWorld) -> None:
    begun: list[int] = []

    def begin_another() -> None:
        told.sendgrid.on_request = lambda: None
        begun.append(told.sync_event(UNMAPPED).exit_status)

    told.sendgrid.on_request = begin_another
    assert post.sync().status == 3
    assert (begun, len(told.sendgrid.asked)) == ([3], 1)


def test_mails_are_left_alone_while_another_run_sends_them(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [500]
    post.sync()
    told.time.move(minutes=45)
    with hold_mail_lock(told.settings().ledger_path):
        send_mails(told.settings(), told.runtime())
    assert len(told.sendgrid.asked) == 1


def test_sync_event_and_replay_tell_as_well(post: Shell, told: ToldWorld) -> None:
    post.sync_event(str(PAID))
    post.replay("--event", str(UNMAPPED))
    assert [subject.partition(": ")[2] for subject in told.sendgrid.subjects] == [
        f"1 order (event {PAID})",
        f"1 held (event {UNMAPPED})",
    ]


def test_deliveries_that_are_replayed_together_are_one_digest(post: Shell, told: ToldWorld, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    for event_id in (PAID, UNMAPPED):
        body = {"webhook_trigger_type": "UPDATE_EVENT", "event": told.tripleseat.event(event_id)}
        (spool / f"{event_id}.json").write_text(json.dumps(body, default=str))
    ran = post.replay(str(spool), "--unsigned")
    assert ran.status == 3, ran.err + ran.out
    assert sole(told).mail["subject"].endswith(": 1 order, 1 held")


def test_no_customer_gets_into_a_mail_or_the_outbox(post: Shell, told: ToldWorld) -> None:
    contact = ("PLANTEDFIRST", "PLANTEDLAST", "(702) 555-0199")
    told.add_event(64000060, name="PLANTEDNAME due", contact=contact, description="PLANTEDNAME")
    told.add_event(64000061, name="PLANTEDNAME held", contact=contact, lines=[("Nobody knows this", 1, 5)])
    told.sendgrid.answers = [500]
    post.sync()
    with told.ledger() as ledger:
        outbox = str([tuple(row) for row in ledger._transactions.connection.execute("SELECT * FROM notices")])
    told.time.move(minutes=45)
    post.sync()
    assert "64000061" in outbox
    assert "64000061" in told.sendgrid.texts
    kept = outbox + json.dumps(told.sendgrid.mails)
    assert [word for word in CUSTOMER if word in kept] == []


def test_in_the_sandbox_mails_go_to_this_machine_alone(post: Shell, told: ToldWorld) -> None:
    del told.config["email"]["base_url"]
    (told.folder / "config.toml").write_text(tomli_w.dumps(told.config))
    ran = post.run("sync", "--config", str(told.folder / "config.toml"))
    assert ran.status == 10
    assert "email.base_url (default): must be on this machine, because environment is sandbox" in ran.err


def test_no_mail_library_is_loaded_before_a_mail_is_due(tmp_path: Path) -> None:
    script = (
        "import sys; from tsrevel.cli import notifications, sync, replay; from tsrevel.notify import sendgrid;"
        "print([name for name in sys.modules if name.split('.')[0] in ('sendgrid', 'python_http_client', 'jinja2')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_fault_of_ours_in_telling_is_told_and_no_more(
    post: Shell, told: ToldWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sendgrid.helpers.mail", None)  # not installed
    broken = post.sync()
    assert (broken.status, "3 orders made" in broken.out) == (3, True)
    assert "some notifications weren't sent: a fault in tsrevel: ModuleNotFoundError" in broken.err
    monkeypatch.undo()
    post.sync()
    assert "3 orders" in sole(told).mail["subject"]


def test_a_resolved_event_that_changes_is_mailed_with_advice_that_makes_no_second_order(
    post: Shell, told: ToldWorld
) -> None:
    post.sync()
    with told.ledger() as ledger:
        ledger.events.resolve(EventId(str(UNMAPPED)), "done", "entered by hand", None)
    told.time.move(minutes=45)
    told.tripleseat.edit_event(UNMAPPED, grand_total="500.00")
    post.sync()
    text = " ".join(Envelope(told.sendgrid.mails[-1]).text.split())
    assert len(told.sendgrid.mails) == 2
    assert f"tsrevel explain {UNMAPPED}" in text
    assert f'tsrevel resolve {UNMAPPED} --as done --note "corrected in Revel"' in text
    assert "--as open" not in text


def test_status_warns_of_mails_that_were_not_accepted_until_one_is(post: Shell, told: ToldWorld) -> None:
    told.sendgrid.answers = [401]
    post.sync()
    (warning,) = status(post, "--json").answer["warnings"]
    assert "hasn't accepted 1 mail" in warning
    told.time.move(minutes=45)
    told.sendgrid.answers = []
    post.sync()
    assert status(post, "--json").answer["warnings"] == []

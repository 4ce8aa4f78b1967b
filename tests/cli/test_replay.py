"""`replay PATH...` as its users meet it: captured deliveries, their signatures, and what is said of each."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from tsrevel.errors import SignatureReason
from tsrevel.ledger import hold_lock
from tsrevel.webhook.spool import LARGEST_BODY

from ..engine.deliveries import booking, delivery, encode
from .bench import Ran, Shell
from .captured import KEY, Spool, answers, names_in, sign, sign_plainly
from .test_verify_signature import Spring

FULL, PAID, UNMAPPED, EARLY = range(64000001, 64000005)
LOST, TWINS = 64000006, 64000007
LINE = ["schema", "ok", "processed", "trigger", "reason", "event_id", "revel_order_id"]
MORE = ["status", "error", "file"]
REFUSED = "SIGNATURE_VERIFICATION_FAILED_"


@pytest.fixture(autouse=True)
def _signed(shell: Shell) -> None:
    shell.world.config["tripleseat"]["webhook_signing_keys"] = ["an-older-key", KEY]


def event_body(shell: Shell, event: int = FULL, trigger: str = "UPDATE_EVENT", **changes: object) -> bytes:
    return delivery(shell.world, event, trigger, **changes)


def reasons(ran: Ran) -> list[str | None]:
    return [each["reason"] for each in answers(ran)]


def audited(shell: Shell, kind: str = "delivery") -> list[str]:
    with shell.world.ledger() as ledger:
        return [row.detail.get("signed", "") for row in ledger.audit.rows() if row.kind == kind]


# Where deliveries come from


def test_a_folder_is_replayed_by_the_names_in_it(shell: Shell, spool: Spool) -> None:
    for name, event in (("b", FULL), ("a", LOST), ("c", EARLY)):
        spool.put(name, event_body(shell, event))
    (spool.folder / "notes.txt").write_text("no delivery")
    (spool.folder / "d.json.part").write_text("{")
    ran = shell.replay(str(spool), "--json")
    assert [Path(each["file"]).name for each in answers(ran)] == ["a.json", "b.json", "c.json"]
    assert reasons(ran) == ["STATUS_NOT_ELIGIBLE", None, "TOO_EARLY"]
    assert (ran.status, ran.err, shell.world.flaws(FULL)) == (0, "", [])


def test_of_a_folder_only_deliveries_count_that_are_not_hidden(shell: Shell, spool: Spool) -> None:
    spool.put(".draft", event_body(shell))
    (spool.folder / "done").mkdir()
    assert shell.replay(str(spool), "--json").out == ""


def test_a_name_that_is_no_text_is_told_all_the_same(shell: Shell, spool: Spool) -> None:
    path = spool.put("a", event_body(shell, EARLY))
    odd = Path(os.fsdecode(os.fsencode(path).replace(b"a.json", b"\xff.json")))
    path.rename(odd)
    ran = shell.replay(str(spool), "--json", "--unsigned")
    assert ran.answer["file"].endswith("\\xff.json")


def test_of_two_states_in_a_folder_the_order_is_made_of_what_tripleseat_has(shell: Shell, spool: Spool) -> None:
    spool.put("a", event_body(shell, FULL, name="Told first"))
    shell.world.time.move(minutes=5)
    shell.world.tripleseat.edit_event(FULL, guest_count=5)
    spool.put("b", event_body(shell, FULL))
    spool.put("c", b"no delivery")
    assert reasons(shell.replay(str(spool), "--json"))[:2] == [None, "ALREADY_INJECTED"]
    assert "Told first" not in shell.world.orders_of(FULL)[0]["notes"]


def test_files_and_folders_may_be_named_together(shell: Shell, spool: Spool, tmp_path: Path) -> None:
    spool.put("a", event_body(shell, FULL))
    other = Spool(tmp_path).put("other", event_body(shell, PAID))
    assert len(answers(shell.replay(str(other), str(spool), "--json"))) == 2


def test_an_empty_folder_is_nothing_to_do(shell: Shell, spool: Spool) -> None:
    ran = shell.replay(str(spool), "--json")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


def test_standard_input_takes_its_signature_from_the_flag(shell: Shell) -> None:
    body = event_body(shell)
    ran = shell.replay("-", "--signature", sign(body), "--json", stdin=body)
    assert (ran.status, ran.answer["processed"], ran.answer["file"]) == (0, True, "-")
    assert shell.world.flaws(FULL) == []


def test_a_path_that_is_not_there_is_a_usage_error(shell: Shell, spool: Spool) -> None:
    ran = shell.replay(str(spool.folder / "gone.json"), "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (2, 2, 0)
    assert "gone.json" in ran.err


def test_a_file_that_can_not_be_opened_is_left_and_told(shell: Shell, spool: Spool) -> None:
    (spool.folder / "a.json").symlink_to("/proc/self/mem")
    spool.put("b", event_body(shell))
    ran = shell.replay(str(spool), "--json", "--archive", str(spool.folder / "done"))
    assert ran.status == 3
    assert [each["ok"] for each in answers(ran)] == [False, True]
    assert "a.json" in spool.left


# One JSON object a line


def test_a_delivery_reads_as_designed(shell: Shell, spool: Spool) -> None:
    path = spool.put("a", event_body(shell))
    ran = shell.replay(str(spool), "--json")
    assert list(ran.answer) == [*LINE, *MORE]
    assert ran.answer == {
        "schema": 1,
        "ok": True,
        "processed": True,
        "trigger": "UPDATE_EVENT",
        "reason": None,
        "event_id": "64000001",
        "revel_order_id": "5550101",
        "status": "injected",
        "error": None,
        "file": str(path),
    }


def test_every_kind_of_answer_has_the_same_keys(shell: Shell, spool: Spool) -> None:
    spool.put("1", event_body(shell))
    spool.put("2", event_body(shell))
    spool.put("3", event_body(shell), sign(b"other"))
    spool.put("4", b"<html>")
    spool.put("5", encode("CREATE_LEAD", lead={"id": 5}))
    spool.put("6", event_body(shell, UNMAPPED))
    ran = shell.replay(str(spool), "--json")
    assert all(list(each) == [*LINE, *MORE] for each in answers(ran))
    assert [(each["ok"], each["processed"], each["trigger"], each["reason"]) for each in answers(ran)] == [
        (True, True, "UPDATE_EVENT", None),
        (True, False, "UPDATE_EVENT", "DUPLICATE_EVENT"),
        (False, False, None, f"{REFUSED}SIGNATURE_MISMATCH"),
        (False, False, None, "MISSING_DATA"),
        (True, False, "CREATE_LEAD", "TRIGGER_TYPE_NOT_ACTIONABLE"),
        (True, False, "UPDATE_EVENT", "UNMAPPED_ITEMS"),
    ]
    assert ran.status == 4


def test_a_booking_tells_each_of_its_events(shell: Shell, spool: Spool) -> None:
    spool.put("a", booking(shell.world, FULL, LOST))
    answer = shell.replay(str(spool), "--json").answer
    assert list(answer) == [*LINE, "status", "error", "events", "file"]
    assert (answer["processed"], answer["reason"], answer["event_id"]) == (True, "STATUS_NOT_ELIGIBLE", None)
    assert [(each["event_id"], each["processed"], each["status"]) for each in answer["events"]] == [
        ("64000001", True, "injected"),
        ("64000006", False, "skipped"),
    ]
    assert answer["events"][0]["revel_order_id"] == "5550101"


# Signatures


def test_the_signature_beside_it_may_end_in_a_line_break(shell: Shell, spool: Spool) -> None:
    body = event_body(shell)
    spool.put("a", body, f"{sign(body)}\r\n")
    assert shell.replay(str(spool), "--json").answer["processed"]


def test_the_flag_wins_over_the_file_beside_it(shell: Shell, spool: Spool) -> None:
    body = event_body(shell)
    path = spool.put("a", body, "t=1,v1=00")
    assert shell.replay(str(path), "--signature", sign(body), "--json").status == 0


def test_the_flag_is_for_one_delivery(shell: Shell, spool: Spool) -> None:
    for name in "ab":
        spool.put(name, event_body(shell))
    ran = shell.replay(str(spool), "--signature", sign(b""), "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (2, 2, 0)


def test_nothing_is_done_with_a_body_of_which_one_byte_was_changed(shell: Shell, spool: Spool) -> None:
    body = event_body(shell)
    spool.put("a", body.replace(b"64000001", b"64000002", 1), sign(body))
    ran = shell.replay(str(spool), "--json")
    assert (ran.status, ran.answer["ok"], ran.answer["event_id"], shell.requests) == (4, False, None, 0)
    with shell.world.ledger() as ledger:
        assert ledger.runs.latest(10) == ()


CODES: dict[SignatureReason, tuple[str | None, list[str]]] = {
    SignatureReason.MISSING_SIGNATURE_HEADER: (None, [KEY]),
    SignatureReason.MALFORMED_SIGNATURE_HEADER: ("nonsense", [KEY]),
    SignatureReason.SIGNATURE_MISMATCH: (sign(b"other"), [KEY]),
    SignatureReason.SIGNING_KEY_NOT_CONFIGURED: (sign(b"other"), []),
}


@pytest.mark.parametrize("code", CODES)
def test_each_refusal_has_the_reason_of_the_old_service(shell: Shell, spool: Spool, code: SignatureReason) -> None:
    signature, keys = CODES[code]
    shell.world.config["tripleseat"]["webhook_signing_keys"] = keys
    spool.put("a", event_body(shell), signature)
    ran = shell.replay(str(spool), "--json", "--archive", str(spool.folder / "done"))
    assert (ran.status, ran.answer["ok"], ran.answer["reason"]) == (4, False, f"{REFUSED}{code}")
    assert (spool.left == ["done"]) is (code is not SignatureReason.SIGNING_KEY_NOT_CONFIGURED)
    assert shell.requests == 0
    quiet = shell.replay(str(spool.put("b", event_body(shell), signature)), "-q")
    assert (quiet.status, code in quiet.out + quiet.err) == (4, True)


def test_every_refusal_but_that_of_its_age_can_come_of_a_replay() -> None:
    assert {*CODES, SignatureReason.TIMESTAMP_OUT_OF_TOLERANCE} == set(SignatureReason)


def test_without_a_signature_unsigned_must_be_said_and_the_audit_says_it(shell: Shell, spool: Spool) -> None:
    spool.put("a", event_body(shell), None)
    assert shell.replay(str(spool)).status == 4
    assert shell.replay(str(spool), "--unsigned").status == 0
    assert (audited(shell), audited(shell, "delivery_refused")) == (["no"], [""])
    assert shell.world.flaws(FULL) == []


def test_unsigned_lets_no_bad_signature_pass(shell: Shell, spool: Spool) -> None:
    spool.put("a", event_body(shell), sign(b"other"))
    spool.put("b", event_body(shell, PAID), "nonsense")
    spool.put("c", event_body(shell, TWINS))
    ran = shell.replay(str(spool), "--unsigned", "--json")
    assert [each["ok"] for each in answers(ran)] == [False, False, True]
    assert (ran.status, audited(shell)) == (4, ["yes"])


def test_unsigned_needs_no_key(shell: Shell, spool: Spool) -> None:
    shell.world.config["tripleseat"]["webhook_signing_keys"] = []
    spool.put("a", event_body(shell), None)
    assert shell.replay(str(spool), "--unsigned").status == 0


def test_a_plain_digest_passes_only_where_that_is_said(shell: Shell, spool: Spool) -> None:
    body = event_body(shell)
    spool.put("a", body, sign_plainly(body))
    assert reasons(shell.replay(str(spool), "--json")) == [f"{REFUSED}MALFORMED_SIGNATURE_HEADER"]
    assert shell.replay(str(spool), "--json", "--plain").answer["processed"]


# How it ends


def good(shell: Shell, spool: Spool) -> None:
    spool.put("good", event_body(shell))


def held(shell: Shell, spool: Spool) -> None:
    spool.put("held", event_body(shell, UNMAPPED))


def unreadable(_shell: Shell, spool: Spool) -> None:
    spool.put("unreadable", b"<html>")


def untrusted(shell: Shell, spool: Spool) -> None:
    spool.put("untrusted", event_body(shell), sign(b"other"))


def denied(shell: Shell, spool: Spool) -> None:
    shell.world.config["revel"]["api_secret"] = "stale"
    spool.put("denied", event_body(shell, TWINS))


Case = Callable[[Shell, Spool], None]


@pytest.mark.parametrize(
    ("cases", "status"),
    [
        ((good,), 0),
        ((held,), 3),
        ((unreadable,), 3),
        ((untrusted,), 4),
        ((good, held, unreadable, untrusted), 4),
        ((untrusted, unreadable, denied), 12),
    ],
)
def test_the_gravest_of_several_statuses_is_the_command_s(
    shell: Shell, spool: Spool, cases: Sequence[Case], status: int
) -> None:
    for prepare in cases:
        prepare(shell, spool)
    assert shell.replay(str(spool)).status == status


def test_two_orders_at_revel_are_an_alarm(shell: Shell, spool: Spool) -> None:
    for _ in range(2):
        shell.world.add_order(FULL)
    good(shell, spool)
    assert shell.replay(str(spool)).status == 14


def test_a_run_that_holds_the_lock_leaves_all_as_it_is(shell: Shell, spool: Spool) -> None:
    good(shell, spool)
    with hold_lock(shell.world.settings().ledger_path):
        ran = shell.replay(str(spool), "--archive", str(spool.folder / "done"), "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (11, 11, 0)
    assert {"good.json", "good.sig"} <= set(spool.left)


def test_wrong_settings_leave_all_as_it_is(shell: Shell, spool: Spool) -> None:
    good(shell, spool)
    config = shell.write_config()
    config.write_text(config.read_text() + "\n[nonsense]\nx = 1\n")
    ran = shell.run("replay", "--config", str(config), str(spool), "--json")
    assert (ran.status, ran.answer["exit_status"], shell.requests) == (10, 10, 0)
    assert spool.left == ["good.json", "good.sig"]


def test_a_disabled_connector_asks_nobody_and_keeps_no_ledger(shell: Shell, spool: Spool) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    good(shell, spool)
    ran = shell.replay(str(spool), "--json", "--archive", str(spool.folder / "done"))
    assert (ran.status, ran.answer["ok"], ran.answer["reason"]) == (0, True, "CONNECTOR_DISABLED")
    assert (ran.answer["processed"], shell.requests) == (False, 0)
    assert {"good.json", "good.sig"} <= set(spool.left)
    assert not shell.world.settings().ledger_path.exists()
    assert shell.replay(str(spool)).out == ""


def test_a_disabled_connector_still_refuses_what_is_not_trusted(shell: Shell, spool: Spool) -> None:
    shell.world.config["safety"]["enable_connector"] = False
    untrusted(shell, spool)
    assert reasons(shell.replay(str(spool), "--json")) == [f"{REFUSED}SIGNATURE_MISMATCH"]


# What is said


def test_off_a_terminal_what_is_no_news_is_silent(shell: Shell, spool: Spool) -> None:
    good(shell, spool)
    spool.put("early", event_body(shell, EARLY))
    spool.put("lead", encode("CREATE_LEAD", lead={"id": 5}))
    first, second = shell.replay(str(spool)), shell.replay(str(spool))
    assert first.lines == ["[sync-00000001] 1 event: 1 order made (837.72)"]
    assert (second.status, second.out, second.err) == (0, "", "")


@pytest.mark.parametrize("prepare", [unreadable, untrusted])
def test_errors_always_print(shell: Shell, spool: Spool, prepare: Case) -> None:
    prepare(shell, spool)
    for _ in range(2):
        ran = shell.replay(str(spool), "-q")
        assert f"{prepare.__name__}.json" in ran.out + ran.err


def test_a_service_that_is_down_always_prints(shell: Shell, spool: Spool) -> None:
    shell.world.wires["tripleseat"].down = True
    for number, event in enumerate((FULL, PAID, TWINS, EARLY)):
        spool.put(str(number), encode("UPDATE_EVENT", event={"id": event}))
    for _ in range(2):
        ran = shell.replay(str(spool), "-q")
        assert ran.status == 13
        assert all(str(event) in ran.out + ran.err for event in (FULL, PAID, TWINS))
        assert "3.json: not tried" in ran.out + ran.err


def test_on_a_terminal_every_delivery_has_its_line(shell: Shell, spool: Spool) -> None:
    good(shell, spool)
    for name, body in (("lead", encode("CREATE_LEAD")), ("junk", b"{}"), ("lost", event_body(shell, LOST))):
        spool.put(name, body)
    spool.put("two", booking(shell.world, PAID, TWINS))
    wide, config = {"COLUMNS": "300", "TERM": "dumb"}, ("--config", str(shell.write_config()))
    ran = shell.run("replay", *config, str(spool), tty=True, environ=wide)
    told = [line.removeprefix(f"{spool}/").split(": ")[:2] for line in ran.lines[:-2]]
    expected = [("good", "UPDATE_EVENT"), ("junk", "refused"), ("lead", "CREATE_LEAD"), ("lost", "UPDATE_EVENT")]
    assert told == [[f"{name}.json", what] for name, what in (*expected, *[("two", "UPDATE_BOOKING")] * 2)]
    assert "injected event 64000001 Example Widgets holiday lunch (Special Events 2026-12-12) 837.72" in ran.out
    assert ran.lines[-2] == "4 events: 3 orders made (1,280.23), 1 with nothing to do"
    again = shell.run("replay", *config, str(spool), tty=True, environ=wide)
    assert again.out.count("dealt with before") == 3


def test_an_event_of_two_deliveries_is_counted_once(shell: Shell, spool: Spool) -> None:
    good(shell, spool)
    spool.put("later", booking(shell.world, FULL))
    ran = shell.replay(str(spool), tty=True)
    assert ran.out.count("64000001") > 1
    assert "1 event: 1 order made (837.72)" in ran.out


@pytest.mark.parametrize("form", ["text", "json"])
def test_every_log_line_carries_the_same_correlation_id(shell: Shell, spool: Spool, form: str) -> None:
    good(shell, spool)
    spool.put("paid", event_body(shell, PAID))
    lines = shell.replay(str(spool), "-vv", "--log-format", form).err.splitlines()
    assert lines
    assert all("sync-00000001" in line for line in lines)


# Size


def test_a_body_of_3_mb_is_fine(shell: Shell, spool: Spool) -> None:
    spool.put("a", event_body(shell, description="x" * 3_000_000))
    assert shell.replay(str(spool), "--json").answer["processed"]


def test_a_body_of_50_mb_is_refused_in_constant_memory(shell: Shell) -> None:
    spring = Spring(50_000_000)
    shell.replay("-", "--signature", sign(b""))
    tracemalloc.start()
    try:
        ran = shell.replay("-", "--json", "--signature", sign(b""), stdin=cast("BinaryIO", spring))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ran.status, ran.answer["ok"], ran.answer["reason"]) == (4, False, "PAYLOAD_TOO_LARGE")
    assert (spring.taken, shell.requests) == (LARGEST_BODY + 1, 0)
    assert peak < 24_000_000


def test_a_file_of_50_mb_is_refused_likewise(shell: Shell, spool: Spool) -> None:
    path = spool.put("a", b"")
    with path.open("r+b") as file:
        file.truncate(50_000_000)
    tracemalloc.start()
    try:
        ran = shell.replay(str(spool), "--json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (ran.status, ran.answer["reason"]) == (4, "PAYLOAD_TOO_LARGE")
    assert peak < 24_000_000


# Nothing that isn't for other eyes


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("flags", [[], ["--json"], ["--dry-run"]], ids=" ".join)
def test_no_secret_and_no_customer_is_told_or_kept(shell: Shell, spool: Spool, form: str, flags: list[str]) -> None:
    world = shell.world
    person = {
        "id": 1,
        "first_name": "PLANTEDFIRST",
        "last_name": "PLANTEDLAST",
        "phone_numbers": [{"number": "PHONE1"}],
    }
    planted: dict[str, Any] = {"name": "PLANTEDNAME", "contact": person, "description": "PLANTEDTEXT"}
    for name, event in (("full", FULL), ("held", UNMAPPED), ("early", EARLY), ("lost", LOST)):
        spool.put(name, event_body(shell, event, **planted))
    spool.put("thin", encode("UPDATE_EVENT", event={"id": PAID, **planted}))
    spool.put("junk", b'{"event": {"name": "PLANTEDNAME"}}')
    spool.put("broken", b'{"event": {"name": "PLANTEDNAME"')
    spool.put("bad", event_body(shell, TWINS, **planted), sign(b"other", "PLANTEDKEY"))
    spool.put("odd", encode("UPDATE_EVENT", event={"id": "PLANTEDNAME x", **planted}))
    ran = shell.replay(str(spool), "-vv", "--log-format", form, *flags)
    told = ran.out + ran.err + kept_by(world.folder)
    secrets = [world.day.api_key, world.day.api_secret, world.day.client_secret, KEY, "PHONE1", "PLANTED"]
    secrets += [*world.tripleseat.tokens.access, world.tripleseat.tokens.refresh, sign(b"other", "PLANTEDKEY")[20:]]
    assert [word for word in secrets if word in told] == []
    assert "64000001" in told


def kept_by(folder: Path) -> str:
    """Every byte of the ledger and what lies beside it."""
    return "".join(path.read_bytes().decode("latin-1") for path in sorted(folder.glob("ledger.sqlite3*")))


def test_what_is_archived_is_readable_by_nobody_else(shell: Shell, spool: Spool, tmp_path: Path) -> None:
    good(shell, spool)
    archive = tmp_path / "deep" / "done"
    shell.replay(str(spool), "--archive", str(archive))
    assert (archive.stat().st_mode & 0o077, names_in(archive)) == (0, ["good.json", "good.sig"])


@pytest.mark.parametrize("around", ["{}\r\n", "\ufeff{}\r\n", "  {}\n\n"])
def test_a_signature_file_may_have_what_editors_put_round_a_text(shell: Shell, spool: Spool, around: str) -> None:
    path = spool.put("good", event_body(shell))
    signature = path.with_suffix(".sig")
    signature.write_bytes(around.format(signature.read_text()).encode())
    assert shell.replay(str(path)).status == 0
    assert len(shell.world.revel.orders) == 1


@pytest.mark.parametrize(("content", "what"), [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), (None, "than UTF-8")])
def test_a_signature_file_that_is_no_utf_8_text_is_told_as_such(
    shell: Shell, spool: Spool, content: str | None, what: str
) -> None:
    path = spool.put("good", event_body(shell))
    signature = path.with_suffix(".sig")
    signature.write_bytes(signature.read_text().encode(content) if content else b"t=1,v1=\xff")
    ran = shell.replay("--json", str(path))
    assert (ran.status, ran.answer["reason"]) == (4, "SIGNATURE_VERIFICATION_FAILED_MALFORMED_SIGNATURE_HEADER")
    assert what in ran.answer["error"]

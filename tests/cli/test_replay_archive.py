"""`replay --archive DIR`: what is dealt with is moved away, in one step each; what may pass stays."""

from __future__ import annotations

import copy
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tsrevel.cli.deliveries import STDIN, list_captured

from ..engine.deliveries import delivery, encode, partial
from .bench import Shell
from .captured import KEY, STAMP, Spool, answers, names_in, sign

FULL, PAID, UNMAPPED, EARLY = range(64000001, 64000005)
TWINS = 64000007


@pytest.fixture(autouse=True)
def _signed(shell: Shell) -> None:
    shell.world.config["tripleseat"]["webhook_signing_keys"] = [KEY]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def put(shell: Shell, spool: Spool, name: str = "a", event: int = FULL) -> Path:
    return spool.put(name, delivery(shell.world, event))


def test_what_is_dealt_with_is_moved_with_its_signature(shell: Shell, spool: Spool, archive: Path) -> None:
    body = put(shell, spool).read_bytes()
    put(shell, spool, "b", EARLY)
    put(shell, spool, "c", UNMAPPED)
    put(shell, spool, "d")
    spool.put("e", encode("CREATE_LEAD", lead={"id": 5}))
    spool.put("f", b"<html>")
    spool.put("g", delivery(shell.world, PAID), sign(b"other"))
    spool.put("h", delivery(shell.world, PAID), None)
    shell.replay(str(spool), "--archive", str(archive))
    assert spool.left == []
    assert names_in(archive) == sorted(
        [*(f"{name}.json" for name in "abcdefgh"), *(f"{name}.sig" for name in "abcdefg")]
    )
    assert (archive / "a.json").read_bytes() == body
    assert (archive / "a.sig").read_text() == sign(body)


def test_without_an_archive_everything_stays(shell: Shell, spool: Spool) -> None:
    put(shell, spool)
    shell.replay(str(spool))
    assert spool.left == ["a.json", "a.sig"]


def test_what_a_service_that_is_down_kept_waiting_stays(shell: Shell, spool: Spool, archive: Path) -> None:
    shell.world.wires["revel"].down = True
    for name, event in (("a", FULL), ("b", PAID), ("c", TWINS), ("d", UNMAPPED), ("e", EARLY)):
        put(shell, spool, name, event)
    spool.put("bad", delivery(shell.world, FULL), sign(b"other"))
    assert shell.replay(str(spool), "--archive", str(archive)).status == 13
    assert names_in(archive) == ["bad.json", "bad.sig"]
    assert [name for name in spool.left if name.endswith(".json")] == [f"{name}.json" for name in "abcde"]
    shell.world.wires["revel"].down = False
    shell.replay(str(spool), "--archive", str(archive))
    assert (spool.left, shell.world.flaws(FULL)) == ([], [])


def test_a_delivery_that_seems_newer_stays_until_15_minutes_after_its_file_was_written(
    shell: Shell, spool: Spool, archive: Path
) -> None:
    world = shell.world
    path = spool.put("a", partial(world, FULL, "documents", updated_at="12/12/2026 9:59 AM"))
    os.utime(path, (world.time.now.timestamp(),) * 2)
    for minutes in (0, 14):
        world.time.move(minutes=minutes)
        ran = shell.replay(str(spool), "--archive", str(archive))
        assert (ran.status, spool.left, world.orders_of(FULL)) == (3, ["a.json", "a.sig"], [])
    world.time.move(minutes=1)
    assert shell.replay(str(spool), "--archive", str(archive)).status == 0
    assert (spool.left, world.flaws(FULL)) == ([], [])


@pytest.mark.parametrize("event", [FULL, EARLY])
def test_a_complete_delivery_stays_while_tripleseat_can_not_be_asked(
    shell: Shell, spool: Spool, archive: Path, event: int
) -> None:
    put(shell, spool, event=event)
    shell.world.wires["tripleseat"].down = True
    for _ in range(2):
        ran = shell.replay(str(spool), "--archive", str(archive), "--json")
        assert (ran.status, ran.answer["ok"], ran.answer["processed"]) == (13, True, False)
        assert (spool.left, names_in(archive), shell.world.writes) == (["a.json", "a.sig"], [], [])
    shell.world.wires["tripleseat"].down = False
    assert shell.replay(str(spool), "--archive", str(archive)).status == 0
    assert (spool.left, names_in(archive)) == ([], ["a.json", "a.sig"])


def test_the_same_bytes_signed_again_are_a_duplicate_and_a_correction_of_that_minute_is_none(
    shell: Shell, spool: Spool, archive: Path
) -> None:
    body = delivery(shell.world, EARLY)
    for name, raw, stamp in (("a", body, STAMP), ("b", body, STAMP + 60), ("c", body + b" ", STAMP)):
        spool.put(name, raw, sign(raw, stamp=stamp))
        ran = shell.replay(str(spool.folder / f"{name}.json"), "--archive", str(archive), "--json")
        assert ran.answer["reason"] == ("DUPLICATE_EVENT" if name == "b" else "TOO_EARLY")


def test_what_the_most_orders_left_for_later_stays(shell: Shell, spool: Spool, archive: Path) -> None:
    shell.world.config["safety"]["max_orders_per_run"] = 1
    for name, event in (("a", FULL), ("b", PAID)):
        put(shell, spool, name, event)
    assert shell.replay(str(spool), "--archive", str(archive)).status == 0
    assert spool.left == ["b.json", "b.sig"]
    shell.replay(str(spool), "--archive", str(archive))
    assert (spool.left, shell.world.flaws(PAID)) == ([], [])


def disable(shell: Shell) -> None:
    shell.world.config["safety"]["enable_connector"] = False


def lose_key(shell: Shell) -> None:
    shell.world.config["tripleseat"]["webhook_signing_keys"] = []


def revoke_token(shell: Shell) -> None:
    shell.world.config["revel"]["api_secret"] = "stale"


def rehearse(shell: Shell) -> None:
    shell.world.config["safety"]["dry_run"] = True


@pytest.mark.parametrize("trouble", [disable, lose_key, revoke_token, rehearse])
def test_what_a_person_can_mend_keeps_the_delivery(shell: Shell, spool: Spool, archive: Path, trouble: Any) -> None:
    put(shell, spool)
    trouble(shell)
    shell.replay(str(spool), "--archive", str(archive))
    assert spool.left == ["a.json", "a.sig"]
    assert not archive.exists() or names_in(archive) == []


def test_what_was_archived_before_is_never_written_over(shell: Shell, spool: Spool, archive: Path) -> None:
    for event in (FULL, PAID, EARLY):
        put(shell, spool, "a", event)
        shell.replay(str(spool), "--archive", str(archive))
    assert names_in(archive) == ["a.1.json", "a.1.sig", "a.2.json", "a.2.sig", "a.json", "a.sig"]
    for name, event in (("a", FULL), ("a.1", PAID), ("a.2", EARLY)):
        body = (archive / f"{name}.json").read_bytes()
        assert str(event).encode() in body
        assert (archive / f"{name}.sig").read_text() == sign(body)


def test_a_signature_left_alone_is_not_taken_for_another_body_s(shell: Shell, spool: Spool, archive: Path) -> None:
    archive.mkdir()
    (archive / "a.sig").write_text("of another")
    spool.put("a", delivery(shell.world, FULL), None)
    shell.replay(str(spool), "--archive", str(archive), "--unsigned")
    assert names_in(archive) == ["a.1.json", "a.sig"]


def test_the_spool_folder_is_no_archive(shell: Shell, spool: Spool) -> None:
    path = put(shell, spool)
    for paths in ([str(spool)], [str(path)]):
        ran = shell.replay(*paths, "--archive", str(spool), "--json")
        assert (ran.status, shell.requests, spool.left) == (2, 0, ["a.json", "a.sig"])


def test_an_archive_below_the_spool_is_fine(shell: Shell, spool: Spool) -> None:
    put(shell, spool)
    archive = spool.folder / "done"
    for _ in range(2):
        assert shell.replay(str(spool), "--archive", str(archive)).status == 0
    assert (spool.left, names_in(archive)) == (["done"], ["a.json", "a.sig"])


def test_an_archive_that_is_a_file_is_a_usage_error(shell: Shell, spool: Spool, tmp_path: Path) -> None:
    put(shell, spool)
    (tmp_path / "taken").write_text("x")
    ran = shell.replay(str(spool), "--archive", str(tmp_path / "taken"), "--json")
    assert (ran.status, shell.requests, spool.left) == (2, 0, ["a.json", "a.sig"])


@pytest.mark.parametrize("by", ["folder", "link", "file"])
def test_the_token_file_is_no_delivery_to_move(shell: Shell, tmp_path: Path, archive: Path, by: str) -> None:
    shell.run("status")
    state, token = shell.world.folder, shell.world.folder / "token.json"
    (tmp_path / "link").symlink_to(state)
    named = {"folder": state, "link": tmp_path / "link", "file": token}[by]
    kept = token.read_bytes()
    ran = shell.replay(str(named), "--archive", str(archive))
    assert (ran.status, shell.requests, token.read_bytes()) == (2, 0, kept)
    assert f"{token.name} is tsrevel's token file or ledger" in ran.err
    assert not archive.exists()


def test_a_delivery_beside_the_ledger_can_be_moved(shell: Shell, archive: Path) -> None:
    path = shell.world.folder / "body.json"
    path.write_bytes(delivery(shell.world, FULL))
    path.with_suffix(".sig").write_text(sign(path.read_bytes()))
    assert shell.replay(str(path), "--archive", str(archive)).status == 0
    assert (path.exists(), (archive / "body.json").exists()) == (False, True)


def test_a_delivery_beside_the_ledger_can_be_replayed_where_it_stays(shell: Shell) -> None:
    path = shell.world.folder / "body.json"
    path.write_bytes(delivery(shell.world, FULL))
    path.with_suffix(".sig").write_text(sign(path.read_bytes()))
    assert shell.replay(str(path)).status == 0
    assert (path.exists(), shell.world.flaws(FULL)) == (True, [])


def test_standard_input_goes_nowhere(shell: Shell, archive: Path) -> None:
    body = delivery(shell.world, FULL)
    ran = shell.replay("-", "--signature", sign(body), "--archive", str(archive), stdin=body)
    assert (ran.status, ran.err, names_in(archive)) == (0, "", [])


def test_standard_input_goes_nowhere_under_another_name_either() -> None:
    assert list_captured([Path("/dev/stdin"), Path("-"), Path("/dev/fd/0")]) == [STDIN]


def pause(shell: Shell) -> None:
    shell.run("pause", "--config", str(shell.write_config()))


def break_the_event(shell: Shell) -> None:
    shell.world.tripleseat.faults.add("wrong_shape", "GET", f"/v1/events/{FULL}", times=1, body=[])


def take_revel_down(shell: Shell) -> None:
    shell.world.wires["revel"].down = True


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (pause, 0),
        (disable, 0),
        (rehearse, 0),
        (break_the_event, 3),
        (lose_key, 4),
        (revoke_token, 12),
        (take_revel_down, 13),
    ],
)
def test_a_delivery_of_standard_input_that_has_to_wait_is_handled_when_it_is_sent_again(
    shell: Shell, trouble: Callable[[Shell], None], status: int
) -> None:
    body, good = delivery(shell.world, FULL), copy.deepcopy(shell.world.config)
    trouble(shell)
    assert shell.replay("-", "--signature", sign(body), stdin=body).status == status
    assert shell.world.flaws(FULL) != []
    shell.world.config, shell.world.wires["revel"].down = good, False
    shell.run("resume", "--config", str(shell.write_config()))
    for reason in (None, "ALREADY_INJECTED"):
        ran = shell.replay("-", "--signature", sign(body), "--json", stdin=body)
        assert (ran.status, ran.answer["reason"]) == (0, reason)
    assert shell.world.flaws(FULL) == []


def test_a_file_named_twice_is_dealt_with_once(shell: Shell, spool: Spool, archive: Path) -> None:
    path = put(shell, spool)
    ran = shell.replay(str(path), str(spool), "--json", "--archive", str(archive))
    assert (ran.status, len(answers(ran)), names_in(archive)) == (0, 1, ["a.json", "a.sig"])


def test_what_can_not_be_moved_is_told_and_its_order_stands(shell: Shell, spool: Spool, archive: Path) -> None:
    path = put(shell, spool)
    shell.world.at("before POST /resources/OrderHistory/", path.unlink)
    ran = shell.replay(str(spool), "--json", "--archive", str(archive))
    assert (ran.status, ran.answer["processed"]) == (1, True)
    assert f"a.json was processed but can't be moved to {archive}: " in ran.err
    assert shell.world.flaws(FULL) == []


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of another file system; on a machine without one, renaming between folders says there were one."""
    known = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (the first is one of its own on Linux)
    others = [each for each in known if each.is_dir() and each.stat().st_dev != tmp_path.stat().st_dev]
    folder = Path(tempfile.mkdtemp(prefix="tsrevel-test-", dir=others[0] if others else tmp_path))
    if not others:
        monkeypatch.setattr(Path, "rename", _rename_within)
    yield folder
    shutil.rmtree(folder)


_rename = Path.rename


def _rename_within(source: Path, target: Path) -> Path:
    if source.parent != target.parent:
        raise OSError(errno.EXDEV, "Invalid cross-device link")
    return _rename(source, target)


def test_an_archive_may_be_on_another_file_system(shell: Shell, spool: Spool, elsewhere: Path) -> None:
    body = put(shell, spool).read_bytes()
    assert shell.replay(str(spool), "--archive", str(elsewhere)).status == 0
    assert (spool.left, names_in(elsewhere)) == ([], ["a.json", "a.sig"])
    assert (elsewhere / "a.json").read_bytes() == body


def test_another_file_system_is_not_written_over_either(shell: Shell, spool: Spool, elsewhere: Path) -> None:
    for event in (FULL, PAID):
        put(shell, spool, "a", event)
        shell.replay(str(spool), "--archive", str(elsewhere))
    assert names_in(elsewhere) == ["a.1.json", "a.1.sig", "a.json", "a.sig"]

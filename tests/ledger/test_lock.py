from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tsrevel.errors import LedgerCode, LedgerUnusable, RunLocked
from tsrevel.ledger import hold_lock, hold_mail_lock, is_locked

from .samples import make_run, open_ledger, raises

HOLDER = """
import sys
from pathlib import Path
from tsrevel.ledger import hold_lock

with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def start_holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is killed, or until its standard input is closed after the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder


def test_another_process_is_kept_out_and_told_who_holds_the_lock_and_since_when(path: Path) -> None:
    with start_holder(path) as holder:
        said = rf"process {holder.pid}, since 2\d{{3}}-\d\d-\d\d \d\d:\d\d UTC\) holds the lock on .*ledger\.db\.lock"
        with pytest.raises(RunLocked, match=said), hold_lock(path):
            pass
        holder.kill()


def test_a_holder_that_says_nothing_keeps_others_out_all_the_same(path: Path) -> None:
    with start_holder(path) as holder:
        path.with_name("ledger.db.lock").write_bytes(b"")
        with pytest.raises(RunLocked, match="Another run holds the lock"), hold_lock(path):
            pass
        holder.kill()


def test_the_lock_ends_with_its_process_however_that_ends(path: Path) -> None:
    with start_holder(path) as holder:
        holder.kill()
    with hold_lock(path):
        pass


def test_the_lock_file_stays_private_and_means_nothing_by_itself(path: Path) -> None:
    with hold_lock(path):
        pass
    lock = path.with_name("ledger.db.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with hold_lock(path):
        pass


def test_the_same_process_does_not_get_it_twice(path: Path) -> None:
    with hold_lock(path), pytest.raises(RunLocked), hold_lock(path):
        pass


def test_the_lock_is_given_back_when_the_run_breaks_down(path: Path) -> None:
    with pytest.raises(KeyError), hold_lock(path):
        raise KeyError
    with hold_lock(path):
        pass


def test_one_ledger_has_one_lock_by_whatever_name_it_is_reached(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(path)
    with hold_lock(path), pytest.raises(RunLocked), hold_lock(link):
        pass


def test_a_ledger_has_one_lock_by_each_of_its_hard_links(path: Path, tmp_path: Path) -> None:
    open_ledger(path).close()
    link = tmp_path / "elsewhere.db"
    link.hardlink_to(path)
    with start_holder(link) as holder:
        with pytest.raises(RunLocked), hold_lock(path):
            pass
        holder.kill()
    with hold_lock(path), open_ledger(path) as ledger:
        ledger.runs.begin(make_run())


def test_a_lock_file_that_root_left_behind_locks_nobody_out(path: Path) -> None:
    open_ledger(path).close()
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(path, owner, -1)
    path.with_name("ledger.db.lock").touch(mode=0o600)
    with hold_lock(path):
        assert path.with_name("ledger.db.lock").stat().st_uid == owner


def test_a_named_pipe_in_place_of_the_lock_is_refused(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path.with_name("ledger.db.lock"))
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE), hold_lock(path):
        pass
    with raises(LedgerUnusable, LedgerCode.UNREACHABLE):
        is_locked(path)


def test_who_sends_the_mails_keeps_out_others_who_would_and_no_run(path: Path) -> None:
    with hold_mail_lock(path):
        with hold_lock(path):
            pass
        with pytest.raises(RunLocked, match=r"mails\.lock"), hold_mail_lock(path):
            pass


def test_two_ledgers_do_not_lock_each_other(path: Path, tmp_path: Path) -> None:
    with hold_lock(path), hold_lock(tmp_path / "other.db"):
        assert path.with_name("ledger.db.lock").exists()


def test_a_place_where_no_lock_can_be_made_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(LedgerUnusable), hold_lock(tmp_path / "state" / "ledger.db"):
        pass


def test_an_error_of_the_run_itself_is_not_taken_for_one_of_the_lock(path: Path) -> None:
    with pytest.raises(FileNotFoundError), hold_lock(path):
        (path.parent / "missing").read_text()

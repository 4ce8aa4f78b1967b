"""The spool: whole deliveries or none, in the order of their arrival, counted, and forgotten after a week."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tsrevel.errors import RunLocked
from tsrevel.webhook.spool import KEPT, Spool, SpoolStatus, move_away

EARLY = datetime(2025, 12, 12, 18, 0, tzinfo=UTC)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool")
    with made.hold(None):
        return made


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.is_file() and each.name != ".serve.lock")


def test_deliveries_are_stored_whole_and_listed_in_order(spool: Spool) -> None:
    stored = [spool.store(b"%d" % number, f"t={number}") for number in range(20)]
    assert [each.stem for each in spool.waiting()] == stored
    assert [each.read_bytes() for each in spool.waiting()] == [b"%d" % number for number in range(20)]
    assert (spool.folder / f"{stored[3]}.sig").read_text() == "t=3"
    assert {each.stat().st_mode & 0o777 for each in spool.waiting()} == {0o600}


@pytest.mark.parametrize("failing", range(1, 4))
def test_a_delivery_that_can_not_be_stored_leaves_nothing(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Neither file, nor the folder, reaches the disk: each of the three waits for it in turn."""
    real, count = os.fsync, iter(range(1, 10))

    def fsync(descriptor: int) -> None:
        if next(count) == failing:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        spool.store(b"{}", "t=1")
    assert names(spool.folder) == []


def test_what_a_dead_process_left_half_done_is_removed_by_the_next(spool: Spool) -> None:
    (spool.folder / ".a.json.part").write_bytes(b"{")
    (spool.folder / "b.json").write_bytes(b"{}")
    with spool.hold(None), pytest.raises(RunLocked), spool.hold(None):
        pass
    assert names(spool.folder) == ["b.json"]


def test_the_status_counts_what_waits_and_what_failed(spool: Spool, tmp_path: Path) -> None:
    assert Spool(tmp_path / "nowhere").count() == SpoolStatus()
    for name in "ab":
        spool.store(b"{}", name)
    first = spool.waiting()[0]
    os.utime(first, (EARLY.timestamp(), EARLY.timestamp()))
    assert spool.count() == SpoolStatus(2, EARLY, 0)
    move_away(first, spool.failed, "why")
    assert (spool.count().waiting, spool.count().failed) == (1, 1)
    assert names(spool.failed) == [f"{first.stem}{end}" for end in (".json", ".reason", ".sig")]


def test_a_folder_that_somebody_removed_is_made_again_for_what_is_moved_there(spool: Spool) -> None:
    spool.done.rmdir()
    spool.failed.rmdir()
    for folder, reason in ((spool.done, ""), (spool.failed, "why")):
        name = spool.store(b"{}", "t=1")
        move_away(spool.folder / f"{name}.json", folder, reason)
        assert f"{name}.sig" in names(folder)
        assert folder.stat().st_mode & 0o777 == 0o700


def test_the_check_makes_such_folders_again_and_leaves_nothing_in_them(spool: Spool) -> None:
    spool.done.rmdir()
    spool.failed.rmdir()
    spool.check_writable()
    assert [names(each) for each in (spool.folder, spool.done, spool.failed)] == [[], [], []]


@pytest.mark.parametrize("which", ["done", "failed"])
def test_the_check_names_the_folder_that_can_not_be_written(spool: Spool, which: str) -> None:
    folder = spool.folder / which
    folder.rmdir()
    folder.write_text("a file in its place")
    with pytest.raises(OSError, match="Not a directory") as told:
        spool.check_writable()
    assert told.value.filename == str(folder)


def test_old_signatures_go_even_if_there_is_no_folder_of_finished_ones(spool: Spool) -> None:
    spool.done.rmdir()
    (spool.folder / "a.sig").write_text("t=1")
    spool.prune(datetime.now(UTC) + KEPT + timedelta(hours=1))
    assert names(spool.folder) == []


def test_done_is_forgotten_a_week_after_it_was_finished_and_failed_is_not(spool: Spool) -> None:
    folders = (spool.done, spool.failed, spool.folder)
    for folder in folders:
        path = folder / "a.sig"
        path.write_text("t=1")
        os.utime(path, (0, 0))  # it waited for long before it was finished
    (spool.done / "a folder of somebody").mkdir()
    spool.prune(datetime.now(UTC) + KEPT - timedelta(hours=1))
    assert [path.name for each in folders for path in each.glob("*.sig")] == ["a.sig"] * 3
    spool.prune(datetime.now(UTC) + KEPT + timedelta(hours=1))
    assert [names(each) for each in folders] == [[], ["a.sig"], []]
    assert (spool.done / "a folder of somebody").is_dir()


def test_the_oldest_that_waits_is_the_one_that_came_first_whatever_its_name(spool: Spool) -> None:
    for name, seconds in (("a", 2000), ("b", 1000), ("c", 3000)):
        path = spool.folder / f"{name}.json"
        path.write_bytes(b"{}")
        os.utime(path, (seconds, seconds))
    assert spool.count() == SpoolStatus(3, datetime.fromtimestamp(1000, UTC), 0)

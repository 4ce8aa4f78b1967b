"""The pictures of the README show what the program shows today; `python -m tests.house.pictures` makes them anew."""

from __future__ import annotations

from pathlib import Path

from . import pictures


def test_the_terminals_picture_is_what_sync_prints(tmp_path: Path) -> None:
    assert pictures.TERMINAL.read_text(encoding="utf-8") == pictures.draw_terminal(tmp_path)


def test_the_pages_picture_was_made_of_the_page_that_reconcile_writes(tmp_path: Path) -> None:
    assert pictures.marked_in(pictures.PAGE.read_bytes()) == pictures.hash_of(pictures.write_page(tmp_path))


def test_no_picture_asks_for_anything_from_elsewhere() -> None:
    text = pictures.TERMINAL.read_text(encoding="utf-8")
    assert "url(http" not in text
    assert "@font-face" not in text

"""Where a page may go, and what happens where it can't."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tsrevel.errors import ConfigError
from tsrevel.reconcile.page import MARK, check_page, write_page


def test_a_page_goes_to_a_new_file_or_over_an_earlier_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert check_page(page) is None
    write_page(page, f"<!doctype html>{MARK}")
    assert (check_page(page), stat.S_IMODE(page.stat().st_mode)) == (None, 0o600)


def test_anything_else_stays_and_the_words_say_what_to_do(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    assert "name another file" in str(check_page(other))
    assert "name a file in it" in str(check_page(tmp_path))
    assert "make it first" in str(check_page(tmp_path / "missing" / "page.html"))


def test_a_page_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.mkdir()
    with pytest.raises(ConfigError, match="can't be written"):
        write_page(page, "text")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]

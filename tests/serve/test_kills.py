"""A handful of kills; `python -m tests.serve` makes 200."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kills import kill_again_and_again

pytestmark = pytest.mark.real_process


def test_what_was_accepted_survives_a_kill_and_ends_in_exactly_one_order(tmp_path: Path) -> None:
    tally = kill_again_and_again(tmp_path, kills=4, seed=1)
    assert (tally.kills, tally.lost, tally.flaws) == (4, 0, [])
    assert tally.accepted

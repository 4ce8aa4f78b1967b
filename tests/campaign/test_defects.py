"""Tests of the tests: production code is made wrong in one small way after another, and the campaign must notice."""

from __future__ import annotations

import functools
import re

import pytest

from .defects import DEFECTS, Defect, lay_quirks
from .play import play
from .schedule import read_schedule

FEWEST = 24
BROKEN_PATCH = re.compile(r"\b(AttributeError|TypeError|NameError|KeyError|IndexError|crashed)\b")
"""What tells of a patch that doesn't fit the code any more, rather than of a defect."""


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_caught_for_what_it_is(defect: Defect, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_quirks(monkeypatch, defect.quirks)
    before = {text: violations_without(text, str(defect.quirks)) for text in defect.schedules}
    assert before == dict.fromkeys(before, ()), "there is something wrong without it"

    defect.plant(monkeypatch)
    results = [play(read_schedule(text)) for text in defect.schedules]
    found = [result.violations for result in results if result.violations]
    assert found, f"nothing was noticed: {defect.text}"
    for violations in found:
        assert any(re.search(defect.violates, each) for each in violations), violations
    assert [line for result in results for line in result.trace if BROKEN_PATCH.search(line)] == []


@functools.cache
def violations_without(text: str, _quirks: str) -> tuple[str, ...]:
    """What a schedule violates as the code stands, with the quirks that are laid now."""
    return play(read_schedule(text)).violations


def test_there_are_enough_defects_and_each_says_what_it_stands_for() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= FEWEST
    assert [defect.name for defect in DEFECTS if not defect.text.endswith(".")] == []

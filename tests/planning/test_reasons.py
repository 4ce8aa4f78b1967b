"""Every code has one category."""

from __future__ import annotations

import pytest

from tsrevel.planning.reasons import Category, Reason


@pytest.mark.parametrize(
    ("reason", "category"),
    [
        (Reason.MISSING_DATA, Category.VALIDATION),
        (Reason.TOO_EARLY, Category.TIME_GATE),
        (Reason.EVENT_DAY_PASSED, Category.TIME_GATE),
        (Reason.LOCATION_NOT_ALLOWED, Category.SAFETY_LOCK),
        (Reason.OUTCOME_UNKNOWN, Category.UPSTREAM),
    ],
)
def test_a_reason_says_who_has_to_move(reason: Reason, category: Category) -> None:
    assert reason.category is category


def test_a_code_reads_the_same_in_the_program_and_in_what_it_prints() -> None:
    assert all(reason.name == reason.value == str(reason) for reason in Reason)


def test_every_reason_has_a_category() -> None:
    assert all(isinstance(reason.category, Category) for reason in Reason)

"""Every code has one category, and advice."""

from __future__ import annotations

import pytest

from tsrevel.planning.reasons import Category, Reason, Status, advise


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


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("status", Status)
def test_every_reason_has_its_advice(reason: Reason, status: Status) -> None:
    advice = advise("777", status, reason)
    assert advice
    assert "{event}" not in advice


def test_advice_for_an_order_that_differs_speaks_of_the_order() -> None:
    order = advise("777", Status.HELD, Reason.AMOUNT_MISMATCH, disputed=True)
    assert order == advise("777", Status.HELD, Reason.ORDER_DIFFERS)
    assert order != advise("777", Status.HELD, Reason.AMOUNT_MISMATCH)


def test_advice_without_a_reason_goes_by_the_status() -> None:
    planned, failed, other = (advise("777", each, None) for each in (Status.PLANNED, Status.FAILED, Status.INJECTED))
    assert len({planned, failed, other}) == 3


def test_a_code_of_another_version_has_no_advice() -> None:
    assert advise("777", Status.HELD, "NOT_YET_KNOWN") == ""

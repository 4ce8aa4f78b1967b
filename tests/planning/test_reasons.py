"""Every code has one category, and advice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tsrevel.planning.reasons import Category, FailedWrite, Reason, Resolved, Status, advise


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
    order = advise("777", Status.HELD, Reason.AMOUNT_MISMATCH, has_order=True)
    assert order == advise("777", Status.HELD, Reason.ORDER_DIFFERS)
    assert order != advise("777", Status.HELD, Reason.AMOUNT_MISMATCH)


@pytest.mark.parametrize("reason", [Reason.CHANGED_AFTER_INJECTION, Reason.ORDER_DIFFERS])
def test_the_advice_for_a_changed_or_other_order_says_to_name_one_that_replaces_it(reason: Reason) -> None:
    advice = advise("777", Status.SKIPPED, reason)
    assert "enter another one" in advice
    assert "`tsrevel resolve 777 --as done " in advice
    assert advice.endswith("; if you entered another one, add `--order` and its number")


def test_a_change_that_was_taken_back_asks_for_no_change_in_revel() -> None:
    again = advise("777", Status.SKIPPED, Reason.CHANGED_AFTER_INJECTION, agrees=True)
    assert again.startswith("nothing to do, unless somebody has changed")
    cancelled = advise("777", Status.SKIPPED, Reason.CANCELLED_AFTER_INJECTION, agrees=True)
    assert cancelled == advise("777", Status.SKIPPED, Reason.CANCELLED_AFTER_INJECTION)


def test_advice_without_a_reason_goes_by_the_status() -> None:
    planned, failed, other = (advise("777", each, None) for each in (Status.PLANNED, Status.FAILED, Status.INJECTED))
    assert len({planned, failed, other}) == 3


def test_a_code_of_another_version_has_no_advice() -> None:
    assert advise("777", Status.HELD, "NOT_YET_KNOWN") == ""


@pytest.mark.parametrize("reason", [Reason.EVENT_DATA_UNAVAILABLE, Reason.UPSTREAM_UNAVAILABLE, Reason.OUTCOME_UNKNOWN])
def test_what_fails_again_is_not_left_to_the_next_run(reason: Reason) -> None:
    assert "next run" in advise("777", Status.FAILED, reason)
    advice = advise("777", Status.FAILED, reason, again=True)
    assert "next run" not in advice
    assert advice.startswith("run `tsrevel ")


ITEM = FailedWrite("write of the item", 3, "Revel answered 400", "5550101", 8107, 8)


def test_a_write_that_fails_in_every_run_needs_a_person() -> None:
    advice = advise("777", Status.FAILED, Reason.UPSTREAM_UNAVAILABLE, failed_write=ITEM)
    assert "failed in 3 runs (Revel answered 400)" in advice
    assert "order 5550101 is half-written" in advice
    assert "product 8107 is active and on sale at establishment 8" in advice
    assert "`tsrevel resolve 777 --as done --order 5550101 --note" in advice
    assert "{" not in advice


def test_a_write_of_anything_but_an_item_names_no_product() -> None:
    advice = advise("777", Status.PLANNED, None, failed_write=replace(ITEM, product=None))
    assert "what it refuses" in advice
    assert "product" not in advice
    assert "--order 5550101" in advice


def test_an_order_that_revel_never_showed_may_still_appear() -> None:
    failed = FailedWrite("write of the order", 2, "Revel answered 500")
    advice = advise("777", Status.SKIPPED, Reason.EVENT_DAY_PASSED, failed_write=failed)
    assert "15 minutes later" in advice
    assert "--order" not in advice


@pytest.mark.parametrize(
    ("status", "reason"),
    [(Status.FAILED, None), (Status.FAILED, Reason.AUTHORIZATION_DENIED), (Status.HELD, Reason.ORDER_DIFFERS)],
)
def test_what_is_in_the_way_now_comes_before_a_write_that_failed(status: Status, reason: Reason | None) -> None:
    assert advise("777", status, reason, failed_write=ITEM) == advise("777", status, reason)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("verdict", ["done", "ignored"])
@pytest.mark.parametrize("may_have_order", [True, False])
def test_no_advice_lets_a_run_make_the_order_of_an_event_that_may_have_one(
    reason: Reason, verdict: str, may_have_order: bool
) -> None:
    resolved = Resolved(verdict, may_have_order)
    advice = advise("777", Status.SKIPPED, reason, resolved=resolved)
    is_safe = verdict == "ignored" and not may_have_order and reason is Reason.CHANGED_AFTER_INJECTION
    assert ("--as open" in advice) is is_safe
    assert "{" not in advice

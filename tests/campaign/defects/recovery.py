"""Defects in taking up orders begun and in proving them. Each says what it stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tsrevel.engine import inject as writing
from tsrevel.engine import perform, recover, verify
from tsrevel.engine.triage import Recover
from tsrevel.engine.verify import Missing
from tsrevel.ledger.orders import OrderRepository
from tsrevel.planning.model import Hold
from tsrevel.planning.plan import plan_order
from tsrevel.planning.reasons import Reason, Status
from tsrevel.revel import compare

from .planting import Original, around, caught_in, instead

INCOMPLETE = "its order isn't complete"


# Taking an order up


def _rewrite(patch: pytest.MonkeyPatch, which: Callable[[Any, Any], Any]) -> None:
    """Let what `which` chooses of plan and receipts count as missing of an order begun."""

    def read(original: Original, ctx: Any, state: Any, plan: Any, order_id: Any, **known: Any) -> Any:
        contents, _ = original(ctx, state, plan, order_id, **known)
        return contents, Missing(tuple(which(plan, set().union(*known.values()))))

    around(patch, recover, "read_beginning", read)


@caught_in(*(f"single {n}:kill_after" for n in range(8, 16)), violates="has 2 orders|held ORDER_DIFFERS")
def order_is_begun_again(patch: pytest.MonkeyPatch) -> None:
    """An order begun is written again from its first step."""
    _rewrite(patch, lambda plan, _known: plan.steps)


@caught_in(*(f"single {n}:kill_in_flight" for n in range(9, 18)), violates="has a OrderItem twice|held ORDER_DIFFERS")
def receipts_alone_are_believed(patch: pytest.MonkeyPatch) -> None:
    """What is missing of an order begun is read off the ledger, not off Revel."""
    _rewrite(patch, lambda plan, known: tuple(step for step in plan.steps[1:] if step.uuid not in known))


@caught_in(
    *(f"single {n}:kill_after {n + 2}:event_changed" for n in (12, 14, 15, 17)),
    violates="isn't settled: held ORDER_DIFFERS",
)
def begun_order_is_planned_anew(patch: pytest.MonkeyPatch) -> None:
    """An order begun is finished from the event as it is now, not from the claimed plan."""

    def anew(original: Original, ctx: Any, state: Any, work: Any, task: Any) -> Any:
        if isinstance(task, Recover) and task.found and task.record.state == "claimed":
            event, place = ctx.tripleseat.event(task.found.event.id), task.plan.location
            now = plan_order(event, place, state.catalogs.of(place.establishment), ctx.policy, ctx.now())
            task = task if isinstance(now, Hold) else replace(task, plan=now)
        return original(ctx, state, work, task)

    around(patch, perform, "_recover", anew)


@caught_in(
    *(f"single {n}:kill_after {n + 2}:event_gone" for n in range(8, 16)), violates="isn't settled: nothing, 1 orders"
)
def order_of_a_lost_event_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An order begun stays half written once its event isn't listed any more."""
    instead(patch, OrderRepository, "unfinished", ())


@caught_in(*(f"single lost=1 {n}:kill_after {n + 1}:event_moved" for n in (11, 12, 14, 15)), violates=INCOMPLETE)
def order_at_another_establishment_is_taken(patch: pytest.MonkeyPatch) -> None:
    """Whichever establishment an order is at, it is the one planned."""

    def order_here(original: Original, plan: Any, row: Any, *names: Any) -> Any:
        return original(plan, replace(row, establishment=plan.location.establishment), *names)

    def contents_here(original: Original, plan: Any, contents: Any, *more: Any, **known: Any) -> Any:
        order = contents.order and replace(contents.order, establishment=plan.location.establishment)
        return original(plan, replace(contents, order=order), *more, **known)

    around(patch, verify, "describe_differences", order_here)
    around(patch, verify, "find_missing", contents_here)


@caught_in(*(f"single lost=1 {n}:kill_after" for n in range(8, 18)), violates=INCOMPLETE)
def order_found_counts_as_finished(patch: pytest.MonkeyPatch) -> None:
    """An order of ours that a look-up shows is settled, however much of it is there."""

    def adopt(ctx: Any, _state: Any, about: Any, plan: Any, row: Any, _labels: Any, digest: Any) -> Any:
        ctx.ledger.orders.settle(ctx.run_id, plan.event_id, row.id, digest)
        return replace(about, status=Status.SKIPPED, reason=Reason.ALREADY_INJECTED, order_id=row.id)

    patch.setattr(perform, "adopt", adopt)


# Proving


def _take_for_proved(patch: pytest.MonkeyPatch, *stages: str) -> None:
    def proved(original: Original, ctx: Any, state: Any, plan: Any, stage: str, *more: Any) -> Any:
        return None if stage in stages else original(ctx, state, plan, stage, *more)

    around(patch, writing, "verify", proved)


@caught_in("single 14:not_applied", "single 24:not_applied", violates=f"{INCOMPLETE}|isn't settled")
def parts_are_not_read_back(patch: pytest.MonkeyPatch) -> None:
    """A status of 201 counts as proof that a row was kept."""
    _take_for_proved(patch, "items", "money")


@caught_in(*(f"single {n}:not_applied" for n in range(25, 29)), violates=r"was finished \(POST OrderHistory\)")
def totals_are_not_proved(patch: pytest.MonkeyPatch) -> None:
    """An order is shown in the console without a look at its totals."""
    _take_for_proved(patch, "totals")


@caught_in(*(f"single {n}:not_applied" for n in range(29, 33)), violates="the ledger settled event")
def order_is_settled_unseen(patch: pytest.MonkeyPatch) -> None:
    """The ledger settles an order as soon as its last write is acknowledged."""
    _take_for_proved(patch, "history")


@caught_in(*(f"single {n}:not_applied" for n in range(25, 29)), violates="the ledger settled event")
def figures_are_not_compared(patch: pytest.MonkeyPatch) -> None:
    """An order read back is right, whatever its figures say."""
    for module in (verify, recover, compare):
        instead(patch, module, "describe_differences", "")

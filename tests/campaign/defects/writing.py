"""Defects in looking up, writing and remembering orders. Each says what it stands for.

Points in schedules are given so that a fault for writes alone may wait for its write: `1:` means the first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tsrevel import wiring
from tsrevel.config import load
from tsrevel.config.paths import StatePlace, state_folder
from tsrevel.engine import inject, perform, recover, verify
from tsrevel.engine.recover import Absent
from tsrevel.errors import OutcomeUnknown, Throttled, TryNextRun, Unavailable
from tsrevel.ledger import connection
from tsrevel.ledger.orders import OrderRepository
from tsrevel.ledger.runs import RunRepository
from tsrevel.planning import identity
from tsrevel.revel import client, decode, paging
from tsrevel.revel.client import Revel, WriteResult
from tsrevel.transport.api import ApiClient

from .. import rig
from .planting import Original, around, caught_in, instead

TWO_ORDERS = "has 2 orders"
ONE_TOO_MANY = "has 2 orders|twice"
TO_THE_END = "modes=live,live,live"
"""So many runs that what is applied late is seen."""


# Looking up


@caught_in(*(f"single lost=1 {n}:html_200" for n in range(44, 58)), violates=TWO_ORDERS)
def failed_lookup_means_absent(patch: pytest.MonkeyPatch) -> None:
    """A look-up that failed is read as: there is no order."""

    def find_order(original: Original, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except TryNextRun:
            return Absent()

    for module in (perform, recover):
        around(patch, module, "find_order", find_order)


_WRONG = [" ".join(f"{n + each}:wrong_shape" for each in range(4)) for n in range(44, 58)]


@caught_in(*(f"single lost=1 {each}" for each in _WRONG), violates=TWO_ORDERS)
def list_without_rows_is_empty(patch: pytest.MonkeyPatch) -> None:
    """JSON of another shape is read as an empty list."""
    around(patch, paging, "decode_page", lambda original, answer, what: original({"objects": [], **answer}, what))


@caught_in("single lost=1", "single 1:timeout_late", violates=TWO_ORDERS)
def ledger_alone_is_asked(patch: pytest.MonkeyPatch) -> None:
    """No look-up at Revel before the first write."""
    for module in (perform, recover):
        instead(patch, module, "find_order", Absent())


@caught_in("drawn-1", "drawn-6", violates="ORDER_EXISTS", ignored_filters={"local_id"})
def ignored_filter_is_trusted(patch: pytest.MonkeyPatch) -> None:
    """Whatever order a look-up lists is taken for the one asked for: its local_id isn't compared."""

    def orders(self: Revel, filters: dict[str, str], *_: Any) -> Any:
        return tuple(map(decode.decode_order, self._rows("Order", filters)))

    patch.setattr(Revel, "_orders", orders)


@caught_in("drawn-1", "drawn-6", violates="isn't settled: held", ignored_filters={"order"})
def parts_of_other_orders_count(patch: pytest.MonkeyPatch) -> None:
    """Items, payments and history rows of any order are taken for this one's."""

    def parts(self: Revel, resource: str, order: str, **more: str) -> Any:
        return self._rows(resource, {"order": order, **more})

    patch.setattr(Revel, "_parts", parts)


@caught_in("single", "lone", violates="isn't settled: held UNMAPPED_ITEMS", page_cap=1)
def only_the_first_page_is_read(patch: pytest.MonkeyPatch) -> None:
    """Rows beyond the first page are taken for absent."""

    def first(original: Original, *args: Any) -> Any:
        page = original(*args)
        return replace(page, next=None, total=len(page.rows))

    around(patch, paging, "decode_page", first)


@caught_in("single lost=1", "lone lost=1", violates="says skipped ORDER_EXISTS")
def uuid_is_drawn_at_random(patch: pytest.MonkeyPatch) -> None:
    """Nobody can derive an order's uuid again: once the ledger is lost, our own order passes for somebody else's."""
    made: list[str] = []

    def order_uuid(_event_id: object) -> str:
        made.append(str(UUID(int=len(made) // 2 + 1)))  # asked for twice for each plan
        return made[-1]

    patch.setattr(identity, "order_uuid", order_uuid)
    patch.setattr(perform, "order_uuid", order_uuid)


# Writing


def _send_again(patch: pytest.MonkeyPatch, *signs: str) -> None:
    def write(original: Original, *args: Any) -> Any:
        try:
            return original(*args)
        except OutcomeUnknown as lost:
            if not any(sign in str(lost) for sign in signs):
                raise
            return original(*args)

    around(patch, ApiClient, "write", write)


@caught_in("single 1:timeout_after", "single 4:timeout_late", violates="has 2 orders|has a OrderItem twice")
def write_is_sent_again_after_a_timeout(patch: pytest.MonkeyPatch) -> None:
    """A write that got no answer in time is retried, as reads are."""
    _send_again(patch, "it took too long")


@caught_in("single 1:500_after", "single 18:500_after", violates="has 2 orders|has a (Payment|OrderItem) twice")
def write_is_sent_again_after_a_5xx(patch: pytest.MonkeyPatch) -> None:
    """A write that was answered 5xx is retried, as reads are."""
    _send_again(patch, "answered 5")


@caught_in("single 4:reset_after", "single 1:reset_late", violates="has a OrderItem twice|has 2 orders")
def write_is_sent_again_after_a_reset(patch: pytest.MonkeyPatch) -> None:
    """A write whose connection broke is retried, as reads are."""
    _send_again(patch, "the connection broke")


@caught_in(f"single gaps=5 {TO_THE_END} 1:504_late", violates=TWO_ORDERS)
def gateway_timeout_means_refused(patch: pytest.MonkeyPatch) -> None:
    """A write that was answered 5xx counts as surely not applied, now and later."""

    def write(original: Original, *args: Any) -> Any:
        try:
            return original(*args)
        except OutcomeUnknown as unknown:
            if "answered 5" not in str(unknown):
                raise
            raise Unavailable(str(unknown)) from unknown

    around(patch, ApiClient, "write", write)


@caught_in(*(f"single {n}:not_applied_200" for n in range(29, 33)), violates="its order isn't complete")
def lost_answer_counts_as_done(patch: pytest.MonkeyPatch) -> None:
    """After a lost answer nobody looks: the write is taken for applied."""

    def seek(original: Original, self: Revel, plan: Any, step: Any, *more: Any) -> Any:
        return original(self, plan, step, *more) if step.kind == "order" else WriteResult("1")

    around(patch, Revel, "seek", seek)


@caught_in(*(f"single {n}:reset_after" for n in range(25, 28)), violates="has a Payment twice")
def lost_payment_is_posted_again(patch: pytest.MonkeyPatch) -> None:
    """A payment whose answer was lost is posted again without a look."""

    def write(original: Original, self: Revel, plan: Any, step: Any, *more: Any) -> Any:
        try:
            return original(self, plan, step, *more)
        except OutcomeUnknown:
            if step.kind != "payment":
                raise
            return original(self, plan, step, *more)

    around(patch, Revel, "write", write)


@caught_in("single", "lone", violates="isn't settled: held ORDER_DIFFERS, 1 orders, 0 complete discount")
def discount_goes_before_the_items(patch: pytest.MonkeyPatch) -> None:
    """The discount is written right after the order, where Revel counts it as zero (facts Revel 3.7)."""

    def list_steps(original: Original, *args: Any, **kwargs: Any) -> Any:
        order, *others = original(*args, **kwargs)
        return (order, *sorted(others, key=lambda step: step.kind != "discount"))

    def stage_of(original: Original, step: Any) -> Any:
        return "items" if step.kind == "discount" else original(step)

    around(patch, identity, "list_steps", list_steps)
    around(patch, verify, "stage_of", stage_of)
    around(patch, inject, "stage_of", stage_of)


@caught_in("single", "lone", violates="isn't settled: (failed OUTCOME_UNKNOWN|held ORDER_DIFFERS)")
def history_row_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """The row that makes an order visible in the console is never written."""

    def write(original: Original, self: Revel, plan: Any, step: Any, *more: Any) -> Any:
        return WriteResult("1") if step.kind == "history" else original(self, plan, step, *more)

    around(patch, Revel, "write", write)


@caught_in("single", "lone", violates=r"was finished \(POST OrderHistory\) although it is wrong in total")
def history_goes_before_the_totals(patch: pytest.MonkeyPatch) -> None:
    """The order is shown in the console before its totals are right."""
    patch.setattr(inject, "STAGES", ("items", "money", "history", "totals"))


# The ledger


def _change_records(patch: pytest.MonkeyPatch, **fields: object) -> None:
    """Let the ledger tell of each order with those fields changed."""

    def orders(original: Original, *args: Any) -> Any:
        return {event_id: replace(record, **fields) for event_id, record in original(*args).items()}

    def unfinished(original: Original, *args: Any) -> Any:
        return tuple(replace(record, **fields) for record in original(*args))

    around(patch, OrderRepository, "find", orders)
    around(patch, OrderRepository, "unfinished", unfinished)


@caught_in(f"single gaps=5 {TO_THE_END} 1:timeout_late", violates=TWO_ORDERS)
def claim_comes_after_the_first_write(patch: pytest.MonkeyPatch) -> None:
    """The plan isn't in the ledger before Revel hears of it."""
    waiting: list[Any] = []
    claim = OrderRepository.claim

    def begin_run(original: Original, *args: Any) -> None:
        waiting.clear()
        original(*args)

    def record(original: Original, self: OrderRepository, run_id: str, *args: Any, **kwargs: Any) -> None:
        while waiting:
            claim(self, run_id, *waiting.pop())
        original(self, run_id, *args, **kwargs)

    def unless_waiting(original: Original, *args: Any) -> None:
        if not waiting:
            original(*args)

    patch.setattr(OrderRepository, "claim", lambda _self, _run_id, *claimed: waiting.append(claimed))
    around(patch, RunRepository, "begin", begin_run)
    around(patch, OrderRepository, "record", record)
    around(patch, OrderRepository, "mark_sent", unless_waiting)
    around(patch, OrderRepository, "mark_not_applied", unless_waiting)


@caught_in(*(f"single gaps=5 {n}:invisible {n + 2}:outage" for n in (14, 17, 24)), violates="twice")
def receipt_is_not_recorded(patch: pytest.MonkeyPatch) -> None:
    """What Revel acknowledged counts as never sent: a recovery point is lost."""

    def record(
        _original: Original, self: OrderRepository, run_id: str, event_id: Any, step: Any, *_answer: Any, **_more: Any
    ) -> None:
        self.mark_not_applied(run_id, event_id, step)

    around(patch, OrderRepository, "record", record)


@caught_in(*(f"single gaps=5 {TO_THE_END} {n}:timeout_late" for n in (1, 4)), violates=f"{TWO_ORDERS}|twice")
def doubt_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A write that may still be applied holds nobody up."""
    _change_records(patch, unanswered=frozenset())


@caught_in(*(f"single gaps=1 {TO_THE_END} {n}:kill_in_flight" for n in (14, 20, 24)), violates=f"{TWO_ORDERS}|twice")
def write_is_not_marked_before_it_is_sent(patch: pytest.MonkeyPatch) -> None:
    """A process that dies in mid-write leaves no trace of it."""
    instead(patch, OrderRepository, "mark_sent", None)


@caught_in(*(f"single gaps=1 {TO_THE_END} {n}:5xx_late" for n in (14, 17, 20, 27)), violates=ONE_TOO_MANY)
def server_error_means_not_applied(patch: pytest.MonkeyPatch) -> None:
    """A write that was answered 5xx counts as surely not applied once a look has not found it."""

    def find_lost(original: Original, ctx: Any, state: Any, plan: Any, step: Any, *more: Any) -> Any:
        try:
            return original(ctx, state, plan, step, *more)
        except OutcomeUnknown:
            ctx.ledger.orders.mark_not_applied(ctx.run_id, plan.event_id, step)
            raise

    around(patch, inject, "_find_lost", find_lost)


@caught_in("single 1:429_after", "single 11:429_after", violates=ONE_TOO_MANY)
def throttled_write_is_sent_again_unseen(patch: pytest.MonkeyPatch) -> None:
    """A write that was answered 429 is sent again without a look for it."""

    def write(original: Original, *args: Any) -> Any:
        try:
            return original(*args)
        except Throttled:
            return original(*args)

    around(patch, ApiClient, "write", write)


@caught_in("single 1:sent_twice", "lone 1:sent_twice", violates="is doubled or renamed at Revel|was shown two orders")
def twins_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    """Two orders of an event that a run is shown are none too many."""
    instead(patch, Revel, "doubles", [])


@caught_in("single", "lone", violates="isn't settled", spells_uuids="{uuid.hex}")
def uuids_are_compared_as_text(patch: pytest.MonkeyPatch) -> None:
    """A uuid that Revel writes without dashes isn't known again."""
    for room in (decode, client):
        patch.setattr(room, "decode_uuid", lambda value: str(value).lower())


@caught_in("single", violates="the audit is broken")
def audit_rows_are_not_chained(patch: pytest.MonkeyPatch) -> None:
    """Each row of the audit is chained to the beginning, not to the last one."""

    def add(original: Original, *args: Any, **kwargs: Any) -> None:
        with pytest.MonkeyPatch.context() as inner:
            unchained = {"audit_head": connection.GENESIS}
            around(inner, connection, "read_meta", lambda read, *given: replace(read(*given), **unchained))
            original(*args, **kwargs)

    around(patch, connection.Change, "audit", add)


@caught_in("single 2:second_process", "single 7:second_process", violates="a second process reached")
def lock_is_not_taken(patch: pytest.MonkeyPatch) -> None:
    """Two runs go on at once."""
    patch.setattr(wiring, "hold_lock", nullcontext)


def _place_ledger_by_home(patch: pytest.MonkeyPatch) -> None:
    def place_files(original: Original, values: Any, path: Any, environ: Any, report: Any) -> Any:
        ledger, *others = original(values, path, environ, report)
        home = state_folder(environ)
        return (StatePlace(home).ledger if home else ledger), *others

    around(patch, load, "place_files", place_files)
    patch.setattr(rig, "_LOADED", {})  # what was read before the defect isn't read so again


def _place_lock(patch: pytest.MonkeyPatch, place: Callable[[rig.Rig], Path | None]) -> None:
    """Let each run take the lock of the ledger that would lie at `place`; of its own one where that is None."""
    places: list[Path | None] = []

    def settings(original: Original, self: rig.Rig, **more: Any) -> Any:
        places.append(place(self))
        return original(self, **more)

    around(patch, rig.Rig, "settings", settings)
    around(patch, wiring, "hold_lock", lambda original, path: original(places[-1] or path))


@caught_in(*(f"single {n}:other_user" for n in range(12, 20)), violates=ONE_TOO_MANY)
def ledger_goes_by_the_home(patch: pytest.MonkeyPatch) -> None:
    """Each user has a ledger, and its lock, in a folder of their own: two users make two orders."""
    _place_ledger_by_home(patch)


@caught_in(*(f"single {n}:other_user" for n in range(9, 16)), violates="a second process reached")
def lock_goes_by_the_home(patch: pytest.MonkeyPatch) -> None:
    """Users share the ledger, and each has a lock of their own."""

    def place(world: rig.Rig) -> Path | None:
        home = state_folder(world.environ)
        return StatePlace(home).ledger if home else None

    _place_lock(patch, place)


@caught_in(
    *(f"single gaps=5 {TO_THE_END} {n}:other_user {n + 1}:timeout_late" for n in range(9, 16)), violates=ONE_TOO_MANY
)
def ledger_alone_goes_by_the_home(patch: pytest.MonkeyPatch) -> None:
    """Users share the lock, and each has a ledger of their own: nobody knows what the other one has under way."""
    _place_ledger_by_home(patch)
    _place_lock(patch, lambda world: world.folder / "ledger.sqlite3")

"""Defects in money, in what a run may write at all, and in what it tells. Each says what it stands for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tsrevel import wiring
from tsrevel.cli.context import CliContext
from tsrevel.engine import run
from tsrevel.errors import CredentialsRefused, Unavailable
from tsrevel.planning import billing, identity, plan
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Status
from tsrevel.revel import decode, encode
from tsrevel.transport.api import ApiClient
from tsrevel.transport.write_gate import WriteGate
from tsrevel.tripleseat.client import Found, TripleSeat

from .planting import Original, around, caught_in, instead

UNLIKE_ANY = "holds what none of its versions has"


# Money


@caught_in("drawn-4", "drawn-6", violates=f"{UNLIKE_ANY}|isn't settled: held AMOUNT_MISMATCH")
def money_is_a_float(patch: pytest.MonkeyPatch) -> None:
    """Amounts go through binary fractions and are cut off."""
    for room in (billing, decode):
        patch.setattr(room, "to_cents", lambda amount: int(float(amount) * 100))


@caught_in("single", "drawn-1", violates=f"{UNLIKE_ANY}|although it is wrong in balance")
def cents_are_rounded_away(patch: pytest.MonkeyPatch) -> None:
    """Revel is sent amounts with one decimal."""
    patch.setattr(encode, "_number", lambda cents: round(cents / 100, 1))


def _tell_payments(patch: pytest.MonkeyPatch, **fields: Any) -> None:
    """Let the planner see every payment of an event with those fields changed, and no amount due that would tell."""

    def payments(original: Original, event: Any, document: Any, *more: Any) -> Any:
        seen = {
            each.id: replace(
                each, payments=tuple(replace(payment, **fields) for payment in each.payments), amounts_due=()
            )
            for each in event.documents
        }
        told = replace(event, documents=tuple(seen.values()), amount_due=None)
        return original(told, seen[document.id], *more)

    around(patch, plan, "payments_to_record", payments)


@caught_in("single", "lone", violates="paid at Revel, .* at TripleSeat")
def whole_total_counts_as_paid(patch: pytest.MonkeyPatch) -> None:
    """A payment of the invoice's total is recorded, whatever was paid."""
    patch.setattr(plan, "payments_to_record", lambda _event, _document, _policy, total, _today: [total])


@caught_in("drawn-3", "drawn-5", violates="paid at Revel, .* at TripleSeat")
def payment_asked_for_counts_as_paid(patch: pytest.MonkeyPatch) -> None:
    """A payment that is still open is recorded."""
    _tell_payments(patch, paid=True)


@caught_in("single 4:outage 5:event_refunded", violates="paid at Revel, .* at TripleSeat")
def refund_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    """What was given back of a payment still counts as paid."""
    _tell_payments(patch, refunded=0)


@caught_in("single", "drawn-1", violates="its order isn't complete")
def last_item_is_skipped(patch: pytest.MonkeyPatch) -> None:
    """One item is planned and never written."""

    def list_steps(original: Original, order: str, items: Any, *args: Any, **kwargs: Any) -> Any:
        return original(order, items[: max(1, len(items) - 1)], *args, **kwargs)

    around(patch, identity, "list_steps", list_steps)


@caught_in("drawn-35", "drawn-44", violates="its order isn't complete")
def unmapped_line_is_skipped(patch: pytest.MonkeyPatch) -> None:
    """A line without a product is left out of the order, where it should hold the event."""

    def items(
        original: Original, event: Any, document: Any, charges: Any, place: Any, catalogue: Any, *more: Any
    ) -> Any:
        lines = tuple(each for each in document.lines if catalogue.named(each.name))
        return original(event, replace(document, lines=lines), charges, place, catalogue, *more)

    around(patch, plan, "_plan_items", items)


# Safety


@caught_in("single modes=dry", violates="was sent in a run of mode dry")
def dry_run_writes(patch: pytest.MonkeyPatch) -> None:
    """The write gate is open in a dry run."""
    patch.setattr(wiring, "WriteGate", lambda **fields: WriteGate(**{**fields, "dry_run": False}))


@caught_in("single modes=disabled", violates="was sent in a run of mode disabled")
def kill_switch_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """The connector runs although it is switched off."""

    def load(original: Original, ctx: CliContext, **kwargs: Any) -> Any:
        settings = original(ctx, **kwargs)
        safety = settings.safety.model_copy(update={"enable_connector": True})
        return settings.model_copy(update={"safety": safety})

    around(patch, CliContext, "load_settings", load)


@caught_in("single modes=elsewhere", violates="was sent in a run of mode elsewhere")
def allowed_locations_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """Orders are written for every location."""
    around(patch, wiring, "build_policy", lambda original, *args: replace(original(*args), allowed=frozenset()))


# Telling


@caught_in("single 3:timeout_before", "single 1:timeout_late", violates="a secret is told: sandbox-key")
def key_is_told(patch: pytest.MonkeyPatch) -> None:
    """Every error of Revel's quotes its key."""

    def connect(original: Original, sender: Any, **kwargs: Any) -> Any:
        if sender.name == "Revel":
            sender.name = f"Revel {kwargs['authentication'].headers()}"
        return original(sender, **kwargs)

    around(patch, wiring, "ApiClient", connect)


@caught_in("single modes=dry 3:event_changed", violates="names event 64000101 2 times|says failed None of event")
def event_is_decided_on_twice(patch: pytest.MonkeyPatch) -> None:
    """What both searches list isn't joined."""

    def search(original: Original, *args: Any) -> list[Found]:
        return [replace(each, id=EventId(f"{each.id} again")) for each in original(*args)]

    around(patch, TripleSeat, "search_by_update", search)


@caught_in("single 1:timeout_late", "lone 1:504_late", violates="doesn't account for event")
def failed_event_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """An event that failed isn't told of."""

    def account_for(original: Original, *args: Any) -> Any:
        return [each for each in original(*args) if each.status is not Status.FAILED]

    around(patch, run, "account_for", account_for)


@caught_in("single 1:timeout_late", "drawn-35", violates="held or failed something, with exit status 0")
def every_run_ends_well(patch: pytest.MonkeyPatch) -> None:
    """The exit status is 0 whatever became of the events."""
    instead(patch, run, "exit_status", 0)


@caught_in(
    *(f"single gaps=8000 {n}:401 {n + 1}:kill_after" for n in range(1, 4)),
    violates="was refused its token and ended with exit status 13",
)
def dead_token_counts_as_outage(patch: pytest.MonkeyPatch) -> None:
    """A refused token is read as a service that is down: nobody is asked to log in."""

    def read(original: Original, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except CredentialsRefused as refused:
            raise Unavailable(str(refused)) from refused

    around(patch, ApiClient, "read", read)

"""The stable codes for the result of an event, each in one category (DESIGN 4), with the advice for each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """The cause of the result: the event's data, the calendar, a safety rule, a service, or tsrevel."""

    VALIDATION = "validation"
    TIME_GATE = "time_gate"
    SAFETY_LOCK = "safety_lock"
    UPSTREAM = "upstream"
    INTERNAL = "internal"


class Status(StrEnum):
    """The result of a run for an event. The next run tries `FAILED` events again; `HELD` needs a person."""

    INJECTED = "injected"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"
    PLANNED = "planned"


TROUBLE = frozenset({Status.HELD, Status.FAILED})
"""The statuses of events that a later run tries again."""


class Reason(StrEnum):
    """Why an event was not injected, or what else a person should know. Codes never change their meaning."""

    ALREADY_INJECTED = "ALREADY_INJECTED"
    ORDER_EXISTS = "ORDER_EXISTS"
    TOO_EARLY = "TOO_EARLY"
    EVENT_DAY_PASSED = "EVENT_DAY_PASSED"
    STATUS_NOT_ELIGIBLE = "STATUS_NOT_ELIGIBLE"
    EVENT_DELETED = "EVENT_DELETED"
    LOCATION_NOT_ALLOWED = "LOCATION_NOT_ALLOWED"
    LOCATION_NOT_MAPPED = "LOCATION_NOT_MAPPED"
    MISSING_DATA = "MISSING_DATA"
    INVALID_DATE_FORMAT = "INVALID_DATE_FORMAT"
    UNKNOWN_TIMEZONE = "UNKNOWN_TIMEZONE"
    EVENT_DATA_UNAVAILABLE = "EVENT_DATA_UNAVAILABLE"
    AUTHORIZATION_DENIED = "AUTHORIZATION_DENIED"
    NO_LINE_ITEMS = "NO_LINE_ITEMS"
    AMBIGUOUS_DOCUMENT = "AMBIGUOUS_DOCUMENT"
    UNMAPPED_ITEMS = "UNMAPPED_ITEMS"
    UNKNOWN_CHARGE = "UNKNOWN_CHARGE"
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    ORDER_TOO_LARGE = "ORDER_TOO_LARGE"
    RUN_LIMIT_REACHED = "RUN_LIMIT_REACHED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    DUPLICATE_ORDERS = "DUPLICATE_ORDERS"
    ORDER_DIFFERS = "ORDER_DIFFERS"
    UPSTREAM_UNAVAILABLE = "UPSTREAM_UNAVAILABLE"
    CHANGED_AFTER_INJECTION = "CHANGED_AFTER_INJECTION"
    CANCELLED_AFTER_INJECTION = "CANCELLED_AFTER_INJECTION"
    LEDGER_LOST = "LEDGER_LOST"
    REOPENED = "REOPENED"
    CONNECTOR_DISABLED = "CONNECTOR_DISABLED"
    DUPLICATE_EVENT = "DUPLICATE_EVENT"
    TRIGGER_TYPE_NOT_ACTIONABLE = "TRIGGER_TYPE_NOT_ACTIONABLE"

    @property
    def category(self) -> Category:
        return _CATEGORIES.get(self, Category.VALIDATION)


_CATEGORIES = {
    Reason.TOO_EARLY: Category.TIME_GATE,
    Reason.EVENT_DAY_PASSED: Category.TIME_GATE,
    Reason.LOCATION_NOT_ALLOWED: Category.SAFETY_LOCK,
    Reason.ORDER_TOO_LARGE: Category.SAFETY_LOCK,
    Reason.RUN_LIMIT_REACHED: Category.SAFETY_LOCK,
    Reason.CONNECTOR_DISABLED: Category.SAFETY_LOCK,
    Reason.ALREADY_INJECTED: Category.SAFETY_LOCK,
    Reason.ORDER_EXISTS: Category.SAFETY_LOCK,
    Reason.DUPLICATE_ORDERS: Category.SAFETY_LOCK,
    Reason.ORDER_DIFFERS: Category.SAFETY_LOCK,
    Reason.LEDGER_LOST: Category.SAFETY_LOCK,
    Reason.REOPENED: Category.SAFETY_LOCK,
    Reason.DUPLICATE_EVENT: Category.SAFETY_LOCK,
    Reason.EVENT_DATA_UNAVAILABLE: Category.UPSTREAM,
    Reason.AUTHORIZATION_DENIED: Category.UPSTREAM,
    Reason.OUTCOME_UNKNOWN: Category.UPSTREAM,
    Reason.UPSTREAM_UNAVAILABLE: Category.UPSTREAM,
    Reason.CHANGED_AFTER_INJECTION: Category.UPSTREAM,
    Reason.CANCELLED_AFTER_INJECTION: Category.UPSTREAM,
}


NOTHING = "nothing to do"
_NAME_NEW = "; if you entered another one, add `--order` and its number"
_NEXT_RUN = "nothing to do: the next run continues"
_WAIT = "wait for the next run; if it fails again, "

_ADVICE: dict[tuple[str, str | None], str] = {
    (Reason.ALREADY_INJECTED, None): NOTHING,
    (Reason.ORDER_EXISTS, None): NOTHING,
    (Reason.ORDER_EXISTS, Status.HELD): (
        "check the order in Revel and enter the right one by hand, "
        'then run `tsrevel resolve {event} --as done --note "checked in Revel"`'
    ),
    (Reason.TOO_EARLY, None): "nothing to do: a run on the event's day makes the order",
    (Reason.EVENT_DAY_PASSED, None): (
        "run `tsrevel sync-event {event} --ignore-time-gate` (Revel dates that order today), or enter the order by "
        "hand and run "
        '`tsrevel resolve {event} --as done --note "entered by hand"`'
    ),
    (Reason.STATUS_NOT_ELIGIBLE, None): NOTHING,
    (Reason.EVENT_DELETED, None): NOTHING,
    (Reason.LOCATION_NOT_ALLOWED, None): "nothing to do; to allow it, add its location to safety.allowed_locations",
    (Reason.LOCATION_NOT_ALLOWED, Status.HELD): (
        "add its location to safety.allowed_locations, or finish the order by hand and run "
        '`tsrevel resolve {event} --as done --note "finished by hand"`'
    ),
    (Reason.LOCATION_NOT_MAPPED, None): "add a [[locations]] entry for its TripleSeat location",
    (Reason.MISSING_DATA, None): "set the missing value in TripleSeat, or in the settings",
    (Reason.INVALID_DATE_FORMAT, None): "correct the event's date or time in TripleSeat",
    (Reason.UNKNOWN_TIMEZONE, None): "correct timezone in its [[locations]] entry",
    (Reason.EVENT_DATA_UNAVAILABLE, None): (
        f"{_WAIT}run `tsrevel explain {{event}}` for the cause, and check the event in TripleSeat"
    ),
    (Reason.AUTHORIZATION_DENIED, Status.HELD): "give the user who approved tsrevel access to the event in TripleSeat",
    (Reason.AUTHORIZATION_DENIED, None): (
        "run `tsrevel doctor`: it says which credentials are missing or refused, and what to do about it"
    ),
    (Reason.NO_LINE_ITEMS, None): "finish the event's contract in TripleSeat, or share its invoice page again",
    (Reason.AMBIGUOUS_DOCUMENT, None): "delete the wrong documents in TripleSeat, or set tripleseat.order_document",
    (Reason.UNMAPPED_ITEMS, None): (
        "run `tsrevel map suggest` and map the lines, or correct their names in TripleSeat; for a charge, correct its "
        "product in [[charges]], or create it in Revel"
    ),
    (Reason.UNKNOWN_CHARGE, None): "add a [[charges]] entry for the charge",
    (Reason.AMOUNT_MISMATCH, None): "correct the amounts, payments or currency in TripleSeat, or the settings",
    (Reason.ORDER_TOO_LARGE, None): "check the event; if its total is right, raise safety.max_order_total",
    (Reason.RUN_LIMIT_REACHED, None): _NEXT_RUN,
    (Reason.OUTCOME_UNKNOWN, None): "nothing to do: the next run checks Revel before it writes",
    (Reason.DUPLICATE_ORDERS, None): (
        "keep one order, tsrevel's own if it made one, and delete or void the others in Revel"
    ),
    (Reason.ORDER_DIFFERS, None): (
        "check the order in Revel and correct it there (if its console doesn't show it, enter another one and ask "
        "Revel to delete this one), "
        'then run `tsrevel resolve {event} --as done --note "corrected in Revel"`' + _NAME_NEW
    ),
    (Reason.UPSTREAM_UNAVAILABLE, None): (
        f"{_WAIT}run `tsrevel doctor`; if only this event fails, check it in TripleSeat"
    ),
    (Reason.CHANGED_AFTER_INJECTION, None): (
        "correct the order in Revel by hand (if it is gone and still wanted, enter another one there), "
        'then run `tsrevel resolve {event} --as done --note "corrected in Revel"`' + _NAME_NEW
    ),
    (Reason.CANCELLED_AFTER_INJECTION, None): (
        "if nobody wants the order, void it in Revel, "
        'then run `tsrevel resolve {event} --as done --note "voided in Revel"`'
    ),
    (Reason.LEDGER_LOST, None): (
        "if there is a newer backup of the ledger, restore it; otherwise pause and resolve again as before; "
        'then run `tsrevel resolve {event} --as done --note "ledger checked"`'
    ),
    (Reason.REOPENED, None): "nothing to do: the next run reads it again and decides",
    (Reason.CONNECTOR_DISABLED, None): "set safety.enable_connector = true, or run `tsrevel resume`",
    (Reason.DUPLICATE_EVENT, None): NOTHING,
    (Reason.TRIGGER_TYPE_NOT_ACTIONABLE, None): NOTHING,
}


_AGREES_AGAIN = "nothing to do, unless somebody has changed the order's day or notes in Revel meanwhile"


@dataclass(frozen=True, slots=True)
class FailedWrite:
    """A write of an event's order that failed in each of several runs, and in none since then worked.

    `step` is its name in words, `answer` what Revel said to it last. `order_id`: the half-written order, if Revel
    acknowledged one. `product` is the item's.
    """

    step: str
    runs: int
    answer: str
    order_id: str | None = None
    product: int | None = None
    establishment: int | None = None


_BY_HAND = (
    'run `tsrevel resolve {event} --as done --order {order} --note "finished by hand"`, so that no run writes to it, '
    "and finish it by hand in Revel"
)
_AFTER_FAILED_WRITE = {
    "item": "check that product {product} is active and on sale at establishment {establishment} in Revel, or "
    + _BY_HAND,
    "other": "correct what it refuses, in Revel or in the settings of the order's location, or " + _BY_HAND,
    "order": (
        "run `tsrevel doctor`; if it finds nothing, run "
        '`tsrevel resolve {event} --as done --note "entered by hand"`, and 15 minutes later enter the order by hand if '
        "Revel still has none"
    ),
}
_ORDER_IS_WANTED = frozenset({
    (Status.PLANNED, None), (Status.FAILED, Reason.OUTCOME_UNKNOWN), (Status.FAILED, Reason.UPSTREAM_UNAVAILABLE),
    (Status.SKIPPED, Reason.EVENT_DAY_PASSED), (Status.SKIPPED, Reason.RUN_LIMIT_REACHED),
    (Status.FAILED, Reason.RUN_LIMIT_REACHED),
})  # fmt: skip
"""The results that a write which fails in every run explains better than their own reasons."""


_IF_RESOLVED_AS: dict[tuple[str, str], str] = {
    ("done", Reason.CHANGED_AFTER_INJECTION): (
        "check the event (`tsrevel explain {event}` shows it) and change its order in Revel by hand, then run "
        '`tsrevel resolve {event} --as done --note "corrected in Revel"`'
    ),
    ("ignored", Reason.CHANGED_AFTER_INJECTION): (
        "check the event (`tsrevel explain {event}` shows it); if it needs an order now, {make_it}; if it needs none, "
        'run `tsrevel resolve {event} --as ignored --note "still not wanted"`'
    ),
    ("ignored", Reason.CANCELLED_AFTER_INJECTION): (
        'if it has no order in Revel, run `tsrevel resolve {event} --as ignored --note "cancelled"`; if it has one, '
        "void it there first"
    ),
}
_LET_A_RUN_MAKE_IT = 'run `tsrevel resolve {event} --as open --note "wanted after all"`'
_ENTER_IT = (
    "check in Revel whether it has one, enter or correct it there, and run "
    '`tsrevel resolve {event} --as done --order ID --note "entered by hand"`'
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """That a person resolved the event as `verdict`.

    `may_have_order`: an order may exist that runs don't find, so no run may be asked to make one.
    """

    verdict: str
    may_have_order: bool


def advise(
    event_id: str,
    status: str,
    reason: str | None,
    *,
    has_order: bool = False,
    failed_write: FailedWrite | None = None,
    again: bool = False,
    resolved: Resolved | None = None,
    agrees: bool = False,
) -> str:
    """The advice for an event with that status and reason code; '' for a code that this version doesn't know.

    Mails, `explain`, `status` and the table in docs/operations.md use this text. `has_order`: Revel has an order of
    ours for it, so amounts that don't match are that order's. `failed_write`: a write of its order failed in several
    runs. `again`: the run before failed, too. `resolved`: a person resolved it, and no run makes its order.
    `agrees`: what had changed after its order was made was taken back.
    """
    if failed_write and (status, reason) in _ORDER_IS_WANTED:
        return _advise_after(event_id, failed_write)
    if again and reason == Reason.OUTCOME_UNKNOWN:
        reason = Reason.UPSTREAM_UNAVAILABLE
    if has_order and reason == Reason.AMOUNT_MISMATCH:
        advice = _ADVICE[Reason.ORDER_DIFFERS, None]
    elif agrees and reason == Reason.CHANGED_AFTER_INJECTION:
        advice = _AGREES_AGAIN
    elif reason is None:
        advice = {
            "planned": "nothing to do: the next run makes its order",
            "failed": "report this fault in tsrevel",
        }.get(status, NOTHING)
    elif reason not in Reason.__members__:
        advice = ""
    elif resolved and (resolved.verdict, reason) in _IF_RESOLVED_AS:
        make_it = _ENTER_IT if resolved.may_have_order else _LET_A_RUN_MAKE_IT
        advice = _IF_RESOLVED_AS[resolved.verdict, reason].replace("{make_it}", make_it)
    else:
        advice = _ADVICE.get((reason, status)) or _ADVICE.get((reason, None), NOTHING)
    return (advice.removeprefix(_WAIT) if again else advice).replace("{event}", event_id)


def _advise_after(event_id: str, failed: FailedWrite) -> str:
    """The advice for an event whose order can't be written. The next run tries the same write again."""
    if failed.order_id is None:
        kind, state = "order", "Revel has shown no order yet"
    else:
        kind = "other" if failed.product is None else "item"
        state = f"order {failed.order_id} is half-written in Revel"
    what = _AFTER_FAILED_WRITE[kind].format(
        event=event_id, order=failed.order_id, product=failed.product, establishment=failed.establishment
    )
    return f"the {failed.step} failed in {failed.runs} runs ({failed.answer}); {state}: {what}"

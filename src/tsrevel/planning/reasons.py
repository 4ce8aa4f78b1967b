"""The stable codes for what became of an event, each in one category (DESIGN 4)."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """Who has to move: the data's owner, the calendar, nobody, the other service, or us."""

    VALIDATION = "validation"
    TIME_GATE = "time_gate"
    SAFETY_LOCK = "safety_lock"
    UPSTREAM = "upstream"
    INTERNAL = "internal"


class Status(StrEnum):
    """What a run made of an event. `FAILED` is tried again by itself; `HELD` needs a person."""

    INJECTED = "injected"
    SKIPPED = "skipped"
    HELD = "held"
    FAILED = "failed"
    PLANNED = "planned"


class Reason(StrEnum):
    """Why an event was not injected, or what is remarkable about it. Codes never change their meaning."""

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
    CONNECTOR_DISABLED = "CONNECTOR_DISABLED"
    DUPLICATE_EVENT = "DUPLICATE_EVENT"
    TRIGGER_TYPE_NOT_ACTIONABLE = "TRIGGER_TYPE_NOT_ACTIONABLE"

    @property
    def category(self) -> Category:
        """The one category of this code."""
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
    Reason.DUPLICATE_EVENT: Category.SAFETY_LOCK,
    Reason.EVENT_DATA_UNAVAILABLE: Category.UPSTREAM,
    Reason.AUTHORIZATION_DENIED: Category.UPSTREAM,
    Reason.OUTCOME_UNKNOWN: Category.UPSTREAM,
    Reason.UPSTREAM_UNAVAILABLE: Category.UPSTREAM,
    Reason.CHANGED_AFTER_INJECTION: Category.UPSTREAM,
    Reason.CANCELLED_AFTER_INJECTION: Category.UPSTREAM,
}

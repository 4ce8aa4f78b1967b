"""The memory of tsrevel: one SQLite file records what runs saw, claimed, wrote and settled, and proves it.

All SQL is in this package. It decides nothing about events and calls no service. It stores no customer data and no
secrets: plans contain none, and texts that may name people are stored as hashes. Callers must pass facts, details and
reasons without either.

Read in this order: `records` (the data that the ledger returns), `ledger` (`Ledger` and its repositories), `orders`,
`events`, `runs`, `outbox`, `account`, `audit` (the repositories with their SQL), `queries` (what people
ask), `connection` (how a change is stored and proven), `plan_json` (plans and events as text), `older_rows` (what older
versions stored), `database`, `migrations`, `lock` (the file), `reading`, `view` (read-only), `maintenance` (check,
backup, export, prune).
"""

from tsrevel.ledger.account import KnownOrder
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.ledger import KnownEvents, Ledger, LedgerView
from tsrevel.ledger.lock import hold_lock, hold_mail_lock, is_locked
from tsrevel.ledger.maintenance import Inspection, inspect_ledger
from tsrevel.ledger.plan_json import hash_of_content, hash_of_details, hash_of_hold
from tsrevel.ledger.records import (
    FAILED_AGAIN,
    GONE,
    PENDING,
    AuditKind,
    AuditRow,
    Clock,
    ContentHashes,
    DeliveryKey,
    EventDrift,
    EventResult,
    LastResult,
    OrderRecord,
    OrderState,
    Receipt,
    Resolution,
    RunMode,
    RunRecord,
    StationChange,
    StationReport,
    Verdict,
)
from tsrevel.ledger.runs import Pause, oldest_of, read_pause
from tsrevel.ledger.view import copy_event, open_view

__all__ = [
    "FAILED_AGAIN",
    "GONE",
    "PENDING",
    "SQLITE",
    "AuditKind",
    "AuditRow",
    "Clock",
    "Connect",
    "ContentHashes",
    "DeliveryKey",
    "EventDrift",
    "EventResult",
    "Inspection",
    "KnownEvents",
    "KnownOrder",
    "LastResult",
    "Ledger",
    "LedgerView",
    "OrderRecord",
    "OrderState",
    "Pause",
    "Receipt",
    "Resolution",
    "RunMode",
    "RunRecord",
    "StationChange",
    "StationReport",
    "Verdict",
    "copy_event",
    "hash_of_content",
    "hash_of_details",
    "hash_of_hold",
    "hold_lock",
    "hold_mail_lock",
    "inspect_ledger",
    "is_locked",
    "oldest_of",
    "open_view",
    "read_pause",
]

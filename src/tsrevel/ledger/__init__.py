"""The memory of tsrevel: what was seen, claimed, written and settled, in one SQLite file that can prove it.

All SQL is in this package. It decides nothing about events and talks to no service. It keeps no customer data
and no secrets: plans have none by design, texts that may name people are kept as hashes, and whatever is
passed as a fact, a detail or a reason must be free of both.

Read in this order: `records` (what comes out), `store` (the `Ledger`), `orders`, `events`, `changes`, `runs`, `outbox`,
`catalogues`, `audit` (one table family each), `plan_json` (plans and events as text), `database` (the file and its
transactions), `migrations`, `connection`, `lock`, `view` (a look while a run goes on), `maintenance`.
"""

from tsrevel.ledger.changes import hash_of_content
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.database import Inspection, inspect_ledger
from tsrevel.ledger.lock import hold_lock, hold_mail_lock, is_locked
from tsrevel.ledger.orders import hash_of_trouble
from tsrevel.ledger.records import (
    PENDING,
    AuditKind,
    AuditRow,
    ClaimConflict,
    Clock,
    ConflictCode,
    ContentHashes,
    DeliveryKey,
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
from tsrevel.ledger.runs import Pause, look_for_pause
from tsrevel.ledger.store import Ledger
from tsrevel.ledger.view import LedgerView, copy_event, open_view

__all__ = [
    "PENDING",
    "SQLITE",
    "AuditKind",
    "AuditRow",
    "ClaimConflict",
    "Clock",
    "ConflictCode",
    "Connect",
    "ContentHashes",
    "DeliveryKey",
    "EventResult",
    "Inspection",
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
    "hash_of_trouble",
    "hold_lock",
    "hold_mail_lock",
    "inspect_ledger",
    "is_locked",
    "look_for_pause",
    "open_view",
]

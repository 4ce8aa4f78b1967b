"""The memory of tsrevel: what was seen, claimed, written and settled, in one SQLite file that can prove it.

All SQL is in this room. It decides nothing about events and talks to no service. It keeps no customer data
and no secrets: plans have none by design, texts that may name people are kept as hashes, and whatever is
passed as a fact, a detail or a reason must be free of both.

Read in this order: `records` (what comes out), `store` (the `Ledger`), `orders`, `sightings`, `deliveries`, `runs`,
`outbox`, `catalogues`, `audit` (one table family each), `codec` (plans as text), `snapshot` (events as text),
`older_rows` (what older versions stored), `file` (transactions), `database`,
`migrations`, `connection` (the file), `lock`, `inspection` (a look that changes nothing).
"""

from tsrevel.ledger.changes import hash_of_content
from tsrevel.ledger.connection import SQLITE, Connect
from tsrevel.ledger.inspection import Inspection, inspect_ledger
from tsrevel.ledger.lock import hold_lock, hold_mail_lock, is_locked
from tsrevel.ledger.orders import hash_of_trouble
from tsrevel.ledger.pausing import Pause, look_for_pause
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

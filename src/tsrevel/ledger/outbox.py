"""The outbox: notices of changes, the mails that carry them, and whether those were sent.

Each notice is stored in the transaction of its change, so neither exists without the other. Other modules send mails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from tsrevel.errors import ClaimConflict, ConflictCode
from tsrevel.ledger.connection import Change, Repository, Transactions, reader_of, record_of
from tsrevel.ledger.plan_json import hash_of_details
from tsrevel.ledger.records import AuditKind, EventResult, LastResult
from tsrevel.planning.model import EventId, OrderId

Occasion = Literal["injected", "held", "failed", "missed", "changed"]
"""The change of an event's state that a notice reports."""

REPORTED_CHANGES = frozenset({"CHANGED_AFTER_INJECTION", "CANCELLED_AFTER_INJECTION", "LEDGER_LOST"})
"""The reasons that report a change after injection, or a lost ledger. It stays open until a person settles it."""
_POST_INJECTED = """
    INSERT INTO notices (run_id, event_id, occasion, location, order_id, text)
    SELECT :run_id, event_id, 'injected', '', :order_id, '' FROM orders
    WHERE event_id = :event_id AND plan IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM audit WHERE audit.event_id = :event_id AND kind = 'settled')
      AND (:was_sent OR EXISTS (SELECT 1 FROM receipts WHERE receipts.event_id = :event_id AND facts = '{}'))
"""
"""Stores the notice only if Revel acknowledged a write of the order, or one was sent that may be applied."""
_POST = """
    INSERT INTO notices (run_id, event_id, occasion, event_day, location, order_id, reason, text)
    VALUES (:run_id, :event_id, :occasion, :event_day, :location, :order_id, :reason, :text)
"""
_WAITING = "SELECT number FROM notices WHERE mail IS NULL ORDER BY number"
_MAKE_MAIL = "INSERT INTO mails (made_at) VALUES (?)"
_PUT_INTO = "UPDATE notices SET mail = ? WHERE number = ?"
_DUE = "SELECT number, made_at, attempts, tried_at FROM mails WHERE state = 'due' ORDER BY number"
_NOTICES = """
    SELECT notices.event_id, notices.run_id, occasion, event_day AS day, location, order_id, reason, text,
        correlation_id,
        EXISTS (SELECT 1 FROM audit WHERE audit.event_id = notices.event_id AND audit.run_id = notices.run_id
            AND kind = 'seen' AND json_extract(detail, '$.again') IS NOT NULL) AS again
    FROM notices JOIN runs USING (run_id) WHERE mail = ? ORDER BY number
"""
_TRIED = """
    UPDATE mails SET attempts = attempts + 1, tried_at = :at, state = :state
    WHERE number = :number AND state = 'due'
"""
_EMPTY_TEXTS = "UPDATE notices SET text = '' WHERE mail = ?"


@dataclass(frozen=True, slots=True)
class Notice:
    """One change of one event. `text` says why and what to do; it names no customer. `day` is None if unknown.

    `again`: it reports that the event failed again.
    """

    event_id: EventId
    occasion: Occasion
    run_id: str
    correlation_id: str
    day: date | None
    location: str
    order_id: OrderId | None
    reason: str | None
    text: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class DueMail:
    """A mail that is still to be sent. `attempts` failed so far, the last one at `tried_at`."""

    number: int
    made_at: datetime
    attempts: int
    tried_at: datetime | None
    notices: tuple[Notice, ...]


class Outbox(Repository):
    """`ledger.outbox`: notices and mails. `mail_on`: the occasions for notices; empty if no mail can be sent."""

    def __init__(self, transactions: Transactions, mail_on: Collection[str]) -> None:
        super().__init__(transactions)
        self._mail_on = mail_on

    def make_mails(self, *, digest: bool) -> tuple[DueMail, ...]:
        """Puts waiting notices into mails, one for all (`digest`) or one for each. Returns all due mails, oldest first.

        Notices of a run that died before it made its mails are waiting too.
        """
        with self._transactions.changing(None) as change:
            waiting = [row["number"] for row in change.execute(_WAITING)]
            for bundle in [waiting] if digest and waiting else [[each] for each in waiting]:
                mail = change.execute(_MAKE_MAIL, (change.at,)).lastrowid
                change.connection.executemany(_PUT_INTO, [(mail, number) for number in bundle])
            return self._all(self._decode_mail, _DUE)

    def note_sent(self, number: int) -> None:
        """Records that the mail was accepted: it is never sent again. ClaimConflict if it wasn't due."""
        with self._transactions.changing(None) as change:
            _note_attempt(change, number, "sent")
            change.audit(AuditKind.MAIL_SENT, mail=str(number))

    def note_failed(self, number: int, text: str, *, give_up: bool = False) -> None:
        """Records that the mail wasn't accepted, and why (`text`). Without `give_up` a later run sends it again.

        ClaimConflict if it wasn't due.
        """
        with self._transactions.changing(None) as change:
            _note_attempt(change, number, "given_up" if give_up else "due")
            if give_up:
                change.audit(AuditKind.MAIL_GIVEN_UP, mail=str(number), text=text)

    def post_injected(self, change: Change, event_id: EventId, order_id: OrderId, *, was_sent: bool) -> None:
        """Stores a notice that the event's order is about to be settled.

        None if it was settled before, isn't ours, or if this ledger knows of no write: an earlier ledger made it.
        `was_sent`: a write was sent that may be applied.
        """
        if "injected" in self._mail_on:
            row = {"run_id": change.run_id, "event_id": event_id, "order_id": order_id, "was_sent": was_sent}
            change.execute(_POST_INJECTED, row)

    def post_results(
        self,
        change: Change,
        results: Iterable[EventResult],
        before: Mapping[EventId, LastResult],
        news: Collection[EventId],
    ) -> None:
        """Stores notices of a run's new results. `before`: the last results; `news`: the events that changed."""
        for one in results:
            occasion = _occasion_of(one, before.get(one.event_id)) if one.event_id in news else None
            if occasion in self._mail_on:
                row = {
                    "run_id": change.run_id,
                    "event_id": one.event_id,
                    "occasion": occasion,
                    "event_day": one.day.isoformat() if one.day else None,
                    "location": one.location,
                    "order_id": one.order_id,
                    "reason": one.reason,
                    "text": one.text,
                }
                change.execute(_POST, row)

    def _decode_mail(self, row: sqlite3.Row) -> DueMail:
        return record_of(DueMail, row, notices=self._all(reader_of(Notice), _NOTICES, (row["number"],)))


def _occasion_of(result: EventResult, before: LastResult | None) -> Occasion | None:
    """A failure that repeats is told once, whatever its reason is by then, unless its details change."""
    if result.missed:
        return None if before and before.was_missed_on(result.day) else "missed"
    if result.reason in REPORTED_CHANGES:
        return "changed"
    if result.status == "held":
        return "held"
    if result.status != "failed":
        return None
    if before is None or before.status != "failed":
        return "failed"
    if result.repeated:
        return None if before.details_hash == hash_of_details(result.details) else "failed"
    return None if before.reason == result.reason else "failed"


def _note_attempt(change: Change, number: int, state: str) -> None:
    row = {"number": number, "at": change.at, "state": state}
    if change.execute(_TRIED, row).rowcount != 1:
        raise ClaimConflict(ConflictCode.MAIL_NOT_DUE, f"Mail {number} can't be noted as {state}: it isn't due.")
    if state != "due":
        change.execute(_EMPTY_TEXTS, (number,))

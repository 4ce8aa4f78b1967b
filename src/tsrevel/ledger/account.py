"""The ledger's knowledge of both accounts: Revel's catalogues, how the services behave, and rehearsals."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tsrevel.ledger.connection import Repository, decode_instant, encode_instant, reader_of, record_of
from tsrevel.ledger.plan_json import decode_plan
from tsrevel.ledger.records import AuditKind
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.model import EstablishmentId, EventId, OrderId, ProductId
from tsrevel.planning.money import Cents
from tsrevel.planning.products import Catalogue, Product
from tsrevel.text import clean_text

_FIND_ANY = "SELECT products FROM catalogues WHERE establishment = ?"
_FIND = "SELECT products FROM catalogues WHERE establishment = ? AND read_at > ? AND read_at <= ?"
_STORE_CATALOG = """
    INSERT INTO catalogues (establishment, products, read_at) VALUES (?, ?, ?)
    ON CONFLICT (establishment) DO UPDATE SET products = excluded.products, read_at = excluded.read_at
"""
_DROP = "DELETE FROM catalogues WHERE establishment = ?"


class CatalogRepository(Repository):
    """`ledger.catalogs`: each establishment's products as Revel last listed them, compressed and dated.

    This copy only saves downloads. A run downloads a missing or unreadable catalogue again.
    """

    def recent(self, establishment: EstablishmentId, max_age: timedelta) -> Catalogue | None:
        """The catalogue if it was stored less than `max_age` ago; None if older, future, unreadable or missing."""
        now = self._transactions.clock()
        wanted = (establishment, encode_instant(now - max_age), encode_instant(now))
        return self._first(lambda row: decode_catalog(establishment, row["products"]), _FIND, wanted)

    def stored(self, establishment: EstablishmentId) -> Catalogue | None:
        """The catalogue of any age, only to show it; None if it is unreadable or missing."""
        return self._first(lambda row: decode_catalog(establishment, row["products"]), _FIND_ANY, (establishment,))

    def store(self, catalog: Catalogue) -> None:
        """Stores what Revel has just listed. It replaces the earlier copy."""
        with self._transactions.changing(None) as change:
            change.execute(_STORE_CATALOG, (catalog.establishment, encode_catalog(catalog), change.at))
            told = {"establishment": str(catalog.establishment), "products": str(len(catalog.names))}
            change.audit(AuditKind.CATALOGUE_KEPT, None, **told)

    def drop(self, establishment: EstablishmentId) -> None:
        """Drops the establishment's catalogue, if one is stored."""
        with self._transactions.changing(None) as change:
            if change.execute(_DROP, (establishment,)).rowcount:
                change.audit(AuditKind.CATALOGUE_DROPPED, None, establishment=str(establishment))


def encode_catalog(catalog: Catalogue) -> bytes:
    """Compressed JSON: the ids, then the names."""
    return zlib.compress(json.dumps([list(catalog.names), list(catalog.names.values())]).encode("ascii"))


def decode_catalog(establishment: EstablishmentId, stored: bytes) -> Catalogue | None:
    """The catalogue that `encode_catalog` compressed; None if it is unreadable."""
    try:
        ids, names = json.loads(zlib.decompress(stored))
        products = [Product(ProductId(int(each)), clean_text(str(name))) for each, name in zip(ids, names, strict=True)]
    except (zlib.error, ValueError, TypeError):
        return None
    return Catalogue.of(establishment, products)


# Assumptions

_STORE_ANSWER = """
    INSERT INTO assumptions (code, result, detail, tested_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (code) DO UPDATE
    SET result = excluded.result, detail = excluded.detail, tested_at = excluded.tested_at
"""
_ANSWERS = """
    SELECT code, result, detail, tested_at FROM assumptions
    WHERE code IN (SELECT value FROM json_each(?)) ORDER BY rowid
"""
_REHEARSALS = "SELECT at, event_id, detail AS facts FROM audit WHERE kind = ? ORDER BY seq"
_KNOWN_ORDERS = """
    SELECT order_id, plan,
        (SELECT recorded_at FROM steps JOIN receipts USING (event_id, uuid)
         WHERE steps.event_id = orders.event_id AND steps.kind = 'order' AND receipts.facts = '{}') AS written_at
    FROM orders WHERE order_id IS NOT NULL AND plan IS NOT NULL AND state <> 'foreign'
    ORDER BY touched_at DESC, rowid DESC LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """An order that tsrevel sent. `written_at`: when Revel acknowledged it; None if not stored.

    `timezone` is its establishment's.
    """

    order_id: OrderId
    uuid: str
    local_id: str
    total: Cents
    timezone: str
    written_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A supervised first order. `facts`: what became of its fields, and what a person saw at a POS station."""

    at: datetime
    event_id: EventId
    facts: Mapping[str, str]


class AssumptionRepository(Repository):
    """`ledger.assumptions`: how this account behaves, according to tests and rehearsals."""

    def store(self, answers: Iterable[AssumptionAnswer]) -> None:
        """Stores these answers with the current time. An untested one (`UNTOLD`) doesn't replace an earlier answer."""
        with self._transactions.changing(None) as change:
            told = [each for each in answers if each.result is not AssumptionResult.UNTOLD]
            for each in told:
                change.execute(_STORE_ANSWER, (each.code, each.result, each.detail, change.at))
            if told:
                change.audit(
                    AuditKind.ASSUMPTIONS_TESTED, None, **{each.code.value: each.result.value for each in told}
                )

    def answers(self) -> tuple[AssumptionAnswer, ...]:
        """The last answer to each tested assumption. Assumptions that this version doesn't know are left out."""
        return self._by_ids(_decode_answer, _ANSWERS, AssumptionCode)

    def store_rehearsal(self, event_id: EventId, facts: Mapping[str, str]) -> None:
        """Stores what a rehearsal showed. `facts` must be free of customer data."""
        with self._transactions.changing(None) as change:
            change.audit(AuditKind.REHEARSED, event_id, **facts)

    def rehearsals(self) -> tuple[Rehearsal, ...]:
        """Every rehearsal, oldest first."""
        return self._all(reader_of(Rehearsal), _REHEARSALS, (AuditKind.REHEARSED,))

    def known_orders(self, most: int) -> tuple[KnownOrder, ...]:
        """Up to `most` orders that tsrevel wrote, last changed first. LedgerDamaged if a plan is unreadable."""
        return self._all(_decode_order, _KNOWN_ORDERS, (most,))


def _decode_answer(row: sqlite3.Row) -> AssumptionAnswer:
    code, result = AssumptionCode(row["code"]), AssumptionResult(row["result"])
    return AssumptionAnswer(code, result, row["detail"], decode_instant(row["tested_at"]))


def _decode_order(row: sqlite3.Row) -> KnownOrder:
    plan = decode_plan(row["plan"])
    return record_of(
        KnownOrder, row, uuid=plan.uuid, local_id=plan.local_id, total=plan.final_total, timezone=plan.location.timezone
    )

"""The table of catalogues: each establishment's products as Revel last listed them, compressed, with their age.

A copy that saves downloads and nothing more: what is missing or unreadable here is downloaded again.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from datetime import datetime, timedelta

from tsrevel.ledger.audit import Change
from tsrevel.ledger.records import AuditKind, encode_instant
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.products import Catalogue, Product
from tsrevel.text import clean_text

_FIND = "SELECT products FROM catalogues WHERE establishment = ? AND read_at > ? AND read_at <= ?"
_KEEP = """
    INSERT INTO catalogues (establishment, products, read_at) VALUES (?, ?, ?)
    ON CONFLICT (establishment) DO UPDATE SET products = excluded.products, read_at = excluded.read_at
"""
_DROP = "DELETE FROM catalogues WHERE establishment = ?"


def find_young(
    connection: sqlite3.Connection, establishment: EstablishmentId, now: datetime, longest: timedelta
) -> Catalogue | None:
    """The kept catalogue if it is younger than `longest`; None for an older one, one from the future, or none."""
    bounds = encode_instant(now - longest), encode_instant(now)
    row = connection.execute(_FIND, (establishment, *bounds)).fetchone()
    return _decode(establishment, row["products"]) if row else None


def keep(change: Change, catalogue: Catalogue) -> None:
    """Stores the catalogue in place of the one before."""
    change.connection.execute(_KEEP, (catalogue.establishment, _encode(catalogue), change.at))
    told = {"establishment": str(catalogue.establishment), "products": str(len(catalogue.names))}
    change.audit(AuditKind.CATALOGUE_KEPT, None, **told)


def drop(change: Change, establishment: EstablishmentId) -> None:
    """Forgets the catalogue, if one is kept."""
    if change.connection.execute(_DROP, (establishment,)).rowcount:
        change.audit(AuditKind.CATALOGUE_DROPPED, None, establishment=str(establishment))


def _encode(catalogue: Catalogue) -> bytes:
    return zlib.compress(json.dumps([list(catalogue.names), list(catalogue.names.values())]).encode("ascii"))


def _decode(establishment: EstablishmentId, stored: bytes) -> Catalogue | None:
    try:
        ids, names = json.loads(zlib.decompress(stored))
        products = [Product(ProductId(int(each)), clean_text(str(name))) for each, name in zip(ids, names, strict=True)]
    except (zlib.error, ValueError, TypeError):
        return None
    return Catalogue.of(establishment, products)

"""Each establishment's products as Revel last listed them, compressed and dated.

This copy only saves downloads. A run downloads a missing or unreadable catalogue again.
"""

from __future__ import annotations

import json
import zlib
from datetime import timedelta

from tsrevel.ledger.connection import Repository, encode_instant
from tsrevel.ledger.records import AuditKind
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.products import Catalogue, Product
from tsrevel.text import clean_text

_FIND_ANY = "SELECT products FROM catalogues WHERE establishment = ?"
_FIND = "SELECT products FROM catalogues WHERE establishment = ? AND read_at > ? AND read_at <= ?"
_STORE = """
    INSERT INTO catalogues (establishment, products, read_at) VALUES (?, ?, ?)
    ON CONFLICT (establishment) DO UPDATE SET products = excluded.products, read_at = excluded.read_at
"""
_DROP = "DELETE FROM catalogues WHERE establishment = ?"


class CatalogRepository(Repository):
    """`ledger.catalogs`: one catalogue for each establishment."""

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
            change.execute(_STORE, (catalog.establishment, encode_catalog(catalog), change.at))
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

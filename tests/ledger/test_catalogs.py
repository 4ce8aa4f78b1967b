"""The kept copies of catalogues: as good as what was read while they are young, else none."""

from __future__ import annotations

import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from tsrevel.ledger import Ledger
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.products import Catalogue, Product

from .samples import TickingClock, open_ledger, raw

EIGHT, NINE = EstablishmentId(8), EstablishmentId(9)
HOUR = timedelta(hours=1)


def make_catalogue(establishment: EstablishmentId = EIGHT, *names: str) -> Catalogue:
    listed = names or ("Crème brûlée", "Coffee &amp; Tea", "coffee & tea", "👩\u200d🍳 Brunch")
    return Catalogue.of(establishment, (Product(ProductId(number), name) for number, name in enumerate(listed, 8101)))


def kinds(ledger: Ledger) -> list[tuple[str, dict[str, str]]]:
    return [(row.kind, dict(row.detail)) for row in ledger.audit.rows() if row.kind.startswith("catalogue")]


def test_a_kept_catalogue_is_what_was_listed(ledger: Ledger) -> None:
    ledger.catalogs.store(make_catalogue())
    assert ledger.catalogs.recent(EIGHT, HOUR) == make_catalogue()
    assert ledger.catalogs.recent(NINE, HOUR) is None
    assert (ledger.catalogs.stored(EIGHT), ledger.catalogs.stored(NINE)) == (make_catalogue(), None)
    assert kinds(ledger) == [("catalogue_kept", {"establishment": "8", "products": "4"})]


def test_one_that_an_older_version_kept_is_cleaned(ledger: Ledger) -> None:
    ledger.catalogs.store(make_catalogue(EIGHT, "half a pair \ud800", "\x1b[31mRed\u202e", "two\r\nlines"))
    assert ledger.catalogs.recent(EIGHT, HOUR) == make_catalogue(EIGHT, "half a pair", "[31mRed", "two lines")


def test_an_empty_one_is_kept_as_such(ledger: Ledger) -> None:
    ledger.catalogs.store(Catalogue.of(EIGHT, ()))
    assert ledger.catalogs.recent(EIGHT, HOUR) == Catalogue.of(EIGHT, ())


def test_the_latest_replaces_the_one_before(ledger: Ledger) -> None:
    ledger.catalogs.store(make_catalogue(EIGHT, "Old"))
    ledger.catalogs.store(make_catalogue(NINE, "Theirs"))
    ledger.catalogs.store(make_catalogue(EIGHT, "New"))
    assert ledger.catalogs.recent(EIGHT, HOUR) == make_catalogue(EIGHT, "New")
    assert ledger.catalogs.recent(NINE, HOUR) == make_catalogue(NINE, "Theirs")


@pytest.mark.parametrize(("passed", "young"), [(59, True), (61, False), (-5, False)])
def test_one_that_is_old_or_from_the_future_is_none(path: Path, passed: int, young: bool) -> None:
    clock = TickingClock()
    with Ledger.open(path, environment="sandbox", clock=clock) as ledger:
        ledger.catalogs.store(make_catalogue())
        clock.now += timedelta(minutes=passed)
        assert (ledger.catalogs.recent(EIGHT, HOUR) is not None) is young


def test_a_dropped_one_is_gone_and_told_of_once(ledger: Ledger) -> None:
    ledger.catalogs.store(make_catalogue())
    for _ in range(2):
        ledger.catalogs.drop(EIGHT)
    assert ledger.catalogs.recent(EIGHT, HOUR) is None
    assert kinds(ledger)[1:] == [("catalogue_dropped", {"establishment": "8"})]


@pytest.mark.parametrize(
    "stored", [b"", b"\0", *map(zlib.compress, (b"", b"{", b"[[1]]", b"[[1],[]]", b"[[null],[1]]", b"3"))]
)
def test_one_that_can_not_be_read_is_none(path: Path, stored: bytes) -> None:
    with open_ledger(path) as ledger:
        ledger.catalogs.store(make_catalogue())
    with raw(path) as connection:
        connection.execute("UPDATE catalogues SET products = ?", (stored,))
    with open_ledger(path) as ledger:
        assert ledger.catalogs.recent(EIGHT, HOUR) is None


def test_a_large_one_takes_little_room(path: Path) -> None:
    many = [f"Product {number} of the large menu, {number * 7919 % 1000} ml" for number in range(35_000)]
    with open_ledger(path) as ledger:
        for _ in range(3):
            ledger.catalogs.store(make_catalogue(EIGHT, *many))
        found = ledger.catalogs.recent(EIGHT, HOUR)
    assert found is not None
    assert len(found.names) == 35_000
    assert path.stat().st_size < 2_000_000

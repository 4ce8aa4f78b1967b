"""A kept catalogue saves downloads and decides nothing that it may be wrong about."""

from __future__ import annotations

from datetime import time
from functools import partial
from typing import Any

import pytest

from tsrevel.engine import catalogs
from tsrevel.engine.catalogs import RECENT, CatalogCache
from tsrevel.ledger.account import CatalogRepository
from tsrevel.planning.model import EstablishmentId, ProductId
from tsrevel.planning.products import Catalogue, Product

from ..world import World, find_outcome, verdict
from .conftest import FULL

NEXT = 64000050


def downloads(world: World) -> int:
    return sum(each.path == "/resources/Product/" and each.query["offset"] == "0" for each in world.revel.requests)


def confirmations(world: World) -> int:
    return world.revel.count(path="/Product/set/")


def begin_with_a_copy(world: World) -> None:
    """One run that downloads the catalogue; then a new event, of one product, is due."""
    assert verdict(world.sync(), FULL) == "injected"
    assert downloads(world) == 1
    world.forget_requests()
    world.add_event(NEXT, lines=[("Coffee Urn", 1, 38)])


def product(world: World, name: str) -> dict[str, Any]:
    rows: dict[int, dict[str, Any]] = world.revel.state.rows["Product"]
    return next(row for row in rows.values() if row["name"] == name and "/8/" in row["establishment"] and row["active"])


def test_the_next_run_asks_for_the_products_of_its_orders_alone(world: World) -> None:
    begin_with_a_copy(world)
    world.add_event(NEXT + 1, lines=[("Coffee Urn", 2, 38)])
    report = world.sync()
    assert [verdict(report, each) for each in (NEXT, NEXT + 1)] == ["injected"] * 2
    assert (downloads(world), confirmations(world)) == (0, 1)
    assert world.flaws(NEXT) == world.flaws(NEXT + 1) == []


def test_an_old_copy_is_not_used(world: World) -> None:
    begin_with_a_copy(world)
    world.time.move(seconds=RECENT.total_seconds())
    world.add_event(NEXT + 1, lines=[("Coffee Urn", 1, 38)])
    world.sync()
    assert (downloads(world), confirmations(world)) == (1, 0)


def test_nor_one_from_the_future(world: World) -> None:
    begin_with_a_copy(world)
    world.time.move(hours=-1)
    world.sync()
    assert (downloads(world), confirmations(world)) == (1, 0)


def test_a_product_that_is_new_is_found_though_the_copy_lacks_it(world: World) -> None:
    begin_with_a_copy(world)
    world.add_event(NEXT + 1, lines=[("Brand New Tray", 1, 38)])
    world.revel.add_product(9900, "Brand New Tray", 8)
    assert verdict(world.sync(), NEXT + 1) == "injected"
    assert downloads(world) == 1


def test_a_mapping_to_a_product_that_is_new_is_followed(world: World) -> None:
    begin_with_a_copy(world)
    world.add_event(NEXT + 1, lines=[("Nobody knows this", 1, 38)])
    world.revel.add_product(9900, "Brand New Tray", 8)
    mapping = '[[product]]\nestablishment = 8\nname = "Nobody knows this"\nproduct = 9900\n'
    (world.folder / "mappings.toml").write_text(mapping, encoding="utf-8")
    assert verdict(world.sync(), NEXT + 1) == "injected"
    assert world.revel.items_of(world.orders_of(NEXT + 1)[0]["id"])[0]["product"] == "/resources/Product/9900/"


@pytest.mark.parametrize(
    "change", [{"active": False}, {"name": "Tea Urn"}, {"establishment": "/enterprise/Establishment/9/"}]
)
def test_a_product_that_changed_since_is_held_not_ordered(world: World, change: dict[str, Any]) -> None:
    begin_with_a_copy(world)
    product(world, "Coffee Urn").update(change)
    report = world.sync()
    assert verdict(report, NEXT) == "held UNMAPPED_ITEMS"
    assert (downloads(world), world.writes) == (1, [])
    world.forget_requests()
    world.add_event(NEXT + 1, lines=[("Fruit Platter", 1, 38)])
    world.sync()
    assert downloads(world) == 1, "what is held is never held by a copy"


def test_a_name_that_passed_to_another_product_is_ordered_as_that_one(world: World) -> None:
    begin_with_a_copy(world)
    product(world, "Coffee Urn")["name"] = "Coffee Urn (old)"
    world.revel.add_product(9900, "Coffee Urn", 8)
    assert verdict(world.sync(), NEXT) == "injected"
    assert world.revel.items_of(world.orders_of(NEXT)[0]["id"])[0]["product"] == "/resources/Product/9900/"


def test_the_fallback_product_is_never_taken_for_want_of_a_new_one(world: World) -> None:
    begin_with_a_copy(world)
    world.add_event(NEXT + 1, lines=[("Brand New Tray", 1, 38)])
    world.revel.add_product(9900, "Brand New Tray", 8)
    world.config["orders"] = {"unmapped_items": "fallback"}
    world.config["locations"][0]["fallback_product"] = product(world, "Coffee Urn")["id"]
    assert verdict(world.sync(), NEXT + 1) == "injected"
    assert world.revel.items_of(world.orders_of(NEXT + 1)[0]["id"])[0]["product"] == "/resources/Product/9900/"


def test_the_part_before_the_separator_is_never_taken_for_want_of_a_new_product(world: World) -> None:
    begin_with_a_copy(world)
    world.add_event(NEXT + 1, lines=[("Coffee Urn - Decaf", 1, 38)])
    world.revel.add_product(9900, "Coffee Urn - Decaf", 8)
    assert verdict(world.sync(), NEXT + 1) == "injected"
    assert world.revel.items_of(world.orders_of(NEXT + 1)[0]["id"])[0]["product"] == "/resources/Product/9900/"


@pytest.mark.parametrize("fault", ["404", "400", "html", "wrong_shape"])
def test_where_sets_are_unknown_everything_is_downloaded(world: World, fault: str) -> None:
    begin_with_a_copy(world)
    kind, details = ("status", {"status": int(fault)}) if fault.isdigit() else (fault, {})
    world.revel.faults.add(kind, "GET", "/Product/set/", times=None, **details)
    assert verdict(world.sync(), NEXT) == "injected"
    assert downloads(world) == 1


def test_a_refused_write_makes_the_next_run_download(world: World) -> None:
    begin_with_a_copy(world)
    world.revel.faults.add("status", "POST", "/OrderItem/", times=1, status=400)
    assert verdict(world.sync(), NEXT) == "failed UPSTREAM_UNAVAILABLE"
    world.forget_requests()
    world.add_event(NEXT + 1, lines=[("Coffee Urn", 1, 38)])
    report = world.sync()
    assert [verdict(report, each) for each in (NEXT, NEXT + 1)] == ["injected"] * 2
    assert downloads(world) == 1
    assert world.flaws(NEXT) == world.flaws(NEXT + 1) == []


def test_an_order_begun_that_is_refused_again_makes_it_download_too(world: World) -> None:
    begin_with_a_copy(world)
    world.revel.faults.add("status", "POST", "/OrderItem/", times=2, status=400)
    world.sync()
    assert verdict(world.sync(), NEXT) == "failed UPSTREAM_UNAVAILABLE"
    with world.ledger() as ledger:
        assert [row.kind for row in ledger.audit.rows() if row.kind.startswith("catalogue")] == [
            "catalogue_kept",
            "catalogue_dropped",
        ]


def test_a_dry_run_goes_by_the_copy_and_keeps_none(world: World) -> None:
    for _ in range(2):
        world.sync(dry_run=True)
    assert downloads(world) == 2
    world.sync()
    world.forget_requests()
    world.add_event(NEXT, lines=[("Coffee Urn", 1, 38)])
    report = world.sync(dry_run=True)
    assert find_outcome(report, NEXT).status == "planned"
    assert (downloads(world), confirmations(world)) == (0, 1)


def test_a_hold_for_another_reason_needs_no_download(world: World) -> None:
    begin_with_a_copy(world)
    world.config["safety"]["max_order_total"] = 1
    assert verdict(world.sync(), NEXT) == "held ORDER_TOO_LARGE"
    assert downloads(world) == 0


def test_catalogs_that_are_put_by_come_back_as_they_were() -> None:
    cache = CatalogCache(most=3)
    listed = [
        Catalogue.of(EstablishmentId(at), [Product(ProductId(at * 10 + n), f"Crème, No. {n}") for n in range(2)])
        for at in (8, 9, 10)
    ]
    for each in listed:
        cache.add(each)
    renewed = Catalogue.of(EstablishmentId(8), [Product(ProductId(99), "Another Cake")])
    cache.add(renewed)
    for _ in range(2):
        assert [cache.get(EstablishmentId(at)) for at in (8, 9, 10)] == [renewed, *listed[1:]]
    assert [EstablishmentId(at) in cache for at in (8, 9, 10, 11)] == [True, True, True, False]
    assert cache.get(EstablishmentId(11)) is None


def test_catalogs_that_the_ledger_has_are_let_go() -> None:
    cache = CatalogCache(most=1, packs=False)
    listed = [Catalogue.of(EstablishmentId(at), [Product(ProductId(at), "Cake")]) for at in (8, 9)]
    for each in listed:
        cache.add(each)
    assert [cache.get(EstablishmentId(at)) for at in (8, 9)] == [None, listed[1]]
    cache.add(listed[0])
    assert [EstablishmentId(at) in cache for at in (8, 9)] == [True, False]


def test_a_run_that_holds_one_catalog_at_a_time_downloads_each_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def read(ledger: CatalogRepository, establishment: EstablishmentId) -> Catalogue | None:
        reads.append(establishment)
        return stored(ledger, establishment)

    stored = CatalogRepository.stored
    monkeypatch.setattr(CatalogRepository, "stored", read)
    monkeypatch.setattr(catalogs, "CatalogCache", partial(CatalogCache, 1))
    events = [NEXT + number for number in range(6)]
    for number in events:
        start = time(10 + number - NEXT, 0)
        world.add_event(number, lakeside=number % 2 == 0, start=start, lines=[("Coffee Urn", 1, 38)])
    report = world.sync()
    assert {verdict(report, each) for each in events} == {"injected"}
    assert (downloads(world), set(reads)) == (2, {EstablishmentId(8), EstablishmentId(9)})
    assert [world.flaws(each) for each in events] == [[]] * 6

"""Lines without a product, and by what a mapping must name them to be heard."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tsrevel.planning.coverage import Matched, MatchedBy, MissingLine, judge_lines, missing_lines, orderable_lines
from tsrevel.planning.model import EstablishmentId, Line, ProductId, ProductMapping
from tsrevel.planning.products import match_line

from .make import CATALOGUE, LOCATION, LUNCH, POLICY, make_document, make_event, make_line

RETIRED = ProductId(999)
TYPED = make_line("Taco Tower - carne asada", typed=True)
PICKED = make_line("Hot Cider", menu_item_id="120009")


def mapped(product: ProductId = RETIRED, **what: str) -> ProductMapping:
    return ProductMapping(LOCATION.establishment, product, **what)


def missing(line: Line, *mappings: ProductMapping) -> MissingLine:
    (found,) = missing_lines([line], replace(POLICY, products=mappings), CATALOGUE)
    return found


@pytest.mark.parametrize(
    ("line", "mapping", "way", "name"),
    [
        (make_line("Boxed lunch"), None, MatchedBy.EXACT_NAME, "Boxed lunch"),
        (make_line("Taco Trio - mild", typed=True), None, MatchedBy.NAME_BEFORE_SEPARATOR, "Taco Trio"),
        (PICKED, {"name": "hot cider"}, MatchedBy.NAME, "Hot Cider"),
        (PICKED, {"menu_item_id": "120009"}, MatchedBy.MENU_ITEM, "Hot Cider"),
    ],
)
def test_a_line_tells_by_what_it_has_its_product(
    line: Line, mapping: dict[str, Any] | None, way: MatchedBy, name: str
) -> None:
    product = next(iter(CATALOGUE.names))
    mappings = (mapped(product, **mapping),) if mapping else ()
    (found,) = judge_lines([line], replace(POLICY, products=mappings), CATALOGUE)
    assert isinstance(found, Matched)
    assert (found.way, found.name, found.menu_item_id) == (way, name, "120009" if way is MatchedBy.MENU_ITEM else None)
    assert found.product == match_line(line, replace(POLICY, products=mappings), CATALOGUE)


def test_a_line_with_its_product_is_not_missing() -> None:
    assert list(missing_lines([make_line()], POLICY, CATALOGUE)) == []


@pytest.mark.parametrize(
    ("line", "old", "name", "item"),
    [
        (PICKED, None, "Hot Cider", None),
        (PICKED, mapped(name="hot cider"), "Hot Cider", None),
        (PICKED, mapped(menu_item_id="120009"), "Hot Cider", "120009"),
        (PICKED, mapped(menu_item_id="1"), "Hot Cider", None),
        (TYPED, None, "Taco Tower", None),
        (TYPED, mapped(name="taco tower"), "Taco Tower", None),
        (TYPED, mapped(name="taco tower - carne asada"), "Taco Tower - carne asada", None),
    ],
)
def test_a_mapping_so_named_is_heard(line: Line, old: ProductMapping | None, name: str, item: str | None) -> None:
    found = missing(line, *([old] if old else []))
    assert (found.line, found.name, found.menu_item_id) == (line, name, item)
    cure = mapped(LUNCH, menu_item_id=item) if item else mapped(LUNCH, name=name)
    assert match_line(line, replace(POLICY, products=(cure,)), CATALOGUE) == LUNCH


def test_a_mapping_at_another_establishment_says_nothing() -> None:
    elsewhere = replace(mapped(menu_item_id="120009"), establishment=EstablishmentId(9))
    assert missing(PICKED, elsewhere).menu_item_id is None


def test_lines_come_from_the_document_that_is_the_order() -> None:
    nothing = make_line("Nothing", quantity="0")
    event = make_event(make_document(make_line("Old"), deleted=True), make_document(make_line("New"), nothing))
    assert [each.name for each in orderable_lines(event, POLICY)] == ["New"]


def test_where_that_is_undecided_all_live_documents_count() -> None:
    documents = [make_document(make_line(name), number=n) for n, name in enumerate(("One", "Other"), 1)]
    event = make_event(*documents, make_document(make_line("Old"), number=3, deleted=True))
    assert [each.name for each in orderable_lines(event, POLICY)] == ["One", "Other"]

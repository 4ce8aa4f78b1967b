"""Why a plan is what it is: each document, line, product and total with the rule that led to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.make import (
    CATALOGUE,
    FRESCA,
    LOCATION,
    LUNCH,
    POLICY,
    TACOS,
    hold,
    make_catalogue,
    make_document,
    make_event,
    make_line,
    plan,
)
from tsrevel.planning.documents import weigh_documents
from tsrevel.planning.explain import LineReason, Rationale, give_reasons, give_rivals
from tsrevel.planning.model import Document, Event, Line, Location, Policy, ProductMapping
from tsrevel.planning.products import Catalogue

HERE = LOCATION.establishment
FALLBACK = replace(LOCATION, fallback_product=int(FRESCA))


def reasons(event: Event, location: Location | None = LOCATION, policy: Policy = POLICY) -> Rationale:
    told = give_reasons(event, location, CATALOGUE, policy)
    assert told is not None
    return told


def line_reason(
    line: Line, policy: Policy = POLICY, location: Location | None = LOCATION, catalogue: Catalogue | None = CATALOGUE
) -> LineReason:
    told = give_reasons(make_event(make_document(line)), location, catalogue, policy)
    assert told is not None
    return told.lines[0]


def twin(number: int, title: str = "Contract", grand_total: str = "10.00") -> Document:
    return make_document(number=number, title=title, grand_total=grand_total)


@pytest.mark.parametrize(
    ("documents", "pattern", "why"),
    [
        ((twin(1),), "", "it is the only live document with lines"),
        ((twin(1), twin(2, "BEO")), "beo", "of 2 documents with lines, tripleseat.order_document names only this"),
        ((twin(1), twin(2, grand_total="9.00")), "", "of 2 documents with lines, only this one has the event's grand"),
        ((twin(1), twin(2)), "", "of 2 documents with lines, 2 have the same content, and this is the newest"),
        (
            (twin(1, "BEO"), twin(2, "BEO"), twin(3)),
            "beo",
            "of 2 that tripleseat.order_document names, 2 have the same content, and this is the newest",
        ),
    ],
)
def test_the_document_is_told_with_the_rule_that_chose_it(
    documents: tuple[Document, ...], pattern: str, why: str
) -> None:
    told = weigh_documents(make_event(*documents), pattern)
    assert why in told.why


def test_there_is_nothing_to_tell_where_no_document_can_be_chosen() -> None:
    event = make_event(make_document(deleted=True))
    assert give_reasons(event, LOCATION, CATALOGUE, POLICY) is None


def test_a_title_is_told_without_the_staff_in_it() -> None:
    assert reasons(make_event(twin(1, "Pat Example | Contract: 1"))).title == "Contract: 1"


def test_each_product_is_told_with_what_led_to_it() -> None:
    by_item = replace(POLICY, products=(ProductMapping(HERE, TACOS, menu_item_id="7"),))
    by_name = replace(POLICY, products=(ProductMapping(HERE, TACOS, name="Mystery"),))
    fallback = replace(POLICY, unmapped_items="fallback")
    told = [
        line_reason(make_line(menu_item_id="7"), by_item),
        line_reason(make_line("Mystery"), by_name),
        line_reason(make_line("boxed  LUNCH")),
        line_reason(make_line("Boxed Lunch - veggie", typed=True)),
        line_reason(make_line("Mystery"), fallback, FALLBACK),
    ]
    assert [(each.product, each.how) for each in told] == [
        (TACOS, "menu_item"),
        (TACOS, "mapped_name"),
        (LUNCH, "exact_name"),
        (LUNCH, "exact_name"),
        (FRESCA, "fallback"),
    ]
    assert ["is mapped to" in each.why for each in told] == [True, True, False, False, False]
    assert told[3].why == "it begins with the name of exactly one active product"


@pytest.mark.parametrize("location", [LOCATION, replace(LOCATION, fallback_product=999)])
def test_a_line_without_a_product_is_told_as_planning_tells_it(location: Location) -> None:
    policy, event = replace(POLICY, unmapped_items="fallback"), make_event(make_document(make_line("Mystery")))
    told = line_reason(make_line("Mystery"), policy, location)
    assert (told.product, told.how) == (None, None)
    assert told.why in hold(event, policy=policy, location=location).text


def test_a_line_that_sells_nothing_is_told_as_left_out() -> None:
    assert line_reason(make_line("Mystery", "0", "5.00")).why == "its quantity is 0, so it is left out"


def test_without_a_catalogue_products_are_left_open() -> None:
    for told in (line_reason(make_line(), catalogue=None), line_reason(make_line(), location=None)):
        assert (told.product, told.how) == (None, None)
        assert "was not read" in told.why


def test_a_name_is_told_as_people_read_it() -> None:
    told = line_reason(make_line("Salt & Vinegar"), catalogue=make_catalogue("Salt &amp; Vinegar"))
    assert told.product_name == "Salt & Vinegar"


def test_the_identity_is_spelt_out_in_money() -> None:
    document = make_document(
        make_line(price="100.00"), charges={"Sales Tax": "8.25", "Dust Fee": "1.00"}, discount="10"
    )
    told = reasons(make_event(document))
    assert told.identity == "lines 100.00 - discounts 10.00 + charges 9.25 = grand total 99.25"
    assert told.holds
    assert [(each.name, each.treat_as) for each in told.charges] == [("Sales Tax", "tax"), ("Dust Fee", None)]
    assert told.event_total == told.grand_total


def test_an_identity_that_does_not_hold_says_so() -> None:
    told = reasons(make_event(make_document(grand_total="9.00")))
    assert told.identity == ("lines 10.00 - discounts 0.00 + charges 0.00 = 10.00, not the grand total 9.00")
    bare = reasons(make_event(make_document(grand_total=None), grand_total=None))
    assert (bare.holds, bare.event_total) == (False, None)
    assert bare.identity.endswith("but the document has no grand total")


def test_the_reasons_agree_with_the_plan() -> None:
    event = make_event(make_document(make_line(quantity="3"), make_line("Taco Trio", "2", "12.50"), discount="1.00"))
    told, planned = reasons(event), plan(event)
    assert [each.product for each in told.lines] == [each.product for each in planned.items]
    assert (told.computed, told.discount) == (planned.final_total, planned.discount)


def test_documents_between_which_a_person_must_choose_are_each_told() -> None:
    first, second = make_document(make_line("Boxed Lunch"), number=1), make_document(make_line("Taco Trio"), number=2)
    event = make_event(first, second)
    assert give_reasons(event, LOCATION, CATALOGUE, POLICY) is None
    rivals = give_rivals(event, LOCATION, CATALOGUE, POLICY)
    assert [(each.document.id, len(each.lines)) for each in rivals] == [(1, 1), (2, 1)]
    assert give_rivals(make_event(first), LOCATION, CATALOGUE, POLICY) == ()

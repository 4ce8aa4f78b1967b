"""Of several documents one is the order, or a person is asked: they are never added up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planning.make import make_document, make_event, make_line, make_payment
from tsrevel.planning.documents import choose_document, is_named
from tsrevel.planning.model import Document, Event, Fault, Hold
from tsrevel.planning.reasons import Reason

LUNCH = (make_line("Boxed Lunch"),)
TACOS = (make_line("Taco Trio", "2", "12.00"),)


def chosen(event: Event, pattern: str = "") -> int:
    """The id of the document that is taken."""
    document = choose_document(event, pattern)
    assert isinstance(document, Document), document
    return document.id


def refused(event: Event, pattern: str = "") -> Hold:
    """Why none is taken."""
    found = choose_document(event, pattern)
    assert isinstance(found, Hold), found
    return found


def test_the_only_document_with_lines_is_the_order() -> None:
    empty = replace(make_document(number=9), lines=())
    assert chosen(make_event(empty, make_document(*LUNCH, number=1))) == 1


def test_a_deleted_document_is_never_the_order() -> None:
    assert chosen(make_event(make_document(number=2, deleted=True), make_document(*TACOS, number=1))) == 1


@pytest.mark.parametrize("documents", [(), (make_document(deleted=True),), (replace(make_document(), lines=()),)])
def test_an_event_without_a_live_document_with_lines_is_held(documents: tuple[Document, ...]) -> None:
    event = replace(make_event(), documents=documents)
    assert refused(event).reason is Reason.NO_LINE_ITEMS


def test_a_document_that_could_not_be_read_is_not_passed_over() -> None:
    broken = replace(make_document(), lines=(), faults=(Fault(Reason.MISSING_DATA, "garbage"),))
    assert chosen(make_event(broken)) == broken.id


def test_of_several_the_one_that_the_pattern_names_is_the_order() -> None:
    named = make_document(*TACOS, number=1, title="Avery | Catering Order: 1")
    assert chosen(make_event(make_document(*LUNCH, number=2), named), "catering order") == 1


def test_a_pattern_that_names_none_leaves_the_choice_to_the_totals() -> None:
    event = make_event(make_document(*LUNCH, number=1), make_document(*TACOS, number=2))
    assert chosen(event, "banquet") == 1


def test_of_several_the_one_with_the_events_total_is_the_order() -> None:
    lunch, tacos = make_document(*LUNCH, number=2), make_document(*TACOS, number=1)
    assert chosen(make_event(lunch, tacos, grand_total="24.00")) == 1


def test_of_several_that_the_pattern_names_the_one_with_the_events_total_is_the_order() -> None:
    documents = (
        make_document(*LUNCH, number=1, title="Order"),
        make_document(*TACOS, number=2, title="Order"),
        make_document(*LUNCH, number=3),
    )
    assert chosen(make_event(*documents, grand_total="10.00"), "order") == 1


def test_of_several_that_say_the_same_the_newest_is_the_order() -> None:
    twins = [make_document(*LUNCH, number=number) for number in (7, 9, 8)]
    assert chosen(make_event(*twins)) == 9


def test_several_that_say_the_same_against_the_event_are_still_one() -> None:
    twins = [make_document(*LUNCH, number=number) for number in (7, 9)]
    assert chosen(make_event(*twins, grand_total="99.00")) == 9


@pytest.mark.parametrize("event_total", ["99.00", None])
def test_several_that_differ_are_left_to_a_person(event_total: str | None) -> None:
    event = make_event(make_document(*LUNCH, number=1), make_document(*TACOS, number=2), grand_total=event_total)
    found = refused(event)
    assert found.reason is Reason.AMBIGUOUS_DOCUMENT
    assert "documents 1, 2 have lines, and the lines differ" in found.text


def test_several_of_the_same_total_but_other_lines_are_left_to_a_person() -> None:
    other = make_line("Agua Fresca")
    assert refused(make_event(make_document(*LUNCH), make_document(other, number=2))).reason is (
        Reason.AMBIGUOUS_DOCUMENT
    )


def test_one_without_a_total_of_its_own_does_not_agree_with_the_event() -> None:
    bare = make_document(*LUNCH, number=2, grand_total=None)
    assert chosen(make_event(make_document(*LUNCH, number=1), bare)) == 1


def test_payments_have_no_say_in_which_document_is_the_order() -> None:
    older = make_document(*LUNCH, number=1, payments=[make_payment("8.00", refunded="1.00")])
    newer = make_document(*LUNCH, number=2, payments=[make_payment("5.00"), make_payment("99.00", paid=False)])
    assert chosen(make_event(older, newer)) == 2


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ("", False),
        ("contract", True),
        ("CONTRACT & event", True),
        ("*order: 4?", True),
        ("order: 4?", False),
        ("invoice", True),
        ("Inv\u200doice", True),
        ("inv*", True),
        ("[final]", True),
        ("*[final]*", True),
        ("*[abc]", False),
        ("kitchen", False),
    ],
)
def test_a_pattern_is_a_part_or_a_glob_of_the_title_or_a_view(pattern: str, named: bool) -> None:
    document = make_document(title="Avery [Final] | Contract & Event Order: 41", views=("Invoice",))
    assert is_named(document, pattern) is named

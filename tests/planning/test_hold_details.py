"""A hold's details tell it from another one with the same reason, whatever its text says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.planning.make import DAY, NOON, POLICY, hold, make_document, make_event, make_line, make_payment
from tsrevel.planning.model import Event, Fault, Hold, LocationId
from tsrevel.planning.reasons import Reason
from tsrevel.planning.screening import screen

UNKNOWN = make_line(name="Cheese Platter"), make_line(name="Fruit Platter")


@pytest.mark.parametrize(
    ("event", "details"),
    [
        (make_event(make_document(*UNKNOWN)), ("Cheese Platter", "Fruit Platter")),
        (make_event(make_document(charges={"Admin Fee": "4.00"})), ("Admin Fee", "4.00")),
        (
            make_event(make_document(number=1), make_document(make_line(), make_line(), number=2), grand_total=None),
            ("1", "2"),
        ),
        (make_event(make_document(number=7, grand_total="9.99")), ("1000", "999")),
    ],
)
def test_they_name_what_the_event_lacks(event: Event, details: tuple[str, ...]) -> None:
    found = hold(event)
    assert found.details == details


def test_a_payment_and_its_amount() -> None:
    late = make_payment("1.00", paid_on=DAY + timedelta(days=9))
    assert hold(make_event(make_document(payments=(late,)))).details == (str(DAY + timedelta(days=9)),)


def test_a_location_without_an_entry() -> None:
    event = replace(make_event(), location_id=LocationId("404"))
    found = screen(event, replace(POLICY, allowed=frozenset()), NOON)
    assert isinstance(found, Hold)
    assert found.details[0] == "404"


def test_faults_by_their_reasons() -> None:
    faults = Fault(Reason.INVALID_DATE_FORMAT, "one"), Fault(Reason.MISSING_DATA, "two")
    found = screen(replace(make_event(), faults=faults), POLICY, NOON)
    assert isinstance(found, Hold)
    assert found.details == ("INVALID_DATE_FORMAT", "MISSING_DATA")

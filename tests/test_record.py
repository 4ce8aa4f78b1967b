"""Records: equal by kind and value, never changed, and silent where they hold a secret."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from rich.pretty import pretty_repr

from tsrevel.cli.redirect import Answer
from tsrevel.config.report import Given
from tsrevel.config.secret_values import CommandResult
from tsrevel.record import Record, field, replace
from tsrevel.tripleseat.token_file import Token


class _Tray(Record):
    name: str
    guests: int = 1
    notes: Mapping[str, str] = field(default_factory=dict)


class _Platter(Record):
    name: str
    guests: int = 1
    notes: Mapping[str, str] = field(default_factory=dict)


def test_records_are_equal_by_kind_and_value() -> None:
    assert _Tray("Lunch") == _Tray("Lunch", 1, {})
    assert _Tray("Lunch") != _Tray("Lunch", 2)
    assert _Tray("Lunch").__eq__(_Platter("Lunch")) is NotImplemented


def test_a_record_never_changes() -> None:
    tray = _Tray("Lunch")
    with pytest.raises(AttributeError):
        tray.guests = 2  # type: ignore[misc]
    assert replace(tray, guests=2) == _Tray("Lunch", 2)
    assert tray.guests == 1


def test_a_value_of_no_name_is_refused() -> None:
    with pytest.raises(TypeError, match="guest_count"):
        replace(_Tray("Lunch"), guest_count=2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "record", [Token("hush", "hush", 1), Given("hush", "a file"), CommandResult("hush"), Answer(code="hush")]
)
def test_a_record_of_a_secret_does_not_show_it(record: Record) -> None:
    for shown in (repr(record), str(record), pretty_repr(record), pretty_repr([record], expand_all=True)):
        assert "hush" not in shown
        assert f"{type(record).__name__}(" in shown

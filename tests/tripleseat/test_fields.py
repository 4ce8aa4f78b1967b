"""Single values in TripleSeat's loose forms: stamps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.tripleseat.fields import read_stamp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10/6/2026 6:46 AM", "2026-10-06T06:46:00"),
        ("10/06/2026 06:46 am", "2026-10-06T06:46:00"),
        ("10/6/2026 6:46 PM", "2026-10-06T18:46:00"),
        ("10/6/2026 12:00 AM", "2026-10-06T00:00:00"),
        ("10/6/2026 12:59 AM", "2026-10-06T00:59:00"),
        ("10/6/2026 12:00 PM", "2026-10-06T12:00:00"),
        ("10/6/2026 11:59 p.m.", "2026-10-06T23:59:00"),
        ("  10/6/2026   1:05PM ", "2026-10-06T13:05:00"),
        ("10/6/2026 6:46:31 PM", "2026-10-06T18:46:00"),
        ("10.6.2026 6:46 PM", "2026-10-06T18:46:00"),
        ("2026-10-06 6:46 PM", "2026-10-06T18:46:00"),
        ("2026-10-06T06:46:31", "2026-10-06T06:46:31"),
        ("2026-10-06T06:46:31-07:00", "2026-10-06T06:46:31-07:00"),
        ("2026-10-06T06:46:31Z", "2026-10-06T06:46:31+00:00"),
        ("2026-10-06", "2026-10-06T00:00:00"),
    ],
)
def test_a_stamp_is_read_in_either_form(text: str, expected: str) -> None:
    found = read_stamp(text)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " ", 5, True, 1.5, [], {}),
        *("soon", "10/6/2026", "10/6/2026 6:46", "10/6/2026 13:00 PM", "10/6/2026 6:60 PM", "10/6/2026 6:46 XM"),
        *("13/6/2026 6:46 AM", "2/30/2026 6:46 AM", "10/6/26 6:46 AM", "10/6/1926 6:46 AM", "6:46 AM"),
        *("2026-10-06T25:00:00", "2026-10-06T06:46:31+99:99", "1026-10-06T06:46:31"),
    ],
)
def test_what_is_no_stamp_is_none(value: Any) -> None:
    assert read_stamp(value) is None


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 (a site's own wall time)
def test_every_minute_that_tripleseat_writes_comes_back(at: datetime) -> None:
    minute = at.replace(second=0, microsecond=0, fold=0)
    hour = minute.hour % 12 or 12
    half = "AM" if minute.hour < 12 else "PM"
    text = f"{minute.month}/{minute.day}/{minute.year} {hour}:{minute.minute:02} {half}"
    assert read_stamp(text) == minute


@given(st.text() | st.from_regex(r"\d{1,2}/\d{1,2}/\d{4} \d{1,2}:\d{2} [AP]M"))
def test_no_text_raises(text: str) -> None:
    found = read_stamp(text)
    assert found is None or 2000 <= found.year <= 2100

"""Reads a JSON object of TripleSeat field by field. An unreadable field never raises: it becomes a `Fault`.

It knows the loose types of facts TripleSeat 7 (numbers as text, "" for nothing, entities in names), but the meaning of
no field.
A fault names the field and the expected type, never the value, which may be customer data.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from tsrevel.planning.model import Fault
from tsrevel.planning.reasons import Reason
from tsrevel.text import LARGEST_ID, clean_text, clean_texts
from tsrevel.transport.responses import UNUSABLE, Json, find_unusable

_AMOUNT = re.compile(r"-?\$?-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?")
_LARGEST = Decimal(10) ** 12
_FINEST = -40
"""The smallest exponent of a number: no amount has more decimals."""
_FIELD = re.compile(r"[A-Za-z0-9_.]{1,80}")
_TAG = re.compile(
    r"</?(?:a|b|big|br|center|div|em|font|h[1-6]|hr|i|img|li|ol|p|small|span|strike|strong|su[bp]|table|tbody|td|th|tr|u|ul)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")
_US_DAY = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})(?:\s.*)?")
_US_TIME = re.compile(r"\S+\s+([0-9]{1,2}):([0-9]{2})(?::[0-9]{2})?\s*([AaPp])\.?[Mm]\.?")
_YEARS = range(2000, 2101)


def is_absent(value: Json) -> bool:
    """Whether the value is null, unusable or blank (facts TripleSeat 7)."""
    return value is None or value is UNUSABLE or (isinstance(value, str) and not value.strip())


def is_filled(value: Json) -> bool:
    """Whether the value is usable. False counts as absent."""
    return value is not False and not is_absent(value)


def read_text(value: Json) -> str:
    """Text for people: entities decoded, HTML tags removed, then cleaned by `tsrevel.text`.

    A whole number becomes its digits, if it isn't too large; any other number becomes "".
    """
    text = _untagged(value)
    return clean_text(text) if text else ""


def read_texts(values: Iterable[Json]) -> list[str]:
    """The text of each value."""
    return clean_texts([_untagged(value) for value in values])


def _untagged(value: Json) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = read_number(value)
        return f"{int(number)}" if number is not None and number == int(number) else ""
    return _TAG.sub(" ", html.unescape(value)) if isinstance(value, str) else ""


def read_id(value: Json) -> str | None:
    """An id as text, from an integer or text. None for anything else, such as a decimal or a huge number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value) if abs(value) <= LARGEST_ID else None
    text = value.strip() if isinstance(value, str) else ""
    if text.isdigit() and len(text) > len(str(LARGEST_ID)):
        return None
    return text if text.isprintable() and text else None  # half a character can't be stored or sent


def read_number(value: Json) -> Decimal | None:
    """A number, or text such as "300.0", "$1,225.50" or "-$9.60", exactly; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        digits = text.replace("$", "").replace(",", "")
        fits = _AMOUNT.fullmatch(text) and text.count("-") <= 1 and any(map(str.isdigit, digits)) and len(digits) < 60
        value = Decimal(digits) if fits else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite() or not -_LARGEST < number < _LARGEST:  # compared, not abs(): that can overflow
        return None
    return number if int(number.as_tuple().exponent) >= _FINEST else None


def read_count(value: Json) -> int | None:
    """A whole number above zero; None for anything else."""
    number = read_number(value)
    return int(number) if number and number > 0 and number == int(number) else None


def read_day(value: Json) -> date | None:
    """The day of a date, or of a date and time: ISO or m/d/yyyy (facts TripleSeat 3.1, 7)."""
    text = value.strip() if isinstance(value, str) else ""
    if iso := _ISO_DAY.fullmatch(text):
        year, month, day = iso[1], iso[2], iso[3]
    elif us := _US_DAY.fullmatch(text):
        year, month, day = us[4], us[1], us[3]
    else:
        return None
    try:
        return date(int(year), int(month), int(day)) if int(year) in _YEARS else None
    except ValueError:
        return None


def _read_moment(value: Json) -> datetime | None:
    """An ISO date and time, aware if it has an offset."""
    if read_day(value) is None:
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def read_stamp(value: Json) -> datetime | None:
    """A date and time: ISO, or like "10/6/2026 6:46 AM", which has no zone (facts TripleSeat 3.1)."""
    day, text = read_day(value), value.strip() if isinstance(value, str) else ""
    clock = _US_TIME.fullmatch(text)
    if day is None or clock is None:
        return _read_moment(value)
    hour, minute = int(clock[1]) % 12 + 12 * (clock[3] in "Pp"), int(clock[2])
    return datetime(day.year, day.month, day.day, hour, minute) if int(clock[1]) <= 12 and minute < 60 else None  # noqa: DTZ001


def read_time(value: Json) -> datetime | None:
    """A date and time; None for a day without a time."""
    return read_stamp(value) if isinstance(value, str) and ":" in value else None


def read_utc(value: Json) -> datetime | None:
    """A date and time, UTC unless it names an offset. None for a day without a time."""
    stamp = read_time(value.strip().removesuffix("UTC").rstrip() if isinstance(value, str) else None)
    return stamp if stamp is None or stamp.tzinfo else stamp.replace(tzinfo=UTC)


def is_instant(value: Json) -> bool:
    """Whether the value is a date and time with an offset."""
    stamp = _read_moment(value)
    return stamp is not None and stamp.tzinfo is not None


def object_at(row: Mapping[str, Json], key: str) -> dict[str, Json]:
    """The object under `key`, empty if there is none."""
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def objects_at(row: Mapping[str, Json], key: str) -> list[dict[str, Json]]:
    """The objects in the list under `key`."""
    value = row.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object, and its name in faults. It shares the list `faults` with its children.

    The functions above record no fault: use them for a field that is no reason to hold an event.
    """

    row: dict[str, Json]
    what: str
    faults: list[Fault]

    def has(self, key: str) -> bool:
        """Whether the field is filled."""
        return is_filled(self.row.get(key))

    def stamped(self, key: str) -> bool:
        """Whether the field has a time: any filled value counts, but a list or an object is a fault."""
        if isinstance(self.row.get(key), list | dict):
            self.fault(f"{key} is not a time")
            return False
        return self.has(key)

    def text(self, key: str) -> str:
        """The clean text, "" if there is none."""
        return read_text(self.row.get(key))

    def identifier(self, key: str) -> str | None:
        """The id as text."""
        value = self.row.get(key)
        found = read_id(value)
        if found is None and not is_absent(value):
            self.fault(f"{key} is not an id")
        return found

    def number(self, key: str) -> Decimal | None:
        """The amount or quantity, exact; None if there is none."""
        value = self.row.get(key)
        found = read_number(value)
        if found is None and not is_absent(value):
            self.fault(f"{key} is not a number")
        return found

    def rank(self, *keys: str) -> tuple[Decimal, ...]:
        """The numbers to sort by. A row without one comes last."""
        found = (read_number(self.row.get(key)) for key in keys)
        return tuple(_LARGEST if number is None else number for number in found)

    def check(self) -> None:
        """Record up to three values that are unusable in any field."""
        for path in find_unusable(self.row)[:3]:
            name = path if _FIELD.fullmatch(path) else "a field"
            self.fault(f"{name} has an invalid number, or is nested too deeply")

    def child(self, key: str) -> Fields:
        """The object under `key`, empty if there is none."""
        value = self.row.get(key)
        if self.has(key) and value != [] and not isinstance(value, dict):
            self.fault(f"{key} is not an object")
        return Fields(value if isinstance(value, dict) else {}, f"{key} of {self.what}", self.faults)

    def rows(self, key: str, what: str) -> Iterator[Fields]:
        """The objects listed under `key`. Faults call each `what` and its number."""
        value = self.row.get(key)
        if is_absent(value):
            return
        if not isinstance(value, list):
            self.fault(f"{key} is not a list")
            return
        for number, row in enumerate(value, 1):
            if isinstance(row, dict):
                yield Fields(row, f"{what} {number} of {self.what}", self.faults)
            else:
                self.fault(f"{what} {number} is not an object")

    def fault(self, text: str, reason: Reason = Reason.MISSING_DATA) -> None:
        """Record an unreadable part, once."""
        found = Fault(reason, f"{self.what}: {text}; correct it in TripleSeat")
        if found not in self.faults:
            self.faults.append(found)

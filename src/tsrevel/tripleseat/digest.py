"""The fingerprint of a search result. It changes if a field changes that affects the order.

It leaves out owner, creator and updator, because their login data changes at each login (facts TripleSeat 3.1).

A digest is two hashes, "HASH.HASH". The second one covers when the booking was last changed, and the event's name and
contact. Earlier versions stored only the first one. A "~" at the end marks a result that was read in the minute of its
last change. TripleSeat's times have only minutes, so a second change in that minute may not show in the row.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from tsrevel.transport.responses import Json
from tsrevel.tripleseat.decode import unwrap
from tsrevel.tripleseat.fields import is_absent, object_at, objects_at, read_id, read_number, read_stamp, read_texts

_IDS = ("id", "location_id", "site_id", "booking_id")
_TEXTS = ("status", "deleted_at", "updated_at", "start_date", "currency", "currency_code")
_NUMBERS = ("guaranteed_guest_count", "guest_count", "grand_total", "actual_amount", "amount_due", "deposit_amount")
_LISTS = ("category_totals", "billing_totals")
_AMOUNTS = frozenset({"total", "value", "total_price"})
_CONTACT_NAMES = ("first_name", "last_name", "full_name")
_BETWEEN = "."
_FRESH = "~"


def listing_digest(row: Json) -> str:
    """The digest of the fields that affect the order. 300 and "300.00" count as equal; so do null, "" and no key.

    Raises Unreadable if `row` isn't an object.
    """
    event = unwrap(row, "event")
    content: dict[str, Json] = {key: read_id(event.get(key)) for key in _IDS}
    content |= zip(_TEXTS, map(str.upper, _bare_texts(map(event.get, _TEXTS))), strict=True)
    dates = [key for key in event if key.startswith(("event_date", "event_start"))]
    content |= zip(dates, _bare_texts(map(event.get, dates)), strict=True)
    content |= zip(_NUMBERS, _canonical_numbers(list(map(event.get, _NUMBERS))), strict=True)
    content |= {key: [_canonical_row(each) for each in objects_at(event, key)] for key in _LISTS}
    ids = event.get("document_ids")  # "1,2", or a list after all (facts TripleSeat 3.1)
    parts = ids if isinstance(ids, list) else re.split(r"[\s,;]+", str(ids or ""))
    content["document_ids"] = sorted({found for part in parts if (found := read_id(part))})
    return f"{_fingerprint_filled(content)}.{_fingerprint_filled(_labels(event))}"


def read_stamps(row: Json) -> tuple[datetime, ...]:
    """The times at which the event and its booking were last changed, to the minute (facts TripleSeat 3.1)."""
    event = unwrap(row, "event")
    stamps = map(read_stamp, (event.get("updated_at"), object_at(event, "booking").get("updated_at")))
    return tuple(stamp for stamp in stamps if stamp)


def mark_fresh(digest: str) -> str:
    """`digest`, marked as read in the minute of the last change. The next run's digest differs, so it reads again."""
    return f"{digest}{_FRESH}"


def is_same_content(stored: str, now: str) -> bool:
    """Whether two digests are of the same content, as far as both tell, whenever it was read."""
    (one, *of_one), (other, *of_other) = (each.removesuffix(_FRESH).split(_BETWEEN) for each in (stored, now))
    return one == other and (of_one == of_other or not of_one or not of_other)


def is_of_older_version(digest: str) -> bool:
    """Whether an earlier version stored it, so that it has only the first hash."""
    return _BETWEEN not in digest


def _labels(event: dict[str, Json]) -> dict[str, Json]:
    """The fields that affect the order and may change without the event's own time of change."""
    contact, changed = object_at(event, "contact"), object_at(event, "booking").get("updated_at")
    booking, name, *names = _bare_texts([changed, event.get("name"), *map(contact.get, _CONTACT_NAMES)])
    return {
        "booking": booking.upper(),
        "name": name,
        "contact": names if contact else [],
        "phones": _bare_texts([each.get("number") for each in objects_at(contact, "phone_numbers")]),
    }


def _fingerprint_filled(content: dict[str, Json]) -> str:
    return fingerprint({key: value for key, value in content.items() if value not in (None, "", [])})


def fingerprint(data: Json) -> str:
    """SHA-256, in hex, of `data` as canonical JSON."""
    try:
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), default=str)
    except RecursionError:
        row = data if isinstance(data, dict) else {}
        plain = {key: value for key, value in row.items() if not isinstance(value, dict | list)}
        text = f"nested too deeply, with {json.dumps(plain, sort_keys=True, default=str)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _bare_texts(values: Iterable[Json]) -> list[str]:
    """The clean texts without joiners. Digests are stored: with another form every settled event would look changed."""
    return [text if text.isprintable() else _without_joiners(text) for text in read_texts(values)]


def _without_joiners(text: str) -> str:
    return " ".join("".join(sign for sign in text if unicodedata.category(sign) != "Cf").split())


def _canonical_row(row: dict[str, Json]) -> dict[str, str | None]:
    texts = dict(zip(row, _bare_texts(row.values()), strict=True))
    amounts = [key for key in row if key in _AMOUNTS]
    return texts | dict(zip(amounts, _canonical_numbers([row[key] for key in amounts]), strict=True))


def _canonical_numbers(values: Sequence[Json]) -> list[str | None]:
    """Numbers in their shortest form. Any other text ("9.5%") stays as it is."""
    numbers = list(map(read_number, values))
    return [
        _shortest(number) if number is not None else None if is_absent(value) else _bare_texts([value])[0]
        for value, number in zip(values, numbers, strict=True)
    ]


def _shortest(number: Decimal) -> str:
    return "0" if number == 0 else f"{number.normalize():f}"

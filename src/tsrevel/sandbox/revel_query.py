"""How the pretend Revel reads a list request: filters, order, pages, `fields` and `expand` (facts Revel 2.1).

Like the real one it is lenient where that hurts: a filter that isn't documented for a resource is passed over in
silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tsrevel.sandbox.wsgi import AnswerError, Json, json_response

if TYPE_CHECKING:
    from tsrevel.sandbox.revel_schema import Resource
    from tsrevel.sandbox.wsgi import Request

OUR_OWN = frozenset({"limit", "offset", "order_by", "fields", "expand", "format"})
DEFAULT_PAGE = 20


def select_rows(
    rows: list[Json],
    resource: Resource,
    request: Request,
    *,
    ignored: Collection[str] = (),
    refuse_unknown: bool = False,
) -> list[Json]:
    """The rows that the documented filters leave, in the order asked for (by id when none is).

    Filters named in `ignored` are passed over like undocumented ones. Raises AnswerError with 400 for a value
    that doesn't fit the field, and for undocumented filters when `refuse_unknown` is set.
    """
    for key, wanted in request.query:
        if key in OUR_OWN:
            continue
        name, _, suffix = key.partition("__")
        if name not in resource.filters or (suffix or "exact") not in TESTS:
            if refuse_unknown:
                raise _bad_request(f"The '{name}' field does not allow filtering.")
            continue
        if name not in ignored:
            rows = [row for row in rows if _passes(row.get(name), name, suffix or "exact", wanted, resource)]
    return _in_order(rows, resource, request.first("order_by") or "")


def one_page(rows: list[Json], request: Request, cap: int) -> Json:
    """The list answer: at most `cap` rows whatever was asked, `next` as a relative URL or null."""
    offset = _whole_number(request, "offset", 0)
    limit = _whole_number(request, "limit", DEFAULT_PAGE)
    limit = cap if limit == 0 else min(limit, cap)
    following = offset + limit
    meta = {
        "limit": limit,
        "next": _page_url(request, limit, following) if following < len(rows) else None,
        "offset": offset,
        "previous": _page_url(request, limit, max(0, offset - limit)) if offset else None,
        "total_count": len(rows),
    }
    return {"meta": meta, "objects": rows[offset:following]}


def narrowed(row: Json, request: Request, follow: Callable[[str], Json | None]) -> Json:
    """One row as asked for: `expand` puts linked rows in place of their URIs, `fields` drops the rest.

    `follow` finds the row behind a URI.
    """
    shown = dict(row)
    for name in request.listed("expand"):
        if isinstance(shown.get(name), str):
            shown[name] = follow(shown[name]) or shown[name]
    wanted = request.listed("fields")
    return {key: value for key, value in shown.items() if key in wanted} if wanted else shown


def link_id(uri: object) -> int | None:
    """The id at the end of a URI; None for anything else."""
    if not isinstance(uri, str) or not uri.startswith("/"):
        return None
    last = uri.rstrip("/").rpartition("/")[2]
    return int(last) if last.isdigit() else None


def _passes(value: object, name: str, suffix: str, wanted: str, resource: Resource) -> bool:
    if suffix == "isnull":
        return (value is None) == _truth(wanted)
    if name in resource.links or link_id(value) is not None:
        # Links are filtered by plain id; a URI here failed live (facts Revel 2.1).
        if not all(part.isdigit() for part in wanted.split(",")):
            raise _bad_request("Invalid resource lookup data provided (mismatched type).")
        value = link_id(value)
    if value is None:
        return False
    return TESTS[suffix](value, wanted)


def _equal(value: Any, wanted: str) -> bool:  # noqa: ANN401
    if isinstance(value, bool):
        return value == _truth(wanted)
    if isinstance(value, int | Decimal):
        return Decimal(value) == _decimal(wanted)
    return str(value) == wanted


def _compare(value: Any, wanted: str) -> int:  # noqa: ANN401
    """-1, 0 or 1. ISO wall times compare as text."""
    if isinstance(value, int | Decimal):
        number = _decimal(wanted)
        return (value > number) - (value < number)
    return (str(value) > wanted) - (str(value) < wanted)


def _between(value: Any, wanted: str) -> bool:  # noqa: ANN401
    low, _, high = wanted.partition(",")
    return _compare(value, low) >= 0 and _compare(value, high) <= 0


TESTS: dict[str, Callable[[Any, str], bool]] = {
    "exact": _equal,
    "iexact": lambda value, wanted: str(value).lower() == wanted.lower(),
    "contains": lambda value, wanted: wanted in str(value),
    "icontains": lambda value, wanted: wanted.lower() in str(value).lower(),
    "startswith": lambda value, wanted: str(value).startswith(wanted),
    "istartswith": lambda value, wanted: str(value).lower().startswith(wanted.lower()),
    "endswith": lambda value, wanted: str(value).endswith(wanted),
    "iendswith": lambda value, wanted: str(value).lower().endswith(wanted.lower()),
    "in": lambda value, wanted: any(_equal(value, part) for part in wanted.split(",")),
    "gt": lambda value, wanted: _compare(value, wanted) > 0,
    "gte": lambda value, wanted: _compare(value, wanted) >= 0,
    "lt": lambda value, wanted: _compare(value, wanted) < 0,
    "lte": lambda value, wanted: _compare(value, wanted) <= 0,
    "range": _between,
    "isnull": lambda value, wanted: (value is None) == _truth(wanted),
}


def _in_order(rows: list[Json], resource: Resource, order: str) -> list[Json]:
    name = order.removeprefix("-")
    if name not in resource.orders:
        return sorted(rows, key=lambda row: int(row["id"]))
    empty_first = sorted(rows, key=lambda row: (row.get(name) is not None, row.get(name) or 0, row["id"]))
    return empty_first[::-1] if order.startswith("-") else empty_first


def _page_url(request: Request, limit: int, offset: int) -> str:
    asked = {key: value for key, value in request.query if key not in ("limit", "offset")}
    query = sorted({**asked, "limit": str(limit), "offset": str(offset)}.items())
    return f"{request.path}?{urlencode(query)}"


def _whole_number(request: Request, name: str, default: int) -> int:
    given = request.first(name)
    if given is None:
        return default
    if not given.isdigit():
        raise _bad_request(f"Invalid {name} '{given}' provided. Please provide a positive integer >= 0.")
    return int(given)


def _truth(text: str) -> bool:
    return text.lower() in ("true", "1", "t")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise _bad_request("Invalid resource lookup data provided (mismatched type).") from None


def _bad_request(text: str) -> AnswerError:
    return AnswerError(json_response({"error": text}, 400))

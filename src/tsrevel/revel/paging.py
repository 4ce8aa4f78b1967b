"""Reads Revel's lists page by page. Trusts no page length, and returns every row once (facts Revel 2.1).

Requests only the needed fields (`fields=`) if that works, else whole rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from tsrevel.errors import AnswerFault, FieldMissingError, Refused, Unreadable
from tsrevel.revel.decode import Row, decode_page
from tsrevel.transport.client import ApiClient

PAGE = 250
"""Rows a page: the documented maximum. Revel may return fewer (facts Revel 2.1)."""
MOST_STRAYS = 1000
"""The most rows that don't fit a list's filter. If there are more, Revel ignores the filter."""
MOST_PAGES = 2000
ANY_NUMBER = 2**63
"""No limit for such rows: some lists are useful even if most of their rows don't fit."""
_NO_FILTERS = frozenset({"order_by", "fields", "expand"})

Fits = Callable[[Row], bool]


def read_rows(
    channel: ApiClient,
    resource: str,
    filters: Mapping[str, str],
    fits: Fits = lambda _: True,
    prefix: str = "resources",
    most_strays: int | None = None,
) -> Iterator[Row]:
    """The rows that fit, from all pages, each id once.

    Logs once that other rows came. Raises Unreadable for more than `most_strays` of them (default MOST_STRAYS).
    """
    most = MOST_STRAYS if most_strays is None else most_strays
    seen: set[str] = set()
    strays, params = 0, {**filters, "limit": str(PAGE), "offset": "0"}
    for _ in range(MOST_PAGES):
        page = decode_page(channel.read(f"/{prefix}/{resource}/", params), resource)
        once = {str(row.get("id")): row for row in page.rows}
        fresh = [row for name, row in once.items() if name not in seen]
        seen.update(once)
        fitting = [row for row in fresh if fits(row)]
        strays += len(fresh) - len(fitting)
        names = ", ".join(name for name in filters if name not in _NO_FILTERS)
        if strays:
            channel.warn_once(f"the {resource} list has rows that don't fit the filter {names}; they are left out")
        if strays > most:
            raise Unreadable(f"Revel ignores the filter {names} on {resource}", AnswerFault.IGNORED_FILTER)
        yield from fitting
        if page.next is None and (len(seen) >= (page.total or 0) or (seen and not fresh)):
            return
        if not fresh:
            break
        if page.next is None:
            params = {**params, "offset": str(len(seen))}
        else:  # a relative URL (facts Revel 2.1)
            params = {**params, **dict(parse_qsl(urlsplit(page.next).query, keep_blank_values=True))}
    text = f"Revel: the {resource} list is incomplete"
    raise Unreadable(text, AnswerFault.INCOMPLETE_LIST)


BAD_REQUEST = 400
T = TypeVar("T")
Read = Callable[[dict[str, str]], Iterable[Row]]
"""Reads a list with these parameters besides its filters. It must not drop a row because a field is missing."""


class FieldSelector:
    """Requests only the needed fields, and remembers the resources for which that doesn't work.

    If `narrows` is False, it always requests whole rows.
    """

    def __init__(self, *, narrows: bool = True) -> None:
        self._narrows = narrows
        self._whole: set[str] = set()

    def rows(self, resource: str, fields: tuple[str, ...], read: Read, decode: Callable[[Row], T]) -> tuple[T, ...]:
        """Every row, decoded. Requests whole rows if a row lacks one of `fields`, or if Revel refuses `fields` (400).

        Raises everything else that `read` and `decode` raise. Whole rows are decoded even if they lack a field, because
        Revel has no more to return.
        """
        if self._narrows and resource not in self._whole:
            try:
                return tuple(decode(_checked(row, fields)) for row in read({"fields": ",".join(fields)}))
            except FieldMissingError:
                pass
            except Refused as refused:
                if refused.status != BAD_REQUEST:
                    raise
        found = tuple(map(decode, read({})))
        self._whole.add(resource)
        return found


def lacks(row: Row, asked: dict[str, str]) -> bool:
    """Whether the row lacks one of the requested fields, so that no filter can be checked on it."""
    return any(name not in row for name in asked.get("fields", "").split(",") if name)


def _checked(row: Row, fields: tuple[str, ...]) -> Row:
    if any(name not in row for name in fields):
        raise FieldMissingError
    return row

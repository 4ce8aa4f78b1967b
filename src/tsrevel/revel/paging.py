"""Reads Revel's lists page by page. Trusts no page length, and returns every row once (facts Revel 2.1).

Requests only the needed fields (`fields=`) if that works, else whole rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from tsrevel.errors import AnswerFault, CredentialsRefused, FieldMissingError, Refused, ServerFault, Unreadable
from tsrevel.revel.decode import Row
from tsrevel.transport.api import ApiClient
from tsrevel.transport.responses import Json

PAGE = 250
"""Rows a page: the documented maximum. Revel may return fewer (facts Revel 2.1)."""
MOST_STRAYS = 1000
"""The most rows that don't fit a list's filter. If there are more, Revel ignores the filter."""
MOST_PAGES = 2000
ANY_NUMBER = 2**63
"""No limit for such rows: some lists are useful even if most of their rows don't fit."""
_NO_FILTERS = frozenset({"order_by", "fields", "expand"})

Fits = Callable[[Row], bool]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One page of a list (facts Revel 2.1). `next` is a relative URL, or None on the last page."""

    rows: tuple[Row, ...]
    next: str | None
    total: int | None


def decode_page(answer: Json, resource: str) -> ResultPage:
    """Decode a list answer. Revel uses no `results` key: an answer without `objects` isn't a list (facts Revel 2.1)."""
    rows = answer.get("objects") if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable(f"Revel: the {resource} list has no `objects`; check the base URL")
    meta = answer.get("meta")
    following, total = (meta.get("next"), meta.get("total_count")) if isinstance(meta, dict) else (None, None)
    return ResultPage(
        tuple(rows),
        following if isinstance(following, str) and following.isprintable() and following else None,
        total if isinstance(total, int) else None,
    )


def read_rows(
    client: ApiClient,
    resource: str,
    filters: Mapping[str, str],
    fits: Fits = lambda _: True,
    *,
    prefix: str = "resources",
    most_strays: int = MOST_STRAYS,
    fields: Sequence[str] = (),
) -> Iterator[Row]:
    """The rows that fit, from all pages, each id once. With `fields`, only these are requested.

    Logs once that other rows came. Raises Unreadable for more than `most_strays` of them, and FieldMissingError for a
    row that lacks one of `fields`, because no filter can be checked on it.
    """
    path = f"/{prefix}/{resource}/"
    return chain.from_iterable(_read_pages(client, path, resource, filters, fits, most_strays, fields))


def _read_pages(
    client: ApiClient,
    path: str,
    resource: str,
    filters: Mapping[str, str],
    fits: Fits,
    most_strays: int,
    fields: Sequence[str],
) -> Iterator[list[Row]]:
    names = ", ".join(name for name in filters if name not in _NO_FILTERS)
    seen: set[str] = set()
    strays, params = 0, {**filters, "limit": str(PAGE), "offset": "0"}
    if fields:
        params["fields"] = ",".join(fields)
    for _ in range(MOST_PAGES):
        page = decode_page(client.read(path, params), resource)
        once = {str(row.get("id")): row for row in page.rows}
        fresh = [row for name, row in once.items() if name not in seen]
        seen.update(once)
        if any(name not in row for row in fresh for name in fields):
            raise FieldMissingError
        fitting = [row for row in fresh if fits(row)]
        strays += len(fresh) - len(fitting)
        if strays:
            client.warn_once(f"the {resource} list has rows that don't fit the filter {names}; they are left out")
        if strays > most_strays:
            raise Unreadable(f"Revel ignores the filter {names} on {resource}", AnswerFault.IGNORED_FILTER)
        yield fitting
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


UNSUPPORTED = (Refused, CredentialsRefused, ServerFault, Unreadable)
"""Any 4xx but 429, a 500, a page or an error with status 200: Revel, or a gateway before it, may answer so to a feature
that it doesn't know (facts Revel 2.3). The plain request follows: if the key itself is refused, that one raises it."""
Read = Callable[[Sequence[str]], Iterable[T]]
"""Reads a list with only these fields of its rows, or whole rows if there are none."""


class FieldSelector:
    """Requests only the needed fields, and remembers for which resources that works.

    If `narrows` is False, it always requests whole rows.
    """

    def __init__(self, *, narrows: bool = True) -> None:
        self._narrows = narrows
        self._works: dict[str, bool] = {}

    def rows(self, resource: str, fields: Sequence[str], read: Read[T]) -> tuple[T, ...]:
        """All that `read` returns. Requests whole rows if a row lacks one of `fields`, or if Revel can't narrow them.

        An empty list counts only if Revel has shown narrowed rows of the resource. Raises everything else that `read`
        raises.
        """
        works = self._works.get(resource)
        if self._narrows and works is not False:
            try:
                found = tuple(read(fields))
            except (FieldMissingError, *UNSUPPORTED) as error:
                if isinstance(error, Unreadable) and error.fault is AnswerFault.IGNORED_FILTER:
                    raise  # whole rows would be as many
            else:
                if found or works:
                    self._works[resource] = True
                    return found
        found = tuple(read(()))
        if found:
            self._works[resource] = False
        return found

"""Lists of Revel's, page by page: no page length is trusted, every row comes once (facts Revel 2.1).

Fields are asked for by name (`fields=`) where that works, and whole rows where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

from tsrevel.errors import AnswerFault, FieldMissingError, Refused, Unreadable
from tsrevel.revel.decode import Row, decode_page
from tsrevel.transport.client import ApiClient

PAGE = 250
"""The documented most; a smaller page may come back all the same (facts Revel 2.1)."""
MOST_STRAYS = 1000
"""Rows that don't fit their filter: so many are read past, to the end of the list; with more the filter is useless."""
MOST_PAGES = 2000
ANY_NUMBER = 2**63
"""Of strays: for lists that are of use however many rows of others are among them."""
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
    """The rows that fit, over all pages, each id once.

    That others came is logged once. Raises Unreadable past `most_strays` of them, by default MOST_STRAYS.
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
        if strays:
            names = ", ".join(name for name in filters if name not in _NO_FILTERS)
            channel.warn_once(f"the {resource} list has rows that don't fit the filter {names}; they are left out")
        if strays > most:
            text = f"Revel ignores the filter {', '.join(filters)} on {resource}"
            raise Unreadable(text, AnswerFault.IGNORED_FILTER)
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
"""Reads a list with these parameters beside its filters. Must not leave out a row because a field is missing."""


class FieldSelector:
    """Narrows the lists of one Revel account; it is asked once only for what it doesn't narrow.

    With `narrows` False, whole rows are read from the beginning.
    """

    def __init__(self, *, narrows: bool = True) -> None:
        self._narrows = narrows
        self._whole: set[str] = set()

    def rows(self, resource: str, fields: tuple[str, ...], read: Read, decode: Callable[[Row], T]) -> tuple[T, ...]:
        """Every row, decoded, each of them with all of `fields`. Asked for whole once more where one comes without.

        The same where `fields` is refused (400). What else `read` and `decode` raise is raised here. Rows that come
        whole are decoded as they are: what they lack, Revel doesn't tell.
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
    """Whether the row comes without one of the fields that `asked` names, so that it can't be judged."""
    return any(name not in row for name in asked.get("fields", "").split(",") if name)


def _checked(row: Row, fields: tuple[str, ...]) -> Row:
    if any(name not in row for name in fields):
        raise FieldMissingError
    return row

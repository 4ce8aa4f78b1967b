"""Lists of Revel's, page by page: no page length is trusted, every row comes once (facts Revel 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from tsrevel.errors import Unreadable
from tsrevel.revel.decode import Row, decode_page
from tsrevel.transport import Channel

PAGE = 250
"""The documented most; a smaller page may come back all the same (facts Revel 2.1)."""
MOST_STRAYS = 1000
"""Rows that don't fit their filter: so many are read past, to the end of the list; with more the filter is useless."""
MOST_PAGES = 2000

Fits = Callable[[Row], bool]


def read_rows(
    channel: Channel, resource: str, filters: Mapping[str, str], fits: Fits = lambda _: True, prefix: str = "resources"
) -> Iterator[Row]:
    """All rows over all pages, each id once. Raises Unreadable past MOST_STRAYS rows that don't fit."""
    seen: set[str] = set()
    strays, params = 0, {**filters, "limit": str(PAGE), "offset": "0"}
    for _ in range(MOST_PAGES):
        page = decode_page(channel.read(f"/{prefix}/{resource}/", params), resource)
        once = {str(row.get("id")): row for row in page.rows}
        fresh = [row for name, row in once.items() if name not in seen]
        seen.update(once)
        strays += sum(not fits(row) for row in fresh)
        if strays > MOST_STRAYS:
            raise Unreadable(f"Revel ignores the filter {', '.join(filters)} on {resource}")
        yield from fresh
        if page.next is None and (len(seen) >= (page.total or 0) or (seen and not fresh)):
            return
        if not fresh:
            break
        params = _following(page.next, params, len(seen))
    raise Unreadable(f"Revel: the {resource} list promises more than it shows, so nothing follows from it")


def _following(link: str | None, params: dict[str, str], offset: int) -> dict[str, str]:
    """Where the next page is: what `meta.next` says, which is a relative URL, else the offset (facts Revel 2.1)."""
    if link is None:
        return {**params, "offset": str(offset)}
    return {**params, **dict(parse_qsl(urlsplit(link).query, keep_blank_values=True))}

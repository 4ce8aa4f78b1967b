"""Matches each line of an event to its product, and lists the lines without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tsrevel.planning.billing import order_portion
from tsrevel.planning.documents import choose_document
from tsrevel.planning.model import Event, Hold, Line, Policy, ProductId
from tsrevel.planning.products import Catalogue, Unmatched, find_mapped, match_line, normalise, possible_product_names


class MatchedBy(StrEnum):
    """The way in which a line was matched to its product. Words never change their meaning."""

    MENU_ITEM = "menu_item"
    NAME = "name"
    EXACT_NAME = "exact_name"
    NAME_BEFORE_SEPARATOR = "name_before_separator"


@dataclass(frozen=True, slots=True)
class MissingLine:
    """A line without a product. A new mapping must use `menu_item_id` if that is set, because it wins; else `name`."""

    line: Line
    name: str
    menu_item_id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Matched:
    """A line with its product. `name` and `menu_item_id` are those of its mapping, or of one that it could have."""

    line: Line
    name: str
    menu_item_id: str | None
    way: MatchedBy
    product: ProductId


def judge_lines(lines: Iterable[Line], policy: Policy, catalogue: Catalogue) -> Iterator[Matched | MissingLine]:
    """Each line with the product that planning matches to it, or with the reason why it has none."""
    for line in lines:
        match = match_line(line, policy, catalogue)
        mapped = find_mapped(line, policy, catalogue.establishment)
        name = mapped.name.strip()
        menu_item_id = line.menu_item_id if mapped.how == "menu_item" else None
        if isinstance(match, Unmatched):
            yield MissingLine(line, name, menu_item_id, match.why)
        elif mapped.how == "menu_item":
            yield Matched(line, name, menu_item_id, MatchedBy.MENU_ITEM, match)
        elif mapped.how == "mapped_name":
            yield Matched(line, name, None, MatchedBy.NAME, match)
        else:
            spoken = possible_product_names(line, policy.name_separator)
            exact = next(each for each in spoken if normalise(each) in catalogue.by_name)
            way = MatchedBy.EXACT_NAME if exact == line.name else MatchedBy.NAME_BEFORE_SEPARATOR
            yield Matched(line, exact.strip(), None, way, match)


def orderable_lines(event: Event, policy: Policy) -> tuple[Line, ...]:
    """The lines that an order would have: those of the right document or, if that is undecided, of all live ones."""
    chosen = choose_document(event, policy.order_document)
    documents = event.documents if isinstance(chosen, Hold) else (chosen,)
    lines = (line for document in documents if not document.deleted for line in document.lines)
    return tuple(line for line in lines if order_portion(line) is not None)


def missing_lines(lines: Iterable[Line], policy: Policy, catalogue: Catalogue) -> Iterator[MissingLine]:
    """The lines for which planning finds no product at the establishment."""
    return (each for each in judge_lines(lines, policy, catalogue) if isinstance(each, MissingLine))

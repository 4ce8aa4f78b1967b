"""Decides which document is the order (DESIGN 4; facts TripleSeat 3.4). Documents are never combined."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatch

from tsrevel.planning.model import Document, Event, Hold
from tsrevel.planning.money import to_cents
from tsrevel.planning.products import normalise
from tsrevel.planning.reasons import Reason


@dataclass(frozen=True, slots=True)
class Choice:
    """The document to take lines and money from, or a Hold, and the reason in words.

    `rivals`: the documents between which a person must choose.
    """

    document: Document | Hold
    why: str = ""
    rivals: tuple[Document, ...] = ()


def choose_document(event: Event, pattern: str) -> Document | Hold:
    return weigh_documents(event, pattern).document


def weigh_documents(event: Event, pattern: str) -> Choice:
    """The document, and why.

    Of several: the one that `pattern` names, else the only one with the event's grand total, else the newest if all
    have the same content.
    """
    usable = [document for document in event.documents if not document.deleted and (document.lines or document.faults)]
    if not usable:
        return Choice(
            Hold(Reason.NO_LINE_ITEMS, "no live document of the event has lines; finish its contract in TripleSeat")
        )
    named = [document for document in usable if is_named(document, pattern)]
    candidates = named or usable
    if len(candidates) > 1:
        candidates = [each for each in candidates if _agrees(each, event.grand_total)] or candidates
    newest = max(candidates, key=lambda document: document.id)
    if any(_content(document) != _content(newest) for document in candidates):
        ids = tuple(str(document.id) for document in candidates)
        remedy = "delete the wrong ones in TripleSeat, or set tripleseat.order_document"
        text = f"documents {', '.join(ids)} have lines, and the lines differ; {remedy}"
        hold = Hold(Reason.AMBIGUOUS_DOCUMENT, text, ids)
        return Choice(hold, rivals=tuple(candidates))
    return Choice(newest, _why(len(usable), named, len(candidates)))


def is_named(document: Document, pattern: str) -> bool:
    """Whether the document's title or one of its views matches `pattern`: a part of it, or a glob with * and ?."""
    wanted = normalise(pattern)
    if not wanted:
        return False
    glob = (wanted if any(mark in wanted for mark in "*?") else f"*{wanted}*").replace("[", "[[]")
    return any(fnmatch(normalise(name), glob) for name in (document.title, *document.views))


def _why(usable: int, named: list[Document], candidates: int) -> str:
    """Why the document was chosen from `usable` ones, of which `candidates` remained at the end."""
    if usable == 1:
        return "it is the only live document with lines"
    if len(named) == 1:
        return f"of {usable} documents with lines, tripleseat.order_document names only this one"
    which = f"{len(named)} that tripleseat.order_document names" if named else f"{usable} documents with lines"
    if candidates == 1:
        return f"of {which}, only this one has the event's grand total"
    return f"of {which}, {candidates} have the same content, and this is the newest of them"


def _agrees(document: Document, grand_total: Decimal | None) -> bool:
    if document.grand_total is None or grand_total is None:
        return False
    return to_cents(document.grand_total) == to_cents(grand_total)


def _content(document: Document) -> tuple[object, ...]:
    return (document.lines, document.billing_totals, document.discounts_total, document.grand_total, document.faults)

"""The rows of an invoice page, one after the other: what each means depends on the table head above it (facts 4).

Knows texts only, no HTML. Raises Unreadable as soon as a row under a known head isn't what that head promises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tsrevel.errors import Unreadable
from tsrevel.planning.model import BillingTotal, Line
from tsrevel.tripleseat.fields import read_number

_ITEM_HEAD = re.compile(r"(?:qty\.? )+description price total", re.IGNORECASE)
_CHARGE_HEAD = ["description", "percent", "total"]
_TOTAL_LABEL = re.compile(r"(?:sub ?total|discounts?|grand total|amount due)\b|.*\(\$?[0-9.,]+\)$", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\((\$?[0-9.,]+)\)")


@dataclass(slots=True)
class InvoiceReader:
    """What was read of the page so far. `below` is the kind of head that the next row stands under."""

    lines: list[Line] = field(default_factory=list)
    charges: list[BillingTotal] = field(default_factory=list)
    discount: Decimal | None = None
    grand_total: Decimal | None = None
    below: Literal["items", "charges", None] = None

    def start_table(self) -> None:
        """A new table: no head yet."""
        self.below = None

    def read_row(self, cells: list[str]) -> None:
        """Take one row in."""
        if not any(cells):
            return
        if _ITEM_HEAD.fullmatch(" ".join(cells)):
            self.below = "items"
        elif [cell.lower() for cell in cells] == _CHARGE_HEAD:
            self.below = "charges"
        elif len(cells) == 2 and (self.below is None or _TOTAL_LABEL.match(cells[0])):
            self.below = None
            self._read_total(*cells)
        elif self.below == "items":
            self._read_item(cells)
        elif self.below == "charges":
            self._read_charge(cells)

    def _read_item(self, cells: list[str]) -> None:
        if len(cells) == 1 and cells[0].isupper():
            return  # the name of a section (facts TripleSeat 4)
        if len(cells) != 4 or not cells[1]:
            raise _unexpected("an item row")
        quantity, price, total = (_amount(cell, "an item row") for cell in (cells[0], cells[2], cells[3]))
        self.lines.append(Line(cells[1], quantity, price, total, typed=True))

    def _read_charge(self, cells: list[str]) -> None:
        amount = _amount(cells[2], "a charge") if len(cells) == 3 and cells[0] else None
        if amount is None:
            raise _unexpected("a charge")
        self.charges.append(BillingTotal(cells[0], amount))

    def _read_total(self, label: str, text: str) -> None:
        name = label.lower().rstrip(":")
        if name == "grand total":
            self._read_grand_total(_amount(text, "the grand total"))
        elif name.startswith("discount"):
            amount = _amount(text, "the discount")
            self.discount = (self.discount or Decimal(0)) + abs(amount or Decimal(0))

    def _read_grand_total(self, amount: Decimal | None) -> None:
        if amount is None or self.grand_total not in (None, amount):
            raise _unexpected("the grand total")
        self.grand_total = amount


def _amount(text: str, where: str) -> Decimal | None:
    """The amount in a cell, in brackets where it is negative; None for an empty one."""
    if not text:
        return None
    amount = read_number(_IN_BRACKETS.sub(r"-\1", text))
    if amount is None:
        raise _unexpected(where)
    return amount


def _unexpected(where: str) -> Unreadable:
    return Unreadable(f"TripleSeat: {where} of an invoice page isn't as expected; give the document its lines instead")

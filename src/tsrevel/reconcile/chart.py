"""A location's days as inline SVG: a full bar for TripleSeat, a hatched one for Revel, and the figures beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tsrevel.planning.money import Cents
from tsrevel.reconcile.markup import amount, escaped
from tsrevel.reconcile.model import Day

_WIDTH, _LEFT, _RIGHT = 360, 62, 84
"""In user units, as wide as a telephone's screen: its text then keeps a readable size."""
_ROW, _BAR, _TOP = 30, 10, 4


def draw_chart(days: Sequence[Day], number: int) -> str:
    """The days' totals, one below the other. `number` tells the charts of a page apart."""
    tallest = max(max(day.tripleseat.money.total, day.revel.money.total) for day in days)
    height = _TOP + _ROW * len(days) + _TOP
    summary = "; ".join(
        f"{day.day}: TripleSeat {amount(day.tripleseat.money.total)}, Revel {amount(day.revel.money.total)}"
        for day in days
    )
    rows = "".join(part for row, day in enumerate(days) for part in _draw_day(day, row, tallest, number))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="chart-{number}">'
        f'<title id="chart-{number}">{escaped(f"Totals a day. {summary}")}</title>'
        f'<defs><pattern id="hatch-{number}" width="5" height="5" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><line class="hatch" x1="0" y1="0" x2="0" y2="5"/></pattern></defs>'
        f'<line class="axis" x1="{_LEFT}" y1="0" x2="{_LEFT}" y2="{height}"/>{rows}</svg>'
    )


def _draw_day(day: Day, row: int, tallest: Cents, number: int) -> Iterator[str]:
    top = _TOP + row * _ROW
    seat, till = day.tripleseat.money.total, day.revel.money.total
    yield f'<text x="0" y="{top + 16}">{day.day:%a %m-%d}</text>'
    yield f'<rect class="seat" x="{_LEFT}" y="{top + 2}" width="{_length(seat, tallest)}" height="{_BAR}"/>'
    yield (
        f'<rect class="till" fill="url(#hatch-{number})" x="{_LEFT}" y="{top + 4 + _BAR}" '
        f'width="{_length(till, tallest)}" height="{_BAR}"/>'
    )
    if seat == till:
        told = amount(seat) if day.tripleseat.orders or day.revel.orders else "no orders"
        yield f'<text x="{_WIDTH}" y="{top + 17}" text-anchor="end">{told}</text>'
        return
    yield f'<text class="strong" x="{_WIDTH}" y="{top + 11}" text-anchor="end">{amount(seat)}</text>'
    yield f'<text class="strong" x="{_WIDTH}" y="{top + 24}" text-anchor="end">≠ {amount(till)}</text>'


def _length(total: Cents, tallest: Cents) -> str:
    """In user units; a day without orders has no bar."""
    widest = _WIDTH - _LEFT - _RIGHT
    return f"{max(total, 0) * widest / tallest:.1f}" if tallest > 0 else "0"

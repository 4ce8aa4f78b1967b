"""Text into markup: everything that comes from a service is escaped here, and here alone."""

from __future__ import annotations

import html

from tsrevel.planning.money import Cents, to_decimal
from tsrevel.text import show_controls


def escaped(text: object) -> str:
    """`text` for an element or an attribute in double quotes."""
    return html.escape(show_controls(str(text)), quote=True)


def amount(cents: Cents | None) -> str:
    """Money for a person: 123456 is "1,234.56"; a dash for none."""
    return "–" if cents is None else f"{to_decimal(cents):,.2f}"


def cell(text: object, *, label: str = "", classes: str = "") -> str:
    """A table cell. `label` is its column's heading, shown beside it where the screen is narrow."""
    told = f' data-label="{escaped(label)}"' if label else ""
    styled = f' class="{classes}"' if classes else ""
    return f"<td{styled}{told}>{escaped(text)}</td>"


def heading_row(names: list[tuple[str, str]]) -> str:
    """The head of a table: names with their classes."""
    cells = "".join(f'<th scope="col" class="{classes}">{escaped(name)}</th>' for name, classes in names)
    return f"<thead><tr>{cells}</tr></thead>"

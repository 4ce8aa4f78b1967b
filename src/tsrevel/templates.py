"""Loads jinja2 templates: they escape HTML, refuse undefined names, and let no control character pass."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from tsrevel.planning.money import Cents, to_decimal
from tsrevel.text import show_controls


@cache
def load_template(package: str, name: str) -> Template:
    """The template of that name in the package's `templates` folder. All but .txt files are escaped as HTML."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        finalize=_show,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": show_amount, "day": show_day}
    return environment.get_template(name)


def _show(value: Any) -> Any:  # noqa: ANN401 (whatever a template prints)
    return value if hasattr(value, "__html__") else show_controls(str(value))


def show_amount(cents: Cents | None) -> str:
    """Money for a person: 123456 is "1,234.56"; None is a dash."""
    return "–" if cents is None else f"{to_decimal(cents):,.2f}"


def show_day(day: date) -> str:
    """A day for a person: "Sun 29 Nov 2026"."""
    return f"{day:%a} {day.day} {day:%b %Y}"

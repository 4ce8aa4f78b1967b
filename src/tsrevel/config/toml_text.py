"""Values and remarks as TOML text, for what people read: lists on one line, nothing in a remark that TOML forbids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

import tomli_w

from tsrevel.text import clean_text


def encode_value(value: object) -> str:
    """A setting's value as TOML writes it. Money and times of day become quoted text, as the settings want them."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(encode_value(item) for item in value)}]"
    return tomli_w.dumps({"value": plain_value(value)}).removeprefix("value = ").rstrip("\n")


def plain_value(value: object) -> object:
    """A setting's value in the kinds that TOML and JSON share."""
    match value:
        case tuple():
            return [plain_value(item) for item in value]
        case time():
            return value.strftime("%H:%M")
        case Decimal():
            return str(value)
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def remark(text: str) -> str:
    """`text` as a comment on one line, without the control characters that TOML allows in no comment."""
    return f"# {clean_text(text)}"


def beside(line: str, text: str, width: int = 34) -> str:
    """`line` with a remark at its end, remarks standing below each other where lines are short."""
    return f"{line:<{width}}  {remark(text)}"


def encode_table(key: str, lines: Sequence[str]) -> list[str]:
    """One `[[key]]` with its lines, after an empty line."""
    return ["", f"[[{key}]]", *lines]

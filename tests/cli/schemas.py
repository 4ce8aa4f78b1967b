"""What --json prints, against the published schemas. `python -m tests.cli.schemas` writes docs/schemas anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tsrevel.cli.reference import ANSWERS, write_schema

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"


def find_command(argv: Sequence[str]) -> str:
    """The command that is typed, by its key in ANSWERS. Any other fails, as `schema` may."""
    return next((name for name in (" ".join(argv[:2]), argv[0]) if name in ANSWERS), "schema")


@cache
def validator(command: str) -> Draft202012Validator:
    return Draft202012Validator(write_schema(command), format_checker=Draft202012Validator.FORMAT_CHECKER)


def find_errors(command: str, answer: Mapping[str, Any]) -> list[str]:
    """How the answer differs from the schema of its command."""
    return [error.message for error in validator(command).iter_errors(answer)]


def assert_published(argv: Sequence[str], printed: str) -> None:
    """Every line that a command line has printed is an answer as its schema has it."""
    for line in printed.splitlines():
        assert find_errors(find_command(argv), json.loads(line)) == [], line


def published() -> dict[str, str]:
    """What docs/schemas must hold, by the names of the files."""
    return {f"{name.replace(' ', '-')}.json": f"{json.dumps(write_schema(name), indent=2)}\n" for name in ANSWERS}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in published().items():
        (FOLDER / name).write_text(text)

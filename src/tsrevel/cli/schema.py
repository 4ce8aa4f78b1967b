"""`schema`: the JSON Schemas of the answers."""

from __future__ import annotations

import json

import typer

from tsrevel.cli.answers.registry import ANSWERS, write_schema
from tsrevel.cli.answers.setup import SchemaAnswer
from tsrevel.cli.context import CliContext


def print_schema(ctx: CliContext, name: str) -> int:
    """Print the schema of one command, or as one object those of a group, such as `map`, or (for '') all.

    Raises typer.BadParameter for an unknown name.
    """
    schemas = {each: write_schema(each) for each in ANSWERS if f"{each} ".startswith(f"{name} ") or not name}
    if not schemas:
        raise typer.BadParameter(f"no command has the name {name!r}; there are: {', '.join(ANSWERS)}")
    if ctx.options.json:
        ctx.answer(SchemaAnswer(schemas=schemas))
    else:
        print(json.dumps(schemas.get(name, schemas), indent=2), file=ctx.stdout)
    return 0

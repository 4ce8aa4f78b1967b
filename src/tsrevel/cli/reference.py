"""`man`: the man page, written from the commands' own help. `schema`: the JSON Schemas of their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Union

import typer
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from typer.main import get_command

from tsrevel import __version__
from tsrevel.cli.answers import mapping, reconciliation, reports, runs, setup
from tsrevel.cli.answers.model import Answer, FailureAnswer, NothingCheckedAnswer, adapter
from tsrevel.cli.answers.setup import ManAnswer, SchemaAnswer
from tsrevel.cli.context import CliContext
from tsrevel.cli.options import COMMON_PANEL, PANELS, app
from tsrevel.config.paths import SYSTEM_CONFIG

_FILES = {
    "~/.config/tsrevel/config.toml": "The settings of the user who runs tsrevel.",
    str(SYSTEM_CONFIG): "The settings if the user has none.",
}
_ENVIRONMENT = {
    "TSREVEL_CONFIG": "The settings file, unless --config names one.",
    "DRY_RUN, ENABLE_CONNECTOR and others": "Each setting has a variable; `tsrevel config generate` names it.",
}


def print_man_page(ctx: CliContext) -> int:
    """Print the man page of all commands, in roff for man(1)."""
    page = write_man_page()
    if ctx.options.json:
        ctx.answer(ManAnswer(page=page))
    else:
        print(page, end="", file=ctx.stdout)
    return 0


def write_man_page() -> str:
    """The man page of tsrevel, section 1."""
    tree: Any = get_command(app)  # typer exports no types of commands
    shared = [each for each in tree.commands["status"].params if _is_shared(each)]
    lines = [f'.TH TSREVEL 1 "" "tsrevel {__version__}" "User Commands"', ".SH NAME"]
    lines += [f"tsrevel \\- {_inline(tree.help.rstrip('.'))}", ".SH SYNOPSIS", ".B tsrevel", ".I COMMAND"]
    lines += ["[options] [arguments]", ".SH COMMON OPTIONS", "Every command takes these options, after its name."]
    lines += _terms(each.get_help_record(typer.Context(tree)) for each in shared)
    for panel in PANELS:
        lines.append(f".SH {panel.upper()}")
        for name in tree.list_commands(None):
            if tree.commands[name].rich_help_panel == panel:
                lines += _command(tree.commands[name], f"tsrevel {name}")
    lines += [".SH FILES", *_terms(_FILES.items()), ".SH ENVIRONMENT", *_terms(_ENVIRONMENT.items())]
    return "\n".join(lines) + "\n"


def _command(command: Any, name: str) -> Iterator[str]:  # noqa: ANN401 (typer exports no types of commands)
    below = getattr(command, "commands", {})
    context = typer.Context(command, info_name=name)
    yield f".SS {_plain(name)}"
    yield from _paragraphs(command.help)
    if not below:
        yield from (".PP", f".B {_plain(' '.join(command.get_usage(context).removeprefix('Usage: ').split()))}")
        own = [each for each in command.params if not _is_shared(each)]
        yield from _terms(each.get_help_record(context) for each in own)
        yield from _paragraphs(command.epilog)
    for each in below.values():
        yield from _command(each, f"{name} {each.name}")


def _paragraphs(markdown: str) -> Iterator[str]:
    """Paragraphs and lists, without blank lines, which roff would print."""
    for paragraph in re.split(r"\n\s*\n", markdown.strip()):
        lines = paragraph.split("\n- ")
        if not lines[0].startswith("- "):
            yield from (".PP", _inline(" ".join(lines.pop(0).split())))
        if lines:
            yield ".PD 0"  # no blank line between the rows of a list
            for line in lines:
                yield from (".IP \\(bu 2", _inline(" ".join(line.removeprefix("- ").split())))
            yield ".PD"


def _terms(records: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in records:
        yield from (".TP", f"\\fB{_plain(term)}\\fR", _inline(" ".join(text.split())))


def _inline(markdown: str) -> str:
    """One line of text. Text between backticks is bold."""
    parts = markdown.split("`")
    return "".join(f"\\fB{_plain(part)}\\fR" if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text: str) -> str:
    """`text` as roff prints it unchanged: a line that begins with a dot or a quote would be a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in escaped)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _is_shared(parameter: Any) -> bool:  # noqa: ANN401
    return getattr(parameter, "rich_help_panel", None) == COMMON_PANEL


# Schemas


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


ANSWERS: dict[str, tuple[type[Answer], ...]] = {
    "sync": (runs.RunReportAnswer,),
    "sync-event": (runs.RunReportAnswer,),
    "rehearse": (reports.RehearsalAnswer,),
    "replay": (runs.ReplayLine,),
    "serve": (runs.ServeAnswer, runs.ReplayLine, runs.RunReportAnswer),
    "verify-signature": (setup.SignatureAnswer,),
    "status": (reports.StatusAnswer, reports.AllStatusAnswer),
    "history": (reports.RunsAnswer, reports.EventHistoryAnswer),
    "explain": (reports.ExplainAnswer,),
    "resolve": (reports.ResolveAnswer,),
    "reconcile": (reconciliation.ReconcileAnswer, NothingCheckedAnswer),
    "pause": (runs.PausedAnswer,),
    "resume": (runs.PausedAnswer,),
    "ledger check": (runs.LedgerCheckAnswer,),
    "ledger backup": (runs.LedgerBackupAnswer,),
    "ledger export": (runs.LedgerExportAnswer, runs.LedgerRow),
    "ledger prune": (runs.LedgerPruneAnswer,),
    "init": (setup.InitAnswer,),
    "login": (setup.LoginAnswer, setup.LoginStatusAnswer, setup.LogoutAnswer),
    "doctor": (setup.DoctorAnswer, setup.AssumptionsAnswer),
    "report": (setup.ReportAnswer,),
    "config generate": (setup.ConfigGenerateAnswer,),
    "config validate": (setup.ConfigValidateAnswer,),
    "config show": (setup.ConfigShowAnswer,),
    "map list": (mapping.MapListAnswer, mapping.MapListSeenAnswer, NothingCheckedAnswer),
    "map suggest": (mapping.MapSuggestAnswer, NothingCheckedAnswer),
    "map products": (mapping.MapProductsAnswer, NothingCheckedAnswer),
    "map set": (mapping.MapSetAnswer,),
    "map unset": (mapping.MapUnsetAnswer,),
    "map check": (mapping.MapCheckAnswer, NothingCheckedAnswer),
    "schedule": (setup.ScheduleAnswer,),
    "notify": (setup.NotifyAnswer, NothingCheckedAnswer),
    "demo": (runs.DemoAnswer,),
    "sandbox": (setup.SandboxAnswer,),
    "schema": (setup.SchemaAnswer,),
    "man": (setup.ManAnswer,),
    "hook": (runs.HookInput,),
}
"""A command that fails prints a FailureAnswer instead. "hook" is no command: it is the input of hooks."""


class _AnswerSchema(GenerateJsonSchema):
    """A strict schema: no keys except those of the type, and every key is required unless it may be left out."""

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:  # noqa: ANN401 (pydantic's own types)
        return {"additionalProperties": False} | super().dataclass_schema(schema)

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ANN401, ARG002
        return "serialization_exclude_if" not in field

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002
        return False


def write_schema(command: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the command's output with --json."""
    failure = () if command == "hook" else (FailureAnswer,)
    answers = adapter(Union[(*ANSWERS[command], *failure)])
    schema = answers.json_schema(mode="serialization", schema_generator=_AnswerSchema)
    title = "Input of a hook" if command == "hook" else f"Output of `tsrevel {command} --json`"
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": title, **schema}

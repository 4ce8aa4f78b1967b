"""The answers of each command, and their JSON Schemas."""

from __future__ import annotations

from typing import Any, Union

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from tsrevel.cli.answers import ledger, mapping, reconciliation, reports, runs, setup
from tsrevel.cli.answers.model import Answer, FailureAnswer, NothingCheckedAnswer, adapter

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
    "pause": (ledger.PausedAnswer,),
    "resume": (ledger.PausedAnswer,),
    "ledger check": (ledger.LedgerCheckAnswer,),
    "ledger backup": (ledger.LedgerBackupAnswer,),
    "ledger export": (ledger.LedgerExportAnswer, ledger.LedgerRow),
    "ledger prune": (ledger.LedgerPruneAnswer,),
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

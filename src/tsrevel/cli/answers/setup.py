"""The answers of the commands that set up, check and try: `init`, `login`, `config`, `doctor`, `sandbox` and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from tsrevel.cli.answers.model import Answer, Done, IfAny, Instant, ProblemJson
from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionAnswer, AssumptionCode, AssumptionResult
from tsrevel.planning.reasons import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureAnswer(Answer):
    """Whether the signature is valid. `timestamp`: epoch seconds of the signing, if the signature has them."""

    ok: bool
    reason: str | None
    timestamp: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigGenerateAnswer(Done):
    """The commented example of a settings file, as TOML."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigValidateAnswer(Answer):
    """Every problem of the settings, and where the files of this installation are or would be."""

    success: bool
    reason: None = None
    problems: tuple[ProblemJson, ...]
    error: IfAny[str | None] = None
    exit_status: IfAny[int | None] = None
    warnings: tuple[str, ...] = ()
    config: str | None
    mappings: str | None
    ledger: str | None
    token_file: str | None
    spool: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingJson:
    """A setting and where its value comes from. A secret that is set reads "(set)"."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigShowAnswer(ConfigValidateAnswer):
    """Every setting by its dotted key. A table's value is a list of entries; each field of an entry is a setting."""

    settings: Mapping[str, SettingJson]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckJson:
    """The result of one check. `subject`: the location that it is about; null for the whole installation."""

    name: str
    subject: str | None
    verdict: Literal["ok", "warning", "problem", "skipped"]
    text: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorAnswer(Answer):
    """The result of every check. `reason` and `error` are there if neither service was checked."""

    success: bool
    exit_status: int
    checks: tuple[CheckJson, ...]
    reason: IfAny[Reason | None] = None
    error: IfAny[str | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InitAnswer(Done):
    """The settings file that was written. `open`: what is left to fill in; `next`: the commands to run next.

    `continues`: the files of state (ledger, token, spool) of the settings before that it continues with.
    """

    reason: None = None
    config: str
    locations: tuple[str, ...]
    open: tuple[str, ...]
    next: tuple[str, ...]
    continues: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAnswer(Answer):
    """Where the tokens are, and until when the access token is valid."""

    success: bool = True
    auth: str
    token_file: str | None
    valid_until: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginStatusAnswer(LoginAnswer):
    """Whether there is a token. `error` and `exit_status` are there if it cannot be used."""

    written_at: Instant | None = None
    expired: bool | None = None
    reason: None = None
    error: IfAny[str | None] = None
    exit_status: IfAny[int | None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutAnswer(LoginAnswer):
    """Whether there was a token to remove."""

    removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportAnswer(Answer):
    """The report. `file`: where it was written, if anywhere. `success`: the settings have no problem."""

    success: bool
    exit_status: int
    file: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAnswer(Answer):
    """Where the pretend services are. `config`: the file that was written, or else the settings themselves."""

    tripleseat: str
    revel: str
    config: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaAnswer(Done):
    """The JSON Schemas of the answers, by command."""

    schemas: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ManAnswer(Done):
    """The man page, in roff."""

    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleAnswer(Done):
    """The crontab or the units. `files` are texts by name; `install` are commands for root or `user`.

    `warnings` name what a scheduled run would lack.
    """

    kind: Literal["cron", "systemd"]
    user: str
    command: list[str]
    files: dict[str, str]
    install: list[str]
    warnings: list[str]


@dataclass(frozen=True, slots=True)
class TrialJson:
    """The result of one notification: "mail", "ping" or a hook."""

    name: str
    result: Literal["ok", "skipped", "failed"]
    text: str
    exit_status: Annotated[int, Field(exclude=True)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyAnswer(Answer):
    """The results of the test notifications."""

    success: bool
    exit_status: int
    dry_run: bool
    results: tuple[TrialJson, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionJson:
    """One assumption and its result in the account. `fact`: the heading in docs/apis that it rests on.

    `critical`: runs write nothing if it doesn't hold and isn't `accepted` in the settings. `otherwise`: what a run does
    if it doesn't hold.
    """

    code: AssumptionCode
    fact: str
    assumption: str
    result: AssumptionResult
    detail: str
    critical: bool
    accepted: bool
    otherwise: str
    tested_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumptionsAnswer(Answer):
    """Every assumption. `stored`: the ledger has the answers. `reason` and `error` are there if nothing was asked.

    `error` is also there if a service gave no answer that could be used.
    """

    success: bool
    exit_status: int
    stored: bool
    assumptions: tuple[AssumptionJson, ...]
    reason: IfAny[Reason | None] = None
    error: IfAny[str | None] = None


def encode_answer(answer: AssumptionAnswer, is_accepted: bool) -> AssumptionJson:
    """One assumption, as it is printed."""
    row = ASSUMPTIONS[answer.code]
    return AssumptionJson(
        code=answer.code,
        fact=row.fact,
        assumption=row.sentence,
        result=answer.result,
        detail=answer.detail,
        critical=row.critical,
        accepted=is_accepted,
        otherwise=row.otherwise,
        tested_at=answer.tested_at,
    )

"""Given values → section objects, with every refusal of the model worded for the operator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import Field, ValidationError, create_model
from pydantic_core import ErrorDetails

from tsrevel.config.keys import suggest
from tsrevel.config.problems import GivenValue, Layer, Origin, ProblemReport
from tsrevel.config.settings import Section
from tsrevel.errors import ConfigCode

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True)
class Built(Generic[S]):
    """An entry of an array of tables, called `key` in problems.

    One that isn't `whole` lacks something it can't be without, which is None in it: it is for the rules alone.
    """

    key: str
    entry: S
    whole: bool


def whole_entries(built: tuple[Built[S], ...]) -> tuple[S, ...]:
    """The entries that can be used."""
    return tuple(each.entry for each in built if each.whole)


_WORDING = {
    "setting": (ConfigCode.UNUSABLE_VALUE, "{message}", "{remedy}"),
    "missing": (ConfigCode.NOT_SET, "isn't set", "Give it a value."),
    "literal_error": (ConfigCode.UNKNOWN_WORD, "isn't one of the words it knows", "Write {expected}."),
    "string_type": (ConfigCode.WRONG_TYPE, "must be text", "Write it in quotes."),
    "string_too_short": (ConfigCode.EMPTY, "is empty", "Give it a value."),
    "bool_type": (ConfigCode.WRONG_TYPE, "must be true or false", "Write true or false, without quotes."),
    "int_type": (ConfigCode.WRONG_TYPE, "must be a whole number", "Write it as digits, without quotes."),
    "float_type": (ConfigCode.WRONG_TYPE, "must be a number", "Write it as digits, without quotes."),
    "finite_number": (ConfigCode.WRONG_TYPE, "must be a number", "Write it as digits."),
    "tuple_type": (ConfigCode.WRONG_TYPE, "must be a list", "Write it in brackets: [ ... ]."),
    "greater_than": (ConfigCode.OUT_OF_RANGE, "must be above {gt:g}", "Give a larger number."),
    "greater_than_equal": (ConfigCode.OUT_OF_RANGE, "must be at least {ge}", "Give a larger number."),
    "less_than_equal": (ConfigCode.OUT_OF_RANGE, "must be at most {le}", "Give a smaller number."),
}
"""Code, message and remedy by pydantic's error type. Pydantic's own texts may repeat the value, so none is used.

A refusal of `config.values` has its own code, message and remedy in the error's context.
"""
_OTHERWISE = (ConfigCode.UNUSABLE_VALUE, "isn't usable", "See config.example.toml.")


def build_section(model: type[S], section: str, values: Layer, report: ProblemReport) -> S:
    """The section called `section` ("" for the top level) from `values`; a bad one is noted, its default kept."""
    prefix = f"{section}." if section else ""
    given = {name: values[prefix + name] for name in model.model_fields if prefix + name in values}
    if not given:
        return model.model_construct()  # all defaults: nothing to check
    raw = {name: value.value for name, value in given.items()}
    return _build(model, raw, lambda name: (prefix + name, given[name].origin), report)[0]


def build_entries(
    model: type[S], key: str, given: GivenValue, label: str, report: ProblemReport
) -> tuple[Built[S], ...]:
    """The entries of an array of tables; each is called by its `label` field, or its number, in problems."""
    if not isinstance(given.value, list) or not all(isinstance(entry, dict) for entry in given.value):
        remedy = f"Write [[{key}]] above each of its entries."
        report.add(ConfigCode.WRONG_TYPE, key, given.origin, "must be a list of tables", remedy)
        return ()
    return tuple(
        _build_entry(model, f"{key}[{entry_label(raw.get(label), number)}]", raw, given.origin, report)
        for number, raw in enumerate(given.value, start=1)
    )


def _build_entry(
    model: type[S], name: str, raw: Mapping[str, object], origin: Origin, report: ProblemReport
) -> Built[S]:
    said = {field: value for field, value in raw.items() if value != ""}
    entry, whole = _build(model, said, lambda field: (f"{name}.{field}", origin), report)
    return Built(name, entry, whole)


def entry_label(value: object, number: int) -> str:
    """What an entry is called in problems: its name, or its number counted from one."""
    return value if isinstance(value, str) and value else f"#{number}"


def _build(
    model: type[S], raw: Mapping[str, object], locate: Callable[[str], tuple[str, Origin]], report: ProblemReport
) -> tuple[S, bool]:
    """What is usable of `raw`, and whether nothing is lacking that it can't be without."""
    try:
        return model.model_validate(raw), True
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    for detail in details:
        key, origin = locate(str(detail["loc"][0]))
        code, message, remedy = _explain(model, detail)
        report.add(code, key, origin, message, remedy)
    bad = {str(detail["loc"][0]) for detail in details}
    lacking = [
        name for name, field in model.model_fields.items() if field.is_required() and (field.alias or name) in bad
    ]
    lenient = _without(model, lacking) if lacking else model
    return lenient.model_validate({name: value for name, value in raw.items() if name not in bad}), not lacking


def _without(model: type[S], lacking: Collection[str]) -> type[S]:
    """The model with None for what is lacking."""
    fields: dict[str, Any] = {
        name: (Any, Field(default=None, alias=model.model_fields[name].alias)) for name in lacking
    }
    return create_model(model.__name__, __base__=model, **fields)


def _explain(model: type[Section], detail: ErrorDetails) -> tuple[ConfigCode, str, str]:
    location = detail["loc"]
    if detail["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return ConfigCode.UNKNOWN_KEY, "is no setting", suggest(str(location[0]), known)
    context = detail.get("ctx", {})
    code, message, remedy = _WORDING.get(detail["type"], _OTHERWISE)
    item = f"entry {int(location[1]) + 1} " if len(location) > 1 else ""
    return context.get("code", code), item + message.format(**context), remedy.format(**context)

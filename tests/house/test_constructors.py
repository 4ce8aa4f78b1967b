"""What a class may be made of: data goes down, results come up (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from .source import Module, each_module, read_modules

MOST_PARAMETERS = 8
TIES_TO_THE_OUTSIDE = {"clock", "monotonic", "sleep", "new_run_id", "progress"}
"""The only callables that an object of the engine's may be given."""
GIVEN_ITS_WORK = {"engine/workers.py"}
"""A pool of threads is given what its threads do."""
MANY_PARAMETERS = {
    "TripleSeatState": 9,  # the sandbox's tables
}
"""The classes that have more, and how many. Neither list may grow."""
CALLABLE = re.compile(r"\bCallable\b|\bProgress\b")


class Constructor(NamedTuple):
    """A class and its parameters, each with its annotation as text. `is_record`: frozen data."""

    name: str
    parameters: dict[str, str]
    is_record: bool


def constructors(module: Module) -> Iterator[Constructor]:
    for node in module.nodes:
        if isinstance(node, ast.ClassDef):
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            yield Constructor(node.name, parameters_of(node, decorators), "frozen=True" in decorators)


def parameters_of(node: ast.ClassDef, decorators: str) -> dict[str, str]:
    init = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
    if init:
        given = [*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs][1:]
        return {each.arg: ast.unparse(each.annotation) if each.annotation else "" for each in given}
    if "dataclass" not in decorators:
        return {}
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign) and not is_set_later(each)]
    return {each.target.id: ast.unparse(each.annotation) for each in fields if isinstance(each.target, ast.Name)}


def is_set_later(field: ast.AnnAssign) -> bool:
    return field.value is not None and "init=False" in ast.unparse(field.value)


@each_module
def test_nothing_in_the_engine_is_made_of_callables(module: Module) -> None:
    if module.room != "engine" or module.name in GIVEN_ITS_WORK:
        return
    for each in constructors(module):
        called = {name for name, annotation in each.parameters.items() if CALLABLE.search(annotation)}
        assert called <= TIES_TO_THE_OUTSIDE, f"{module.name}, {each.name}: pass a value down, or return a result"


@each_module
def test_no_constructor_has_many_parameters(module: Module) -> None:
    for each in constructors(module):
        if not each.is_record:
            most = MANY_PARAMETERS.get(each.name, MOST_PARAMETERS)
            assert len(each.parameters) <= most, f"{module.name}, {each.name}: group what belongs together"


@each_module
def test_exceptions_live_in_errors(module: Module) -> None:
    if module.name == "errors.py" or module.room == "sandbox":  # which imports nothing of ours
        return
    classes = [each for each in module.nodes if isinstance(each, ast.ClassDef)]
    raised = [each.name for each in classes if exceptions() & {ast.unparse(base) for base in each.bases}]
    assert raised == [], f"{module.name}: exceptions live in errors.py"


def exceptions() -> set[str]:
    """The names of all exceptions of ours, and of what they derive from."""
    module = next(each for each in read_modules() if each.name == "errors.py")
    classes = [each for each in module.nodes if isinstance(each, ast.ClassDef)]
    enums = {each.name for each in classes if any("Enum" in ast.unparse(base) for base in each.bases)}
    return {"BaseException", "Exception", "RuntimeError", "ValueError"} | {each.name for each in classes} - enums


def test_these_checks_see_what_they_are_for() -> None:
    code = "@dataclass(slots=True)\nclass A:\n    tell: Callable[[str], None]\n    b: int = field(init=False)\n"
    (made,) = constructors(Module("engine/a.py", code, ast.parse(code)))
    assert made == Constructor("A", {"tell": "Callable[[str], None]"}, is_record=False)

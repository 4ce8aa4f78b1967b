"""The style budget: small functions, small modules, types and docstrings, the verbs of the story."""

from __future__ import annotations

import ast
import re
import sys
from functools import partial

from .source import ROOT, Function, Module, each_module, read_modules

LONGEST_FUNCTION = 60
LONGEST_MODULE = 600
FORBIDDEN_NAMES = re.compile(r"(^|_)(process|handle|manage|utils?|helpers?|common|misc|manager|handler)(_|$)")
NAMED_BY_LIBRARIES = {"handle_request", "handle_error", "handle_exit"}  # of httpx, socketserver and uvicorn
EXCEPTION_BOUNDARIES = {
    "engine/after_injection.py", "engine/catalogs.py", "engine/perform.py", "engine/prepare.py", "engine/work_queue.py",
    "engine/workers.py", "cli/boundary.py", "cli/options.py", "cli/notifications.py", "serve/worker.py",
}  # fmt: skip
FLOATS_FOR_THE_WIRE = {
    "revel/encode.py",  # Revel takes money as JSON numbers
    "config/sources.py",
    "config/value_types.py",  # requests per second
    "transport/api.py",  # seconds to wait
    "transport/client.py",
    "sandbox/app.py",  # a pretend Revel answers in floats, as the real one does
}


def length(function: Function) -> int:
    """Lines of a function without its decorators and its docstring."""
    doc = function.body[0] if ast.get_docstring(function) else None
    spared = (doc.end_lineno or 0) - doc.lineno + 1 if doc else 0
    return (function.end_lineno or 0) - function.lineno + 1 - spared


def public(name: str) -> bool:
    return not name.startswith("_")


@each_module
def test_no_function_is_long(module: Module) -> None:
    long = {each.name: length(each) for each in module.functions() if length(each) > LONGEST_FUNCTION}
    assert long == {}, f"{module.name}: split these, {LONGEST_FUNCTION} lines are the limit"


@each_module
def test_no_module_is_long(module: Module) -> None:
    lines = len(module.text.splitlines())
    assert lines <= LONGEST_MODULE, f"{module.name} has {lines} lines: split it"


@each_module
def test_everything_says_what_it_returns(module: Module) -> None:
    assert [each.name for each in module.functions() if each.returns is None] == []


@each_module
def test_names_are_verbs_of_the_story(module: Module) -> None:
    names = [each.name for each in module.functions()] + module.name.removesuffix(".py").split("/")
    assert [name for name in names if FORBIDDEN_NAMES.search(name) and name not in NAMED_BY_LIBRARIES] == []


@each_module
def test_no_module_is_named_after_a_standard_one(module: Module) -> None:
    parts = module.name.removesuffix(".py").split("/")
    assert [part for part in parts if part in sys.stdlib_module_names] == []


@each_module
def test_every_module_says_what_it_is_for(module: Module) -> None:
    assert ast.get_docstring(module.tree), f"{module.name} begins without a docstring"


@each_module
def test_every_public_class_says_what_it_is(module: Module) -> None:
    """Functions say what their signatures don't: that can't be counted."""
    nested = {id(inner) for each in module.functions() for inner in ast.walk(each) if inner is not each}
    hidden = {id(inner) for each in module.nodes if is_hidden_class(each) for inner in ast.walk(each)}
    told = [each for each in module.nodes if isinstance(each, ast.ClassDef) and public(each.name)]
    silent = [each.name for each in told if id(each) not in nested | hidden and not ast.get_docstring(each)]
    assert silent == []


def is_hidden_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and not public(node.name)


@each_module
def test_money_never_becomes_a_float(module: Module) -> None:
    if module.name in FLOATS_FOR_THE_WIRE:
        return
    calls = [each for each in module.nodes if isinstance(each, ast.Call)]
    made = [each.lineno for each in calls if isinstance(each.func, ast.Name) and each.func.id == "float"]
    assert made == [], f"{module.name}: money is Decimal or integer cents"


@each_module
def test_only_the_boundaries_catch_everything(module: Module) -> None:
    handlers = [each for each in module.nodes if isinstance(each, ast.ExceptHandler)]
    wide = [each.lineno for each in handlers if each.type is None or catches_everything(each.type)]
    assert len(wide) == (1 if module.name in EXCEPTION_BOUNDARIES else 0), f"{module.name}, lines {wide}"


def catches_everything(caught: ast.expr) -> bool:
    return any(isinstance(each, ast.Name) and each.id in {"Exception", "BaseException"} for each in ast.walk(caught))


@partial(each_module, folder=ROOT / "tests")
def test_tests_use_fakes_and_leave_nothing_out(module: Module) -> None:
    assert [name for name, _ in module.imports if name.startswith("unittest")] == []
    attributes = [each for each in module.nodes if isinstance(each, ast.Attribute)]
    leaving_out = {ast.unparse(each) for each in attributes if each.attr in {"skip", "skipif", "xfail"}}
    assert leaving_out & {"pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"} == set()


@each_module
def test_nothing_is_left_for_later(module: Module) -> None:
    assert re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b", module.text) == []


METAPHORS = {
    *(
        "till",
        "seat",
        "wares",
        "herald",
        "world",
        "manner",
        "speak",
        "fold",
        "standstill",
        "memory",
        "shelf",
        "desk",
        "crew",
    ),
    *("patient", "story", "gate", "pace", "callouts", "upkeep", "care", "seams", "books", "places", "paste"),
}


@each_module
def test_no_module_is_named_by_a_metaphor(module: Module) -> None:
    assert METAPHORS & set(module.name.removesuffix(".py").split("/")) == set()


def test_no_class_name_means_two_things() -> None:
    homes: dict[str, list[str]] = {}
    for module in read_modules():
        for node in module.nodes:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name.lstrip("_"), []).append(module.name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}

"""Sentences that people read: help, messages, findings and advice are in plain English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tsrevel.planning.reasons import Reason, Status, advise

from .source import SOURCE, Module, each_module, read_modules

FORBIDDEN = re.compile(
    r"event\(s\)|order\(s\)|line\(s\)|\b1 (?:events|orders|lines|names|problems)\b"
    r"|\boff a terminal\b|\bis done is done\b|nobody types|none is ever|must look at\b|be looked at\b|the till\b"
    r"|doesn't tell\b|can't be told\b(?! here)|\bare worked at\b|isn't kept\b|not kept\b|is mended?\b|\bmend\b|surely\b"
    r"|unable to parse|Input should be|let (?:me|us) in\b|hand over\b|hands? (?:it|them) out\b|whoever\b",
    re.IGNORECASE,
)
"""Phrases that read badly, and texts of libraries."""
RELATIVE_CLAUSE = re.compile(r"(?:^|[.:;] )(?:What|Whoever|Which|Whatever|Whose)\b(?! to do\b)[^?]*$")
OF_LIBRARIES = {"cli/app.py"}  # it replaces the texts of libraries
NOT_READ = {"sandbox"}


def read_by_people(module: Module) -> Iterator[tuple[int, str]]:
    """The texts of a module besides docstrings, one of each string: placeholders are left out."""
    docs = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
    parts = {id(part) for node in module.nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in module.nodes:
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | parts:
            yield node.lineno, node.value


@each_module
def test_no_sentence_reads_badly(module: Module) -> None:
    if module.room in NOT_READ or module.name in OF_LIBRARIES:
        return
    found = [(line, text) for line, text in read_by_people(module) if " " in text and FORBIDDEN.search(text)]
    assert found == []


@each_module
def test_no_sentence_begins_with_a_relative_clause(module: Module) -> None:
    if module.room in NOT_READ:
        return
    found = [(line, text) for line, text in read_by_people(module) if " " in text and RELATIVE_CLAUSE.search(text)]
    assert found == []


@each_module
def test_no_docstring_begins_with_a_relative_clause(module: Module) -> None:
    texts = [
        node.value.value
        for node in module.nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    assert [text for text in texts if re.match(r" ?(?:What|Whatever|Whoever|Which|Whose|Those|As)\b", text)] == []


def test_templates_read_well() -> None:
    templates = [path for path in SOURCE.rglob("templates/*") if path.suffix in {".html", ".txt"}]
    assert templates
    assert [path.name for path in templates if FORBIDDEN.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("text", ["3 event(s)", "1 events", "It can't be told.", "What is done is done."])
def test_the_phrases_are_found(text: str) -> None:
    assert FORBIDDEN.search(text) or RELATIVE_CLAUSE.search(text)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("status", Status)
def test_commands_in_advice_can_be_copied(reason: Reason, status: Status) -> None:
    commands = re.findall(r"`(tsrevel [^`]+)`", advise("777", status, reason))
    assert [each for each in commands if re.search(r"\{|\b(?:EVENT|ID|T|NOTE)\b", each)] == []


def test_the_rules_reach_every_room_that_speaks() -> None:
    rooms = {module.room for module in read_modules()}
    assert rooms >= NOT_READ | {"cli", "config", "doctor", "planning", "reconcile", "ledger", "notify"}

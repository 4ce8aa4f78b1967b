"""No decision reads a message: what code asks about has a code, so that any sentence may be reworded.

The check sees a text in `str(error)`, `error.args`, in attributes and keys such as `message` and `text`, and in what is
made of them inside one function. A text that a parameter brings is out of its sight.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from .source import Function, Module, each_module

TEXTS = {"args", "message", "remedy", "text", "why"}
"""Attributes and keys that hold sentences of ours."""
ERRORS = {"error", "problem", "refused"}
"""What errors are called where they aren't caught."""
ASKING = {
    *("startswith", "endswith", "partition", "rpartition", "split", "rsplit", "removeprefix", "removesuffix"),
    *("find", "rfind", "index", "rindex", "count"),
}
MATCHING = {"match", "fullmatch", "search", "findall", "finditer"}
SENTENCE = re.compile(r"[\w,'] [\w']")

ALLOWED = {
    "config/sources.py": 1,  # only the message of tomllib says where in the file it stopped
    "ledger/older_rows.py": 1,  # the sentences of stored rows, which never change
    "transport/client.py": 1,  # only the message of httpx says that a proxy wants a password
    "tripleseat/invoice.py": 1,  # words of TripleSeat's page
}


def find_readings(tree: ast.Module) -> list[int]:
    """The lines in which a text is asked what it says."""
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    return sorted({node.lineno for scope in (tree, *functions) for node in readings(list(own_nodes(scope)))})


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module or a function, without those of the functions in it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, Function):
            yield node
            yield from own_nodes(node)


def readings(nodes: list[ast.AST]) -> Iterator[ast.expr]:
    texts = Texts(nodes)
    for node in nodes:
        if isinstance(node, ast.Compare):
            operands = zip([node.left, *node.comparators], node.ops, node.comparators, strict=False)
            if any(texts.are_compared(*each) for each in operands):
                yield node
        elif isinstance(node, ast.Match) and texts.include(node.subject):
            yield node.subject
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and texts.are_asked(node, node.func):
            yield node


class Texts:
    """Which expressions of a function are messages."""

    def __init__(self, nodes: list[ast.AST]) -> None:
        self._errors = ERRORS | {each.name for each in nodes if isinstance(each, ast.ExceptHandler) and each.name}
        self._names: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value and self._give(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                self._names |= {each.id for each in targets if isinstance(each, ast.Name)}

    def include(self, node: ast.expr) -> bool:
        """Whether the expression is a message of an error, a text of ours, or made of one by a method."""
        match node:
            case ast.Name(name):
                return name in self._names
            case ast.Attribute(_, name) if name in TEXTS:
                return True
            case ast.Subscript(_, ast.Constant(key)) if key in TEXTS:
                return True
            case ast.Call(ast.Name("str"), [ast.Name(name)]):
                return name in self._errors
            case ast.Call(ast.Attribute(_, "get"), [ast.Constant(key), *_]):
                return key in TEXTS
            case ast.Call(ast.Attribute(owner, _)) | ast.Subscript(owner, _):
                return self.include(owner)
            case ast.BoolOp(_, values):
                return any(map(self.include, values))
            case ast.IfExp(_, one, other):
                return self.include(one) or self.include(other)
            case _:
                return False

    def are_compared(self, left: ast.expr, by: ast.cmpop, right: ast.expr) -> bool:
        """Whether a text is looked at for what it says, or compared with a sentence."""
        if isinstance(by, ast.In | ast.NotIn):
            return self.include(right) or is_sentence(left) or (self.include(left) and any_literal(right))
        if isinstance(by, ast.Eq | ast.NotEq):
            told = any(self.include(one) and is_literal(other) for one, other in ((left, right), (right, left)))
            return told or is_sentence(left) or is_sentence(right)
        return False

    def are_asked(self, call: ast.Call, method: ast.Attribute) -> bool:
        """Whether a method or a pattern looks into a text, or for a sentence. `split()` by blanks reads nothing."""
        if method.attr in MATCHING:
            return any(map(self.include, call.args))
        asks = method.attr in ASKING and bool(call.args)
        return asks and (self.include(method.value) or any(map(is_sentence, call.args)))

    def _give(self, value: ast.expr) -> bool:
        chosen = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "next"
        parts = ast.walk(value) if chosen else [value]
        return any(isinstance(each, ast.expr) and self.include(each) for each in parts)


def is_literal(node: ast.AST) -> bool:
    """Whether it is a text that stands in the source; the empty one says nothing."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and bool(node.value))


def any_literal(node: ast.expr) -> bool:
    return any(map(is_literal, ast.walk(node)))


def is_sentence(node: ast.expr) -> bool:
    told = isinstance(node, ast.Constant | ast.JoinedStr)
    parts = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return told and any(isinstance(each, str) and SENTENCE.search(each) for each in parts)


@each_module
def test_no_decision_reads_a_message(module: Module) -> None:
    found = find_readings(module.tree)
    allowed = ALLOWED.get(module.name, 0)
    assert len(found) <= allowed, f"{module.name}, lines {found}: give it a code where it arises, and ask for that"


@pytest.mark.parametrize(
    "code",
    [
        "'an HTML page' in str(error)",
        "WORD in str(error).lower()",
        "str(error).startswith('no ')",
        "error.args[0] == 'gone'",
        "'gone' in error.args",
        "problem.message.endswith('set')",
        "outcome.text != f'Revel order {outcome.order_id}'",
        "outcome.text in {'one', 'other'}",
        "answer == 'it is gone'",
        "'it is gone' in answer",
        "said.startswith('it is ')",
        "(record.text or '').partition(': ')",
        "fact.detail['text'].endswith(MADE)",
        "fact.detail.get('text').endswith(MADE)",
        "re.search('gone', finding.text)",
        "PATTERN.fullmatch(str(error))",
        "(error.message if error else '') == 'gone'",
        "match error.message:\n    case 'gone': pass",
        "try:\n    pass\nexcept OSError as what:\n    gone = 'gone' in str(what)",
        "def look(error):\n    told = str(error)\n    return told == 'gone'",
        "def look(facts):\n    told = next((each.text for each in facts), MADE)\n    return told.endswith(MADE)",
    ],
)
def test_a_message_that_is_read_is_found(code: str) -> None:
    assert find_readings(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "error.reason is Reason.GONE",
        "record.state == 'disputed'",
        "outcome.text or 'nothing'",
        "outcome.text == ''",
        "one.text == other.text",
        "' '.join(str(error).split())",
        "log.warning('it failed: %s', error)",
        "f'it failed: {error}'",
        "path.name.startswith('.')",
        "'text' in fact.detail",
        "def one(error):\n    told = str(error)\n    return told\ndef other(told):\n    return told == 'gone'",
    ],
)
def test_what_asks_for_a_code_or_shows_a_message_is_left_alone(code: str) -> None:
    assert find_readings(ast.parse(code)) == []

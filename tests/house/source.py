"""The product's own source as data, for tests that read it instead of running it."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tsrevel"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One source file. `name` is its path below the package, such as "engine/run.py"."""

    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The folder, or the module's own name where it stands in none."""
        return self.name.partition("/")[0].removesuffix(".py")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the tree."""
        return tuple(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        return (node for node in self.nodes if isinstance(node, Function))

    @cached_property
    def imports(self) -> tuple[tuple[str, bool], ...]:
        """Every imported module, and whether that happens as soon as this one is imported."""
        return tuple(self._find_imports())

    def _find_imports(self) -> Iterator[tuple[str, bool]]:
        later = (node for node in self.nodes if isinstance(node, Function) or _for_types(node))
        lazy = {id(inner) for node in later for inner in ast.walk(node)}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((each.name, id(node) not in lazy) for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", id(node) not in lazy


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@cache
def read_modules(folder: Path = SOURCE) -> tuple[Module, ...]:
    """Every Python file below `folder`."""
    paths = sorted(folder.rglob("*.py"))
    texts = [(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")) for path in paths]
    return tuple(Module(name, text, ast.parse(text)) for name, text in texts)


def project_files() -> list[Path]:
    """Every file that the source archive holds, so that it needs no version control. Not what tools left in folders."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    held = ["pyproject.toml", ".gitignore", *settings["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]]
    found = (path for name in held for path in (ROOT / name, *sorted((ROOT / name).rglob("*"))))
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def each_module(check: Callable[[Module], None], folder: Path = SOURCE) -> Callable[[], None]:
    """One test of all source files: it ends at the first that fails, which its message names."""

    def test() -> None:
        for module in read_modules(folder):
            try:
                check(module)
            except AssertionError as error:
                error.add_note(f"in {module.name}")
                raise

    test.__name__, test.__doc__ = check.__name__, check.__doc__
    return test

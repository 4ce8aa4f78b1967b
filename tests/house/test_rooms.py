"""Which room may know what: imports, SQL, the network, the clock."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

from .source import ROOT, Module, each_module

SQL = re.compile(
    r"\s*(SELECT\s.+\sFROM\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s|CREATE\s+TABLE)",
    re.IGNORECASE | re.DOTALL,
)
SANDBOX_COMMANDS = {"cli/sandbox.py"}
NOT_FOR_PLANNING = {"time.time", "time.monotonic", "datetime.now", "date.today", "datetime.utcnow", "open", "print"}


def test_imports_keep_their_contracts() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run([*command, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@each_module
def test_sql_is_spoken_in_the_ledger_alone(module: Module) -> None:
    if module.room == "ledger":
        return
    texts = [each.value for each in module.nodes if isinstance(each, ast.Constant)]
    assert [text for text in texts if isinstance(text, str) and SQL.match(text)] == []
    assert "sqlite3" not in {name for name, _ in module.imports}


@each_module
def test_httpx_is_at_hand_in_transport_alone(module: Module) -> None:
    if module.name != "transport/client.py":
        assert [name for name, at_once in module.imports if name.startswith("httpx") and at_once] == []


@each_module
def test_records_are_frozen_slotted_dataclasses(module: Module) -> None:
    """A dataclass is a record that never changes, or a working object that says `slots=True` and hides its state."""
    if module.room == "sandbox":
        return
    assert "msgspec" not in {name.partition(".")[0] for name, _ in module.imports}
    calls = [ast.unparse(node) for node in module.nodes if isinstance(node, ast.Call)]
    loose = [call for call in calls if re.match(r"(dataclasses\.)?dataclass\(", call) and "slots=True" not in call]
    assert loose == []


@each_module
def test_imports_stand_at_the_top_below_the_command_line(module: Module) -> None:
    """Only a command imports what carries it out when it runs.

    SendGrid's library is loaded when a mail is due, and selectolax, an extra, when an invoice page is read.
    """
    if module.room not in {"cli", "sandbox"}:
        later = {name.partition(".")[0] for name, at_once in module.imports if not at_once}
        assert later - {"sendgrid", "selectolax"} == set()


@each_module
def test_the_sandbox_is_for_two_commands_and_only_when_they_run(module: Module) -> None:
    if module.room == "sandbox":
        return
    imported = [at_once for name, at_once in module.imports if name.startswith("tsrevel.sandbox")]
    assert True not in imported
    assert not imported or module.name in SANDBOX_COMMANDS


@each_module
def test_the_sandbox_imports_nothing_of_ours(module: Module) -> None:
    if module.room == "sandbox":
        ours = [name for name, _ in module.imports if name.startswith("tsrevel")]
        assert [name for name in ours if not name.startswith("tsrevel.sandbox")] == []


@each_module
def test_planning_reaches_for_nothing(module: Module) -> None:
    if module.room == "planning":
        called = {ast.unparse(each.func) for each in module.nodes if isinstance(each, ast.Call)}
        assert called & NOT_FOR_PLANNING == set()


def test_the_ledger_has_every_name_that_it_offers() -> None:
    from tsrevel import ledger

    assert [name for name in ledger.__all__ if not hasattr(ledger, name)] == []

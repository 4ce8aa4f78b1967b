"""The README's ways to wire a webhook receiver to tsrevel do what they say, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ..webhook.sign import KEY, sign
from ..world import World
from .bench import PATIENCE, ROOT, execute, served_world, tsrevel_in_shell
from .test_processes import FULL, assert_whole

pytestmark = pytest.mark.real_process

WEBHOOKS = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Webhooks\n")[2].partition("\n## ")[0]


def read_recipe(language: str, number: int = 0) -> str:
    """A code block of the README's section about webhooks."""
    return str(re.findall(rf"^```{language}\n(.*?)^```$", WEBHOOKS, re.MULTILINE | re.DOTALL)[number])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[World]:
    """Both services on loopback, a live config with a signing key, and `tsrevel` found by its name."""
    with served_world(tmp_path, "full") as world:
        world.config["tripleseat"]["webhook_signing_keys"] = [KEY]
        world.write_config()
        tool = tmp_path / "bin" / "tsrevel"
        tool.parent.mkdir()
        tool.write_text(f'#!/bin/sh\nexec {tsrevel_in_shell()} "$@" --config {tmp_path / "config.toml"}\n')
        tool.chmod(0o755)
        yield world


def deliver(world: World) -> bytes:
    body = {"webhook_trigger_type": "UPDATE_EVENT", "event": world.tripleseat.event(FULL)}
    return json.dumps(body).encode()


def call_script(world: World, script: str, body: bytes, signature: str | None) -> str:
    """What a CGI script answers."""
    environ = {"PATH": f"{world.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(world.folder)}
    environ |= {"PYTHONPATH": str(ROOT / "src")} | ({"HTTP_X_SIGNATURE": signature} if signature else {})
    command = ["sh", "-c", script]
    ran = subprocess.run(command, input=body, env=environ, capture_output=True, check=True, timeout=PATIENCE)
    return ran.stdout.decode()


def test_what_the_spool_handler_keeps_is_replayed_and_archived(served: World) -> None:
    spool, body = served.folder / "spool", deliver(served)
    spool.mkdir()
    script = read_recipe("sh").replace("/var/spool/tsrevel", str(spool))
    assert call_script(served, script, body, sign(body)) == "Status: 200 OK\r\n\r\n"
    assert sorted(path.suffix for path in spool.iterdir()) == [".json", ".sig"]
    config = ["--config", str(served.folder / "config.toml")]
    ran = execute("replay", str(spool), "--archive", str(spool / "done"), *config)
    assert (ran.status, ran.err) == (0, "")
    assert_whole(served)
    assert [path.name for path in spool.iterdir()] == ["done"]
    assert len(list((spool / "done").iterdir())) == 2


def test_a_spool_that_can_not_be_written_asks_for_another_delivery(served: World) -> None:
    script = read_recipe("sh").replace("/var/spool/tsrevel", str(served.folder / "nowhere"))
    assert call_script(served, script, b"{}", "t=1").startswith("Status: 503")


@pytest.mark.parametrize(
    ("signed", "revel_is_up", "status"), [(True, True, "200"), (False, True, "200"), (True, False, "503")]
)
def test_the_hook_runner_asks_for_another_delivery_only_where_that_helps(
    served: World, signed: bool, revel_is_up: bool, status: str
) -> None:
    body = deliver(served)
    if not revel_is_up:
        served.revel.faults.add("status", "GET", "/resources/", times=None, status=503)
    script = read_recipe("sh", 1).replace("/var/log/tsrevel-hook.log", str(served.folder / "hook.log"))
    answer = call_script(served, script, body, sign(body) if signed else None)
    assert answer.startswith(f"Status: {status}")
    if signed and revel_is_up:
        assert_whole(served)


@pytest.mark.parametrize("revel_is_up", [True, False])
def test_the_queue_consumer_acknowledges_what_is_dealt_with(
    served: World, monkeypatch: pytest.MonkeyPatch, revel_is_up: bool
) -> None:
    monkeypatch.setenv("PATH", f"{served.folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    if not revel_is_up:
        served.revel.faults.add("status", "GET", "/resources/", times=None, status=503)
    room: dict[str, Any] = {"json": json, "subprocess": subprocess}
    exec(read_recipe("python"), room)  # noqa: S102 (the README's own code)
    body = deliver(served)
    acknowledged: list[bool] = []
    room["consume"](
        SimpleNamespace(body=body, headers={"X-Signature": sign(body)}, ack=lambda: acknowledged.append(True))
    )
    assert acknowledged == ([True] if revel_is_up else [])

"""The recipes of docs/webhooks.md do what they say, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..webhook.sign import KEY, sign
from ..world import World
from .bench import PATIENCE, ROOT, execute, served_world, tsrevel_in_shell
from .test_processes import FULL, assert_whole

pytestmark = pytest.mark.real_process

WEBHOOKS = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")


def read_recipe(language: str, number: int = 0) -> str:
    """A code block of the page."""
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
    script = read_recipe("sh", 2).replace("/var/spool/tsrevel", str(spool))
    assert call_script(served, script, body, sign(body)) == "Status: 200 OK\r\n\r\n"
    assert sorted(path.suffix for path in spool.iterdir()) == [".json", ".sig"]
    config = ["--config", str(served.folder / "config.toml")]
    ran = execute("replay", str(spool), "--archive", str(spool / "done"), *config)
    assert (ran.status, ran.err) == (0, "")
    assert_whole(served)
    assert [path.name for path in spool.iterdir()] == ["done"]
    assert len(list((spool / "done").iterdir())) == 2


def test_a_spool_that_can_not_be_written_asks_for_another_delivery(served: World) -> None:
    script = read_recipe("sh", 2).replace("/var/spool/tsrevel", str(served.folder / "nowhere"))
    assert call_script(served, script, b"{}", "t=1").startswith("Status: 503")


def test_the_openssl_line_signs_as_tripleseat_does(tmp_path: Path) -> None:
    lines = read_recipe("sh", 1).replace(
        "curl -sS --data-binary @- -H", f"{tsrevel_in_shell()} verify-signature - --signature"
    )
    script = lines.replace('"X-Signature: t=', '"t=').replace("http://127.0.0.1:8080/webhook", "")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    environ |= {"TRIPLESEAT_WEBHOOK_SIGNING_KEY": "invented-signing-key", "TSREVEL_LEDGER__PATH": str(tmp_path / "l")}
    ran = subprocess.run(
        ["sh", "-c", script], env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (ran.returncode, ran.stderr) == (0, "")

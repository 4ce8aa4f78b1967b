"""`sandbox --write-config` overwrites what a sandbox wrote and nothing else; its mappings stay its own."""

from __future__ import annotations

import os
import signal
import tomllib
from pathlib import Path

import pytest

from .bench import Ran, Shell, execute, finish, start

pytestmark = pytest.mark.real_process

SERVED = '{"schema"'
PRODUCTION = 'environment = "production"\n'


def write_config(path: Path) -> Ran:
    """Serve a sandbox until it has told where it is."""
    process = start("sandbox", "--json", "--write-config", str(path))
    assert process.stdout is not None
    line = process.stdout.readline()
    if line.startswith(SERVED) and process.poll() is None:
        process.send_signal(signal.SIGINT)
    ran = finish(process)
    return Ran(ran.status, line + ran.out, ran.err)


def test_settings_that_a_sandbox_wrote_are_written_again(tmp_path: Path) -> None:
    path = tmp_path / "try.toml"
    assert write_config(path).status == 130
    first = path.read_text()
    assert write_config(path).status == 130
    assert path.read_text() != first
    assert tomllib.loads(path.read_text())["environment"] == "sandbox"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [PRODUCTION, "", "a letter", 'environment = "sandbox"\n'])
def test_a_file_that_no_sandbox_wrote_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    ran = execute("sandbox", "--json", "--write-config", str(path))
    assert (ran.status, path.read_text()) == (10, content)
    assert "a sandbox didn't write it" in ran.answer["error"]


@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "a link that leads nowhere"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.toml"
    match kind:
        case "a named pipe":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case _:
            path.symlink_to("nowhere")
    ran = execute("sandbox", "--write-config", str(path))
    assert ran.status == 2
    assert kind in ran.err.replace("\n", " ")
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]


def test_a_product_that_is_mapped_in_the_sandbox_is_not_mapped_in_production(shell: Shell, tmp_path: Path) -> None:
    config = shell.write_config()
    (tmp_path / "production.toml").write_text(PRODUCTION)
    ran = shell.run("map", "set", "Cake", "8107", "--establishment", "8", "--offline", "--config", str(config))
    assert (ran.status, "config.mappings.toml" in ran.out) == (0, True)
    assert not (tmp_path / "mappings.toml").exists()
    told = shell.run("map", "list", "--offline", "--json", "--config", str(config)).answer
    assert [each["product"] for each in told["mappings"]] == ["8107"]

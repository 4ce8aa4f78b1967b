"""`sandbox --write-config` overwrites what a sandbox wrote and nothing else; its mappings stay its own."""

from __future__ import annotations

import os
import signal
import tomllib
from pathlib import Path
from urllib.request import urlopen

import pytest
import tomlkit

from ..ports import free_port
from .bench import Ran, Shell, execute, finish, first_line, start

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


def test_a_sandbox_says_how_to_try_the_login_and_a_stopped_one_that_it_has_stopped(tmp_path: Path) -> None:
    path = tmp_path / "try it.toml"
    port = str(free_port())
    process = start("sandbox", "--write-config", str(path), "--login-port", port)
    tip = first_line(process, "stderr", "login").strip()
    assert tip == f"tsrevel login --config '{path}' --port {port}   (a rehearsal)"
    login = start("login", "--config", str(path), "--port", port)
    with urlopen(first_line(login, "stdout", "http").strip()) as page:  # noqa: S310 (on loopback)
        assert "Received" in page.read().decode()
    assert finish(login).status == 0
    process.send_signal(signal.SIGINT)
    served = finish(process)
    assert served.err.splitlines()[-1] == "tsrevel: interrupted; the sandbox is stopped, and everything in it is gone"
    for argv in (["sync"], ["doctor"], ["login", "--status"], ["sync"]):
        ran = execute(*argv, "--config", str(path))
        said = ran.out + ran.err
        assert ran.status in {10, 12}
        assert ("the sandbox that wrote it isn't running" in said, "an admin user" in said) == (True, False)
    token = tmp_path / "token.json"
    token.write_text('{"access_token": "a", "refresh_token": "b", "expires_at": 4000000000}')
    settings = tomllib.loads(path.read_text())
    path.write_text(tomlkit.dumps(settings | {"tripleseat": settings["tripleseat"] | {"token_file": str(token)}}))
    ran = execute("sync", "--config", str(path))
    assert (ran.status, "check that the sandbox runs" in ran.err) == (13, True)


@pytest.mark.parametrize("content", [PRODUCTION, "", "a letter", 'environment = "sandbox"\n'])
def test_a_file_that_no_sandbox_wrote_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(content)
    ran = execute("sandbox", "--json", "--write-config", str(path))
    assert (ran.status, path.read_text()) == (10, content)
    assert "isn't a sandbox's settings file" in ran.answer["error"]


@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "a broken link"])
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

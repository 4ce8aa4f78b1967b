"""The README's commands for the sandbox do what they say, typed as they stand there in two terminals."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from .bench import PATIENCE, ROOT, first_line, start, tsrevel_in_shell

pytestmark = pytest.mark.real_process
PLAY = (ROOT / "README.md").read_text(encoding="utf-8").partition("**Play on.**")[2].partition("\n## ")[0]


def test_the_commands_for_the_sandbox_work_as_they_stand(tmp_path: Path) -> None:
    first, second = re.findall(r"^```sh\n(.*?)^```", PLAY, re.MULTILINE | re.DOTALL)
    activate = "source .venv/bin/activate\n"
    assert first == f"{activate}tsrevel sandbox --write-config try.toml\n"
    config = tmp_path / "try.toml"
    first_line(start("sandbox", "--write-config", str(config)), "stderr", "Serving")
    tool = tmp_path / "bin" / "tsrevel"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {tsrevel_in_shell()} "$@"\n')
    tool.chmod(0o755)
    environ = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(
        ["sh", "-c", second.removeprefix(activate)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.stderr == ""
    assert re.findall(r"\d+ events?: [^;\n]*", ran.stdout)[:3] == [
        "7 events: 3 orders planned (1,280.23), 1 held, 1 missed, 2 with nothing to do",
        "7 events: 3 orders made (1,280.23), 1 held, 1 missed, 2 with nothing to do",
        "1 event: 1 order made (124.00)",
    ]
    assert (tmp_path / "page.html").is_file()
    assert len(re.findall(r"tsrevel sync --config \S*try\.toml$", ran.stdout, re.MULTILINE)) == 3

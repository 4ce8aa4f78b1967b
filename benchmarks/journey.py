"""Counts the calls, the changes of file, and tsrevel's frames on the stack at a write, for one event.

`sync` runs in this process over loopback, with one event of five lines, under a profile hook. It counts calls of
functions below `src/tsrevel/`, except the sandbox's.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import tsrevel
from benchmarks.place import install
from benchmarks.report import Goal, print_table
from tsrevel.cli.app import run_command
from tsrevel.cli.context import CliContext

LINES = 5
MOST_FRAMES, MOST_CHANGES = 20, 800
_HOME = str(Path(tsrevel.__file__).parent)
_SANDBOX = f"{_HOME}/sandbox/"


@dataclass(slots=True)
class _Journey:
    """The hook's counts. `deepest`: the most frames of tsrevel on the stack at a write."""

    calls: int = 0
    changes: int = 0
    deepest: int = 0
    writes: int = 0
    functions: set[tuple[str, int]] = field(default_factory=set)
    last: str = ""

    @property
    def files(self) -> int:
        """How many files had calls."""
        return len({file for file, _ in self.functions})

    def watch(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count one call. This is the profile hook."""
        if event != "call":
            return
        code = frame.f_code
        if _is_own(code.co_filename):
            self.calls += 1
            self.changes += code.co_filename != self.last
            self.last = code.co_filename
            self.functions.add((code.co_filename, code.co_firstlineno))
        elif code.co_name == "send" and code.co_filename.endswith("httpx/_client.py"):
            request = frame.f_locals.get("request")
            if getattr(request, "method", "GET") != "GET":
                self.writes += 1
                self.deepest = max(self.deepest, _own_frames(frame))


def measure_journey() -> list[Goal]:
    """Print the table, and return the goals."""
    with install(1, products=200) as installation:
        installation.add_events(1, LINES)
        journey, out = _Journey(), io.StringIO()
        argv = ["sync", "--json", "--config", str(installation.config)]
        sys.setprofile(journey.watch)
        try:
            status = run_command(argv, CliContext(environ=installation.environ, stdout=out, stderr=io.StringIO()))
        finally:
            sys.setprofile(None)
        if status or len(installation.till.orders) != 1:
            raise RuntimeError(f"the event did not become one order: {out.getvalue()}")
    figures = [journey.calls, len(journey.functions), journey.files, journey.changes, journey.writes, journey.deepest]
    head = ["", "calls", "functions", "files", "changes of file", "writes", "frames at a write"]
    print_table("One event of five lines, from `sync` to its finished order", head, [["sync", *map(str, figures)]])
    return [
        Goal("own frames on the stack when a write is sent", journey.deepest, MOST_FRAMES),
        Goal("changes of file", journey.changes, MOST_CHANGES),
    ]


def _is_own(file: str) -> bool:
    return file.startswith(_HOME) and not file.startswith(_SANDBOX)


def _own_frames(frame: FrameType | None) -> int:
    count = 0
    while frame:
        count += _is_own(frame.f_code.co_filename)
        frame = frame.f_back
    return count

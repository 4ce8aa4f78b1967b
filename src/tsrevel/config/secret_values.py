"""Secrets: given plainly, in a file, or printed by a command. What they hold is never shown, nor are their sources:
a secret pasted into the wrong key is still a secret.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tsrevel.config.keys import GIVABLE, SECRETS, VARIANTS
from tsrevel.config.kinds import Kind
from tsrevel.config.paths import PathProblem, read_path
from tsrevel.config.report import Given, Layer, Report
from tsrevel.encoding import decode_text, trim
from tsrevel.files import read_regular
from tsrevel.secrecy import Secret

COMMAND_SECONDS = 10
LARGEST_SECRET = 64 * 1024
"""Bytes of a file that holds a secret, or of what a command prints: no secret is longer."""
_LOOK_SECONDS = 0.005
_SENT_IN_HEADERS = frozenset({"revel.api_key", "revel.api_secret", "tripleseat.public_key", "email.api_key"})
"""These go out in the head of a request, which takes ASCII alone."""
NOT_FOUND = "couldn't be found"


@dataclass(frozen=True, slots=True, repr=False)
class CommandResult(Secret):
    """What a secret's command printed, or `failure`: why it printed nothing usable."""

    output: str = ""
    failure: str = ""


CommandRunner = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs a command (its words, its environment). The seam for tests."""


def run_command(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
    """Run `words` without a shell, with `environ` and no input, for ten seconds at most.

    What the command has printed by its own end counts: a child that it leaves behind, an agent say, isn't waited for.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the operator's own command, taken from their settings)
            list(words),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
    except FileNotFoundError:
        return CommandResult(failure=NOT_FOUND)
    except (OSError, ValueError):
        return CommandResult(failure="couldn't be run")
    with process:
        output = _read_output(process)
        if process.returncode is None:
            process.kill()
            slow = f"took longer than {COMMAND_SECONDS} seconds"
            long = f"printed more than {LARGEST_SECRET} bytes" if len(output) > LARGEST_SECRET else slow
            return CommandResult(failure=long)
    if process.returncode < 0:
        return CommandResult(failure=f"was ended by signal {-process.returncode}")
    if process.returncode:
        return CommandResult(failure=f"failed with status {process.returncode}")
    try:
        return CommandResult(output=trim(decode_text(output)))
    except ValueError as error:
        return CommandResult(failure=f"printed {error}")


def _read_output(process: subprocess.Popen[bytes]) -> bytes:
    """What the process prints until it ends; where that lasts too long, or gets too long, it hasn't ended yet."""
    stream, output = process.stdout, b""
    if stream is None:
        return output
    os.set_blocking(stream.fileno(), False)
    deadline = time.monotonic() + COMMAND_SECONDS
    while len(output) <= LARGEST_SECRET and time.monotonic() < deadline:
        ended = process.poll() is not None  # asked first: what it printed before its end is in the pipe by then
        output += _drain(stream)
        if ended:
            return output
        time.sleep(_LOOK_SECONDS)
    return output


def _drain(stream: IO[bytes]) -> bytes:
    """What is in the pipe now."""
    found = b""
    while len(found) <= LARGEST_SECRET and (piece := stream.read(LARGEST_SECRET)):
        found += piece
    return found


@dataclass(frozen=True, slots=True, repr=False)
class SecretReader(Secret):
    """Turns the three ways of giving a secret into its value; each file is read and each command run once a load."""

    environ: Mapping[str, str]
    folder: Path | None
    run: CommandRunner
    report: Report

    def read_all(self, layers: Sequence[Layer]) -> Layer:
        """Every secret that a layer gives, by its plain key; the last layer that gives one in any way wins.

        Where that way is a file or a command, an empty value stands under the key of the way, with its origin.
        """
        found: Layer = {}
        for key in SECRETS:
            way, given = self._read(key, layers)
            if given is not None:
                found |= {way: Given("", given.origin), key: given}
        return found

    def _read(self, key: str, layers: Sequence[Layer]) -> tuple[str, Given | None]:
        chosen: tuple[str, Given] | None = None
        for layer in layers:
            said = {way: _trim(layer[way]) if way == key else layer[way] for way in _ways(key) if way in layer}
            ways = [(way, given) for way, given in said.items() if given.value not in ("", [])]
            chosen = ways[0] if ways else chosen
            if len(ways) > 1:
                names = " and ".join(way.rpartition(".")[2] for way, _ in ways)
                self.report.add(key, ways[0][1].origin, f"is given more than once: {names}", "Keep one of them.")
        if chosen is None or self.report.spoils(key):
            return key, None
        return chosen[0], self._open(key, *chosen)

    def _open(self, key: str, way: str, given: Given) -> Given | None:
        if way == key:
            return self._check(key, key, given)
        if not isinstance(given.value, str):
            self.report.add(way, given.origin, "must be text", "Write it in quotes.")
            return None
        text = self._read_file(way, given) if way.endswith("_file") else self._run(way, given)
        lines = [bare for line in re.split(r"[\r\n]+", text or "") if (bare := trim(line))]
        if text is not None and not lines:
            self.report.add(way, given.origin, "leads to an empty secret", "Put the secret there.")
        if not lines:
            return None
        return self._check(key, way, Given(lines if GIVABLE[key] is Kind.SECRETS else lines[0], given.origin))

    def _check(self, key: str, way: str, given: Given) -> Given | None:
        """The secret, unless it holds what can't be part of it: then it would be refused for ever, without a reason."""
        values = given.value if isinstance(given.value, list) else [given.value]
        texts = [each for each in values if isinstance(each, str)]
        if key in _SENT_IN_HEADERS and not all(text.isascii() and text.isprintable() for text in texts):
            message, remedy = "holds a character that no key has", "Copy it once more, as plain ASCII on one line."
        elif any(sign in text for text in texts for sign in "\r\n\t\0"):
            message, remedy = "holds a tab or an end of line", "Write it on one line."
        else:
            return given
        self.report.add(way, given.origin, message, remedy)
        return None

    def _read_file(self, way: str, given: Given) -> str | None:
        path = read_path(str(given.value), self.environ, self.folder)
        if isinstance(path, PathProblem):
            self.report.add(way, given.origin, path.message, path.remedy)
            return None
        try:
            data = read_regular(path, LARGEST_SECRET)
        except FileNotFoundError:
            self.report.add(way, given.origin, "names a file that isn't there", "Name the file that holds the secret.")
            return None
        except (OSError, ValueError):  # ValueError: a NUL in the path
            self.report.add(
                way, given.origin, "names a file that can't be read", "Let this user read it: a regular file."
            )
            return None
        try:
            return decode_text(data)
        except ValueError as error:
            self.report.add(
                way, given.origin, f"names a file that can't be read: it holds {error}", "Save it as UTF-8 text."
            )
            return None

    def _run(self, way: str, given: Given) -> str | None:
        try:
            words = shlex.split(str(given.value))
        except ValueError:
            self.report.add(way, given.origin, "isn't a command line: a quote is open", "Close the quote.")
            return None
        result = self.run(words, self.environ) if words else CommandResult(failure="is blank")
        if result.failure:
            self.report.add(way, given.origin, f"is a command that {result.failure}", "Run it by hand as this user.")
            return None
        return result.output


def _trim(given: Given) -> Given:
    """The same without blanks round it, or round each of a list."""
    value = given.value
    if isinstance(value, list):
        return Given([trim(each) if isinstance(each, str) else each for each in value], given.origin)
    return Given(trim(value), given.origin) if isinstance(value, str) else given


def _ways(key: str) -> list[str]:
    return [key, *(key + variant for variant in VARIANTS)]

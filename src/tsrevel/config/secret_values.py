"""Reads secrets: plain, from a file, or printed by a command. Neither they nor their sources are ever shown,
because a secret may be pasted into the wrong key.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tsrevel.config.paths import PathProblem, read_command, read_path
from tsrevel.config.problems import GivenValue, Layer, ProblemReport
from tsrevel.config.settings import GIVABLE, MASK, SECRETS, VARIANTS
from tsrevel.config.value_types import ValueKind
from tsrevel.errors import ConfigCode
from tsrevel.files import read_regular
from tsrevel.redaction import Secret
from tsrevel.text import decode_text, trim

COMMAND_SECONDS = 10
LARGEST_SECRET = 64 * 1024
"""Bytes of a secret's file, or of a command's output: no secret is longer."""
_LOOK_SECONDS = 0.005
_SENT_IN_HEADERS = frozenset(
    {"revel.api_key", "revel.api_secret", "tripleseat.public_key", "email.api_key", "serve.token"}
)
"""These are sent in a request's head, which takes only ASCII."""


class CommandFailure(StrEnum):
    """Why a command printed nothing usable."""

    NOT_FOUND = "NOT_FOUND"
    NOT_STARTED = "NOT_STARTED"
    TIMED_OUT = "TIMED_OUT"
    TOO_LONG = "TOO_LONG"
    SIGNALLED = "SIGNALLED"
    EXIT_STATUS = "EXIT_STATUS"
    NOT_TEXT = "NOT_TEXT"


@dataclass(frozen=True, slots=True, repr=False)
class CommandResult(Secret):
    """A command's output, or `failure`: why it is unusable. `text` is the reason in words: "failed with status 3"."""

    output: str = ""
    failure: CommandFailure | None = None
    text: str = ""


CommandRunner = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs a command (its words, its environment). Tests replace it."""


def run_command(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
    """Run `words` without a shell, with `environ` and no input, for ten seconds at most.

    Its output is complete when the command itself ends: children that it leaves behind, such as an agent, don't count.
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
        return CommandResult(failure=CommandFailure.NOT_FOUND, text="couldn't be found")
    except (OSError, ValueError):
        return CommandResult(failure=CommandFailure.NOT_STARTED, text="couldn't be run")
    with process:
        output = _read_output(process)
        if process.returncode is None:
            process.kill()
            if len(output) > LARGEST_SECRET:
                text = f"printed more than {LARGEST_SECRET} bytes"
                return CommandResult(failure=CommandFailure.TOO_LONG, text=text)
            return CommandResult(failure=CommandFailure.TIMED_OUT, text=f"took longer than {COMMAND_SECONDS} seconds")
    if process.returncode < 0:
        text = f"was ended by signal {-process.returncode}"
        return CommandResult(failure=CommandFailure.SIGNALLED, text=text)
    if process.returncode:
        return CommandResult(failure=CommandFailure.EXIT_STATUS, text=f"failed with status {process.returncode}")
    try:
        return CommandResult(output=trim(decode_text(output)))
    except ValueError as error:
        return CommandResult(failure=CommandFailure.NOT_TEXT, text=f"printed {error}")


def _read_output(process: subprocess.Popen[bytes]) -> bytes:
    """The output until the process ends. After too much time or output it returns, and the process still runs."""
    stream, output = process.stdout, b""
    if stream is None:
        return output
    os.set_blocking(stream.fileno(), False)
    deadline = time.monotonic() + COMMAND_SECONDS
    while len(output) <= LARGEST_SECRET and time.monotonic() < deadline:
        ended = process.poll() is not None  # first: then all its output is in the pipe
        while len(output) <= LARGEST_SECRET and (piece := stream.read(LARGEST_SECRET)):
            output += piece
        if ended:
            return output
        time.sleep(_LOOK_SECONDS)
    return output


@dataclass(frozen=True, slots=True, repr=False)
class SecretReader(Secret):
    """Turns the three ways of giving a secret into its value. Reads each file and runs each command once a load.

    With `only`, it leaves all other secrets' files and commands alone: those secrets are empty, but have an origin.
    """

    environ: Mapping[str, str]
    folder: Path | None
    run: CommandRunner
    report: ProblemReport
    only: Collection[str] | None = None

    def read_all(self, layers: Sequence[Layer]) -> Layer:
        """Every secret that a layer gives, by its plain key. The last layer that gives one in any way wins.

        For a file or a command, the key of that way gets an empty value with its origin.
        """
        found: Layer = {}
        for key in SECRETS:
            way, given = self._read(key, layers)
            if given is not None:
                found |= {way: GivenValue("", given.origin), key: given}
        return found

    def _read(self, key: str, layers: Sequence[Layer]) -> tuple[str, GivenValue | None]:
        chosen: tuple[str, GivenValue] | None = None
        for layer in layers:
            said = {way: layer[way] for way in (key, *(key + variant for variant in VARIANTS)) if way in layer}
            if key in said:
                said[key] = _trim(said[key])
            ways = [(way, given) for way, given in said.items() if given.value not in ("", [])]
            chosen = ways[0] if ways else chosen
            if len(ways) > 1:
                names = " and ".join(way.rpartition(".")[2] for way, _ in ways)
                message = f"is set more than once: {names}"
                self.report.add(ConfigCode.GIVEN_TWICE, key, ways[0][1].origin, message, "Keep one of them.")
        if chosen is None or self.report.spoils(key):
            return key, None
        return chosen[0], self._open(key, *chosen)

    def _open(self, key: str, way: str, given: GivenValue) -> GivenValue | None:
        if way == key:
            return self._check(key, key, given)
        is_list = GIVABLE[key] is ValueKind.SECRETS
        if self.only is not None and key not in self.only:
            return GivenValue([] if is_list else "", given.origin)
        if not isinstance(given.value, str):
            self.report.add(ConfigCode.WRONG_TYPE, way, given.origin, "must be text", "Write it in quotes.")
            return None
        text = self._read_file(way, given) if way.endswith("_file") else self._run(way, given)
        parts = re.split(r"[\r\n,]+" if is_list else r"[\r\n]+", text or "")  # commas as in the environment
        found = [bare for part in parts if (bare := trim(part))]
        if text is not None and not found:
            self.report.add(ConfigCode.EMPTY, way, given.origin, "gives an empty secret", "Put the secret there.")
        if not found:
            return None
        return self._check(key, way, GivenValue(found if is_list else found[0], given.origin))

    def _check(self, key: str, way: str, given: GivenValue) -> GivenValue | None:
        """The secret, unless it has impossible characters: services would always refuse it, without a reason."""
        values = given.value if isinstance(given.value, list) else [given.value]
        texts = [each for each in values if isinstance(each, str)]
        if MASK in texts:
            message, remedy = "holds what `config show` prints in place of a secret", "Replace it with your own value."
            self.report.add(ConfigCode.PLACEHOLDER, way, given.origin, message, remedy)
            return None
        if key in _SENT_IN_HEADERS and not all(text.isascii() and text.isprintable() for text in texts):
            message, remedy = "has a character that no key has", "Copy it again, as plain ASCII on one line."
        elif any(sign in text for text in texts for sign in "\r\n\t\0"):
            message, remedy = "holds a tab or an end of line", "Write it on one line."
        else:
            return given
        self.report.add(ConfigCode.MALFORMED_SECRET, way, given.origin, message, remedy)
        return None

    def _read_file(self, way: str, given: GivenValue) -> str | None:
        path = read_path(str(given.value), self.environ, self.folder)
        if isinstance(path, PathProblem):
            self.report.add(path.code, way, given.origin, path.message, path.remedy)
            return None
        try:
            data = read_regular(path, LARGEST_SECRET)
        except FileNotFoundError:
            remedy = "Name the file that holds the secret."
            self.report.add(ConfigCode.FILE_NOT_FOUND, way, given.origin, "names a file that doesn't exist", remedy)
            return None
        except (OSError, ValueError):  # ValueError: a NUL in the path
            remedy = "Name a regular file that this user can read."
            self.report.add(ConfigCode.FILE_UNREADABLE, way, given.origin, "names a file that can't be read", remedy)
            return None
        try:
            return decode_text(data)
        except ValueError as error:
            message = f"names a file that can't be read: it holds {error}"
            self.report.add(ConfigCode.FILE_NOT_TEXT, way, given.origin, message, "Save it as UTF-8 text.")
            return None

    def _run(self, way: str, given: GivenValue) -> str | None:
        try:
            words = read_command(str(given.value), self.environ, self.folder)
        except ValueError:
            message = "isn't a command line: a quote isn't closed"
            self.report.add(ConfigCode.MALFORMED_COMMAND, way, given.origin, message, "Close the quote.")
            return None
        if isinstance(words, PathProblem):
            self.report.add(words.code, way, given.origin, words.message, words.remedy)
            return None
        if not words:
            remedy = "Write a command, or leave it empty."
            self.report.add(ConfigCode.EMPTY, way, given.origin, "is a blank command", remedy)
            return None
        result = self.run(words, self.environ)
        if result.failure:
            message = f"is a command that {result.text}"
            self.report.add(
                ConfigCode.COMMAND_FAILED, way, given.origin, message, "Run it by hand as this user to see why."
            )
            return None
        return result.output


def _trim(given: GivenValue) -> GivenValue:
    """The same without surrounding blanks, also in each entry of a list."""
    value = given.value
    if isinstance(value, list):
        return GivenValue([trim(each) if isinstance(each, str) else each for each in value], given.origin)
    return GivenValue(trim(value), given.origin) if isinstance(value, str) else given

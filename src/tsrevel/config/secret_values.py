"""Secrets: given plainly, in a file, or printed by a command. What they hold is never shown, nor are their sources:
a secret pasted into the wrong key is still a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tsrevel.config.keys import GIVABLE, SECRETS, VARIANTS
from tsrevel.config.kinds import Kind
from tsrevel.config.paths import PathProblem, read_path
from tsrevel.config.report import Given, Layer, Report
from tsrevel.files import read_regular
from tsrevel.record import SecretRecord

COMMAND_SECONDS = 10
LARGEST_SECRET = 64 * 1024
"""Bytes of a file that holds a secret."""
NOT_FOUND = "couldn't be found"


class CommandResult(SecretRecord):
    """What a secret's command printed, or `failure`: why it printed nothing usable."""

    output: str = ""
    failure: str = ""


CommandRunner = Callable[[Sequence[str], Mapping[str, str]], CommandResult]
"""Runs a command (its words, its environment). The seam for tests."""


def run_command(words: Sequence[str], environ: Mapping[str, str]) -> CommandResult:
    """Run `words` without a shell, with `environ` and no input, for ten seconds at most."""
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 (the operator's own command, taken from their settings)
            list(words),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        output = done.stdout.decode().strip()
    except subprocess.TimeoutExpired:
        return CommandResult(failure=f"took longer than {COMMAND_SECONDS} seconds")
    except FileNotFoundError:
        return CommandResult(failure=NOT_FOUND)
    except (OSError, ValueError):
        return CommandResult(failure="couldn't be run, or printed something other than text")
    if done.returncode:
        return CommandResult(failure=f"failed with status {done.returncode}")
    return CommandResult(output=output)


class SecretReader(SecretRecord):
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
            ways = [(way, layer[way]) for way in _ways(key) if way in layer and layer[way].value not in ("", [])]
            chosen = ways[0] if ways else chosen
            if len(ways) > 1:
                names = " and ".join(way.rpartition(".")[2] for way, _ in ways)
                self.report.add(key, ways[0][1].origin, f"is given more than once: {names}", "Keep one of them.")
        if chosen is None or self.report.spoils(key):
            return key, None
        return chosen[0], self._open(key, *chosen)

    def _open(self, key: str, way: str, given: Given) -> Given | None:
        if way == key:
            return given
        if not isinstance(given.value, str):
            self.report.add(way, given.origin, "must be text", "Write it in quotes.")
            return None
        text = self._read_file(way, given) if way.endswith("_file") else self._run(way, given)
        lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
        if text is not None and not lines:
            self.report.add(way, given.origin, "leads to an empty secret", "Put the secret there.")
        if not lines:
            return None
        return Given(lines if GIVABLE[key] is Kind.SECRETS else lines[0], given.origin)

    def _read_file(self, way: str, given: Given) -> str | None:
        path = read_path(str(given.value), self.environ, self.folder)
        if isinstance(path, PathProblem):
            self.report.add(way, given.origin, path.message, path.remedy)
            return None
        try:
            return read_regular(path, LARGEST_SECRET).decode()
        except FileNotFoundError:
            self.report.add(way, given.origin, "names a file that isn't there", "Name the file that holds the secret.")
        except (OSError, ValueError):
            self.report.add(
                way, given.origin, "names a file that can't be read", "Let this user read it: a regular file, in UTF-8."
            )
        return None

    def _run(self, way: str, given: Given) -> str | None:
        import shlex

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


def _ways(key: str) -> list[str]:
    return [key, *(key + variant for variant in VARIANTS)]

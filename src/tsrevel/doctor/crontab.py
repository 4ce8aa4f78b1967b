"""A crontab as text → the runs that it starts. Reads no file; only `find_config` looks for where settings lie."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsrevel.config.paths import SYSTEM_CONFIG, expand_path, find_config
from tsrevel.config.problems import ProblemReport

_ASSIGNMENT = re.compile(r"""\s*(?:"(\w+)"|'(\w+)'|(\w+))\s*=\s*(.*)""")
_ENTRY = re.compile(r"\s*(?:@(?!reboot)\w+|(?:[\w*,/~-]+\s+){4}[\w*,/~-]+)\s+(?P<command>\S.*)")
_END_OF_COMMAND = re.compile(r"(?<!\\)%")
"""What follows is the command's input."""
_BREAKS = frozenset(";&|()<>")


@dataclass(frozen=True, slots=True)
class Start:
    """One `tsrevel sync` in a crontab. `config` is the settings file that it reads, None where there is none.

    `text` leaves out what stands before it: that may set a secret.
    """

    text: str
    dry_run: bool
    config: Path | None


def read_crontab(table: str, environ: Mapping[str, str]) -> Iterator[Start]:
    """Every line that starts `tsrevel sync`, more than once after booting. `environ` is this user's: for HOME alone."""
    given = {"HOME": environ.get("HOME", "")}
    for line in table.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if assigned := _ASSIGNMENT.fullmatch(line):
            given[assigned[1] or assigned[2] or assigned[3]] = assigned[4].strip().strip("'\"")
        elif entry := _ENTRY.fullmatch(line):
            command = _END_OF_COMMAND.split(entry["command"])[0].replace("\\%", "%")
            yield from _read_command(command.strip(), given)


def _read_command(command: str, given: Mapping[str, str]) -> Iterator[Start]:
    words, folder, local = _split(command), Path(given["HOME"] or "/"), dict(given)
    for number, word in enumerate(words):
        name, sign, value = word.partition("=")
        if sign and name.isidentifier():
            local[name] = value
        elif word == "cd" and number + 1 < len(words):
            folder = expand_path(words[number + 1], given, folder)
        elif " " in word and "tsrevel" in word:  # bash -c "tsrevel sync"
            yield from _read_command(word, local)
        elif _is_program(words, number):
            arguments = _until_break(words[number + 1 :])
            if next((each for each in arguments if not each.startswith("-")), "") == "sync":
                config = _config_of(arguments, local, folder)
                yield Start(" ".join(["tsrevel", *arguments]), "--dry-run" in arguments, config)


def _split(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # a quote is open: cron's shell will say so
        return command.split()


def _is_program(words: Sequence[str], number: int) -> bool:
    """`tsrevel`, by whatever path, or `python -m tsrevel`; not where it is only somebody's argument."""
    if words[number].rpartition("/")[2] != "tsrevel":
        return False
    before = words[number - 1] if number else ""
    return before not in {"cd", "echo", "-u"}


def _until_break(words: Sequence[str]) -> list[str]:
    end = next((number for number, word in enumerate(words) if set(word) <= _BREAKS), len(words))
    redirected = end < len(words) and words[end][0] in "<>" and words[end - 1 : end] in (["1"], ["2"])
    return list(words[: end - redirected])


def _config_of(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file that such a run reads: named, by the table's environment, or where one is looked for."""
    named = ""
    for number, word in enumerate(arguments):
        name, sign, value = word.partition("=")
        if name == "--config":
            named = value if sign else "".join(arguments[number + 1 : number + 2])
    named = named or environ.get("TSREVEL_CONFIG", "").strip()
    if named:
        return expand_path(named.replace("$HOME", environ["HOME"]), environ, folder)
    return find_config(None, environ, SYSTEM_CONFIG, ProblemReport())

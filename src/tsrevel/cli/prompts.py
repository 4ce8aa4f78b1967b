"""Asking a person on a terminal: questions on stderr, answers from stdin, secrets unseen. Never used off a terminal."""

from __future__ import annotations

import os
import re
import select
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import UnsupportedOperation
from typing import Any, BinaryIO

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.streams import fold

Check = Callable[[str], str]
"""Why an answer can't be taken, "" where it can."""


def may_ask(ctx: CliContext, flags: OutputOptions) -> bool:
    """Whether there is a person to ask: all three streams are a terminal, and neither --json nor -q was given."""
    streams = (ctx.stdin, ctx.stdout, ctx.stderr)
    return not flags.json and not flags.quiet and all(stream.isatty() for stream in streams)


def accept(_answer: str) -> str:
    """The check that takes any answer."""
    return ""


class Terminal:
    """A person at a terminal. Every method raises typer.BadParameter where the input ends before the answer."""

    def __init__(self, ctx: CliContext) -> None:
        self._ctx = ctx

    def say(self, text: str = "") -> None:
        """Print a line."""
        print(fold(text, self._ctx.stderr, self._ctx.environ), file=self._ctx.stderr, flush=True)

    def ask(self, question: str, default: str = "", check: Check = accept) -> str:
        """An answer that `check` takes, asked for until there is one; an empty one is `default`."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        while True:
            answer = self._read(shown) or default
            refusal = check(answer)
            if not refusal:
                return answer
            self.say(f"  {refusal}")

    def ask_secret(self, question: str) -> str:
        """An answer that isn't shown while it is typed; "" where none was given."""
        with self._unseen():
            answer = self._read(f"{question}: ")
        self.say()
        return answer

    def confirm(self, question: str, *, default: bool) -> bool:
        """Yes or no."""
        answer = self.ask(f"{question} [{'Y/n' if default else 'y/N'}]", check=_check_word).lower()
        return default if not answer else answer.startswith("y")

    def choose(self, question: str, options: Sequence[str], default: int | None) -> int | None:
        """The number (from 0) of an option; None for none of them. `default` is taken on an empty answer."""
        self.say(question)
        for number, option in enumerate(options, start=1):
            self.say(f"  {number}) {option}")
        shown = "none" if default is None else str(default + 1)
        known = {"none", *(str(number) for number in range(1, len(options) + 1))}
        answer = self.ask("  Number, or none", shown, lambda text: "" if text in known else "Type one of the numbers.")
        return None if answer == "none" else int(answer) - 1

    def _read(self, prompt: str) -> str:
        print(prompt, end="", file=self._ctx.stderr, flush=True)
        line = self._ctx.stdin.readline()
        if not line:
            self.say()
            raise typer.BadParameter("the input ended before everything was answered; nothing was written")
        return line.decode(errors="replace").strip()

    @contextmanager
    def _unseen(self) -> Iterator[None]:
        """Turn the terminal's echo off; a stream without a descriptor has none."""
        try:
            descriptor = self._ctx.stdin.fileno()
            before = termios.tcgetattr(descriptor)
        except (UnsupportedOperation, termios.error):
            yield
            return
        without = [*before]
        without[3] &= ~termios.ECHO
        termios.tcsetattr(descriptor, termios.TCSADRAIN, without)
        try:
            yield
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _check_word(answer: str) -> str:
    return "" if answer.lower() in {"", "y", "yes", "n", "no"} else "Type y or n."


LONGEST_LINE = 16 * 1024


def read_line(stdin: BinaryIO, seconds: float) -> str | None:
    """The next line; "" at the end of the input; None where nothing came for `seconds`."""
    try:
        source = stdin.fileno()
    except OSError:  # no file behind it, so nothing to wait for
        return stdin.readline(LONGEST_LINE).decode(errors="replace")
    line = b""
    while b"\n" not in line and len(line) < LONGEST_LINE:
        if not select.select([source], [], [], seconds)[0]:
            return None
        chunk = os.read(source, 4096)
        if not chunk:
            break
        line += chunk
    return line.decode(errors="replace").partition("\n")[0] + ("\n" if line else "")


def plain_address(text: str) -> str:
    """The address in a line that was copied from somewhere: without blanks, quotes, angle brackets or `&amp;`."""
    text = re.sub(r"\x1b\[20[01]~", "", text)  # how a terminal marks what is pasted
    text = "".join(text.split()).strip(_ROUND)
    return re.sub(r"&(amp|#38|#x26);", "&", text, flags=re.IGNORECASE)


_ROUND = "\"'`<>()\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u200b\ufeff"


@contextmanager
def no_echo(stdin: BinaryIO) -> Iterator[None]:
    """A terminal shows nothing of what is typed meanwhile but ends of lines: a code is a secret until it is used."""
    before = _read_terminal(stdin)
    if before is None:
        yield
        return
    flags = before[3] & ~termios.ECHO | termios.ECHONL
    termios.tcsetattr(stdin.fileno(), termios.TCSADRAIN, [*before[:3], flags, *before[4:]])
    try:
        yield
    finally:
        termios.tcsetattr(stdin.fileno(), termios.TCSADRAIN, before)


def _read_terminal(stdin: BinaryIO) -> list[Any] | None:
    try:
        return termios.tcgetattr(stdin.fileno())
    except (OSError, termios.error):  # no terminal
        return None

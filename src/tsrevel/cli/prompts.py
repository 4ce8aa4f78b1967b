"""Questions to a person at a terminal: asked on stderr, answered on stdin, secrets hidden."""

from __future__ import annotations

import os
import re
import select
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import typer

from tsrevel.cli.context import CliContext

Check = Callable[[str], str]
"""Why an answer is refused; "" if it is accepted."""
LONGEST_LINE = 16 * 1024
_ROUND = "\"'`<>()\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u200b\ufeff"


def may_ask(ctx: CliContext) -> bool:
    """Whether there is a person to ask: all three streams are a terminal, and neither --json nor -q was given."""
    streams = (ctx.stdin, ctx.stdout, ctx.stderr)
    return not ctx.options.json and not ctx.options.quiet and all(stream.isatty() for stream in streams)


class Terminal:
    """A person at a terminal. Questions raise typer.BadParameter if the input ends before the answer."""

    def __init__(self, ctx: CliContext) -> None:
        self._ctx = ctx

    def say(self, text: str = "") -> None:
        """Print a line."""
        self._ctx.tell(text)

    def ask(self, question: str, default: str = "", check: Check = lambda _answer: "") -> str:
        """Ask until `check` accepts the answer. An empty answer is `default`."""
        shown = f"{question} [{default}]: " if default else f"{question}: "
        while True:
            answer = self._read(shown) or default
            refusal = check(answer)
            if not refusal:
                return answer
            self.say(f"  {refusal}")

    def ask_secret(self, question: str) -> str:
        """Ask without showing the answer. It may be empty."""
        with no_echo(self._ctx.stdin):
            answer = self._read(f"{question}: ")
        self.say()
        return answer

    def confirm(self, question: str, *, default: bool) -> bool:
        """Ask for yes or no."""
        words = {"", "y", "yes", "n", "no"}
        shown = f"{question} [{'Y/n' if default else 'y/N'}]"
        answer = self.ask(shown, check=lambda text: "" if text.lower() in words else "Type y or n.").lower()
        return default if not answer else answer.startswith("y")

    def choose(self, question: str, options: Sequence[str], default: int | None) -> int | None:
        """Ask for an option: its number (from 0), or None for none of them. An empty answer is `default`."""
        self.say(question)
        for number, option in enumerate(options, start=1):
            self.say(f"  {number}) {option}")
        shown = "none" if default is None else str(default + 1)
        known = {"none", *(str(number) for number in range(1, len(options) + 1))}
        answer = self.ask("  Number, or none", shown, lambda text: "" if text in known else "Type one of the numbers.")
        return None if answer == "none" else int(answer) - 1

    def _read(self, prompt: str) -> str:
        while True:
            print(prompt, end="", file=self._ctx.stderr, flush=True)
            try:
                line = self._ctx.stdin.readline()
            except KeyboardInterrupt:
                self.say()  # the next message begins a line
                raise
            if not line:
                self.say()
                raise typer.BadParameter("the input ended before the last answer; nothing was written")
            try:
                return line.decode().strip()
            except UnicodeDecodeError:
                self.say("  That isn't UTF-8 text.")


def read_line(stdin: BinaryIO, seconds: float) -> str | None:
    """The next line; "" at the end of the input; None if nothing comes for `seconds`."""
    try:
        source = stdin.fileno()
    except OSError:  # no file, so there is nothing to wait for
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
    """The address in a pasted line, without blanks, quotes, angle brackets or `&amp;`."""
    text = re.sub(r"\x1b\[20[01]~", "", text)  # a terminal's marks around pasted text
    text = "".join(text.split()).strip(_ROUND)
    return re.sub(r"&(amp|#38|#x26);", "&", text, flags=re.IGNORECASE)


@contextmanager
def no_echo(stdin: BinaryIO, shown: int = 0) -> Iterator[None]:
    """Turn the terminal's echo off, except the kinds in `shown` (termios flags). Without a terminal, do nothing."""
    try:
        descriptor = stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, termios.error):  # no terminal
        yield
        return
    flags = before[3] & ~termios.ECHO | shown
    termios.tcsetattr(descriptor, termios.TCSADRAIN, [*before[:3], flags, *before[4:]])
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

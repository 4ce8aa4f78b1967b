"""The pages of the repository as data: headings, links, code blocks, and the commands that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from .source import project_files

PAGES = [each for each in project_files() if each.suffix == ".md"]
GUIDES = [
    each for each in PAGES if each.name != "CHANGELOG.md" and each.parent.name != "apis" and each.name != "design.md"
]
"""What people read who use tsrevel today: no history, no contract, no facts."""
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`((?:[\d*/,-]+ ){0,5}tsrevel [^`]+)`(?!`)")
SHELL = {"sh", "cron"}
"""The languages of the blocks that hold commands."""
BETWEEN = {"|", "||", "&", "&&", ";", "(", ")", "$(", ">", ">>", "<"}
FIELDS = re.compile(r"^(?:[\d,*/-]+ +){5}", re.MULTILINE)
"""The times before a crontab's command."""


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def prose(text: str) -> str:
    """The text without its code blocks."""
    return BLOCK.sub("", text)


def anchors(text: str) -> set[str]:
    """What a link may name after `#`: each heading as GitHub spells it."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return names


def links(text: str) -> Iterator[tuple[str, str]]:
    """The file and the anchor of each link into the repository; either may be empty."""
    return ((each[1], each[2] or "") for each in LINK.finditer(prose(text)))


def blocks(text: str, *languages: str) -> list[str]:
    """The code blocks in these languages."""
    return [body for language, body in BLOCK.findall(text) if language in languages]


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `tsrevel` that the page shows, in a block or between backticks."""
    for each in blocks(text, *SHELL) + SPAN.findall(prose(text)):
        yield from _commands_in(FIELDS.sub("", each))


def _commands_in(script: str) -> Iterator[list[str]]:
    """A cell of a crontab or a script's lines. `[--option V]` means that it may be given."""
    optional = re.sub(r"\[(?=--|[A-Z])|(?<=[\w}])\](?!\])", "", script.replace("<Tab>", ""))
    for line in optional.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = [*lexer, ";"]
        while words:
            end = next(at for at, word in enumerate(words) if word in BETWEEN)
            yield from _arguments(words[:end])
            words = words[end + 1 :]


def _arguments(words: list[str]) -> Iterator[list[str]]:
    while words and re.match(r"[A-Z_]+=", words[0]):
        words = words[1:]
    if words and Path(words[0]).name == "tsrevel":
        yield words[1:]

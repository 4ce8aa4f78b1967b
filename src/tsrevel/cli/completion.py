"""`completion`: a script for a shell that completes commands, options and their values, read off the command tree.

The script knows it all by itself: pressing Tab starts no Python. It is to be loaded anew with each version.
"""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

from tsrevel.cli.context import CliContext, OutputOptions

Shell = Literal["bash", "zsh", "fish"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One option: its names, what it is for, whether a value follows, the only values it may have, or any file."""

    names: tuple[str, ...]
    help: str
    takes_value: bool = False
    choices: tuple[str, ...] = ()
    file: bool = False


_HELP = Flag(("-h", "--help"), "Show help")


@dataclass(frozen=True, slots=True)
class Verb:
    """One command by its words ("map", "set"); none for tsrevel itself. `choices`: what its argument may be."""

    words: tuple[str, ...]
    help: str
    flags: tuple[Flag, ...]
    verbs: tuple[Verb, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The words as typed."""
        return " ".join(self.words)

    @property
    def names(self) -> dict[str, str]:
        """What may come next and is no option, with its help."""
        return {verb.words[-1]: verb.help for verb in self.verbs} or dict.fromkeys(self.choices, "")

    def tree(self) -> Iterator[Verb]:
        """This one, and all below."""
        yield self
        for verb in self.verbs:
            yield from verb.tree()


def print_completion(ctx: CliContext, flags: OutputOptions, shell: Shell, tree: typer.Typer) -> int:
    """Print the script for `shell` on stdout; 0."""
    script = {"bash": write_bash, "zsh": write_zsh, "fish": write_fish}[shell](read_tree(tree))
    if flags.json:
        ctx.answer({"schema": 1, "success": True, "shell": shell, "script": script})
    else:
        print(script, end="", file=ctx.stdout)
    return 0


def read_tree(tree: typer.Typer, words: tuple[str, ...] = (), text: str | None = None) -> Verb:
    """Everything that can be typed, read off the signatures that typer itself reads."""
    verbs = []
    for info in tree.registered_commands:
        if not info.hidden:
            body = info.callback
            flags, choices = _read_signature(body)
            name = info.name or (body.__name__ if body else "")
            help_text = info.help or (body.__doc__ if body else "")
            verbs.append(Verb((*words, name), _first(help_text), (*flags, _HELP), choices=choices))
    for group in tree.registered_groups:
        below = group.typer_instance
        if below and not below.info.hidden:
            name = group.name or below.info.name or ""
            verbs.append(read_tree(below, (*words, str(name)), below.info.help))
    flags, _ = _read_signature(tree.registered_callback.callback if tree.registered_callback else None)
    return Verb(words, _first(text), (*flags, _HELP), tuple(verbs))


def _read_signature(body: Callable[..., Any] | None) -> tuple[list[Flag], tuple[str, ...]]:
    """The options of a command, and the words that its arguments may be."""
    flags: list[Flag] = []
    choices: list[str] = []
    parameters = inspect.signature(body, eval_str=True).parameters if body else {}
    for parameter in parameters.values():
        kind, *notes = get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated else [None]
        said = [str(each) for each in get_args(kind)] if get_origin(kind) is Literal else []
        for note in notes:
            if isinstance(note, ArgumentInfo):
                choices += said
            elif isinstance(note, OptionInfo) and not note.hidden:
                takes_value, file = kind is not bool and not note.count, Path in (kind, *get_args(kind))
                names = _spell(note, parameter.name)
                flags.append(Flag(names, _first(note.help), takes_value, tuple(said), file))
    return flags, tuple(choices)


def _spell(option: OptionInfo, name: str) -> tuple[str, ...]:
    """The names of an option, the shortest first: those it is given, or the one typer makes."""
    given = (option.default, *(option.param_decls or ()))  # inside Annotated the first name stands as the default
    said = [each for names in given if isinstance(names, str) for each in names.split("/") if each.startswith("-")]
    return tuple(sorted(said or [f"--{name.replace('_', '-')}"], key=len))


def _first(text: str | None) -> str:
    """The first sentence, in one line."""
    return " ".join((text or "").split()).partition(". ")[0].rstrip(".")


def write_bash(root: Verb) -> str:
    """The script for bash, 3.2 and later."""
    known = " | ".join(f'"{verb.path}"' for verb in root.tree() if verb.words)
    words = []
    for verb in root.tree():
        flags = " ".join(name for flag in verb.flags for name in flag.names)
        words.append(f'        "{verb.path}") words="{" ".join(verb.names)}" flags="{flags}" ;;')
    values = [f'        {pattern}) words="{" ".join(flag.choices)}" flags="" ;;' for flag, pattern in _values(root)]
    return f"""\
# Completion of tsrevel for bash. Load it with: eval "$(tsrevel completion bash)"
_tsrevel() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" place="" words="" flags="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{place:+$place }}${{COMP_WORDS[i]}}" in
            {known}) place="${{place:+$place }}${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$place" in
{chr(10).join(words)}
    esac
    case "$place ${{COMP_WORDS[COMP_CWORD-1]}}" in
{chr(10).join(values)}
    esac
    case "$current" in
        -*) words="$flags" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _tsrevel tsrevel
"""


def _values(root: Verb) -> Iterator[tuple[Flag, str]]:
    """Each option that a value follows, with the shell pattern of the place right after it."""
    for verb in root.tree():
        for flag in verb.flags:
            if flag.takes_value:
                yield flag, " | ".join(f'"{verb.path} {name}"' for name in flag.names)


def write_zsh(root: Verb) -> str:
    known = " | ".join(f'"{verb.path}"' for verb in root.tree() if verb.words)
    cases = [f'        ("{verb.path}")\n{_zsh_words(verb)}            ;;' for verb in root.tree()]
    values = [f"        ({pattern}) {_zsh_values(flag)}; return ;;" for flag, pattern in _values(root)]
    return f"""\
#compdef tsrevel
# Completion of tsrevel for zsh. Load it with: eval "$(tsrevel completion zsh)"
_tsrevel() {{
    local place="" word
    local -a verbs flags
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        case "${{place:+$place }}$word" in
            ({known}) place="${{place:+$place }}$word" ;;
        esac
    done
    case "$place ${{words[CURRENT-1]}}" in
{chr(10).join(values)}
    esac
    case "$place" in
{chr(10).join(cases)}
    esac
    if [[ "${{words[CURRENT]}}" == -* ]]; then
        _describe -o option flags
    elif (( ${{#verbs}} )); then
        _describe command verbs
    else
        _files
    fi
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
compdef _tsrevel tsrevel
"""


def _zsh_words(verb: Verb) -> str:
    verbs = " ".join(_zsh_word(name, text) for name, text in verb.names.items())
    flags = " ".join(_zsh_word(name, flag.help) for flag in verb.flags for name in flag.names)
    return f"            verbs=({verbs})\n            flags=({flags})\n"


def _zsh_word(name: str, text: str) -> str:
    return shlex.quote(f"{name}:{text}" if text else name)


def _zsh_values(flag: Flag) -> str:
    return f"compadd -- {' '.join(flag.choices)}" if flag.choices else "_files" if flag.file else "true"


def write_fish(root: Verb) -> str:
    known = " ".join(shlex.quote(verb.path) for verb in root.tree() if verb.words)
    lines = [line for verb in root.tree() for line in _fish_lines(verb)]
    return f"""\
# Completion of tsrevel for fish. Load it with: tsrevel completion fish | source
function __tsrevel_at
    set -l place
    for word in (commandline -opc)[2..-1]
        if contains -- (string join -- ' ' $place $word) {known}
            set -a place $word
        end
    end
    test "$place" = "$argv[1]"
end
complete -c tsrevel -e
{chr(10).join(lines)}
"""


def _fish_lines(verb: Verb) -> Iterator[str]:
    here = f"complete -c tsrevel -n '__tsrevel_at \"{verb.path}\"'"
    for name, text in verb.names.items():
        yield f"{here} -f -a {_fish(name)}" + (f" -d {_fish(text)}" if text else "")
    for flag in verb.flags:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
        values = " -r" if flag.file else " -x" if flag.takes_value else ""
        values += f" -a {_fish(' '.join(flag.choices))}" if flag.choices else ""
        yield f"{here} {names}{values}" + (f" -d {_fish(flag.help)}" if flag.help else "")


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

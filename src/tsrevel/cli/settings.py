"""`config validate`, `config show` and `config generate`. None of them calls a service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tsrevel.cli.answers.model import ProblemJson, fill
from tsrevel.cli.answers.setup import ConfigGenerateAnswer, ConfigShowAnswer, ConfigValidateAnswer, SettingJson
from tsrevel.cli.context import CliContext
from tsrevel.config import Settings, examine_settings
from tsrevel.config.render import encode_settings, list_paths, read_template, render_toml
from tsrevel.config.rules import ADD_LOCATIONS, NO_LOCATIONS
from tsrevel.errors import ConfigError, ConfigProblem
from tsrevel.text import count_of


def validate_settings(ctx: CliContext) -> int:
    """Report every problem of the settings at once, and warn if there is no location. Exit status 0 or 10."""
    settings, problems = examine_settings(config=ctx.options.config, environ=ctx.environ)
    warnings = [] if problems or settings.locations else [f"{NO_LOCATIONS}. {ADD_LOCATIONS}"]
    if ctx.options.json:
        ctx.answer(_answer(ConfigValidateAnswer, settings, problems, warnings=tuple(warnings)))
    elif not problems and not ctx.options.quiet:
        counts = ((settings.locations, "location"), (settings.charges, "charge"), (settings.products, "mapping"))
        told = [count_of(len(entries), name) for entries, name in counts]
        mode = "dry run" if settings.safety.dry_run else "live"
        mode = mode if settings.safety.enable_connector else "disabled"
        ctx.say(f"{_sources(settings)}: no problems. {settings.environment}, {mode}; {', '.join(told)}.")
    for warning in warnings:
        ctx.log(warning, "WARNING")
    return _tell(ctx, settings, problems)


def print_example(ctx: CliContext) -> int:
    """Print the package's commented example."""
    text = read_template()
    if ctx.options.json:
        ctx.answer(ConfigGenerateAnswer(text=text))
    else:
        print(text, end="", file=ctx.stdout)
    return 0


def show_settings(ctx: CliContext, form: Literal["toml", "json"]) -> int:
    """Print every value with its origin, even if some are wrong. Problems go to stderr. Exit status 0 or 10."""
    settings, problems = examine_settings(config=ctx.options.config, environ=ctx.environ)
    spoilt = {problem.key for problem in problems}
    if ctx.options.json or form == "json":
        shown = {key: fill(SettingJson, None, **each) for key, each in encode_settings(settings, spoilt).items()}
        ctx.answer(_answer(ConfigShowAnswer, settings, problems, settings=shown))
    else:
        print(render_toml(settings, spoilt), end="", file=ctx.stdout)
    return _tell(ctx, settings, problems)


def _tell(ctx: CliContext, settings: Settings, problems: Sequence[ConfigProblem]) -> int:
    if not problems:
        return 0
    named = settings.config_path or ctx.options.config
    hint = "" if named else "; run `tsrevel init` to write a file, or name one with --config"
    ctx.log(f"{named or _sources(settings)}: {count_of(len(problems), 'problem')}{hint}")
    for problem in problems:
        ctx.log(str(problem))
    return ConfigError.exit_status


def _answer(
    kind: type[ConfigValidateAnswer], found: Settings, problems: Sequence[ConfigProblem], **more: object
) -> ConfigValidateAnswer:
    return fill(
        kind,
        None,
        success=not problems,
        problems=tuple(fill(ProblemJson, each) for each in problems),
        error="\n".join(map(str, problems)) or None,
        exit_status=ConfigError.exit_status if problems else None,
        **list_paths(found),
        **more,
    )


def _sources(settings: Settings) -> str:
    return str(settings.config_path) if settings.config_path else "no settings file (environment only)"

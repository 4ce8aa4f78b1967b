"""Turns all sources into one `Settings`, or reports every problem at once. The entrance to this package.

It never reads the real environment or home folder: both come as `environ`.
"""

from __future__ import annotations

import os
import shlex
import tomllib
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tsrevel.config.paths import (
    LEDGER_NAME,
    MAPPINGS_NAME,
    STATE_BELOW_HOME,
    TOKEN_NAME,
    PathProblem,
    StatePlace,
    config_folder,
    find_config,
    is_there,
    miss_config,
    place_state,
    read_command,
    read_path,
    settings_file,
    settings_folder,
    state_folder,
)
from tsrevel.config.problems import DEFAULT, GivenValue, Layer, ProblemReport, file_origin
from tsrevel.config.rules import (
    Entries,
    build_entries,
    build_locations,
    build_section,
    check_before_use,
    check_legacy_location,
    check_rules,
    choose_locations,
    read_legacy_location,
    whole_entries,
)
from tsrevel.config.secret_values import CommandRunner, SecretReader, run_command
from tsrevel.config.settings import (
    SECTION_NAMES,
    SETTINGS,
    ChargeSettings,
    Configurable,
    HooksSettings,
    ProductEntry,
    Section,
    Settings,
    TopLevel,
)
from tsrevel.config.sources import (
    LARGEST_SETTINGS,
    read_document,
    read_environment,
    read_file,
    read_flags,
    read_mappings,
)
from tsrevel.config.value_types import split_url, url_of_domain
from tsrevel.errors import ConfigCode, ConfigProblem
from tsrevel.files import home_of, members_of, read_regular, real_path, user_name
from tsrevel.text import decode_text, trim
from tsrevel.transport.network import read_network

_SETTINGS_KEYS = {"environment", "safety", "tripleseat", "revel", "locations"}
"""A TOML file with one of these keys counts as settings of tsrevel."""
_USUAL_IF_EMPTY = frozenset({"tripleseat.base_url", "tripleseat.authorize_url", "email.base_url"})
"""The URLs with a default. Empty they count as not set, like those without one."""


def place_mappings(
    config: Path | None, environ: Mapping[str, str], draft: Configurable, report: ProblemReport
) -> Path | None:
    """The path of mappings.toml: beside the settings file itself; without one, in the user's config folder.

    Another account's products must not become these settings'. So they are in NAME.mappings.toml, named after the
    settings file, if that exists, or if the folder also has settings for production of another Revel account. A
    config.toml for production always has mappings.toml.
    """
    if config is None:
        folder = config_folder(environ)
        return folder / MAPPINGS_NAME if folder else None
    real = settings_file(config)
    own = real.with_name(f"{real.name.removesuffix('.toml')}.{MAPPINGS_NAME}")
    if draft.is_sandbox:
        if any(_is_for_production(each, real) for each in _settings_beside(real)):
            return own
    elif real.name != "config.toml":
        url = draft.revel.base_url or url_of_domain(draft.revel.domain)
        if os.path.lexists(own) or any(_is_of_another_account(each, url) for each in _settings_beside(real)):
            return own
    path, by_link = real.with_name(MAPPINGS_NAME), config.with_name(MAPPINGS_NAME)
    elsewhere = real.parent != real_path(config.parent)
    if elsewhere and is_there(by_link) and real_path(by_link) != real_path(path):
        message = f"are beside a link to the settings file ({by_link}), but tsrevel reads them beside the file itself"
        remedy = f"Move them: `mv {_quote(by_link)} {_quote(path)}`."
        report.add(ConfigCode.MAPPINGS_BESIDE_LINK, "mappings", file_origin(by_link), message, remedy)
    return path


def _settings_beside(config: Path) -> list[Path]:
    """The TOML files in the folder of `config`, itself included, without mappings and the example."""
    try:
        found = sorted(config.parent.glob("*.toml"))
    except OSError:
        return []
    others = ("config.example.toml", MAPPINGS_NAME)
    return [each for each in found if each.name not in others and not each.name.endswith(f".{MAPPINGS_NAME}")]


def _is_for_production(path: Path, config: Path) -> bool:
    try:
        document = _read_other(path)
    except (OSError, ValueError):
        return path.name == "config.toml" and path != config
    if path == config:  # here the environment variable says sandbox
        return document.get("environment") == "production"
    return bool(_SETTINGS_KEYS & document.keys()) and document.get("environment", "production") == "production"


def _is_of_another_account(path: Path, url: str) -> bool:
    """Whether the file is for production and names another Revel account than the one at `url`."""
    try:
        document = _read_other(path)
    except (OSError, ValueError):
        return False
    revel = document.get("revel")
    if not isinstance(revel, dict) or document.get("environment", "production") != "production":
        return False
    other, ours = split_url(str(revel.get("base_url") or url_of_domain(str(revel.get("domain") or "")))), split_url(url)
    return other is not None and ours is not None and other.netloc.lower() != ours.netloc.lower()


def _read_other(path: Path) -> dict[str, Any]:
    """Another TOML file. Raises OSError and ValueError."""
    return tomllib.loads(decode_text(read_regular(path, LARGEST_SETTINGS)))


def check_upgrade(settings: Settings, environ: Mapping[str, str], report: ProblemReport) -> None:
    """Note a ledger, a token or mappings where they were by default in an earlier version.

    A run must not silently begin a new ledger while the one with its history is elsewhere. All settings shared that
    ledger, so it stops every command with settings for production. It doesn't stop a sandbox, which loses nothing.
    Root's commands also check the homes of those who own the settings or the state.
    """
    if settings.config_path is None or settings.is_sandbox:
        return
    _check_mappings(settings, report)
    if settings.ledger.path:
        return
    for folder in _folders_of_before(settings, environ):
        _check_moved("ledger.path", folder / LEDGER_NAME, settings.ledger_path, settings, report)
        if settings.tripleseat.auth == "oauth2" and not settings.tripleseat.token_file:
            _check_moved("tripleseat.token_file", folder / TOKEN_NAME, settings.token_path, settings, report)


def _check_mappings(settings: Settings, report: ProblemReport) -> None:
    """Note mappings that several Revel accounts shared: only a person knows which of them are whose."""
    own = settings.mappings_path
    if own is None or own.name == MAPPINGS_NAME or is_there(own) or not is_there(own.with_name(MAPPINGS_NAME)):
        return
    shared = own.with_name(MAPPINGS_NAME)
    message = (
        f"are read from {own}, because the folder has settings for another Revel account, and there is no such file"
    )
    remedy = (
        f"Copy them, and delete the other account's from the copy: `cp {_quote(shared)} {_quote(own)}`. "
        f"If all are the other account's: `touch {_quote(own)}`."
    )
    report.add(ConfigCode.MAPPINGS_SHARED, "mappings", file_origin(shared), message, remedy)


def _folders_of_before(settings: Settings, environ: Mapping[str, str]) -> list[Path]:
    """The default state folders of an earlier version: this user's, and for root those of other likely users.

    These are the owners of the settings file and of the state's folder, and the members of their groups. With a
    ConfigMap of Kubernetes, it is also the folder that was named after the latest edit.
    """
    own = state_folder(environ)
    users: set[int] = set()
    if os.geteuid() == 0:
        for path in (settings.config_path or Path(), settings.ledger_path.parent):
            with suppress(OSError):
                found = path.stat()
                users |= {found.st_uid, *(members_of(found.st_gid) if found.st_gid else ())}
    homes = [home_of(uid) for uid in users - {os.geteuid()}]
    others = [home / STATE_BELOW_HOME / "tsrevel" for home in homes if home]
    with suppress(OSError):
        others += sorted(settings.ledger_path.parent.glob("..*"))[-1:]
    return list(dict.fromkeys([*([own] if own else []), *others]))


def _check_moved(key: str, old: Path, new: Path, settings: Settings, report: ProblemReport) -> None:
    # lexists is False for a path that this user may not see: it was never this user's
    if not os.path.lexists(old) or is_there(new) or real_path(old) == real_path(new) or report.spoils(key):
        return
    message = f"isn't set, and {old} exists from an earlier version; the default is now {new}"
    moves = name_moves(old, new, settings)
    remedy = (
        f'If it belongs to these settings, move it while no run is under way: {moves}. Otherwise set {key} = "{new}".'
    )
    report.add(ConfigCode.STATE_LEFT_BEHIND, key, DEFAULT, message, remedy)


def name_moves(old: Path, new: Path, settings: Settings) -> str:
    """The commands that move it, and give it to the owner of the settings, so that runs can continue with it."""
    owners = []  # of the settings file, the new folder and the old file: the first who isn't root gets it
    for path in (settings.config_path or old, new.parent, old):
        with suppress(OSError):
            owners.append(path.stat().st_uid)
    keeper = next((uid for uid in owners if uid), 0)
    user = user_name(keeper)
    pairs = [(old, new)]
    if is_there(log := old.with_name(f"{old.name}-wal")):
        pairs.append((log, new.with_name(f"{new.name}-wal")))  # only this file may have the last changes
    steps = [f"mv {_quote(before)} {_quote(after)}" for before, after in pairs]
    there = new.parent.is_dir()
    if not there:
        steps.insert(0, f"install -d -o {user} -m 700 {_quote(new.parent)}")
    if not there or old.lstat().st_uid != keeper:
        steps.append(f"chown {user} {' '.join(_quote(after) for _, after in pairs)}")
    ours = keeper == os.geteuid() != 0 and (there or os.access(new.parent.parent, os.W_OK, effective_ids=True))
    return f"{'' if ours else 'as root, '}`{' && '.join(steps)}`"


def _quote(path: Path) -> str:
    return shlex.quote(str(path))


NO_OVERRIDES: Mapping[str, object] = MappingProxyType({})

_SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Configurable.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def load_settings(
    *,
    config: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, object] = NO_OVERRIDES,
    offline: bool = False,
    secrets: Collection[str] = (),
    run: CommandRunner = run_command,
) -> Settings:
    """The settings by flag > environment > file > default.

    `overrides` are flags by dotted key ("safety.dry_run"); None means that a flag isn't used. `offline` is for
    commands that call no service: then credentials, Revel's address, users and stations may be missing, and of the
    files and commands that give secrets only those of `secrets` are opened. Raises `ConfigError` with every problem
    found.
    """
    report = ProblemReport()
    path = find_config(config, environ, report)
    given = read_environment(environ, report)
    nothing = path is None and not given and not report.problems
    if nothing and not offline and place_state(None, environ):
        miss_config(environ, report)  # report the missing file, not each missing setting
        report.close()
    layers = [read_file(path, report) if path else {}, given, read_flags(overrides, report)]
    only = secrets if offline else None
    settings = _settle(layers, path, environ, run, report, offline=offline, only=only)
    check_upgrade(settings, environ, report)
    _close(report, path, environ)
    return settings


def load_for_ledger(*, config: Path | None, environ: Mapping[str, str]) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    """The settings for a command that needs nothing but the ledger, and their problems. It opens no secret.

    A fault elsewhere must not keep a person from the kill switch: a process that began before may still be working.
    Raises `ConfigError`, with every problem found, if one leaves it open which ledger the settings mean.
    """
    report = ProblemReport()
    path = find_config(config, environ, report)
    layers = [read_file(path, report) if path else {}, read_environment(environ, report)]
    settings = _settle(layers, path, environ, run_command, report, offline=True, only=())
    check_upgrade(settings, environ, report)
    if any(map(_hides_ledger, report.problems)):
        _close(report, path, environ)
    return settings, report.problems


def _close(report: ProblemReport, path: Path | None, environ: Mapping[str, str]) -> None:
    """Raise `ConfigError` if there are problems. Values that are missing may be in a file that wasn't found."""
    if path is None and report.misses and not report.spoils("config"):
        miss_config(environ, report)
    report.close()


def _hides_ledger(problem: ConfigProblem) -> bool:
    """Whether the problem is in what decides the ledger, or in an unknown name that may be meant for it."""
    section = problem.key.removeprefix("TSREVEL_").replace("__", ".").partition(".")[0].lower()
    if problem.code is ConfigCode.UNKNOWN_KEY and section not in SECTION_NAMES:
        return section != "mappings" and "[" not in section
    return section in {"config", "environment", "ledger"}


def examine_settings(
    *, config: Path | None, environ: Mapping[str, str], run: CommandRunner = run_command
) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    """The settings and their problems, without raising. A value that can't be used is left at its default."""
    report = ProblemReport()
    path = find_config(config, environ, report)
    layers = [read_file(path, report) if path else {}, read_environment(environ, report)]
    settings = _settle(layers, path, environ, run, report)
    check_upgrade(settings, environ, report)
    check_before_use(settings, environ, report)
    return settings, report.problems


def check_document(document: Mapping[str, object], path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings as they would be if `document` were the file at `path`, which need not exist.

    The environment is only used for paths. Raises `ConfigError` with every problem found.
    """
    report = ProblemReport()
    settings = _settle([read_document(document, file_origin(path), report)], path, environ, run_command, report)
    report.close()
    return settings


def _settle(
    layers: list[Layer],
    path: Path | None,
    environ: Mapping[str, str],
    run: CommandRunner,
    report: ProblemReport,
    *,
    offline: bool = False,
    only: Collection[str] | None = None,
) -> Settings:
    """Turn layers, the weakest first, into settings. A value that can't be used is left at its default.

    The rules are only checked if the file could be read. `only` are the secrets to open; None for all.
    """
    given = {key: value for layer in layers for key, value in layer.items()}
    for key in _USUAL_IF_EMPTY & given.keys():
        if isinstance(given[key].value, str) and not trim(str(given[key].value)):
            del given[key]
    values = {key: value for key, value in given.items() if key in SETTINGS and not SETTINGS[key].secret}
    folder = settings_folder(path) if path else None
    values |= SecretReader(environ, folder, run, report, only).read_all(layers)  # separate: they come in three forms
    top = build_section(TopLevel, "", values, report)
    sections = {name: build_section(model, name, values, report) for name, model in _SECTIONS.items()}
    parts: dict[str, Any] = {**dict(top), **sections}
    draft = Configurable.model_construct(**parts)
    draft = draft.model_copy(update={"hooks": place_hooks(draft.hooks, values, environ, folder, report)})
    place = read_legacy_location(environ, report)
    chosen = choose_locations(values.get("locations"), place, report)
    if chosen:
        values["locations"] = chosen
    locations = build_locations(chosen, draft, draft.revel, report)
    origins = {key: value.origin for key, value in values.items()}
    check_legacy_location(place, whole_entries(locations), origins.get("locations", DEFAULT), report)
    charges = build_entries(ChargeSettings, "charges", values.get("charges", GivenValue([], DEFAULT)), report)
    mappings = place_mappings(path, environ, draft, report)
    written = read_mappings(mappings, report, production=not draft.is_sandbox)
    products = build_entries(ProductEntry, "product", written, report)
    ledger_path, token_path, spool_path = place_files(values, path, environ, report)
    fields: dict[str, object] = {
        **dict(draft),
        "locations": whole_entries(locations),
        "charges": whole_entries(charges),
        "products": whole_entries(products),
        "config_path": path,
        "mappings_path": mappings,
        "ledger_path": ledger_path,
        "token_path": token_path,
        "spool_path": spool_path,
    }
    settings = Settings.of(fields, {**origins, "products": written.origin}, read_network(environ))
    if not report.spoils("config"):
        check_rules(settings, Entries(locations, charges, products), report, offline=offline)
    return settings


def place_hooks(
    hooks: HooksSettings, values: Layer, environ: Mapping[str, str], folder: Path | None, report: ProblemReport
) -> HooksSettings:
    """The hooks, each with the whole path of its program: runs start elsewhere than a person who tries it."""
    placed: dict[str, str] = {}
    for name, text in hooks:
        words, key = read_command(text, environ, folder), f"hooks.{name}"
        if isinstance(words, PathProblem):
            report.add(words.code, key, values[key].origin, words.message, words.remedy)
        else:
            placed[name] = shlex.join(words)
    return hooks.model_copy(update=placed)


def place_files(
    values: Layer, path: Path | None, environ: Mapping[str, str], report: ProblemReport
) -> tuple[Path, Path, Path]:
    """The paths of ledger, token file and spool: from the settings, else derived from the settings file."""
    folder = settings_folder(path) if path else None
    state = place_state(path, environ)
    ledger = _given_path("ledger.path", values, environ, folder, report)
    token = _given_path("tripleseat.token_file", values, environ, folder, report)
    if ledger is None and state is None and not report.spoils("ledger.path"):
        message = "isn't set, and HOME isn't set either"
        report.add(ConfigCode.NOT_SET, "ledger.path", DEFAULT, message, "Set it, or set HOME.")
    default = state or StatePlace(Path())
    beside = ledger.with_name(TOKEN_NAME) if ledger else default.token
    ledger = ledger or default.ledger
    spool = _given_path("serve.spool", values, environ, folder, report)
    prefix = ledger.name.removesuffix(LEDGER_NAME) if ledger.name.endswith(LEDGER_NAME) else ""
    return ledger, token or beside, spool or ledger.with_name(f"{prefix}spool")


def _given_path(
    key: str, values: Layer, environ: Mapping[str, str], folder: Path | None, report: ProblemReport
) -> Path | None:
    given = values.get(key)
    if given is None or not isinstance(given.value, str) or not given.value:
        return None
    path = read_path(given.value, environ, folder)
    if isinstance(path, PathProblem):
        report.add(path.code, key, given.origin, path.message, path.remedy)
        return None
    return path

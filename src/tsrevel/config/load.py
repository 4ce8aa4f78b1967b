"""All sources → one `Settings`, or every problem at once. The one entrance to this room.

Nothing here asks the real environment or home folder: both come as `environ`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tsrevel.config.beside import check_upgrade, place_mappings
from tsrevel.config.build import Built, build_entries, build_section, whole_entries
from tsrevel.config.environment import read_environment
from tsrevel.config.paths import (
    SYSTEM_CONFIG,
    TOKEN_NAME,
    PathProblem,
    StatePlace,
    find_config,
    miss_config,
    place_state,
    read_path,
    settings_folder,
)
from tsrevel.config.places import build_locations, check_legacy_location, choose_locations, read_legacy_location
from tsrevel.config.problems import DEFAULT, GivenValue, Layer, Origin, ProblemReport, file_origin
from tsrevel.config.rules import Entries, check_rules
from tsrevel.config.secret_values import CommandRunner, SecretReader, run_command
from tsrevel.config.settings import (
    SETTINGS,
    ChargeSettings,
    Configurable,
    LocationSettings,
    ProductEntry,
    Section,
    Settings,
    TopLevel,
)
from tsrevel.config.sources import read_document, read_file, read_flags, read_mappings
from tsrevel.errors import ConfigCode, ConfigProblem
from tsrevel.transport.network import read_network

NO_OVERRIDES: Mapping[str, object] = MappingProxyType({})

_NOTHING = GivenValue([], DEFAULT)

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
    run: CommandRunner = run_command,
    system_config: Path = SYSTEM_CONFIG,
) -> Settings:
    """The settings by flag > environment > file > default.

    `overrides` are flags by dotted key ("safety.dry_run"); None stands for a flag not used. `offline` is for
    commands that call no service: then credentials, Revel's address, users and stations may be missing. Raises
    `ConfigError` with every problem found.
    """
    report = ProblemReport()
    path = find_config(config, environ, system_config, report)
    given = read_environment(environ, report)
    nothing = path is None and not given and not report.problems
    if nothing and not offline and place_state(None, environ):
        miss_config(environ, system_config, report)  # what is missing is the file, not each of its settings
        report.close()
    layers = [read_file(path, report) if path else {}, given, read_flags(overrides, report)]
    settings = _settle(layers, path, environ, run, report, offline=offline)
    check_upgrade(settings, environ, report)
    if path is None and report.misses and not report.spoils("config"):
        miss_config(environ, system_config, report)  # what isn't set may well stand in a file that wasn't found
    report.close()
    return settings


def examine_settings(
    *,
    config: Path | None,
    environ: Mapping[str, str],
    run: CommandRunner = run_command,
    system_config: Path = SYSTEM_CONFIG,
) -> tuple[Settings, tuple[ConfigProblem, ...]]:
    """As `load_settings`, for who wants to see them whatever is wrong: what isn't usable is left at its default."""
    report = ProblemReport()
    path = find_config(config, environ, system_config, report)
    layers = [read_file(path, report) if path else {}, read_environment(environ, report)]
    settings = _settle(layers, path, environ, run, report, offline=False)
    check_upgrade(settings, environ, report)
    return settings, report.problems


def check_document(
    document: Mapping[str, object], path: Path, environ: Mapping[str, str], run: CommandRunner = run_command
) -> Settings:
    """The settings as they would be if `document` were the file at `path`, which need not be there.

    The environment is only asked for paths. Raises `ConfigError` with every problem found.
    """
    report = ProblemReport()
    settings = _settle([read_document(document, file_origin(path), report)], path, environ, run, report, offline=False)
    report.close()
    return settings


def _settle(
    layers: list[Layer],
    path: Path | None,
    environ: Mapping[str, str],
    run: CommandRunner,
    report: ProblemReport,
    *,
    offline: bool,
) -> Settings:
    """Layers, the weakest first, as settings; rules are looked at where the file could be read."""
    folder = settings_folder(path) if path else None
    values = _merge(layers) | SecretReader(environ, folder, run, report).read_all(layers)
    settings, entries = _assemble(values, path, environ, report)
    if not report.spoils("config"):
        check_rules(settings, entries, report, offline=offline)
    return settings


def _merge(layers: list[Layer]) -> Layer:
    """The last layer's word on every plain setting; secrets are read apart, as they come in three forms."""
    merged = {key: given for layer in layers for key, given in layer.items()}
    return {key: given for key, given in merged.items() if key in SETTINGS and not SETTINGS[key].secret}


def _assemble(
    values: Layer, path: Path | None, environ: Mapping[str, str], report: ProblemReport
) -> tuple[Settings, Entries]:
    """Settings from all that is usable in `values`, defaults elsewhere; and all entries, for the rules."""
    top = build_section(TopLevel, "", values, report)
    sections = {name: build_section(model, name, values, report) for name, model in _SECTIONS.items()}
    parts: dict[str, Any] = {**dict(top), **sections}
    draft = Configurable.model_construct(**parts)
    locations, charges, origins = _build_tables(draft, values, environ, report)
    mappings = place_mappings(path, environ, sandbox=draft.environment == "sandbox", report=report)
    written = read_mappings(mappings, report, production=draft.environment == "production")
    products = build_entries(ProductEntry, "product", written, "name", report)
    ledger_path, token_path = _place_files(values, path, environ, report)
    fields: dict[str, object] = {
        **dict(draft),
        "locations": whole_entries(locations),
        "charges": whole_entries(charges),
        "products": whole_entries(products),
        "config_path": path,
        "mappings_path": mappings,
        "ledger_path": ledger_path,
        "token_path": token_path,
    }
    settings = Settings.of(fields, {**origins, "products": written.origin}, read_network(environ))
    return settings, Entries(locations, charges, products)


def _build_tables(
    draft: Configurable, values: Layer, environ: Mapping[str, str], report: ProblemReport
) -> tuple[tuple[Built[LocationSettings], ...], tuple[Built[ChargeSettings], ...], dict[str, Origin]]:
    """Locations and charges, and the origins of all that is given, the old service's place counted in."""
    place = read_legacy_location(environ, report)
    chosen = choose_locations(values.get("locations"), place, report)
    given = values | ({"locations": chosen} if chosen else {})
    locations = build_locations(chosen, draft, draft.revel, report)
    origins = {key: value.origin for key, value in given.items()}
    check_legacy_location(place, whole_entries(locations), origins.get("locations", DEFAULT), report)
    charges = build_entries(ChargeSettings, "charges", given.get("charges", _NOTHING), "match", report)
    return locations, charges, origins


def _place_files(
    values: Layer, path: Path | None, environ: Mapping[str, str], report: ProblemReport
) -> tuple[Path, Path]:
    """Where ledger and token file lie: where the settings say, else by the settings file."""
    folder = settings_folder(path) if path else None
    state = place_state(path, environ)
    ledger = _given_path("ledger.path", values, environ, folder, report)
    token = _given_path("tripleseat.token_file", values, environ, folder, report)
    if ledger is None and state is None and not report.spoils("ledger.path"):
        message = "isn't set, and no home folder is known"
        report.add(ConfigCode.NOT_SET, "ledger.path", DEFAULT, message, "Set it, or HOME.")
    default = state or StatePlace(Path())
    beside = ledger.with_name(TOKEN_NAME) if ledger else default.token
    return ledger or default.ledger, token or beside


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

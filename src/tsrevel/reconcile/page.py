"""Writes the report as one HTML page to read and print: no script, nothing from outside, everything escaped."""

from __future__ import annotations

import base64
import hashlib
import os
from importlib.resources import files
from pathlib import Path

from tsrevel.config import Settings
from tsrevel.config.paths import config_to_name
from tsrevel.errors import ConfigCode, ConfigError, ConfigProblem
from tsrevel.files import open_regular, replace_file
from tsrevel.reconcile.model import ADVICE_ON_ALARMS, MONEY_KINDS, Reconciliation
from tsrevel.templates import load_template
from tsrevel.text import with_config

MARK = '<meta name="generator" content="tsrevel reconcile">'
"""It is near the beginning of every page. Only a file with it may be replaced."""


def check_page(path: Path) -> str | None:
    """Why the page can't be written there, in words; None if it can. Call it before the comparison."""
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except PermissionError:
        return f"this user can't enter the folder {path.parent}; choose another folder"
    if is_folder:
        return f"{path} is a folder; name a file in it"
    if not has_folder:
        return f"the folder {path.parent} doesn't exist; make it first"
    if not os.access(path.parent, os.W_OK):
        return f"this user can't write to the folder {path.parent}; choose another folder"
    if path.exists() and not _is_ours(path):
        return f"{path} exists and isn't a page of `tsrevel reconcile`; name another file, or remove it"
    return None


def write_page(path: Path, text: str) -> None:
    """Write the page (mode 0600), replacing an earlier one atomically. Raises ConfigError if that fails."""
    try:
        replace_file(path, text.encode())
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}"
        problem = ConfigProblem(ConfigCode.FILE_UNWRITABLE, "--html", "the command line", message, "Make room.")
        raise ConfigError(problem) from error


def _is_ours(path: Path) -> bool:
    try:
        with os.fdopen(open_regular(path), encoding="utf-8", errors="replace") as file:
            return MARK in file.read(2000)
    except OSError:
        return False


def render_page(report: Reconciliation, settings: Settings) -> str:
    """The page's HTML. Its commands name the settings file, because others read it too."""
    config = config_to_name(settings.config_path, {})
    style = files("tsrevel.reconcile").joinpath("templates/page.css").read_text(encoding="utf-8")
    dates = [day.day for day in report.days]
    page = load_template("tsrevel.reconcile", "page.html").render(
        report=report,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        first=min(dates, default=None),
        last=max(dates, default=None),
        orders=sum(day.whole.revel.orders for day in report.days),
        total=sum(day.whole.revel.money.total for day in report.days),
        alarms=sum(finding.alarm for _, finding in report.differences),
        advice_on_alarms=ADVICE_ON_ALARMS,
        locations=report.by_location,
        sides=("tripleseat", *(["ledger"] if report.has_ledger else []), "revel"),
        money_kinds=MONEY_KINDS,
        event_url=settings.tripleseat.event_url,
        copyable=lambda text: with_config(text, config),
    )
    return page.lstrip()

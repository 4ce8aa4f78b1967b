"""The settings: file, environment and flags become one frozen object that knows each value's origin.

This package decides what a setting may be. It calls no service, opens no ledger, and shows no secret.
"""

from tsrevel.config.load import check_document, examine_settings, load_for_ledger, load_settings
from tsrevel.config.paths import config_folder, state_folder
from tsrevel.config.secret_values import CommandFailure, CommandResult, CommandRunner, run_command
from tsrevel.config.settings import (
    SETTINGS,
    ChargeSettings,
    EmailSettings,
    LedgerSettings,
    LocationSettings,
    MonitorSettings,
    OrdersSettings,
    ProductEntry,
    RevelSettings,
    SafetySettings,
    Settings,
    SyncSettings,
    TimeGateSettings,
    TripleSeatSettings,
)
from tsrevel.config.value_types import is_loopback

__all__ = [
    "SETTINGS",
    "ChargeSettings",
    "CommandFailure",
    "CommandResult",
    "CommandRunner",
    "EmailSettings",
    "LedgerSettings",
    "LocationSettings",
    "MonitorSettings",
    "OrdersSettings",
    "ProductEntry",
    "RevelSettings",
    "SafetySettings",
    "Settings",
    "SyncSettings",
    "TimeGateSettings",
    "TripleSeatSettings",
    "check_document",
    "config_folder",
    "examine_settings",
    "is_loopback",
    "load_for_ledger",
    "load_settings",
    "run_command",
    "state_folder",
]

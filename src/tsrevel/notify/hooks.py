"""Runs the operator's commands: JSON on standard input, limited time, no influence on the run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

HOOK_SECONDS = 30
_TELLING = 8
"""The length from which a secret is also searched inside values: a shorter one may be there by chance."""


@dataclass(frozen=True, slots=True)
class HookFailure:
    """Why a hook failed; `text` continues "the command". `started`: whether it began at all."""

    text: str
    started: bool = True


def run_hook(command: str, told: str, environ: Mapping[str, str]) -> HookFailure | None:
    """Run `command` without a shell, with `told` on its standard input. Returns why it failed, or None.

    Its output is discarded. After HOOK_SECONDS it is killed, with its whole process group.
    """
    try:
        hook = subprocess.Popen(  # noqa: S603 (the operator's own command, taken from their settings)
            shlex.split(command),
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return HookFailure(f"couldn't be run ({why})", started=False)
    try:
        hook.communicate(told.encode("utf-8", "replace"), timeout=HOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return HookFailure(f"took longer than {HOOK_SECONDS} seconds")
    finally:
        if hook.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(hook.pid, signal.SIGKILL)
            hook.wait()
    if hook.returncode:
        return HookFailure(f"failed with status {hook.returncode}")
    return None


def without_secrets(environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]) -> dict[str, str]:
    """The environment without the variables in `names`, and without any that contains one of the `secrets`."""
    return {name: value for name, value in environ.items() if name not in names and not _tells(value, secrets)}


def _tells(value: str, secrets: Collection[str]) -> bool:
    return any(value == secret or (len(secret) >= _TELLING and secret in value) for secret in secrets)

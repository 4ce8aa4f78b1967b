"""The operator's own commands, told what happened: JSON on their standard input, a limited time, no say in the run."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Collection, Mapping
from contextlib import suppress

HOOK_SECONDS = 30
_TELLING = 8
"""Characters from which on a secret is looked for inside other values: a shorter one may be there by chance."""


def run_hook(command: str, told: str, environ: Mapping[str, str]) -> str:
    """Run `command` without a shell, `told` on its standard input; "" or why it failed, worded for a message.

    What it prints goes nowhere. After HOOK_SECONDS it is killed, with whatever it has started.
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
        return f"couldn't be run ({getattr(error, 'strerror', None) or type(error).__name__})"
    try:
        hook.communicate(told.encode("utf-8", "replace"), timeout=HOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return f"took longer than {HOOK_SECONDS} seconds"
    finally:
        if hook.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(hook.pid, signal.SIGKILL)
            hook.wait()
    return f"failed with status {hook.returncode}" if hook.returncode else ""


def without_secrets(environ: Mapping[str, str], names: Collection[str], secrets: Collection[str]) -> dict[str, str]:
    """The environment without the variables of these `names`, and without any that holds one of the `secrets`."""
    return {
        name: value
        for name, value in environ.items()
        if name not in names and not any(_holds(value, secret) for secret in secrets)
    }


def _holds(value: str, secret: str) -> bool:
    return value == secret or (len(secret) >= _TELLING and secret in value)

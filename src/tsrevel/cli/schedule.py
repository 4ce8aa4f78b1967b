"""`schedule`: the crontab or the systemd units that run this installation every 45 minutes."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import typer

from tsrevel.cli.answers.setup import ScheduleAnswer
from tsrevel.cli.arguments import one_line
from tsrevel.cli.context import CliContext
from tsrevel.config import SETTINGS, Settings
from tsrevel.config.paths import SYSTEM_STATE, settings_file
from tsrevel.config.problems import Source
from tsrevel.config.settings import VARIABLES
from tsrevel.doctor.machine import secret_files
from tsrevel.doctor.schedule import cron_lines, sync_command, user_id
from tsrevel.files import user_name
from tsrevel.transport.network import NETWORK_VARIABLES

CALENDAR = ("00/3:00,45", "01/3:30", "02/3:15")
"""The times of CRON_TIMES (doctor/schedule.py), as systemd writes them."""
SERVICE_UNIT = """\
[Unit]
Description=Carry catering orders from TripleSeat to Revel ({name})
Wants=network-online.target
After=network-online.target
OnFailure={failed}

[Service]
Type=oneshot
User={user}
{environment}ExecStart={command}
# 3: events are held or failed, and tsrevel's own mails say so ([email]). 11: another run is still at work.
SuccessExitStatus=3 11
# A run ends by itself after sync.deadline_minutes. On a signal it ends within seconds, or a minute later if it is just
# renewing TripleSeat's token; the next run finishes a begun order.
TimeoutStartSec={timeout}
TimeoutStopSec=120
{log}# It writes its ledger and TripleSeat's token, and nothing else on this machine.
ProtectSystem=strict
{state}
ProtectHome={home}
PrivateTmp={tmp}
UMask=0077
NoNewPrivileges=true
CapabilityBoundingSet=
RestrictSUIDSGID=true
PrivateDevices=true
PrivateMounts=true
DevicePolicy=closed
PrivateUsers=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=true
KeyringMode=private
LockPersonality=true
MemoryDenyWriteExecute=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=@chown
"""
_TIMER = """\
[Unit]
Description=Start {name} every 45 minutes

[Timer]
{calendar}
# After the machine was off, a run that was missed starts at once.
Persistent=true
# Up to a minute later, by an amount that stays the same on this machine.
RandomizedDelaySec=60
FixedRandomDelay=true
AccuracySec=1

[Install]
WantedBy=timers.target
"""
FAILED_UNIT = """\
[Unit]
Description=Mail that a run of {name} failed

[Service]
Type=oneshot
# It needs a `mail` command on this machine.
ExecStart=/bin/sh -c '\\
    systemctl status --no-pager --lines=50 {name}.service | mail -s "{name} failed on %H" "$$@"' sh {to}
"""


def print_schedule(
    ctx: CliContext, kind: Literal["cron", "systemd"], user: str | None, mail_to: Sequence[str], log: Path | None
) -> int:
    """Print the crontab or the units, and how to install them. It writes nothing and calls no service.

    Raises typer.BadParameter for a value that would end its line.
    """
    settings = ctx.load_settings(offline=True)
    if settings.config_path is None:
        raise typer.BadParameter(
            "there is no settings file, and cron and systemd don't have your environment; run `tsrevel init`"
        )
    user = user or _find_user(settings)
    to = list(mail_to or settings.email.recipients or [user])
    log = log.absolute() if log else None
    typed = [("--user", user), *(("--mailto", each) for each in to), ("--log", str(log or ""))]
    for name, text in (*typed, *(("the command to run", word) for word in sync_command(settings))):
        one_line(name, text)
    given = [key for key in SETTINGS if settings.origin(key).source is Source.ENVIRONMENT]
    warnings = [f"{key} is set in this environment, and a scheduled run doesn't have it" for key in given]
    place = "crontab" if kind == "cron" else "service"
    lacking = [name for name in (*NETWORK_VARIABLES, "NO_PROXY", "no_proxy") if ctx.environ.get(name)]
    warnings += [f"{name} is set in this environment; set it in the {place} for scheduled runs" for name in lacking]
    warnings += [f"this machine has no user {user}"] if user_id(user) is None else []
    if kind == "cron":
        files = {"crontab": _render_crontab(settings, to, log)}
        as_root = "" if user == "root" else f", or `crontab -u {user} -e` as root"
        install = [f"run `crontab -e` as {user}{as_root}, and add these lines"]
    else:
        name = name_units(settings.config_path)
        files = _render_units(name, settings, ctx.environ, user, to, log)
        install = [
            "save each file under the name above it, as root",
            "systemctl daemon-reload",
            f"systemctl enable --now {name}.timer",
        ]
    if ctx.options.json:
        answer = ScheduleAnswer(
            kind=kind, user=user, command=sync_command(settings), files=files, install=install, warnings=warnings
        )
        ctx.answer(answer)
        return 0
    for text in [] if ctx.options.quiet else warnings:
        ctx.log(text, "WARNING")
    for step in install:
        print(f"# To install: {step}", file=ctx.stdout)
    for name, text in files.items():
        print(f"\n# {name}\n{text}" if kind == "systemd" else f"\n{text}", end="", file=ctx.stdout)
    return 0


def _find_user(settings: Settings) -> str:
    """Who runs it: this user, or, for root, the owner of the ledger's folder or of the settings."""
    paths = [settings.ledger_path.parent, *([settings.config_path] if settings.config_path else [])]
    owners = []
    for path in paths:
        with suppress(OSError):
            owners.append(path.stat().st_uid)
    return user_name(os.geteuid() or next((uid for uid in owners if uid), 0))


def _render_crontab(settings: Settings, to: Sequence[str], log: Path | None) -> str:
    lines = cron_lines(settings)
    mails = '# cron mails the output of a run: only lines that a person should read. MAILTO="" turns that off.'
    own = "what [email] says" if settings.email.configured else "nothing until [email] is set"
    if log:
        mails = "# The output of a run goes to the log, so cron doesn't mail it."
        target = shlex.quote(str(log)).replace("%", r"\%")
        lines = [f"{line} >>{target} 2>&1" for line in lines]
    return "\n".join(
        [
            "# tsrevel every 45 minutes. Cron has no field for it: three lines that repeat every three hours do it.",
            mails,
            f"# tsrevel itself mails {own}.",
            f"MAILTO={','.join(to)}",
            *lines,
            "",
        ]
    )


def name_units(config: Path) -> str:
    """The name of the units: "tsrevel", with the name of the settings, or of their folder, behind it if it is another.

    So the units of two installations don't replace each other.
    """
    real = settings_file(config)
    if real.name == "config.toml" and real.parent.name == "tsrevel":
        return "tsrevel"
    own = real.parent.name if real.name == "config.toml" else real.name.removesuffix(".toml")
    return f"tsrevel-{re.sub('[^A-Za-z0-9:_.-]+', '-', own)}"


def _render_units(
    name: str, settings: Settings, environ: Mapping[str, str], user: str, to: Sequence[str], log: Path | None
) -> dict[str, str]:
    state = list(dict.fromkeys(path.absolute().parent for path in (settings.ledger_path, settings.token_path)))
    own = [each.relative_to(SYSTEM_STATE.parent) for each in state if each.is_relative_to(SYSTEM_STATE)]
    lines = [f"StateDirectory={' '.join(map(_quote, own))}", "StateDirectoryMode=0700"] if own else []
    lines += [f"ReadWritePaths={_quote(each)}" for each in state if not each.is_relative_to(SYSTEM_STATE)]
    secrets = dict(secret_files(settings, environ))
    for key, path in secrets.items():
        lines += [f"LoadCredential={key}:{_escape(path.absolute())}"]
    needed = [*state, Path(sys.executable), Path(sys.executable).resolve(), Path(__file__), Path(sys.base_prefix)]
    needed += [settings.config_path] if settings.config_path else []

    def below(*folders: str) -> bool:
        return any(path.absolute().is_relative_to(folder) for path in needed for folder in folders)

    service = SERVICE_UNIT.format(
        name=name,
        failed=f"{name}-failed.service",
        user=user,
        environment="".join(f"Environment={VARIABLES[key][0]}=%d/{key}\n" for key in secrets),
        command=" ".join(_quote(word.replace("$", "$$")) for word in sync_command(settings)),
        timeout=f"{settings.sync.deadline_minutes + 15}min",
        log=f"StandardOutput=append:{_escape(log)}\nStandardError=append:{_escape(log)}\n" if log else "",
        state="\n".join(lines),
        home="read-only" if below("/home", "/root", "/run/user") else "true",
        tmp="false" if below("/tmp", "/var/tmp") else "true",  # noqa: S108 (a private /tmp would hide them)
    )
    folder = "/etc/systemd/system"
    return {
        f"{folder}/{name}.service": service,
        f"{folder}/{name}.timer": _TIMER.format(
            name=name, calendar="\n".join(f"OnCalendar={each}" for each in CALENDAR)
        ),
        f"{folder}/{name}-failed.service": FAILED_UNIT.format(name=name, to=" ".join(map(_quote, to))),
    }


def _escape(path: Path) -> str:
    """The rest of a line of a unit file that is one path: systemd expands its "%", but takes its quotes as they are."""
    return str(path).replace("%", "%%")


def _quote(word: str | Path) -> str:
    """A word of a unit file."""
    text = str(word).replace("%", "%%")
    return text if re.fullmatch(r"[\w@%$+=:,./-]+", text) else '"{}"'.format(re.sub(r'(["\\])', r"\\\1", text))

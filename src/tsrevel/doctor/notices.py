"""The checks of who hears of a run, and of what starts one: mail, monitor, crontab or systemd timer."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from tsrevel.config import CommandRunner, Settings
from tsrevel.doctor.finding import Finding, doubtful, fine, skipped, wrong

MAIL, MONITOR, SCHEDULE = "email", "monitor", "schedule"
_TIMERS = (["systemctl", "list-timers", "--all", "--no-legend"], ["systemctl", "--user", "list-timers", "--all"])


def check_mail(settings: Settings) -> Finding:
    """Whether mails can be sent at all. The key isn't tried: nothing documents a way that sends no mail."""
    mail = settings.email
    parts = {
        "email.api_key": bool(mail.api_key.get_secret_value().strip()),
        "email.sender": bool(mail.sender),
        "email.recipients": bool(mail.recipients),
    }
    missing = [key for key, there in parts.items() if not there]
    if len(missing) == len(parts):
        return skipped(MAIL, "no mail is set up ([email])")
    if missing:
        text = f"half set up, so no mail is sent: {', '.join(missing)} isn't set"
        return doubtful(MAIL, text, "Set it, or empty the whole [email] section.")
    key = mail.api_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        return wrong(MAIL, "email.api_key holds characters that no key has", "Set SendGrid's key anew.")
    count = len(mail.recipients)
    people = f"{count} recipient{'s' * (count != 1)}"
    return fine(MAIL, f"SendGrid key, sender and {people} are set; the key isn't tried")


def check_monitor(settings: Settings) -> Finding:
    """Whether somebody would notice that runs have stopped. It isn't pinged."""
    if settings.monitor.ping_url.get_secret_value():
        return fine(MONITOR, "monitor.ping_url is set; it isn't pinged now")
    remedy = "Set monitor.ping_url (Healthchecks or the like), or watch cron in another way."
    return doubtful(MONITOR, "monitor.ping_url isn't set: nobody is told when runs stop", remedy)


def check_schedule(settings: Settings, environ: Mapping[str, str], run: CommandRunner) -> Finding:
    """Whether this user's crontab, or a systemd timer that can be seen, starts `tsrevel sync`."""
    table = run(["crontab", "-l"], environ)
    lines = [line for line in table.output.splitlines() if _starts_sync(line)]
    if lines:
        return fine(SCHEDULE, f"crontab: {len(lines)} line{'s' * (len(lines) != 1)} with `tsrevel sync`")
    for words in _TIMERS:
        if "tsrevel" in run(words, environ).output:
            return fine(SCHEDULE, "a systemd timer starts tsrevel")
    config = f" --config {shlex.quote(str(settings.config_path.absolute()))}" if settings.config_path else ""
    why = f"`crontab -l` {table.failure}" if table.failure else "`crontab -l` shows none"
    line = f"0 0-21/3 * * * tsrevel sync{config}"
    remedy = f"At go-live, `crontab -e` and add the lines of crontab.example; the first is: {line}"
    return doubtful(SCHEDULE, f"no crontab line of this user's, no systemd timer starts tsrevel ({why})", remedy)


def _starts_sync(line: str) -> bool:
    return not line.lstrip().startswith("#") and "tsrevel" in line and "sync" in line

"""The checks of who hears of a run: mail, monitor."""

from __future__ import annotations

from tsrevel.config import Settings
from tsrevel.doctor.findings import CheckFinding, FindingCode, SkippedCheck, ok, problem, skipped, warning

MAIL, MONITOR = "email", "monitor"


def check_mail(settings: Settings) -> CheckFinding:
    """Whether mails can be sent at all. The key isn't tried: nothing documents a way that sends no mail."""
    mail = settings.email
    parts = {
        "email.api_key": bool(mail.api_key.get_secret_value().strip()),
        "email.sender": bool(mail.sender),
        "email.recipients": bool(mail.recipients),
    }
    missing = [key for key, there in parts.items() if not there]
    if len(missing) == len(parts):
        return skipped(MAIL, SkippedCheck(FindingCode.NOT_CONFIGURED, "no mail is set up ([email])"))
    if missing:
        text = f"half set up, so no mail is sent: {', '.join(missing)} isn't set"
        return warning(MAIL, FindingCode.INCOMPLETE, text, "Set it, or empty the whole [email] section.")
    key = mail.api_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        text = "email.api_key holds characters that no key has"
        return problem(MAIL, FindingCode.MALFORMED_KEY, text, "Set SendGrid's key anew.")
    count = len(mail.recipients)
    people = f"{count} recipient{'s' * (count != 1)}"
    return ok(MAIL, f"SendGrid key, sender and {people} are set; the key isn't tried")


def check_monitor(settings: Settings) -> CheckFinding:
    """Whether somebody would notice that runs have stopped. It isn't pinged."""
    if settings.monitor.ping_url.get_secret_value():
        return ok(MONITOR, "monitor.ping_url is set; it isn't pinged now")
    remedy = "Set monitor.ping_url (Healthchecks or the like), or watch cron in another way."
    text = "monitor.ping_url isn't set: nobody is told when runs stop"
    return warning(MONITOR, FindingCode.NOT_SET, text, remedy)

"""Every check of `doctor`, in order: this machine, both services, each location, notifications, the schedule."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

from tsrevel.config import Settings
from tsrevel.config.settings import build_policy
from tsrevel.doctor import machine
from tsrevel.doctor.assumptions import ASSUMPTIONS_CHECK, ask_ledger, describe_answer
from tsrevel.doctor.findings import (
    CheckFinding,
    SkippedCheck,
    attempt,
    failure,
    ok,
    problem,
    skip_all,
    skipped,
    usable,
    warning,
)
from tsrevel.doctor.locations import CheckedLocation, check_location
from tsrevel.doctor.revel import RevelLists, examine_revel, skip_revel
from tsrevel.doctor.schedule import Schedule, check_schedule
from tsrevel.doctor.tripleseat import TripleSeatLists, examine_tripleseat, skip_tripleseat
from tsrevel.engine.outcomes import NEEDS_ATTENTION, describe_disabled
from tsrevel.errors import ConfigProblem, TsrevelError
from tsrevel.ledger import LedgerView, Pause, read_pause
from tsrevel.ledger.queries import UnsentMails
from tsrevel.planning.assumptions import AssumptionResult, summarize
from tsrevel.planning.model import Policy
from tsrevel.planning.reasons import Reason, Status, advise
from tsrevel.planning.screening import covered_locations, days_in_reach
from tsrevel.redaction import Secret
from tsrevel.text import capitalised, count_of, show_span
from tsrevel.transport.network import NETWORK_VARIABLES
from tsrevel.wiring import Runtime, open_services, why_disabled

T = TypeVar("T")
MAIL, MONITOR, RUNS = "email", "monitor", "runs"
_LATE = timedelta(hours=3)
"""The time without a good run that `status` and this check let pass; here after the next run should have begun."""
_AHEAD = timedelta(days=30)
"""`doctor` searches this far beyond the days of a run, so a quiet week isn't taken for a fault."""
_SWITCHED_OFF = SkippedCheck("SWITCHED_OFF", f"{describe_disabled(None)}: runs call no service")
_PAUSED = SkippedCheck("PAUSED", "runs are paused and call no service until `tsrevel resume`")
_ZONES = ("timezone", "revel_timezone")
_FIELDS = {"tripleseat": ("tripleseat_location", "tripleseat_site"), **dict.fromkeys(_ZONES, ("timezone",))}
_DOORS = {
    "tripleseat": tuple(f"tripleseat.{key}" for key in ("base_url", "auth", "client_", "token_", "public_key")),
    "revel": tuple(f"revel.{key}" for key in ("base_url", "domain", "api_")),
}
"""Settings that a request to the service needs."""
_LEDGER_KEYS = ("config", "ledger", "environment")


@dataclass(frozen=True, slots=True, repr=False)
class Installation(Secret):
    """An installation: the usable part of its settings, their problems, and its surroundings."""

    settings: Settings
    problems: tuple[ConfigProblem, ...]
    environ: Mapping[str, str]
    runtime: Runtime

    def why_skipped(self, *keys: str) -> SkippedCheck | None:
        """Why nothing that depends on settings whose keys begin with `keys` can be checked, or None."""
        bad = next((each.key for each in self.problems if each.key.startswith(keys)), None)
        return _config_problem(bad) if bad else None

    def pause(self) -> Pause | None:
        """Since when and why a person has paused all runs; None if nobody has, or if that can't be read."""
        known = self.why_skipped(*_LEDGER_KEYS) is None
        if not known:
            return None
        return usable(attempt(lambda: read_pause(self.settings.ledger_path, self.runtime.database)))

    def switched_off(self) -> str | None:
        """Why no service may be called, in words: the kill switch in the settings, or a person's pause.

        A ledger that can't be read has its own check, and doesn't keep the services from theirs.
        """
        if self.settings.safety.enable_connector and self.why_skipped(*_LEDGER_KEYS):
            return None  # the ledger that may hold a pause isn't known
        return usable(attempt(lambda: why_disabled(self.settings, self.runtime)))


def run_checks(installation: Installation) -> Iterator[CheckFinding]:
    """Yield each finding as soon as it is made. The only exception of ours that it raises is WriteForbidden."""
    settings = installation.settings
    yield from machine.check_config(settings, installation.problems)
    yield from machine.check_safety(settings, installation.pause())
    because = installation.why_skipped(*_LEDGER_KEYS)
    yield from machine.check_config_files(settings)
    inspection = None
    if because:
        yield from skip_all(("file.token", "file.ledger", "ledger", "disk", "lock"), because)
    else:
        yield from machine.check_state_files(settings, installation.environ)
        inspection = yield from machine.check_ledger(settings, installation.runtime.database)
        yield machine.check_disk(settings)
        yield machine.check_lock(settings)
    if inspection:
        yield from _check_lost(installation)
        yield from check_kept_answers(settings, installation.runtime)
        yield from _check_rehearsal(installation)
    skews = yield from _examine_services(installation)
    last_at = inspection.last_at if inspection else None
    yield machine.check_clock(installation.runtime.clock(), skews, last_at)
    runtime = installation.runtime
    now = runtime.clock()
    unsent = _ask_ledger(installation, lambda view: view.queries.unsent_mails(now)) if inspection else None
    found = yield from check_schedule(settings, installation.environ, runtime.run_command, now)
    if because:
        yield skipped(RUNS, because)
    else:
        yield check_runs(installation, found, now)
        yield from machine.check_users(settings, found.users if found else ())
    yield check_mail(settings, unsent, now, found.silent if found else ())
    yield check_monitor(settings)


def check_runs(installation: Installation, schedule: Schedule | None, now: datetime) -> CheckFinding:
    """Whether the scheduled runs begin and end well."""
    settings = installation.settings
    if schedule is None:
        return skipped(RUNS, SkippedCheck("NOT_SCHEDULED", "no sound schedule of these runs is known"))
    if settings.safety.dry_run or installation.switched_off():
        return skipped(RUNS, SkippedCheck("NOT_LIVE", "runs are dry, paused or disabled"))
    places = covered_locations(build_policy(settings))
    asked = _ask_ledger(
        installation,
        lambda view: (
            view.runs.unseen_since(places, now),
            view.runs.last_good(places, now),
            view.runs.resumed_at(now),
            view.runs.latest(1, bulk=True, live=True),
        ),
    )
    since, good, resumed, last = asked or (None, None, None, ())
    if not since or not last:
        return skipped(RUNS, SkippedCheck("NO_RUN", "no live run of `tsrevel sync` is known"))
    since = max(since, resumed or since)
    if now - since <= schedule.longest + _LATE:
        text = f"the last good run began {show_span(now - good.started_at)} ago" if good else "no run was good yet"
        return ok(RUNS, f"{text}; runs were resumed {show_span(now - since)} ago" if since == resumed else text)
    ended = "hasn't finished" if last[0].exit_status is None else f"ended with exit status {last[0].exit_status}"
    told = f"no good run began in the last {show_span(now - since)}, although runs are scheduled"
    text = f"{told}; the last one, {last[0].correlation_id}, {ended}{'' if last[0].whole else ', and left events out'}"
    remedy = (
        "Run the scheduled command by hand, as its user. If it works, check that cron, systemd or `tsrevel serve`"
        " starts it. If runs are live or scheduled only since today, wait for the next one."
    )
    return problem(RUNS, "RUNS_STALE", text, remedy, NEEDS_ATTENTION)


def check_kept_answers(settings: Settings, runtime: Runtime) -> Iterator[CheckFinding]:
    """The stored answers of `doctor --assumptions`: one line if all is well."""
    answers = attempt(lambda: ask_ledger(settings, runtime, lambda view: view.assumptions.answers()))
    if isinstance(answers, TsrevelError):
        yield failure(ASSUMPTIONS_CHECK, answers)
        return
    if not answers:
        why = "`tsrevel doctor --assumptions` was never run"
        yield skipped(ASSUMPTIONS_CHECK, SkippedCheck("NOT_TESTED", why))
        return
    accepted = settings.safety.accepted_assumptions
    failed = [describe_answer(each, each.code in accepted) for each in answers if each.result is AssumptionResult.FAILS]
    if not failed:
        yield ok(ASSUMPTIONS_CHECK, summarize(answers))
    for each in failed:
        yield replace(each, name=ASSUMPTIONS_CHECK)


def listed_days(installation: Installation) -> tuple[date, date]:
    """The first and the last day of the events that `doctor` lists."""
    settings = installation.settings
    first, last = days_in_reach(build_policy(settings), installation.runtime.clock(), settings.sync.hours_back)
    return first, last + _AHEAD


def _examine_services(installation: Installation) -> Generator[CheckFinding, None, Mapping[str, float | None]]:
    """Check TripleSeat, Revel, and each location against both. Returns how far their clocks are ahead of ours.

    If neither may be called, neither is opened: a wrong proxy or certificate would end that with an error.
    """
    settings, runtime = installation.settings, installation.runtime
    policy = build_policy(settings)
    tripleseat_off, revel_off = (keep_off(installation, each) for each in ("tripleseat", "revel"))
    if tripleseat_off and revel_off:
        yield from skip_tripleseat(tripleseat_off)
        yield from skip_revel(revel_off)
        yield from _examine_locations(installation, policy, TripleSeatLists(), RevelLists())
        return {"TripleSeat": None, "Revel": None}
    with open_services(settings, runtime) as services:
        tripleseat, revel = TripleSeatLists(), RevelLists()
        if tripleseat_off:
            yield from skip_tripleseat(tripleseat_off)
        else:
            tripleseat = yield from examine_tripleseat(services.tripleseat, settings, policy, listed_days(installation))
        revel_off = keep_off(installation, "revel")  # somebody may have paused runs meanwhile
        if revel_off:
            yield from skip_revel(revel_off)
        else:
            revel = yield from examine_revel(services.account, services.revel, settings)
        yield from _examine_locations(installation, policy, tripleseat, revel)
        return {"TripleSeat": services.tripleseat.skew, "Revel": services.account.skew}


def _examine_locations(
    installation: Installation, policy: Policy, tripleseat: TripleSeatLists, revel: RevelLists
) -> Iterator[CheckFinding]:
    for said, location in zip(installation.settings.locations, policy.locations, strict=True):
        entry = CheckedLocation(said, location, policy, installation.settings, installation.runtime.clock())
        for finding in check_location(entry, tripleseat, revel):
            told = finding.name.removeprefix("location.")
            own = tuple(f"locations[{entry.name}].{field}" for field in _FIELDS.get(told, (told,)))
            above = "timezone" if told in _ZONES else f"revel.{told}"
            because = installation.why_skipped(*own, above)  # a default replaced the unusable value
            yield replace(skipped(finding.name, because) if because else finding, subject=entry.name)


def _config_problem(key: str) -> SkippedCheck:
    return SkippedCheck("CONFIG_PROBLEM", f"{key} has a config problem")


def keep_off(installation: Installation, service: str) -> SkippedCheck | None:
    """Why that service ("tripleseat", "revel") may not be called, or None."""
    if not installation.settings.safety.enable_connector:
        return _SWITCHED_OFF
    if installation.pause():
        return _PAUSED
    if any(each.key == service for each in installation.problems):
        return _config_problem(service)
    return installation.why_skipped(
        "config", "environment", "safety.enable_connector", *_DOORS[service], *NETWORK_VARIABLES
    )


def _check_lost(installation: Installation) -> Iterator[CheckFinding]:
    """Whether a run reported that an earlier ledger is lost, and no person has settled that since."""
    for each in _ask_ledger(installation, lambda view: view.queries.open_changes()) or ():
        if each.reason == Reason.LEDGER_LOST:
            advice = advise(each.event_id, Status.SKIPPED, each.reason)
            text = f"another ledger made the order of event {each.event_id}; this one lacks its pauses and resolutions"
            yield warning("ledger", "LEDGER_LOST", text, f"{capitalised(advice)}.")


def _check_rehearsal(installation: Installation) -> Iterator[CheckFinding]:
    """Whether a POS station showed something else in the last rehearsal of which a person told that."""
    rehearsals = _ask_ledger(installation, lambda view: view.assumptions.rehearsals()) or ()
    for last in [each for each in rehearsals if "total_agrees" in each.facts][-1:]:
        if wrong := [name for name, answer in last.facts.items() if answer == "no"]:
            whose = f"Revel order {last.facts['order']}, rehearsed on {last.at:%Y-%m-%d}"
            text = f"{whose}, isn't right at the station (no: {', '.join(wrong)})"
            remedy = "Make no other order until you know why. Then rehearse another event."
            yield warning("rehearsal", "STATION_DIFFERS", text, remedy)


def _ask_ledger(installation: Installation, ask: Callable[[LedgerView], T]) -> T | None:
    """The ledger's answer; None also if it can't be read, which has its own check."""
    return usable(attempt(lambda: ask_ledger(installation.settings, installation.runtime, ask)))


def check_mail(
    settings: Settings, unsent: UnsentMails | None, now: datetime, silent: Sequence[str] = ()
) -> CheckFinding:
    """Whether mails can be sent, and whether SendGrid has accepted those of the runs.

    The key isn't tried: no documented request tests it without sending a mail. `silent` start runs, and mail nobody
    their output.
    """
    mail = settings.email
    if mail.is_half_set:
        text = f"no mail can be sent: {mail.describe_missing()}"
        return warning(MAIL, "INCOMPLETE", text, "Set it, or remove the whole [email] section.")
    monitor = settings.monitor
    if mail.missing and silent and not settings.hooks.on_held and not (monitor.fail_on_held and monitor.ping_url):
        runs = f"runs by {' and '.join(silent)} mail no output"
        text = f"nobody learns of held or missed events: {runs}, and [email] isn't set"
        remedy = "Set [email]. Or let cron mail the output: set MAILTO to an address, and don't redirect the output."
        return warning(MAIL, "NOBODY_TOLD", text, remedy)
    if mail.missing:
        return skipped(MAIL, SkippedCheck("NOT_CONFIGURED", "no mail is set up ([email])"))
    key = mail.api_key.get_secret_value()
    if not (key.isascii() and key.isprintable()) or " " in key:
        text = "email.api_key has characters that no key has"
        return problem(MAIL, "MALFORMED_KEY", text, "Set SendGrid's key again.")
    if unsent:
        remedy = "Run `tsrevel notify --test`: it shows SendGrid's answer."
        return warning(MAIL, "UNSENT", unsent.describe(now), remedy)
    people = count_of(len(mail.recipients), "recipient")
    return ok(MAIL, f"SendGrid key, sender and {people} are set; `tsrevel notify --test` tries them")


def check_monitor(settings: Settings) -> CheckFinding:
    """Whether somebody would notice that runs have stopped. It sends no ping."""
    if settings.monitor.ping_url.get_secret_value():
        return ok(MONITOR, "monitor.ping_url is set; `tsrevel notify --test` tries it")
    remedy = "Set monitor.ping_url (Healthchecks or similar), or monitor cron in another way."
    text = "monitor.ping_url isn't set, so nobody learns when runs stop"
    return warning(MONITOR, "NOT_SET", text, remedy)

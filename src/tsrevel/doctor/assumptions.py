"""`doctor --assumptions` queries both services, judges their answers, and stores the results in the ledger.

It sends about 40 requests, all of them reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar
from zoneinfo import ZoneInfo

from tsrevel.config import Settings
from tsrevel.doctor.assumed_of_revel import MOST_TRIED, REVEL_JUDGES, ask_revel
from tsrevel.doctor.assumed_of_tripleseat import ask_tripleseat, judge_tripleseat
from tsrevel.doctor.findings import (
    CheckFinding,
    Judgement,
    SkippedCheck,
    failure,
    ok,
    problem,
    skipped,
    untold,
    warning,
)
from tsrevel.errors import AssumptionFailed, LedgerUnusable
from tsrevel.ledger import KnownOrder, LedgerView, open_view
from tsrevel.planning.assumptions import ASSUMPTIONS, AssumptionAnswer, AssumptionCode, AssumptionResult, advise_on
from tsrevel.text import capitalised
from tsrevel.wiring import Runtime, make_state_folder, open_ledger, open_services

T = TypeVar("T")
HOLDS, FAILS, UNTOLD = AssumptionResult.HOLDS, AssumptionResult.FAILS, AssumptionResult.UNTOLD
ASSUMPTIONS_CHECK = "assumptions"


@dataclass(frozen=True, slots=True)
class AssumptionReport:
    """Every answer, in the order of ASSUMPTIONS. `problem`: why the ledger couldn't be used, or "".

    `silent`: a problem for each service that was queried and gave no answer that could be used.
    """

    answers: tuple[AssumptionAnswer, ...]
    problem: str = ""
    silent: tuple[CheckFinding, ...] = ()


def check_assumptions(
    settings: Settings, runtime: Runtime, revel_off: str | None, tripleseat_off: str | None
) -> AssumptionReport:
    """Query both services, and store the results. `*_off`: why a service must not be queried.

    No error of a service or the ledger is raised: an assumption that can't be tested gets the result UNTOLD.
    """
    now = runtime.clock()
    told: dict[AssumptionCode, Judgement] = {}
    silent: list[CheckFinding] = []
    try:
        known = ask_ledger(settings, runtime, lambda view: view.assumptions.known_orders(MOST_TRIED)) or ()
        trouble = ""
    except LedgerUnusable as error:
        known, trouble = (), str(error)
    if tripleseat_off is None or revel_off is None:  # if both are off, a wrong proxy may be why: neither can be opened
        told, silent = _query(
            settings, runtime, known, asks_tripleseat=tripleseat_off is None, asks_revel=revel_off is None
        )
    off = {"Revel": revel_off, "TripleSeat": tripleseat_off}
    whole = tuple(
        AssumptionAnswer(code, *(told.get(code) or untold(off[row.fact.partition(" ")[0]] or "")))
        for code, row in ASSUMPTIONS.items()
    )
    if not trouble and any(each.result is not UNTOLD for each in whole):
        try:
            make_state_folder(settings)
            with open_ledger(settings, runtime) as ledger:
                ledger.assumptions.store(whole)
        except LedgerUnusable as error:
            trouble = str(error)
    return AssumptionReport(tuple(replace(each, tested_at=now) for each in whole), trouble, tuple(silent))


def _query(
    settings: Settings, runtime: Runtime, known: Sequence[KnownOrder], *, asks_tripleseat: bool, asks_revel: bool
) -> tuple[dict[AssumptionCode, Judgement], list[CheckFinding]]:
    told: dict[AssumptionCode, Judgement] = {}
    skew = None
    with open_services(settings, runtime) as services:
        if asks_tripleseat:
            sites = [str(each.tripleseat_site) for each in settings.locations if each.tripleseat_site]
            today = runtime.clock().astimezone(ZoneInfo(settings.timezone)).date()
            statuses = frozenset(settings.tripleseat.eligible_statuses)
            seen = ask_tripleseat(services.tripleseat_probe, sites, statuses, today)
            told |= judge_tripleseat(seen, settings)
            skew = services.tripleseat_probe.skew
        if asks_revel:
            places = settings.locations
            establishment = str(places[0].revel_establishment) if places else ""
            evidence = ask_revel(services.revel_probe, known, establishment, skew, runtime.clock())
            told |= {code: judge(evidence) for code, judge in REVEL_JUDGES.items()}
        silent = [
            failure(f"{ASSUMPTIONS_CHECK}.{service}", probe.error)
            for service, probe in (("TripleSeat", services.tripleseat_probe), ("Revel", services.revel_probe))
            if probe.error and not probe.has_answered
        ]
    return told, silent


def ask_ledger(settings: Settings, runtime: Runtime, ask: Callable[[LedgerView], T]) -> T | None:
    """The ledger's answer; None if there is no ledger. Raises LedgerUnusable and LedgerDamaged."""
    view = open_view(settings.ledger_path, settings.environment, runtime.database)
    if view is None:
        return None
    with view:
        return ask(view)


def describe_answer(answer: AssumptionAnswer, is_accepted: bool) -> CheckFinding:
    """The answer as `doctor` prints it. It is a problem only if it keeps runs from writing."""
    row = ASSUMPTIONS[answer.code]
    name = f"{ASSUMPTIONS_CHECK}.{row.fact}"
    when = f" ({answer.tested_at:%Y-%m-%d})" if answer.tested_at else ""
    text = f"{answer.code}: {row.sentence}: {answer.result}: {answer.detail}{when}"
    if answer.result is HOLDS:
        return ok(name, f"{answer.code}: {row.sentence}: {answer.detail}")
    if answer.result is UNTOLD:
        return replace(skipped(name, SkippedCheck("NOT_TOLD", "")), text=text.removesuffix(when))
    if row.critical and not is_accepted:
        remedy = f"{row.otherwise}. {capitalised(advise_on([answer]))}."
        return problem(name, "ASSUMPTION_FAILED", text, remedy, AssumptionFailed.exit_status)
    code = "ASSUMPTION_ACCEPTED" if row.critical else "ASSUMPTION_FAILED"
    remedy = "Runs write anyway, because safety.accepted_assumptions lists it." if row.critical else f"{row.otherwise}."
    return warning(name, code, text, remedy)

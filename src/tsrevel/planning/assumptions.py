"""Assumptions about the two services that no account could confirm while tsrevel was built. Pure.

`doctor --assumptions` tests each against the user's own account. The ledger stores the answers, and runs use them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AssumptionCode(StrEnum):
    """An assumption. Codes never change their meaning: settings and ledgers hold them."""

    REVEL_UUID_KEPT = "REVEL_UUID_KEPT"
    REVEL_FINDS_BY_UUID = "REVEL_FINDS_BY_UUID"
    REVEL_FINDS_BY_LOCAL_ID = "REVEL_FINDS_BY_LOCAL_ID"
    REVEL_FINDS_NONE_FOR_UNKNOWN = "REVEL_FINDS_NONE_FOR_UNKNOWN"
    REVEL_IN_FILTER = "REVEL_IN_FILTER"
    REVEL_UNKNOWN_FILTER = "REVEL_UNKNOWN_FILTER"
    REVEL_ESTABLISHMENT_FILTER = "REVEL_ESTABLISHMENT_FILTER"
    REVEL_FIELDS = "REVEL_FIELDS"
    REVEL_PAGE_LIMIT = "REVEL_PAGE_LIMIT"
    REVEL_NEXT_PAGE = "REVEL_NEXT_PAGE"
    REVEL_PAGE_ORDER = "REVEL_PAGE_ORDER"
    REVEL_PRODUCT_SET = "REVEL_PRODUCT_SET"
    REVEL_NUMBERS = "REVEL_NUMBERS"
    REVEL_LOCAL_TIME = "REVEL_LOCAL_TIME"
    REVEL_CLOCK = "REVEL_CLOCK"
    TRIPLESEAT_EVENT_DATES = "TRIPLESEAT_EVENT_DATES"
    TRIPLESEAT_UPDATE_DATES = "TRIPLESEAT_UPDATE_DATES"
    TRIPLESEAT_ORDER = "TRIPLESEAT_ORDER"
    TRIPLESEAT_PAGES = "TRIPLESEAT_PAGES"
    TRIPLESEAT_UPDATED_AT = "TRIPLESEAT_UPDATED_AT"
    TRIPLESEAT_FINANCIALS = "TRIPLESEAT_FINANCIALS"
    TRIPLESEAT_CHARGES = "TRIPLESEAT_CHARGES"
    TRIPLESEAT_PAYMENT_STATES = "TRIPLESEAT_PAYMENT_STATES"
    TRIPLESEAT_DOCUMENTS = "TRIPLESEAT_DOCUMENTS"
    TRIPLESEAT_WEBHOOKS = "TRIPLESEAT_WEBHOOKS"


class AssumptionResult(StrEnum):
    """How a test ended."""

    HOLDS = "holds"
    FAILS = "doesn't hold"
    UNTOLD = "can't be told here"


@dataclass(frozen=True, slots=True)
class Assumption:
    """`fact`: its heading in the fact sheets. `otherwise`: what a run does if it doesn't hold."""

    code: AssumptionCode
    fact: str
    sentence: str
    otherwise: str

    @property
    def critical(self) -> bool:
        """Whether an order's safety needs it, so that runs write nothing without it."""
        return self.otherwise == _WRITES_NOTHING


@dataclass(frozen=True, slots=True)
class AssumptionAnswer:
    """The result of a test. `detail` says what was seen, without customer data and without a full stop at its end."""

    code: AssumptionCode
    result: AssumptionResult
    detail: str
    tested_at: datetime | None = None


_WRITES_NOTHING = "Runs write nothing"
_C = AssumptionCode
ASSUMPTIONS: dict[AssumptionCode, Assumption] = {
    each.code: each
    for each in (
        Assumption(_C.REVEL_UUID_KEPT, "Revel 3.3", "Revel keeps the uuid of an order as it was sent", _WRITES_NOTHING),
        Assumption(_C.REVEL_FINDS_BY_UUID, "Revel 2.1", "Revel finds an order by its uuid", _WRITES_NOTHING),
        Assumption(_C.REVEL_FINDS_BY_LOCAL_ID, "Revel 3.4", "Revel finds an order by its local_id", _WRITES_NOTHING),
        Assumption(
            _C.REVEL_FINDS_NONE_FOR_UNKNOWN,
            "Revel 2.1",
            "Revel finds no order for a uuid that nobody has used",
            _WRITES_NOTHING,
        ),
        Assumption(
            _C.REVEL_IN_FILTER,
            "Revel 2.1",
            "Revel finds several orders by one __in filter",
            "Runs, `reconcile` and `explain` ask for each order separately",
        ),
        Assumption(
            _C.REVEL_UNKNOWN_FILTER,
            "Revel 2.1",
            "Revel ignores a filter that it doesn't know",
            "Nothing changes: runs check every returned row",
        ),
        Assumption(
            _C.REVEL_ESTABLISHMENT_FILTER,
            "Revel 2.1",
            "Revel narrows products to one establishment",
            "Runs read the products of all establishments and check each row",
        ),
        Assumption(
            _C.REVEL_FIELDS,
            "Revel 2.1",
            "Revel returns only the fields that a request asks for",
            "Runs read whole rows",
        ),
        Assumption(
            _C.REVEL_PAGE_LIMIT,
            "Revel 2.1",
            "Revel returns 250 rows a page if a request asks for 250",
            "Nothing changes: runs follow the pages that Revel returns",
        ),
        Assumption(
            _C.REVEL_NEXT_PAGE,
            "Revel 2.1",
            "Revel's next page follows the one before, and all pages hold every row",
            _WRITES_NOTHING,
        ),
        Assumption(
            _C.REVEL_PAGE_ORDER,
            "Revel 2.1",
            "Revel sorts rows by id if a request asks for it",
            "Nothing changes: runs drop rows that come twice",
        ),
        Assumption(
            _C.REVEL_PRODUCT_SET,
            "Revel 2.1",
            "Revel returns several products in one request",
            "Runs read the catalogue again to confirm products",
        ),
        Assumption(_C.REVEL_NUMBERS, "Revel 2.4", "Revel shows money as decimal numbers or text", _WRITES_NOTHING),
        Assumption(
            _C.REVEL_LOCAL_TIME,
            "Revel 2.4",
            "Revel shows the time of an order as the establishment's wall time",
            _WRITES_NOTHING,
        ),
        Assumption(
            _C.REVEL_CLOCK,
            "Revel 6",
            "Revel's answers carry a Date, and it agrees with this machine's clock",
            "Runs check this machine's clock only against TripleSeat's, so they can't refuse to write",
        ),
        Assumption(
            _C.TRIPLESEAT_EVENT_DATES,
            "TripleSeat 2",
            "TripleSeat's search by event date lists the events of these days and no others",
            _WRITES_NOTHING,
        ),
        Assumption(
            _C.TRIPLESEAT_UPDATE_DATES,
            "TripleSeat 2",
            "TripleSeat's search by update date lists the events of these days and no others",
            "Runs leave out other events; a change may be seen late",
        ),
        Assumption(
            _C.TRIPLESEAT_ORDER,
            "TripleSeat 2",
            "TripleSeat lists events in the order of their creation if a request asks for it",
            "A run may miss an event that moves between pages; the next run sees it",
        ),
        Assumption(
            _C.TRIPLESEAT_PAGES,
            "TripleSeat 2",
            "Each page of TripleSeat's search brings other events, up to total_pages",
            _WRITES_NOTHING,
        ),
        Assumption(
            _C.TRIPLESEAT_UPDATED_AT,
            "TripleSeat 3.1",
            "TripleSeat moves an event's updated_at with every edit",
            "A run may not notice an edit after the order was made; `reconcile` does",
        ),
        Assumption(
            _C.TRIPLESEAT_FINANCIALS,
            "TripleSeat 3.3",
            "TripleSeat shows an event's lines and totals with show_financial",
            "Runs hold events without lines",
        ),
        Assumption(
            _C.TRIPLESEAT_CHARGES,
            "TripleSeat 3.3",
            "[[charges]] names every billing total that occurs",
            "Runs hold events with another one",
        ),
        Assumption(
            _C.TRIPLESEAT_PAYMENT_STATES,
            "TripleSeat 3.3",
            "tsrevel knows the state of every payment that occurs",
            "Runs hold events with another one",
        ),
        Assumption(
            _C.TRIPLESEAT_DOCUMENTS,
            "TripleSeat 3.4",
            "One document of each event is clearly the order",
            "Runs hold the other events",
        ),
        Assumption(
            _C.TRIPLESEAT_WEBHOOKS,
            "TripleSeat 6.1",
            "TripleSeat's webhook endpoints are enabled and don't fail",
            "Deliveries don't arrive; the poll still finds the events",
        ),
    )
}
"""Every assumption, in the order in which `doctor --assumptions` tests them."""
_TEST_ALL = "run `tsrevel doctor --assumptions`"


def find_critical(
    answers: Iterable[AssumptionAnswer], accepted: Collection[AssumptionCode]
) -> tuple[AssumptionAnswer, ...]:
    """The answers that keep runs from writing: critical, failed, and not accepted."""
    return tuple(
        each
        for each in answers
        if each.result is AssumptionResult.FAILS and ASSUMPTIONS[each.code].critical and each.code not in accepted
    )


def advise_on(answers: Iterable[AssumptionAnswer]) -> str:
    """The advice on critical assumptions that don't hold in this account. It begins without a capital."""
    codes = ", ".join(each.code for each in answers)
    accept = f"add {codes} to safety.accepted_assumptions only if you have checked that it does no harm in your account"
    return f"ask the service's support about {codes}; {accept}"


def describe_failed(answer: AssumptionAnswer) -> str:
    """A failed answer in words: what was seen, by which command, and when."""
    when = f", {answer.tested_at:%Y-%m-%d}" if answer.tested_at else ""
    return f"{answer.code}: {answer.detail} (`tsrevel doctor --assumptions`{when})"


def summarize(answers: Collection[AssumptionAnswer]) -> str:
    """How many assumptions hold, fail and were not tested, and the date of the last test.

    Runs observe some by themselves. If no critical one has an answer, nobody has tested them.
    """
    counts = Counter(each.result for each in answers)
    held, failed = counts[AssumptionResult.HOLDS], counts[AssumptionResult.FAILS]
    fail = f"{failed} {'fails' if failed == 1 else 'fail'}"
    if not any(ASSUMPTIONS[each.code].critical for each in answers):
        seen = [f"{held} {'holds' if held == 1 else 'hold'}"] * bool(held) + [fail] * bool(failed)
        noticed = f" (runs noticed that {' and '.join(seen)})" if seen else ""
        return f"never tested{noticed}; {_TEST_ALL}"
    parts = [f"{held} of {len(ASSUMPTIONS)} hold"] + [fail] * bool(failed)
    parts += [f"{len(ASSUMPTIONS) - held - failed} not tested"] if held + failed < len(ASSUMPTIONS) else []
    last = max((each.tested_at for each in answers if each.tested_at), default=None)
    return ", ".join(parts) + (f" (tested {last:%Y-%m-%d})" if last else "")

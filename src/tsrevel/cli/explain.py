"""`explain`: the decision on one event, and the plan in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import unescape

from tsrevel.cli.answers import reports
from tsrevel.cli.answers.model import fill
from tsrevel.cli.answers.runs import answer_outcome
from tsrevel.cli.arguments import find_event_id
from tsrevel.cli.context import CliContext, logging_to
from tsrevel.cli.output import ALARM, ORDER_STATES, WARNING, Row, TextOutput, columns_of
from tsrevel.errors import USAGE, ConfigError
from tsrevel.insight.explain import Explanation, explain_live, explain_offline, is_known
from tsrevel.insight.history import EventHistory
from tsrevel.ledger import AuditKind
from tsrevel.ledger.queries import StepStatus
from tsrevel.planning.explain import Rationale
from tsrevel.planning.model import CHARGE_FIELDS, Plan, ProductId, label
from tsrevel.planning.money import show_grouped
from tsrevel.planning.reasons import Reason, Status, advise
from tsrevel.text import is_id

_UNWRITTEN = {"written": False, "kept": False, "revel_id": None, "recorded_at": None, "run_id": None}
"""A step of a plan that is not claimed yet."""
_UNSEEN = "no run in this ledger has seen it"
_IS_IT_RIGHT = "check its id"


def explain_event(ctx: CliContext, event: str, *, offline: bool) -> int:
    """Explain one event. Exit status 0, 2 if nobody knows it, or 12 or 13 if a service couldn't be read.

    An id that no service can have is explained from the ledger, if it knows it; else this raises typer.BadParameter.
    """
    settings = ctx.load_settings(offline=offline)
    with logging_to(ctx, "explain"):
        event_id = find_event_id(event, lambda each: is_known(settings, ctx.runtime, each))
        explain = explain_offline if offline or not is_id(event_id) else explain_live
        told = explain(settings, ctx.runtime, event_id)
    if ctx.options.json:
        ctx.answer(_answer(told))
    else:
        place = told.history.standing.location if told.history.standing else ""
        show_explanation(TextOutput(ctx, settings, told.outcome.location if told.outcome else place), told)
    return status_of_explanation(told)


def status_of_explanation(told: Explanation) -> int:
    """USAGE if nobody knows the event."""
    return told.exit_status if _is_known(told) else USAGE


def _is_known(told: Explanation) -> bool:
    """Whether TripleSeat has the event, or the ledger anything about it, though it be a delivery."""
    return told.history.known if told.outcome is None else not told.unknown


def _answer(told: Explanation) -> reports.ExplainAnswer:
    outcome, history, why, plan = told.outcome, told.history, told.rationale, told.plan
    tripleseat_status = told.event.status if told.event else None
    steps = history.steps or tuple(fill(StepStatus, each, **_UNWRITTEN) for each in (plan.steps if plan else ()))
    return fill(
        reports.ExplainAnswer,
        told,
        success=status_of_explanation(told) == 0,
        event_id=history.event_id,
        known=_is_known(told),
        status=outcome.status if outcome else None,
        reason=outcome.reason if outcome else None,
        category=outcome.category if outcome else None,
        text=outcome.text if outcome else None,
        advice=_advise(told),
        event=fill(reports.ExplainedEventJson, answer_outcome(outcome), tripleseat_status=tripleseat_status)
        if outcome
        else None,
        foretold=fill(reports.ForetoldJson, told.foretold) if told.foretold else None,
        documents=tuple(
            reports.RivalDocumentJson(
                id=each.document.id, title=each.title, why=each.why, lines=_lines(each), money=_money(each, None)
            )
            for each in told.rivals
        ),
        document=reports.DocumentJson(id=why.document.id, title=why.title, why=why.why) if why else None,
        lines=_lines(why) if why else (),
        money=_money(why, plan) if why or plan else None,
        items=tuple(
            fill(reports.ItemJson, item, product_name=_product_names(told).get(item.product)) for item in plan.items
        )
        if plan
        else (),
        steps=reports.answer_steps(steps),
        last_seen=reports.answer_status(history.standing, failed_write=history.failed_write)
        if history.standing
        else None,
        order=reports.answer_record(history.record),
        resolution=reports.answer_resolution(history.resolution),
        attempts=reports.answer_attempts(history.attempts),
        deliveries=tuple(
            reports.DeliveryJson(
                at=fact.at,
                trigger=fact.detail.get("trigger"),
                signed=fact.detail.get("signed") == "yes",
                reason=fact.detail.get("reason"),
            )
            for fact in history.facts
            if fact.kind == AuditKind.DELIVERY
        ),
        error=(outcome.text if outcome else _UNSEEN) if status_of_explanation(told) else None,
        exit_status=status_of_explanation(told) or None,
    )


def _lines(why: Rationale) -> tuple[reports.LineJson, ...]:
    return tuple(fill(reports.LineJson, each) for each in why.lines)


def _money(why: Rationale | None, plan: Plan | None) -> reports.MoneyJson:
    """The amounts of the document and of the plan, if there are any."""
    charges = tuple(fill(reports.ChargeJson, each) for each in why.charges) if why else None
    parts = fill(reports.MoneyJson, why, charges=charges)
    return (
        fill(reports.MoneyJson, parts, final_total=plan.final_total, paid=plan.paid, remaining_due=plan.remaining_due)
        if plan
        else parts
    )


def _advise(told: Explanation) -> str | None:
    if told.unknown:
        return _IS_IT_RIGHT
    if told.outcome is None:
        return None
    if told.exit_status == ConfigError.exit_status or (told.exit_status and told.outcome.reason is None):
        again = f"`tsrevel explain {told.history.event_id}`"
        return f"correct the problem that the text names, then run {again} again; it would stop a run too"
    if told.switched_off and told.waits_for_runs:
        return told.remedy
    outcome, failed, standing = told.outcome, told.history.failed_write, told.history.standing
    if told.foretold:
        return advise(outcome.event_id, Status.HELD, told.foretold.reason)
    return advise(
        outcome.event_id,
        outcome.status,
        outcome.reason,
        has_order=outcome.order_id is not None,
        failed_write=failed,
        again=standing is not None and standing.repeated,
        resolved=outcome.resolved,
    )


def _product_names(told: Explanation) -> Mapping[ProductId, str]:
    names = told.catalogue.names if told.catalogue else {}
    return {product: unescape(name) for product, name in names.items()}


# In words


def show_explanation(page: TextOutput, told: Explanation, *, advised: bool = True) -> None:
    """Print the decision on an event, what to do if `advised`, and the plan."""
    outcome = told.outcome
    event_id = told.history.event_id
    if outcome is None:
        known = told.history.known
        page.line(f"event {event_id}: {_UNSEEN}" + ("" if known else f"; {_IS_IT_RIGHT}"))
        if known:
            _tell_past(page, told.history)
        return
    if told.unknown:
        page.line(f"event {event_id}: TripleSeat has no such event, and {_UNSEEN}; {_IS_IT_RIGHT}")
        return
    name = f" {outcome.name}" if outcome.name and page.is_terminal else ""
    where = f"{outcome.location} {outcome.day or ''}".strip()
    page.line(f"event {event_id}{name}" + (f" ({where})" if where else ""), "bold")
    verdict = f"{outcome.status} {outcome.reason or ''}".rstrip()
    page.line(f"decision: {verdict}" + (f": {outcome.text}" if outcome.text else ""), mark=outcome.status)
    if advised:
        page.line(f"what to do: {_advise(told)}")
    if told.switched_off:
        what = "do" if told.source == "ledger" else "write"
        page.line(f"runs {what} nothing now: {told.switched_off}", ALARM)
    if told.source == "ledger":
        source = "only the ledger; no service was called"
    elif told.exit_status:
        source = "not every service could be called"
    else:
        source = "TripleSeat and Revel, just now"
    page.line(f"source: {source}", "dim")
    if told.foretold:
        page.line(f"a run would hold it: {told.foretold.reason}: {told.foretold.text}", mark="held")
    if told.rationale:
        _tell_reasons(page, told.rationale)
    for why in told.rivals:
        _tell_reasons(page, why)
    if told.plan:
        _tell_plan(page, told.plan, _product_names(told), claimed=told.history.record is not None)
    _tell_past(page, told.history)


def _tell_reasons(page: TextOutput, why: Rationale) -> None:
    title = f" ({why.title})" if why.title else ""
    page.line(f"document: {why.document.id}{title}: {why.why}")
    page.line("lines", "bold")
    for line in why.lines:
        product = f" -> product {line.product} {line.product_name!r}" if line.product is not None else ""
        style = "" if line.how else WARNING
        text = f"{line.quantity} x {line.name}, {show_grouped(line.amount)}{product}: {line.why}"
        page.line(text, style, indent=2)
    for charge in why.charges:
        treated = _TREATED[charge.treat_as] if charge.treat_as else "has no [[charges]] entry"
        text = f"charge {charge.name}, {show_grouped(charge.amount)}: {treated}"
        page.line(text, "" if charge.treat_as else WARNING, indent=2)
    page.line(f"total: {why.identity}", "" if why.holds else WARNING)


_TREATED = {
    "tax": "is the order's tax in Revel",
    "gratuity": "is the order's gratuity in Revel",
    "item": "is to be an item of the order in Revel",
    "ignore": "is left out of the order",
}


def _tell_plan(page: TextOutput, plan: Plan, names: Mapping[ProductId, str], *, claimed: bool) -> None:
    what = "as claimed" if claimed else "as planned now"
    steps = f"{len(plan.steps)} steps"
    page.line(f"order {plan.local_id} {what}: establishment {plan.location.establishment}, {steps}", "bold")
    rows = []
    for item in plan.items:
        amounts = (show_grouped(item.unit_price), show_grouped(item.amount))
        rows.append(Row((str(item.quantity), item.line, str(item.product), names.get(item.product, ""), *amounts)))
    page.table(_ITEM_COLUMNS, rows)
    charges = "".join(f" + {label(name)} {show_grouped(plan.amount(name))}" for name in CHARGE_FIELDS)
    items, discount, total = map(show_grouped, (plan.subtotal, plan.discount, plan.final_total))
    paid, due = show_grouped(plan.paid), show_grouped(plan.remaining_due)
    page.line(f"items {items} - discount {discount}{charges} = {total}; paid {paid}, due {due}", indent=2)


_ITEM_COLUMNS = columns_of("Qty:amount", "Line:name", "Product", "Its name:name", "Price:amount", "Amount:amount")


def _how_far(steps: Sequence[StepStatus]) -> str:
    """How much of the plan is written, as far as the ledger knows."""
    if not steps:
        return ""
    if any(each.written is None for each in steps):
        return f", receipts not stored: the number of written steps, of {len(steps)}, is unknown"
    written, kept = sum(bool(each.written) for each in steps), sum(each.kept for each in steps)
    told = f", {written} of {len(steps)} steps written"
    return told + (f" ({written - kept} receipts not stored)" if written > kept else "")


def _tell_past(page: TextOutput, history: EventHistory) -> None:
    standing, record = history.standing, history.record
    if standing:
        is_opened = standing.reason == Reason.REOPENED
        verdict = f"{standing.status} {standing.reason or ''}".rstrip()
        then = "before a person opened it again" if is_opened else verdict
        page.line(f"last run that saw it: {page.at(standing.last_seen_at)}, {then}")
    if record:
        order = f"Revel order {record.order_id or 'none yet'}{_how_far(history.steps)}"
        page.line(f"ledger: {ORDER_STATES[record.state]}, {order}")
    if history.resolution:
        page.line(f"note: {history.resolution.note}")
    for fact in history.facts:
        if fact.kind == AuditKind.DELIVERY:
            reason = fact.detail.get("reason") or "dealt with"
            page.line(f"webhook delivery {fact.detail.get('trigger')} {page.at(fact.at)}: {reason}")
    page.line(f"run `tsrevel history {history.event_id}` to see everything that happened")

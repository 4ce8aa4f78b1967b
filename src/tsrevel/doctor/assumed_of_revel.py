"""The assumptions about Revel: the requests that test them, and one function for each that judges the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from uuid import uuid4
from zoneinfo import ZoneInfo

from tsrevel.clocks import DOUBTFUL_CLOCK, agree_that_it_is_wrong
from tsrevel.doctor.findings import Judgement, fails, holds, untold
from tsrevel.ledger import PENDING, KnownOrder
from tsrevel.planning.assumptions import AssumptionCode, AssumptionResult
from tsrevel.revel.decode import Row, decode_id, decode_uuid
from tsrevel.revel.probes import RevelAnswer, RevelProbe

_C = AssumptionCode
_SAMPLE_ROWS = "50"
_WRITTEN_WITHIN = timedelta(minutes=30)
"""The largest accepted difference between the time that an order shows and the time when it was written."""
_NO_ESTABLISHMENT = "2147483600"
_UNKNOWN_FILTER = "tsrevel_has_no_such_filter"
_MONEY = ("subtotal", "tax", "final_total", "remaining_due", "discount_amount", "gratuity", "discount_total_amount")
_SMALL = {"limit": "2", "order_by": "id", "fields": "id"}
MOST_TRIED = 6
"""How many orders of the ledger are requested by their id until Revel shows two. People may have deleted some."""
_MOST_LISTED_TRIED = 4
_TWO = 2


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order that Revel lists, ours or not, with the keys that find it."""

    id: str
    uuid: str
    local_id: str


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """An order of the ledger, and the row that Revel shows for its id. It isn't deleted."""

    known: KnownOrder
    row: Row


@dataclass(frozen=True, slots=True)
class RevelEvidence:
    """Revel's answers. `shown` are up to two orders of the ledger, last changed first; `none_shown` says why none is.

    `orders` are up to two orders that are looked up. Revel shows each by its id, and none is deleted.
    """

    shown: tuple[StandingOrder, ...]
    none_shown: str
    orders: tuple[ListedOrder, ...]
    newest: RevelAnswer
    by_uuid: RevelAnswer | None
    by_local_id: RevelAnswer | None
    by_unknown: RevelAnswer
    uuids_in: RevelAnswer | None
    local_ids_in: RevelAnswer | None
    unknown_in: RevelAnswer
    unknown_filter: RevelAnswer
    establishment: str
    of_establishment: RevelAnswer | None
    of_nowhere: RevelAnswer
    narrowed: RevelAnswer
    longest: RevelAnswer
    pages: tuple[RevelAnswer, ...]
    descending: RevelAnswer
    products: tuple[str, ...]
    product_set: RevelAnswer | None
    skew: float | None
    other_skew: float | None


def ask_revel(
    probe: RevelProbe, known: Sequence[KnownOrder], establishment: str, other_skew: float | None, now: datetime
) -> RevelEvidence:
    """Send about 20 requests, one page each. `other_skew`: seconds by which TripleSeat's clock is ahead of ours."""
    newest = probe.list_rows("Order", order_by="-id", limit="10")
    shown, none_shown = _find_shown(probe, known)
    old = [each for each in shown if each.known.written_at is None or now - each.known.written_at > PENDING]
    orders = _choose_orders(probe, old, newest)
    one = orders[0] if orders else None
    named_first = next((each for each in orders if each.local_id), None)
    longest = probe.list_rows("Product", limit="250", order_by="id", fields="id")
    ids = tuple(found for row in longest.rows[:2] if (found := decode_id(row.get("id"))))
    pages = [probe.list_rows("Product", **_SMALL)]
    if pages[0].next:
        pages.append(probe.follow("Product", pages[0], _SMALL))
        if pages[0].total:
            pages.append(probe.list_rows("Product", **_SMALL, offset=str(pages[0].total - 1)))
    return RevelEvidence(
        shown=shown,
        none_shown=none_shown,
        orders=orders,
        newest=newest,
        by_uuid=probe.list_rows("Order", uuid=one.uuid, limit="10") if one else None,
        by_local_id=probe.list_rows("Order", local_id=named_first.local_id, limit="10") if named_first else None,
        by_unknown=probe.list_rows("Order", uuid=str(uuid4()), limit="10"),
        uuids_in=probe.list_rows("Order", uuid__in=",".join(each.uuid for each in orders), limit="10")
        if len(orders) == 2
        else None,
        local_ids_in=probe.list_rows("Order", local_id__in=",".join(each.local_id for each in orders), limit="10")
        if len(orders) == 2 and all(each.local_id for each in orders)
        else None,
        unknown_in=probe.list_rows("Order", uuid__in=f"{uuid4()},{uuid4()}", limit="10"),
        unknown_filter=probe.list_rows("Order", limit="1", **{_UNKNOWN_FILTER: "1"}),
        establishment=establishment,
        of_establishment=probe.list_rows("Product", establishment=establishment, active="true", limit=_SAMPLE_ROWS)
        if establishment
        else None,
        of_nowhere=probe.list_rows("Product", establishment=_NO_ESTABLISHMENT, limit="10"),
        narrowed=probe.list_rows("Product", fields="id,name", limit="1"),
        longest=longest,
        pages=tuple(pages),
        descending=probe.list_rows("Product", order_by="-id", limit="10", fields="id"),
        products=ids,
        product_set=probe.several("Product", ids) if len(ids) == 2 else None,
        skew=probe.skew,
        other_skew=other_skew,
    )


def _find_shown(probe: RevelProbe, known: Sequence[KnownOrder]) -> tuple[tuple[StandingOrder, ...], str]:
    """The first two of these orders that Revel shows by their id and that aren't deleted; or why there are none."""
    shown: list[StandingOrder] = []
    answer = RevelAnswer()
    for each in known:
        answer = probe.one("Order", each.order_id)
        if row := _standing(answer):
            shown.append(StandingOrder(each, row))
        if len(shown) == _TWO or answer.problem:
            break
    if shown:
        return tuple(shown), ""
    if not known:
        return (), "the ledger has no order yet; `tsrevel rehearse EVENT` makes the first"
    refused = answer.problem or answer.refused not in {None, 404}
    tried = f"order {known[0].order_id}" if len(known) == 1 else f"each of the ledger's last {len(known)} orders"
    return (), answer.failure if refused else f"{tried} is deleted at Revel or not shown"


def _choose_orders(probe: RevelProbe, old: Sequence[StandingOrder], newest: RevelAnswer) -> tuple[ListedOrder, ...]:
    """Up to two orders to look up: old ones of the ledger, else listed ones. Each is shown by its id, and not deleted.

    Revel's lists may lag behind its writes, so a new order that isn't listed yet proves nothing. The keys are those
    that Revel shows: people may have changed them.
    """

    def standing_rows() -> Iterator[Row]:
        yield from (each.row for each in old)
        ids = (decode_id(row.get("id")) for row in newest.rows if _is_usable(row) and row.get("deleted") is not True)
        known = {each.known.order_id for each in old}
        for order_id in [each for each in ids if each not in known][:_MOST_LISTED_TRIED]:
            if row := _standing(probe.one("Order", order_id)):
                yield row

    found: list[ListedOrder] = []
    for row in standing_rows():
        if _is_usable(row):
            found.append(ListedOrder(decode_id(row.get("id")), decode_uuid(row.get("uuid")), _text(row)))
        if len(found) == _TWO:
            break
    return tuple(found)


def _standing(answer: RevelAnswer) -> Row | None:
    """The row that was requested by its id, unless the order is deleted."""
    return next((row for row in answer.rows if decode_id(row.get("id")) and row.get("deleted") is not True), None)


def _is_usable(row: Row) -> bool:
    """Whether it has the keys to look it up. A comma would separate two values of an __in filter."""
    return bool(decode_id(row.get("id")) and decode_uuid(row.get("uuid"))) and "," not in _text(row)


def _text(row: Row) -> str:
    value = row.get("local_id")
    return value if isinstance(value, str) else ""


# Judge the answers


def _judge_shown(seen: RevelEvidence, judge: Callable[[StandingOrder], Judgement]) -> Judgement:
    """The answer of the ledger's orders. If one confirms and another refutes it, then somebody changed one of them."""
    if not seen.shown:
        return untold(seen.none_shown)
    told = [judge(each) for each in seen.shown]
    held, failed, others = (
        next((each for each in told if each.result is result), None)
        for result in (AssumptionResult.HOLDS, AssumptionResult.FAILS, AssumptionResult.UNTOLD)
    )
    if held and failed:
        return untold(f"{failed.detail}, but {held.detail}")
    return failed or held or others or told[0]


def _judge_failure(answer: RevelAnswer, what: str) -> Judgement | None:
    """The judgement if Revel gave no good answer. Only status 400 shows that it doesn't know `what`."""
    if answer.refused == 400:
        return fails(f"Revel refuses {what} with status 400")
    return untold(answer.failure) if answer.failure else None


def judge_uuid_kept(seen: RevelEvidence) -> Judgement:
    return _judge_shown(seen, _judge_uuid)


def _judge_uuid(each: StandingOrder) -> Judgement:
    known = each.known
    if decode_uuid(each.row.get("uuid")) == known.uuid:
        return holds(f"order {known.order_id} has the uuid that was sent")
    if known.written_at is None:  # it was found at Revel, so a person may have made it
        return untold(f"the ledger doesn't say that tsrevel wrote order {known.order_id}")
    return fails(f"order {known.order_id} has another uuid than was sent")


def judge_finds_by_uuid(seen: RevelEvidence) -> Judgement:
    if seen.by_uuid is None:
        return untold(seen.newest.failure or "Revel lists no order that has a uuid")
    wanted = seen.orders[0]
    uuids = [decode_uuid(row.get("uuid")) for row in seen.by_uuid.rows]
    return _judge_found(seen.by_uuid, wanted, "uuid", all(uuid == wanted.uuid for uuid in uuids))


def judge_finds_by_local_id(seen: RevelEvidence) -> Judgement:
    if seen.by_local_id is None:
        return untold(seen.newest.failure or "Revel lists no order that has a local_id")
    wanted = next(each for each in seen.orders if each.local_id)
    # a database may compare text without case and outer blanks; runs compare it exactly
    names = {_text(row).strip().casefold() for row in seen.by_local_id.rows}
    fits = names <= {wanted.local_id.strip().casefold()}
    return _judge_found(seen.by_local_id, wanted, "local_id", fits)


def _judge_found(answer: RevelAnswer, wanted: ListedOrder, key: str, fits: bool) -> Judgement:
    if unanswered := _judge_failure(answer, f"the filter {key}"):
        return unanswered
    if not answer.rows:
        return fails(f"Revel lists no order for the {key} of order {wanted.id}")
    if not fits:
        return fails(f"Revel lists other orders for the {key} of order {wanted.id}")
    return holds(f"Revel finds order {wanted.id} by its {key}")


def judge_finds_none(seen: RevelEvidence) -> Judgement:
    answer = seen.by_unknown
    if answer.failure:
        return untold(answer.failure)
    if answer.rows:
        return fails(f"Revel lists orders for a uuid that nobody has used ({len(answer.rows)} rows)")
    if not seen.newest.rows:
        return untold(seen.newest.failure or "Revel lists no order at all")
    return holds("Revel lists no order for a fresh uuid")


def judge_in_filter(seen: RevelEvidence) -> Judgement:
    if seen.uuids_in is None:
        return untold(seen.newest.failure or "Revel lists fewer than two orders to look up")
    wanted = {each.uuid for each in seen.orders}
    names = {each.local_id for each in seen.orders}
    for key, answer, values in (("uuid", seen.uuids_in, wanted), ("local_id", seen.local_ids_in, names)):
        if answer is None:
            continue
        if unanswered := _judge_failure(answer, f"the filter {key}__in"):
            return unanswered
        found = {decode_uuid(row.get(key)) if key == "uuid" else str(row.get(key)) for row in answer.rows}
        has_more = answer.next is not None or (answer.total or 0) > len(answer.rows)
        if found < values and has_more:  # POS stations use their numbers again and again
            return untold(f"more orders than fit on a page have the {key} of one of the two orders")
        if found != values:
            count = len(answer.rows)
            return fails(f"Revel doesn't list exactly the two orders of a {key}__in filter ({count} rows)")
    if seen.unknown_in.rows:
        return fails("Revel lists orders for a uuid__in filter with two unknown uuids")
    return holds("one request finds both orders")


def judge_unknown_filter(seen: RevelEvidence) -> Judgement:
    answer = seen.unknown_filter
    if unanswered := _judge_failure(answer, "an unknown filter"):
        return unanswered
    if answer.rows:
        return holds("Revel ignores a made-up filter")
    if seen.newest.rows:
        return fails("Revel lists nothing for an unknown filter")
    return untold("Revel lists no order at all")


def judge_establishment_filter(seen: RevelEvidence) -> Judgement:
    here, nowhere = seen.of_establishment, seen.of_nowhere
    if here is None:
        return untold("there are no [[locations]]")
    for answer in (here, nowhere):
        if answer.failure:
            return untold(answer.failure)
    others = [row for row in here.rows if decode_id(row.get("establishment")) != seen.establishment]
    if others:
        return fails(f"for establishment {seen.establishment} Revel lists products of others, too")
    if nowhere.rows:
        return fails("Revel lists products for an establishment that doesn't exist")
    if not here.rows:
        return untold(f"Revel lists no active product of establishment {seen.establishment}")
    return holds(f"all rows ({len(here.rows)}) belong to establishment {seen.establishment}")


def judge_fields(seen: RevelEvidence) -> Judgement:
    answer = seen.narrowed
    if unanswered := _judge_failure(answer, "`fields`"):
        return unanswered
    if not answer.rows:
        return untold("Revel lists no product")
    keys = answer.rows[0].keys()
    if not {"id", "name"} <= keys:
        return fails("a row requested with id and name lacks one of them")
    if keys <= {"id", "name", "resource_uri"}:
        return holds("a row has only the requested fields")
    return fails(f"a row requested with 2 fields has {len(keys)}")


def judge_page_limit(seen: RevelEvidence) -> Judgement:
    answer = seen.longest
    if unanswered := _judge_failure(answer, "a page of 250 rows"):
        return unanswered
    if not answer.rows:
        return untold("Revel lists no product")
    count = len(answer.rows)
    if count >= 250:
        return holds(f"a page has {count} rows")
    if answer.next or count < (answer.total or 0):
        return fails(f"a page has {count} rows, but 250 were requested")
    return untold(f"the account has too few products ({count})")


def judge_next_page(seen: RevelEvidence) -> Judgement:
    first = seen.pages[0]
    failed = next((page for page in seen.pages if page.failure), None)
    if failed:
        return untold(failed.failure)
    seen_ids = [_ids(page) for page in seen.pages]
    if not first.next:
        if first.total is not None and first.total > len(first.rows):
            return fails(f"a page has {len(first.rows)} of {first.total} rows, but names no next page")
        return untold("Revel lists too few products for two pages")
    if len(seen.pages) < 3:
        return fails("a page that names a next page has no total_count")
    if {page.total for page in seen.pages} - {first.total, None}:
        return untold("Revel's products changed while the pages were read")
    if not seen_ids[1]:
        return fails("the next page is empty")
    if set(seen_ids[0]) & set(seen_ids[1]):
        return fails("the next page repeats rows of the first one")
    if len(set(seen_ids[2])) != 1 or seen.pages[2].next:
        return fails(f"the last of {first.total} rows isn't the only one on the last page")
    if set(seen_ids[2]) & set(seen_ids[0]) or (seen.pages[1].next and set(seen_ids[2]) & set(seen_ids[1])):
        return fails("the last page repeats rows of earlier pages")
    return holds(f"pages follow each other up to the last of {first.total} rows")


def judge_page_order(seen: RevelEvidence) -> Judgement:
    for answer in (seen.longest, seen.descending):
        if answer.failure:
            return untold(answer.failure)
    up, down = ([int(each) for each in _ids(answer)] for answer in (seen.longest, seen.descending))
    if len(up) < 2 or len(down) < 2:
        return untold("Revel lists too few products")
    if up != sorted(up) or down != sorted(down, reverse=True):
        return fails("rows aren't sorted as requested")
    return holds("rows are sorted by id as requested, up and down")


def judge_product_set(seen: RevelEvidence) -> Judgement:
    answer = seen.product_set
    if answer is None:
        return untold(seen.longest.failure or "Revel lists fewer than two products to look up")
    if answer.refused:
        return fails(f"Revel refuses a request for two products with status {answer.refused}")
    if answer.problem:
        return untold(answer.failure)
    if set(_ids(answer)) != set(seen.products):
        return fails("Revel doesn't return exactly the two requested products")
    return holds("one request returns both products")


def judge_numbers(seen: RevelEvidence) -> Judgement:
    rows = (*(each.row for each in seen.shown), *seen.newest.rows)
    if not rows:
        return untold(seen.newest.failure or "Revel lists no order")
    amounts = [(key, row[key]) for row in rows for key in _MONEY if row.get(key) not in (None, "")]
    odd = next((key for key, value in amounts if _amount(value) is None), None)
    if odd:
        return fails(f"{odd} of an order isn't a decimal number")
    for each in seen.shown:
        total, sent = _amount(each.row.get("final_total")), each.known.total
        if total is not None and total == sent and sent:  # `sent` is in cents
            return fails(f"order {each.known.order_id} shows 100 times the amount that was sent")
    if not amounts:
        return untold("the orders that Revel lists show no amounts")
    return holds(f"{len(amounts)} amounts are decimal numbers")


def judge_local_time(seen: RevelEvidence) -> Judgement:
    """Only UTC or an offset refutes it: people and POS stations may change the time of an order (facts Revel 7)."""
    return _judge_shown(seen, _judge_time)


def _judge_time(each: StandingOrder) -> Judgement:
    known = each.known
    try:
        shown = datetime.fromisoformat(str(each.row.get("created_date")))
    except ValueError:
        return untold(f"the time of order {known.order_id} can't be read")
    if shown.tzinfo:
        return fails(f"order {known.order_id} shows its time with an offset")
    if known.written_at is None:
        return untold(f"the ledger doesn't say when order {known.order_id} was written")
    wall = known.written_at.astimezone(ZoneInfo(known.timezone)).replace(tzinfo=None)
    utc = known.written_at.replace(tzinfo=None)
    if abs(wall - utc) < _WRITTEN_WITHIN * 2:
        return untold(f"{known.timezone} is too near UTC to tell the two apart")
    if abs(shown - wall) <= _WRITTEN_WITHIN:
        return holds(f"order {known.order_id} shows the wall time in {known.timezone}")
    if abs(shown - utc) <= _WRITTEN_WITHIN:
        return fails(f"order {known.order_id} shows UTC, not the wall time in {known.timezone}")
    return untold(f"the time of order {known.order_id} isn't when it was written; it was changed since")


def judge_clock(seen: RevelEvidence) -> Judgement:
    if seen.newest.problem and seen.skew is None:
        return untold(seen.newest.failure)
    if seen.skew is None:
        return fails("Revel's answers have no readable Date")
    apart = round(abs(seen.skew))
    if apart <= DOUBTFUL_CLOCK:
        return holds(f"Revel's clock is {apart} s from this machine's")
    if agree_that_it_is_wrong({"TripleSeat": seen.other_skew, "Revel": seen.skew}):
        return untold(f"this machine's clock is wrong: both services are {apart} s from it")
    return fails(f"Revel's clock is {apart} s from this machine's")


REVEL_JUDGES: dict[AssumptionCode, Callable[[RevelEvidence], Judgement]] = {
    _C.REVEL_UUID_KEPT: judge_uuid_kept,
    _C.REVEL_FINDS_BY_UUID: judge_finds_by_uuid,
    _C.REVEL_FINDS_BY_LOCAL_ID: judge_finds_by_local_id,
    _C.REVEL_FINDS_NONE_FOR_UNKNOWN: judge_finds_none,
    _C.REVEL_IN_FILTER: judge_in_filter,
    _C.REVEL_UNKNOWN_FILTER: judge_unknown_filter,
    _C.REVEL_ESTABLISHMENT_FILTER: judge_establishment_filter,
    _C.REVEL_FIELDS: judge_fields,
    _C.REVEL_PAGE_LIMIT: judge_page_limit,
    _C.REVEL_NEXT_PAGE: judge_next_page,
    _C.REVEL_PAGE_ORDER: judge_page_order,
    _C.REVEL_PRODUCT_SET: judge_product_set,
    _C.REVEL_NUMBERS: judge_numbers,
    _C.REVEL_LOCAL_TIME: judge_local_time,
    _C.REVEL_CLOCK: judge_clock,
}


def _ids(answer: RevelAnswer) -> list[str]:
    return [found for row in answer.rows if (found := decode_id(row.get("id")))]


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

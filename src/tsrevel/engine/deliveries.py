"""Takes webhook deliveries one after another. Each that is signed, readable and new gets a run for its events.

A delivery says which event to check (DESIGN 4, facts TripleSeat 6.3). Unless `tripleseat.payload` is "trust", its
payload decides nothing: `fetch` reads the event again. An event that the payload shows as too early may be due by now.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from tsrevel.engine.context import FailureStreak, RunContext, RunState
from tsrevel.engine.fetch import (
    NOT_FOUND,
    DeliveredEvent,
    EventUnavailable,
    NamedEvent,
    UnreadEvent,
    may_lag,
    unless_refused,
)
from tsrevel.engine.outcomes import CHANGES, LEFT, NEEDS_ATTENTION, Outcome, RunReport, end_reason, most_severe
from tsrevel.engine.run import take_up
from tsrevel.errors import (
    DeliveryFault,
    DeliveryRefused,
    DeliveryUnreadable,
    Forbidden,
    Refused,
    ServiceDown,
    SignatureReason,
    SignatureRefused,
    StopRun,
    TryNextRun,
    Unreadable,
)
from tsrevel.ledger import AuditKind, DeliveryKey
from tsrevel.planning.model import EventId
from tsrevel.planning.reasons import Reason, Status
from tsrevel.tripleseat.payload import DeliverySubject, is_older, read_event_ids, read_subject
from tsrevel.webhook.delivery import Delivery, read_delivery

UNTRUSTED = "SIGNATURE_VERIFICATION_FAILED_"
"""Prefix of the signature's own code, as in the service that this one replaces (DESIGN 4)."""


@dataclass(frozen=True, slots=True)
class DeliveryAnswer:
    """The answer to one delivery. `ok`: it is trusted and readable. `text` is for people.

    `may_pass`: the obstacle may be gone later, so the delivery isn't stored as dealt with, and can be replayed.
    `ended`: what ended its run early; "" if nothing did. `untried`: what stopped a delivery before keeps this one, too.
    """

    ok: bool
    trigger: str | None = None
    reason: str | None = None
    text: str = ""
    subject: DeliverySubject | None = None
    key: DeliveryKey | None = None
    report: RunReport | None = None
    exit_status: int = 0
    may_pass: bool = False
    ended: str = ""
    untried: bool = False

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of its events."""
        return self.report.outcomes if self.report else ()

    @property
    def processed(self) -> bool:
        """Whether anything was done: an order was made, or a change or a cancellation reported."""
        return any(each.status is Status.INJECTED or each.reason in CHANGES for each in self.outcomes)

    @property
    def down(self) -> bool:
        """Whether a service failed for it: it seems to be down, or fails for one of its events only."""
        return self.exit_status == ServiceDown.exit_status or any(each.down for each in self.outcomes)

    @property
    def event_id(self) -> EventId | None:
        """The one event of the delivery; None for a booking with several."""
        if len(self.outcomes) == 1:
            return self.outcomes[0].event_id
        return EventId(self.subject.id) if self.subject and self.subject.kind == "event" else None

    @property
    def failing(self) -> frozenset[str]:
        """The ids of its events that failed with a service down; the id of its booking if that can't be read."""
        events: frozenset[str] = frozenset(each.event_id for each in self.outcomes if each.down)
        return events or frozenset({self.subject.id} if self.subject else ())

    def hold_off(self, reason: Reason | None, text: str, exit_status: int = 0) -> DeliveryAnswer:
        """The answer for now, with the delivery left for later."""
        return replace(self, reason=reason, text=text, exit_status=exit_status, may_pass=True)


def refuse(error: DeliveryRefused) -> DeliveryAnswer:
    """The answer to a delivery that can't be trusted or read."""
    reason = f"{UNTRUSTED}{error.reason}" if isinstance(error, SignatureRefused) else error.reason
    may_pass = error.reason == SignatureReason.SIGNING_KEY_NOT_CONFIGURED
    return DeliveryAnswer(ok=False, reason=reason, text=str(error), exit_status=error.exit_status, may_pass=may_pass)


def understand(body: bytes) -> tuple[Delivery, DeliveryAnswer]:
    """The delivery, and the answer as far as the body alone decides it. Raises DeliveryUnreadable."""
    delivery = read_delivery(body)
    if not delivery.is_actionable:
        text = f"{delivery.trigger} doesn't affect orders"
        subject = _name_subject(delivery)
        return delivery, DeliveryAnswer(True, delivery.trigger, Reason.TRIGGER_TYPE_NOT_ACTIONABLE, text, subject)
    try:
        subject = read_subject(delivery.root, delivery.row)
    except Unreadable as error:
        raise DeliveryUnreadable("its event or booking has no usable id", DeliveryFault.NO_USABLE_ID) from error
    stamp = subject.updated.isoformat() if subject.updated else ""
    key = DeliveryKey(delivery.trigger, f"{subject.kind} {subject.id}", stamp, delivery.body_hash)
    return delivery, DeliveryAnswer(True, delivery.trigger, subject=subject, key=key)


def _name_subject(delivery: Delivery) -> DeliverySubject | None:
    """The event or booking of a delivery that isn't acted on, if it names one: `explain` shows it."""
    try:
        return read_subject(delivery.root, delivery.row) if delivery.root else None
    except Unreadable:
        return None


@dataclass(slots=True)
class DeliveryQueue:
    """Takes deliveries one after another, each as a run of its own with its limits. Use one queue per invocation.

    `trust_payload`: the payload is believed (tripleseat.payload = "trust"); else each event is read again. `to_come`:
    the answers so far to the deliveries that wait, whether their signatures are valid or not.
    """

    ctx: RunContext
    trust_payload: bool
    to_come: list[DeliveryAnswer] = field(default_factory=list)
    _state: RunState | None = field(default=None, init=False)
    _stop: DeliveryAnswer | None = field(default=None, init=False)
    _failures: FailureStreak = field(default_factory=FailureStreak, init=False)
    _failing: frozenset[str] = field(default=frozenset(), init=False)

    def take(self, body: bytes, received: datetime | None = None) -> DeliveryAnswer:
        """Make a run for the events of a delivery, unless it is a duplicate or needs no run.

        `received`: when it came, None for now. Raises LedgerUnusable and DeliveryUnreadable.
        """
        received = received or self.ctx.now()
        delivery, answer = understand(body)
        if answer.key is None or answer.subject is None:
            return answer
        if answer in self.to_come:
            self.to_come.remove(answer)
        if self.ctx.ledger.deliveries.is_known(answer.key, received):
            return replace(answer, reason=Reason.DUPLICATE_EVENT, text="this delivery was dealt with before")
        if self._stop:
            return replace(self._stop, trigger=answer.trigger, subject=answer.subject, key=answer.key)
        return self._decide(delivery, answer.subject, answer, received)

    def note(self, answer: DeliveryAnswer, *, signed: bool) -> None:
        """Store that a delivery was dealt with, once it is answered; not in a dry run. Raises LedgerUnusable."""
        if self.ctx.dry_run or answer.may_pass:
            return
        ledger, run_id = self.ctx.ledger, answer.report.run_id if answer.report else None
        if not answer.ok:
            ledger.audit.add(run_id, AuditKind.DELIVERY_REFUSED, reason=answer.reason or "")
        elif answer.key is None or answer.reason == Reason.DUPLICATE_EVENT:
            told = {"trigger": answer.trigger or "", "signed": "yes" if signed else "no", "reason": answer.reason or ""}
            ledger.audit.add(run_id, AuditKind.DELIVERY, answer.event_id, **told)
        else:
            ledger.deliveries.store(run_id, answer.key, answer.event_id, signed=signed, reason=answer.reason)

    def _decide(
        self, delivery: Delivery, subject: DeliverySubject, answer: DeliveryAnswer, received: datetime
    ) -> DeliveryAnswer:
        began = self.ctx.now()  # a delivery that comes during the next reads may be of a state that they don't show
        try:
            last_word = not any(_may_supersede(each, answer) for each in self.to_come)
            trust = self.trust_payload
            events = _find_delivered(self.ctx, delivery, subject, received, trust_payload=trust, last_word=last_word)
        except TryNextRun as error:
            return self._count(_fail(answer, ServiceDown(str(error))))
        except StopRun as error:
            return self._stop_after(replace(_fail(answer, error), ended=str(error)))
        if isinstance(events, EventUnavailable):
            may_pass = events.status is Status.FAILED
            text, reason = events.text, events.reason
            return replace(answer, reason=reason, text=text, exit_status=NEEDS_ATTENTION, may_pass=may_pass)
        if not events:
            return replace(answer, reason=Reason.MISSING_DATA, text=f"booking {subject.id} has no events")
        state = self._begin_run()
        report = take_up(self.ctx, state, events, began=began)
        return self._count(_conclude(answer, report))

    def _begin_run(self) -> RunState:
        """The state of the next run, and a context with its own id. The first run has the invocation's id."""
        if self._state is None:
            self._state = RunState.begin(self.ctx)
        else:
            self.ctx = replace(self.ctx, run_id=self.ctx.system.new_run_id())
            self._state = self._state.of_next_run()
        return self._state

    def _count(self, answer: DeliveryAnswer) -> DeliveryAnswer:
        """Try no more after a run that ended early, or after several failures in a row with a service down.

        Several failures of one event count as one: TripleSeat may fail for that event only.
        """
        if answer.down and answer.failing <= self._failing and not answer.ended:
            return answer
        self._failing = self._failing | answer.failing if answer.down else frozenset()
        if self._failures.add(down=answer.down):
            answer = replace(answer, exit_status=most_severe({answer.exit_status, ServiceDown.exit_status}))
            return self._stop_after(answer)
        return self._stop_after(answer) if answer.ended else answer

    def _stop_after(self, answer: DeliveryAnswer) -> DeliveryAnswer:
        """Try no other delivery after this one; return its answer."""
        text = f"not tried because the delivery before failed: {answer.text}"
        self._stop = replace(answer, text=text, report=None, may_pass=True, ended="", untried=True)
        return answer


def _find_delivered(
    ctx: RunContext,
    delivery: Delivery,
    subject: DeliverySubject,
    received: datetime,
    *,
    trust_payload: bool,
    last_word: bool,
) -> list[UnreadEvent] | EventUnavailable:
    """The delivered event, or the events of the delivered booking; none if TripleSeat no longer has the booking.

    `last_word`: no later delivery about it waits; else only TripleSeat is believed. Raises Unavailable and
    CredentialsRefused.
    """
    lags = may_lag(received, ctx.now())
    if subject.kind == "booking":
        booked = unless_refused(lambda: _booked(ctx, delivery, subject, trust_payload=trust_payload, lags=lags))
        if isinstance(booked, EventUnavailable):
            return booked
        return [NamedEvent(event_id, known_before=not lags) for event_id in booked]
    event_id = EventId(subject.id)
    if delivery.root != "event":
        return [NamedEvent(event_id, known_before=not lags)]
    return [DeliveredEvent(event_id, delivery, received, trust_payload, last_word)]


def _booked(
    ctx: RunContext, delivery: Delivery, subject: DeliverySubject, *, trust_payload: bool, lags: bool
) -> tuple[EventId, ...]:
    """The booking's events now and those that the payload names: one may have left the booking since, or be deleted.

    The payload's are enough if it is believed, or if TripleSeat doesn't return the booking. `lags`: TripleSeat may not
    have a new booking yet.
    """
    try:
        told = read_event_ids(delivery.row)
    except Unreadable:
        told = ()
    if told and trust_payload:
        return told
    try:
        listed = ctx.tripleseat.events_of_booking(subject.id)
    except (Forbidden, Refused, TryNextRun) as error:
        is_gone = isinstance(error, Refused) and error.status == NOT_FOUND and not lags
        if not (told or is_gone):
            raise
        listed = ()
    return tuple(dict.fromkeys((*told, *listed)))


def _may_supersede(later: DeliveryAnswer, answer: DeliveryAnswer) -> bool:
    """Whether a delivery that still waits may have a later state of the same event or booking."""
    one, other = later.subject, answer.subject
    if one is None or other is None or (one.kind, one.id) != (other.kind, other.id):
        return False
    if later.key is None or later.key == answer.key:
        return False
    return not is_older(one.updated, other.updated)


def _fail(answer: DeliveryAnswer, error: StopRun) -> DeliveryAnswer:
    return answer.hold_off(end_reason(error), str(error), error.exit_status)


def _conclude(answer: DeliveryAnswer, report: RunReport) -> DeliveryAnswer:
    """The answer from a run's report. With several events, it is about the first that has a reason."""
    notable = [each for each in report.outcomes if each.reason or each.status is Status.FAILED]
    first = notable[0] if notable else None
    may_pass = any(each.status is Status.FAILED or each.reason in LEFT for each in report.outcomes)
    return replace(
        answer,
        report=report,
        reason=report.reason or (first.reason if first else None),
        text=report.error or (first.text if first else ""),
        exit_status=report.exit_status,
        may_pass=may_pass or report.error is not None or report.paused is not None,
        ended=report.error or "",
    )

"""The mails of runs: those that are due are written from the ledger and sent. A failure is only logged."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from tsrevel.config import Settings
from tsrevel.engine.outcomes import recall_resolved
from tsrevel.errors import LedgerUnusable, RunLocked
from tsrevel.ledger import Ledger, LedgerView, OrderRecord, hold_mail_lock
from tsrevel.ledger.outbox import DueMail, Notice
from tsrevel.notify.sendgrid import Message, SendGrid, SendResult, SendVerdict
from tsrevel.planning.reasons import TROUBLE, Reason
from tsrevel.wiring import Runtime, open_ledger

log = logging.getLogger(__name__)

_OPEN_REASONS = frozenset({
    Reason.EVENT_DAY_PASSED, Reason.CHANGED_AFTER_INJECTION, Reason.CANCELLED_AFTER_INJECTION, Reason.LEDGER_LOST,
})  # fmt: skip
"""The reasons of skipped events that a person should look at."""
MAILS_SECONDS = 30.0
"""After this time a run stops sending mails; the next run sends the rest."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=15), timedelta(hours=6)
"""The pause after a mail wasn't accepted, however many runs there are. It doubles with each attempt."""
MOST_ATTEMPTS = 33
"""With these pauses they take a week. After that the mail is no longer news."""


def send_mails(settings: Settings, runtime: Runtime) -> None:
    """Send the due mails, if mails are set up and this is no dry run. Failures are logged; a later run tries again.

    The next run may begin meanwhile: it doesn't wait for SendGrid.
    """
    if not settings.email.configured or settings.safety.dry_run or not settings.safety.enable_connector:
        return
    try:
        with hold_mail_lock(settings.ledger_path), open_ledger(settings, runtime) as ledger:
            _send_due(ledger, settings, runtime)
    except RunLocked:
        log.info("another run is sending mails; it or the next run sends those that are due")
    except LedgerUnusable as error:
        log.warning("the mails that are due can't be sent now: %s", error)


def _send_due(ledger: Ledger, settings: Settings, runtime: Runtime) -> None:
    account = SendGrid(settings.email, runtime.sendgrid, settings.network)
    began = runtime.monotonic()
    for mail in ledger.outbox.make_mails(digest=settings.email.digest):
        if ledger.runs.paused():
            return
        if _must_wait(mail, runtime.clock()):
            continue
        if runtime.monotonic() - began >= MAILS_SECONDS:
            log.warning("mail %s and later ones weren't sent: it took too long; the next run continues", mail.number)
            return
        notices = find_open(ledger, mail.notices)
        if not notices:
            ledger.outbox.note_sent(mail.number)
            log.info("mail %s isn't sent: all that it reports is settled", mail.number)
            continue
        delivery = account.send(_write(ledger, mail, notices, settings))
        _note(ledger, mail, delivery)
        if delivery.verdict in {SendVerdict.REFUSED, SendVerdict.LATER}:
            return


def _must_wait(mail: DueMail, now: datetime) -> bool:
    """Whether the pause after the last attempt isn't over. If that seems to be in the future, the clock was fast."""
    if mail.tried_at is None:
        return False
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(mail.attempts - 1, 9), LONGEST_PAUSE)
    return mail.tried_at <= now < mail.tried_at + pause


def find_open(view: LedgerView, notices: Sequence[Notice]) -> list[Notice]:
    """The notices without those that are settled: a mail that couldn't be sent is sent by a later run."""
    from tsrevel.insight.drift import find_changed

    ids = [each.event_id for each in notices]
    with view.reading():
        results, records = view.events.last_results(ids), view.orders.find(ids)
        resolutions = view.events.resolutions(ids)
        told = {each.event_id for each in view.queries.open_changes()}
        still = {each.event_id for each in find_changed(view)} if told else set()
        trouble = {each.event_id for each in view.queries.held_or_failed()}

    def is_settled(notice: Notice) -> bool:
        event_id = notice.event_id
        last, record = results.get(event_id), records.get(event_id)
        is_finished, is_resolved = record is not None and record.is_finished, event_id in resolutions
        if notice.occasion == "changed":
            if event_id not in told:  # a person settled it
                return is_resolved or not is_finished
            was_looked_at = last is not None and last.run_id != notice.run_id
            return event_id not in still and is_finished and was_looked_at
        if is_resolved and event_id not in trouble:
            return True
        if last is None:
            return is_finished
        return last.status not in TROUBLE and (is_finished or last.reason not in _OPEN_REASONS)

    return [each for each in notices if each.occasion == "injected" or not is_settled(each)]


def _write(ledger: Ledger, mail: DueMail, notices: Sequence[Notice], settings: Settings) -> Message:
    from tsrevel.notify.message import MailContext, MailItem, write_message

    orders = ledger.orders.find(notice.event_id for notice in notices)
    resolutions = ledger.events.resolutions(notice.event_id for notice in notices)
    resolved = {
        event_id: recall_resolved(resolution)
        for event_id, resolution in resolutions.items()
        if not (event_id in orders and orders[event_id].is_finished)
    }
    failed = ledger.orders.failed_writes(notice.event_id for notice in notices)
    items = [
        MailItem(
            occasion=notice.occasion,
            event_id=notice.event_id,
            correlation_id=notice.correlation_id,
            day=notice.day,
            location=notice.location,
            order_id=notice.order_id,
            reason=notice.reason,
            text=notice.text,
            plan=orders[notice.event_id].plan if notice.event_id in orders else None,
            failed_write=failed.get(notice.event_id) if notice.occasion in {"failed", "missed"} else None,
            again=notice.again,
            resolved=resolved.get(notice.event_id) if notice.occasion == "changed" else None,
            agrees=notice.occasion == "changed" and _agrees(ledger, orders.get(notice.event_id)),
        )
        for notice in notices
    ]
    return write_message(items, MailContext(mail.number, mail.made_at, settings))


def _agrees(ledger: Ledger, record: OrderRecord | None) -> bool:
    """Whether event and order agree again. An order whose plan, or event's details, aren't known doesn't show that."""
    from tsrevel.insight.drift import recall_drift

    if record is None or not record.is_finished:
        return False
    contents = ledger.orders.contents([record.event_id]).get(record.event_id)
    is_known = record.plan and contents and contents.made_details
    if not is_known and record.state != "foreign":
        return False
    return recall_drift(record, ledger.audit.rows(record.event_id), contents) is None


def _note(ledger: Ledger, mail: DueMail, delivery: SendResult) -> None:
    if delivery.verdict is SendVerdict.SENT:
        ledger.outbox.note_sent(mail.number)
        log.info("mail %s is sent", mail.number)
        return
    give_up = mail.attempts + 1 >= MOST_ATTEMPTS
    ledger.outbox.note_failed(mail.number, delivery.text, give_up=give_up)
    level = logging.WARNING if delivery.verdict is SendVerdict.LATER and not give_up else logging.ERROR
    end = f"attempt {mail.attempts + 1} was the last one" if give_up else "a later run sends it"
    log.log(level, "mail %s wasn't sent: %s; %s", mail.number, delivery.text, end)

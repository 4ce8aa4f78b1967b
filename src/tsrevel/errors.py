"""tsrevel's exceptions, grouped by what the engine does next.

    TsrevelError
    ├── StopRun                        the run ends
    │   ├── ConfigError                the settings are wrong; lists every problem        exit 10
    │   ├── LedgerUnusable             newer, unwritable, of the other environment        exit 10
    │   │   └── LedgerDamaged          a person must check it before any write            exit 14
    │   ├── WrongClock                 both services say that this machine's clock is off exit 10
    │   ├── AssumptionFailed           a critical assumption fails in this account        exit 10
    │   ├── RunLocked                  another run holds the lock                         exit 11
    │   ├── CredentialsRefused         a service refused our key or token (401)           exit 12
    │   │   ├── Forbidden              the key or token may not touch this resource (403)
    │   │   └── TokenRefused           the token URL refuses a token
    │   ├── ConnectionMisconfigured    waiting doesn't help: TLS or a proxy is wrong      exit 10
    │   ├── ServiceDown                a service that the run needs can't be used         exit 13
    │   ├── WriteForbidden             a write reached the shut write gate                exit 1
    │   └── Halted                     the run was interrupted, between two requests      exit 1
    ├── TryNextRun                     this event fails now and is tried again
    │   ├── Unavailable                refused connection, timeout, 5xx on a read
    │   │   ├── RetryLater             the same, with the wait that the service asks for
    │   │   │   ├── ServerFault        500: the service can't do what was asked, or not now
    │   │   │   └── OutOfTime          the run's own time is up: no sign that the service is down
    │   │   └── Throttled              429: try again after the wait that it asks for
    │   └── Unreadable                 an answer that isn't what the service documents
    │       └── IncompleteSearch       a search that ended before its last page
    ├── MappingUnclear                 the input of `map` doesn't name one mapping        exit 2
    ├── ConnectorDisabled              the kill switch or a pause: no service may be asked
    ├── OutcomeUnknown                 a write whose answer was lost: check Revel
    │   ├── NotShown                   it was acknowledged, but Revel doesn't show it
    │   └── StillPending               it was sent before: no sign that the service is down
    ├── Refused                        a service refused the request (other 4xx)
    ├── ClaimConflict                  a change contradicts the ledger: a fault in tsrevel
    ├── SpoolUnwritable                no finished delivery can leave the spool of `serve`
    └── DeliveryRefused                a webhook delivery must not be used                exit 4
        ├── SignatureRefused           nothing proves that TripleSeat sent it
        ├── BodyTooLarge               longer than any delivery is
        └── DeliveryUnreadable         it isn't what TripleSeat delivers                  exit 3

Messages say what happened, to what, and what to do; never a secret, a customer's data or a full URL.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class TsrevelError(Exception):
    """The base of all that tsrevel raises on purpose. Uncaught, it ends the command with `exit_status`."""

    exit_status = 1


class StopRun(TsrevelError):
    """The run ends here with `exit_status`. The rest is left for the next run."""


USAGE = 2
"""The exit status if the command line is wrong, or names something that doesn't exist."""


class ConfigCode(StrEnum):
    """The kind of error in a setting or a file of settings. Codes never change their meaning."""

    NOT_SET = "NOT_SET"
    UNKNOWN_KEY = "UNKNOWN_KEY"
    WRONG_TYPE = "WRONG_TYPE"
    UNKNOWN_WORD = "UNKNOWN_WORD"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    EMPTY = "EMPTY"
    NOT_TEXT = "NOT_TEXT"
    UNUSABLE_VALUE = "UNUSABLE_VALUE"
    PLACEHOLDER = "PLACEHOLDER"
    COMMAND_NOT_FOUND = "COMMAND_NOT_FOUND"

    MALFORMED_AMOUNT = "MALFORMED_AMOUNT"
    MALFORMED_COMMAND = "MALFORMED_COMMAND"
    MALFORMED_CURRENCY = "MALFORMED_CURRENCY"
    MALFORMED_DOMAIN = "MALFORMED_DOMAIN"
    MALFORMED_HOST = "MALFORMED_HOST"
    MALFORMED_ID = "MALFORMED_ID"
    MALFORMED_LOCAL_ID = "MALFORMED_LOCAL_ID"
    MALFORMED_MAIL_ADDRESS = "MALFORMED_MAIL_ADDRESS"
    MALFORMED_PATH = "MALFORMED_PATH"
    MALFORMED_PROXY = "MALFORMED_PROXY"
    MALFORMED_SECRET = "MALFORMED_SECRET"  # noqa: S105 (a code)
    MALFORMED_TIME = "MALFORMED_TIME"
    MALFORMED_TOKEN_FILE = "MALFORMED_TOKEN_FILE"  # noqa: S105
    MALFORMED_URL = "MALFORMED_URL"
    HTTPS_REQUIRED = "HTTPS_REQUIRED"
    UNKNOWN_TIMEZONE = "UNKNOWN_TIMEZONE"
    UNSUPPORTED_PROXY = "UNSUPPORTED_PROXY"

    CONFLICTING_VALUES = "CONFLICTING_VALUES"
    GIVEN_TWICE = "GIVEN_TWICE"
    DUPLICATE_ENTRY = "DUPLICATE_ENTRY"
    REMOTE_IN_SANDBOX = "REMOTE_IN_SANDBOX"
    LOOPBACK_IN_PRODUCTION = "LOOPBACK_IN_PRODUCTION"
    PRODUCT_REQUIRED = "PRODUCT_REQUIRED"
    PRODUCT_NOT_ALLOWED = "PRODUCT_NOT_ALLOWED"
    PLACE_REQUIRED = "PLACE_REQUIRED"
    UNKNOWN_LOCATION = "UNKNOWN_LOCATION"
    AMBIGUOUS_LOCATION = "AMBIGUOUS_LOCATION"
    ESTABLISHMENT_AS_LOCATION = "ESTABLISHMENT_AS_LOCATION"
    INCOMPLETE_LOCATION = "INCOMPLETE_LOCATION"
    LOCATION_MISMATCH = "LOCATION_MISMATCH"
    MENU_ITEM_OR_NAME_REQUIRED = "MENU_ITEM_OR_NAME_REQUIRED"

    NO_CONFIG_FILE = "NO_CONFIG_FILE"
    NO_HOME = "NO_HOME"
    FILE_NOT_FOUND = "FILE_NOT_FOUND"
    FILE_UNREADABLE = "FILE_UNREADABLE"
    FILE_NOT_TEXT = "FILE_NOT_TEXT"
    FILE_EXISTS = "FILE_EXISTS"
    FILE_UNWRITABLE = "FILE_UNWRITABLE"
    FILE_NOT_OURS = "FILE_NOT_OURS"
    NOT_TOML = "NOT_TOML"
    MAPPINGS_BESIDE_LINK = "MAPPINGS_BESIDE_LINK"
    MAPPINGS_OF_SANDBOX = "MAPPINGS_OF_SANDBOX"
    MAPPINGS_SHARED = "MAPPINGS_SHARED"
    STATE_LEFT_BEHIND = "STATE_LEFT_BEHIND"

    COMMAND_FAILED = "COMMAND_FAILED"
    EXTRA_MISSING = "EXTRA_MISSING"
    NO_CERTIFICATES = "NO_CERTIFICATES"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing wrong with the settings: which kind, which key, where its value came from, what to do."""

    code: ConfigCode
    key: str
    origin: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key} ({self.origin}): {self.message}. {self.remedy}"


class ConfigError(StopRun):
    """The settings can't be used. Holds every problem found, not just the first."""

    exit_status = 10

    def __init__(self, *problems: ConfigProblem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class LedgerCode(StrEnum):
    """Why a ledger can't be used. Codes never change their meaning."""

    ABSENT = "ABSENT"
    EXISTS = "EXISTS"
    UNREACHABLE = "UNREACHABLE"
    LOCKED = "LOCKED"
    CHANGED_WHILE_READ = "CHANGED_WHILE_READ"
    DISK_FULL = "DISK_FULL"
    DISK_FAILED = "DISK_FAILED"
    WAL_UNSUPPORTED = "WAL_UNSUPPORTED"
    NOT_A_LEDGER = "NOT_A_LEDGER"
    NEWER_VERSION = "NEWER_VERSION"
    OTHER_ENVIRONMENT = "OTHER_ENVIRONMENT"
    LOG_OF_OTHER_NAME = "LOG_OF_OTHER_NAME"
    STATEMENT_FAILED = "STATEMENT_FAILED"
    # It is damaged:
    EMPTY_FILE = "EMPTY_FILE"
    NOT_A_DATABASE = "NOT_A_DATABASE"
    LOG_WITHOUT_LEDGER = "LOG_WITHOUT_LEDGER"
    CORRUPT = "CORRUPT"
    BROKEN_REFERENCE = "BROKEN_REFERENCE"
    META_MISSING = "META_MISSING"
    AUDIT_ROW_MISSING = "AUDIT_ROW_MISSING"
    AUDIT_ROW_ALTERED = "AUDIT_ROW_ALTERED"
    AUDIT_ROW_ADDED = "AUDIT_ROW_ADDED"
    TABLES_DISAGREE = "TABLES_DISAGREE"
    UNREADABLE_PLAN = "UNREADABLE_PLAN"
    UNREADABLE_SNAPSHOT = "UNREADABLE_SNAPSHOT"


class LedgerUnusable(StopRun):
    """The ledger is newer than this program, can't be written, or belongs to the other environment."""

    exit_status = 10

    def __init__(self, code: LedgerCode, message: str) -> None:
        self.code = code
        super().__init__(message)


RESTORE = "Stop cron, keep the file, and restore a backup once 15 minutes have passed since the last run."
"""The advice for a damaged ledger. A write that no backup knows of may be applied that late."""


class LedgerDamaged(LedgerUnusable):
    """The ledger's file or its audit chain is broken: nothing may be written until a person has checked it."""

    exit_status = 14


class WrongClock(StopRun):
    """Both services' clocks say that this machine's is far off, so it is unclear what is due, too early or missed."""

    exit_status = 10


class AssumptionFailed(StopRun):
    """An assumption that an order's safety needs fails in this account: nothing may be written to it."""

    exit_status = 10


class RunLocked(StopRun):
    """Another run holds the lock on this ledger."""

    exit_status = 11


class ServiceCode(StrEnum):
    """The `error` code of a refusal (RFC 6749 5.2; TripleSeat's own as facts TripleSeat 1.4 has it)."""

    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    SERVER_ERROR = "server_error"
    SLOW_DOWN = "slow_down"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    TOKEN_WITHOUT_USER = "Token resource owner not found"  # noqa: S105 (what a service says)
    OTHER = "other"
    """Any other code."""


class CredentialsCode(StrEnum):
    """Why a key or token was refused, if known, and so what a person must do."""

    NOT_ACCEPTED = "NOT_ACCEPTED"
    MALFORMED = "MALFORMED"
    APPROVAL_NEEDED = "APPROVAL_NEEDED"
    ACCESS_MISSING = "ACCESS_MISSING"
    APP_NOT_ACCEPTED = "APP_NOT_ACCEPTED"
    PUBLIC_KEY_TOO_NARROW = "PUBLIC_KEY_TOO_NARROW"
    TOKEN_WITHOUT_USER = "TOKEN_WITHOUT_USER"  # noqa: S105
    # What the token URL refused:
    REFRESH_TOKEN_REFUSED = "REFRESH_TOKEN_REFUSED"  # noqa: S105
    APPROVAL_CODE_REFUSED = "APPROVAL_CODE_REFUSED"
    UNKNOWN_APP = "UNKNOWN_APP"
    GRANT_NOT_ALLOWED = "GRANT_NOT_ALLOWED"
    UNKNOWN_GRANT = "UNKNOWN_GRANT"
    SCOPE_NOT_ALLOWED = "SCOPE_NOT_ALLOWED"
    WRONG_TOKEN_URL = "WRONG_TOKEN_URL"  # noqa: S105
    TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105


class CredentialsRefused(StopRun):
    """401 or 403, even after a token refresh (facts TripleSeat 1.7, Revel 1): a person must act.

    `advice` ends the message, and `without_advice` is the message before it. `service_code` is the answer's `error`
    code (None for none), `said` the part of its text that may be shown ("" for none).
    """

    exit_status = 12

    def __init__(
        self,
        message: str,
        *,
        code: CredentialsCode = CredentialsCode.NOT_ACCEPTED,
        advice: str = "",
        service_code: ServiceCode | None = None,
        said: str = "",
    ) -> None:
        self.code, self.without_advice = code, message
        self.service_code, self.said = service_code, said
        super().__init__(f"{message}{advice}")


class Forbidden(CredentialsRefused):
    """403: the key or token is good, but not for this resource (facts TripleSeat 1.7, Revel 1)."""


class TokenRefused(CredentialsRefused):
    """TripleSeat's token URL refused. The message already says what to do."""


class ConnectionFault(StrEnum):
    """The fault in the connection to a service."""

    PROXY_LOGIN_REFUSED = "PROXY_LOGIN_REFUSED"
    CERTIFICATE_EXPIRED = "CERTIFICATE_EXPIRED"
    CERTIFICATE_NOT_YET_VALID = "CERTIFICATE_NOT_YET_VALID"
    CERTIFICATE_OF_OTHER_HOST = "CERTIFICATE_OF_OTHER_HOST"
    CERTIFICATE_UNTRUSTED = "CERTIFICATE_UNTRUSTED"
    NO_TLS = "NO_TLS"
    NO_AUTHORITIES = "NO_AUTHORITIES"


class ConnectionMisconfigured(StopRun):
    """The connection to a service is set up wrong, here or there: an untrusted certificate, a wrong proxy."""

    exit_status = 10

    def __init__(self, message: str, fault: ConnectionFault) -> None:
        self.fault = fault
        super().__init__(message)


class ServiceDown(StopRun):
    """A service that the whole run needs is unavailable or answers nonsense."""

    exit_status = 13


class WriteForbidden(StopRun):
    """A write reached the shut write gate. A fault in tsrevel: the engine should have stopped before."""


class Halted(StopRun):
    """The run was interrupted, and this thread stops between two requests. The main thread knows the reason."""


class TryNextRun(TsrevelError):
    """This event fails in this run, and the next run tries it again. Nothing is known to be half written."""


class Unavailable(TryNextRun):
    """The service gave no answer, or one that says 'later' (facts TripleSeat 7, Revel 2.3).

    `fault` is what is wrong with the connection, if known.
    """

    def __init__(self, message: str, fault: ConnectionFault | None = None) -> None:
        self.fault = fault
        super().__init__(message)


class Throttled(Unavailable):
    """429. The write that it answers may have been applied nevertheless. `wait`: seconds; None if it names none."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(message)


class AnswerFault(StrEnum):
    """Why an answer can't be used."""

    HTML_PAGE = "HTML_PAGE"
    EMPTY = "EMPTY"
    BROKEN_JSON = "BROKEN_JSON"
    TOO_LARGE = "TOO_LARGE"
    REDIRECT = "REDIRECT"
    UNEXPECTED_STATUS = "UNEXPECTED_STATUS"
    UNEXPECTED_CONTENT = "UNEXPECTED_CONTENT"
    ERROR_MESSAGE = "ERROR_MESSAGE"
    OTHER_OBJECT = "OTHER_OBJECT"
    INCOMPLETE_LIST = "INCOMPLETE_LIST"
    IGNORED_FILTER = "IGNORED_FILTER"
    NO_TOKEN = "NO_TOKEN"  # noqa: S105
    NO_REFRESH_TOKEN = "NO_REFRESH_TOKEN"  # noqa: S105
    MALFORMED_ADDRESS = "MALFORMED_ADDRESS"


class NotJson(ValueError):
    """Bytes that should be JSON and aren't. The message says what they are instead, without their content."""

    def __init__(self, message: str, fault: AnswerFault) -> None:
        self.fault = fault
        super().__init__(message)


class RetryLater(Unavailable):
    """An Unavailable that may say how many seconds to wait."""

    def __init__(self, message: str, wait: float | None = None, fault: ConnectionFault | None = None) -> None:
        self.wait = wait
        super().__init__(message, fault)


class ServerFault(RetryLater):
    """500 or 501. The service may not know a feature that the request uses (facts Revel 2.3)."""


class OutOfTime(RetryLater):
    """The time of this run is up, before a request was sent or answered. No sign that the service is unavailable."""

    def __init__(self, message: str) -> None:
        super().__init__(message, math.inf)


class Unreadable(TryNextRun):
    """The service's answer isn't what it documents: HTML, broken JSON, a missing key."""

    def __init__(self, message: str, fault: AnswerFault = AnswerFault.UNEXPECTED_CONTENT) -> None:
        self.fault = fault
        super().__init__(message)


class IncompleteSearch(Unreadable):
    """A search ended before its last page. `found`: what it listed until then."""

    def __init__(self, message: str, found: Sequence[object]) -> None:
        self.found = found
        super().__init__(message, AnswerFault.INCOMPLETE_LIST)


class OutcomeUnknown(TsrevelError):
    """A write was sent and its answer was lost. It was applied, will be applied, or never is (facts Revel 2.3)."""


class StillPending(OutcomeUnknown):
    """A write that was sent before may still be applied. No sign that the service is unavailable."""


class NotShown(OutcomeUnknown):
    """Revel acknowledged a write, but doesn't show it. No sign that the service is unavailable."""


class Refused(TsrevelError):
    """The service refused this request: a 4xx, or an error as the answer of a token URL with any status.

    `status` is the HTTP status: to some callers 403 or 404 has its own meaning. `service_code` is the answer's `error`
    code (None for none), `said` the part of its text that may be shown ("" for none).
    """

    def __init__(self, message: str, status: int, *, service_code: ServiceCode | None = None, said: str = "") -> None:
        self.status, self.service_code, self.said = status, service_code, said
        super().__init__(message)


class ConflictCode(StrEnum):
    """The rule that a change contradicts. Codes never change their meaning."""

    BROKEN_RULE = "BROKEN_RULE"
    RUN_NOT_OPEN = "RUN_NOT_OPEN"
    RESOLVED = "RESOLVED"
    WRONG_STATE = "WRONG_STATE"
    NO_ORDER = "NO_ORDER"
    NO_SUCH_STEP = "NO_SUCH_STEP"
    MAIL_NOT_DUE = "MAIL_NOT_DUE"


class ClaimConflict(TsrevelError):
    """A change contradicts the ledger. A fault in tsrevel; nothing was stored."""

    def __init__(self, code: ConflictCode, message: str) -> None:
        self.code = code
        super().__init__(message)


class SignatureReason(StrEnum):
    """Why a signature wasn't accepted. Codes never change their meaning."""

    MISSING_SIGNATURE_HEADER = "MISSING_SIGNATURE_HEADER"
    MALFORMED_SIGNATURE_HEADER = "MALFORMED_SIGNATURE_HEADER"
    SIGNATURE_MISMATCH = "SIGNATURE_MISMATCH"
    TIMESTAMP_OUT_OF_TOLERANCE = "TIMESTAMP_OUT_OF_TOLERANCE"
    SIGNING_KEY_NOT_CONFIGURED = "SIGNING_KEY_NOT_CONFIGURED"


class DeliveryReason(StrEnum):
    """Why a delivery wasn't accepted, from any sender. Codes never change their meaning."""

    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    MISSING_DATA = "MISSING_DATA"


class DeliveryFault(StrEnum):
    """The fault of a delivery (`DeliveryReason.MISSING_DATA`)."""

    NOT_JSON = "NOT_JSON"
    NO_TRIGGER = "NO_TRIGGER"
    NO_SUBJECT = "NO_SUBJECT"
    NO_USABLE_ID = "NO_USABLE_ID"
    FILE_UNREADABLE = "FILE_UNREADABLE"


class DeliveryRefused(TsrevelError):
    """A webhook delivery that must not be used: it can't be trusted, or can't be read.

    The message begins with `reason`. `timestamp` is the signing time that it names, in epoch seconds; None if
    unreadable.
    """

    exit_status = 4

    def __init__(self, reason: SignatureReason | DeliveryReason, message: str, timestamp: int | None = None) -> None:
        self.reason, self.timestamp = reason, timestamp
        super().__init__(f"{reason}: {message}")


class SignatureRefused(DeliveryRefused):
    """Nothing proves that TripleSeat sent the delivery (facts TripleSeat 6.4)."""

    reason: SignatureReason

    def __init__(self, reason: SignatureReason, message: str, timestamp: int | None = None) -> None:
        super().__init__(reason, message, timestamp)


class BodyTooLarge(DeliveryRefused):
    """A body longer than any delivery (facts TripleSeat 6.3). It was not read to its end. `most` in bytes."""

    def __init__(self, most: int) -> None:
        text = f"the body has more than {most // 2**20} MiB, more than any delivery; check the captured file"
        super().__init__(DeliveryReason.PAYLOAD_TOO_LARGE, text)


class DeliveryUnreadable(DeliveryRefused):
    """A body that isn't a delivery of TripleSeat's (facts TripleSeat 6.3): no JSON, no trigger, no id."""

    exit_status = 3

    def __init__(self, text: str, fault: DeliveryFault) -> None:
        self.fault = fault
        super().__init__(DeliveryReason.MISSING_DATA, f"the delivery can't be read: {text}")


class SpoolUnwritable(TsrevelError):
    """A delivery is finished, but can't be moved out of the spool; nor can any other."""


class FieldMissingError(Exception):
    """A row of a narrowed list lacks a requested field: read the list with all fields instead."""


class ConnectorDisabled(TsrevelError):
    """The connector is disabled or paused: no service may be asked."""

    exit_status = 3


class MappingUnclear(TsrevelError):
    """The input doesn't name one mapping, or names one that can't exist."""

    exit_status = 2


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so no code on the way takes it for a failure to recover from."""


class HungUp(Terminated):
    """SIGHUP arrived: the terminal or the connection to it is gone."""


def describe_fault(error: Exception) -> str:
    """Describes a fault in tsrevel by type and place, for a report. Its text may quote data, and is left out."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"a fault in tsrevel: {type(error).__name__}; please report it with these lines:\n{frames}"

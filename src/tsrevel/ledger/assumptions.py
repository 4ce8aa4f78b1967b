"""What the account answered to `doctor --assumptions`: the last answer of each assumption."""

from __future__ import annotations

from collections.abc import Iterable

from tsrevel.ledger.connection import Transactions
from tsrevel.ledger.records import AuditKind, decode_instant
from tsrevel.planning.assumptions import AssumptionAnswer, AssumptionCode, AssumptionResult

_STORE = """
    INSERT INTO assumptions (code, result, detail, tested_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (code) DO UPDATE
    SET result = excluded.result, detail = excluded.detail, tested_at = excluded.tested_at
"""
_ALL = "SELECT code, result, detail, tested_at FROM assumptions ORDER BY rowid"


class AssumptionRepository:
    """`ledger.assumptions`: what is known of the account's own behaviour."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def store(self, answers: Iterable[AssumptionAnswer]) -> None:
        """Stores these answers, dated now. One that can't be told leaves an earlier answer as it is."""
        with self._transactions.changing(None) as change:
            told = [each for each in answers if each.result is not AssumptionResult.UNTOLD]
            for each in told:
                change.connection.execute(_STORE, (each.code, each.result, each.detail, change.at))
            if told:
                change.audit(
                    AuditKind.ASSUMPTIONS_TESTED, None, **{each.code.value: each.result.value for each in told}
                )

    def answers(self) -> tuple[AssumptionAnswer, ...]:
        """The last answer of each assumption that was ever tested and that this version knows."""
        known = set(AssumptionCode)
        with self._transactions.reading() as connection:
            return tuple(
                AssumptionAnswer(
                    AssumptionCode(row["code"]),
                    AssumptionResult(row["result"]),
                    row["detail"],
                    decode_instant(row["tested_at"]),
                )
                for row in connection.execute(_ALL)
                if row["code"] in known
            )

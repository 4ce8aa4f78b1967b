"""Money: exact decimals at the edge, whole cents inside, rounded in this one place."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Cents = NewType("Cents", int)

ZERO = Cents(0)
_CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Cents:
    """`amount`, in major units, as whole cents; halves away from zero. The only rounding in tsrevel."""
    return Cents(int(amount.quantize(_CENT, rounding=ROUND_HALF_UP) * 100))


def to_decimal(cents: Cents) -> Decimal:
    """`cents` in major units with exactly two decimals."""
    return (Decimal(cents) / 100).quantize(_CENT)


def show(cents: Cents) -> str:
    """`cents` as text with two decimals: 83772 is "837.72"."""
    return f"{to_decimal(cents):f}"


def show_grouped(cents: Cents) -> str:
    """`cents` for people, with thousands separators: 2499999 is "24,999.99"."""
    return f"{to_decimal(cents):,f}"


def total(amounts: list[Cents]) -> Cents:
    return Cents(sum(amounts))


def allocate(amount: Cents, weights: list[Cents]) -> list[Cents]:
    """`amount` divided in proportion to `weights`, exact to the cent (largest remainder first, then in order).

    `weights` are not negative and their sum is at least `amount`, so no share exceeds its weight.
    """
    whole = sum(weights)
    if whole == 0:
        return [ZERO for _ in weights]
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(amount * weights[n] % whole), n))
    for n in by_remainder[: amount - sum(shares)]:
        shares[n] += 1
    return [Cents(share) for share in shares]

"""What a person can carry: debt service, the room for an instalment, the limit on a loan.

Missing is None and is never zero: an income that nobody verified or a debt of unknown size makes
the result None, and a limit of None is no limit that passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, get_args

from fenqi import _native
from fenqi.errors import from_native
from fenqi.offers.loan import (
    MAX_FEN,
    Frequency,
    Loan,
    Rounding,
    check_amount,
    invalid,
    native_terms,
    rate_units,
)

LimitKind = Literal[
    "product", "legal_cap", "affordability", "income_multiple", "expected_loss", "ladder"
]


@dataclass(frozen=True, slots=True)
class Debt:
    """A debt already served: fen a month, or for a card without a stated minimum its balance, of
    which a tenth counts. Both None: unknown."""

    monthly_fen: int | None = None
    card_balance_fen: int | None = None


@dataclass(frozen=True, slots=True)
class LoanLimit:
    """The smallest limit, rounded down, and which one it is; amount None where `binding` is
    missing."""

    amount_fen: int | None
    binding: LimitKind


def debt_service(debts: Sequence[Debt]) -> int | None:
    """Fen a month for all `debts`; None where one of them is unknown."""
    for debt in debts:
        check_amount("debts.monthly_fen", debt.monthly_fen)
        check_amount("debts.card_balance_fen", debt.card_balance_fen)
    pairs = [(debt.monthly_fen, debt.card_balance_fen) for debt in debts]
    return _native.offers.debt_service(pairs)


def instalment_room(
    monthly_income_fen: int | None,
    debt_service_fen: int | None,
    *,
    max_debt_service_ratio: Decimal | float = 0.5,
    residual_income_fen: int = 0,
) -> int | None:
    """The largest additional instalment, fen a month, that keeps debts and instalment within the
    ratio of verified net income and leaves `residual_income_fen` to live on. 0 where there is no
    room, None where income or debts are."""
    check_amount("monthly_income_fen", monthly_income_fen)
    check_amount("debt_service_fen", debt_service_fen)
    check_amount("residual_income_fen", residual_income_fen)
    if not 0 <= max_debt_service_ratio <= 1:
        raise invalid([("max_debt_service_ratio", "must be 0 to 1")])
    return _native.offers.instalment_room(
        monthly_income_fen,
        debt_service_fen,
        rate_units(max_debt_service_ratio),
        residual_income_fen,
    )


def largest_principal(
    instalment_fen: int,
    annual_rate: Decimal | float,
    periods: int,
    *,
    frequency: Frequency = "monthly",
    rounding: Rounding = "up",
) -> int:
    """The largest principal, fen, whose equal instalment, rounded so, is at most `instalment_fen`;
    rounded up it is P = A (1 - (1 + i)^-n) / i, rounded down. At most 2^53."""
    check_amount("instalment_fen", instalment_fen)
    if not 1 <= periods <= 1560:
        raise invalid([("periods", "must be 1 to 1,560")])
    if not 0 <= annual_rate <= 100:
        raise invalid([("annual_rate", "must be 0 to 100, as a fraction: 0.18 is 18 %")])
    if frequency not in get_args(Frequency) or frequency == "custom":
        raise invalid([("frequency", "must be one with equal periods")])
    if rounding not in get_args(Rounding):
        raise invalid([("rounding", f"must be one of {', '.join(get_args(Rounding))}")])
    return _native.offers.largest_principal(
        instalment_fen,
        rate_units(annual_rate),
        get_args(Frequency).index(frequency),
        periods,
        get_args(Rounding).index(rounding),
    )


def expected_loss_limit(budget_fen: int, loan: Loan, pd12: float, lgd: float) -> int:
    """The principal, fen, at which `loan` is expected to lose the budget over its life, at its own
    rate; at most 2^53.

    pd12: probability of default of twelve months, 0 <= pd12 < 1. The loss is lgd x sum of
    (S_(t-1) - S_t) B_(t-1), S_t = (1 - pd12)^(t / periods in a year), as that of a price, on the
    plan without rounding and without charges. `loan.principal_fen` counts for nothing. Raises
    InvalidRequestError naming the field.
    """
    check_amount("budget_fen", budget_fen)
    if not 0 <= pd12 < 1:
        raise invalid([("pd12", "must be 0 or more, and below 1")])
    if not 0 <= lgd <= 1:
        raise invalid([("lgd", "must be 0 to 1")])
    try:
        return _native.offers.expected_loss_limit(native_terms(loan, ()), budget_fen, pd12, lgd)
    except _native.StatusError as error:
        raise from_native(error) from None


def ladder_limit(steps: Sequence[tuple[int, int]], good_repayments: int) -> int:
    """The amount, fen, that `good_repayments` reach on `steps`, (repayments needed, amount)
    ascending; the first step needs 0."""
    needed = [count for count, _ in steps]
    if not steps or needed[0] != 0 or needed != sorted(needed) or needed[-1] >= 2**31:
        raise invalid([("steps", "must begin with 0 repayments needed, and ascend")])
    for _, amount in steps:
        check_amount("steps.amount_fen", amount)
    if good_repayments < 0:
        raise invalid([("good_repayments", "must be 0 or more")])
    reached = min(good_repayments, 2**31 - 1)
    return _native.offers.ladder_limit([amount for _, amount in steps], needed, reached)


def loan_limit(limits: Mapping[LimitKind, int | None], *, step_fen: int = 10_000) -> LoanLimit:
    """The smallest of `limits` (kind to fen), rounded down to a multiple of `step_fen`, and which.

    A limit that does not apply is left out; one that applies and is unknown is None, and then so is
    the result.
    """
    if not limits:
        raise invalid([("limits", "must be one at least")])
    if not 1 <= step_fen <= MAX_FEN:
        raise invalid([("step_fen", "must be 1 to 2^53")])
    kinds = get_args(LimitKind)
    for kind, amount in limits.items():
        if kind not in kinds:
            raise invalid([("limits", f"{kind} is none of {', '.join(kinds)}")])
        check_amount(f"limits.{kind}", amount)
    amount, binding = _native.offers.smallest_limit(
        [(kinds.index(kind), amount) for kind, amount in limits.items()], step_fen
    )
    return LoanLimit(amount, kinds[binding])

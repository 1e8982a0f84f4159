"""What happens to a plan once money moves: payments, penalties, early repayment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

from fenqi import _native
from fenqi.errors import from_native
from fenqi.offers.loan import (
    Charge,
    Fen,
    Loan,
    Rate,
    Rounding,
    Terms,
    check_amount,
    day_number,
    day_of,
    given_day,
    invalid,
    native_terms,
    rate_units,
    small,
)
from fenqi.offers.schedules import Row

Part = Literal["charges", "penalty", "interest", "principal"]
PenaltyBase = Literal["principal", "instalment"]
Keep = Literal["term", "instalment"]


class Servicing(Terms):
    """How a product treats payments.

    waterfall: the order within an instalment, the oldest instalment first. penalty_rate: a year of
    `penalty_year` days (360 or 365), on the overdue principal or on principal and interest.
    grace_days: 容时, paid so many days late is paid in time. tolerance_fen: 容差, an instalment
    short by at most this counts as paid, and the rest is due with the next. prepayment_fee_rate: of
    the principal repaid early.
    """

    waterfall: tuple[Part, Part, Part, Part] = ("charges", "penalty", "interest", "principal")
    penalty_rate: Rate = 0.0
    penalty_base: PenaltyBase = "principal"
    penalty_year: int = 360
    grace_days: int = 0
    tolerance_fen: Fen = 0
    prepayment_fee_rate: Rate = 0.0
    rounding: Rounding = "half_up"


@dataclass(frozen=True, slots=True)
class OpenInstalment:
    """An instalment as far as it is unpaid, fen. penalty_until: the day up to which penalty_fen is
    reckoned."""

    due: date
    charges_fen: int = 0
    penalty_fen: int = 0
    interest_fen: int = 0
    principal_fen: int = 0
    penalty_until: date | None = None

    @property
    def total_fen(self) -> int:
        return self.charges_fen + self.penalty_fen + self.interest_fen + self.principal_fen


@dataclass(frozen=True, slots=True)
class Payment:
    """What a payment was used for, fen, and the instalments after it; left_fen paid for nothing."""

    charges_fen: int
    penalty_fen: int
    interest_fen: int
    principal_fen: int
    left_fen: int
    instalments: tuple[OpenInstalment, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What repays principal early, fen: interest to the day, and the fee."""

    principal_fen: int
    interest_fen: int
    fee_fen: int

    @property
    def total_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.fee_fen


def open_instalments(rows: Iterable[Row]) -> tuple[OpenInstalment, ...]:
    """The rows of a dated plan as instalments of which nothing is paid."""
    opened = []
    for row in rows:
        if row.due is None:
            raise invalid([("rows.due", "must be a date: give the loan its disbursed")])
        opened.append(
            OpenInstalment(
                due=row.due,
                charges_fen=row.charges_fen,
                interest_fen=row.interest_fen,
                principal_fen=row.principal_fen,
            )
        )
    return tuple(opened)


def pay(
    instalments: Sequence[OpenInstalment], amount_fen: int, day: date, servicing: Servicing
) -> Payment:
    """Reckons penalties to `day`, then uses `amount_fen` (0 or more) for `instalments`, which are
    in order of their due dates."""
    check_amount("amount_fen", amount_fen)
    given = []
    for one in instalments:
        unpaid = [one.charges_fen, one.penalty_fen, one.interest_fen, one.principal_fen]
        for amount in unpaid:
            check_amount("instalments", amount)
        given.append((given_day("instalments.due", one.due), unpaid, day_number(one.penalty_until)))
    if given != sorted(given, key=lambda one: one[0]):
        raise invalid([("instalments", "must be in order of their due dates")])
    try:
        after, used, left = _native.offers.payment(
            given, amount_fen, given_day("day", day), _native_servicing(servicing)
        )
    except _native.StatusError as error:
        raise from_native(error) from None
    rest = []
    for one, (_, unpaid, until) in zip(instalments, after, strict=True):
        charges, penalty, interest, principal = unpaid
        rest.append(OpenInstalment(one.due, charges, penalty, interest, principal, day_of(until)))
    charges, penalty, interest, principal = used
    return Payment(charges, penalty, interest, principal, left, tuple(rest))


def settle(
    loan: Loan,
    paid_rows: int,
    day: date,
    servicing: Servicing,
    charges: Sequence[Charge] = (),
) -> Settlement:
    """What repays `loan` on `day`, when its first `paid_rows` instalments are paid and none is
    overdue. Raises InvalidRequestError where `day` is not between two due dates."""
    on = given_day("day", day)
    try:
        return Settlement(
            *_native.offers.settlement(
                native_terms(loan, charges), _native_servicing(servicing), small(paid_rows), on
            )
        )
    except _native.StatusError as error:
        raise from_native(error) from None


def prepay(
    loan: Loan,
    paid_rows: int,
    day: date,
    amount_fen: int,
    servicing: Servicing,
    *,
    keep: Keep = "term",
    charges: Sequence[Charge] = (),
) -> tuple[Settlement, Loan]:
    """Pays `amount_fen` early: what it was used for, and the loan that is left.

    keep: the term, with smaller instalments, or the instalment, with fewer of them. Charges with
    each instalment go on as before: give them to `schedule` with the loan that is left.
    """
    if keep not in get_args(Keep):
        raise invalid([("keep", f"must be one of {', '.join(get_args(Keep))}")])
    check_amount("amount_fen", amount_fen)
    on = given_day("day", day)
    try:
        paid, principal, periods, due_day, disbursed, first_due, instalment = (
            _native.offers.prepayment(
                native_terms(loan, charges),
                _native_servicing(servicing),
                small(paid_rows),
                on,
                amount_fen,
                get_args(Keep).index(keep),
            )
        )
    except _native.StatusError as error:
        raise from_native(error) from None
    rest = loan.model_copy(
        update={
            "principal_fen": principal,
            "periods": periods,
            "grace_periods": 0,
            "due_day": due_day,
            "disbursed": day_of(disbursed),
            "first_due": day_of(first_due),
            "instalment_fen": instalment,
        }
    )
    return Settlement(*paid), rest


def _native_servicing(terms: Servicing) -> dict[str, object]:
    return {
        "waterfall": [get_args(Part).index(part) for part in terms.waterfall],
        "penalty_rate": rate_units(terms.penalty_rate),
        "penalty_base": get_args(PenaltyBase).index(terms.penalty_base),
        "penalty_year": small(terms.penalty_year),
        "grace_days": small(terms.grace_days),
        "tolerance_fen": terms.tolerance_fen,
        "prepayment_fee_rate": rate_units(terms.prepayment_fee_rate),
        "rounding": get_args(Rounding).index(terms.rounding),
    }

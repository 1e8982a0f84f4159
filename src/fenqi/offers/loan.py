"""The terms of an instalment loan, as a person writes them, checked where they come in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from fenqi import _native
from fenqi.errors import FieldViolation, InvalidRequestError, StatusCode

# Each in the order of the core's enumeration (native/offers/loan.h, charge.h, rounding.h).
Method = Literal["equal_instalments", "equal_principal", "interest_only", "flat_fee"]
Frequency = Literal[
    "monthly", "weekly", "fortnightly", "semimonthly", "quarterly", "yearly", "custom"
]
DayCount = Literal["30/360", "actual/365", "actual/360"]
Compounding = Literal["nominal", "semiannual", "annual"]
Rounding = Literal["half_up", "up", "down", "half_even"]
Grace = Literal["interest_only", "full"]
LevelBasis = Literal["actual_periods", "equal_periods"]
LastInstalment = Literal["within_bound", "takes_all"]
Balance = Literal["rounded", "precise"]
ChargeTiming = Literal["deducted", "added", "each_instalment"]
ChargeBase = Literal["flat", "principal", "balance", "instalment", "interest"]
Payee = Literal["lender", "guarantor", "insurer", "platform", "other"]

RATE_DIGITS = 12
# The core's limit, 10,000 %, is below it; what lies beyond would not fit its integers.
_RATE_LIMIT = 10**6
_AMOUNT_LIMIT = 2**62


def rate_units(rate: Decimal | float) -> int:
    """A rate as a fraction (0.18 is 18 %) in the core's units of 10^-12, exact in decimal."""
    return int(Decimal(str(rate)).scaleb(RATE_DIGITS).to_integral_value())


def _finite_rate(value: Any) -> Any:
    """Floats are read as they print, so that 0.1499 is 14.99 % and not its nearest double."""
    if isinstance(value, int | float | str | np.number) and not isinstance(value, bool):
        try:
            value = Decimal(str(value))
        except InvalidOperation:
            raise ValueError("must be a number, as a fraction: 0.18 is 18 %") from None
    if isinstance(value, Decimal) and not (value.is_finite() and abs(value) < _RATE_LIMIT):
        raise ValueError("must be a finite number, as a fraction: 0.18 is 18 %")
    return value


def _whole_amount(value: Any) -> Any:
    if isinstance(value, np.integer):
        value = int(value)
    if isinstance(value, int) and abs(value) >= _AMOUNT_LIMIT:
        raise ValueError("must be at most 9,007,199,254,740,992 (2^53) fen")
    return value


Rate = Annotated[Decimal | float, BeforeValidator(_finite_rate)]
Fen = Annotated[int, BeforeValidator(_whole_amount)]


class Terms(BaseModel):
    """Refuses unknown names, and says what is wrong as the rest of Fenqi does."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def __init__(self, **terms: Any) -> None:
        try:
            super().__init__(**terms)
        except ValidationError as error:
            raise invalid(
                (".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()
            ) from None


class Charge(Terms):
    """A charge beside interest: when, on which base, and who takes it.

    timing: deducted from what is paid out, added to the principal and repaid with it, or due with
    each instalment. base: flat (`amount_fen`), or `rate` (a fraction; with each instalment, for one
    period) of the principal asked for, the balance before the instalment, the instalment, or its
    interest. Up front only flat and principal.
    """

    name: str = ""
    timing: ChargeTiming
    base: ChargeBase = "flat"
    payee: Payee = "lender"
    amount_fen: Fen = 0
    rate: Rate = Decimal(0)


class RateChange(Terms):
    """From instalment `from_row` (2 ..) the yearly rate is `annual_rate`.

    new_instalment: the instalment is computed anew for the rest of the term. instalment_cap: at
    most this multiple of the former one (0: no cap); interest above it is added to the balance.
    """

    from_row: int
    annual_rate: Rate
    new_instalment: bool = True
    instalment_cap: Rate = Decimal(0)


class Loan(Terms):
    """What a schedule is computed from; native/offers/loan.h says what each term means.

    Amounts in fen, rates as fractions (0.18 is 18 % a year; `flat_rate` is the fee of one period on
    the original principal). Raises InvalidRequestError for a wrong type or name; the limits are
    checked where a schedule is made.
    """

    principal_fen: Fen
    annual_rate: Rate = Decimal(0)
    periods: int
    method: Method = "equal_instalments"
    flat_rate: Rate = Decimal(0)
    frequency: Frequency = "monthly"
    day_count: DayCount = "30/360"
    compounding: Compounding = "nominal"
    instalment_rounding: Rounding = "half_up"
    interest_rounding: Rounding = "half_up"
    disbursed: date | None = None
    first_due: date | None = None
    due_day: int = 0
    due_dates: tuple[date, ...] = ()
    grace_periods: int = 0
    grace: Grace = "interest_only"
    instalment_fen: Fen = 0
    amortisation_periods: int = 0
    rate_changes: tuple[RateChange, ...] = ()
    level_basis: LevelBasis = "actual_periods"
    last_instalment: LastInstalment = "within_bound"
    balance: Balance = "rounded"


def invalid(faults: Iterable[tuple[str, str]]) -> InvalidRequestError:
    """The error for (field, what is wrong with it)."""
    violations = [FieldViolation(field, what) for field, what in faults]
    message = "; ".join(f"{fault.field}: {fault.description}" for fault in violations)
    return InvalidRequestError(StatusCode.INVALID_ARGUMENT, message, violations)


MAX_FEN = 2**53
_EPOCH = date(1970, 1, 1).toordinal()
_INT32 = 2**31


def check_amount(field: str, amount: int | None) -> None:
    """Raises InvalidRequestError unless it is fen that the core can carry, or None."""
    if amount is None:
        return
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= MAX_FEN:
        raise invalid([(field, "must be a whole number of fen, 0 to 2^53")])


def given_day(field: str, day: object) -> int:
    """The core's number of a date. Raises InvalidRequestError where it is none."""
    if not isinstance(day, date):
        raise invalid([(field, f"must be a date, not {day!r}")])
    return day_number(day)


def float_array(field: str, values: ArrayLike) -> NDArray[np.float64]:
    """A number or an array of them. Raises InvalidRequestError where something is no number."""
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise invalid([(field, "must be a number, or an array of numbers")]) from None


def day_number(day: date | None) -> int:
    """Days since 1970-01-01, as the core counts; its NO_DATE for None."""
    return _native.offers.NO_DATE if day is None else day.toordinal() - _EPOCH


def day_of(number: int) -> date | None:
    """The date of a day number; None for NO_DATE."""
    return None if number == _native.offers.NO_DATE else date.fromordinal(number + _EPOCH)


def small(value: int) -> int:
    """Whatever does not fit 32 bits is as wrong as the nearest value that does."""
    return max(-_INT32 + 1, min(_INT32 - 1, value))


def native_terms(loan: Loan, charges: Iterable[Charge]) -> dict[str, object]:
    """The loan in the core's numbers."""
    index = _index_of
    return {
        "principal_fen": loan.principal_fen,
        "annual_rate": rate_units(loan.annual_rate),
        "flat_rate": rate_units(loan.flat_rate),
        "periods": small(loan.periods),
        "method": index(Method, loan.method),
        "frequency": index(Frequency, loan.frequency),
        "day_count": index(DayCount, loan.day_count),
        "compounding": index(Compounding, loan.compounding),
        "instalment_rounding": index(Rounding, loan.instalment_rounding),
        "interest_rounding": index(Rounding, loan.interest_rounding),
        "disbursed": day_number(loan.disbursed),
        "first_due": day_number(loan.first_due),
        "due_day": small(loan.due_day),
        "due_dates": [day_number(day) for day in loan.due_dates],
        "grace_periods": small(loan.grace_periods),
        "grace": index(Grace, loan.grace),
        "instalment_fen": loan.instalment_fen,
        "amortisation_periods": small(loan.amortisation_periods),
        "rate_changes": [
            (
                small(change.from_row),
                rate_units(change.annual_rate),
                change.new_instalment,
                rate_units(change.instalment_cap),
            )
            for change in loan.rate_changes
        ],
        "level_basis": index(LevelBasis, loan.level_basis),
        "last_instalment": index(LastInstalment, loan.last_instalment),
        "balance": index(Balance, loan.balance),
        "charges": [
            (
                index(ChargeTiming, charge.timing),
                index(ChargeBase, charge.base),
                index(Payee, charge.payee),
                charge.amount_fen,
                rate_units(charge.rate),
            )
            for charge in charges
        ],
    }


def _index_of(words: Any, word: str) -> int:
    return get_args(words).index(word)

"""Repayment plans: one loan to rows, or arrays of loans to arrays of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fenqi import _native
from fenqi.errors import from_native
from fenqi.offers.loan import (
    Charge,
    Loan,
    day_of,
    float_array,
    invalid,
    native_terms,
    rate_units,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One instalment, amounts in fen. `balance_fen` is what is owed after it."""

    due: date | None
    principal_fen: int
    interest_fen: int
    charges_fen: int
    capitalised_fen: int
    balance_fen: int

    @property
    def payment_fen(self) -> int:
        return self.principal_fen + self.interest_fen + self.charges_fen


@dataclass(frozen=True, slots=True)
class CostRate:
    """What a plan costs a year, everything counted, as fractions (0.18 is 18 %).

    nominal: the internal rate of a period times the periods in a year. effective: compounded.
    simple: interest and charges over the balances owed and their time.
    """

    nominal: float
    effective: float
    simple: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A repayment plan with its totals, amounts in fen.

    rows: at most loan.periods, fewer where rounding repays a small loan earlier. instalment_fen:
    the regular one without charges, 0 for methods without one. charges: each with its total.
    """

    loan: Loan
    rows: tuple[Row, ...]
    financed_fen: int
    received_fen: int
    instalment_fen: int
    interest_fen: int
    charges_fen: int
    capitalised_fen: int
    paid_fen: int
    charges: tuple[tuple[Charge, int], ...]
    cost: CostRate


@dataclass(frozen=True, slots=True)
class ScheduleBatch:
    """Plans of N loans, M the longest term. Amounts are int64 fen, rates float64 fractions.

    Arrays of shape (N, M) are 0 after a loan's last row: principal_fen, interest_fen, charges_fen,
    capitalised_fen, balance_fen, and payment_fen, the sum of the first three. Arrays of shape (N,):
    rows, financed_fen, received_fen, instalment_fen, and the rates nominal, effective, simple.
    """

    principal_fen: NDArray[np.int64]
    interest_fen: NDArray[np.int64]
    charges_fen: NDArray[np.int64]
    capitalised_fen: NDArray[np.int64]
    balance_fen: NDArray[np.int64]
    payment_fen: NDArray[np.int64]
    rows: NDArray[np.int64]
    financed_fen: NDArray[np.int64]
    received_fen: NDArray[np.int64]
    instalment_fen: NDArray[np.int64]
    nominal: NDArray[np.float64]
    effective: NDArray[np.float64]
    simple: NDArray[np.float64]


def schedule(loan: Loan, charges: Sequence[Charge] = ()) -> Schedule:
    """The repayment plan of `loan`, exact to the fen.

    Raises InvalidRequestError naming the field where a term is out of range or does not go with
    another.
    """
    rows, totals, charge_totals, rates = _native_schedules(
        native_terms(loan, charges), varying_terms(loan)
    )
    count, financed, received, instalment, interest, charged, capitalised, paid = map(
        int, totals[0]
    )
    return Schedule(
        loan=loan,
        rows=tuple(Row(day_of(row[0]), *row[1:]) for row in rows[0, :count].tolist()),
        financed_fen=financed,
        received_fen=received,
        instalment_fen=instalment,
        interest_fen=interest,
        charges_fen=charged,
        capitalised_fen=capitalised,
        paid_fen=paid,
        charges=tuple(zip(charges, charge_totals[0].tolist(), strict=True)),
        cost=CostRate(*rates[0].tolist()),
    )


def schedule_batch(
    loan: Loan,
    charges: Sequence[Charge] = (),
    *,
    principal_fen: ArrayLike | None = None,
    annual_rate: ArrayLike | None = None,
    flat_rate: ArrayLike | None = None,
    periods: ArrayLike | None = None,
) -> ScheduleBatch:
    """The plans of many loans: arrays of any shapes that broadcast to (N,) replace terms of `loan`.

    principal_fen: fen. annual_rate, flat_rate: fractions, read to 12 decimals. periods: counts.
    Raises InvalidRequestError naming field and place, "periods[3]", for the first loan at fault.
    """
    table = varying_terms(
        loan,
        principal_fen=principal_fen,
        annual_rate=annual_rate,
        flat_rate=flat_rate,
        periods=periods,
    )
    rows, totals, _, rates = _native_schedules(native_terms(loan, charges), table)
    return ScheduleBatch(
        principal_fen=rows[:, :, 1],
        interest_fen=rows[:, :, 2],
        charges_fen=rows[:, :, 3],
        capitalised_fen=rows[:, :, 4],
        balance_fen=rows[:, :, 5],
        payment_fen=rows[:, :, 1:4].sum(axis=2),
        rows=totals[:, 0],
        financed_fen=totals[:, 1],
        received_fen=totals[:, 2],
        instalment_fen=totals[:, 3],
        nominal=rates[:, 0],
        effective=rates[:, 1],
        simple=rates[:, 2],
    )


def varying_terms(
    loan: Loan,
    *,
    principal_fen: ArrayLike | None = None,
    annual_rate: ArrayLike | None = None,
    flat_rate: ArrayLike | None = None,
    periods: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """The core's table of what differs between loans, shape (N, 4)."""
    columns = [
        _whole("principal_fen", loan.principal_fen if principal_fen is None else principal_fen),
        _units("annual_rate", loan.annual_rate if annual_rate is None else annual_rate),
        _units("flat_rate", loan.flat_rate if flat_rate is None else flat_rate),
        _whole("periods", loan.periods if periods is None else periods),
    ]
    try:
        table = np.stack([column.ravel() for column in np.broadcast_arrays(*columns)], axis=1)
    except ValueError:
        shapes = ", ".join(str(column.shape) for column in columns)
        raise invalid([("loans", f"arrays must broadcast to one shape, not {shapes}")]) from None
    if len(table) == 0:
        raise invalid([("loans", "must be one at least")])
    return table


def _native_schedules(
    terms: dict[str, object], varying: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    try:
        return _native.offers.schedules(terms, varying)
    except _native.StatusError as error:
        raise from_native(error) from None


def _whole(field: str, values: Any) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" or (array.dtype.kind == "u" and (array > 2**62).any()):
        raise invalid([(field, f"must be an array of integers below 2^62, not {array.dtype}")])
    return array.astype(np.int64)


def _units(field: str, values: Any) -> NDArray[np.int64]:
    array = float_array(field, values)
    if not (np.abs(array) < 1e6).all():
        raise invalid([(field, "must be finite numbers, as fractions: 0.18 is 18 %")])
    if array.ndim == 0:
        return np.asarray(rate_units(values), dtype=np.int64)  # exact, as it was written
    # Twelve decimals of a fraction below 1,000 are within the digits of a double.
    return np.rint(array * 1e12).astype(np.int64)

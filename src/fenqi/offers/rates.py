"""Yearly rates of any dated cash flow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fenqi import _native
from fenqi.errors import from_native
from fenqi.offers.loan import float_array, given_day, invalid

Solutions = Literal["unique", "several", "none", "no_change"]
RateMethod = Literal["effective", "appendix_j", "eu", "uk", "simple"]
Interval = Literal["days", "months", "weeks", "years"]
# "day", "week", "semimonth", "month", "year", "term", or a number of them: "2 weeks", "3 months".
_UNITS = {
    "day": (0, 1),
    "week": (0, 7),
    "fortnight": (0, 14),
    "semimonth": (1, 1),
    "month": (2, 1),
    "quarter": (2, 3),
    "year": (3, 1),
    "term": (4, 1),
}


@dataclass(frozen=True, slots=True)
class AnnualRate:
    """A year's rate as a fraction (0.18 is 18 %).

    solutions: "unique"; "several", where more than one rate solves the flow and `rate` is the one
    nearest to zero; "none", where no rate in range does; "no_change", where money moves in one
    direction or on one day only. In the last two cases all rates are None. `found` counts them.
    nominal and effective are of the same flow, by days over 365: effective compounds yearly,
    nominal is 12 times its monthly rate. unit_period: the one that Appendix J counted in.
    """

    rate: float | None
    solutions: Solutions
    found: int
    nominal: float | None
    effective: float | None
    unit_period: str | None = None


def annual_rate(
    flows: Sequence[tuple[date, float]],
    method: RateMethod = "effective",
    *,
    interval: Interval = "days",
    unit_period: str | None = None,
) -> AnnualRate:
    """The yearly rate of `flows`, (date, amount) in any order: advances of one sign, payments of
    the other; the unit of the amounts does not matter.

    method: "effective", (1 + X)^(days / 365), as XIRR; "eu" and "uk" the same equation with
    `interval` (Directive 2008/48/EC, Annex I; MCOB 10.3); "appendix_j" Regulation Z with
    `unit_period` ("month", "2 weeks", "3 months", "semimonth", "day", "year", "term"; by default
    the one that (b)(4) takes); "simple" cost over principal and time.

    Raises InvalidRequestError for fewer than two flows, more than 4,096, an amount that is not
    finite, a unit period that is none.
    """
    dates = np.array([given_day("flows.date", day) for day, _ in flows], dtype=np.int32)
    amounts = float_array("flows.amount", [amount for _, amount in flows])
    if method != "appendix_j" and unit_period is not None:
        raise invalid([("unit_period", "goes with method appendix_j only")])
    if method not in ("eu", "uk") and interval != "days":
        raise invalid([("interval", "goes with methods eu and uk only")])
    for field, word, words in (("method", method, RateMethod), ("interval", interval, Interval)):
        if word not in get_args(words):
            raise invalid([(field, f"must be one of {', '.join(get_args(words))}")])
    try:
        _, effective, _ = _native.offers.effective_rate(dates, amounts, 0)
        unit = None
        if method == "appendix_j":
            given = (0, 0) if unit_period is None else _unit(unit_period)
            solutions, rate, found, *used = _native.offers.appendix_j_rate(dates, amounts, *given)
            unit = _unit_name(*used)
        elif method == "simple":
            solutions, rate, found = _native.offers.simple_rate(dates, amounts)
        else:
            at = get_args(Interval).index(interval)
            solutions, rate, found = _native.offers.effective_rate(dates, amounts, at)
    except _native.StatusError as error:
        raise from_native(error) from None
    return AnnualRate(rate, solutions, found, _nominal(effective), effective, unit)


def annual_rate_batch(
    received_fen: ArrayLike, payments_fen: ArrayLike, periods_per_year: int = 12
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nominal and effective rates, each of shape (N,), of N loans with equal periods.

    received_fen: shape (N,), positive. payments_fen: shape (N, M), of at least 0 and positive in
    sum, one column for each period; trailing zeros do not matter.
    """
    received = float_array("received_fen", received_fen)
    payments = float_array("payments_fen", payments_fen)
    if received.ndim != 1 or payments.ndim != 2 or len(received) != len(payments):
        raise invalid(
            [("payments_fen", "must have shape (N, M) beside received_fen of shape (N,)")]
        )
    if not ((received > 0) & (received <= 2.0**62)).all():
        raise invalid([("received_fen", "must be positive, at most 2^62")])
    if not ((payments >= 0) & (payments <= 2.0**62)).all() or not payments.any(axis=1).all():
        raise invalid([("payments_fen", "must be at least 0, at most 2^62, not all 0 in a row")])
    if periods_per_year < 1:
        raise invalid([("periods_per_year", "must be 1 or more")])
    rate = _native.offers.periodic_rates(received, payments)
    growth = np.minimum(periods_per_year * np.log1p(rate), 700.0)
    return rate * periods_per_year, np.expm1(growth)


def within_appendix_j_tolerance(disclosed: float, actual: float, *, irregular: bool) -> bool:
    """Whether a disclosed rate is accurate under 12 CFR 1026.22(a): within 1/8 of a percentage
    point, 1/4 for irregular transactions. Rates as fractions."""
    return _native.offers.within_appendix_j_tolerance(disclosed, actual, irregular)


def _nominal(effective: float | None) -> float | None:
    """Twelve times the monthly rate that compounds to `effective`."""
    if effective is None:
        return None
    # A growth so small that its rate is -1 to the last digit.
    return -12.0 if effective <= -1.0 else 12.0 * math.expm1(math.log1p(effective) / 12.0)


def _unit(text: str) -> tuple[int, int]:
    words = text.strip().replace("half month", "semimonth").replace("semi-month", "semimonth")
    number, _, word = words.rpartition(" ")
    unit = _UNITS.get(word.removesuffix("s"))
    if unit is None or not (number == "" or number.isdecimal()):
        known = ", ".join(_UNITS)
        raise invalid([("unit_period", f"must be one of {known}, or a number of them: 2 weeks")])
    kind, count = unit
    times = int(number or 1)
    if kind == 2 and times * count == 12:
        return _UNITS["year"]
    if times < 1 or times > 365 or (kind in (1, 3, 4) and times != 1):
        raise invalid([("unit_period", "must be at most a year, and positive")])
    return kind, times * count


def _unit_name(kind: int, count: int) -> str:
    word = ("day", "semimonth", "month", "year", "term")[kind]
    if word == "day" and count % 7 == 0:
        word, count = "week", count // 7
    return word if count == 1 else f"{count} {word}s"

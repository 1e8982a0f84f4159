"""Agreement with packages that were written elsewhere, on random loans.

mortgagemath (MIT) and numpy-financial (BSD) for schedules, curo (MIT) for how laws count time.
"""

from __future__ import annotations

import warnings
from datetime import date
from decimal import Decimal
from typing import Any

import curo.daycount.eu_2008_48 as curo_eu
import curo.daycount.us_appendix_j as curo_us
import mortgagemath
import numpy as np
import numpy_financial
import pandas as pd
import pytest
from curo.enums import DayCountTimePeriod
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from fenqi.errors import InvalidRequestError
from fenqi.offers import Loan, annual_rate, annual_rate_batch, schedule, schedule_batch
from tests.offers.vectors import PER_YEAR, loan_of, printed_rows

ROUNDING = {
    word: getattr(mortgagemath.PaymentRounding, word)
    for word in ("ROUND_UP", "ROUND_DOWN", "ROUND_HALF_UP", "ROUND_HALF_EVEN")
}
roundings = st.sampled_from(sorted(ROUNDING))
rates = st.integers(0, 36_000).map(lambda basis: Decimal(basis) / 1000)


@st.composite
def fixtures(draw: st.DrawFn) -> dict[str, Any]:
    """The [loan] of an amortization fixture, of every kind that its format knows."""
    cadence = draw(st.sampled_from(sorted(PER_YEAR)))
    months = draw(st.integers(1, 30)) * 12
    terms: dict[str, Any] = {
        "principal": str(Decimal(draw(st.integers(100_000, 50_000_000))) / 100),
        "annual_rate": str(draw(rates)),
        "term_months": months,
        "payment_rounding": draw(roundings),
        "interest_rounding": draw(roundings),
    }
    # What goes with everything, or else the peer refuses it.
    if draw(st.booleans()):
        terms["payment_frequency"] = cadence
    if draw(st.integers(0, 3)) == 0:
        terms["compounding"] = draw(st.sampled_from(["semi_annual", "annual"]))
    if draw(st.integers(0, 3)) == 0:
        terms["balance_tracking"] = "carry_precision"
    kind = draw(
        st.sampled_from(
            ["plain", "counted", "balloon", "grace", "arm", "fee", "unit", "prescribed"]
        )
    )
    if kind == "counted":
        terms["day_count"] = "actual/360"
        # Later in the month the peer counts the days of whole calendar months instead.
        day = draw(st.integers(1, 28))
        terms["start_date"] = (
            f"{draw(st.integers(1990, 2040))}-{draw(st.integers(1, 12)):02}-{day:02}"
        )
    elif kind == "balloon":
        terms["amortization_period_months"] = min(360, months + 12 * draw(st.integers(1, 20)))
    elif kind == "grace":
        terms["interest_only_months"] = draw(st.integers(1, months - 1))
    elif kind == "arm":
        rows = sorted(draw(st.sets(st.integers(2, months), min_size=1, max_size=3)))
        terms["rate_schedule"] = [
            {
                "effective_payment_number": row,
                "new_annual_rate": str(draw(rates) + Decimal("0.001")),
                **draw(st.sampled_from([{}, {"payment_cap_factor": "1.075"}, {"recast": False}])),
            }
            for row in rows
        ]
    elif kind == "fee":
        terms["fee_per_period"] = str(Decimal(draw(st.integers(1, 10_000))) / 100)
    elif kind == "unit":
        terms["currency_unit"] = "1"
        terms["principal"] = str(draw(st.integers(10_000, 50_000_000)))
    elif kind == "prescribed":
        terms["payment_override"] = draw(st.sampled_from(["0.99", "1", "1.02", "1.5"]))
    return terms


def peer_loan(terms: dict[str, Any]) -> mortgagemath.LoanParams:
    words = {
        "day_count": mortgagemath.DayCount,
        "balance_tracking": mortgagemath.BalanceTracking,
        "compounding": mortgagemath.Compounding,
        "payment_frequency": mortgagemath.PaymentFrequency,
        "payment_rounding": mortgagemath.PaymentRounding,
        "interest_rounding": mortgagemath.PaymentRounding,
        "start_date": date.fromisoformat,
        "term_months": int,
        "amortization_period_months": int,
        "interest_only_months": int,
        "rate_schedule": lambda changes: tuple(map(peer_change, changes)),
    }
    return mortgagemath.LoanParams(
        **{key: words.get(key, Decimal)(value) for key, value in terms.items()}
    )


def peer_change(change: dict[str, Any]) -> mortgagemath.RateChange:
    numbers = {key: Decimal(value) for key, value in change.items() if isinstance(value, str)}
    return mortgagemath.RateChange(**change | numbers)


def peer_rows(terms: dict[str, Any]) -> list[dict[str, int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mortgagemath.EarlyPayoffWarning)
        rows = mortgagemath.amortization_schedule(peer_loan(terms))[1:]
    unit = Decimal(terms.get("currency_unit", "0.01"))
    columns = ("payment", "principal", "interest", "balance")
    return [{column: int(getattr(row, column) / unit) for column in columns} for row in rows]


def prescribed(terms: dict[str, Any]) -> dict[str, Any]:
    """A multiple of the regular payment, as the payment that is prescribed."""
    if "payment_override" not in terms:
        return terms
    factor = Decimal(terms["payment_override"])
    without = {key: value for key, value in terms.items() if key != "payment_override"}
    payment = mortgagemath.periodic_payment(peer_loan(without)) * factor
    return terms | {"payment_override": str(payment.quantize(Decimal("0.01")))}


@settings(max_examples=150, deadline=None)
@given(terms=fixtures())
def test_every_kind_of_schedule_agrees_with_mortgagemath_to_the_cent(terms: dict[str, Any]) -> None:
    try:
        terms = prescribed(terms)
        peer_loan(terms)
    except ValueError:
        assume(False)
    loan, charges = loan_of(terms)
    assume(max(loan.periods, loan.amortisation_periods) <= 1560)
    # At rate 0 the peer carries the rounded instalment, or divides by 0.
    assume(loan.annual_rate > 0 or loan.balance == "rounded")
    try:
        ours = printed_rows(schedule(loan, charges))
    except InvalidRequestError as refused:
        # Below the first interest a payment never repays the loan; the peer does not say so.
        assert refused.violations[0].field == "instalment_fen"
        assume(False)
    theirs = peer_rows(terms)
    assert ours == theirs


# -- how laws count time


@st.composite
def monthly_flows(draw: st.DrawFn) -> list[tuple[date, float]]:
    """An advance and monthly payments, the first after any odd period, none on a month's end."""
    start = date(draw(st.integers(1995, 2040)), draw(st.integers(1, 12)), draw(st.integers(1, 27)))
    first = pd.Timestamp(start) + pd.Timedelta(days=draw(st.integers(20, 90)))
    first = first.replace(day=min(first.day, 27))
    count = draw(st.integers(1, 36))
    each = draw(st.integers(100, 100_000)) / 100
    total = each * count / draw(st.floats(1.001, 1.3))
    dates = [(first + pd.DateOffset(months=k)).date() for k in range(count)]
    return [(start, total), *((day, -each) for day in dates)]


def solved(flows: list[tuple[date, float]], discount: Any) -> float:
    """The rate of a period at which the flows are worth nothing, by scipy."""
    factors = [(amount, discount(pd.Timestamp(flows[0][0]), pd.Timestamp(day)))
               for day, amount in flows]  # fmt: skip

    def value(rate: float) -> float:
        return sum(
            amount / ((1 + (factor.partial_period_fraction or 0.0) * rate)
                      * (1 + rate) ** factor.primary_period_fraction)
            for amount, factor in factors
        )  # fmt: skip

    return float(brentq(value, 1e-9, 1e6, xtol=1e-14, rtol=1e-14, maxiter=500))


@settings(max_examples=80, deadline=None)
@given(flows=monthly_flows())
def test_appendix_j_counts_unit_periods_and_odd_days_as_curo_does(
    flows: list[tuple[date, float]],
) -> None:
    convention = curo_us.USAppendixJ(DayCountTimePeriod.MONTH)
    expected = 12 * solved(flows, convention.compute_factor)
    found = annual_rate(flows, "appendix_j", unit_period="month")
    assert found.solutions == "unique"
    assert found.rate == pytest.approx(expected, rel=1e-9)


@settings(max_examples=80, deadline=None)
@given(
    flows=monthly_flows(),
    interval=st.sampled_from(["months", "weeks", "years"]),
)
def test_the_eu_method_counts_months_weeks_and_years_as_curo_does(
    flows: list[tuple[date, float]], interval: Any
) -> None:
    unit = {"months": "MONTH", "weeks": "WEEK", "years": "YEAR"}[interval]
    convention = curo_eu.EU200848EC(DayCountTimePeriod[unit])
    found = annual_rate(flows, "eu", interval=interval)
    assert found.rate == pytest.approx(solved(flows, convention.compute_factor), rel=1e-9)


# -- numpy-financial


@settings(max_examples=60, deadline=None)
@given(
    principal=st.integers(100_000, 50_000_000),
    basis=st.integers(1, 3600),
    periods=st.integers(1, 60),
)
def test_instalments_and_internal_rates_agree_with_numpy_financial(
    principal: int, basis: int, periods: int
) -> None:
    loan = Loan(principal_fen=principal, annual_rate=basis / 1e4, periods=periods)
    batch = schedule_batch(loan, principal_fen=[principal, 2 * principal])
    exact = -numpy_financial.pmt(basis / 12e4, periods, np.array([principal, 2 * principal]))
    assert (np.abs(batch.instalment_fen - exact) <= 0.5 + 1e-6).all()
    nominal, effective = annual_rate_batch(batch.received_fen, batch.payment_fen)
    assert nominal == pytest.approx(batch.nominal, rel=1e-12)
    flow = np.concatenate([[-principal], batch.payment_fen[0].astype(float)])
    peer = numpy_financial.irr(flow)
    assert nominal[0] == pytest.approx(12 * peer, abs=1e-9)
    assert effective[0] == pytest.approx((1 + peer) ** 12 - 1, abs=1e-8)

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
    kind = draw(
        st.sampled_from(["plain", "carried", "counted", "compounded", "balloon", "grace", "arm"])
    )
    if kind == "plain":
        terms["payment_frequency"] = cadence
    elif kind == "carried":
        terms["balance_tracking"] = "carry_precision"
    elif kind == "counted":
        terms["day_count"] = "actual/360"
        # Later in the month the peer counts the days of whole calendar months instead.
        day = draw(st.integers(1, 28))
        terms["start_date"] = (
            f"{draw(st.integers(1990, 2040))}-{draw(st.integers(1, 12)):02}-{day:02}"
        )
    elif kind == "compounded":
        terms["compounding"] = draw(st.sampled_from(["semi_annual", "annual"]))
        terms["payment_frequency"] = cadence
    elif kind == "balloon":
        terms["amortization_period_months"] = min(360, months + 12 * draw(st.integers(1, 20)))
        terms["balance_tracking"] = draw(st.sampled_from(["round_each", "carry_precision"]))
    elif kind == "grace":
        terms["interest_only_months"] = draw(st.integers(1, months - 1))
    else:
        first = draw(st.integers(2, months))
        terms["rate_schedule"] = [
            {
                "effective_payment_number": first,
                "new_annual_rate": str(draw(rates) + Decimal("0.001")),
                **draw(st.sampled_from([{}, {"payment_cap_factor": "1.075"}])),
            }
        ]
    return terms


def peer_rows(terms: dict[str, Any]) -> list[dict[str, int]]:
    loan = mortgagemath.LoanParams(
        principal=Decimal(terms["principal"]),
        annual_rate=Decimal(terms["annual_rate"]),
        term_months=terms["term_months"],
        day_count=mortgagemath.DayCount(terms.get("day_count", "30/360")),
        payment_rounding=ROUNDING[terms["payment_rounding"]],
        interest_rounding=ROUNDING[terms["interest_rounding"]],
        start_date=date.fromisoformat(terms["start_date"]) if "start_date" in terms else None,
        amortization_period_months=terms.get("amortization_period_months"),
        balance_tracking=mortgagemath.BalanceTracking(terms.get("balance_tracking", "round_each")),
        compounding=mortgagemath.Compounding(terms.get("compounding", "monthly")),
        payment_frequency=mortgagemath.PaymentFrequency(terms.get("payment_frequency", "monthly")),
        rate_schedule=tuple(
            mortgagemath.RateChange(
                effective_payment_number=change["effective_payment_number"],
                new_annual_rate=Decimal(change["new_annual_rate"]),
                payment_cap_factor=Decimal(change["payment_cap_factor"])
                if "payment_cap_factor" in change
                else None,
            )
            for change in terms.get("rate_schedule", [])
        ),
        interest_only_months=terms.get("interest_only_months", 0),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", mortgagemath.EarlyPayoffWarning)
        rows = mortgagemath.amortization_schedule(loan)[1:]
    return [
        {
            "payment": int(row.payment * 100),
            "principal": int(row.principal * 100),
            "interest": int(row.interest * 100),
            "balance": int(row.balance * 100),
        }
        for row in rows
    ]


@settings(max_examples=150, deadline=None)
@given(terms=fixtures())
def test_every_kind_of_schedule_agrees_with_mortgagemath_to_the_cent(terms: dict[str, Any]) -> None:
    loan, charges = loan_of(terms)
    assume(loan.periods <= 1560)
    # At rate 0 the peer carries the rounded instalment, or divides by 0.
    assume(loan.annual_rate > 0 or loan.balance == "rounded")
    ours = printed_rows(schedule(loan, charges))
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

"""Prices: what they break even on, and what they may never do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.offers import (
    Charge,
    Loan,
    Price,
    PriceTerms,
    TakeUp,
    other_retail_capital,
    price,
    price_batch,
    schedule,
)

YEAR = Loan(principal_fen=1_000_000, periods=12)
COSTS: dict[str, Any] = {
    "lgd": 0.65, "cost_of_funds": 0.06, "acquisition_fen": 15_000, "servicing_fen": 500,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pd12", "percent"),
    [(0.02, 11.0518), (0.04, 12.4188), (0.06, 13.8172), (0.08, 15.2482), (0.10, 16.7135),
     (0.12, 18.2146)],
)  # fmt: skip
def test_break_even_rates_are_those_of_the_published_example(pd12: float, percent: float) -> None:
    found = price(YEAR, PriceTerms(**COSTS), pd12)
    assert found.break_even is not None
    assert round(100 * found.break_even, 4) == percent


def test_without_margin_a_price_is_break_even_up_to_a_step_and_worth_about_nothing() -> None:
    found = price(YEAR, PriceTerms(**COSTS), 0.06)
    assert found.rate == pytest.approx(0.1382)
    assert found.net_present_value_fen is not None
    assert 0 <= found.net_present_value_fen < 100


def test_above_the_cap_there_is_no_offer_at_all() -> None:
    found = price(YEAR, PriceTerms(**COSTS | {"cap": 0.18}), 0.12)
    assert found.verdict == "above_cap"
    assert (found.rate, found.cost, found.raroc) == (None, None, None)
    assert found.break_even == pytest.approx(0.182146, abs=1e-6)
    assert found.cap_rate is not None and found.cap_rate <= 0.1801


def test_charges_of_third_parties_count_towards_the_cap_and_not_towards_the_lender() -> None:
    terms = PriceTerms(**COSTS | {"margin": 0.5, "lgd": 0.2})
    fee = Charge(timing="each_instalment", amount_fen=5_000, payee="guarantor")
    own = Charge(timing="each_instalment", amount_fen=5_000, payee="lender")
    without, third, lender = (price(YEAR, terms, 0.02, c) for c in ([], [fee], [own]))
    assert third.cap_rate is not None and without.cap_rate is not None
    assert third.cap_rate < without.cap_rate - 0.09
    assert third.break_even == without.break_even
    assert lender.break_even is not None and without.break_even is not None
    assert lender.break_even < without.break_even - 0.09
    assert third.cap_rate == lender.cap_rate


def test_charges_alone_can_exceed_the_cap() -> None:
    fee = Charge(timing="deducted", base="principal", rate=0.3, payee="platform")
    found = price(YEAR, PriceTerms(**COSTS), 0.02, [fee])
    assert (found.verdict, found.cap_rate) == ("above_cap", None)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Loan, PriceTerms, list[Charge]]:
    method = draw(st.sampled_from(["equal_instalments", "equal_principal", "interest_only",
                                   "flat_fee"]))  # fmt: skip
    loan = Loan(
        principal_fen=draw(st.integers(10_000, 20_000_000)),
        periods=draw(st.integers(1, 36)),
        method=method,
        instalment_rounding=draw(st.sampled_from(["half_up", "up", "down"])),
    )
    terms = PriceTerms(
        lgd=draw(st.floats(0.1, 1.0)),
        cost_of_funds=draw(st.floats(0.0, 0.1)),
        acquisition_fen=draw(st.integers(0, 20_000)),
        servicing_fen=draw(st.integers(0, 1000)),
        margin=draw(st.floats(0.0, 0.2 if method != "flat_fee" else 0.02)),
        rate_step=draw(st.sampled_from([1e-6, 1e-4, 1e-3])),
        cap=draw(st.sampled_from([0.18, 0.24, 0.36])),
        cap_basis=draw(st.sampled_from(["nominal", "effective"])),
        selection_sensitivity=draw(st.sampled_from([0.0, 2.0, 6.0])),
        reference_rate=0.15 if method != "flat_fee" else 0.1,
    )
    charges = []
    if draw(st.booleans()):
        charges.append(Charge(timing="each_instalment", base="balance",
                              rate=draw(st.integers(0, 50)) / 1e4, payee="insurer"))  # fmt: skip
    if draw(st.booleans()):
        charges.append(Charge(timing="deducted", base="principal",
                              rate=draw(st.integers(0, 300)) / 1e4))  # fmt: skip
    return loan, terms, charges


@settings(max_examples=120, deadline=None)
@given(question=questions(), risks=st.tuples(st.floats(0.0, 0.6), st.floats(0.0, 0.6)))
def test_a_price_never_falls_as_risk_rises_and_never_exceeds_the_cap(
    question: tuple[Loan, PriceTerms, list[Charge]], risks: tuple[float, float]
) -> None:
    loan, terms, charges = question
    low, high = (price(loan, terms, risk, charges) for risk in sorted(risks))
    if high.rate is not None:
        assert low.rate is not None
        assert low.rate <= high.rate
    if low.break_even is not None and high.break_even is not None:
        assert low.break_even <= high.break_even + 1e-9
    for found in (low, high):
        check_within_cap(loan, terms, charges, found)


def check_within_cap(loan: Loan, terms: PriceTerms, charges: list[Charge], found: Price) -> None:
    """On the plan that the borrower would get, made anew, by the rate that it shows."""
    if found.rate is None:
        return
    field = "flat_rate" if loan.method == "flat_fee" else "annual_rate"
    plan = schedule(loan.model_copy(update={field: round(found.rate, 12)}), charges)
    rate = plan.cost.nominal if terms.cap_basis == "nominal" else plan.cost.effective
    # The tolerance stated: two decimals of a percent.
    assert math.floor(rate * 1e4 + 0.5) <= round(terms.cap * 1e4)
    assert plan.cost == found.cost


def test_equal_loans_of_equal_risk_have_equal_prices() -> None:
    batch = price_batch(YEAR, PriceTerms(**COSTS | {"margin": 0.02}), [0.05] * 5)
    assert len(set(batch.rate.tolist())) == 1


def test_a_batch_is_its_prices() -> None:
    terms = PriceTerms(**COSTS | {"margin": 0.01, "cap": 0.2})
    risks = [0.0, 0.03, 0.08, 0.15, 0.5]
    batch = price_batch(YEAR, terms, risks, periods=[6, 12, 12, 24, 12])
    for k, (risk, periods) in enumerate(zip(risks, [6, 12, 12, 24, 12], strict=True)):
        one = price(YEAR.model_copy(update={"periods": periods}), terms, risk)
        assert batch.verdict[k] == one.verdict
        assert batch.offered[k] == (one.rate is not None)
        for column in ("rate", "break_even", "pd12", "raroc", "expected_loss_fen"):
            value = getattr(batch, column)[k]
            assert (None if np.ma.is_masked(value) else float(value)) == getattr(one, column)


def test_worse_risks_that_accept_a_higher_price_raise_it_further() -> None:
    fair = price(YEAR, PriceTerms(**COSTS), 0.08)
    adverse = price(
        YEAR, PriceTerms(**COSTS | {"selection_sensitivity": 5.0, "reference_rate": 0.1}), 0.08
    )
    assert fair.rate is not None and adverse.rate is not None
    assert fair.pd12 == 0.08
    assert adverse.rate > fair.rate
    assert adverse.pd12 is not None
    odds = adverse.pd12 / (1 - adverse.pd12)
    assert math.log(odds / (0.08 / 0.92)) == pytest.approx(5.0 * (adverse.rate - 0.1))


def test_raroc_is_expected_income_over_the_capital_that_is_bound() -> None:
    found = price(YEAR, PriceTerms(**COSTS | {"margin": 0.05}), 0.05)
    assert found.capital_years_fen is not None and found.raroc is not None
    capital = float(other_retail_capital(0.05, 0.65))
    # Some six and a half months of a year of the whole amount, less those who default.
    assert found.capital_years_fen == pytest.approx(capital * 1e6 * 6.7 / 12, rel=0.05)
    assert 0.3 < found.raroc < 1.0


def test_fewer_take_an_offer_that_costs_more_or_gives_less() -> None:
    model = TakeUp(intercept=1.0, rate_weight=-12.0, amount_weight=1.5, market_rate=0.18)
    rates = model.probability([0.12, 0.18, 0.24], 1_000_000, 1_000_000)
    assert (np.diff(rates) < 0).all()
    assert rates[1] == pytest.approx(1 / (1 + math.exp(-1.0)))
    assert float(model.probability(0.18, 500_000, 1_000_000)) < rates[1]


def test_capital_broadcasts() -> None:
    assert other_retail_capital([[0.01], [0.05]], [0.45, 0.6]).shape == (2, 2)
    assert float(other_retail_capital(0.05, 0.6)) == pytest.approx(0.070843, abs=5e-7)

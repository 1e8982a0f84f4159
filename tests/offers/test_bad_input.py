"""Bad input: an error that names the field, or a defined result."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from fenqi.errors import InvalidRequestError
from fenqi.offers import (
    Charge,
    Loan,
    OpenInstalment,
    PriceTerms,
    Servicing,
    TakeUp,
    annual_rate,
    annual_rate_batch,
    other_retail_capital,
    pay,
    prepay,
    price,
    schedule,
    schedule_batch,
    settle,
)

PLAIN: dict[str, Any] = {"principal_fen": 1_000_000, "annual_rate": 0.18, "periods": 12}


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"principal_fen": 0}, "principal_fen"),
        ({"principal_fen": -1}, "principal_fen"),
        ({"principal_fen": 2**53 + 1}, "principal_fen"),
        ({"principal_fen": 10**30}, "principal_fen"),
        ({"principal_fen": 1000.5}, "principal_fen"),
        ({"principal_fen": "1000"}, "principal_fen"),
        ({"principal_fen": True}, "principal_fen"),
        ({"periods": 0}, "periods"),
        ({"periods": -1}, "periods"),
        ({"periods": 10**12}, "periods"),
        ({"annual_rate": -0.01}, "annual_rate"),
        ({"annual_rate": math.nan}, "annual_rate"),
        ({"annual_rate": math.inf}, "annual_rate"),
        ({"annual_rate": "eighteen"}, "annual_rate"),
        ({"annual_rate": 1e9}, "annual_rate"),
        ({"annual_rate": 101}, "annual_rate"),
        ({"flat_rate": 0.01}, "flat_rate"),
        ({"method": "balloon"}, "method"),
        ({"colour": "red"}, "colour"),
        ({"disbursed": date(2026, 5, 1), "first_due": date(2026, 4, 1)}, "first_due"),
        ({"first_due": date(2026, 4, 1)}, "disbursed"),
        ({"day_count": "actual/365"}, "disbursed"),
        ({"disbursed": date(9999, 6, 1)}, "periods"),
        ({"frequency": "custom", "disbursed": date(2026, 1, 1)}, "due_dates"),
        ({"frequency": "custom", "periods": 2, "disbursed": date(2026, 1, 1),
          "due_dates": (date(2026, 3, 1), date(2026, 2, 1))}, "due_dates"),
        ({"grace_periods": 12}, "grace_periods"),
    ],
)  # fmt: skip
def test_a_loan_that_cannot_be_is_refused_by_its_field(terms: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        schedule(Loan(**PLAIN | terms))
    assert refused.value.violations[0].field.startswith(field)
    assert field in str(refused.value)


def test_the_loan_at_fault_in_a_batch_is_named_by_its_place() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        schedule_batch(Loan(**PLAIN), periods=[12, 24, 0, 36])
    assert refused.value.violations[0].field == "periods[2]"
    with pytest.raises(InvalidRequestError, match="broadcast"):
        schedule_batch(Loan(**PLAIN), periods=[12, 24], principal_fen=[1, 2, 3])
    with pytest.raises(InvalidRequestError, match="annual_rate"):
        schedule_batch(Loan(**PLAIN), annual_rate=[0.1, math.nan])
    with pytest.raises(InvalidRequestError, match="principal_fen"):
        schedule_batch(Loan(**PLAIN), principal_fen=[1.5])


@pytest.mark.parametrize("principal", [1, 99, 2**53 - 1, 2**53])
@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.36, 10.0])
@pytest.mark.parametrize("periods", [1, 600])
@pytest.mark.parametrize("method", ["equal_instalments", "equal_principal", "interest_only"])
def test_extremes_have_a_plan_that_closes(
    principal: int, rate: float, periods: int, method: Any
) -> None:
    loan = Loan(principal_fen=principal, annual_rate=rate, periods=periods, method=method)
    plan = schedule(loan)
    assert sum(row.principal_fen for row in plan.rows) == principal
    assert plan.rows[-1].balance_fen == 0
    assert all(math.isfinite(rate) for rate in
               (plan.cost.nominal, plan.cost.effective, plan.cost.simple))  # fmt: skip


def test_rates_are_decimals_as_written_not_their_nearest_doubles() -> None:
    exact = Loan(principal_fen=10_000_125, annual_rate=Decimal("0.048"), periods=360)
    double = Loan(principal_fen=10_000_125, annual_rate=0.048, periods=360)
    # 400.005 yuan: a half fen, up.
    assert schedule(exact).rows[0].interest_fen == schedule(double).rows[0].interest_fen == 40_001


def test_a_leap_day_is_a_day() -> None:
    loan = Loan(principal_fen=36_500_000, annual_rate=0.1, periods=1, method="interest_only",
                day_count="actual/365", disbursed=date(2024, 2, 28))  # fmt: skip
    assert schedule(loan.model_copy(update={"first_due": date(2024, 2, 29)})).interest_fen == 10_000
    assert schedule(loan.model_copy(update={"first_due": date(2024, 3, 1)})).interest_fen == 20_000


@pytest.mark.parametrize(
    ("charge", "field"),
    [
        ({"timing": "deducted", "amount_fen": 1_000_000}, "charges"),
        ({"timing": "deducted", "amount_fen": -1}, "charges.amount_fen"),
        ({"timing": "deducted", "base": "balance", "rate": 0.1}, "charges.base"),
        ({"timing": "added", "amount_fen": 2**53}, "charges"),
        ({"timing": "each_instalment", "base": "principal", "amount_fen": 5}, "charges.amount_fen"),
        ({"timing": "each_instalment", "rate": 0.5}, "charges.rate"),
        ({"timing": "each_instalment", "base": "principal", "rate": -0.5}, "charges.rate"),
    ],
)
def test_a_charge_that_cannot_be_is_refused(charge: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        schedule(Loan(**PLAIN), [Charge(**charge)])
    assert refused.value.violations[0].field == field


@pytest.mark.parametrize(
    ("received", "payments", "field"),
    [
        ([0.0], [[1.0]], "received_fen"),
        ([math.nan], [[1.0]], "received_fen"),
        ([1.0], [[0.0, 0.0]], "payments_fen"),
        ([1.0], [[-1.0, 3.0]], "payments_fen"),
        ([1.0], [[math.inf]], "payments_fen"),
        ([1.0, 2.0], [[1.0]], "payments_fen"),
    ],
)
def test_flows_of_a_batch_that_have_no_rate_are_refused(
    received: list[float], payments: list[list[float]], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        annual_rate_batch(received, payments)
    assert refused.value.violations[0].field == field


def test_rates_of_a_batch_are_finite_at_the_extremes() -> None:
    nominal, effective = annual_rate_batch([1.0, 2.0**53, 2.0**53], [[2.0**53], [1.0], [2.0**53]])
    assert np.isfinite(nominal).all() and np.isfinite(effective).all()
    assert nominal[2] == effective[2] == 0.0


@pytest.mark.parametrize(
    ("terms", "pd12", "field"),
    [
        ({"lgd": 1.5}, 0.05, "lgd"),
        ({"lgd": math.nan}, 0.05, "lgd"),
        ({"cost_of_funds": -0.1}, 0.05, "cost_of_funds"),
        ({"rate_step": 0.0}, 0.05, "rate_step"),
        ({"cap": 0.0}, 0.05, "cap"),
        ({"margin": -0.1}, 0.05, "margin"),
        ({}, 1.0, "pd12"),
        ({}, math.nan, "pd12"),
        ({}, -0.1, "pd12"),
    ],
)
def test_a_price_that_cannot_be_asked_for_is_refused(
    terms: dict[str, Any], pd12: float, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        price(Loan(**PLAIN), PriceTerms(**{"lgd": 0.6, "cost_of_funds": 0.06} | terms), pd12)
    assert refused.value.violations[0].field == field


DAY = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: schedule_batch(Loan(**PLAIN), annual_rate=math.nan), "annual_rate"),
        (lambda: schedule_batch(Loan(**PLAIN), annual_rate="much"), "annual_rate"),
        (lambda: schedule_batch(Loan(**PLAIN), annual_rate=None, periods=None, flat_rate=[None]),
         "flat_rate"),
        (lambda: price(Loan(**PLAIN), PriceTerms(lgd=0.6, cost_of_funds=0), "low"), "pd12"),
        (lambda: price(Loan(**PLAIN), PriceTerms(lgd=0.6, cost_of_funds=0), [0.1, 0.2]), "pd12"),
        (lambda: other_retail_capital(1.5, 0.5), "pd"),
        (lambda: other_retail_capital([0.1, math.nan], 0.5), "pd"),
        (lambda: other_retail_capital(0.1, -0.5), "lgd"),
        (lambda: TakeUp(intercept=math.nan), "intercept"),
        (lambda: TakeUp(intercept=0, rate_weight=math.inf), "rate_weight"),
        (lambda: TakeUp(intercept=0).probability(math.nan, 1, 1), "rate"),
        (lambda: TakeUp(intercept=0).probability(0.1, 0, 1), "offered_fen"),
        (lambda: TakeUp(intercept=0).probability(0.1, 1, math.inf), "asked_fen"),
        (lambda: annual_rate([(DAY, None), (DAY, 1.0)]), "flows.amount"),
        (lambda: annual_rate([(DAY, "some"), (DAY, 1.0)]), "flows.amount"),
        (lambda: annual_rate_batch(["a"], [[1.0]]), "received_fen"),
        (lambda: pay([], 1.5, DAY, Servicing()), "amount_fen"),
        (lambda: pay([], 1, "2026-01-01", Servicing()), "day"),
        (lambda: pay([OpenInstalment(DAY, interest_fen=-1)], 1, DAY, Servicing()), "instalments"),
        (lambda: pay([OpenInstalment(None)], 1, DAY, Servicing()), "instalments.due"),
        (lambda: settle(Loan(**PLAIN), 0, None, Servicing()), "day"),
        (lambda: prepay(Loan(**PLAIN), 0, DAY, 2**60, Servicing()), "amount_fen"),
    ],
)  # fmt: skip
def test_what_is_no_number_no_day_or_no_amount_is_refused_by_its_field(
    call: Callable[[], object], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        call()
    assert refused.value.violations[0].field == field

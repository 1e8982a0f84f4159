"""What a person can carry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi.errors import InvalidRequestError
from fenqi.offers import (
    Debt,
    Loan,
    debt_service,
    expected_loss_limit,
    instalment_room,
    ladder_limit,
    largest_principal,
    loan_limit,
    schedule,
)

fen = st.integers(0, 10**9)
LOAN = Loan(principal_fen=1_000_000, annual_rate=0.18, periods=12)


def test_the_worked_example() -> None:
    # Income 8,000, debts 1,500, a ratio of 50 %: 2,500 a month carry 27,268.76 at 18 % for a year.
    room = instalment_room(800_000, 150_000, max_debt_service_ratio=0.5)
    assert room == 250_000
    principal = largest_principal(room, 0.18, 12)
    assert principal == 2_726_876
    assert loan_limit({"affordability": principal}, step_fen=10_000).amount_fen == 2_720_000


@given(fen, fen, st.integers(0, 100), fen)
def test_what_fits_the_room_keeps_ratio_and_residual_income(
    income: int, debts: int, percent: int, residual: int
) -> None:
    room = instalment_room(
        income, debts, max_debt_service_ratio=percent / 100, residual_income_fen=residual
    )
    assert room is not None and room >= 0
    if room > 0:
        assert 100 * (debts + room) <= percent * income
        assert income - debts - room >= residual
        ratio_is_full = 100 * (debts + room + 1) > percent * income
        assert ratio_is_full or income - debts - room - 1 < residual


@given(st.integers(1, 10**8), st.integers(0, 360), st.integers(1, 60))
def test_the_largest_principal_has_an_instalment_that_fits(
    instalment: int, basis: int, periods: int
) -> None:
    principal = largest_principal(instalment, basis / 1e3, periods)
    if principal == 0:
        return
    loan = Loan(principal_fen=principal, annual_rate=basis / 1e3, periods=periods,
                instalment_rounding="up", last_instalment="takes_all")  # fmt: skip
    assert schedule(loan).instalment_fen <= instalment
    more = loan.model_copy(update={"principal_fen": principal + 1})
    assert schedule(more).instalment_fen > instalment


def test_what_is_unknown_is_not_zero() -> None:
    assert debt_service([]) == 0
    assert debt_service([Debt(monthly_fen=1000), Debt()]) is None
    assert instalment_room(None, 0) is None
    assert instalment_room(100_000, None) is None
    limit = loan_limit({"product": 5_000_000, "affordability": None, "ladder": 100})
    assert (limit.amount_fen, limit.binding) == (None, "affordability")


def test_a_card_counts_by_its_minimum_payment_or_a_tenth_of_its_balance() -> None:
    assert debt_service([Debt(card_balance_fen=100_001)]) == 10_001
    assert debt_service([Debt(monthly_fen=3_000, card_balance_fen=100_000)]) == 3_000


def test_the_smallest_limit_binds_and_is_rounded_down() -> None:
    limits = {
        "product": 5_000_000, "legal_cap": 20_000_000, "affordability": 2_726_876,
        "income_multiple": 2_400_000,
        "expected_loss": expected_loss_limit(100_000, LOAN, 0.05, 0.6),
        "ladder": ladder_limit([(0, 500_000), (6, 3_000_000)], 7),
    }  # fmt: skip
    limit = loan_limit(limits, step_fen=10_000)  # type: ignore[arg-type]
    assert (limit.amount_fen, limit.binding) == (2_400_000, "income_multiple")


loans = st.builds(
    Loan,
    principal_fen=st.just(1),
    annual_rate=st.integers(0, 36).map(lambda percent: percent / 100),
    periods=st.integers(1, 60),
    method=st.sampled_from(["equal_instalments", "equal_principal", "interest_only"]),
    frequency=st.sampled_from(["monthly", "weekly", "quarterly"]),
)


def lifetime_loss(loan: Loan, pd12: float, lgd: float) -> float:
    """3.8: lgd x sum of (S_(t-1) - S_t) B_(t-1), over the rows in whole fen."""
    per_year = {"monthly": 12, "weekly": 52, "quarterly": 4}[loan.frequency]
    survival = (1 - pd12) ** (1 / per_year)
    rows = schedule(loan).rows
    opening = [loan.principal_fen, *(row.balance_fen for row in rows[:-1])]
    return lgd * sum((survival**k - survival ** (k + 1)) * b for k, b in enumerate(opening))


@given(loans, st.integers(1, 300), st.integers(1, 100))
def test_a_loan_of_the_limit_is_expected_to_lose_the_budget(
    loan: Loan, per_mille: int, percent: int
) -> None:
    budget, pd12, lgd = 100_000, per_mille / 1000, percent / 100
    limit = expected_loss_limit(budget, loan, pd12, lgd)
    at_limit = loan.model_copy(update={"principal_fen": limit})
    assert lifetime_loss(at_limit, pd12, lgd) == pytest.approx(budget, rel=1e-4)


@given(loans, st.integers(0, 300), st.integers(0, 300))
def test_the_loss_limit_falls_with_risk_and_with_the_term(loan: Loan, one: int, other: int) -> None:
    low, high = sorted((one / 1000, other / 1000))
    longer = loan.model_copy(update={"periods": loan.periods + 1})
    limit = expected_loss_limit(50_000, loan, low, 0.6)
    assert expected_loss_limit(50_000, loan, high, 0.6) <= limit
    assert expected_loss_limit(50_000, longer, low, 0.6) <= limit


def test_three_years_lose_some_one_and_a_half_times_what_one_year_of_the_amount_loses() -> None:
    year_of_amount = 30_000 / (0.05 * 0.6)
    three_years = expected_loss_limit(30_000, LOAN.model_copy(update={"periods": 36}), 0.05, 0.6)
    assert 1.4 < year_of_amount / three_years < 1.7


def test_what_loses_nothing_has_no_loss_limit() -> None:
    assert expected_loss_limit(30_000, LOAN, 0.0, 0.6) == 2**53
    assert expected_loss_limit(0, LOAN, 0.0, 0.0) == 2**53
    assert expected_loss_limit(0, LOAN, 0.05, 0.6) == 0


def test_a_thin_file_climbs_the_ladder_by_repaying() -> None:
    steps = [(0, 100_000), (3, 300_000), (6, 800_000)]
    assert [ladder_limit(steps, n) for n in (0, 2, 3, 5, 6, 99)] == [
        100_000, 100_000, 300_000, 300_000, 800_000, 800_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: instalment_room(-1, 0), "monthly_income_fen"),
        (lambda: instalment_room(1, 0, max_debt_service_ratio=1.5), "max_debt_service_ratio"),
        (lambda: largest_principal(1, 0.1, 0), "periods"),
        (lambda: largest_principal(1, float("nan"), 12), "annual_rate"),
        (lambda: loan_limit({}), "limits"),
        (lambda: loan_limit({"product": 1}, step_fen=0), "step_fen"),
        (lambda: loan_limit({"mood": 1}), "limits"),
        (lambda: ladder_limit([(1, 5)], 0), "steps"),
        (lambda: expected_loss_limit(1, LOAN, float("nan"), 0.5), "pd12"),
        (lambda: expected_loss_limit(1, LOAN, 1.0, 0.5), "pd12"),
        (lambda: expected_loss_limit(1, LOAN, 0.1, -0.5), "lgd"),
        (lambda: expected_loss_limit(-1, LOAN, 0.1, 0.5), "budget_fen"),
        (lambda: expected_loss_limit(1, Loan(principal_fen=1, periods=0), 0.1, 0.5), "periods"),
        (lambda: debt_service([Debt(monthly_fen=-1)]), "debts.monthly_fen"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(call: object, field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        call()  # type: ignore[operator]
    assert refused.value.violations[0].field == field

"""What happens to a plan once money moves."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.errors import InvalidRequestError
from fenqi.offers import (
    Loan,
    OpenInstalment,
    Servicing,
    open_instalments,
    pay,
    prepay,
    schedule,
    settle,
)

START = date(2026, 1, 15)
LOAN = Loan(principal_fen=1_000_000, annual_rate=0.18, periods=12, disbursed=START)
DAILY = LOAN.model_copy(update={"day_count": "actual/365"})


def test_the_order_of_the_waterfall_is_the_products() -> None:
    due = OpenInstalment(START, charges_fen=100, penalty_fen=50, interest_fen=200,
                         principal_fen=1000)  # fmt: skip
    paid = pay([due], 250, START, Servicing())
    assert (paid.charges_fen, paid.penalty_fen, paid.interest_fen) == (100, 50, 100)
    principal_first = Servicing(waterfall=("principal", "interest", "penalty", "charges"))
    paid = pay([due], 1100, START, principal_first)
    assert (paid.principal_fen, paid.interest_fen, paid.charges_fen) == (1000, 100, 0)


def test_the_oldest_instalment_is_paid_first_and_nothing_is_lost() -> None:
    rows = open_instalments(schedule(LOAN).rows)
    paid = pay(rows, 100_000, rows[0].due, Servicing())
    assert paid.instalments[0].total_fen == 0
    assert paid.instalments[1].total_fen == rows[1].total_fen - (100_000 - rows[0].total_fen)
    everything = sum(row.total_fen for row in rows)
    assert pay(rows, everything + 7, rows[0].due, Servicing()).left_fen == 7


def test_a_late_payment_owes_a_penalty_from_the_due_date_once_grace_is_over() -> None:
    rows = open_instalments(schedule(LOAN).rows[:1])
    servicing = Servicing(penalty_rate=0.36, grace_days=3)
    due = rows[0].due
    assert pay(rows, 0, due + timedelta(days=3), servicing).instalments[0].penalty_fen == 0
    later = pay(rows, 0, due + timedelta(days=4), servicing)
    assert later.instalments[0].penalty_fen == round(rows[0].principal_fen * 0.36 * 4 / 360)
    again = pay(later.instalments, 0, due + timedelta(days=4), servicing)
    assert again.instalments == later.instalments


def test_a_shortfall_within_the_tolerance_counts_as_paid_and_is_due_next() -> None:
    rows = open_instalments(schedule(LOAN).rows[:2])
    servicing = Servicing(tolerance_fen=1000)
    paid = pay(rows, rows[0].total_fen - 1000, rows[0].due, servicing)
    assert paid.instalments[0].total_fen == 0
    assert paid.instalments[1].total_fen == rows[1].total_fen + 1000


def test_settling_on_a_due_date_costs_a_periods_interest() -> None:
    plan = schedule(LOAN)
    at_once = settle(LOAN, 0, START, Servicing())
    assert (at_once.principal_fen, at_once.interest_fen) == (1_000_000, 0)
    due = plan.rows[3].due
    assert due is not None
    third = settle(LOAN, 3, due, Servicing(prepayment_fee_rate=0.01))
    assert third.principal_fen == plan.rows[2].balance_fen
    assert third.interest_fen == plan.rows[3].interest_fen
    assert third.fee_fen == round(third.principal_fen * 0.01)


def test_interest_to_a_day_grows_by_the_day_count() -> None:
    ten = settle(DAILY, 0, START + timedelta(days=10), Servicing())
    assert ten.interest_fen == round(1_000_000 * 0.18 * 10 / 365)


@settings(max_examples=100, deadline=None)
@given(
    paid_rows=st.integers(0, 11),
    days=st.integers(0, 27),
    amount=st.integers(1, 900_000),
    fee=st.integers(0, 5),
    keep=st.sampled_from(["term", "instalment"]),
    day_count=st.sampled_from(["30/360", "actual/365"]),
)
def test_what_is_prepaid_and_what_is_left_are_the_balance(
    paid_rows: int, days: int, amount: int, fee: int, keep: str, day_count: str
) -> None:
    loan = LOAN.model_copy(update={"day_count": day_count})
    plan = schedule(loan)
    balance = plan.rows[paid_rows - 1].balance_fen if paid_rows else 1_000_000
    start = plan.rows[paid_rows - 1].due if paid_rows else START
    assert start is not None
    servicing = Servicing(prepayment_fee_rate=fee / 100)
    day = start + timedelta(days=days)
    everything = settle(loan, paid_rows, day, servicing)
    if not everything.interest_fen < amount < everything.total_fen:
        with pytest.raises(InvalidRequestError) as refused:
            prepay(loan, paid_rows, day, amount, servicing, keep=keep)  # type: ignore[arg-type]
        assert refused.value.violations[0].field == "amount_fen"
        return
    paid, rest = prepay(loan, paid_rows, day, amount, servicing, keep=keep)  # type: ignore[arg-type]
    assert paid.total_fen == amount
    assert paid.principal_fen + rest.principal_fen == balance
    assert abs(paid.fee_fen - paid.principal_fen * fee / 100) <= 1
    if keep == "instalment" and rest.instalment_fen <= rest.principal_fen * 0.02:
        return
    new = schedule(rest)
    assert sum(row.principal_fen for row in new.rows) == rest.principal_fen
    assert new.rows[0].due == plan.rows[paid_rows].due
    if keep == "term":
        assert len(new.rows) <= 12 - paid_rows
        assert new.instalment_fen <= plan.instalment_fen + 1
    else:
        assert len(new.rows) <= 12 - paid_rows
        assert all(row.payment_fen <= plan.instalment_fen for row in new.rows[:-1])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda: settle(LOAN, 12, START, Servicing()), "paid_rows"),
        (lambda: settle(LOAN, -1, START, Servicing()), "paid_rows"),
        (lambda: settle(LOAN, 0, date(2026, 3, 1), Servicing()), "day"),
        (lambda: settle(LOAN.model_copy(update={"disbursed": None}), 0, START, Servicing()),
         "disbursed"),
        (lambda: settle(LOAN, 0, START, Servicing(penalty_year=364)), "penalty_year"),
        (lambda: pay([], 5, START, Servicing(waterfall=("interest",) * 4)), "waterfall"),
        (lambda: pay([], -5, START, Servicing()), "amount_fen"),
        (lambda: pay([OpenInstalment(START), OpenInstalment(START - timedelta(days=1))], 0, START,
                     Servicing()), "instalments"),
        (lambda: prepay(LOAN, 0, date(2026, 2, 15), 5_000, Servicing()), "day"),
        (lambda: pay([OpenInstalment(date(1, 1, 1), principal_fen=2**53)], 0, date(9999, 1, 1),
                     Servicing(penalty_rate=100)), "penalty_rate"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_field(change: object, field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        change()  # type: ignore[operator]
    assert refused.value.violations[0].field == field

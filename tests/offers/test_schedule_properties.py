"""What holds for every plan."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.errors import InvalidRequestError
from fenqi.offers import Charge, Loan, Schedule, schedule, schedule_batch
from fenqi.offers.loan import DayCount, Frequency, Grace, Method, Payee, Rounding

words = {name: st.sampled_from(get_args(kind)) for name, kind in {
    "method": Method, "rounding": Rounding, "grace": Grace, "payee": Payee,
    "day_count": DayCount,
}.items()}  # fmt: skip
rates = st.one_of(
    st.integers(0, 3600).map(lambda basis: basis / 1e4),
    st.sampled_from([0.0, 1e-9, 1e-12, 0.36, 1.0, 10.0]),
)


@st.composite
def loans(draw: st.DrawFn) -> Loan:
    method = draw(words["method"])
    periods = draw(st.one_of(st.integers(1, 60), st.sampled_from([1, 2, 599, 600])))
    frequency = draw(st.sampled_from([word for word in get_args(Frequency) if word != "custom"]))
    rate = draw(rates)
    terms: dict[str, Any] = {"flat_rate" if method == "flat_fee" else "annual_rate": rate}
    if draw(st.booleans()):
        terms["grace_periods"] = draw(st.integers(0, min(periods - 1, 12)))
        terms["grace"] = draw(words["grace"])
    if draw(st.booleans()):
        terms["disbursed"] = draw(st.dates(date(1990, 1, 1), date(2100, 12, 31)))
        terms["day_count"] = draw(words["day_count"])
        if draw(st.booleans()):
            gap = draw(st.integers(1, 120))
            terms["first_due"] = date.fromordinal(terms["disbursed"].toordinal() + gap)
    return Loan(
        principal_fen=draw(st.one_of(st.integers(1, 10**8), st.integers(1, 2**53))),
        periods=periods,
        method=method,
        frequency=frequency,
        instalment_rounding=draw(words["rounding"]),
        interest_rounding=draw(words["rounding"]),
        **terms,
    )


@st.composite
def charge_lists(draw: st.DrawFn) -> list[Charge]:
    charges = []
    for _ in range(draw(st.integers(0, 4))):
        timing = draw(st.sampled_from(["deducted", "added", "each_instalment"]))
        bases = ["flat", "principal"]
        if timing == "each_instalment":
            bases += ["balance", "instalment", "interest"]
        base = draw(st.sampled_from(bases))
        size = {"amount_fen": draw(st.integers(0, 1000))} if base == "flat" else {
            "rate": draw(st.integers(0, 200)) / 1e4}  # fmt: skip
        charges.append(Charge(timing=timing, base=base, payee=draw(words["payee"]), **size))
    return charges


def planned(loan: Loan, charges: list[Charge]) -> Schedule | None:
    """The plan, or None where amounts of that size and interest cannot be carried."""
    try:
        return schedule(loan, charges)
    except InvalidRequestError as refused:
        assert refused.violations[0].field in ("annual_rate", "flat_rate", "charges")
        return None


@settings(max_examples=400, deadline=None)
@given(loan=loans(), charges=charge_lists())
def test_a_plan_repays_exactly_what_was_lent_and_no_amount_is_negative(
    loan: Loan, charges: list[Charge]
) -> None:
    plan = planned(loan, charges)
    if plan is None:
        return
    assert sum(row.principal_fen for row in plan.rows) == plan.financed_fen + plan.capitalised_fen
    balance = plan.financed_fen
    for row in plan.rows:
        assert min(row.principal_fen, row.interest_fen, row.charges_fen, row.capitalised_fen) >= 0
        balance += row.capitalised_fen - row.principal_fen
        assert row.balance_fen == balance
    assert balance == 0
    assert sum(row.payment_fen for row in plan.rows) == plan.paid_fen
    upfront = plan.charges_fen - sum(row.charges_fen for row in plan.rows)
    assert plan.received_fen + upfront == plan.financed_fen
    assert sum(total for _, total in plan.charges) == plan.charges_fen


@settings(max_examples=300, deadline=None)
@given(
    principal=st.integers(1, 10**9),
    basis=st.integers(0, 3600),
    periods=st.integers(1, 600),
    rounding=words["rounding"],
    interest_rounding=words["rounding"],
)
def test_the_last_instalment_differs_by_at_most_a_fen_for_each_period_and_one(
    principal: int, basis: int, periods: int, rounding: Any, interest_rounding: Any
) -> None:
    plan = schedule(
        Loan(
            principal_fen=principal,
            annual_rate=basis / 1e4,
            periods=periods,
            instalment_rounding=rounding,
            interest_rounding=interest_rounding,
        )
    )
    for row in plan.rows:
        assert abs(row.payment_fen - plan.instalment_fen) <= periods + 1


@settings(max_examples=200, deadline=None)
@given(loan=loans(), charges=charge_lists())
def test_rates_are_finite_and_agree_with_the_cash_flow(loan: Loan, charges: list[Charge]) -> None:
    plan = planned(loan, charges)
    if plan is None:
        return
    cost = plan.cost
    for rate in (cost.nominal, cost.effective, cost.simple):
        assert rate == rate and abs(rate) < 1e305
    if plan.paid_fen == plan.received_fen:
        assert cost.nominal == pytest.approx(0.0, abs=1e-9)
    else:
        assert (cost.nominal > 0) == (plan.paid_fen > plan.received_fen)


@settings(max_examples=100, deadline=None)
@given(
    loan=loans(),
    principals=st.lists(st.integers(1, 10**8), min_size=1, max_size=8),
    charges=charge_lists(),
)
def test_a_batch_is_its_loans(loan: Loan, principals: list[int], charges: list[Charge]) -> None:
    plans = [planned(loan.model_copy(update={"principal_fen": p}), charges) for p in principals]
    if None in plans:
        with pytest.raises(InvalidRequestError):
            schedule_batch(loan, charges, principal_fen=principals)
        return
    batch = schedule_batch(loan, charges, principal_fen=principals)
    for k, plan in enumerate(plans):
        assert plan is not None
        count = len(plan.rows)
        assert batch.rows[k] == count
        assert batch.payment_fen[k, :count].tolist() == [row.payment_fen for row in plan.rows]
        assert batch.balance_fen[k, :count].tolist() == [row.balance_fen for row in plan.rows]
        assert not batch.payment_fen[k, count:].any()
        assert (batch.nominal[k], batch.effective[k]) == (plan.cost.nominal, plan.cost.effective)


def test_month_ends_go_back_to_the_original_day() -> None:
    loan = Loan(principal_fen=10_000, periods=4, disbursed=date(2023, 12, 31))
    assert [row.due for row in schedule(loan).rows] == [
        date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30),
    ]  # fmt: skip


def test_weekly_fortnightly_and_custom_dates() -> None:
    start = date(2026, 1, 30)
    for frequency, days in (("weekly", 7), ("fortnightly", 14)):
        loan = Loan(principal_fen=10_000, periods=3, disbursed=start, frequency=frequency)
        dues = [row.due for row in schedule(loan).rows]
        assert dues == [date.fromordinal(start.toordinal() + days * k) for k in (1, 2, 3)]
    dates = (date(2026, 2, 28), date(2026, 3, 1), date(2026, 9, 9))
    custom = Loan(principal_fen=10_000, periods=3, disbursed=start, frequency="custom",
                  due_dates=dates, day_count="actual/365", annual_rate=0.1)  # fmt: skip
    assert tuple(row.due for row in schedule(custom).rows) == dates

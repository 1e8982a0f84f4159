"""Effective annual rates: the EU's examples, what an answer is where there is none or several."""

from __future__ import annotations

import math
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.errors import InvalidRequestError
from fenqi.offers import annual_rate

START = date(1994, 1, 1)


def after(days: int) -> date:
    return date.fromordinal(START.toordinal() + days)


MONTHLY = [date(2026, month, 10) for month in range(2, 8)]
SIX = [(date(2026, 1, 10), 10000.0), *((day, -1707.0) for day in MONTHLY)]

# Directive 98/7/EC, Annex III, by the rule of Annex I; curo's documentation; the tests of
# FSharp.Finance.Personal.
EU = [
    ("days", [(START, 1000.0), (after(546), -1200.0)], 12.962038),
    ("months", [(START, 1000.0), (date(1995, 7, 1), -1200.0)], 12.924323),
    ("days", [(START, 950.0), (after(546), -1200.0)], 16.902621),
    ("months", [(START, 950.0), (date(1995, 7, 1), -1200.0)], 16.852613),
    ("years", [(START, 1000.0), (date(1995, 1, 1), -600.0), (date(1996, 1, 1), -600.0)], 13.066239),
    ("days", [(START, 1000.0), (after(91), -272.0), (after(182), -272.0), (after(365), -544.0)],
     13.196541),
    ("weeks", [(START, 1000.0), (after(91), -272.0), (after(182), -272.0), (after(364), -544.0)],
     13.185495),
    ("months", SIX, 8.569257),
    ("months", [*SIX, (MONTHLY[0], -50.0)], 10.447490),
    ("days", [(START, 500.0), (after(5), -510.0)], 324.436),
]  # fmt: skip


@pytest.mark.parametrize("method", ["eu", "uk"])
@pytest.mark.parametrize(("interval", "flows", "percent"), EU)
def test_the_directives_examples_have_their_published_rates(
    method: str, interval: str, flows: list[tuple[date, float]], percent: float
) -> None:
    found = annual_rate(flows, method, interval=interval)  # type: ignore[arg-type]
    assert found.solutions == "unique"
    assert found.rate is not None
    assert 100 * found.rate == pytest.approx(percent, abs=6e-7 if percent < 100 else 6e-4)


def test_twelve_equal_months_give_the_nominal_rate_of_the_documentation() -> None:
    found = annual_rate(SIX, "eu", interval="months")
    assert found.rate is not None
    assert 1200 * ((1 + found.rate) ** (1 / 12) - 1) == pytest.approx(8.250040, abs=1e-6)


def test_nominal_and_effective_are_always_both_there_and_belong_together() -> None:
    found = annual_rate(SIX, "appendix_j", unit_period="month")
    assert found.nominal is not None and found.effective is not None
    assert (1 + found.nominal / 12) ** 12 - 1 == pytest.approx(found.effective, rel=1e-12)


def test_the_days_left_of_a_leap_year_count_over_366() -> None:
    flows = [(date(2023, 12, 31), 1000.0), (date(2024, 12, 30), -1100.0)]
    found = annual_rate(flows, "eu", interval="years")
    assert found.rate == pytest.approx(1.1 ** (366 / 365) - 1, rel=1e-12)
    assert found.effective == pytest.approx(0.1, rel=1e-12)


def test_a_flow_in_one_direction_has_no_rate() -> None:
    for flows in (
        [(START, 100.0), (after(30), 100.0)],
        [(START, 100.0), (START, -110.0)],
        [(START, 0.0), (after(30), 0.0)],
    ):
        found = annual_rate(flows)
        assert (found.rate, found.nominal, found.effective) == (None, None, None)
        assert found.solutions == "no_change"


def test_several_rates_are_said_to_be_several_and_the_one_nearest_to_zero_is_given() -> None:
    # 100 (g - 1.1)(g - 1.6), g the growth of a year of 365 days
    flows = [(START, -100.0), (after(365), 270.0), (after(730), -176.0)]
    found = annual_rate(flows)
    assert (found.solutions, found.found) == ("several", 2)
    assert found.rate == pytest.approx(0.1, rel=1e-12)


def test_two_rates_close_to_each_other_are_both_found() -> None:
    flows = [(START, -1.0), (after(365), 2 * 1.2), (after(730), -(1.2**2 - 1e-9))]
    assert annual_rate(flows).found == 2


def test_a_flow_that_no_rate_solves_says_so() -> None:
    flows = [(START, -100.0), (after(365), 150.0), (after(730), -100.0)]
    found = annual_rate(flows)
    assert (found.rate, found.solutions) == (None, "none")


def test_the_unit_of_amounts_the_order_of_flows_and_their_sign_do_not_matter() -> None:
    expected = annual_rate(SIX).rate
    assert annual_rate([(day, -amount * 1e6) for day, amount in reversed(SIX)]).rate == (
        pytest.approx(expected, rel=1e-12)
    )


def test_simple_annualisation_is_cost_over_principal_and_time() -> None:
    found = annual_rate([(START, 1000.0), (after(73), -1050.0)], "simple")
    assert found.rate == pytest.approx(0.05 * 5)


@pytest.mark.parametrize(
    ("flows", "field"),
    [
        ([], "flows"),
        ([(START, 1.0)], "flows"),
        ([(START, 1.0)] * 5000, "flows"),
        ([(START, math.nan), (after(1), -1.0)], "flows.amount"),
        ([(START, math.inf), (after(1), -1.0)], "flows.amount"),
        ([("1994-01-01", 1.0), (after(1), -1.0)], "flows.date"),
    ],
)
def test_flows_that_cannot_be_used_are_refused_by_name(
    flows: list[tuple[date, float]], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        annual_rate(flows)
    assert refused.value.violations[0].field == field


def test_a_loss_of_most_of_it_in_a_day_is_a_rate_of_minus_one() -> None:
    found = annual_rate([(START, 1e6), (after(1), -2e5)])
    assert (found.solutions, found.rate, found.nominal) == ("unique", -1.0, -12.0)


@pytest.mark.parametrize(
    "unit", ["", "fort", "0 weeks", "13 months", "2 terms", "-1 days", "1.5 weeks"]
)
def test_a_unit_period_that_is_none_is_refused(unit: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        annual_rate(SIX, "appendix_j", unit_period=unit)
    assert refused.value.violations[0].field == "unit_period"


amounts = st.floats(-1e12, 1e12, allow_subnormal=False)
days = st.dates(date(1, 1, 1), date(9999, 12, 31))


@settings(max_examples=300, deadline=None)
@given(flows=st.lists(st.tuples(days, amounts), min_size=2, max_size=12), method=st.sampled_from(
    ["effective", "eu", "uk", "appendix_j", "simple"]))  # fmt: skip
def test_any_flow_has_a_defined_answer(flows: list[tuple[date, float]], method: str) -> None:
    found = annual_rate(flows, method)  # type: ignore[arg-type]
    solved = found.solutions in ("unique", "several")
    assert (found.rate is not None) == solved
    for rate in (found.rate, found.nominal, found.effective):
        assert rate is None or math.isfinite(rate)


@settings(max_examples=200, deadline=None)
@given(
    rate=st.floats(-0.9, 50.0),
    gaps=st.lists(st.integers(1, 200), min_size=1, max_size=40),
    amount=st.floats(1.0, 1e9),
)
def test_a_flow_made_from_a_rate_gives_it_back(rate: float, gaps: list[int], amount: float) -> None:
    years = sum(gaps) / 365
    if math.log1p(rate) * years < -30:
        rate = math.expm1(-30 / years)
    day = START.toordinal()
    flows, worth = [], 0.0
    for gap in gaps:
        day += gap
        flows.append((date.fromordinal(day), -amount))
        worth += amount * (1 + rate) ** (-(day - START.toordinal()) / 365)
    found = annual_rate([(START, worth), *flows])
    assert found.solutions == "unique"
    assert found.rate == pytest.approx(rate, rel=1e-8, abs=1e-10)

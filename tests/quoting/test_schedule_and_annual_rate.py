"""Schedule and AnnualRate say what `fenqi.offers` says, which is held to published tables."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.engine import Engine
from fenqi.errors import InvalidRequestError
from fenqi.offers import annual_rate, schedule
from fenqi.v1 import quote_pb2
from tests.quoting.loans import Terms, day, days, engine, terms


@pytest.fixture(scope="module")
def quoting() -> Engine:
    return engine()


@settings(max_examples=200, deadline=None)
@given(terms())
def test_a_schedule_is_that_of_the_python_api(quoting: Engine, terms: Terms) -> None:
    request = quote_pb2.ScheduleRequest(loan=terms.message())
    try:
        expected = schedule(terms.loan, terms.charges)
    except InvalidRequestError as error:
        with pytest.raises(InvalidRequestError) as refused:
            quoting.schedule(request)
        assert refused.value.violations[0].description == error.violations[0].description
        return
    answer = quoting.schedule(request).schedule
    assert [
        (
            row.number,
            day(row.due_date_days) if row.HasField("due_date_days") else None,
            row.principal_fen,
            row.interest_fen,
            row.fees_fen,
            row.balance_fen,
            row.capitalised_fen,
        )
        for row in answer.instalments
    ] == [
        (
            number,
            row.due,
            row.principal_fen,
            row.interest_fen,
            row.charges_fen,
            row.balance_fen,
            row.capitalised_fen,
        )
        for number, row in enumerate(expected.rows, 1)
    ]
    assert answer.paid_fen == expected.paid_fen
    assert answer.received_fen == expected.received_fen
    assert answer.charges_fen == expected.charges_fen
    assert answer.nominal_annual_rate == expected.cost.nominal
    assert answer.effective_annual_rate == expected.cost.effective
    assert answer.simple_annual_rate == expected.cost.simple


def test_a_plan_without_dates_has_none(quoting: Engine) -> None:
    loan = quote_pb2.LoanTerms(principal_fen=1_000_000, annual_rate=0.05, periods=12)
    rows = quoting.schedule(quote_pb2.ScheduleRequest(loan=loan)).schedule.instalments
    # 10,000 at 5 %, 12 months, half up: 856.07 x 11, last 856.12 (MoneyVox).
    assert [row.principal_fen + row.interest_fen for row in rows] == [85_607] * 11 + [85_612]
    assert not any(row.HasField("due_date_days") for row in rows)


flows = st.lists(
    st.tuples(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(-(2**53), 2**53)),
    min_size=2,
    max_size=12,
)
INTERVALS = ("days", "months", "weeks", "years")


@settings(max_examples=150, deadline=None)
@given(flows=flows, interval=st.integers(0, 4))
def test_rates_of_any_flow_are_those_of_the_python_api(
    quoting: Engine, flows: list[tuple[date, int]], interval: int
) -> None:
    request = quote_pb2.AnnualRateRequest(
        flows=[quote_pb2.DatedFlow(date_days=days(d), amount_fen=a) for d, a in flows],
        interval=interval,
    )
    answer = quoting.annual_rate(request)
    numbers = [(d, float(amount)) for d, amount in sorted(flows)]
    for found, expected in (
        (answer.effective, annual_rate(numbers, "effective")),
        (answer.eu, annual_rate(numbers, "eu", interval=INTERVALS[max(0, interval - 1)])),
        (answer.appendix_j, annual_rate(numbers, "appendix_j")),
        (answer.simple, annual_rate(numbers, "simple")),
    ):
        name = quote_pb2.RateSolutions.Name(found.solutions)
        assert name.removeprefix("RATE_SOLUTIONS_").lower() == expected.solutions
        assert (found.rate if found.HasField("rate") else None) == expected.rate
    if answer.nominal.HasField("rate"):
        compounded = (1 + answer.nominal.rate / 12) ** 12 - 1
        assert compounded == pytest.approx(answer.effective.rate, rel=1e-9, abs=1e-12)


def test_the_directive_s_example_has_its_published_rate(quoting: Engine) -> None:
    # Directive 2008/48/EC's examples: 1,000 repaid after a year and a half with 1,200: 12.9 %.
    request = quote_pb2.AnnualRateRequest(
        flows=[
            quote_pb2.DatedFlow(date_days=days(date(1994, 1, 1)), amount_fen=100_000),
            quote_pb2.DatedFlow(date_days=days(date(1995, 7, 1)), amount_fen=-120_000),
        ],
        interval=quote_pb2.RATE_INTERVAL_MONTHS,
    )
    assert round(quoting.annual_rate(request).eu.rate, 3) == 0.129

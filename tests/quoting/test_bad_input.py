"""Whatever is asked, the answer names the field at fault or is free of NaN (issue 5, bad input)."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.engine import Engine
from fenqi.errors import CallError, InvalidRequestError, NotReadyError
from fenqi.v1 import application_pb2, quote_pb2
from tests.quoting.loans import days, engine

EACH = quote_pb2.CHARGE_TIMING_EACH_INSTALMENT


@pytest.fixture(scope="module")
def quoting() -> Engine:
    return engine()


def fine() -> quote_pb2.QuoteRequest:
    loan = quote_pb2.LoanTerms(
        principal_fen=1_000_000,
        annual_rate=0.18,
        periods=12,
        disbursed_date_days=days(date(2026, 1, 1)),
        charges=[quote_pb2.LoanCharge(name_zh="费", name_en="fee", timing=EACH, amount_fen=100)],
    )
    return quote_pb2.QuoteRequest(customer_key="c", loan=loan, quoted_at_seconds=0)


def set_to(path: str, value: object) -> Callable[[quote_pb2.QuoteRequest], None]:
    def change(request: quote_pb2.QuoteRequest) -> None:
        *parents, name = path.split(".")
        message: Message = request
        for parent in parents:
            message = message.charges[0] if parent == "charges[0]" else getattr(message, parent)
        if value is None:
            message.ClearField(name)
        elif isinstance(value, list):
            getattr(message, name).extend(value)
        else:
            setattr(message, name, value)

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("customer_key", None),
        ("customer_key", "k" * 257),
        ("currency", "yuan"),
        ("currency", "cny"),
        ("quoted_at_seconds", -1),
        ("minimum_reading_seconds", -1),
        ("minimum_reading_seconds", 86_401),
        ("lender", "x" * 129),
        ("loan", None),
        ("loan.principal_fen", 0),
        ("loan.principal_fen", -1),
        ("loan.principal_fen", 2**53 + 1),
        ("loan.principal_fen", 2**63 - 1),
        ("loan.periods", 0),
        ("loan.periods", -1),
        ("loan.periods", 1561),
        ("loan.annual_rate", -1e-9),
        ("loan.annual_rate", 100.001),
        ("loan.annual_rate", math.nan),
        ("loan.annual_rate", math.inf),
        ("loan.flat_rate", 0.01),
        ("loan.repayment_method", 5),
        ("loan.repayment_method", -1),
        ("loan.frequency", 8),
        ("loan.day_count", 4),
        ("loan.rounding", 5),
        ("loan.grace", 3),
        ("loan.grace_periods", 12),
        ("loan.disbursed_date_days", None),
        ("loan.disbursed_date_days", 2**31 - 1),
        ("loan.first_due_date_days", days(date(2025, 12, 31))),
        ("loan.due_day", 32),
        ("loan.due_dates_days", [1, 2]),
        ("loan.charges[0].timing", 0),
        ("loan.charges[0].timing", 4),
        ("loan.charges[0].base", 6),
        ("loan.charges[0].payee", 6),
        ("loan.charges[0].amount_fen", -1),
        ("loan.charges[0].amount_fen", 2**53 + 1),
        ("loan.charges[0].rate", math.nan),
        ("loan.charges[0].rate", 0.1),
        ("loan.charges[0].name_zh", ""),
        ("loan.charges[0].name_en", ""),
        ("loan.charges[0].name_en", "x" * 129),
        ("servicing.penalty_rate", -0.1),
        ("servicing.penalty_base", 3),
        ("servicing.penalty_year_days", 366),
        ("servicing.grace_days", -1),
        ("servicing.grace_days", 367),
        ("servicing.tolerance_fen", -1),
        ("servicing.prepayment_fee_rate", 1.1),
    ],
)
def test_what_is_wrong_is_named_by_its_path(quoting: Engine, path: str, value: object) -> None:
    request = fine()
    set_to(path, value)(request)
    with pytest.raises(InvalidRequestError) as refused:
        quoting.quote(request)
    assert [violation.field for violation in refused.value.violations] == [path]


def finite(message: Message) -> bool:
    """Whether no number in the message, at any depth, is NaN or infinite."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.message_type is not None:
            if not all(finite(one) for one in values):
                return False
        elif field.cpp_type == field.CPPTYPE_DOUBLE and not all(map(math.isfinite, values)):
            return False
    return True


@pytest.mark.parametrize("rate", [0.0, 1e-12, 1e-9, 0.18, 10.0, 100.0])
@pytest.mark.parametrize("periods", [1, 2, 12, 600, 1560])
@pytest.mark.parametrize("principal", [1, 2, 99, 1_000_000, 2**53 - 1, 2**53])
@pytest.mark.parametrize("method", range(1, 5))
def test_extreme_terms_have_an_answer_without_nan_or_name_a_field(
    quoting: Engine, rate: float, periods: int, principal: int, method: int
) -> None:
    request = fine()
    del request.loan.charges[:]
    flat = method == application_pb2.REPAYMENT_METHOD_FLAT_FEE
    request.loan.principal_fen = principal
    request.loan.periods = periods
    request.loan.repayment_method = method
    request.loan.annual_rate = 0 if flat else rate
    request.loan.flat_rate = rate if flat else 0
    request.servicing.penalty_rate = 100.0
    try:
        response = quoting.quote(request)
    except InvalidRequestError as error:
        assert error.violations[0].field.startswith("loan")
        return
    assert finite(response)
    assert response.quote.schedule.instalments[-1].balance_fen == 0


@pytest.mark.parametrize(
    ("flows", "field"),
    [
        ([], "flows"),
        ([(0, 1)], "flows"),
        ([(0, 1), (2**31 - 1, -1)], "flows[1].date_days"),
        ([(0, 1), (1, -(2**53) - 1)], "flows[1].amount_fen"),
        ([(d, 1) for d in range(601)], "flows"),
        ([(d, (-1) ** d) for d in range(129)], "flows"),
    ],
)
def test_flows_that_have_no_rate_to_look_for_name_the_field(
    quoting: Engine, flows: list[tuple[int, int]], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        quoting.annual_rate(flow_request(flows))
    assert refused.value.violations[0].field == field


def flow_request(flows: list[tuple[int, int]]) -> quote_pb2.AnnualRateRequest:
    return quote_pb2.AnnualRateRequest(
        flows=[quote_pb2.DatedFlow(date_days=day, amount_fen=amount) for day, amount in flows]
    )


@pytest.mark.parametrize(
    "flows",
    [
        [(0, 1), (1, 1)],
        [(0, 0), (0, 0)],
        [(5, -1), (5, 1)],
        [(0, 100), (365, -230), (730, 132)],  # 10 % and 20 %
        [(0, -(2**53)), (1, 2**53)],
        [(59, 100), (11_016, -(2**53))],  # leap days
        [(30, -110), (0, 100)],
        [(d, 100 if d == 0 else -1) for d in range(600)],
    ],
)
def test_odd_flows_have_a_defined_answer(quoting: Engine, flows: list[tuple[int, int]]) -> None:
    answer = quoting.annual_rate(flow_request(flows))
    assert finite(answer)
    for rate in (answer.nominal, answer.effective, answer.appendix_j, answer.eu, answer.simple):
        solved = quote_pb2.RATE_SOLUTIONS_UNIQUE, quote_pb2.RATE_SOLUTIONS_SEVERAL
        assert rate.HasField("rate") == (rate.solutions in solved)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120), st.integers(0, 200))
def test_damaged_bytes_never_give_more_than_an_error(
    quoting: Engine, noise: bytes, cut: int
) -> None:
    whole = fine().SerializeToString()
    for request in (noise, whole[:cut] + noise, whole[:cut] + noise + whole[cut:]):
        for answer in (quoting.quote_bytes, quoting.schedule_bytes, quoting.annual_rate_bytes):
            try:
                answer(request)
            except CallError as error:
                assert isinstance(error, InvalidRequestError)


def test_without_a_release_there_are_plans_and_rates_but_no_quotes() -> None:
    empty = Engine()
    assert empty.schedule(quote_pb2.ScheduleRequest(loan=fine().loan)).schedule.paid_fen > 0
    assert empty.annual_rate(flow_request([(0, 100), (365, -110)])).effective.rate > 0
    with pytest.raises(NotReadyError):
        empty.quote(fine())

"""Each jurisdiction has its form: its words, and the yearly rate that its law counts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings

from fenqi.engine import Engine
from fenqi.errors import InvalidRequestError
from fenqi.offers import Charge, Loan, annual_rate
from fenqi.v1 import quote_pb2
from tests.quoting.loans import Terms, day, engine, terms

LOAN, COSTS, RATES, FACTS, PLAN = 1, 2, 3, 5, 6
INTERVALS = {
    "monthly": "months",
    "quarterly": "months",
    "weekly": "weeks",
    "fortnightly": "weeks",
    "yearly": "years",
    "semimonthly": "days",
    "custom": "days",
}


@pytest.fixture(scope="module")
def american() -> Engine:
    return engine("us_pack.yaml")


@pytest.fixture(scope="module")
def european() -> Engine:
    return engine("eu_pack.yaml")


def quoted(by: Engine, terms: Terms, currency: str) -> quote_pb2.Quote:
    request = quote_pb2.QuoteRequest(
        customer_key="c", loan=terms.message(), quoted_at_seconds=0, currency=currency
    )
    return by.quote(request).quote


def flows(terms: Terms, quote: quote_pb2.Quote) -> list[tuple[date, float]]:
    """The plan that is shown, as money that moves."""
    assert terms.loan.disbursed is not None
    rows = quote.schedule.instalments
    paid = [
        (day(row.due_date_days), row.principal_fen + row.interest_fen + row.fees_fen)
        for row in rows
    ]
    received = (terms.loan.disbursed, float(quote.schedule.received_fen))
    return [received, *((due, -float(amount)) for due, amount in paid)]


def section(page: quote_pb2.DisclosurePage, topic: int) -> quote_pb2.DisclosureSection:
    return next(section for section in page.sections if section.topic == topic)


def english(quote: quote_pb2.Quote) -> quote_pb2.DisclosurePage:
    return next(page for page in quote.disclosure.pages if page.language == "en")


def test_the_annual_percentage_rate_is_that_of_a_published_example(american: Engine) -> None:
    """Appendix J (c)(1)(i): 5,000 on 10 January 1978, 24 monthly payments of 230: 9.69 %."""
    loan = Loan(
        principal_fen=500_000, annual_rate=0.09685708, periods=24, disbursed=date(1978, 1, 10)
    )
    quote = quoted(american, Terms(loan, []), "USD")
    assert {row.principal_fen + row.interest_fen for row in quote.schedule.instalments[:-1]} == {
        23_000
    }
    page = english(quote)
    assert [row.cells[1] for row in section(page, RATES).rows] == ["9.69%"]
    assert quote.disclosure.appendix_j_annual_rate == 0.0969
    assert not quote.disclosure.HasField("eu_annual_rate")


def test_the_rate_of_charge_is_that_of_a_published_example(european: Engine) -> None:
    """10,000 repaid in six months with 1,707.00 each: 8.57 % (curo's documentation)."""
    loan = Loan(
        principal_fen=1_000_000, annual_rate=0.0825004, periods=6, disbursed=date(2026, 1, 10)
    )
    quote = quoted(european, Terms(loan, []), "EUR")
    assert {row.principal_fen + row.interest_fen for row in quote.schedule.instalments[:-1]} == {
        170_700
    }
    assert [row.cells[1] for row in section(english(quote), RATES).rows] == ["8.57%"]
    assert quote.disclosure.eu_annual_rate == 0.0857
    assert not quote.disclosure.HasField("appendix_j_annual_rate")


def test_the_chinese_form_shows_its_three_rates_as_before() -> None:
    loan = Loan(principal_fen=1_000_000, annual_rate=0.12, periods=12, disbursed=date(2026, 1, 10))
    disclosure = quoted(engine(), Terms(loan, []), "CNY").disclosure
    assert [len(section(page, RATES).rows) for page in disclosure.pages] == [3, 3]
    assert not disclosure.HasField("appendix_j_annual_rate")
    assert not disclosure.HasField("eu_annual_rate")


@settings(max_examples=60, deadline=None)
@given(terms())
def test_each_form_shows_the_rate_of_its_law_for_the_plan_that_it_shows(
    american: Engine, european: Engine, terms: Terms
) -> None:
    assume(terms.loan.principal_fen >= 1_000)
    for by, method, field in (
        (american, "appendix_j", "appendix_j_annual_rate"),
        (european, "eu", "eu_annual_rate"),
    ):
        try:
            quote = quoted(by, terms, "USD")
        except InvalidRequestError:
            assume(False)
        interval = INTERVALS[terms.loan.frequency]
        answer = annual_rate(
            flows(terms, quote), method, **({"interval": interval} if method == "eu" else {})
        )
        shown = section(english(quote), RATES).rows[0].cells[1]
        if answer.rate is None or answer.rate > 10_000:
            assert shown == "> 1,000,000%"
            continue
        # Half a hundredth may fall either way.
        assert abs(float(shown.rstrip("%").replace(",", "")) / 100 - answer.rate) <= 5.1e-5 * (
            1 + answer.rate
        )
        assert abs(getattr(quote.disclosure, field) - answer.rate) <= 5.1e-5 * (1 + answer.rate)


def fee_loan() -> Terms:
    loan = Loan(principal_fen=1_000_000, annual_rate=0.12, periods=12, disbursed=date(2026, 3, 1))
    return Terms(loan, [Charge(name="x", timing="deducted", base="principal", rate=0.03)])


def amount(page: quote_pb2.DisclosurePage, topic: int, begins: str) -> Decimal:
    row = next(row for row in section(page, topic).rows if row.cells[0].startswith(begins))
    return Decimal(row.cells[-1].split()[-1].replace(",", ""))


def test_amount_financed_and_finance_charge_make_the_total_of_payments(american: Engine) -> None:
    """12 CFR 1026.18(b), (d), (h): a charge that is kept back is no part of what is financed."""
    page = english(quoted(american, fee_loan(), "USD"))
    financed = amount(page, LOAN, "Amount financed")
    assert financed == Decimal("9700.00")
    charge = amount(page, COSTS, "FINANCE CHARGE")
    assert financed + charge == amount(page, LOAN, "Total of payments")
    assert section(page, RATES).rows[0].cells[0].startswith("ANNUAL PERCENTAGE RATE")
    assert section(page, PLAN).rows[0].cells[1] == "April 1, 2026"


def test_credit_and_its_costs_make_the_total_amount_payable(european: Engine) -> None:
    """Directive (EU) 2023/2225, art. 3: total amount payable = credit and its total cost."""
    page = english(quoted(european, fee_loan(), "EUR"))
    credit = amount(page, LOAN, "Total amount of credit")
    cost = amount(page, COSTS, "Total cost of the credit")
    assert credit + cost == amount(page, LOAN, "Total amount that you will have to pay")


def test_a_borrower_in_the_union_reads_of_withdrawal_and_early_repayment(european: Engine) -> None:
    quote = quoted(european, fee_loan(), "EUR")
    said = " ".join(section(english(quote), FACTS).paragraphs)
    assert "withdraw from the credit agreement within 14 calendar days" in said
    assert "repay early at any time" in said
    counts = [len(section(page, FACTS).paragraphs) for page in quote.disclosure.pages]
    assert counts[0] == counts[1] == 9

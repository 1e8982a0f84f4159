"""Instalment arithmetic: plans exact to the fen, yearly rates, prices, what a person can carry.

plan = schedule(Loan(principal_fen=1_000_000, annual_rate=0.18, periods=12))
plan.rows[0].payment_fen, plan.cost.nominal

Amounts are whole fen, rates fractions (0.18 is 18 %).
"""

from fenqi.offers.affordability import (
    Debt,
    LoanLimit,
    debt_service,
    expected_loss_limit,
    instalment_room,
    ladder_limit,
    largest_principal,
    loan_limit,
)
from fenqi.offers.loan import Charge, Loan, RateChange
from fenqi.offers.prices import (
    Price,
    PriceBatch,
    PriceTerms,
    TakeUp,
    other_retail_capital,
    price,
    price_batch,
)
from fenqi.offers.rates import (
    AnnualRate,
    annual_rate,
    annual_rate_batch,
    within_appendix_j_tolerance,
)
from fenqi.offers.schedules import (
    CostRate,
    Row,
    Schedule,
    ScheduleBatch,
    schedule,
    schedule_batch,
)
from fenqi.offers.servicing import (
    OpenInstalment,
    Payment,
    Servicing,
    Settlement,
    open_instalments,
    pay,
    prepay,
    settle,
)

__all__ = [
    "AnnualRate",
    "Charge",
    "CostRate",
    "Debt",
    "Loan",
    "LoanLimit",
    "OpenInstalment",
    "Payment",
    "Price",
    "PriceBatch",
    "PriceTerms",
    "RateChange",
    "Row",
    "Schedule",
    "ScheduleBatch",
    "Servicing",
    "Settlement",
    "TakeUp",
    "annual_rate",
    "annual_rate_batch",
    "debt_service",
    "expected_loss_limit",
    "instalment_room",
    "ladder_limit",
    "largest_principal",
    "loan_limit",
    "open_instalments",
    "other_retail_capital",
    "pay",
    "prepay",
    "price",
    "price_batch",
    "schedule",
    "schedule_batch",
    "settle",
    "within_appendix_j_tolerance",
]

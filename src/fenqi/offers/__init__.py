"""Instalment arithmetic: plans exact to the fen, yearly rates, prices.

plan = schedule(Loan(principal_fen=1_000_000, annual_rate="0.18", periods=12))
plan.rows[0].payment_fen, plan.cost.nominal
"""

from fenqi.offers.loan import Charge, Loan, RateChange
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

__all__ = [
    "AnnualRate",
    "Charge",
    "CostRate",
    "Loan",
    "RateChange",
    "Row",
    "Schedule",
    "ScheduleBatch",
    "annual_rate",
    "annual_rate_batch",
    "schedule",
    "schedule_batch",
    "within_appendix_j_tolerance",
]

"""Loans for the tests of quotes: random ones, the same in the contract's words and in Python's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import get_args

from hypothesis import strategies as st

from fenqi.engine import Engine
from fenqi.offers import Charge, Loan
from fenqi.offers.loan import (
    ChargeBase,
    ChargeTiming,
    DayCount,
    Frequency,
    Grace,
    Method,
    Payee,
    Rounding,
)
from fenqi.v1 import quote_pb2

DATA = Path(__file__).resolve().parents[1] / "data"
EPOCH = date(1970, 1, 1)
SECRET = b"0123456789abcdef0123456789abcdef"
_CHOICES = (Method, Frequency, DayCount, Rounding, Grace, ChargeTiming, ChargeBase, Payee)


def engine(policy: str = "rules_only.yaml", key: bytes = SECRET) -> Engine:
    return Engine.from_policy(DATA / policy, acknowledgement_key=key)


def days(day: date) -> int:
    return (day - EPOCH).days


def day(number: int) -> date:
    return EPOCH + timedelta(days=number)


@dataclass(frozen=True)
class Terms:
    """One loan with its charges, as `fenqi.offers` takes it."""

    loan: Loan
    charges: list[Charge]

    def message(self) -> quote_pb2.LoanTerms:
        """As the contract says it: enums are Python's words in their order, from 1."""
        loan = self.loan

        def choice(words: object, word: str) -> int:
            return get_args(words).index(word) + 1

        message = quote_pb2.LoanTerms(
            principal_fen=loan.principal_fen,
            annual_rate=float(loan.annual_rate),
            flat_rate=float(loan.flat_rate),
            periods=loan.periods,
            repayment_method=choice(Method, loan.method),
            frequency=choice(Frequency, loan.frequency),
            day_count=choice(DayCount, loan.day_count),
            rounding=choice(Rounding, loan.instalment_rounding),
            due_day=loan.due_day,
            due_dates_days=[days(due) for due in loan.due_dates],
            grace_periods=loan.grace_periods,
            grace=choice(Grace, loan.grace),
        )
        if loan.disbursed is not None:
            message.disbursed_date_days = days(loan.disbursed)
        if loan.first_due is not None:
            message.first_due_date_days = days(loan.first_due)
        for charge in self.charges:
            message.charges.add(
                name_zh=f"费用 {charge.name}",
                name_en=f"Fee {charge.name}",
                timing=choice(ChargeTiming, charge.timing),
                base=choice(ChargeBase, charge.base),
                payee=choice(Payee, charge.payee),
                amount_fen=charge.amount_fen,
                rate=float(charge.rate),
            )
        return message


rates = st.integers(0, 3600).map(lambda basis: basis / 1e4) | st.sampled_from([0.0, 1e-9, 10.0])


@st.composite
def charges(draw: st.DrawFn, principal_fen: int) -> Charge:
    timing = draw(st.sampled_from(get_args(ChargeTiming)))
    each = timing == "each_instalment"
    bases = get_args(ChargeBase) if each else ("flat", "principal")
    base = draw(st.sampled_from(bases))
    terms = {"timing": timing, "base": base, "payee": draw(st.sampled_from(get_args(Payee)))}
    if base == "flat":
        most = max(1, principal_fen // 20)
        return Charge(name="x", amount_fen=draw(st.integers(0, most)), **terms)
    return Charge(name="x", rate=draw(st.integers(0, 300)) / 1e4, **terms)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Any loan that can be quoted where no pack caps its cost."""
    method = draw(st.sampled_from(get_args(Method)))
    periods = draw(st.integers(1, 48) | st.sampled_from([1, 600]))
    principal = draw(st.integers(1_000, 20_000_000) | st.sampled_from([1, 2**52]))
    frequency = draw(st.sampled_from(get_args(Frequency)))
    disbursed = draw(st.dates(date(1970, 1, 1), date(2100, 12, 31)))
    rate = draw(rates)
    loan = Loan(
        principal_fen=principal,
        periods=periods,
        method=method,
        frequency=frequency,
        annual_rate=0 if method == "flat_fee" else rate,
        flat_rate=rate / 12 if method == "flat_fee" else 0,
        day_count=draw(st.sampled_from(get_args(DayCount))),
        instalment_rounding=(rounding := draw(st.sampled_from(get_args(Rounding)))),
        interest_rounding=rounding,
        grace_periods=draw(st.integers(0, min(periods - 1, 3))),
        grace=draw(st.sampled_from(get_args(Grace))),
        disbursed=disbursed,
        due_dates=tuple(disbursed + timedelta(days=17 * (k + 1)) for k in range(periods))
        if frequency == "custom"
        else (),
    )
    return Terms(loan, draw(st.lists(charges(principal), max_size=4)))

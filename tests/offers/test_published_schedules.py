"""Schedules as banks, textbooks and a lender's ledger print them."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from fenqi.offers import Loan, schedule, schedule_batch

LEDGER = (
    Path(__file__).resolve().parents[2].parent
    / "shared" / "data" / "lendingclub_2018q1" / "loans_full_schema.csv"
)  # fmt: skip


def test_a_french_bank_prints_this_plan() -> None:  # MoneyVox
    plan = schedule(Loan(principal_fen=1_000_000, annual_rate=0.05, periods=12))
    assert [row.payment_fen for row in plan.rows] == [85_607] * 11 + [85_612]
    assert [row.balance_fen for row in plan.rows] == [
        918_560, 836_780, 754_660, 672_197, 589_391, 506_240,
        422_742, 338_896, 254_701, 170_155, 85_257, 0,
    ]  # fmt: skip


def test_a_textbook_carries_the_balance_unrounded() -> None:  # Goldstein, Finite Mathematics
    loan = Loan(principal_fen=56_300, annual_rate=0.12, periods=5, balance="precise")
    plan = schedule(loan)
    assert plan.instalment_fen == 11_600
    assert [row.balance_fen for row in plan.rows] == [45_263, 34_116, 22_857, 11_485, 0]


@pytest.mark.parametrize(
    ("principal", "rate", "periods", "rounding", "instalment"),
    [
        (1_200_000, 0.12, 36, "half_up", 39_857),  # Broverman
        (1_500_000, 0.09, 60, "up", 31_138),  # Las Positas College
        (1_832_500, 0.0675, 48, "up", 43_670),  # OpenStax
        (1_832_500, 0.0675, 48, "half_up", 43_669),
    ],
)
def test_a_published_instalment_is_reproduced(
    principal: int, rate: float, periods: int, rounding: str, instalment: int
) -> None:
    loan = Loan(
        principal_fen=principal,
        annual_rate=rate,
        periods=periods,
        instalment_rounding=rounding,  # type: ignore[arg-type]
    )
    assert schedule(loan).instalment_fen == instalment


@pytest.fixture(scope="module")
def ledger() -> list[dict[str, str]]:
    if not LEDGER.exists():
        pytest.skip("the ledger of Lending Club's loans is not beside the project")
    with LEDGER.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def columns(ledger: list[dict[str, str]]) -> dict[str, np.ndarray]:
    return {
        "principal_fen": np.array([int(Decimal(row["loan_amount"]) * 100) for row in ledger]),
        "annual_rate": np.array([float(Decimal(row["interest_rate"]) / 100) for row in ledger]),
        "periods": np.array([int(row["term"]) for row in ledger]),
    }


def test_rounding_up_reproduces_the_instalments_of_a_real_ledger(
    ledger: list[dict[str, str]],
) -> None:
    loan = Loan(principal_fen=1, periods=1, instalment_rounding="up", last_instalment="takes_all")
    batch = schedule_batch(loan, **columns(ledger))
    published = np.array([int(Decimal(row["installment"]) * 100) for row in ledger])
    differ = np.flatnonzero(batch.instalment_fen != published)
    # A hardship change: 6 % since then, the instalment from before.
    assert differ.tolist() == [1547, 1967, 9686]
    assert (batch.principal_fen.sum(axis=1) == columns(ledger)["principal_fen"]).all()


def test_balances_of_the_ledger_are_those_of_the_plan_after_some_instalments(
    ledger: list[dict[str, str]],
) -> None:
    current = [row for row in ledger if row["loan_status"] == "Current"]
    loan = Loan(principal_fen=1, periods=1, instalment_rounding="up", last_instalment="takes_all")
    batch = schedule_batch(loan, **columns(current))
    balances = np.array([int(Decimal(row["balance"]) * 100) for row in current])
    near = np.abs(batch.balance_fen[:, :6] - balances[:, None]).min(axis=1) <= 2
    assert near.mean() >= 0.9

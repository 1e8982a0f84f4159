"""等额本息, 等额本金, 先息后本, 等本等息: tables to the fen and to 10^-4 of a percent."""

from __future__ import annotations

from typing import Any

import pytest

from fenqi.offers import Charge, Loan, schedule

# first instalment (principal + interest), last instalment, total interest, all in yuan; nominal,
# effective in percent. None: not in the table.
TABLE: list[tuple[dict[str, Any], tuple[float, ...], float | None, float | None, float, float]] = [
    ({"principal_fen": 1_000_000, "annual_rate": 0.18, "periods": 12},
     (766.80, 150.00), 916.81, 1001.61, 18.0002, 19.5620),
    ({"principal_fen": 1_000_000, "annual_rate": 0.24, "periods": 12},
     (745.60, 200.00), 945.55, 1347.15, 24.0001, 26.8243),
    ({"principal_fen": 500_000, "annual_rate": 0.1499, "periods": 6},
     (807.68, 62.46), 870.17, 220.87, 14.9902, 16.0643),
    ({"principal_fen": 2_000_000, "annual_rate": 0.072, "periods": 24},
     (777.27, 120.00), 897.17, 1534.38, 7.2000, 7.4424),
    ({"principal_fen": 300_000, "annual_rate": 0.36, "periods": 3},
     (970.59, 90.00), 1060.59, 181.77, 35.9994, 42.5752),
    ({"principal_fen": 1_000_000, "annual_rate": 0.18, "periods": 12, "method": "equal_principal"},
     (833.33, 150.00), 845.87, 975.00, 17.9999, 19.5617),
    ({"principal_fen": 1_000_000, "annual_rate": 0.18, "periods": 12, "method": "interest_only"},
     (0.00, 150.00), 10150.00, 1800.00, 18.0000, 19.5618),
    ({"principal_fen": 1_200_000, "flat_rate": 0.006, "periods": 12, "method": "flat_fee"},
     (1000.00, 72.00), 1072.00, 864.00, 13.0342, 13.8418),
    ({"principal_fen": 1_200_000, "flat_rate": 0.01, "periods": 12, "method": "flat_fee"},
     (1000.00, 120.00), 1120.00, 1440.00, 21.4572, 23.6984),
    ({"principal_fen": 1_000_000, "flat_rate": 0.0075, "periods": 12, "method": "flat_fee"},
     (833.33, 75.00), 908.37, 900.00, 16.2164, 17.4777),
    ({"principal_fen": 1_000_000, "flat_rate": 0.015, "periods": 6, "method": "flat_fee"},
     (1666.67, 150.00), 1816.65, 900.00, 30.2306, 34.7918),
    ({"principal_fen": 100_000, "flat_rate": 0.02, "periods": 3, "method": "flat_fee"},
     (333.33, 20.00), 353.34, 60.00, 35.6519, 42.0950),
    ({"principal_fen": 1_000_000, "annual_rate": 0.18, "periods": 12,
          "charges": [Charge(timing="deducted", base="principal", rate=0.03)]},
     (766.80, 150.00), 916.81, None, 23.9090, 26.7110),
    ({"principal_fen": 1_000_000, "annual_rate": 0.12, "periods": 12,
          "charges": [Charge(timing="each_instalment", amount_fen=5_000, payee="guarantor")]},
     (788.49, 100.00), None, None, 22.5284, 25.0064),
]  # fmt: skip


@pytest.mark.parametrize(
    ("terms", "first", "last", "interest", "nominal", "effective"),
    TABLE,
    ids=[f"{case[0].get('method', 'equal_instalments')}-{k}" for k, case in enumerate(TABLE)],
)
def test_a_row_of_the_table_is_reproduced(
    terms: dict[str, Any],
    first: tuple[float, float],
    last: float | None,
    interest: float | None,
    nominal: float,
    effective: float,
) -> None:
    charges = terms.get("charges", [])
    plan = schedule(Loan(**{k: v for k, v in terms.items() if k != "charges"}), charges)
    assert plan.rows[0].principal_fen == round(first[0] * 100)
    assert plan.rows[0].interest_fen == round(first[1] * 100)
    if last is not None:
        assert plan.rows[-1].payment_fen == round(last * 100)
    if interest is not None:
        assert plan.interest_fen == round(interest * 100)
    assert round(100 * plan.cost.nominal, 4) == nominal
    assert round(100 * plan.cost.effective, 4) == effective


def test_with_a_guarantee_fee_the_instalment_is_what_is_really_due() -> None:
    fee = Charge(name="担保费", timing="each_instalment", amount_fen=5_000, payee="guarantor")
    plan = schedule(Loan(principal_fen=1_000_000, annual_rate=0.12, periods=12), [fee])
    assert plan.rows[0].payment_fen == 93_849
    assert plan.charges == ((fee, 60_000),)


# The flat fee of a period, percent of the original principal, that meets a cap exactly.
FLAT_AT_CAP = {
    ("nominal", 0.24): {3: 1.3421, 6: 1.1859, 12: 1.1226, 24: 1.1204, 36: 1.1455},
    ("nominal", 0.36): {3: 2.0197, 6: 1.7931, 12: 1.7129, 24: 1.7381, 36: 1.8026},
    ("effective", 0.24): {3: 1.2130, 6: 1.0709, 12: 1.0119, 24: 1.0066, 36: 1.0260},
    ("effective", 0.36): {3: 1.7451, 6: 1.5463, 12: 1.4718, 24: 1.4838, 36: 1.5304},
}


@pytest.mark.parametrize(("basis", "cap"), FLAT_AT_CAP)
def test_the_flat_fee_at_a_cap_is_that_of_the_table(basis: str, cap: float) -> None:
    for periods, percent in FLAT_AT_CAP[basis, cap].items():
        below, above = (
            schedule(
                Loan(
                    principal_fen=10**13,
                    periods=periods,
                    method="flat_fee",
                    flat_rate=round((percent + difference) / 100, 8),
                )
            ).cost
            for difference in (-0.00006, 0.00006)
        )
        assert getattr(below, basis) < cap < getattr(above, basis)

"""A feature whose expression is an optional is what it holds, or missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fenqi.engine import Engine

FIRST_SALARY = (
    "application.income_sources.filter(s, s.kind == IncomeKind.INCOME_KIND_SALARY_CREDITS)"
    ".map(s, s.monthly_amount_fen).first()"
)
SALARY = {"kind": "INCOME_KIND_SALARY_CREDITS", "monthly_amount_fen": 700_000}
RENT = {"kind": "INCOME_KIND_CAPITAL", "monthly_amount_fen": 90_000}


def engine(folder: Path, **keys: object) -> Engine:
    features = {
        "salary": {"expr": FIRST_SALARY, "meaning": "The first salary.", "type": "int", **keys},
        "twice": {"expr": "salary * 2", "meaning": "Arithmetic on it is typed.", "type": "int"},
        "incomes": {
            "expr": "application.income_sources.map(s, [s.monthly_amount_fen]).first()",
            "meaning": "An optional of a list.",
        },
    }
    path = folder / "policy.yaml"
    path.write_text(json.dumps({"policy": "p", "version": "1", "features": features}))
    return Engine.from_policy(path)


def test_it_is_the_content_where_there_is_one(tmp_path: Path) -> None:
    traced = engine(tmp_path).trace({"income_sources": [RENT, SALARY]})
    assert (traced["salary"], traced["twice"], traced["incomes"]) == (700_000, 1_400_000, [90_000])


def test_it_is_missing_and_no_error_where_there_is_none(tmp_path: Path) -> None:
    traced = engine(tmp_path).trace({"income_sources": [RENT]})
    assert (traced["salary"], traced["twice"]) == (None, None)
    assert engine(tmp_path).trace({})["incomes"] is None


@pytest.mark.parametrize(("sources", "expected"), [([SALARY], 700_000), ([], 5)])
def test_a_default_stands_in_for_it(
    tmp_path: Path, sources: list[dict[str, object]], expected: int
) -> None:
    assert engine(tmp_path, default=5).trace({"income_sources": sources})["salary"] == expected

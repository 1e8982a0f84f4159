"""The lending example of the DMN specification (dmn-tck 0004-lending): 8 tables and expressions.

FEEL's expressions are written in CEL; a power of whole exponent, which CEL does not have, is
multiplied from squares.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from fenqi.policy.tables.analysis import analyse
from fenqi.policy.tables.table import Input, Table
from fenqi.v1 import scoring_pb2
from tests.policy.decision_table_cases import to_table
from tests.policy.table_release import Fragment
from tests.policy.test_decision_table_conformance import FOLDER

FILE = FOLDER / "dmn_lending.json"

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"there is no {FILE}")

APPLICANT = {
    "age": "ApplicantData.Age",
    "existing": "ApplicantData.ExistingCustomer",
    "income": "ApplicantData.Monthly.Income",
    "expenses": "ApplicantData.Monthly.Expenses",
    "repayments": "ApplicantData.Monthly.Repayments",
    "marital": "ApplicantData.MaritalStatus",
    "employment": "ApplicantData.EmploymentStatus",
    "product": "RequestedProduct.ProductType",
    "amount": "RequestedProduct.Amount",
    "rate": "RequestedProduct.Rate",
    "term": "RequestedProduct.Term",
    "credit_score": "BureauData.CreditScore",
    "bankrupt": "BureauData.Bankrupt",
}


class Lending:
    """The example's logic as features and tables."""

    def __init__(self, source: Any) -> None:
        self.logic = {part["name"]: part for part in source["logic"]}
        self.fragment = Fragment()
        for name, path in APPLICANT.items():
            self.fragment.feature(name, _slot(name, _at(source["cases"][0]["input"], path)))

    def table(self, source: str, name: str, inputs: dict[str, str]) -> str:
        """Adds the table under a name of its own; gives the name of its result."""
        columns = self.logic[source]["table"]
        plain = to_table(columns)
        table = Table(
            name,
            plain.hit,
            tuple(Input(f"i{n}", column.type) for n, column in enumerate(plain.inputs, start=1)),
            plain.outputs,
            plain.rows,
            plain.aggregate,
        )
        given = [inputs[column["name"]] for column in columns["inputs"]]
        self.fragment.table(table, {f"i{n}": value for n, value in enumerate(given, start=1)})
        return f"tables.{name}.o1"

    def affordability(self, name: str, category: str) -> str:
        factor = self.table(
            "CreditContingencyFactorTable", f"{name}_factor", {"RiskCategory": category}
        )
        self.fragment.feature(name, f"(income - (expenses + repayments)) * {factor} > instalment")
        return name


def _at(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[step]
    return value


def _slot(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f'application.signals["{name}"] > 0.0'
    kind = "text_signals" if isinstance(value, str) else "signals"
    return f'application.{kind}["{name}"]'


def _build(source: Any) -> tuple[Fragment, dict[str, str]]:
    """The logic, and from each decision of the example to the name of its value."""
    lending = Lending(source)
    feature = lending.fragment.feature
    feature("monthly", "1.0 + rate / 12.0")
    feature("p0", "monthly")
    for bit in range(1, 10):
        feature(f"p{bit}", f"p{bit - 1} * p{bit - 1}")
    factors = [f"(int(term) / {2**bit} % 2 == 1 ? p{bit} : 1.0)" for bit in range(10)]
    feature("growth", " * ".join(factors))
    feature(
        "fee",
        'product == "STANDARD LOAN" ? 20.0 : product == "SPECIAL LOAN" ? 25.0 : '
        'application.signals["no_fee"]',
    )
    feature("instalment", "amount * rate / 12.0 / (1.0 - 1.0 / growth) + fee")
    score = lending.table(
        "ApplicationRiskScoreModel",
        "risk_score",
        {"Age": "age", "MaritalStatus": "marital", "EmploymentStatus": "employment"},
    )
    before = lending.table(
        "Pre-bureauRiskCategoryTable",
        "before",
        {"ExistingCustomer": "existing", "ApplicationRiskScore": score},
    )
    after = lending.table(
        "Post-bureauRiskCategoryTable",
        "after",
        {
            "ExistingCustomer": "existing",
            "ApplicationRiskScore": score,
            "CreditScore": "credit_score",
        },
    )
    call = lending.table("BureauCallTypeTable", "call", {"Pre-bureauRiskCategory": before})
    affordable_before = lending.affordability("affordable_before", before)
    affordable_after = lending.affordability("affordable_after", after)
    eligibility = lending.table(
        "EligibilityRules",
        "eligibility",
        {
            "Pre-bureauRiskCategory": before,
            "Pre-bureauAffordability": affordable_before,
            "Age": "age",
        },
    )
    strategy = lending.table(
        "Strategy", "strategy", {"Eligibility": eligibility, "BureauCallType": call}
    )
    routing = lending.table(
        "RoutingRules",
        "routing",
        {
            "Post-bureauRiskCategory": after,
            "Post-bureauAffordability": affordable_after,
            "Bankrupt": "bankrupt",
            "CreditScore": "credit_score",
        },
    )
    feature("adjudication", '"ACCEPT"')
    return lending.fragment, {
        "Adjudication": "adjudication",
        "ApplicationRiskScore": score,
        "Pre-bureauRiskCategory": before,
        "BureauCallType": call,
        "Post-bureauRiskCategory": after,
        "RequiredMonthlyInstallment": "instalment",
        "Pre-bureauAffordability": affordable_before,
        "Eligibility": eligibility,
        "Strategy": strategy,
        "Post-bureauAffordability": affordable_after,
        "Routing": routing,
    }


def test_the_lending_example_decides_as_its_authors_expect() -> None:
    source = json.loads(FILE.read_text(encoding="utf-8"))
    fragment, names = _build(source)
    for case in source["cases"]:
        request = scoring_pb2.ScoreRequest()
        for name, path in APPLICANT.items():
            value = _at(case["input"], path)
            if isinstance(value, str):
                request.application.text_signals[name] = value
            else:
                request.application.signals[name] = float(value)
        trace = fragment.trace(request)
        assert len(case["expected"]) == 11
        for decision, expected in case["expected"].items():
            if isinstance(expected, float):
                assert trace[names[decision]] == pytest.approx(expected, rel=1e-12)
            else:
                assert trace[names[decision]] == expected, decision


def test_the_example_has_a_gap_at_a_score_of_130() -> None:
    source = json.loads(FILE.read_text(encoding="utf-8"))
    (table,) = (p["table"] for p in source["logic"] if p["name"] == "Pre-bureauRiskCategoryTable")
    assert [str(gap) for gap in analyse(to_table(table)).gaps] == ["i1 = false, i2 = 130"]

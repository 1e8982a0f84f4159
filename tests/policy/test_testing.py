"""Example applicants: what differs is named with its grounds; coverage tells what nobody did."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from fenqi.policy.compiler import compile_document
from fenqi.policy.coverage import Coverage, coverage_of
from fenqi.policy.document import read_document
from fenqi.policy.schema import PolicyTest
from fenqi.policy.testing import TestResult, run_tests
from fenqi.policy.trace import Tracer

POLICY = Path(__file__).parents[1] / "data" / "small_loan.yaml"
CONSENT = [{"source": "DATA_SOURCE_BUREAU", "granted": True}]


@cache
def tracer() -> Tracer:
    document = read_document(POLICY)
    return Tracer(document, compile_document(document))


def results(*tests: dict[str, Any]) -> list[TestResult]:
    document = tracer().document
    parsed = [PolicyTest.model_validate({"name": "test", **test}) for test in tests]
    policy = document.policy.model_copy(update={"tests": parsed})
    changed = type(document)(
        policy, document.pack, document.origins, document.files, document.places
    )
    return run_tests(changed, tracer())


def differences(expect: dict[str, Any], **test: Any) -> list[str]:
    (result,) = results({"application": applicant(), "expect": expect, **test})
    return [str(mismatch) for mismatch in result.mismatches]


def applicant(amount: int = 700000, age: int = 22, inquiries: int = 5) -> dict[str, Any]:
    return {
        "loan": {"amount_fen": amount},
        "identity": {"age_years": age},
        "bureau": {"inquiries_3m": inquiries},
        "channel": "CHANNEL_H5",
        "consents": CONSENT,
    }


def coverage(*tests: dict[str, Any]) -> Coverage:
    ran = results(*({"expect": {}, **test} for test in tests))
    return coverage_of(tracer().document, tracer(), ran)


def test_the_policys_own_tests_pass() -> None:
    ran = run_tests(tracer().document, tracer())
    assert [str(m) for result in ran for m in result.mismatches] == []
    assert len(ran) == 3


def test_what_came_out_as_named_is_silent() -> None:
    expect = {
        "decision": "decline",
        "segment": "small",
        "score": 540,
        "probability_of_default": [0.1, 0.2],
        "hits": ["NIGHT", "LIMIT"],
        "reasons": ["R_AGE", "R_SEEKING"],
        "amount_cap_fen": 500000,
        "explored": False,
        "withheld": [],
        "features": {"inquiries": 5, "burden": 1},
        "tables": {"limit.row": 2, "limit.most_fen": 500000},
    }
    assert differences(expect) == []


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"decision": "approve"}, "decision: expected approve, got decline"),
        ({"segment": "other"}, "segment: expected other, got small"),
        ({"segment": ""}, "segment: expected none, got small"),
        ({"score": 541}, "score: expected 541, got 540"),
        ({"score": None}, "score: expected none, got 540"),
        ({"score": [541, 560]}, "score: expected 541 to 560, got 540"),
        ({"hits": ["LIMIT"]}, "hits: expected LIMIT, got LIMIT, NIGHT"),
        ({"hits": []}, "hits: expected none, got LIMIT, NIGHT"),
        ({"reasons": []}, "reasons: expected none, got R_AGE, R_SEEKING"),
        ({"amount_cap_fen": None}, "amount_cap_fen: expected none, got 500000"),
        ({"amount_cap_fen": 1}, "amount_cap_fen: expected 1, got 500000"),
        ({"explored": True}, "explored: expected true, got false"),
        ({"withheld": ["bureau"]}, "withheld: expected bureau, got none"),
        ({"features": {"inquiries": None}}, "features.inquiries: expected missing, got 5"),
        ({"features": {"burden": True}}, "features.burden: expected true, got 1"),
        (
            {"features": {"inquirys": 5}},
            "features.inquirys: expected 5, got no such feature; did you mean `inquiries`?",
        ),
        ({"tables": {"limit.row": 1}}, "tables.limit.row: expected 1, got 2"),
        (
            {"tables": {"limit.most": 1}},
            "tables.limit.most: expected 1, got no such output; did you mean `limit.most_fen`?",
        ),
    ],
)
def test_what_came_out_otherwise_is_named(expect: dict[str, Any], message: str) -> None:
    assert differences(expect) == [message]


def test_a_rule_that_did_not_fire_is_told_with_what_it_read() -> None:
    without = {
        "application": applicant() | {"consents": []},
        "expect": {"hits": ["SEEKING_CREDIT"]},
    }
    ((mismatch,),) = [result.mismatches for result in results(without)]
    assert (
        "SEEKING_CREDIT did not fire: its condition is missing; it read amount = 700000, "
        in (mismatch.because[0])
    )
    assert "inquiries = missing" in mismatch.because[0]
    assert any(line.startswith("NIGHT fired: its condition is true") for line in mismatch.because)


def test_an_unknown_rule_is_told_with_the_nearest() -> None:
    ((mismatch,),) = [
        result.mismatches
        for result in results({"application": applicant(), "expect": {"hits": ["NIHGT", "LIMIT"]}})
    ]
    assert "there is no rule NIHGT; did you mean `NIGHT`?" in mismatch.because


def test_a_rule_is_not_asked_at_another_stage() -> None:
    assert differences({"hits": ["LIMIT"]}, stage="drawdown") == []


def test_a_table_that_said_otherwise_tells_which_rows_did_not_hold() -> None:
    ((mismatch,),) = [
        result.mismatches
        for result in results({"application": applicant(), "expect": {"tables": {"limit.row": 1}}})
    ]
    assert mismatch.because == (
        "row 1 does not hold: age is 22, the row asks >= 60",
        "row 2 holds",
    )


def test_an_application_that_does_not_fit_the_contract_fails_its_test_alone() -> None:
    first, second = results(
        {"application": {"loan": {"amount": 5}}, "expect": {}},
        {"application": applicant(), "expect": {}},
    )
    assert not first.passed and 'no field named "amount"' in str(first.mismatches[0])
    assert second.passed


def test_coverage_counts_what_each_rule_was() -> None:
    found = coverage(
        {"application": applicant(inquiries=7)},
        {"application": applicant(inquiries=7), "stage": "drawdown"},
        {"application": {}},
    )
    assert found.rules["SEEKING_CREDIT"].fired == 2
    assert found.rules["SEEKING_CREDIT"].outcomes == {"true": 2, "missing": 1}
    assert found.rules["NIGHT"].outcomes == {"true": 1, "not asked": 1, "missing": 1}


def test_coverage_tells_which_way_no_condition_ever_went() -> None:
    found = coverage({"application": applicant(amount=50000, inquiries=7)})
    never = {one.what for one in found.uncovered if one.part == "branch"}
    assert "rule SEEKING_CREDIT: `inquiries > 6` is never false" in never
    assert "rule SEEKING_CREDIT: `inquiries > 6` is never true" not in never
    assert "rule SEEKING_CREDIT: `amount > 100000` is never true" in never
    # Not reached by `?:`, but known all the same.
    assert "feature burden: `inquiries > 3` is never false" in never


def test_coverage_tells_rows_segments_and_bins_that_nobody_was_in() -> None:
    found = coverage({"application": applicant(age=70)}, {"application": applicant(age=30)})
    said = {one.what: one.part for one in found.uncovered}
    assert said["table limit: row 2 never counts"] == "row"
    assert "table limit: row 1 never counts" not in said
    assert said["nobody is in other"] == "segment"
    assert said["scorecard card: nobody's age is in the bin `below 25`"] == "bin"
    assert found.totals["rows"] == (2, 3)
    assert found.totals["segments"] == (1, 2)
    assert found.totals["bins"] == (3, 7)


def test_what_is_not_covered_stands_where_it_is_written() -> None:
    lines = POLICY.read_text(encoding="utf-8").splitlines()
    for one in coverage({"application": applicant()}).uncovered:
        if one.part == "branch":
            text = one.what.split("`")[1]
            written = lines[one.position.line - 1][one.position.column - 1 :]
            assert written.startswith(text.split(" ")[0])


def test_everything_seen_is_a_coverage_of_one() -> None:
    ages, inquiries, amounts = (17, 22, 30, 45, 70), (0, 4, 7), (90000, 700000, 6000000)
    tests = [
        {"application": applicant(amount, age, asked) | {"channel": channel}}
        for amount in amounts
        for age in ages
        for asked in inquiries
        for channel in ("CHANNEL_H5", "CHANNEL_APP")
    ]
    found = coverage(*tests, {"application": {}})
    assert [one.what for one in found.uncovered] == []
    assert found.share == 1.0


def drawdown_of(**test: Any) -> list[str]:
    document = read_document(POLICY.with_name("drawdown.yaml"))
    application = {"customer_key": "c", "loan": {"amount_fen": 700000, "term_months": 12}}
    parsed = PolicyTest.model_validate(
        {
            "name": "test",
            "application": application,
            "stage": "drawdown",
            "at": "2026-09-15T10:00:00+08:00",
            **test,
        }
    )
    policy = document.policy.model_copy(update={"tests": [parsed]})
    changed = type(document)(
        policy, document.pack, document.origins, document.files, document.places
    )
    (result,) = run_tests(changed, Tracer(changed, compile_document(changed)))
    return [str(mismatch) for mismatch in result.mismatches]


def test_a_drawdown_in_a_test_is_refused_unless_it_says_that_it_was_acknowledged() -> None:
    refused = {"decision": "decline", "hits": ["NO_ACKNOWLEDGEMENT"]}
    assert drawdown_of(expect=refused) == []
    assert drawdown_of(expect={"decision": "approve", "hits": []}, acknowledged=True) == []

"""Consent: what rests on a source without it is missing, and the answer says so (R13, R27)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fenqi.engine import Engine
from fenqi.v1 import application_pb2
from tests.policy.decisions import compiled, engine, feature, problems, rule, signal

BUREAU = application_pb2.DATA_SOURCE_BUREAU
REQUIRED = {"bureau": {"consent": "required"}}
FILE = {"file_age_months": 12, "accounts": [{"days_past_due": 40}, {"days_past_due": 0}]}


def consent(source: int, granted: bool | None = True) -> dict[str, Any]:
    return {"source": source} if granted is None else {"source": source, "granted": granted}


def traced(folder: Path, features: dict[str, Any], sources: dict[str, Any]) -> Engine:
    return engine(folder, features=features, sources=sources)


FEATURES = {
    "age": feature("application.bureau.file_age_months"),
    "has_age": feature("has(application.bureau.file_age_months)"),
    "has_bureau": feature("has(application.bureau)"),
    "count": feature("size(application.bureau.accounts)"),
    "first": feature("application.bureau.accounts[0].days_past_due"),
    "late": feature("application.bureau.accounts.exists(a, a.days_past_due > 30)"),
    "late_count": feature("application.bureau.accounts.filter(a, a.days_past_due > 30).size()"),
    "optional": feature("application.?bureau.?file_age_months.orValue(-1)"),
    "bound": feature("cel.bind(b, application.bureau, b.file_age_months)"),
    "listed": feature("[application.bureau][0].file_age_months"),
    "other": feature("application.identity.age_years"),
}


@pytest.mark.parametrize(
    ("consents", "allowed"),
    [
        ([], False),
        ([consent(BUREAU)], True),
        ([consent(BUREAU, False)], False),
        ([consent(BUREAU, None)], False),
        ([consent(application_pb2.DATA_SOURCE_DEVICE)], False),
        ([consent(BUREAU, False), consent(BUREAU)], True),
        ([consent(99), consent(BUREAU)], True),
    ],
)
def test_a_source_without_consent_is_missing_by_every_way_to_it(
    consents: list[dict[str, Any]], allowed: bool, tmp_path: Path
) -> None:
    answers = traced(tmp_path, FEATURES, REQUIRED)
    application = {"bureau": FILE, "identity": {"age_years": 30}, "consents": consents}
    trace = answers.trace(application)
    if allowed:
        assert trace == {
            "age": 12,
            "has_age": True,
            "has_bureau": True,
            "count": 2,
            "first": 40,
            "late": True,
            "late_count": 1,
            "optional": 12,
            "bound": 12,
            "listed": 12,
            "other": 30,
        }
    else:
        assert trace == {
            "age": None,
            "has_age": False,
            "has_bureau": False,
            "count": None,
            "first": None,
            "late": None,
            "late_count": None,
            "optional": None,
            "bound": None,
            "listed": None,
            "other": 30,
        }
    withheld = list(answers.score(application).withheld_sources)
    assert withheld == ([] if allowed else [BUREAU])


def test_a_declared_source_gates_the_whole_feature(tmp_path: Path) -> None:
    sources = {
        "payroll": {"consent": "required", "data_source": "bank_statements"},
        "registry": {"consent": "not_needed", "data_source": "public_funds"},
    }
    features = {
        "salary": feature(signal("salary"), source="payroll"),
        "filled": feature(signal("salary"), source="payroll", default=0.0),
        "tax": feature(signal("tax"), source="registry"),
        "both": feature(f"{signal('tax')} + salary", source=["registry", "payroll"]),
    }
    answers = traced(tmp_path, features, sources)
    application: dict[str, Any] = {"signals": {"salary": 10.0, "tax": 5.0}}
    assert answers.trace(application) == {"salary": None, "filled": 0.0, "tax": 5.0, "both": None}
    statements = application_pb2.DATA_SOURCE_BANK_STATEMENTS
    assert list(answers.score(application).withheld_sources) == [statements]
    application["consents"] = [consent(statements)]
    assert answers.trace(application) == {"salary": 10.0, "filled": 10.0, "tax": 5.0, "both": 15.0}


def test_withheld_data_lowers_the_coverage_and_is_never_zero(tmp_path: Path) -> None:
    answers = engine(
        tmp_path,
        sources=REQUIRED,
        rules=[rule("NEW", "application.bureau.file_age_months < 6", "decline", on_error="flag")],
    )
    application: dict[str, Any] = {"bureau": {"file_age_months": 1}}
    answer = answers.score(application)
    assert (len(answer.rule_hits), answer.data_coverage) == (1, 0.0)
    application["consents"] = [consent(BUREAU)]
    assert answers.score(application).data_coverage == 1.0


def test_a_source_that_needs_no_consent_is_not_gated(tmp_path: Path) -> None:
    for sources in ({}, {"bureau": {"consent": "not_needed"}}):
        answers = traced(tmp_path, FEATURES, sources)
        assert answers.trace({"bureau": FILE})["late_count"] == 1
        assert not answers.score({"bureau": FILE}).withheld_sources


def test_only_sources_that_are_read_are_withheld(tmp_path: Path) -> None:
    sources = {**REQUIRED, "device": {"consent": "required"}}
    answers = traced(tmp_path, {"rooted": feature("application.device.rooted")}, sources)
    assert list(answers.score({}).withheld_sources) == [application_pb2.DATA_SOURCE_DEVICE]


def test_the_compiled_policy_knows_its_sources(tmp_path: Path) -> None:
    policy = compiled(tmp_path, features=FEATURES, sources=REQUIRED)
    assert policy.sources == {"bureau", "identity"}
    assert policy.gated_sources == {"bureau"}


def test_a_source_must_be_one_of_the_contracts(tmp_path: Path) -> None:
    said = problems(tmp_path, sources={"payroll": {"consent": "required"}})
    assert "payroll: say with `data_source` which of the contract's sources it is" in said

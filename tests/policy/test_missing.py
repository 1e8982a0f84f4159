"""Missing is never zero, and never passes for an answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fenqi.engine import Engine
from fenqi.v1 import scoring_pb2
from tests.policy.evaluation import Failed, by_core

INT = "application.bureau.inquiries_1m"
DOUBLE = 'application.signals["x"]'
TEXT = 'application.text_signals["s"]'
BOOL = "application.device.rooted"

EMPTY = scoring_pb2.ScoreRequest()

STRICT = [
    f"{INT} + 1",
    f"1 - {INT}",
    f"{INT} * 0",
    f"{INT} / 1",
    f"{INT} % 2",
    f"-{INT}",
    f"{DOUBLE} + 1.0",
    f"{DOUBLE} * 0.0",
    f"{INT} == 0",
    f"{INT} != 0",
    f"{INT} < 1",
    f"{INT} >= 0",
    f"{DOUBLE} <= 0.0",
    f'{TEXT} == ""',
    f'{TEXT} + "a"',
    f"size({TEXT})",
    f'{TEXT}.contains("")',
    f"{TEXT}.trim()",
    f"{INT} in [0, 1]",
    f'{TEXT} in [""]',
    f"int({DOUBLE})",
    f"double({INT})",
    f"string({INT})",
    f"math.greatest({INT}, 5)",
    f"math.abs({DOUBLE})",
    f"!{BOOL}",
    f"{BOOL} ? 1 : 2",
    f"{BOOL} && true",
    f"{BOOL} || false",
    "1 / 0 == 1 && " + BOOL,  # missing goes before an error
]

KNOWN = [
    (f"{BOOL} && false", False),
    (f"false && {BOOL}", False),
    (f"{BOOL} || true", True),
    (f"true || {BOOL}", True),
    (f"true ? 1 : {INT}", 1),
    (f"false ? {INT} : 2", 2),
    (f"has({INT})", False),
    ("has(application.bureau)", False),
    ("has(application.income_sources)", False),
    ("has(application.signals.x)", False),
    ('"x" in application.signals', False),
    (f"has({INT}) && {INT} > 3", False),
    ("size(application.income_sources)", None),
    ("application.income_sources[3].monthly_amount_fen", None),
    ("application.channel == Channel.CHANNEL_APP", None),
    ("has(application.channel)", False),
    ('application.customer_key == ""', None),
    ("has(application.customer_key)", False),
]


@pytest.mark.parametrize("expression", STRICT)
def test_every_operation_passes_missing_on(expression: str) -> None:
    assert by_core([expression], EMPTY) == [None]


@pytest.mark.parametrize(("expression", "value"), KNOWN)
def test_what_does_not_need_the_missing_value_is_known(expression: str, value: object) -> None:
    assert by_core([expression], EMPTY) == [value]


def test_zero_is_a_value_and_not_missing() -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.bureau.inquiries_1m = 0
    request.application.signals["x"] = 0.0
    request.application.text_signals["s"] = ""
    request.application.device.rooted = False
    found = by_core([f"{INT} + 1", f"{DOUBLE} + 1.0", f"size({TEXT})", f"has({BOOL})"], request)
    assert found == [1, 1.0, 0, True]


def test_the_length_of_a_list_is_known_where_its_message_is_there() -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.SetInParent()
    sizes = ["size(application.income_sources)", "size(application.bureau.accounts)"]
    assert by_core(sizes, request) == [0, None]
    request.application.bureau.SetInParent()
    request.application.income_sources.add()
    assert by_core(sizes, request) == [1, 0]


def test_an_index_beyond_the_list_is_missing() -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.income_sources.add(monthly_amount_fen=5)
    amounts = [f"application.income_sources[{k}].monthly_amount_fen" for k in (0, 1, 1000)]
    assert by_core(amounts, request) == [5, None, None]


def policy(rules: list[dict[str, object]], folder: Path, **more: object) -> Path:
    reasons = {"R": {"en": "Because.", "zh": "因为。"}}
    whole = {"policy": "t", "version": "1", "rules": rules, "reasons": reasons, **more}
    path = folder / "policy.yaml"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def rule(**parts: object) -> dict[str, object]:
    return {"id": "R1", "then": "decline", "reason": "R", "meaning": "test", **parts}


@pytest.mark.parametrize(
    ("on_error", "decision"),
    [
        (None, scoring_pb2.DECISION_REFER),
        ("refer", scoring_pb2.DECISION_REFER),
        ("decline", scoring_pb2.DECISION_DECLINE),
        ("flag", scoring_pb2.DECISION_APPROVE),
        ("skip", scoring_pb2.DECISION_APPROVE),
    ],
)
@pytest.mark.parametrize(
    ("when", "cause"),
    [
        (f"{INT} > 3", scoring_pb2.RULE_CAUSE_MISSING),
        ("1 / (size('') * 1) > 3", scoring_pb2.RULE_CAUSE_ERROR),
    ],
)
def test_a_rule_that_cannot_be_known_does_what_on_error_says(
    when: str, cause: int, on_error: str | None, decision: int, tmp_path: Path
) -> None:
    parts = {"when": when} if on_error is None else {"when": when, "on_error": on_error}
    answer = Engine.from_policy(policy([rule(**parts)], tmp_path)).score(EMPTY)
    assert answer.decision == decision
    if on_error == "skip":
        assert not answer.rule_hits
    else:
        assert [hit.cause for hit in answer.rule_hits] == [cause]
        assert "policy.yaml:" in answer.rule_hits[0].detail


def test_a_rule_that_cannot_be_known_gives_its_reason(tmp_path: Path) -> None:
    answer = Engine.from_policy(policy([rule(when=f"{INT} > 3")], tmp_path)).score(EMPTY)
    assert [reason.code for reason in answer.reasons] == ["R"]


def test_a_default_stands_in_for_missing_and_for_nothing_else(tmp_path: Path) -> None:
    features = {
        "inquiries": {"expr": INT, "meaning": "x", "default": 7},
        "failing": {"expr": "1 / (size('') * 1)", "meaning": "x", "default": 7},
    }
    rules = [rule(when="inquiries + failing > 0", then="flag", on_error="flag")]
    engine = Engine.from_policy(policy(rules, tmp_path, features=features))
    trace = engine.trace(EMPTY)
    assert trace["inquiries"] == 7
    assert isinstance(trace["failing"], ValueError)
    assert by_core(["1 / (size('') * 1)"], EMPTY) == [Failed()]


def test_a_rule_holds_only_at_its_stages(tmp_path: Path) -> None:
    engine = Engine.from_policy(policy([rule(when="true", stage=["drawdown"])], tmp_path))
    for stage in (scoring_pb2.STAGE_UNSPECIFIED, scoring_pb2.STAGE_PRESCREEN):
        answer = engine.score(scoring_pb2.ScoreRequest(stage=stage))
        assert answer.decision == scoring_pb2.DECISION_APPROVE
    drawdown = engine.score(scoring_pb2.ScoreRequest(stage=scoring_pb2.STAGE_DRAWDOWN))
    assert drawdown.decision == scoring_pb2.DECISION_DECLINE


def test_all_hits_are_reported_and_the_gravest_decides(tmp_path: Path) -> None:
    rules = [
        rule(id="A", when="true", then="flag", reason=None),
        rule(id="B", when="true", then="refer"),
        rule(id="C", when="false", then="decline"),
        rule(id="D", when="true", then="decline"),
    ]
    answer = Engine.from_policy(policy(rules, tmp_path)).score(EMPTY)
    assert [hit.rule_id for hit in answer.rule_hits] == ["A", "B", "D"]
    assert answer.decision == scoring_pb2.DECISION_DECLINE

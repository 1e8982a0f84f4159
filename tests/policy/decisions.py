"""Policies as dictionaries, and what the core answers by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fenqi.engine import Engine
from fenqi.policy import CompiledPolicy, PolicyError, compile_policy
from fenqi.v1 import scoring_pb2

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
APPROVE = scoring_pb2.DECISION_APPROVE
COUNTER_OFFER = scoring_pb2.DECISION_COUNTER_OFFER
REFER = scoring_pb2.DECISION_REFER
DECLINE = scoring_pb2.DECISION_DECLINE
REASONS = {code: {"en": code, "zh": code} for code in ("R_A", "R_B", "R_C", "R_D", "R_E", "R_F")}


def write(folder: Path, **parts: Any) -> Path:
    """A policy file with these parts."""
    path = folder / "policy.yaml"
    whole = {"policy": "t", "version": "1", "reasons": REASONS, **parts}
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")
    return path


def compiled(folder: Path, **parts: Any) -> CompiledPolicy:
    """The policy with these parts, compiled."""
    return compile_policy(write(folder, **parts), MODELS)


def engine(folder: Path, **parts: Any) -> Engine:
    """An engine that answers by the policy with these parts."""
    return Engine.from_policy(write(folder, **parts), MODELS)


def problems(folder: Path, **parts: Any) -> str:
    """What is wrong with the policy, or nothing."""
    try:
        compiled(folder, **parts)
    except PolicyError as error:
        return str(error)
    return ""


def rule(id: str, when: str, then: str, **more: Any) -> dict[str, Any]:
    """A rule with what every rule needs."""
    reason = {} if then == "flag" else {"reason": "R_A"}
    return {"id": id, "when": when, "then": then, "meaning": "test", **reason, **more}


def feature(expression: str, **more: Any) -> dict[str, Any]:
    """A feature."""
    return {"expr": expression, "meaning": "test", **more}


def signal(name: str) -> str:
    """An expression for a number that the caller sends."""
    return f"application.signals['{name}']"


def card(
    base: float = 0.0, reference: str = "at_cutoff", **attributes: dict[str, Any]
) -> dict[str, Any]:
    """A scorecard of 600 at 50 : 1 and 20 points to double the odds."""
    return {
        "meaning": "test",
        "base_score": 600,
        "base_odds": 50,
        "points_to_double_odds": 20,
        "base_points": base,
        "reference": reference,
        "attributes": attributes,
    }


def plain_card() -> dict[str, Any]:
    """A scorecard whose score is the signal `s`, in steps of one from 400 to 700."""
    bins: list[dict[str, Any]] = [{"below": i + 1, "points": i} for i in range(400, 700)]
    attribute = {"expr": signal("s"), "reference_points": 650, "reason": "R_F", "bins": bins}
    return card(s=attribute)


def codes(answer: scoring_pb2.ScoreResponse) -> list[str]:
    """The reasons of an answer."""
    return [reason.code for reason in answer.reasons]


def hits(answer: scoring_pb2.ScoreResponse) -> list[str]:
    """The rules that fired."""
    return [hit.rule_id for hit in answer.rule_hits]

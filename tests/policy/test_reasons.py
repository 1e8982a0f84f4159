"""Reasons: from what failed, adverse only, at most four, groups as one, in a fixed order (3.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.engine import Engine
from tests.policy.decisions import DECLINE, REFER, card, codes, engine, problems, rule, signal

NAMES = "abcdef"
LIMITS = {"approve_from": 0, "refer_from": -1000}


def losing(reasons: dict[str, dict[str, Any]], limits: dict[str, Any] = LIMITS) -> dict[str, Any]:
    """A scorecard on which each attribute gives away the signal of its name: n whole points."""
    bins = [{"below": -n + 0.5, "points": -n} for n in range(60, -60, -1)]
    attributes = {
        name: {
            # The signal is the loss, negative for a gain.
            "expr": f"0.0 - {signal(name)}",
            "reference_points": 0,
            "reason": f"R_{name.upper()}",
            "bins": [*bins, {"points": 60}],
        }
        for name in NAMES
    }
    texts = {f"R_{name.upper()}": {"en": "e", "zh": "z", **reasons.get(name, {})} for name in NAMES}
    return {"scorecards": {"card": card(**attributes)}, "reasons": texts, "cutoffs": limits}


def lost(**points: float) -> dict[str, Any]:
    return {"signals": {**dict.fromkeys(NAMES, 0.0), **points}}


def test_the_largest_losses_come_first_and_gains_never(tmp_path: Path) -> None:
    answers = engine(tmp_path, **losing({}))
    answer = answers.score(lost(a=3.0, b=9.0, c=-20.0, d=5.0, e=5.0, f=1.0))
    assert answer.score == -3.0
    assert codes(answer) == ["R_B", "R_D", "R_E", "R_A"]


def test_ties_go_by_priority_and_then_by_the_catalogue(tmp_path: Path) -> None:
    answers = engine(tmp_path, **losing({"e": {"priority": 2}, "c": {"priority": 1}}))
    assert codes(answers.score(lost(**dict.fromkeys(NAMES, 4.0)))) == ["R_E", "R_C", "R_A", "R_B"]


def test_a_group_is_added_up_and_named_by_its_largest(tmp_path: Path) -> None:
    answers = engine(tmp_path, **losing({"a": {"group": "g"}, "c": {"group": "g"}}))
    answer = answers.score(lost(a=4.0, b=6.0, c=5.0))
    assert codes(answer) == ["R_C", "R_B"]


def test_a_rule_that_asked_for_the_decision_is_named_before_the_score(tmp_path: Path) -> None:
    rules = [
        rule("NO", "application.device.emulator", "decline", reason="R_F", on_error="skip"),
        rule("ASK", "application.device.rooted", "refer", reason="R_E", on_error="skip"),
    ]
    answers = engine(tmp_path, **losing({}), rules=rules)
    application = lost(a=8.0)
    application["device"] = {"emulator": True, "rooted": True}
    answer = answers.score(application)
    # The cut-offs alone refer, so the score is no reason for a decline (comment 7).
    assert (answer.decision, codes(answer)) == (DECLINE, ["R_F"])
    application["device"] = {"rooted": True}
    answer = answers.score(application)
    assert (answer.decision, codes(answer)) == (REFER, ["R_E", "R_A"])
    application["device"] = {}
    assert codes(answers.score(application)) == ["R_A"]


def test_a_reason_of_a_group_that_a_rule_named_is_not_given_again(tmp_path: Path) -> None:
    rules = [rule("ASK", "application.device.rooted", "refer", reason="R_B", on_error="skip")]
    grouped = losing({"a": {"group": "g"}, "b": {"group": "g"}})
    answers = engine(tmp_path, **grouped, rules=rules)
    application = lost(a=8.0, c=1.0)
    application["device"] = {"rooted": True}
    assert codes(answers.score(application)) == ["R_B", "R_C"]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    reasons = {"b": {"group": "g", "priority": 1}, "d": {"group": "g"}, "f": {"priority": 3}}
    return engine(tmp_path_factory.mktemp("reasons"), **losing(reasons))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=6, max_size=6))
def test_reasons_keep_their_promises(grouped: Engine, losses: list[int]) -> None:
    application = lost(**{name: float(n) for name, n in zip(NAMES, losses, strict=True)})
    answer = grouped.score(application)
    given_reasons = codes(answer)
    assert answer.score == -sum(losses)  # additivity: reference less what was lost
    assert grouped.score(application) == answer
    if answer.score >= 0:
        assert given_reasons == []
        return
    parts = {f"R_{name.upper()}": max(n, 0) for name, n in zip(NAMES, losses, strict=True)}
    group = {"R_B": "g", "R_D": "g"}
    totals: dict[str, int] = {}
    for code, part in parts.items():
        totals[group.get(code, code)] = totals.get(group.get(code, code), 0) + part
    priority = {"R_F": 3, "R_B": 1}
    named = [
        code
        for code, part in parts.items()
        if part > 0
        and not (
            code in group
            and any(
                (parts[o], priority.get(o, 0), -ord(o[-1]))
                > (part, priority.get(code, 0), -ord(code[-1]))
                for o in group
            )
        )
    ]
    expected = sorted(named, key=lambda c: (-totals[group.get(c, c)], -priority.get(c, 0), c))[:4]
    assert given_reasons == expected


def test_every_reason_has_a_text_in_both_languages(tmp_path: Path) -> None:
    assert "the reason R_NONE has no text" in problems(
        tmp_path, rules=[rule("R", "true", "refer", reason="R_NONE")]
    )
    parts = losing({})
    parts["scorecards"]["card"]["attributes"]["a"]["reason"] = "R_NONE"
    assert "R_NONE" in problems(tmp_path, **parts)
    parts = losing({})
    del parts["reasons"]["R_A"]["zh"]
    assert "zh" in problems(tmp_path, **parts)

"""Cut-offs, sub-limits, and exploration below them: rate, budget, stickiness, propensity (3.4)."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.engine import Engine
from tests.policy.decisions import (
    APPROVE,
    COUNTER_OFFER,
    DECLINE,
    REFER,
    codes,
    engine,
    hits,
    plain_card,
    problems,
    rule,
    signal,
)

BAND = {
    "approve_from": 600,
    "refer_from": 560,
    "explore_rate": 0.3,
    "explore_budget": 10**9,
    "explore_from": 520,
    "explore_amount_fen": 100_000,
    "explore_salt": "salt",
}


def by_card(folder: Path, cutoffs: dict[str, Any], **more: Any) -> Engine:
    return engine(folder, scorecards={"card": plain_card()}, cutoffs=cutoffs, **more)


def asked(score: float, customer: str = "c", amount: int | None = 50_000) -> dict[str, Any]:
    loan = {} if amount is None else {"amount_fen": amount}
    return {"signals": {"s": score}, "customer_key": customer, "loan": loan}


def bucket(salt: str, customer: str) -> int:
    digest = hashlib.sha256(f"{salt}:{customer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 10_000


def probability(score: float) -> float:
    return 1 / (1 + math.exp((score - 487.12287638904) / 28.853900817779268))


def test_an_approval_of_more_than_the_sub_limit_goes_to_a_person(tmp_path: Path) -> None:
    answers = by_card(
        tmp_path, {"approve_from": 600, "refer_from": 550, "refer_above_fen": 100_000}
    )
    assert answers.score(asked(650, amount=100_000)).decision == APPROVE
    for amount in (100_001, None):
        answer = answers.score(asked(650, amount=amount))
        assert (answer.decision, hits(answer)) == (REFER, ["ABOVE_SUB_LIMIT"])
        assert codes(answer) == []  # the score did not fail
    assert hits(answers.score(asked(500))) == []


def test_the_sub_limit_gives_its_own_reason(tmp_path: Path) -> None:
    answers = by_card(
        tmp_path,
        {
            "approve_from": 600,
            "refer_from": 550,
            "refer_above_fen": 100_000,
            "refer_above_reason": "R_A",
        },
    )
    answer = answers.score(asked(650, amount=100_001))
    assert (answer.decision, codes(answer)) == (REFER, ["R_A"])
    assert answer.rule_hits[0].reason_code == "R_A"


def test_without_a_policy_that_explores_there_is_no_propensity(tmp_path: Path) -> None:
    answers = by_card(tmp_path, {"approve_from": 600, "refer_from": 550})
    assert not answers.score(asked(650)).HasField("propensity")


def test_the_band_is_explored_by_a_hash_of_the_customer(tmp_path: Path) -> None:
    answers = by_card(tmp_path, BAND)
    for number in range(300):
        customer = f"customer-{number}"
        drawn = bucket("salt", customer) < 3_000
        for score in (521, 599):
            answer = answers.score(asked(score, customer))
            alone = REFER if score >= 560 else DECLINE
            assert answer.explored == drawn
            assert answer.decision == (APPROVE if drawn else alone)
            assert answer.propensity == 0.3
            assert answer.HasField("amount_cap_fen") == drawn


def test_outside_of_the_band_chance_has_no_say(tmp_path: Path) -> None:
    answers = by_card(tmp_path, {**BAND, "explore_rate": 1.0})
    for score, decision, propensity in [(600, APPROVE, 1.0), (519, DECLINE, 0.0)]:
        answer = answers.score(asked(score))
        assert (answer.decision, answer.propensity) == (decision, propensity)
        assert not answer.explored and not answer.HasField("amount_cap_fen")


def test_an_explored_approval_lends_little(tmp_path: Path) -> None:
    answers = by_card(
        tmp_path,
        {**BAND, "explore_rate": 1.0},
        rules=[rule("CAP", f"{signal('x')} > 0.0", "cap", cap_fen=30_000, on_error="skip")],
    )
    within, above = answers.score(asked(550)), answers.score(asked(550, amount=100_001))
    assert (within.decision, within.amount_cap_fen) == (APPROVE, 100_000)
    assert (above.decision, above.amount_cap_fen) == (COUNTER_OFFER, 100_000)
    assert codes(above) == ["R_F"]  # the score's reasons: without it more were lent
    application = asked(550)
    application["signals"]["x"] = 1.0
    capped = answers.score(application)
    assert (capped.decision, capped.amount_cap_fen, codes(capped)) == (
        COUNTER_OFFER,
        30_000,
        ["R_A"],
    )


@pytest.mark.parametrize("then", ["refer", "decline"])
def test_a_rule_that_fires_ends_exploration(then: str, tmp_path: Path) -> None:
    answers = by_card(tmp_path, {**BAND, "explore_rate": 1.0}, rules=[rule("R", "true", then)])
    for score, alone in [(550, DECLINE), (570, REFER), (650, APPROVE)]:
        answer = answers.score(asked(score))
        assert not answer.explored and answer.propensity == 0.0
        assert answer.decision == max(alone, REFER if then == "refer" else DECLINE)


def test_nobody_is_explored_without_a_key(tmp_path: Path) -> None:
    answers = by_card(tmp_path, {**BAND, "explore_rate": 1.0})
    answer = answers.score(asked(550, customer=""))
    assert (answer.explored, answer.propensity, answer.decision) == (False, 0.0, DECLINE)


def test_another_salt_draws_other_people(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = by_card(tmp_path / "a", BAND)
    other = by_card(tmp_path / "b", {**BAND, "explore_salt": "pepper"})
    people = [f"c{number}" for number in range(500)]
    first = [one.score(asked(550, person)).explored for person in people]
    second = [other.score(asked(550, person)).explored for person in people]
    assert first == [one.score(asked(550, person, 99_000)).explored for person in people]  # sticky
    assert sum(a != b for a, b in zip(first, second, strict=True)) > 100


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(0.001, 1.0),
    budget=st.integers(1, 20_000),
    amount=st.integers(1_000, 1_000_000),
    loss=st.floats(0.1, 1.0),
    score=st.integers(520, 599),
)
def test_the_rate_keeps_to_the_budget_and_the_share_to_the_rate(
    tmp_path_factory: pytest.TempPathFactory,
    rate: float,
    budget: int,
    amount: int,
    loss: float,
    score: int,
) -> None:
    cutoffs = {
        **BAND,
        "explore_rate": rate,
        "explore_budget": budget,
        "explore_amount_fen": amount,
        "explore_loss_given_default": loss,
    }
    answers = by_card(tmp_path_factory.mktemp("band"), cutoffs)
    drawn = [answers.score(asked(score, f"c{n}", amount)) for n in range(400)]
    propensity = drawn[0].propensity
    expected_loss = probability(score) * loss * amount
    assert propensity <= rate + 1e-12
    assert propensity * expected_loss <= budget * (1 + 1e-9)
    # No more is given up than rounding to whole buckets takes.
    assert propensity >= min(rate, budget / expected_loss) - 1e-4
    assert {answer.propensity for answer in drawn} == {propensity}
    explored = sum(answer.explored for answer in drawn)
    deviation = math.sqrt(400 * propensity * (1 - propensity))
    assert abs(explored - 400 * propensity) <= 5 * deviation + 1
    for number, answer in enumerate(drawn):
        assert answer.explored == (bucket("salt", f"c{number}") < round(propensity * 10_000))


def test_propensity_is_what_off_policy_estimates_need(tmp_path: Path) -> None:
    """Inverse-propensity weighting over logged answers finds the mean outcome of the band."""
    answers = by_card(tmp_path, BAND)
    total = weight = 0.0
    people = 3_000
    for number in range(people):
        answer = answers.score(asked(550, f"c{number}"))
        outcome = 1.0 if number % 4 == 0 else 0.0
        if answer.explored:
            total += outcome / answer.propensity
            weight += 1 / answer.propensity
    assert weight / people == pytest.approx(1.0, abs=0.1)
    assert total / people == pytest.approx(0.25, abs=0.05)


def test_exploring_above_the_sub_limit_is_refused(tmp_path: Path) -> None:
    said = problems(
        tmp_path, scorecards={"card": plain_card()}, cutoffs={**BAND, "refer_above_fen": 99_999}
    )
    assert "exploring lends up to 100000 fen" in said

"""Rules: all that fire are named, the gravest counts, caps limit, hard ones spare the score."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from fenqi.v1 import scoring_pb2
from tests.policy.decisions import (
    APPROVE,
    COUNTER_OFFER,
    DECLINE,
    REFER,
    codes,
    engine,
    feature,
    hits,
    plain_card,
    problems,
    rule,
    signal,
)

X = signal("x")


def test_every_rule_that_fires_is_named_and_the_gravest_decides(tmp_path: Path) -> None:
    with_rules = engine(
        tmp_path,
        rules=[
            rule("NOTE", f"{X} > 0.0", "flag"),
            rule("ASK", f"{X} > 1.0", "refer", reason="R_B"),
            rule("NO", f"{X} > 2.0", "decline"),
        ],
    )
    for x, expected in [(0.5, APPROVE), (1.5, REFER), (3.0, DECLINE)]:
        assert with_rules.score({"signals": {"x": x}}).decision == expected
    answer = with_rules.score({"signals": {"x": 3.0}})
    assert hits(answer) == ["NOTE", "ASK", "NO"]
    assert codes(answer) == ["R_A"]  # only what brought the decision about


@pytest.mark.parametrize(
    ("on_error", "decision", "names"),
    [
        ("refer", REFER, ["R"]),
        ("decline", DECLINE, ["R"]),
        ("flag", APPROVE, ["R"]),
        ("skip", APPROVE, []),
    ],
)
def test_a_condition_that_is_not_known_does_what_on_error_says(
    on_error: str, decision: int, names: list[str], tmp_path: Path
) -> None:
    answer = engine(tmp_path, rules=[rule("R", f"{X} > 0.0", "decline", on_error=on_error)]).score(
        {}
    )
    assert (answer.decision, hits(answer)) == (decision, names)
    for hit in answer.rule_hits:
        assert hit.cause == scoring_pb2.RULE_CAUSE_MISSING


def test_an_amount_above_the_smallest_cap_is_a_counter_offer(tmp_path: Path) -> None:
    capped = engine(
        tmp_path,
        rules=[
            rule("WIDE", "true", "cap", cap_fen=900_000, reason="R_B"),
            rule("TIGHT", "true", "cap", cap_fen=f"int({X}) * 100", on_error="skip"),
        ],
    )
    asked = {"loan": {"amount_fen": 500_000}, "signals": {"x": 3000.0}}
    answer = capped.score(asked)
    assert (answer.decision, answer.amount_cap_fen) == (COUNTER_OFFER, 300_000)
    assert [hit.cap_fen for hit in answer.rule_hits] == [900_000, 300_000]
    assert codes(answer) == ["R_A"]  # of the cap that binds
    assert capped.score({**asked, "signals": {"x": 5000.0}}).decision == APPROVE
    assert capped.score({"signals": {"x": 5000.0}}).decision == COUNTER_OFFER  # no amount given
    assert capped.score({**asked, "signals": {}}).amount_cap_fen == 900_000


def test_a_cap_that_is_not_known_does_what_on_error_says(tmp_path: Path) -> None:
    capped = engine(tmp_path, rules=[rule("CAP", "true", "cap", cap_fen=f"int({X})")])
    answer = capped.score({"loan": {"amount_fen": 1}})
    assert (answer.decision, hits(answer)) == (REFER, ["CAP"])
    assert answer.rule_hits[0].action == scoring_pb2.RULE_ACTION_REFER
    assert not answer.HasField("amount_cap_fen")


def test_a_cap_that_leaves_nothing_declines(tmp_path: Path) -> None:
    capped = engine(tmp_path, rules=[rule("CAP", "true", "cap", cap_fen=f"int({X})")])
    answer = capped.score({"loan": {"amount_fen": 1}, "signals": {"x": -5.0}})
    assert (answer.decision, answer.amount_cap_fen, codes(answer)) == (DECLINE, 0, ["R_A"])


def test_a_rule_holds_on_whole_days_of_the_policys_time_zone(tmp_path: Path) -> None:
    dated = engine(
        tmp_path,
        time_zone="Asia/Shanghai",
        rules=[
            rule("R", f"{X} > 0.0", "decline", valid_from="2026-03-01", valid_until="2026-03-31")
        ],
    )
    zone = datetime.timezone(datetime.timedelta(hours=8))
    for moment, decision in [
        (datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=zone), APPROVE),
        (datetime.datetime(2026, 3, 1, tzinfo=zone), DECLINE),
        (datetime.datetime(2026, 3, 31, 23, 59, 59, tzinfo=zone), DECLINE),
        (datetime.datetime(2026, 4, 1, tzinfo=zone), APPROVE),
    ]:
        request = scoring_pb2.ScoreRequest(decided_at_seconds=int(moment.timestamp()))
        request.application.signals["x"] = 1.0
        answer = dated.score(request)
        assert (answer.decision, answer.decided_at_seconds) == (
            decision,
            request.decided_at_seconds,
        )
        # Outside of its days a rule is not asked, so that missing data does nothing either.
        request.application.ClearField("signals")
        assert (dated.score(request).decision == APPROVE) == (decision == APPROVE)


def test_the_clock_is_read_where_the_request_gives_no_moment(tmp_path: Path) -> None:
    timed = engine(
        tmp_path,
        features={"hour": feature("decision_time.getHours('UTC')")},
        rules=[rule("R", "hour < 0", "decline")],
    )
    before = int(datetime.datetime.now(datetime.UTC).timestamp())
    assert 0 <= timed.score({}).decided_at_seconds - before <= 60
    untimed = engine(tmp_path, rules=[rule("R", f"{X} < 0.0", "decline", on_error="skip")])
    assert not untimed.score({}).HasField("decided_at_seconds")


def test_the_same_request_with_a_moment_gives_the_same_bytes(tmp_path: Path) -> None:
    timed = engine(tmp_path, rules=[rule("R", "decision_time > timestamp(0)", "flag")])
    request = scoring_pb2.ScoreRequest(decided_at_seconds=1_700_000_000).SerializeToString()
    assert timed.score_bytes(request) == timed.score_bytes(request)


def test_a_hard_rule_that_holds_leaves_the_applicant_unscored(tmp_path: Path) -> None:
    hard = engine(
        tmp_path,
        scorecards={"card": plain_card()},
        cutoffs={"approve_from": 600, "refer_from": 550},
        rules=[
            rule(
                "HARD",
                f"{X} > 1.0",
                "decline",
                skips_models=True,
                on_error="flag",
                stage=["application"],
            ),
            rule("LOW", "score < 500.0", "refer"),
            rule("PD", "card.probability_of_default > 0.5", "decline", reason="R_B"),
        ],
    )
    scored = hard.score({"signals": {"x": 0.0, "s": 620.0}})
    assert (scored.decision, scored.score, scored.decided_by) == (APPROVE, 620.0, "card")
    unscored = hard.score({"signals": {"x": 2.0, "s": 620.0}})
    assert unscored.decision == DECLINE
    assert hits(unscored) == ["HARD"]  # the others are not asked
    assert not unscored.HasField("score") and not unscored.HasField("probability_of_default")
    assert unscored.decided_by == ""
    # Only a condition that is true spares the score, and only at its stage.
    assert hard.score({"signals": {"s": 620.0}}).HasField("score")
    later = scoring_pb2.ScoreRequest(stage=scoring_pb2.STAGE_DRAWDOWN)
    later.application.signals.update({"x": 2.0, "s": 620.0})
    assert hard.score(later).HasField("score")


def test_a_rule_that_reads_a_score_cannot_spare_it(tmp_path: Path) -> None:
    assert "cannot skip scoring" in problems(
        tmp_path,
        scorecards={"card": plain_card()},
        rules=[rule("HARD", "card.score < 500.0", "decline", skips_models=True)],
    )


def test_features_may_stand_in_any_order_but_not_in_a_circle(tmp_path: Path) -> None:
    ordered = engine(
        tmp_path,
        features={"b": feature("a + 1.0"), "a": feature(X), "c": feature("b * 2.0")},
        rules=[rule("R", "c > 10.0", "decline")],
    )
    assert ordered.score({"signals": {"x": 5.0}}).decision == DECLINE
    assert "a circle: feature a reads feature b reads feature a" in problems(
        tmp_path, features={"a": feature("b + 1.0"), "b": feature("a + 1.0")}
    )


def test_a_rules_name_is_its_own(tmp_path: Path) -> None:
    assert "is a rule of Fenqi itself" in problems(
        tmp_path, rules=[rule("NO_SCORE", "true", "flag")]
    )
    assert "there are two rules R" in problems(
        tmp_path, rules=[rule("R", "true", "flag"), rule("R", "false", "flag")]
    )

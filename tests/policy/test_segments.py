"""Segments: each applicant falls in exactly one, which says who decides and by which cut-offs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fenqi.v1 import application_pb2, scoring_pb2
from tests.policy.decisions import (
    APPROVE,
    DECLINE,
    REFER,
    compiled,
    engine,
    feature,
    hits,
    plain_card,
    problems,
    rule,
    signal,
)

AGE = "application.bureau.file_age_months"
THIN = f"!has({AGE}) || {AGE} < 6"


def segment(when: str | None, **more: Any) -> dict[str, Any]:
    condition: dict[str, Any] = {"otherwise": True} if when is None else {"when": when}
    return {**condition, "meaning": "test", **more}


def warnings(folder: Path, **parts: Any) -> str:
    return "\n".join(str(warning) for warning in compiled(folder, **parts).warnings)


def test_an_applicant_is_held_to_the_cut_offs_of_the_segment(tmp_path: Path) -> None:
    answers = engine(
        tmp_path,
        scorecards={"card": plain_card()},
        cutoffs={"approve_from": 600, "refer_from": 550},
        segments={
            "thin": segment(
                THIN, decided_by="card", cutoffs={"approve_from": 500, "refer_from": 450}
            ),
            "thick": segment(None, decided_by="card"),
        },
    )
    thin = answers.score({"signals": {"s": 520.0}})
    assert (thin.segment, thin.decision, thin.decided_by) == ("thin", APPROVE, "card")
    thick = answers.score({"signals": {"s": 520.0}, "bureau": {"file_age_months": 6}})
    assert (thick.segment, thick.decision) == ("thick", DECLINE)


def test_rules_may_ask_for_the_segment_and_its_score(tmp_path: Path) -> None:
    cards = {"one": plain_card(), "two": {**plain_card(), "base_points": 100}}
    answers = engine(
        tmp_path,
        scorecards=cards,
        segments={
            "thin": segment(THIN, decided_by="one"),
            "thick": segment(f"!({THIN}) && {AGE} < 100", decided_by="two"),
            "old": segment(None),
        },
        rules=[
            rule("THIN", "segment == 'thin'", "flag"),
            rule("HIGH", "score >= 600.0", "flag", on_error="skip"),
            rule("TWO", "two.score >= 600.0", "flag"),
        ],
    )
    application: dict[str, Any] = {"signals": {"s": 520.0}}
    assert hits(answers.score(application)) == ["THIN", "TWO"]
    application["bureau"] = {"file_age_months": 50}
    assert hits(answers.score(application)) == ["HIGH", "TWO"]
    application["bureau"] = {"file_age_months": 500}
    rules_alone = answers.score(application)
    assert hits(rules_alone) == ["TWO"] and not rules_alone.HasField("score")
    assert (rules_alone.segment, rules_alone.decided_by) == ("old", "")


def test_a_model_runs_only_where_it_is_asked_for(tmp_path: Path) -> None:
    from tests.policy.test_scorecards import taiwan_as

    parts = taiwan_as(
        {
            "models": {
                "trees": {"artifact": "taiwan_gbm/1"},
                "points": {"artifact": "taiwan_scorecard/1"},
            },
            "segments": {
                "app": segment("application.channel == 1", decided_by="trees"),
                "web": segment("application.channel == 3", decided_by="points"),
                "other": segment(None),
            },
        }
    )
    parts["segments"]["app"]["when"] = "has(application.channel) && application.channel == 1"
    parts["segments"]["web"]["when"] = "has(application.channel) && application.channel == 3"
    answers = engine(tmp_path, **parts)

    def ran(channel: int, folder_engine: Any = answers) -> list[str]:
        answer = folder_engine.score(application_pb2.Application(channel=channel))
        return [model.slot for model in answer.release.models]

    assert (ran(1), ran(3), ran(2)) == (["trees"], ["points"], [])
    # What a rule reads runs for everybody.
    (tmp_path / "read").mkdir()
    reading = engine(
        tmp_path / "read",
        **{**parts, "rules": [rule("R", "points.score < 0.0", "flag")]},
    )
    assert (ran(1, reading), ran(2, reading)) == (["trees", "points"], ["points"])


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (
            [THIN, f"has({AGE}) && {AGE} > 6"],
            "none of the segments holds for an applicant with "
            "application.bureau.file_age_months = 6",
        ),
        (
            [THIN, f"has({AGE}) && {AGE} >= 5"],
            "s0 and s1 overlap: both hold for an applicant with "
            "application.bureau.file_age_months = 5",
        ),
        (
            [f"{AGE} < 6", None],
            "the condition of s0 is missing (guard it with `has()` or a `default`) for an "
            "applicant with application.bureau.file_age_months missing",
        ),
        (
            [
                "has(application.channel) && application.channel == Channel.CHANNEL_APP",
                "!has(application.channel) || application.channel in [1, 2, 3]",
            ],
            "application.channel = CHANNEL_APP",
        ),
        (
            [
                "has(application.loan.product) && application.loan.product == 'a'",
                "!has(application.loan.product)",
            ],
            "application.loan.product = 'other'",
        ),
    ],
)
def test_a_gap_or_an_overlap_is_shown_with_an_applicant(
    conditions: list[str | None], message: str, tmp_path: Path
) -> None:
    segments = {f"s{n}": segment(when) for n, when in enumerate(conditions)}
    assert message in problems(tmp_path, segments=segments)


@pytest.mark.parametrize(
    "conditions",
    [
        [THIN, f"!({THIN})"],
        [THIN, f"has({AGE}) && {AGE} >= 6 && {AGE} < 60", f"has({AGE}) && {AGE} >= 60"],
        ["short", "!short && far", None],
        # Between 5 and 6 is no whole number.
        [f"has({AGE}) && {AGE} <= 5", f"!has({AGE}) || {AGE} >= 6"],
        # The contract has no negative age.
        [f"has({AGE}) && {AGE} < 0", f"!has({AGE}) || {AGE} >= 0"],
        [
            "!has(application.bureau)",
            f"has(application.bureau) && ({THIN})",
            f"has(application.bureau) && !({THIN})",
        ],
    ],
)
def test_segments_that_split_everybody_are_proven(
    conditions: list[str | None], tmp_path: Path
) -> None:
    features = {
        "short": feature(f"{AGE} < 6", default=True),
        "far": feature("application.location.distance_to_home_km > 50.5", default=False),
    }
    segments = {f"s{n}": segment(when) for n, when in enumerate(conditions)}
    assert "segment was tested" not in warnings(tmp_path, segments=segments, features=features)


SQUARE = {"square": feature(f"{signal('x')} * {signal('x')}", default=0.0)}


def test_what_cannot_be_proven_is_tested_and_says_so(tmp_path: Path) -> None:
    # A computed number may be NaN, for whom neither holds; no application makes one here.
    split = {"a": segment("square < 4.0"), "b": segment("square >= 4.0")}
    said = warnings(tmp_path, segments=split, features=SQUARE)
    assert "was tested on 2000 random applications, not proven" in said


def test_testing_finds_an_applicant_whom_computed_values_leave_out(tmp_path: Path) -> None:
    split = {"a": segment("square < 4.0"), "b": segment("square > 9.0")}
    said = problems(tmp_path, segments=split, features=SQUARE)
    assert "none of the segments holds for this applicant: " in said
    missing = {"low": segment(f"{signal('x')} + 1.0 > 0.0"), "rest": segment(None)}
    said = problems(tmp_path, segments=missing)
    assert "the condition of low is missing" in said


def test_a_whole_number_that_is_computed_is_no_reason_for_a_gap(tmp_path: Path) -> None:
    features = {"years": feature(f"{AGE} / 12", default=0)}
    split = {"young": segment("years < 2"), "old": segment("years >= 2")}
    assert "segment was tested" not in warnings(tmp_path, segments=split, features=features)


def test_which_segment_it_is_cannot_rest_on_a_score(tmp_path: Path) -> None:
    assert "which segment it is cannot rest on a score" in problems(
        tmp_path,
        scorecards={"card": plain_card()},
        segments={"a": segment("card.score > 500.0"), "b": segment(None)},
    )


def test_who_falls_in_several_segments_at_run_time_is_referred(tmp_path: Path) -> None:
    # One point that neither the proof nor the test comes upon.
    segments = {
        "a": segment("square < 4.0", decided_by="card"),
        "b": segment("square >= 4.0 || square == 0.0625"),
    }
    answers = engine(
        tmp_path, scorecards={"card": plain_card()}, segments=segments, features=SQUARE
    )
    assert answers.score({"signals": {"x": 0.26, "s": 600.0}}).segment == "a"
    answer = answers.score({"signals": {"x": 0.25, "s": 600.0}})
    assert (answer.decision, answer.segment, hits(answer)) == (REFER, "", ["NO_SEGMENT"])
    assert not answer.HasField("score") and answer.decided_by == ""


def test_a_segment_knows_who_decides(tmp_path: Path) -> None:
    assert "no model or scorecard is called nobody" in problems(
        tmp_path, segments={"a": segment(None, decided_by="nobody")}
    )
    said = problems(
        tmp_path,
        segments={"a": segment(None, cutoffs={"approve_from": 600, "refer_from": 550})},
    )
    assert "cut-offs need somebody who decides" in said


def test_the_trace_names_the_segment_and_its_conditions(tmp_path: Path) -> None:
    answers = engine(tmp_path, segments={"thin": segment(THIN), "thick": segment(None)})
    trace = answers.trace(scoring_pb2.ScoreRequest())
    assert trace["segment"] == 0 and trace["segment thin"] is True

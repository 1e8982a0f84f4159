"""Jurisdictions: what a policy cannot override, and what nobody may read (R5, R7, R33)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fenqi.policy import PolicyError, compile_policy
from fenqi.v1 import application_pb2
from tests.policy.decisions import MODELS, codes, engine, feature, hits, plain_card, problems, rule

PROTECTED = [
    "application.protected_attributes.sex == 'f'",
    "request.application.protected_attributes.sex == 'f'",
    "has(application.protected_attributes)",
    "has(application.protected_attributes.sex)",
    "[application].exists(a, a.protected_attributes.sex == 'f')",
    "[application][0].protected_attributes.sex == 'f'",
    "dyn(application).protected_attributes.sex == 'f'",
    "cel.bind(a, application, a.protected_attributes.sex == 'f')",
    "application == application",
    "{'a': application}.a.protected_attributes.sex == 'f'",
    "[request].map(r, r.application)[0].protected_attributes.sex == 'f'",
]


@pytest.mark.parametrize("when", PROTECTED)
def test_no_expression_reaches_a_protected_attribute(when: str, tmp_path: Path) -> None:
    parts: list[dict[str, Any]] = [
        {"rules": [rule("R", when, "flag")]},
        {"features": {"f": feature(when)}},
        {"segments": {"s": {"when": when, "meaning": "m"}}},
        {"rules": [rule("R", "true", "cap", cap_fen=f"{when} ? 1 : 2")]},
    ]
    for part in parts:
        assert "protected attributes" in problems(tmp_path, **part)


def test_a_table_and_a_scorecard_reach_none_either(tmp_path: Path) -> None:
    sex = "application.protected_attributes.sex"
    table = {
        "meaning": "m",
        "inputs": {"i": sex},
        "outputs": {"o": {}},
        "rows": [["f", "x"], ["-", "y"]],
    }
    assert "protected attributes" in problems(tmp_path, tables={"t": table})
    card = plain_card()
    card["attributes"]["s"]["expr"] = f"{sex} == 'f' ? 1.0 : 2.0"
    assert "protected attributes" in problems(tmp_path, scorecards={"card": card})


def test_a_model_that_names_a_protected_attribute_finds_no_feature(tmp_path: Path) -> None:
    """Models read features; a feature that reads a protected attribute does not compile, and an
    artifact that asks for one by name is refused."""
    source = MODELS / "taiwan_scorecard" / "1"
    target = tmp_path / "models" / "taiwan_scorecard" / "1"
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    manifest = YAML(typ="safe").load((source / "manifest.yaml").read_text("utf-8"))
    manifest["inputs"][0]["columns"][0]["feature"] = "sex"
    with (target / "manifest.yaml").open("w") as out:
        YAML().dump(manifest, out)
    names = [column["feature"] for column in manifest["inputs"][0]["columns"]]
    features = {name: feature("1.0") for name in names if name != "sex"}
    for sex in ({}, {"sex": feature("application.protected_attributes.sex == 'f'")}):
        policy = {
            "policy": "p",
            "version": "1",
            "features": {**features, **sex},
            "models": {"m": {"artifact": "taiwan_scorecard/1"}},
        }
        path = tmp_path / "p.yaml"
        with path.open("w") as out:
            YAML().dump(policy, out)
        with pytest.raises(PolicyError) as caught:
            compile_policy(path, tmp_path / "models")
        said = str(caught.value)
        assert "protected attributes" in said if sex else "the model reads sex, which is no" in said
    assert hashlib.sha256((target / "model.onnx").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "when",
    [
        "application.identity.age_years < 25",
        "has(application.identity.age_years)",
        "[application.identity].exists(i, i.age_years < 25)",
        "dyn(application.identity).age_years < 25",
        "application.identity == Identity{age_years: 17}",
    ],
)
def test_what_a_jurisdiction_protects_no_policy_reads(when: str, tmp_path: Path) -> None:
    said = problems(tmp_path, jurisdiction="US", rules=[rule("R", when, "flag", on_error="skip")])
    assert "a policy must not read application.identity.age_years" in said
    assert problems(tmp_path, rules=[rule("R", when, "flag", on_error="skip")]) == ""


def test_its_own_rule_may_ask_for_it(tmp_path: Path) -> None:
    answer = engine(tmp_path, jurisdiction="US").score({"identity": {"age_years": 17}})
    assert any(hit.startswith("US_") for hit in hits(answer))


def test_a_pack_stands_under_every_policy(tmp_path: Path) -> None:
    identity = application_pb2.DATA_SOURCE_IDENTITY
    minor = {"identity": {"age_years": 17}, "consents": [{"source": identity, "granted": True}]}
    (tmp_path / "cn").mkdir()
    (tmp_path / "none").mkdir()
    own = [rule("OWN", "true", "flag", on_error="skip")]
    chinese = engine(tmp_path / "cn", jurisdiction="CN", rules=own).score(minor)
    assert hits(chinese)[0] == "CN_MINOR" and hits(chinese)[-1] == "OWN"
    assert codes(chinese) == ["R_CN_MINOR"]
    assert hits(engine(tmp_path / "none", rules=own).score(minor)) == ["OWN"]


def test_the_legal_most_cuts_whatever_the_product_says(tmp_path: Path) -> None:
    answers = engine(
        tmp_path,
        jurisdiction="CN",
        rules=[rule("PRODUCT", "true", "cap", cap_fen=50_000_000)],
    )
    answer = answers.score({"loan": {"amount_fen": 20_000_100}})
    assert answer.amount_cap_fen == 20_000_000


def test_social_data_is_forbidden_in_the_eu(tmp_path: Path) -> None:
    social = "application.social_graph.neighbours > 3"
    said = problems(tmp_path, jurisdiction="EU", rules=[rule("R", social, "flag", on_error="skip")])
    assert "social data must not be used in EU" in said
    said = problems(
        tmp_path,
        jurisdiction="EU",
        sources={"social": {"consent": "required"}},
        features={"f": feature("1", source="social")},
    )
    assert "social data must not be used in EU" in said
    assert problems(tmp_path, rules=[rule("R", social, "flag")]) == ""


def test_a_policy_cannot_do_without_a_consent_that_the_law_wants(tmp_path: Path) -> None:
    said = problems(tmp_path, jurisdiction="CN", sources={"bureau": {"consent": "not_needed"}})
    assert "CN requires the applicant's consent for bureau data" in said


def test_whoever_is_refused_must_learn_why(tmp_path: Path) -> None:
    quiet = {"id": "R", "when": "true", "then": "flag", "meaning": "m"}
    assert "R may refer, so CN requires a reason" in problems(
        tmp_path, jurisdiction="CN", rules=[quiet]
    )
    assert problems(tmp_path, jurisdiction="CN", rules=[{**quiet, "on_error": "skip"}]) == ""
    card = plain_card()
    del card["attributes"]["s"]["reason"]
    parts = {"scorecards": {"card": card}, "cutoffs": {"approve_from": 600, "refer_from": 550}}
    assert "s can cost somebody the loan, so CN requires a reason" in problems(
        tmp_path, jurisdiction="CN", **parts
    )
    assert problems(tmp_path, **parts) == ""

"""Each lint says what it is about, where, and is silent about what is well."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fenqi.policy.compiler import compile_document
from fenqi.policy.document import read_document
from fenqi.policy.lint import LINTS, Finding, lint
from fenqi.policy.schema import Rule

TODAY = datetime.date(2026, 7, 1)
AMOUNT = "application.loan.amount_fen"
TERM = "application.loan.term_months"
SOURCES = {"declared": {"consent": "not_needed"}}
MODELS = Path(__file__).parents[2] / "models"
POLICIES = Path(__file__).parents[2] / "policies"


def findings(folder: Path, text: str) -> list[Finding]:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    document = read_document(path)
    return lint(document, compile_document(document, MODELS), TODAY)


def said(folder: Path, **parts: Any) -> list[str]:
    """`lint: message` of all findings but those on undeclared sources, which every rule has."""
    text = json.dumps({"policy": "t", "version": "1", "sources": SOURCES, **parts})
    return [f"{one.lint}: {one.problem.message}" for one in findings(folder, text)]


def rule(number: str, when: str, **keys: Any) -> dict[str, Any]:
    then = keys.get("then", "refer")
    reason = {} if then == "flag" else {"reason": "R"}
    return {
        "id": number,
        "when": when,
        "then": then,
        "meaning": "test",
        "on_error": "skip",
        **reason,
        **keys,
    }


def of_rules(folder: Path, *rules: dict[str, Any]) -> list[str]:
    reasons = {"R": {"en": "x", "zh": "x"}} if any("reason" in one for one in rules) else {}
    return said(folder, rules=list(rules), reasons=reasons)


# --- shadowed rules ---


def test_a_rule_that_an_earlier_one_always_precedes_is_shadowed(tmp_path: Path) -> None:
    said = of_rules(tmp_path, rule("A", f"{AMOUNT} > 10"), rule("B", f"{AMOUNT} > 20"))
    assert said == [
        "shadowed-rule: wherever B is true, A before it is true too and does as much: "
        "B changes no decision"
    ]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (rule("A", f"{AMOUNT} > 20"), rule("B", f"{AMOUNT} > 10")),
        (rule("A", f"{AMOUNT} > 10"), rule("B", f"{AMOUNT} > 20", then="decline")),
        (rule("A", f"{AMOUNT} > 10", stage=["drawdown"]), rule("B", f"{AMOUNT} > 20")),
        (rule("A", f"{AMOUNT} > 10", valid_until="2026-12-31"), rule("B", f"{AMOUNT} > 20")),
        (rule("A", f"{AMOUNT} > 10"), rule("B", f"{TERM} > 20")),
        (rule("A", f"{AMOUNT} > 10 && {TERM} > 3"), rule("B", f"{AMOUNT} > 20")),
        # Where the term is missing, B is true and A is not.
        (rule("A", f"{TERM} > 3 || {TERM} <= 3"), rule("B", f"{AMOUNT} > 20 || {TERM} > 3")),
        (
            rule("A", f"{AMOUNT} > 10", then="decline"),
            rule("B", f"{AMOUNT} > 20", then="decline", skips_models=True),
        ),
    ],
    ids=["wider", "graver", "stage", "validity", "unrelated", "narrower", "missing", "models"],
)
def test_a_rule_that_adds_something_is_not_shadowed(
    tmp_path: Path, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    said = of_rules(tmp_path, earlier, later)
    assert not [line for line in said if line.startswith("shadowed-rule")]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (rule("A", f"{AMOUNT} > 10", then="decline"), rule("B", f"{AMOUNT} > 20")),
        (
            rule("A", f"{AMOUNT} > 10", valid_until="2026-12-31"),
            rule("B", f"{AMOUNT} > 20", valid_until="2026-10-31"),
        ),
        (
            rule("A", f"{AMOUNT} > 10", stage=["drawdown", "prescreen"]),
            rule("B", f"{AMOUNT} > 10", stage=["drawdown"]),
        ),
        (rule("A", f"{AMOUNT} > 10 || {TERM} > 3"), rule("B", f"{TERM} >= 4 && {AMOUNT} < 5")),
    ],
    ids=["milder", "within validity", "fewer stages", "either"],
)
def test_stage_validity_and_gravity_are_weighed(
    tmp_path: Path, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    assert [line[:22] for line in of_rules(tmp_path, earlier, later)] == ["shadowed-rule: whereve"]


# --- constant conditions ---


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ("1 > 2", "the condition of A is never true"),
        (f"{AMOUNT} > 5 && {AMOUNT} < 3", "the condition of A is never true"),
        (f"{AMOUNT} >= 0 || {AMOUNT} < 5", "is true for everybody whose data is there"),
        ("true", "the condition of A is always true"),
    ],
)
def test_a_condition_that_is_the_same_for_everybody_is_found(
    tmp_path: Path, when: str, message: str
) -> None:
    found = of_rules(tmp_path, rule("A", when))
    assert [message in line for line in found if line.startswith("constant-condition: ")] == [True]


def test_rules_on_a_models_score_are_looked_at_too() -> None:
    document = read_document(POLICIES / "taiwan_card.yaml")
    near = Rule.model_validate(rule("NEAR", "score > 600.0 && score < 500.0", then="flag"))
    rules = [*document.policy.rules, near]
    policy = document.policy.model_copy(update={"rules": rules})
    changed = replace(document, policy=policy, origins=[*document.origins, "own"])
    found = lint(changed, compile_document(changed, MODELS), TODAY)
    assert [(one.lint, one.problem.message) for one in found if one.level == "warning"] == [
        ("constant-condition", "the condition of NEAR is never true")
    ]


@pytest.mark.parametrize("name", ["taiwan_card", "mobile_instalment"])
def test_the_bundled_policies_give_no_warning(name: str) -> None:
    document = read_document(POLICIES / f"{name}.yaml")
    found = lint(document, compile_document(document), TODAY)
    assert [str(one) for one in found if one.level == "warning"] == []


# --- missing data ---


def unguarded(folder: Path, when: str, **features: str) -> list[str]:
    asked = rule("A", when)
    del asked["on_error"]
    parts = {name: {"expr": expr, "meaning": "test"} for name, expr in features.items()}
    reasons = {"R": {"en": "x", "zh": "x"}}
    return said(folder, rules=[asked], features=parts, reasons=reasons)


def test_a_rule_that_leaves_open_what_missing_means_is_told_of_it(tmp_path: Path) -> None:
    assert unguarded(tmp_path, f"{AMOUNT} > 3") == [
        "unguarded-missing: A refers whoever lacks loan.amount_fen; if that is meant, write "
        "`on_error: refer`, otherwise guard it with has() or give a feature a `default`"
    ]
    (found,) = unguarded(tmp_path, "twice > 3", twice=f"{AMOUNT} * 2")
    assert "lacks twice" in found


@pytest.mark.parametrize(
    "when",
    [
        f"has({AMOUNT}) && {AMOUNT} > 3",
        f"!has({AMOUNT}) || {AMOUNT} > 3",
        f"has({AMOUNT}) ? {AMOUNT} > 3 : false",
        f"!(!has({AMOUNT}) || {TERM} > 3 && !has({TERM})) ? {AMOUNT} > 3 : has({TERM})",
        "size(application.behaviour.card_statements) < 6",
    ],
)
def test_what_is_guarded_needs_no_word(tmp_path: Path, when: str) -> None:
    found = unguarded(tmp_path, when)
    assert not [line for line in found if "amount_fen" in line or "statements" in line]


def test_a_feature_with_a_default_is_never_missing(tmp_path: Path) -> None:
    asked = rule("A", "amount > 3")
    del asked["on_error"]
    feature = {"expr": AMOUNT, "meaning": "test", "default": 0}
    reasons = {"R": {"en": "x", "zh": "x"}}
    assert said(tmp_path, rules=[asked], features={"amount": feature}, reasons=reasons) == []


# --- unused, sources, dates ---


def test_what_nothing_uses_is_found(tmp_path: Path) -> None:
    found = said(
        tmp_path,
        features={"f": {"expr": AMOUNT, "meaning": "test"}},
        reasons={"R": {"en": "x", "zh": "x"}},
        sources={**SOURCES, "bureau": {"consent": "required"}},
    )
    assert sorted(found) == [
        "unused: nothing gives the reason R",
        "unused: nothing reads the feature f",
        "unused: nothing rests on the source bureau",
    ]


def test_a_source_that_nothing_is_said_of_is_named_once(tmp_path: Path) -> None:
    bureau = "application.bureau.inquiries_1m"
    found = of_rules(tmp_path, rule("A", f"{bureau} > 3"), rule("B", f"{bureau} < 3"))
    assert [line for line in found if line.startswith("undeclared")] == [
        "undeclared-source: data of the source bureau is read, and nothing says whether that "
        "needs consent; add `bureau: {consent: required}`, or `not_needed`, to `sources`"
    ]


def test_a_rule_past_its_last_day_and_a_proposal_are_listed(tmp_path: Path) -> None:
    found = of_rules(
        tmp_path,
        rule("A", f"{AMOUNT} > 3", valid_until="2026-06-30"),
        rule("B", f"{TERM} > 3", valid_until="2026-07-01", proposal=True),
    )
    assert found == [
        "expired-rule: A has not held since 2026-06-30; remove or extend it",
        "proposal: the threshold of B is a proposal: confirm it with data of your own",
    ]


# --- what is meant ---

POLICY = """policy: t
version: "1"
sources:
  declared: {consent: not_needed}
rules:
  - id: A
    when: application.loan.amount_fen > 10
    then: flag
    on_error: skip
    meaning: test
  # Kept for the report.
REMARK
  - id: B
    when: application.loan.amount_fen > 20LINE
    then: flag
    on_error: skip
    meaning: test
"""


@pytest.mark.parametrize(
    ("remark", "line", "count"),
    [
        ("  #", "", 1),
        ("  # fenqi: allow shadowed-rule", "", 0),
        ("  # fenqi: allow unused, shadowed-rule", "", 0),
        ("  # fenqi: allow unused", "", 1),
        ("  #", "  # fenqi: allow shadowed-rule", 0),
        ("  # fenqi: allow shadowed-rule\n  # as marketing asked", "", 0),
        ("  # fenqi: allow shadowed-rule\n", "", 1),
    ],
    ids=["none", "above", "several", "other", "beside", "further up", "not right above"],
)
def test_a_remark_says_that_a_finding_is_meant(
    tmp_path: Path, remark: str, line: str, count: int
) -> None:
    text = POLICY.replace("REMARK", remark).replace("LINE", line)
    assert len(findings(tmp_path, text)) == count


def test_findings_are_told_with_place_line_and_name(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, POLICY.replace("REMARK", "  #").replace("LINE", ""))
    assert found.lint in LINTS
    first, line, caret = str(found).split("\n")
    assert first.startswith(f"{tmp_path.name}/policy.yaml:14:11: wherever B is true")
    assert first.endswith("[shadowed-rule]")
    assert line[caret.index("^") :] == "application.loan.amount_fen > 20"


# --- products ---

CARD = {
    "meaning": "test",
    "base_score": 600,
    "base_odds": 50,
    "points_to_double_odds": 20,
    "attributes": {
        "a": {"expr": AMOUNT, "reference_points": 1, "bins": [{"below": 5, "points": 1}]},
    },
}


def of_product(folder: Path, jurisdiction: str | None = None, **keys: Any) -> list[str]:
    product = {
        "meaning": "test",
        "amounts": {"from_fen": 100_000, "to_fen": 500_000, "step_fen": 100_000},
        "terms_months": [3],
        "methods": ["equal_instalments"],
        **keys,
    }
    offers = {
        "loss_given_default": 0.5,
        "cost_of_funds": 0.05,
        "annual_rate_cap": 0.24,
        "reasons": {"product": "R", "price": "R", **({"cap": "R"} if jurisdiction else {})},
    }
    parts: dict[str, Any] = {} if jurisdiction is None else {"jurisdiction": jurisdiction}
    all_said = said(
        folder,
        reasons={"R": {"en": "x", "zh": "x"}},
        scorecards={"card": CARD},
        products={"cash": product},
        offers=offers,
        **parts,
    )
    return [one for one in all_said if one.startswith(("product", "amount"))]


def test_a_product_that_somebody_can_have_is_well(tmp_path: Path) -> None:
    assert of_product(tmp_path, when=f"{TERM} > 3") == []


def test_a_product_for_nobody_is_out_of_reach(tmp_path: Path) -> None:
    assert of_product(tmp_path, when=f"{TERM} > 3 && {TERM} < 3") == [
        "product-out-of-reach: nobody can have cash: its `when` is never true"
    ]


def test_a_product_whose_charges_alone_break_the_cap_is_out_of_reach(tmp_path: Path) -> None:
    charge = {"name_zh": "费", "name_en": "Fee", "timing": "deducted", "base": "principal"}
    assert of_product(tmp_path, charges=[{**charge, "rate": 0.01}]) == []
    (finding,) = of_product(tmp_path, charges=[{**charge, "rate": 0.05, "payee": "insurer"}])
    assert finding.startswith("product-out-of-reach: nobody can have cash: even without any risk")


def test_an_amount_above_the_laws_cap_is_never_lent(tmp_path: Path) -> None:
    amounts = {"from_fen": 10_000_000, "to_fen": 50_000_000, "step_fen": 10_000_000}
    assert of_product(tmp_path, amounts=amounts) == []
    (finding,) = of_product(tmp_path, jurisdiction="CN", amounts=amounts)
    assert finding.startswith("amount-above-cap: cash lends up to 50000000 fen")

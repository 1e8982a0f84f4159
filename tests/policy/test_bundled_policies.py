"""The bundled policies: what they promise in prose, held against their files and the engine."""

from __future__ import annotations

import csv
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.engine import Engine
from fenqi.offers import Loan, price_batch
from fenqi.policy import compile_policy
from fenqi.policy.document import Document, read_document, read_pack, with_tests_beside
from fenqi.policy.errors import PolicyError
from fenqi.policy.offer_terms import charges_of, price_terms_of
from fenqi.policy.schema import Bin, PolicyTest
from fenqi.v1 import scoring_pb2

ROOT = Path(__file__).parents[2]
MOBILE = ROOT / "policies" / "mobile_instalment.yaml"
TABLES = ROOT / "policies" / "mobile_instalment" / "tables"
POLICIES = [MOBILE, ROOT / "policies" / "taiwan_card.yaml"]


@pytest.fixture(scope="module")
def mobile() -> Document:
    return with_tests_beside(read_document(MOBILE))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.from_policy(MOBILE)


def example(document: Document, name: str) -> scoring_pb2.ScoreRequest:
    """The applicant of the test whose name begins so."""
    (test,) = (test for test in document.policy.tests if test.name.startswith(name))
    return request_of(test)


def request_of(test: PolicyTest) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest(stage=f"STAGE_{test.stage.upper()}")
    json_format.ParseDict(test.application, request.application)
    request.decided_at_seconds = (
        int(test.at.timestamp()) if test.at else request.application.submitted_at_seconds
    )
    return request


# --- both policies ---


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_bundled_policy_compiles_without_warnings(path: Path) -> None:
    assert [str(warning) for warning in compile_policy(path).warnings] == []


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_rule_says_where_its_threshold_comes_from(path: Path) -> None:
    for rule in read_document(path).policy.rules:
        assert rule.basis or rule.proposal, rule.id


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_rule_fires_for_some_example_and_is_silent_for_another(path: Path) -> None:
    document, engine = with_tests_beside(read_document(path)), Engine.from_policy(path)
    answers = [engine.score(request_of(test)) for test in document.policy.tests]
    fired = [{hit.rule_id for hit in answer.rule_hits} for answer in answers]
    for rule in document.policy.rules:
        assert any(rule.id in hits for hits in fired), rule.id
        assert any(rule.id not in hits for hits in fired), rule.id


# --- mobile instalment loans ---


def test_the_examples_are_many_and_say_that_they_are_invented(mobile: Document) -> None:
    assert len(mobile.policy.tests) >= 40
    assert "synthetic" in MOBILE.with_name("mobile_instalment.tests.yaml").read_text()
    assert "synthetic" in (TABLES / "README.md").read_text()


def test_every_rule_has_an_owner(mobile: Document) -> None:
    assert [rule.id for rule in mobile.policy.rules if not rule.owner] == []


def test_the_policy_uses_every_part_of_the_language(mobile: Document) -> None:
    policy, tables = mobile.policy, mobile.policy.tables.values()
    assert {table.hit for table in tables} == {
        *("unique", "any", "first", "priority", "rule_order", "output_order", "collect")
    }
    assert {table.aggregate for table in tables} >= {"sum", "min"}
    assert {rule.then for rule in policy.rules} == {"decline", "refer", "flag", "cap"}
    assert {rule.on_error for rule in policy.rules} >= {"refer", "flag", "skip"}
    assert {stage for rule in policy.rules for stage in rule.stage or ()} == {
        *("application", "drawdown", "account_review", "prescreen")
    }
    assert {card.odds for card in policy.scorecards.values()} == {"good_to_bad", "bad_to_good"}
    assert max(len(card.attributes or {}) for card in policy.scorecards.values()) == 15
    assert any(rule.valid_from and rule.valid_until for rule in policy.rules)
    assert any(rule.skips_models for rule in policy.rules)
    assert any(segment.otherwise for segment in policy.segments.values())
    assert any(listed.hashed for listed in policy.lists.values())
    assert any(reason.group for reason in policy.reasons.values())


def test_instalments_are_annuities() -> None:
    with (TABLES / "instalment.csv").open() as file:
        rows = {int(row["term_months"]): float(row["highest"]) for row in csv.DictReader(file)}
    for term, instalment in rows.items():
        assert instalment == pytest.approx(0.02 / (1 - 1.02**-term), abs=1e-9)


def test_a_loan_that_is_measured_before_its_price_is_known_may_have_any_term_on_offer(
    mobile: Document,
) -> None:
    with (TABLES / "instalment.csv").open() as file:
        terms = {int(row["term_months"]) for row in csv.DictReader(file)}
    for product in mobile.policy.products.values():
        assert set(product.terms_months) <= terms


def test_prices_rise_with_risk_and_stay_within_the_legal_cap(mobile: Document) -> None:
    offers = mobile.policy.offers
    assert offers is not None and mobile.pack is not None
    cap = mobile.pack.annual_rate_cap
    assert cap is not None and offers.annual_rate_cap == cap
    risks = np.linspace(0.001, 0.3, 60)
    for product in mobile.policy.products.values():
        for method, term in itertools.product(product.methods, product.terms_months):
            loan = Loan(principal_fen=product.amounts.to_fen, periods=term, method=method)
            terms = price_terms_of(offers, cap, method)
            priced = price_batch(loan, terms, risks, charges_of(product))
            rates, nominal = priced.rate.compressed(), priced.nominal.compressed()
            assert len(rates) > 10
            assert (np.diff(rates) >= 0).all()
            assert (np.round(nominal, 4) <= cap).all()
            # Whoever is too great a risk for the cap has no price, and so has everybody riskier.
            assert (np.diff(priced.offered.astype(int)) <= 0).all()


def test_the_blocklist_holds_nothing_but_hashes(mobile: Document) -> None:
    hashed = mobile.policy.lists["blocklist"].hashed
    assert hashed is not None
    with (TABLES / "blocklist.csv").open() as file:
        listed = [row["customer_sha256"] for row in csv.DictReader(file)]
    keys = [f"{hashed.salt}synthetic-blocked-{number}" for number in (1, 2, 3)]
    assert listed == [hashlib.sha256(key.encode()).hexdigest() for key in keys]


@pytest.mark.parametrize("card", ["thick_file_card", "thin_file_card"])
def test_a_score_is_the_sum_of_the_points_that_the_file_gives(
    mobile: Document, engine: Engine, card: str
) -> None:
    scorecard = mobile.policy.scorecards[card]
    counted = 0
    for test in mobile.policy.tests:
        request = request_of(test)
        answer = engine.score(request)
        if answer.decided_by != card:
            continue
        values = engine.trace(request)
        points = scorecard.base_points
        for attribute in (scorecard.attributes or {}).values():
            name = attribute.expr.replace("tables.occupation", "table occupation")
            points += points_of(attribute.bins, values[name])
        assert answer.score == pytest.approx(points), test.name
        odds = 50 * 2 ** ((points - 600) / 20)
        assert answer.probability_of_default == pytest.approx(1 / (1 + odds)), test.name
        counted += 1
    assert counted >= 5


def points_of(bins: list[Bin], value: Any) -> float:
    """What the bins mean, read once more from the reference."""
    for one in bins:
        if one.missing and value is None:
            return one.points
        if one.special is not None and value in one.special:
            return one.points
    assert value is not None
    for one in bins:
        numeric = one.below is not None and value < one.below
        listed = one.values is not None and value in one.values
        rest = one.below is None and one.values is None and one.special is None and not one.missing
        if numeric or listed or rest:
            return one.points
    raise AssertionError(f"{value} is in no bin")


RELIABILITY = {"TAX": 1.0, "HOUSING_FUND": 0.9, "SALARY_CREDITS": 0.9, "SOCIAL_SECURITY": 0.8}


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*RELIABILITY, "PLATFORM_SETTLEMENT"]),
        st.integers(1, 5_000_000),
        min_size=1,
    )
)
def test_verified_income_is_the_reliability_weighted_median(
    mobile: Document, engine: Engine, amounts: dict[str, int]
) -> None:
    request = example(mobile, "A clean file")
    del request.application.income_sources[:]
    for kind, amount in amounts.items():
        request.application.income_sources.add(
            kind=f"INCOME_KIND_{kind}", monthly_amount_fen=amount, months_observed_6m=6
        )
    verified = engine.trace(request)["verified_income_fen"]
    weights = {kind: RELIABILITY.get(kind, 0.7) for kind in amounts}
    below = sum(weights[kind] for kind, amount in amounts.items() if amount < verified)
    above = sum(weights[kind] for kind, amount in amounts.items() if amount > verified)
    half = sum(weights.values()) / 2
    assert verified in amounts.values()
    assert below <= half + 1e-9
    assert above <= half + 1e-9


def test_more_income_changes_ability_and_not_willingness(mobile: Document, engine: Engine) -> None:
    request = example(mobile, "A clean file")
    before = {part.dimension: part.score for part in engine.score(request).sub_scores}
    for source in request.application.income_sources:
        source.monthly_amount_fen *= 2
    after = {part.dimension: part.score for part in engine.score(request).sub_scores}
    assert after[scoring_pb2.DIMENSION_ABILITY] > before[scoring_pb2.DIMENSION_ABILITY]
    assert after[scoring_pb2.DIMENSION_WILLINGNESS] == before[scoring_pb2.DIMENSION_WILLINGNESS]


@pytest.mark.parametrize(
    "check", ["name_id_match", "name_id_phone_match", "name_id_phone_card_match"]
)
def test_a_check_that_was_not_made_never_helps(
    mobile: Document, engine: Engine, check: str
) -> None:
    for name in ("A clean file", "A phone that belongs", "A bank card that belongs"):
        request = example(mobile, name)
        with_check = engine.score(request).decision
        request.application.identity.ClearField(check)
        if getattr(example(mobile, name).application.identity, check) == 1:
            assert engine.score(request).decision >= with_check


# --- jurisdictions ---


def elsewhere(folder: Path, jurisdiction: str, *, without: str = "") -> Path:
    """The policy under another jurisdiction's pack, perhaps without one of its parts."""
    policy = MOBILE.read_text().replace("jurisdiction: CN", f"jurisdiction: {jurisdiction}")
    policy = policy.replace(f"  - mobile_instalment/{without}\n", "") if without else policy
    policy = policy.replace("  - mobile_instalment/", f"  - {MOBILE.parent}/mobile_instalment/")
    path = folder / "elsewhere.yaml"
    path.write_text(policy, encoding="utf-8")
    return path


def test_the_policy_does_not_compile_in_the_eu_because_it_reads_social_data(
    tmp_path: Path,
) -> None:
    with pytest.raises(PolicyError, match="social data must not be used in EU"):
        compile_policy(elsewhere(tmp_path, "EU"))


def test_without_its_graph_rules_it_compiles_in_the_eu(tmp_path: Path) -> None:
    compiled = compile_policy(elsewhere(tmp_path, "EU", without="graph.yaml"))
    assert "EU_MINOR" in compiled.rules
    assert "CN_STUDENT" not in compiled.rules


def test_the_policy_does_not_compile_in_the_us_because_it_reads_age(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as failed:
        compile_policy(elsewhere(tmp_path, "US"))
    for problem in failed.value.problems:
        assert "identity.age_years: it is protected in US" in problem.message


@pytest.mark.parametrize("jurisdiction", ["CN", "US", "EU"])
def test_a_packs_rules_name_their_legal_basis(jurisdiction: str) -> None:
    pack = read_pack(jurisdiction)
    for rule in pack.rules:
        assert rule.basis and not rule.proposal, rule.id
        assert rule.reason in pack.reasons
    assert any(rule.id.endswith("_MINOR") and rule.skips_models for rule in pack.rules)


def test_packs_demand_what_the_domain_research_says_of_them() -> None:
    assert read_pack("CN").annual_rate_cap == 0.24
    assert {rule.id: rule.cap_fen for rule in read_pack("CN").rules}["CN_AMOUNT"] == 20_000_000
    assert read_pack("EU").forbidden_sources == ["social"]
    assert set(read_pack("US").reasons_required) >= {"decline", "cap"}
    for source in ("location", "bank_statements", "bureau"):
        assert source in read_pack("CN").consent_required

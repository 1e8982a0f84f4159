"""The baseline decides as Fenqi does, or the comparison would be of different things."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.baseline.rules import RULES  # noqa: E402
from bench.baseline.server import Scorer  # noqa: E402
from fenqi.engine import Engine  # noqa: E402
from fenqi.lab.taiwan import load_holdout, to_application, to_request  # noqa: E402
from fenqi.v1 import application_pb2, scoring_pb2  # noqa: E402


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.from_policy(ROOT / "policies" / "taiwan_card.yaml")


@pytest.fixture(scope="module")
def baseline() -> Scorer:
    return Scorer()


def assert_same(engine: Engine, baseline: Scorer, request: scoring_pb2.ScoreRequest) -> None:
    ours, theirs = engine.score(request), baseline.score(request)
    assert ours.decision == theirs.decision
    assert ours.probability_of_default == pytest.approx(theirs.probability_of_default, abs=1e-6)
    assert ours.score == pytest.approx(theirs.score, abs=1e-3)
    assert [h.rule_id for h in ours.rule_hits] == [h.rule_id for h in theirs.rule_hits]
    assert [r.code for r in ours.reasons] == [r.code for r in theirs.reasons]
    for part, other in zip(ours.sub_scores, theirs.sub_scores, strict=True):
        assert part.dimension == other.dimension
        assert part.score == pytest.approx(other.score, abs=1e-3)


def test_real_applications_get_equal_answers(engine: Engine, baseline: Scorer) -> None:
    for client in load_holdout()[::4]:
        assert_same(engine, baseline, to_request(client))


@pytest.mark.parametrize("months", range(6))
def test_short_histories_get_equal_answers(engine: Engine, baseline: Scorer, months: int) -> None:
    for client in load_holdout()[:100]:
        application = to_application(client, months)
        assert_same(engine, baseline, scoring_pb2.ScoreRequest(application=application))


def risky_application() -> application_pb2.Application:
    """Somebody against whom nearly every rule speaks."""
    application = to_application(load_holdout()[0], months=1)
    mismatch = application_pb2.MATCH_RESULT_MISMATCH
    identity = application.identity
    identity.name_id_match = identity.name_id_phone_match = mismatch
    identity.name_id_phone_card_match = mismatch
    identity.id_checksum_valid = identity.id_birth_date_valid = identity.phone_real_name = False
    identity.id_days_to_expiry, identity.age_years, identity.on_blocklist = -1, 17, True
    identity.phone_in_network_days = 10
    identity.liveness_score = identity.face_match_score = 0.1
    device = application.device
    device.emulator = device.hooked = device.rooted = device.mock_location = True
    device.applicants_7d_incl = 9
    application.network.applications_10m_incl = 9
    place = application.location
    place.speed_since_last_position_kmh = 1000
    place.gps_city, place.home_city, place.employer_city, place.id_city = "1", "2", "3", "4"
    bureau = application.bureau
    bureau.accounts_overdue, bureau.max_consecutive_overdue_months_24m = 1, 3
    bureau.max_overdue_months_24m, bureau.bad_debts, bureau.inquiries_1m = 6, 1, 9
    application.multi_lender.nonbank_lenders_3m = 11
    application.multi_lender.overdue_lenders = 1
    application.own_history.max_days_past_due = 90
    application.own_history.applications_24h = 3
    application.employment.status = application_pb2.EMPLOYMENT_STATUS_STUDENT
    application.social_graph.component_size = 30
    application.social_graph.component_default_rate = 0.9
    application.obligations.monthly_debt_service_fen = 500_000
    application.income_sources.add(monthly_amount_fen=600_000, verified=True)
    return application


def test_rules_fire_alike_on_an_application_that_breaks_nearly_all(
    engine: Engine, baseline: Scorer
) -> None:
    request = scoring_pb2.ScoreRequest(application=risky_application())
    assert len(engine.score(request).rule_hits) >= 25
    assert_same(engine, baseline, request)


def test_a_rule_that_is_graver_than_the_score_gives_its_reason_alone(
    engine: Engine, baseline: Scorer
) -> None:
    for client in load_holdout()[:300]:
        request = to_request(client)
        request.application.identity.id_checksum_valid = False
        assert_same(engine, baseline, request)


def test_the_baseline_has_the_policys_rules(engine: Engine) -> None:
    from ruamel.yaml import YAML

    policy = YAML(typ="safe").load((ROOT / "policies" / "taiwan_card.yaml").read_text())
    assert [rule["id"] for rule in policy["rules"]] == list(RULES)
    for rule in policy["rules"]:
        action, reason = RULES[rule["id"]]
        assert action == scoring_pb2.RuleAction.Value(f"RULE_ACTION_{rule['then'].upper()}")
        assert reason == rule.get("reason", "")

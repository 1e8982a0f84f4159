"""A drawdown without a valid acknowledgement of its quote is refused (R37); rules hold again (R3).

The token is checked against Python's own HMAC; clocks are moved by `decided_at_seconds`.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.policy import compile_policy
from fenqi.policy.errors import PolicyError
from fenqi.v1 import quote_pb2, scoring_pb2
from fenqi.v1.application_pb2 import Application
from fenqi.v1.scoring_pb2 import DECISION_APPROVE, DECISION_DECLINE, DECISION_REFER
from tests.quoting.loans import DATA, SECRET, engine

QUOTED_AT = 1_790_000_000
HOUR = 3600


@pytest.fixture(scope="module")
def deciding() -> Engine:
    return engine("drawdown.yaml")


def quote(by: Engine, **fields: Any) -> quote_pb2.QuoteResponse:
    loan = quote_pb2.LoanTerms(
        principal_fen=1_000_000, annual_rate=0.18, periods=12, disbursed_date_days=20_500
    )
    given: dict[str, Any] = {"customer_key": "c", "loan": loan, "quoted_at_seconds": QUOTED_AT}
    return by.quote(quote_pb2.QuoteRequest(**(given | fields)))


def drawdown(answer: quote_pb2.QuoteResponse, **changes: Any) -> scoring_pb2.ScoreRequest:
    """A drawdown an hour after the quote, acknowledged a minute after it; `changes` by field."""
    acknowledgement = {
        "token": answer.acknowledgement_token,
        "quote_hash": answer.quote_hash,
        "acknowledged_at_seconds": QUOTED_AT + 60,
    }
    loan = {"amount_fen": 1_000_000, "term_months": 12}
    application = {"customer_key": "c"}
    request: dict[str, Any] = {
        "stage": scoring_pb2.STAGE_DRAWDOWN,
        "decided_at_seconds": QUOTED_AT + HOUR,
    }
    for name, value in changes.items():
        for fields in (acknowledgement, loan, application, request):
            if name in fields or (name == "product" and fields is loan):
                fields[name] = value
    return scoring_pb2.ScoreRequest(
        application=Application(
            loan={k: v for k, v in loan.items() if v is not None}, **application
        ),
        acknowledgement={k: v for k, v in acknowledgement.items() if v is not None},
        **request,
    )


def refusal(answer: scoring_pb2.ScoreResponse) -> str:
    """Why a drawdown counts as not acknowledged; empty where it does not."""
    hits = [hit for hit in answer.rule_hits if hit.rule_id == "NO_ACKNOWLEDGEMENT"]
    if not hits:
        return ""
    (hit,) = hits
    assert hit.action == scoring_pb2.RULE_ACTION_DECLINE
    assert hit.reason_code == "NOT_ACKNOWLEDGED"
    return hit.detail


def test_an_acknowledged_quote_is_paid_out(deciding: Engine) -> None:
    answer = deciding.score(drawdown(quote(deciding)))
    assert answer.decision == DECISION_APPROVE
    assert not answer.rule_hits and not answer.reasons


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"token": b""}, "no quote was acknowledged"),
        ({"token": None}, "no quote was acknowledged"),
        ({"token": b"x" * 89}, "not issued for this customer"),
        ({"customer_key": "d"}, "not issued for this customer"),
        ({"customer_key": ""}, "not issued for this customer"),
        ({"quote_hash": b"\0" * 32}, "of another quote"),
        ({"quote_hash": None}, "of another quote"),
        ({"amount_fen": 1_000_001}, "not of the amount"),
        ({"amount_fen": None}, "not of the amount"),
        ({"term_months": 24}, "not of the term"),
        ({"term_months": None}, "not of the term"),
        ({"acknowledged_at_seconds": None}, "acknowledged_at_seconds is missing"),
        ({"acknowledged_at_seconds": QUOTED_AT - 1}, "before it was quoted"),
        ({"acknowledged_at_seconds": QUOTED_AT + HOUR + 1}, "in the future"),
        ({"acknowledged_at_seconds": QUOTED_AT + 29}, "sooner than the quote can be read"),
        ({"decided_at_seconds": QUOTED_AT + 48 * HOUR + 1}, "no longer valid"),
        ({"decided_at_seconds": 2**63 - 1}, "no longer valid"),
    ],
)
def test_without_a_valid_acknowledgement_a_drawdown_is_refused(
    deciding: Engine, changes: dict[str, Any], why: str
) -> None:
    answer = deciding.score(drawdown(quote(deciding), **changes))
    assert answer.decision == DECISION_DECLINE
    assert why in refusal(answer)
    assert [reason.code for reason in answer.reasons] == ["NOT_ACKNOWLEDGED"]


@pytest.mark.parametrize(
    "changes",
    [
        {"acknowledged_at_seconds": QUOTED_AT + 30},
        {"acknowledged_at_seconds": QUOTED_AT + HOUR},
        {"decided_at_seconds": QUOTED_AT + 48 * HOUR},
    ],
)
def test_the_edges_of_reading_time_and_validity_are_within(
    deciding: Engine, changes: dict[str, Any]
) -> None:
    answer = deciding.score(drawdown(quote(deciding), **changes))
    assert answer.decision == DECISION_APPROVE


def test_a_quote_that_asks_for_more_reading_is_held_to_it(deciding: Engine) -> None:
    answer = quote(deciding, minimum_reading_seconds=61)
    assert "sooner" in refusal(deciding.score(drawdown(answer)))
    # Less than the policy's is raised to it when the quote is made.
    assert quote(deciding, minimum_reading_seconds=5).quote.minimum_reading_seconds == 30


def test_a_quote_says_how_long_it_is_good(deciding: Engine) -> None:
    assert quote(deciding).quote.valid_seconds == 48 * HOUR
    assert not quote(engine("rules_only.yaml")).quote.HasField("valid_seconds")


def test_every_flipped_byte_of_a_token_refuses_the_drawdown(deciding: Engine) -> None:
    answer = quote(deciding)
    for place in range(len(answer.acknowledgement_token)):
        token = bytearray(answer.acknowledgement_token)
        token[place] ^= 1
        assert refusal(deciding.score(drawdown(answer, token=bytes(token))))


def test_a_token_ends_in_the_hmac_of_its_terms_and_the_customer(deciding: Engine) -> None:
    token = quote(deciding).acknowledgement_token
    assert hmac.new(SECRET, token[:-32] + b"c", hashlib.sha256).digest() == token[-32:]


def test_rules_are_checked_again_with_a_valid_acknowledgement(deciding: Engine) -> None:
    answer = deciding.score(drawdown(quote(deciding), product="blocked"))
    assert answer.decision == DECISION_DECLINE
    assert [reason.code for reason in answer.reasons] == ["PRODUCT"]


def test_other_stages_need_no_acknowledgement(deciding: Engine) -> None:
    for stage in (scoring_pb2.STAGE_APPLICATION, scoring_pb2.STAGE_UNSPECIFIED):
        request = drawdown(quote(deciding), token=None, stage=stage)
        assert deciding.score(request).decision == DECISION_APPROVE


def test_a_policy_without_the_key_drawdown_asks_for_none() -> None:
    request = drawdown(quote_pb2.QuoteResponse(), token=None)
    assert engine("rules_only.yaml").score(request).decision == DECISION_APPROVE


def test_a_server_without_a_key_issues_no_token_and_refuses_those_of_others(
    deciding: Engine,
) -> None:
    without = engine("drawdown.yaml", key=b"")
    assert quote(without).acknowledgement_token == b""
    assert "acknowledgement_key" in refusal(without.score(drawdown(quote(deciding))))


def test_another_key_does_not_open_a_token(deciding: Engine) -> None:
    other = engine("drawdown.yaml", key=b"f" * 64)
    assert "not issued" in refusal(other.score(drawdown(quote(deciding))))


def test_a_key_is_32_to_64_bytes() -> None:
    for size in (1, 31, 65):
        with pytest.raises(ConfigurationError, match="32 to 64 bytes"):
            Engine(b"k" * size)


def policy_with(tmp_path: Path, **changes: Any) -> Path:
    policy = yaml.safe_load((DATA / "drawdown.yaml").read_text(encoding="utf-8"))
    policy["drawdown"] |= changes
    path = tmp_path / "drawdown.yaml"
    path.write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    return path


def test_a_policy_may_refer_instead(tmp_path: Path) -> None:
    refers = Engine.from_policy(policy_with(tmp_path, then="refer"), acknowledgement_key=SECRET)
    answer = refers.score(drawdown(quote(refers), token=None))
    assert answer.decision == DECISION_REFER
    assert [reason.code for reason in answer.reasons] == ["NOT_ACKNOWLEDGED"]


MISTAKES = [
    pytest.param({"reason": "NOBODY"}, "NOBODY has no text", id="reason"),
    pytest.param({"then": "approve"}, "then", id="then"),
    pytest.param({"valid_hours": 0}, "valid_hours", id="valid_hours"),
    pytest.param({"minimum_reading_seconds": -1}, "minimum_reading_seconds", id="reading"),
    pytest.param({"acknowledgement": "optional"}, "acknowledgement", id="acknowledgement"),
]


@pytest.mark.parametrize(("changes", "words"), MISTAKES)
def test_a_mistake_in_the_policy_is_named(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(PolicyError, match=words):
        compile_policy(policy_with(tmp_path, **changes))

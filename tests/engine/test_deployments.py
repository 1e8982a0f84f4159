"""Champion, canary and shadows through the Python engine.

Oracles: hashlib for who is drawn, NumPy for distributions and their drift.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.deployment import Canary, Deployment, LoadedRelease, RoleTraffic, Traffic
from fenqi.engine import Engine
from fenqi.errors import CallError, StatusCode
from fenqi.v1 import scoring_pb2
from tests.engine.small_release import image_of, request_of

# log(1 + AMOUNT) makes a probability of default below one half with weight -1, above with 1.
AMOUNT = 1000


def load(engine: Engine, weight: float, **options: float) -> LoadedRelease:
    return engine.load(image_of(weight, **options).SerializeToString())


def answer(engine: Engine, request: bytes) -> scoring_pb2.ScoreResponse:
    return scoring_pb2.ScoreResponse.FromString(engine.score_bytes(request))


def wait_for(engine: Engine, condition: Callable[[Traffic], bool]) -> Traffic:
    """The traffic once the observer has come so far."""
    for _ in range(3000):
        traffic = engine.traffic()
        assert traffic is not None
        if condition(traffic):
            return traffic
        time.sleep(0.01)
    raise AssertionError(f"not within half a minute: {traffic}")


@pytest.fixture(scope="module")
def drawn() -> tuple[Engine, LoadedRelease, LoadedRelease]:
    engine = Engine()
    return engine, load(engine, -1.0), load(engine, 1.0)


@settings(max_examples=60, deadline=None)
@given(
    salt=st.text(max_size=20),
    customer=st.text(max_size=128).filter(lambda text: len(text.encode()) <= 128),
    share=st.floats(min_value=0.0, max_value=1.0),
)
def test_who_meets_the_canary_is_told_by_a_hash_of_salt_and_customer(
    drawn: tuple[Engine, LoadedRelease, LoadedRelease], salt: str, customer: str, share: float
) -> None:
    engine, champion, canary = drawn
    engine.deploy(Deployment(champion, Canary(canary, share, salt)))
    digest = hashlib.sha256(f"{salt}:{customer}".encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % 10000
    expected = canary if customer and bucket < share * 10000 - 1e-9 else champion
    found = answer(engine, request_of(AMOUNT, customer))
    assert found.release.content_hash == expected.content_hash


def test_publishing_an_image_deploys_it_as_the_only_champion() -> None:
    engine = Engine()
    assert engine.deployment is None
    assert engine.traffic() is None
    engine.publish(image_of(-1.0).SerializeToString())
    deployment = engine.deployment
    assert deployment is not None
    assert (deployment.canary, deployment.shadows) == (None, ())
    assert engine.release == deployment.champion.description
    assert engine.release.models[0].slot == "risk"


def test_an_image_that_cannot_be_loaded_leaves_what_is_deployed() -> None:
    engine = Engine()
    engine.publish(image_of(-1.0).SerializeToString())
    broken = image_of(1.0)
    broken.models[0].onnx = broken.models[0].onnx[:40]
    with pytest.raises(CallError, match=r"small/1\.0"):
        engine.publish(broken.SerializeToString())
    assert answer(engine, request_of(AMOUNT)).release.models[0].version == "-1.0"


def test_traffic_is_counted_by_role_decision_and_status() -> None:
    engine = Engine()
    champion, canary = load(engine, -1.0), load(engine, 1.0)
    engine.deploy(Deployment(champion, Canary(canary, 1.0, "s")))
    for number in range(6):
        engine.score_bytes(request_of(AMOUNT, "" if number < 2 else f"c{number}"))
    with pytest.raises(CallError) as caught:
        engine.score_bytes(b"\xff")
    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    traffic = engine.traffic()
    assert traffic is not None
    assert traffic.canary is not None
    assert traffic.champion.content_hash == champion.content_hash
    assert traffic.champion.requests == 3
    assert traffic.champion.errors == {StatusCode.INVALID_ARGUMENT: 1}
    assert traffic.champion.decisions["approve"] == 2
    assert traffic.champion.latency["count"] == 2
    assert traffic.champion.latency["max_us"] > 0
    assert traffic.champion.comparison is None
    assert traffic.canary.decisions == {
        "approve": 0,
        "counter_offer": 0,
        "refer": 0,
        "decline": 4,
    }


def test_where_a_canary_fails_the_champion_answers_and_the_canary_never_agrees() -> None:
    engine = Engine()
    champion = load(engine, -1.0)
    engine.deploy(Deployment(champion, Canary(load(engine, np.nan), 1.0, "s")))
    for customer in ("c0", "c1", "c2", "c3", "c4", ""):
        found = answer(engine, request_of(AMOUNT, customer))
        assert found.decision == scoring_pb2.DECISION_APPROVE
        assert found.release.content_hash == champion.content_hash
    # The champion's first answer is a sample, which the canary cannot score either.
    traffic = wait_for(engine, lambda now: missed(now.canary) == 6)
    assert traffic.champion.requests == 6
    assert traffic.canary is not None
    assert traffic.canary.comparison is not None
    assert traffic.canary.errors == {StatusCode.INTERNAL: 5}
    assert traffic.canary.comparison.compared == traffic.canary.comparison.agreed == 0
    assert traffic.champion.errors == {}


def test_a_request_that_neither_can_answer_fails_and_counts_for_both() -> None:
    engine = Engine()
    engine.deploy(Deployment(load(engine, np.nan), Canary(load(engine, np.nan), 1.0, "s")))
    with pytest.raises(CallError) as caught:
        engine.score_bytes(request_of(AMOUNT, "c"))
    assert caught.value.code is StatusCode.INTERNAL
    traffic = engine.traffic()
    assert traffic is not None and traffic.canary is not None
    assert traffic.champion.errors == traffic.canary.errors == {StatusCode.INTERNAL: 1}


def test_the_columns_of_what_the_canary_answers_are_counted_too() -> None:
    engine = Engine()
    built = image_of(1.0)
    built.models[0].columns.add(name="amount", edges=[500.0], counts=[10, 10, 0])
    canary = engine.load(built.SerializeToString())
    engine.deploy(Deployment(load(engine, -1.0), Canary(canary, 1.0, "s")))
    for number in range(32):
        engine.score_bytes(request_of(AMOUNT, f"c{number}"))

    def counted(now: Traffic) -> bool:
        return now.canary is not None and now.canary.columns["risk", "amount"].requests == 2

    # One in 16.
    wait_for(engine, counted)


def missed(role: RoleTraffic | None) -> int:
    assert role is not None
    assert role.comparison is not None
    return role.comparison.missed


def test_a_shadow_that_fails_changes_no_answer_and_never_agrees() -> None:
    engine = Engine()
    champion = load(engine, -1.0)
    alone = Engine()
    alone.publish(image_of(-1.0).SerializeToString())
    engine.deploy(Deployment(champion, shadows=(load(engine, np.nan), load(engine, -1.0))))
    for number in range(40):
        request = request_of(AMOUNT + number, f"c{number}")
        assert engine.score_bytes(request) == alone.score_bytes(request)
    traffic = wait_for(engine, lambda now: missed(now.shadows[0]) == 40)
    failing, same = traffic.shadows
    assert failing.comparison is not None
    assert failing.errors == {StatusCode.INTERNAL: 40}
    assert failing.comparison.compared == failing.comparison.agreed == 0
    assert same.comparison is not None
    assert same.comparison.compared == same.comparison.agreed == 40
    assert same.comparison.mean_difference == 0.0


def test_the_swap_set_and_the_difference_in_probability_are_those_of_both_answers() -> None:
    engine, other = Engine(), Engine()
    other.publish(image_of(-1.0, approve=0.0009).SerializeToString())
    engine.deploy(
        Deployment(load(engine, -1.2), shadows=(load(engine, -1.0, approve=0.0009),)),
    )
    requests = [request_of(amount) for amount in range(100, 3000, 50)]
    pairs = [(answer(engine, request), answer(other, request)) for request in requests]
    traffic = wait_for(engine, lambda now: sum(now.shadows[0].decisions.values()) == len(requests))
    comparison = traffic.shadows[0].comparison
    assert comparison is not None
    swaps = np.zeros((4, 4), int)
    for own, shadow in pairs:
        swaps[own.decision - 1, shadow.decision - 1] += 1
    assert np.array_equal(comparison.swaps, swaps)
    assert (swaps > 0).sum() == 2
    assert comparison.agreed == np.trace(swaps)
    differences = [abs(a.probability_of_default - b.probability_of_default) for a, b in pairs]
    assert comparison.mean_difference == pytest.approx(np.mean(differences), rel=1e-12)


def psi(counts: np.ndarray, reference: np.ndarray) -> float:
    half = np.where((counts == 0) | (reference == 0), 0.5, 0.0)
    a = (counts + half) / (counts + half).sum()
    e = (reference + half) / (reference + half).sum()
    return float(((a - e) * np.log(a / e)).sum())


def test_scores_and_columns_are_counted_in_the_artifacts_bins_and_their_drift_is_known() -> None:
    rng = np.random.default_rng(5)
    amounts = rng.integers(1, 100_000, 640)
    score_edges, score_counts = [5.0, 8.0, 9.5, 10.5], [10, 20, 400, 300, 70]
    edges, counts, missing = [20_000.0, 50_000.0, 50_001.0], [30, 40, 0, 40], 7
    built = image_of(-1.0)
    built.models[0].score_edges.extend(score_edges)
    built.models[0].score_counts.extend(score_counts)
    built.models[0].columns.add(name="amount", edges=edges, counts=[*counts, missing])
    engine = Engine()
    engine.publish(built.SerializeToString())
    scores = [answer(engine, request_of(int(amount))).score for amount in amounts]

    traffic = wait_for(
        engine, lambda now: now.champion.columns["risk", "amount"].requests == len(amounts) // 16
    )
    (found,) = traffic.champion.scores
    expected = np.bincount(np.digitize(scores, score_edges), minlength=5)
    assert found.slot == "risk"
    assert found.edges == tuple(score_edges)
    assert np.array_equal(found.counts, expected)
    assert found.drift.requests == len(amounts)
    assert found.drift.psi == pytest.approx(psi(expected, np.array(score_counts)), rel=1e-12)
    # Chi-square's quantile 0.95 for 4 degrees of freedom is 9.4877.
    assert found.drift.noise_bound == pytest.approx(9.4877 * (1 / 640 + 1 / 800), rel=1e-4)

    sample = amounts[::16].astype(np.float64)
    column = np.append(np.bincount(np.digitize(sample, edges), minlength=4), 0)
    drift = traffic.champion.columns["risk", "amount"]
    assert drift.psi == pytest.approx(psi(column, np.array([*counts, missing])), rel=1e-12)


@pytest.mark.parametrize(
    ("edges", "counts"),
    [([1.0, 0.5], [1, 1, 1]), ([1.0], [1]), ([np.inf], [1, 1]), ([1.0], [])],
)
def test_a_reference_that_makes_no_sense_is_refused(edges: list[float], counts: list[int]) -> None:
    built = image_of(-1.0)
    built.models[0].score_edges.extend(edges)
    built.models[0].score_counts.extend(counts)
    with pytest.raises(CallError, match="the reference of its scores or columns makes no sense"):
        Engine().load(built.SerializeToString())


def test_a_release_is_ready_when_its_golden_requests_meet_the_budget() -> None:
    engine = Engine()
    release = load(engine, -1.0)
    golden = [request_of(amount) for amount in range(1, 50)]
    ready = engine.prepare(release, golden, 1e9)
    assert ready.ready
    assert (ready.requests, ready.failed, ready.why) == (49, 0, "")
    assert 0 < ready.p50_us <= ready.p99_us
    slow = engine.prepare(release, golden, 0.001)
    assert not slow.ready
    assert "above the budget" in slow.why
    failing = engine.prepare(load(engine, np.nan), golden, 1e9)
    assert not failing.ready
    assert failing.failed == 49
    assert "golden request 0: model small/nan" in failing.why

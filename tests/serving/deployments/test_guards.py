"""Guards: when a canary is stopped, and when not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi.deployment import Drift, RoleTraffic, ScoreDistribution
from fenqi.errors import StatusCode
from fenqi.serving.deployments.guards import ErrorWindow, Guard, Limits, breaches
from tests.serving.site import Site

LIMITS = Limits(requests=1000, error_share=0.001, p99_us=500, p99_ratio=2, psi=0.25)


def traffic(
    requests: int = 10_000, p99_us: float = 100.0, psi: Drift | None = None, **errors: int
) -> RoleTraffic:
    scores = () if psi is None else (ScoreDistribution("score", (), (psi.requests,), psi),)
    return RoleTraffic(
        content_hash="c" * 64,
        requests=requests,
        errors={StatusCode[name]: count for name, count in errors.items()},
        decisions={},
        scores=scores,
        columns={},
        latency={"count": 0, "p50_us": 0, "p99_us": p99_us, "p999_us": 0, "max_us": 0},
        comparison=None,
    )


def judged(
    canary: RoleTraffic, champion: RoleTraffic | None = None, limits: Limits = LIMITS
) -> Any:
    window = ErrorWindow(limits.requests)
    return breaches(canary, champion or traffic(), limits, window)


def test_a_canary_within_all_limits_goes_on() -> None:
    drift = Drift(value=0.2, bound=0.02, requests=10_000)
    assert judged(traffic(psi=drift, INTERNAL=10)) == []


@pytest.mark.parametrize(
    ("canary", "message"),
    [
        (traffic(INTERNAL=11), r"0\.110% of its requests failed, 0\.100% may"),
        (traffic(p99_us=501), "its p99 is 501 us, 500 us is allowed"),
        (traffic(p99_us=201), r"2\.0 times the champion's; 2 times is allowed"),
        (traffic(psi=Drift(0.3, 0.02, 10_000)), r"PSI 0\.300 in slot score, 0\.250 is allowed"),
    ],
)
def test_each_limit_that_is_broken_is_told_by_how_much(canary: RoleTraffic, message: str) -> None:
    found = judged(canary)
    assert any(re.search(message, one) for one in found), found


@given(
    requests=st.integers(0, LIMITS.requests - 1),
    failed=st.integers(0, 1000),
    p99_us=st.floats(0, 1e6),
    psi=st.floats(0, 10),
)
def test_before_it_has_the_least_requests_a_canary_is_not_judged(
    requests: int, failed: int, p99_us: float, psi: float
) -> None:
    drift = Drift(psi, 0.0, requests)
    assert judged(traffic(requests, p99_us, drift, INTERNAL=failed)) == []


@given(psi=st.floats(0, 2), bound=st.floats(0, 2))
def test_drift_alarms_above_both_its_limit_and_its_noise(psi: float, bound: float) -> None:
    assert bool(judged(traffic(psi=Drift(psi, bound, 2000)))) == (psi > max(LIMITS.psi, bound))


def test_wrong_requests_are_the_callers_fault_and_not_the_canarys() -> None:
    assert judged(traffic(INVALID_ARGUMENT=9000, RESOURCE_EXHAUSTED=500)) == []


def test_a_limit_of_zero_is_none_and_a_champion_without_traffic_is_no_measure() -> None:
    free = Limits(requests=1000, error_share=1, p99_us=0, p99_ratio=0, psi=0)
    assert judged(traffic(p99_us=1e6, psi=Drift(9, 0, 9999), INTERNAL=9999), limits=free) == []
    slow = traffic(p99_us=400)
    assert judged(slow, champion=traffic(requests=10, p99_us=1)) == []
    assert judged(slow, champion=traffic(p99_us=1)) != []


def test_a_canary_that_turns_bad_after_long_is_judged_by_its_newest_requests() -> None:
    window = ErrorWindow(1000)
    assert window.share(1_000_000, 0) == 0
    assert window.share(1_000_500, 5) is None
    assert window.share(1_001_000, 10) == 0.01
    assert window.share(1_002_000, 10) == 0


def test_a_canary_that_breaks_a_limit_is_stopped_and_the_history_says_why(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.deployments() as deployments:
        file = site.write_policy(2, "rules_2.yaml")
        release = deployments.stage("chen", file, {}, "y", False).origin.content_hash
        deployments.set_canary("chen", release, 0.1, "to see", False)
        real = deployments.engine.traffic

        def failing() -> Any:
            figures = real()
            assert figures is not None and figures.canary is not None
            bad = traffic(INTERNAL=500)
            return replace(figures, canary=replace(bad, content_hash=release))

        monkeypatch.setattr(deployments.engine, "traffic", failing)
        guard = Guard(deployments, LIMITS, poll_seconds=0.01)
        guard.start()
        events = deployments.state.history.wait(3, 10)
        guard.stop()
        assert deployments.current.canary is None
        assert deployments.engine.deployment is not None
        assert deployments.engine.deployment.canary is None
        assert (events[0].kind, events[0].who, events[0].release) == ("guard", "guard", release)
        assert "5.000% of its requests failed" in events[0].why


def test_a_guard_stops_only_the_canary_that_it_judged(site: Site) -> None:
    with site.deployments() as deployments:
        for number in (2, 3):
            file = site.write_policy(number, f"rules_{number}.yaml")
            release = deployments.stage("chen", file, {}, "y", False).origin.content_hash
            judged_number = deployments.current.number
            deployments.set_canary("chen", release, 0.1, "to see", False)
        deployments.stop_canary(judged_number, "guard", "too late")
        deployments.set_shadows("chen", [], "to see", False)
        canary = deployments.current.canary
        assert canary is not None and canary.release == release

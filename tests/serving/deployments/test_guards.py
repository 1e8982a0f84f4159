"""Guards: when a canary is stopped, and when not."""

from __future__ import annotations

import errno
import re
import threading
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi.deployment import Drift, RoleTraffic, ScoreDistribution
from fenqi.errors import StatusCode
from fenqi.serving.deployments import records
from fenqi.serving.deployments.guards import Guard, Judge, Limits
from tests.serving.site import Site

LIMITS = Limits(requests=1000, error_share=0.001, p99_us=500, p99_ratio=2, psi=0.25)


def traffic(
    requests: int = 10_000,
    p99_us: float = 100.0,
    psi: Drift | None = None,
    columns: dict[str, Drift] | None = None,
    **errors: int,
) -> RoleTraffic:
    scores = () if psi is None else (ScoreDistribution("score", (), (psi.requests,), psi),)
    return RoleTraffic(
        content_hash="c" * 64,
        requests=requests,
        errors={StatusCode[name]: count for name, count in errors.items()},
        decisions={},
        scores=scores,
        columns={("score", column): drift for column, drift in (columns or {}).items()},
        latency={"count": 0, "p50_us": 0, "p99_us": 0, "p999_us": 0, "max_us": 0},
        latency_counts={p99_us: requests - sum(errors.values())},
        comparison=None,
    )


def judged(
    canary: RoleTraffic, champion: RoleTraffic | None = None, limits: Limits = LIMITS
) -> Any:
    return Judge(limits, traffic(0)).breaches(canary, champion or traffic())


def test_a_canary_within_all_limits_goes_on() -> None:
    drift = Drift(psi=0.2, noise_bound=0.02, requests=10_000)
    assert judged(traffic(psi=drift, INTERNAL=10)) == []


COLUMNS = {
    "age": Drift(0.5, 0.1, 600),
    "city": Drift(0.05, 0.1, 600),
    **{f"b{number}": Drift(0.2 + number / 10, 0.1, 600) for number in range(3)},
}


@pytest.mark.parametrize(
    ("canary", "message"),
    [
        (
            traffic(INTERNAL=8, UNKNOWN=3),
            r"0\.110% of 10000 requests failed \(UNKNOWN 3, INTERNAL 8\), 0\.100% may",
        ),
        (traffic(p99_us=501), "its p99 is 501 us, 500 us is allowed"),
        (traffic(p99_us=201), r"2\.0 times the champion's 100 us; 2 times is allowed"),
        (
            traffic(psi=Drift(0.3, 0.02, 10_000), columns=COLUMNS),
            r"PSI 0\.300 in slot score, 0\.250 is allowed; of its columns have moved age 0\.500 "
            r"\(chance 0\.100\), b2 0\.400 \(chance 0\.100\), b1 0\.300 \(chance 0\.100\)$",
        ),
        (traffic(psi=Drift(0.3, 0.02, 10_000)), "none of its columns has moved beyond chance"),
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
    judge = Judge(LIMITS, traffic(0))
    champion = traffic(10_000_000)
    assert judge.breaches(traffic(1_000_000), champion) == []
    assert judge.breaches(traffic(1_000_500, INTERNAL=5), champion) == []
    assert "1.000% of 1000" in judge.breaches(traffic(1_001_000, INTERNAL=10), champion)[0]
    # It is not forgotten while it is being stopped.
    assert "0.917% of 1200" in judge.breaches(traffic(1_001_200, INTERNAL=11), champion)[0]


def test_a_canary_that_turns_slow_after_long_is_stopped_soon() -> None:
    judge = Judge(LIMITS, traffic(0))
    fast = traffic(1_000_000)
    assert judge.breaches(fast, fast) == []
    slow = replace(fast, requests=1_001_000, latency_counts={100.0: 1_000_980, 501.0: 20})
    assert judge.breaches(slow, fast) == ["its p99 is 501 us, 500 us is allowed"]


def test_latency_is_compared_with_what_the_champion_answered_meanwhile() -> None:
    # At night the champion was fast; since the canary began, both have been slow.
    night = traffic(1_000_000, p99_us=50)
    judge = Judge(LIMITS, night)
    now = replace(night, requests=1_002_000, latency_counts={50.0: 1_000_000, 300.0: 2000})
    assert judge.breaches(traffic(2000, p99_us=300), now) == []
    slower = replace(now, requests=1_004_000, latency_counts={**now.latency_counts, 120.0: 2000})
    canary = traffic(4000, p99_us=300)
    assert "2.5 times the champion's 120 us" in judge.breaches(canary, slower)[0]


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
        assert "5.000% of 10000 requests failed (INTERNAL 500)" in events[0].why


def test_a_disk_that_is_full_does_not_end_the_guard(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with site.deployments() as deployments:
        file = site.write_policy(2, "rules_2.yaml")
        release = deployments.stage("chen", file, {}, "y", False).origin.content_hash
        deployments.set_canary("chen", release, 0.1, "to see", False)
        real = deployments.engine.traffic

        def failing() -> Any:
            figures = real()
            assert figures is not None
            bad = replace(traffic(INTERNAL=500), content_hash=release)
            return replace(figures, canary=None if figures.canary is None else bad)

        monkeypatch.setattr(deployments.engine, "traffic", failing)
        guard = Guard(deployments, LIMITS, poll_seconds=0.01)
        with monkeypatch.context() as full:
            error = OSError(errno.ENOSPC, "No space left on device")
            tried = Mock(side_effect=error)
            full.setattr(records, "write_durably", tried)
            guard.start()
            while tried.call_count < 3:
                threading.Event().wait(0.01)
            assert deployments.current.canary is not None
        events = deployments.state.history.wait(3, 10)
        guard.stop()
        assert [event.kind for event in events] == ["guard"]
        told = capfd.readouterr().err.splitlines()
        assert told[0] == "guard: the deployment cannot be written: No space left on device"


def test_a_guard_stops_only_the_canary_that_it_judged(site: Site) -> None:
    with site.deployments() as deployments:
        for number in (2, 3):
            file = site.write_policy(number, f"rules_{number}.yaml")
            release = deployments.stage("chen", file, {}, "y", False).origin.content_hash
            judged_number = deployments.current.number
            deployments.set_canary("chen", release, 0.1, "to see", False)
        deployments.stop_canary(judged_number, "guard", "too late").result()
        deployments.set_shadows("chen", [], "to see", False)
        canary = deployments.current.canary
        assert canary is not None and canary.release == release

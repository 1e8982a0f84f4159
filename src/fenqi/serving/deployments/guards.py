"""Guards: what a canary may not do. One that does is stopped, and the history says why."""

from __future__ import annotations

from dataclasses import dataclass

from fenqi.deployment import RoleTraffic
from fenqi.errors import StatusCode
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.polling import Polling

GUARD = "guard"
_POLL_SECONDS = 1.0

# Failures that the caller has no part in. Whether a request is valid never depends on the release.
_OWN_FAILURES = (
    StatusCode.UNKNOWN,
    StatusCode.INTERNAL,
    StatusCode.UNAVAILABLE,
    StatusCode.DATA_LOSS,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a canary. A limit of 0 for latency or drift is none."""

    # Requests before it is judged; also how many requests the share of errors is taken over.
    requests: int
    error_share: float
    p99_us: float
    # In the champion's p99.
    p99_ratio: float
    psi: float


class ErrorWindow:
    """Requests and failures of a canary, in stretches of at least `requests` requests, so that a
    canary that ran well for long is stopped soon after it turns bad."""

    def __init__(self, requests: int) -> None:
        self._least = requests
        self._from = (0, 0)

    def share(self, requests: int, failed: int) -> float | None:
        """The share that failed since the last stretch; None where it is not full yet."""
        count = requests - self._from[0]
        if count < self._least:
            return None
        share = (failed - self._from[1]) / count
        self._from = (requests, failed)
        return share


def breaches(
    canary: RoleTraffic, champion: RoleTraffic, limits: Limits, window: ErrorWindow
) -> list[str]:
    """Which limits the canary breaks, a sentence each. None before it has `limits.requests`."""
    if canary.requests < limits.requests:
        return []
    found = []
    share = window.share(canary.requests, _own_failures(canary))
    if share is not None and share > limits.error_share:
        found.append(f"{share:.3%} of its requests failed, {limits.error_share:.3%} may")
    p99 = canary.latency["p99_us"]
    if limits.p99_us and p99 > limits.p99_us:
        found.append(f"its p99 is {p99:.0f} us, {limits.p99_us:.0f} us is allowed")
    base = champion.latency["p99_us"]
    enough = champion.requests >= limits.requests
    if limits.p99_ratio and enough and p99 > limits.p99_ratio * base:
        found.append(
            f"its p99 is {p99:.0f} us, {p99 / base:.1f} times the champion's; "
            f"{limits.p99_ratio:g} times is allowed"
        )
    found += _drift(canary, limits)
    return found


def _own_failures(traffic: RoleTraffic) -> int:
    return sum(traffic.errors.get(code, 0) for code in _OWN_FAILURES)


def _drift(canary: RoleTraffic, limits: Limits) -> list[str]:
    """Small numbers of requests must not alarm on noise: the limit is never below what chance
    stays below in 95 of 100 cases (Yurdakul 2018)."""
    if not limits.psi:
        return []
    return [
        f"its scores have drifted: PSI {score.psi.value:.3f} in slot {score.slot}, "
        f"{max(limits.psi, score.psi.bound):.3f} is allowed"
        for score in canary.scores
        if score.psi.requests >= limits.requests
        and score.psi.value > max(limits.psi, score.psi.bound)
    ]


class Guard(Polling):
    """Watches the canary from `start` until `stop`, and stops it where it breaks a limit."""

    def __init__(
        self,
        deployments: Deployments,
        limits: Limits,
        poll_seconds: float = _POLL_SECONDS,
    ) -> None:
        super().__init__("guard", poll_seconds)
        self._deployments = deployments
        self._limits = limits
        self._release = ""
        self._window = ErrorWindow(limits.requests)

    def _look(self) -> None:
        self._deployments.lapse()
        record = self._deployments.current
        if record.canary is None:
            return
        if record.canary.release != self._release:
            self._release = record.canary.release
            self._window = ErrorWindow(self._limits.requests)
        traffic = self._deployments.engine.traffic()
        canary = None if traffic is None else traffic.canary
        if traffic is None or canary is None or canary.content_hash != record.canary.release:
            return
        broken = breaches(canary, traffic.champion, self._limits, self._window)
        if broken:
            self._deployments.stop_canary(record.number, GUARD, "; ".join(broken))

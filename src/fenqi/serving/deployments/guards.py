"""Guards: what a canary may not do. One that does is stopped, and the history says why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from fenqi.deployment import RoleTraffic
from fenqi.errors import StatusCode
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.polling import Polling

GUARD = "guard"
_POLL_SECONDS = 1.0
# So many of the columns that moved most are told.
_TOLD_COLUMNS = 3

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

    # Requests before it is judged; also how many requests a judgement rests on at least.
    requests: int
    error_share: float
    p99_us: float
    # In the champion's p99.
    p99_ratio: float
    psi: float


class Judge:
    """Judges one canary, again and again.

    Errors and latency are those of the newest requests, at least `limits.requests` of them, so
    that a canary that ran well for long is stopped soon after it turns bad; latency is compared
    with what the champion answered meanwhile, when the machine had as much to do. Drift is of all
    its requests.
    """

    def __init__(self, limits: Limits, champion: RoleTraffic) -> None:
        """`champion`: its figures when the canary began."""
        self._limits = limits
        # What was known when errors and latency, and when their ratio, were judged last.
        self._judged = _Counted(0, {}, {})
        self._compared = (_Counted(0, {}, {}), _Counted.of(champion))

    def breaches(self, canary: RoleTraffic, champion: RoleTraffic) -> list[str]:
        """Which limits the canary breaks, a sentence each. None before it has `limits.requests`."""
        found = self._by_itself(_Counted.of(canary))
        found += self._beside(_Counted.of(canary), _Counted.of(champion))
        return found + _drift(canary, self._limits)

    def _by_itself(self, canary: _Counted) -> list[str]:
        limits, newest = self._limits, canary.since(self._judged)
        if newest.requests < limits.requests:
            return []
        found = []
        failed = {code: newest.errors[code] for code in _OWN_FAILURES if newest.errors.get(code)}
        share = sum(failed.values()) / newest.requests
        if share > limits.error_share:
            by_code = ", ".join(f"{code.name} {count}" for code, count in failed.items())
            found.append(
                f"{share:.3%} of {newest.requests} requests failed ({by_code}), "
                f"{limits.error_share:.3%} may"
            )
        p99 = newest.p99_us
        if limits.p99_us and p99 is not None and p99 > limits.p99_us:
            found.append(f"its p99 is {p99:.0f} us, {limits.p99_us:.0f} us is allowed")
        if not found:
            self._judged = canary
        return found

    def _beside(self, canary: _Counted, champion: _Counted) -> list[str]:
        limits = self._limits
        own, base = canary.since(self._compared[0]), champion.since(self._compared[1])
        if not limits.p99_ratio or min(own.requests, base.requests) < limits.requests:
            return []
        p99, base_p99 = own.p99_us, base.p99_us
        if p99 is not None and base_p99 and p99 > limits.p99_ratio * base_p99:
            return [
                f"its p99 is {p99:.0f} us, {p99 / base_p99:.1f} times the champion's "
                f"{base_p99:.0f} us; {limits.p99_ratio:g} times is allowed"
            ]
        self._compared = (canary, champion)
        return []


@dataclass(frozen=True, slots=True)
class _Counted:
    """What a release had done at some moment, or between two."""

    requests: int
    errors: Mapping[StatusCode, int]
    # Answered requests, by microseconds that they took at most.
    latency: Mapping[float, int]

    @classmethod
    def of(cls, traffic: RoleTraffic) -> _Counted:
        return cls(traffic.requests, traffic.errors, traffic.latency_counts)

    def since(self, earlier: _Counted) -> _Counted:
        return _Counted(
            self.requests - earlier.requests,
            {code: count - earlier.errors.get(code, 0) for code, count in self.errors.items()},
            {us: count - earlier.latency.get(us, 0) for us, count in self.latency.items()},
        )

    @property
    def p99_us(self) -> float | None:
        """None where nothing was answered."""
        wanted = math.ceil(0.99 * sum(self.latency.values()))
        seen = 0
        for us in sorted(self.latency):
            seen += self.latency[us]
            if seen and seen >= wanted:
                return us
        return None


def _drift(canary: RoleTraffic, limits: Limits) -> list[str]:
    """Small numbers of requests must not alarm on noise: the limit is never below what chance
    stays below in 95 of 100 cases (Yurdakul 2018)."""
    if not limits.psi:
        return []
    return [
        f"its scores have drifted: PSI {score.drift.psi:.3f} in slot {score.slot}, "
        f"{max(limits.psi, score.drift.noise_bound):.3f} is allowed{_moved(canary, score.slot)}"
        for score in canary.scores
        if score.drift.requests >= limits.requests
        and score.drift.psi > max(limits.psi, score.drift.noise_bound)
    ]


def _moved(canary: RoleTraffic, slot: str) -> str:
    """The columns that moved most, as far as chance does not explain it: whether the applicants
    have changed or the model."""
    moved = [
        (drift.psi, column, drift.noise_bound)
        for (of, column), drift in canary.columns.items()
        if of == slot and drift.psi > drift.noise_bound
    ]
    if not moved:
        return "; none of its columns has moved beyond chance"
    told = ", ".join(
        f"{column} {value:.3f} (chance {bound:.3f})"
        for value, column, bound in sorted(moved, reverse=True)[:_TOLD_COLUMNS]
    )
    return f"; of its columns have moved {told}"


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
        self._judge: Judge | None = None
        # What the judge judges, and how many requests it had.
        self._release, self._requests = "", 0
        self._stopping: Future[None] | None = None

    def _look(self) -> None:
        self._deployments.lapse()
        if self._stopping is not None:
            if not self._stopping.done():
                return
            stopping, self._stopping = self._stopping, None
            stopping.result()
        record = self._deployments.current
        traffic = self._deployments.engine.traffic()
        canary = None if traffic is None else traffic.canary
        if record.canary is None or traffic is None or canary is None:
            self._judge = None
            return
        if canary.content_hash != record.canary.release:
            return
        # One that was stopped and set again counts from 0.
        begins = canary.content_hash != self._release or canary.requests < self._requests
        if self._judge is None or begins:
            self._judge = Judge(self._limits, traffic.champion)
        self._release, self._requests = canary.content_hash, canary.requests
        broken = self._judge.breaches(canary, traffic.champion)
        if broken:
            why = "; ".join(broken)
            self._stopping = self._deployments.stop_canary(record.number, GUARD, why)

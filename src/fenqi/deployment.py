"""What an engine answers with, and what became of it.

A release is one policy with its models, loaded. A deployment says which release answers (the
champion), which answers a share of the customers (the canary), and which only score the same
requests, off the path of requests, to be compared (shadows).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from fenqi.errors import StatusCode
from fenqi.v1.scoring_pb2 import Decision, Release

if TYPE_CHECKING:
    from fenqi import _native

# In the order of their numbers.
DECISIONS = tuple(
    name.removeprefix("DECISION_").lower() for name, number in Decision.items() if number > 0
)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedRelease:
    """A release in the core's memory, which is given back when nothing refers to it any more."""

    native: _native.Release
    description: Release

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything that it was compiled from, lower-case hex."""
        return self.description.content_hash


class StageLatency(TypedDict):
    """How long a stage took over `count` requests, microseconds."""

    count: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a release may take traffic. Microseconds are those of one golden request."""

    ready: bool
    p50_us: float
    p99_us: float
    requests: int
    failed: int
    # It is not ready; empty where it is.
    why: str


@dataclass(frozen=True, slots=True)
class Canary:
    """A release that answers a share (0 to 1) of the customers.

    A customer is drawn by a hash of `salt` and `application.customer_key`: the same one always,
    and whoever was drawn stays so when the share grows. Requests without a key meet the champion,
    and it answers also where the canary fails, which counts as the canary's error.
    """

    release: LoadedRelease
    share: float
    salt: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """What answers, and what is only watched."""

    champion: LoadedRelease
    canary: Canary | None = None
    shadows: tuple[LoadedRelease, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a distribution moved from the artifact's reference, over `requests`.

    `psi` is the population stability index, and `noise_bound` what it stays below by chance in 95
    of 100 cases where nothing moved (chi-square; Yurdakul 2018). Worth an alarm above the larger of
    `noise_bound` and a threshold of 0.1 or 0.25.
    """

    psi: float
    noise_bound: float
    requests: int


@dataclass(frozen=True, slots=True)
class ScoreDistribution:
    """Scores that the model in `slot` decided by: `counts[i]` from `edges[i - 1]` up to, and
    without, `edges[i]`."""

    slot: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    drift: Drift


@dataclass(frozen=True, slots=True)
class Comparison:
    """A release's answers beside the champion's to the same requests."""

    compared: int
    # With the same decision.
    agreed: int
    # Dropped because the machine had no time, or failed. Never agreement.
    missed: int
    # swaps[the champion's decision][this release's decision], in the order of DECISIONS.
    swaps: tuple[tuple[int, ...], ...]
    # Mean |difference| of the probabilities of default, where both gave one.
    mean_difference: float


@dataclass(frozen=True, slots=True)
class RoleTraffic:
    """What became of the traffic of one release, since it has its role.

    `errors`: status code to count. `decisions`: by the names in DECISIONS. `scores` and `columns`
    are of the models whose artifacts have references; columns, by slot and name, are of a sample.
    `latency`: of one answer, without the network; `latency_counts` are the same answers, by
    microseconds that they took at most. `comparison`: None for the champion.
    """

    content_hash: str
    requests: int
    errors: Mapping[StatusCode, int]
    decisions: Mapping[str, int]
    scores: tuple[ScoreDistribution, ...]
    columns: Mapping[tuple[str, str], Drift]
    latency: StageLatency
    latency_counts: Mapping[float, int]
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What became of the traffic of the deployment with this number, by role."""

    number: int
    champion: RoleTraffic
    canary: RoleTraffic | None
    # In the deployment's order.
    shadows: tuple[RoleTraffic, ...]


def traffic_of(figures: _native.TrafficFigures) -> Traffic:
    """From the core's figures."""
    canary = figures["canary"]
    return Traffic(
        figures["number"],
        _role(figures["champion"], is_champion=True),
        None if canary is None else _role(canary),
        tuple(_role(shadow) for shadow in figures["shadows"]),
    )


def _role(figures: _native.RoleFigures, *, is_champion: bool = False) -> RoleTraffic:
    comparison = figures["comparison"]
    return RoleTraffic(
        content_hash=figures["content_hash"],
        requests=figures["requests"],
        errors={StatusCode(code): count for code, count in figures["errors"].items()},
        decisions=dict(zip(DECISIONS, figures["decisions"], strict=True)),
        scores=tuple(
            ScoreDistribution(
                score["slot"],
                tuple(score["edges"]),
                tuple(score["counts"]),
                Drift(**score["drift"]),
            )
            for score in figures["scores"]
        ),
        columns={
            (column["slot"], column["column"]): Drift(**column["drift"])
            for column in figures["columns"]
        },
        latency=figures["latency"],
        latency_counts=figures["latency_counts"],
        comparison=None
        if is_champion
        else Comparison(
            comparison["compared"],
            comparison["agreed"],
            comparison["missed"],
            tuple(tuple(row) for row in comparison["swaps"]),
            comparison["mean_difference"],
        ),
    )

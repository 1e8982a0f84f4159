"""Metrics for Prometheus: text over HTTP, worked out when it is asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fenqi.deployment import DECISIONS, RoleTraffic
from fenqi.errors import ConfigurationError
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.errors import StateError

_Quantile = Literal["p50_us", "p99_us", "p999_us", "max_us"]
_LABELS = ("role", "release", "policy", "version")
_QUANTILES: tuple[tuple[str, _Quantile], ...] = (
    ("0.5", "p50_us"),
    ("0.99", "p99_us"),
    ("0.999", "p999_us"),
    ("1", "max_us"),
)


class MetricsServer:
    """Answers GET /metrics from `start` until `stop`."""

    def __init__(self, deployments: Deployments, address: str, port: int) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(deployments))
        self._wanted = (address, port)
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises ConfigurationError where the port cannot be had."""
        address, port = self._wanted
        try:
            self._server, self._thread = start_http_server(port, address, self._registry)
        except OSError as error:
            raise ConfigurationError(
                f"metrics cannot be served on {address}:{port}: {error.strerror}; "
                "give another --metrics-port"
            ) from None

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class _Figures(Collector):
    def __init__(self, deployments: Deployments) -> None:
        self._deployments = deployments

    def collect(self) -> Iterator[Metric]:
        yield from self._of_server()
        traffic = self._deployments.engine.traffic()
        if traffic is None:
            return
        held = [("champion", traffic.champion)]
        if traffic.canary is not None:
            held.append(("canary", traffic.canary))
        held += [("shadow", one) for one in traffic.shadows]
        named = [((role, *self._names(one)), one) for role, one in held]
        yield from _counts(named)
        yield from _latency(named)
        yield from _comparisons(named)
        yield from _drifts(named)
        yield self._expiries(named)

    def _expiries(self, named: _Named) -> Metric:
        """The end of a model's last day, where this machine is."""
        expires = GaugeMetricFamily(
            "fenqi_model_expires_timestamp_seconds",
            "When a model may not decide any more, of those that say so.",
            labels=(*_LABELS, "model"),
        )
        for labels, one in named:
            try:
                last_days = self._deployments.state.releases.origin(one.content_hash).expires
            except StateError:
                continue
            for model, day in last_days.items():
                end = datetime.combine(day + timedelta(days=1), datetime.min.time())
                expires.add_metric((*labels, model), end.timestamp())
        return expires

    def _names(self, one: RoleTraffic) -> tuple[str, str, str]:
        try:
            origin = self._deployments.state.releases.origin(one.content_hash)
        except StateError:
            return one.content_hash[:12], "", ""
        return one.content_hash[:12], origin.policy, origin.policy_version

    def _of_server(self) -> Iterator[Metric]:
        number = GaugeMetricFamily("fenqi_deployment", "The number of the deployment.")
        number.add_metric((), self._deployments.current.number)
        yield number
        canary = self._deployments.current.canary
        share = GaugeMetricFamily("fenqi_canary_share", "Share of the customers, 0 for none.")
        share.add_metric((), 0.0 if canary is None else canary.share)
        yield share
        history = self._deployments.state.history
        counts: dict[str, int] = {}
        for event in history.events():
            counts[event.kind] = counts.get(event.kind, 0) + 1
        events = CounterMetricFamily("fenqi_events", "Events in the history.", labels=("kind",))
        for kind, count in sorted(counts.items()):
            events.add_metric((kind,), count)
        yield events
        damages = GaugeMetricFamily(
            "fenqi_history_damages", "Lines of the history that are not what was written."
        )
        damages.add_metric((), len(history.damages))
        yield damages
        stages = GaugeMetricFamily(
            "fenqi_stage_seconds",
            "How long a stage of scoring takes, since the start.",
            labels=("stage", "quantile"),
        )
        for stage, figures in self._deployments.engine.latency().items():
            for quantile, name in _QUANTILES:
                stages.add_metric((stage, quantile), figures[name] / 1e6)
        yield stages


_Named = list[tuple[tuple[str, str, str, str], RoleTraffic]]


def _counts(named: _Named) -> Iterator[Metric]:
    requests = CounterMetricFamily("fenqi_requests", "Requests scored.", labels=_LABELS)
    errors = CounterMetricFamily(
        "fenqi_errors", "Requests that failed, by status.", labels=(*_LABELS, "code")
    )
    decisions = CounterMetricFamily("fenqi_decisions", "Decisions.", labels=(*_LABELS, "decision"))
    for labels, one in named:
        requests.add_metric(labels, one.requests)
        for code, count in one.errors.items():
            errors.add_metric((*labels, code.name), count)
        for decision, count in one.decisions.items():
            decisions.add_metric((*labels, decision), count)
    yield from (requests, errors, decisions)


def _latency(named: _Named) -> Iterator[Metric]:
    latency = GaugeMetricFamily(
        "fenqi_latency_seconds",
        "How long a decision takes inside the server.",
        labels=(*_LABELS, "quantile"),
    )
    for labels, one in named:
        for quantile, name in _QUANTILES:
            latency.add_metric((*labels, quantile), one.latency[name] / 1e6)
    yield latency


def _comparisons(named: _Named) -> Iterator[Metric]:
    compared = CounterMetricFamily(
        "fenqi_comparisons",
        "Requests that champion and another scored both; missed is never agreed.",
        labels=(*_LABELS, "result"),
    )
    swaps = CounterMetricFamily(
        "fenqi_swaps",
        "Decisions by the champion and, on the same request, by another.",
        labels=(*_LABELS, "champion", "other"),
    )
    difference = GaugeMetricFamily(
        "fenqi_probability_difference",
        "Mean distance from the champion's probability of default.",
        labels=_LABELS,
    )
    for labels, one in named:
        seen = one.comparison
        if seen is None:
            continue
        compared.add_metric((*labels, "agreed"), seen.agreed)
        compared.add_metric((*labels, "disagreed"), seen.compared - seen.agreed)
        compared.add_metric((*labels, "missed"), seen.missed)
        difference.add_metric(labels, seen.mean_difference)
        for champion, row in zip(DECISIONS, seen.swaps, strict=True):
            for other, count in zip(DECISIONS, row, strict=True):
                swaps.add_metric((*labels, champion, other), count)
    yield from (compared, swaps, difference)


def _drifts(named: _Named) -> Iterator[Metric]:
    psi = GaugeMetricFamily(
        "fenqi_psi", "Drift from the artifact's reference.", labels=(*_LABELS, "slot", "column")
    )
    bound = GaugeMetricFamily(
        "fenqi_psi_noise_bound",
        "What chance alone stays below in 95 of 100 cases.",
        labels=(*_LABELS, "slot", "column"),
    )
    for labels, one in named:
        drifts = [((score.slot, "score"), score.drift) for score in one.scores]
        drifts += one.columns.items()
        for where, drift in drifts:
            psi.add_metric((*labels, *where), drift.psi)
            bound.add_metric((*labels, *where), drift.noise_bound)
    yield from (psi, bound)

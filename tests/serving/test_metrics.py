"""Metrics as Prometheus reads them."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fenqi.client import Client
from fenqi.errors import CallError, ConfigurationError
from fenqi.serving.process import ServingProcess
from tests.serving.process import serving
from tests.serving.site import Site


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """(name, label values in order of the labels' names ...) to value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def send(process: ServingProcess, yuan: int, count: int, customer: str = "") -> None:
    with Client(process.addresses[0], timeout=5) as client:
        for _ in range(count):
            client.score({"loan": {"amount_fen": yuan * 100}, "customer_key": customer})


def test_traffic_is_counted_by_release_and_role(site: Site) -> None:
    port = free_port()
    with serving(policy=site.policy, metrics_port=port, latency_budget_us=1e6) as process:
        send(process, 1, 7)
        send(process, 5, 3)
        with pytest.raises(CallError), Client(process.addresses[0], timeout=5) as client:
            client.score(b"\xff")
        champion = process.engine.release.content_hash[:12]
        got = scrape(port)
        labels = ("rules_only", champion, "champion", "1")
        assert got["fenqi_requests_total", *labels] == 11
        decided = {d: got["fenqi_decisions_total", d, *labels] for d in ("approve", "decline")}
        assert decided == {"approve": 7, "decline": 3}
        assert got["fenqi_errors_total", "INVALID_ARGUMENT", *labels] == 1
        quantile = ("fenqi_latency_seconds", "rules_only")
        assert 0 < got[*quantile, "0.5", *labels[1:]] <= got[*quantile, "1", *labels[1:]] < 1
        assert got[("fenqi_deployment",)] == 1
        assert got["fenqi_events_total", "started"] == 1
        assert got[("fenqi_history_damages",)] == 0
        assert got["fenqi_stage_seconds", "0.5", "total"] > 0


def test_changes_show_in_the_metrics(site: Site) -> None:
    port = free_port()
    with serving(policy=site.policy, metrics_port=port, latency_budget_us=1e6) as process:
        file = site.write_policy(9, "rules_9.yaml")
        deployments = process.deployments
        release = deployments.stage("chen", file, {}, "y", False).origin.content_hash
        deployments.set_canary("chen", release, 1.0, "y", False)
        got = scrape(port)
        assert got[("fenqi_canary_share",)] == 1
        assert got[("fenqi_deployment",)] == 2
        assert got["fenqi_requests_total", "rules_only", release[:12], "canary", "9"] == 0


def test_a_port_that_is_taken_is_a_configuration_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"metrics .*{port}"),
            serving(metrics_port=port),
        ):
            pass

"""Metrics as Prometheus reads them."""

from __future__ import annotations

import random
import socket
import threading
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from fenqi.client import Client
from fenqi.errors import CallError, ConfigurationError
from fenqi.serving.process import ServingProcess
from tests.serving.process import serving
from tests.serving.site import Site
from tests.serving.trial_site import OF_OTHERS, make_trial_site


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def samples(port: int) -> list[Sample]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return [s for family in text_string_to_metric_families(text) for s in family.samples]


def scrape(port: int) -> dict[tuple[str, ...], float]:
    """(name, label values in order of the labels' names ...) to value."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for sample in samples(port)
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


def test_what_a_shadow_would_change_and_how_scores_drift_is_in_the_metrics(tmp_path: Path) -> None:
    port, policy = free_port(), make_trial_site(tmp_path)
    with serving(policy=policy, metrics_port=port, latency_budget_us=1e6) as process:
        deployments = process.deployments
        bindings = {"risk": f"risk/{OF_OTHERS}"}
        release = deployments.stage("chen", None, bindings, "y", False).origin.content_hash
        deployments.set_shadows("chen", [release], "y", False)
        with Client(process.addresses[0], timeout=5) as client:
            draw = random.Random(5)
            for _ in range(640):
                signals = {"first": draw.random(), "second": draw.random()}
                client.score({"signals": signals})

        def figure(name: str, role: str, **labels: str) -> float:
            """The one sample with these labels."""
            (found,) = (
                sample.value
                for sample in samples(port)
                if sample.name == name and sample.labels.items() >= {"role": role, **labels}.items()
            )
            return found

        def compared(result: str) -> float:
            return figure("fenqi_comparisons_total", "shadow", result=result)

        for _ in range(600):
            if compared("agreed") + compared("missed") == 640:
                break
            threading.Event().wait(0.05)
        # The same graph: it would change nobody's decision.
        assert compared("disagreed") == 0
        swaps = [
            figure("fenqi_swaps_total", "shadow", champion=decision, other=decision)
            for decision in ("approve", "refer", "decline")
        ]
        assert sum(swaps) == compared("agreed") > 0
        assert figure("fenqi_probability_difference", "shadow") == 0
        # But it was made on other applicants.
        drift = {"slot": "risk", "column": "score"}
        for role, drifted in (("champion", False), ("shadow", True)):
            psi = figure("fenqi_psi", role, **drift)
            bound = figure("fenqi_psi_noise_bound", role, **drift)
            assert (psi > max(bound, 0.25)) == drifted
            assert 0 < bound < 0.25
        assert figure("fenqi_psi", "shadow", slot="risk", column="first") > 0.25


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

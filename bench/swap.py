"""What do swaps of model and policy cost those who are waiting for an answer?

One core serves, the other loads: an open loop, applicants who are told their reasons. Before,
during and after a spell of deployments (canary, larger canary, promotion with a shadow, roll back;
every release loaded anew and tried on golden requests first), of two policies with two models
each. Every single answer is compared, byte by byte, with what the release that it names says of
its request: with anything else it would count as mixed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load import offer
from bench.machine import ROOT
from bench.requests import holdout_requests, write_requests
from bench.servers import SERVER_CPU, Contender, Running, running
from fenqi.engine import Engine
from fenqi.policy import compile_policy

RATE = 10_000
# As many as end with the champion alone, as before.
SWAPS, DURING_S = 203, 60
AROUND_S = 20
# Deployments before anything is measured, so that what a process takes once is not counted.
FIRST_SWAPS = 11
REQUESTS, GOLDEN = 500, 100
CONNECTIONS, STREAMS = 8, 16
# 2026-01-01. Policies that read the clock would give other bytes each second.
DECIDED_AT = 1_767_225_600
_MODELS = ("taiwan_gbm/1", "taiwan_scorecard/1")
_FIGURES = ("rate", "p50_us", "p99_us", "p999_us", "max_us", "lateness_p99_us")


def run() -> dict[str, Any]:
    """Latency before, during and after, and whether anything failed, mixed or was kept."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requests, answers = _write_inputs(folder)
        load = {"rate": RATE, "connections": CONNECTIONS, "streams": STREAMS, "answers": answers}
        with running(_server(folder)) as server:
            _swap(server, FIRST_SWAPS, 0.0)
            time.sleep(2)
            resident = server.resident_mib()
            before = offer(server.port, requests, duration=AROUND_S, **load)
            with _swapping(server) as swapped:
                during = offer(server.port, requests, duration=DURING_S + 2, **load)
            after = offer(server.port, requests, duration=AROUND_S, **load)
            time.sleep(2)
            growth = server.resident_mib() - resident
    phases = {"before": before, "during": during, "after": after}
    without = (before["p99_us"] + after["p99_us"]) / 2
    return {
        "failed": sum(phase["errors"] for phase in phases.values()),
        "mixed": sum(phase["mixed"] for phase in phases.values()),
        "p99_ratio": round(during["p99_us"] / without, 3),
        "rss_growth_mib": round(growth, 1),
        "swaps": swapped["swaps"],
        "rate": RATE,
        "swapping": swapped,
        "phases": {
            name: {
                **{figure: phase[figure] for figure in _FIGURES},
                "answered": phase["answered"],
                "answers_by_release": phase["matched"],
                "generator_saturated": phase["generator_saturated"],
            }
            for name, phase in phases.items()
        },
    }


def _write_inputs(folder: Path) -> tuple[Path, Path]:
    """Four releases, golden requests, requests, and what each release answers to each of them."""
    releases = []
    for policy in _policies(folder):
        for model in _MODELS:
            compiled = compile_policy(policy, ROOT / "models", bindings={"default_risk": model})
            (folder / f"release-{len(releases)}").write_bytes(compiled.image)
            releases.append(Engine())
            releases[-1].publish(compiled.image)
    requests = holdout_requests(REQUESTS)
    for number, request in enumerate(requests):
        request.application.customer_key = f"customer-{number}"
        request.decided_at_seconds = DECIDED_AT
    write_requests(folder / "requests", requests)
    write_requests(folder / "golden", requests[:GOLDEN])
    write_requests(
        folder / "answers", (release.score(request) for request in requests for release in releases)
    )
    return folder / "requests", folder / "answers"


def _policies(folder: Path) -> list[Path]:
    """The bundled policy, and a next version of it that approves fewer."""
    paths = []
    for version in ("1", "2"):
        shutil.copytree(ROOT / "policies", folder / version)
        path = folder / version / "taiwan_card.yaml"
        text = path.read_text(encoding="utf-8").replace('version: "1"', f'version: "{version}"')
        if version == "2":
            text = text.replace("approve_at_most: 0.1913", "approve_at_most: 0.15")
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def _server(folder: Path) -> Contender:
    command = [sys.executable, "-m", "bench.swap_server", str(folder), "--cpu", str(SERVER_CPU)]
    return Contender("fenqi", "the data plane over one engine, one worker", command)


def _swap(server: Running, swaps: int, seconds: float) -> dict[str, Any]:
    server.tell(f"{swaps} {seconds}")
    done: dict[str, Any] = json.loads(server.hear())
    return done


@contextmanager
def _swapping(server: Running) -> Iterator[dict[str, Any]]:
    """Deployments go on meanwhile; what was done is in the dict afterwards."""
    done: dict[str, Any] = {}
    server.tell(f"{SWAPS} {DURING_S}")
    yield done
    done.update(json.loads(server.hear()))

"""The Locust file, run headless as its README says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc

from tests.client.scripted_server import scripted_server
from tests.serving.process import serving

ROOT = Path(__file__).resolve().parents[2]
USERS = 4


def swarm(target: str, *, status: int) -> dict[str, dict[str, Any]]:
    """Locust's statistics by the name of the call, from a run that exits with `status`."""
    command = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtest" / "locustfile.py")]
    command += ["--headless", "--users", str(USERS), "--spawn-rate", str(USERS)]
    command += ["--run-time", "3s", "--stop-timeout", "5", "--json", "--host", target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return {entry["name"]: entry for entry in json.loads(done.stdout)}


def test_applications_are_scored_by_a_running_server_without_failures() -> None:
    with serving() as process:
        calls = swarm(process.addresses[0], status=0)
        decided = process.engine.latency()["total"]["count"]
    score = calls["Score"]
    assert score["num_failures"] == 0
    assert score["num_requests"] > 20
    assert score["total_content_length"] > 20 * score["num_requests"]
    batches = calls.get("ScoreBatch of 10", {"num_requests": 0})["num_requests"]
    # Locust may end before it hears of each user's last call.
    counted = score["num_requests"] + 10 * batches
    assert counted <= decided <= counted + 10 * USERS


def test_calls_that_the_server_refuses_are_failures_in_the_statistics() -> None:
    refused = [grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE] * 5
    with scripted_server(*refused) as script:
        score = swarm(script.target, status=1)["Score"]
    assert score["num_failures"] == 5
    assert 0 <= len(script.deadlines) - score["num_requests"] <= USERS
    # gRPC rounds a second's deadline up a little.
    assert all(deadline is not None and deadline < 1.1 for deadline in script.deadlines)

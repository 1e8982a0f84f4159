"""What does a Score cost over the network, beside a plain Python server and an empty one?

One core serves, the other loads. Saturated rate: closed loop. Latency: open loop, from the moment
a request was due. The contenders take turns, round after round, so that a slow spell of the machine
hits all of them; figures are medians over the rounds, with the spread beside the ones that matter.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.load import offer
from bench.requests import holdout_requests, write_requests
from bench.servers import BASELINE, FENQI, FLOOR, Contender, running

REQUESTS = 2000
ROUNDS = 3
DURATION_S = 4
WARMUP_S = 1
CONNECTIONS, STREAMS = 8, 16
# Callers of the saturated rate: connections and streams on each.
SATURATION = ((8, 4), (8, 16))
RATES = {
    "fenqi": (1000, 2000, 5000, 10000, 20000, 30000),
    "baseline": (500, 1000, 2000, 5000),
    "floor": (1000, 2000, 5000, 10000, 20000, 30000),
}
COMPARED_RATE = 10000
_FIGURES = ("rate", "p50_us", "p99_us", "p999_us", "p9999_us", "max_us", "lateness_p99_us")


def run() -> dict[str, Any]:
    """For each contender the saturated rate, one caller alone, and latency at each rate."""
    with tempfile.TemporaryDirectory() as folder:
        requests = Path(folder) / "requests"
        write_requests(requests, holdout_requests(REQUESTS))
        rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in RATES}
        for _ in range(ROUNDS):
            for contender in (FENQI, BASELINE, FLOOR):
                rounds[contender.name].append(_round(contender, requests))
    results = {
        contender.name: {"what": contender.what, **_median(rounds[contender.name])}
        for contender in (FENQI, BASELINE, FLOOR)
    }
    return {**results, "ratios": _ratios(results)}


def _round(contender: Contender, requests: Path) -> dict[str, Any]:
    timing = {"duration": DURATION_S, "warmup": WARMUP_S}
    with running(contender) as server:
        port = server.port
        saturated = [
            offer(port, requests, closed=True, connections=c, streams=s, **timing)
            for c, s in SATURATION
        ]
        return {
            "saturated": max(saturated, key=lambda report: float(report["rate"])),
            "one_caller": offer(port, requests, closed=True, connections=1, streams=1, **timing),
            "offered": {
                rate: offer(
                    port, requests, rate=rate, connections=CONNECTIONS, streams=STREAMS, **timing
                )
                for rate in RATES[contender.name]
            },
        }


def _median(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "saturated": summary(r["saturated"] for r in rounds),
        "one_caller": summary(r["one_caller"] for r in rounds),
        "offered": {
            str(rate): summary(r["offered"][rate] for r in rounds) for rate in rounds[0]["offered"]
        },
    }


def summary(reports: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The medians of several runs, and how far they were apart."""
    runs = list(reports)
    figures: dict[str, Any] = {
        name: round(statistics.median(float(run[name]) for run in runs), 1) for name in _FIGURES
    }
    figures["errors"] = sum(int(run["errors"]) for run in runs)
    figures["answered"] = sum(int(run["answered"]) for run in runs)
    figures["generator_saturated"] = any(run["generator_saturated"] for run in runs)
    for name in ("rate", "p99_us"):
        values = [round(float(run[name]), 1) for run in runs]
        figures[f"{name}_spread"] = [min(values), max(values)]
    return figures


def _ratios(results: dict[str, Any]) -> dict[str, float]:
    fenqi, baseline, floor = results["fenqi"], results["baseline"], results["floor"]
    compared = str(COMPARED_RATE)
    return {
        "saturated_fenqi_over_baseline": round(
            fenqi["saturated"]["rate"] / baseline["saturated"]["rate"], 1
        ),
        "saturated_floor_over_fenqi": round(
            floor["saturated"]["rate"] / fenqi["saturated"]["rate"], 2
        ),
        f"p99_fenqi_over_floor_at_{compared}": round(
            fenqi["offered"][compared]["p99_us"] / floor["offered"][compared]["p99_us"], 2
        ),
        "one_caller_p50_baseline_over_fenqi": round(
            baseline["one_caller"]["p50_us"] / fenqi["one_caller"]["p50_us"], 1
        ),
    }

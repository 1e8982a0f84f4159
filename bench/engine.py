"""How long does the engine alone take for one application, stage by stage?

Fenqi: `score_bench`, from C++, on one core. Beside it the baseline's Scorer, from Python, on the
same core and the same requests: the same decision without any server.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.baseline.server import Scorer
from bench.machine import ROOT
from bench.requests import holdout_requests, write_requests
from bench.servers import LOAD_CPU
from fenqi.bundled import onnxruntime_library
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

REQUESTS = 2000
COUNT = 200_000
BASELINE_COUNT = 10_000


def run() -> dict[str, object]:
    """Microseconds: stages of Fenqi's engine, and the whole of the baseline's scoring."""
    requests = holdout_requests(REQUESTS)
    with tempfile.TemporaryDirectory() as folder:
        image, file = Path(folder) / "release", Path(folder) / "requests"
        image.write_bytes(compile_policy(ROOT / "policies" / "taiwan_card.yaml").image)
        write_requests(file, requests)
        command = [
            *["taskset", "-c", str(LOAD_CPU)],
            str(ROOT / "build" / "native" / "release" / "bin" / "score_bench"),
            *["--image", str(image), "--requests", str(file)],
            *["--onnxruntime", str(onnxruntime_library()), "--count", str(COUNT)],
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    fenqi = json.loads(done.stdout)
    baseline = _baseline_us(requests)
    total = fenqi["stages"]["total"]["p50_us"]
    return {
        "fenqi": fenqi,
        "baseline": baseline,
        "ratio_p50": round(baseline["p50_us"] / total, 2),
    }


def _baseline_us(requests: list[scoring_pb2.ScoreRequest]) -> dict[str, float]:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {LOAD_CPU})
    try:
        scorer = Scorer()
        taken = np.empty(BASELINE_COUNT)
        for i in range(BASELINE_COUNT):
            request = requests[i % len(requests)]
            start = time.perf_counter_ns()
            scorer.score(request)
            taken[i] = (time.perf_counter_ns() - start) / 1000
    finally:
        os.sched_setaffinity(0, allowed)
    kept = taken[BASELINE_COUNT // 10 :]
    return {
        "count": len(kept),
        "p50_us": round(float(np.percentile(kept, 50)), 3),
        "p99_us": round(float(np.percentile(kept, 99)), 3),
    }

"""A thousand swaps leave memory, threads and open files as they were."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from fenqi import _native
from fenqi.engine import Engine
from tests.engine.small_release import image_of, request_of

ROOT = Path(__file__).resolve().parents[2]


def test_memory_threads_and_files_are_steady_over_a_thousand_swaps() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.swapping", "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    begin, end = json.loads(done.stdout)
    assert end["threads"] == begin["threads"]
    assert end["files"] == begin["files"]
    # Each of the 900 swaps between them loaded a graph of 1 MiB.
    assert end["rss_mib"] - begin["rss_mib"] < 10


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def test_a_replaced_release_gives_its_memory_back_though_the_workers_are_idle() -> None:
    engine = Engine()
    server = _native.Server(engine.native, workers=2)
    server.start()
    engine.publish(image_of(-1.0).SerializeToString())
    engine.score_bytes(request_of(1))
    small = resident_mib()
    engine.publish(image_of(-2.0, padding=32 << 18).SerializeToString())  # 32 MiB of floats
    engine.score_bytes(request_of(1))
    assert resident_mib() > small + 28
    engine.publish(image_of(-1.0).SerializeToString())
    for _ in range(3000):
        if resident_mib() < small + 4:
            break
        time.sleep(0.01)
    assert resident_mib() < small + 4
    server.begin_shutdown()
    server.wait()

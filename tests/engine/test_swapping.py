"""A thousand swaps leave memory, threads and open files as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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

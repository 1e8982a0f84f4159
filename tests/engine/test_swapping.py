"""A thousand swaps leave memory, threads and open files as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.engine.small_release import image_of

ROOT = Path(__file__).resolve().parents[2]


def figures_of(module: str, *arguments: str) -> Any:
    """What the module prints when it runs in a process of its own, whose memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.engine.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return json.loads(done.stdout)


def test_memory_threads_and_files_are_steady_over_a_thousand_swaps() -> None:
    begin, end = figures_of("swapping", "1000")
    assert end["threads"] == begin["threads"]
    assert end["files"] == begin["files"]
    # Each of the 900 swaps between them loaded a graph of 1 MiB.
    assert end["rss_mib"] - begin["rss_mib"] < 10


def test_a_replaced_release_gives_its_memory_back_though_the_workers_are_idle(
    tmp_path: Path,
) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(image_of(-1.0).SerializeToString())
    large.write_bytes(image_of(-2.0, padding=32 << 18).SerializeToString())  # 32 MiB of floats
    resident = figures_of("replacing", str(small), str(large))
    assert resident["large"] > resident["small"] + 28
    assert resident["replaced"] < resident["small"] + 4

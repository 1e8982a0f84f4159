"""The server whose releases are swapped: python -m bench.swap_server FOLDER --cpu N

FOLDER holds `release-0`, `release-1`, ... (images) and `golden` (requests). Says where it listens.
Each line `SWAPS SECONDS` on standard input makes it deploy so often, evenly over that time, as an
operator would, and print what it did as a line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.requests import read_requests
from fenqi import _native
from fenqi.deployment import Canary, Deployment, LoadedRelease
from fenqi.engine import Engine

LATENCY_BUDGET_US = 2000.0


class Operator:
    """Takes one release after the other from canary to champion, and some of them back."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._images = [path.read_bytes() for path in sorted(folder.glob("release-*"))]
        self._golden = read_requests(folder / "golden")
        self._steps = self._cycle()
        self.not_ready: list[str] = []

    def swap(self) -> None:
        """The next deployment."""
        self._engine.deploy(next(self._steps))

    def _load(self, number: int) -> LoadedRelease:
        release = self._engine.load(self._images[number % len(self._images)])
        report = self._engine.prepare(release, self._golden, LATENCY_BUDGET_US)
        if not report.ready:
            self.not_ready.append(report.why)
        return release

    def _cycle(self) -> Iterator[Deployment]:
        champion = self._load(0)
        yield Deployment(champion)
        number = 0
        while True:
            number += 1
            candidate = self._load(number)
            yield Deployment(champion, Canary(candidate, 0.1, f"s{number}"))
            yield Deployment(champion, Canary(candidate, 0.5, f"s{number}"))
            yield Deployment(candidate, shadows=(champion,))
            if number % 2:
                yield Deployment(champion)  # rolled back
            else:
                champion = candidate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cpu", type=int, required=True)
    options = parser.parse_args()
    engine = Engine()
    server = _native.Server(engine.native, workers=1, cpus=[options.cpu])
    server.start()
    # What an operator's thread does, Python's part of it too, gives way to requests.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    operator = Operator(engine, options.folder)
    operator.swap()
    print(f"scoring on 127.0.0.1:{server.port}", flush=True)
    for line in sys.stdin:
        swaps, seconds = line.split()
        print(json.dumps(_swap(operator, int(swaps), float(seconds))), flush=True)
    server.begin_shutdown()
    server.wait()


def _swap(operator: Operator, swaps: int, seconds: float) -> dict[str, object]:
    begin = time.monotonic()
    longest = 0.0
    for number in range(swaps):
        time.sleep(max(0.0, begin + number * seconds / swaps - time.monotonic()))
        start = time.monotonic()
        operator.swap()
        longest = max(longest, time.monotonic() - start)
    return {
        "swaps": swaps,
        "seconds": round(time.monotonic() - begin, 2),
        "longest_swap_s": round(longest, 3),
        "not_ready": operator.not_ready,
    }


if __name__ == "__main__":
    main()

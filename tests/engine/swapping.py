"""Deploys release after release under a server and says what that costs the process.

    python -m tests.engine.swapping SWAPS

Prints JSON: resident memory (MiB), threads and open files, after a tenth of the swaps and at the
end. Two workers of the server have no requests; one request is scored after each swap.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from itertools import islice
from pathlib import Path

from fenqi import _native
from fenqi.deployment import Canary, Deployment
from fenqi.engine import Engine
from fenqi.v1 import scoring_pb2
from tests.engine.small_release import image_of, request_of

# Floats in each graph, so that one that is kept is seen: 1 MiB.
PADDING = 1 << 18


def main() -> None:
    swaps = int(sys.argv[1])
    images = [
        image_of(-1.0 - number / 8, padding=PADDING).SerializeToString() for number in range(4)
    ]
    without_model = image_of(-1.0)
    del without_model.models[:], without_model.segments[:]
    without_model.program.register_count -= 2
    images.append(without_model.SerializeToString())
    golden = [request_of(amount, f"c{amount}") for amount in range(1, 20)]
    engine = Engine()
    server = _native.Server(engine.native, workers=2)
    server.start()
    after = [_figures(engine, images, golden, count) for count in (swaps // 10, swaps * 9 // 10)]
    print(json.dumps(after))
    server.begin_shutdown()
    server.wait()


def _figures(
    engine: Engine, images: list[bytes], golden: list[bytes], swaps: int
) -> dict[str, float]:
    for number in range(swaps):
        champion, other = (engine.load(images[(number + k) % len(images)]) for k in (0, 1))
        canary = Canary(other, 0.5, str(number)) if number % 3 else None
        engine.prepare(champion, golden, 1e9)
        engine.deploy(Deployment(champion, canary, (other,) if number % 2 else ()))
        names = {champion.content_hash, other.content_hash}
        for request in islice(golden, 5):
            answer = scoring_pb2.ScoreResponse.FromString(engine.score_bytes(request))
            assert answer.release.content_hash in names
    del champion, other, canary  # nothing but the engine holds a release
    gc.collect()
    time.sleep(0.5)  # for the reclaimer
    return {
        "rss_mib": resident_mib(),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "files": len(list(Path("/proc/self/fd").iterdir())),
    }


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()

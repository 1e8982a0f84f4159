"""Replaces a large release under a server whose workers are idle, and says what memory did.

    python -m tests.engine.replacing SMALL_IMAGE LARGE_IMAGE

Prints JSON: resident memory (MiB) under the small release, under the large one, and after the
small one has replaced it again: as soon as it is back near the first figure, else after 30 s. The
images are made by another process, so that this one has no freed pages to fill before it grows.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from fenqi import _native
from fenqi.engine import Engine
from tests.engine.small_release import request_of
from tests.engine.swapping import resident_mib


def main() -> None:
    small, large = (Path(name).read_bytes() for name in sys.argv[1:3])
    engine = Engine()
    server = _native.Server(engine.native, workers=2)
    server.start()
    figures = {
        "small": _resident_after(engine, small),
        "large": _resident_after(engine, large),
    }
    engine.publish(small)
    for _ in range(3000):
        if resident_mib() < figures["small"] + 4:
            break
        time.sleep(0.01)
    print(json.dumps(figures | {"replaced": resident_mib()}))
    server.begin_shutdown()
    server.wait()


def _resident_after(engine: Engine, image: bytes) -> float:
    engine.publish(image)
    engine.score_bytes(request_of(1))
    return resident_mib()


if __name__ == "__main__":
    main()

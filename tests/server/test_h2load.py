"""h2load, nghttp2's load generator, as one more client that nobody here wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server.http2_client import grpc_message
from tests.server.process import ServerProcess, serving


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load absent: nghttp2-client")
@pytest.mark.parametrize("workers", [1, 2])
def test_h2load_has_every_request_answered(tmp_path: Path, workers: int) -> None:
    body = tmp_path / "request"
    body.write_bytes(grpc_message(bytes(500)))
    with serving("floor", f"--workers={workers}") as server:
        run = run_h2load(server, body)
    assert re.search(r"20000 succeeded, 0 failed, 0 errored, 0 timeout", run), run
    assert f"({20_000 * 135}) data" in run  # 130 bytes and the message prefix


def run_h2load(server: ServerProcess, body: Path) -> str:
    return subprocess.run(
        [
            *("h2load", "-n20000", "-c8", "-m16", "-d", str(body)),
            *("-H", "content-type: application/grpc", "-H", "te: trailers"),
            f"http://{server.target}/fenqi.v1.Scoring/Score",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout

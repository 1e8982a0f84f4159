"""Runs the load generator on its own core."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from bench.machine import ROOT
from bench.servers import LOAD_CPU

LOADGEN = ROOT / "build" / "native" / "release" / "bin" / "loadgen"


def offer(port: int, requests: Path, **options: object) -> dict[str, Any]:
    """One run against a server on `port`: the generator's report. `closed=True` is a flag; the
    others are `--name value`.
    """
    flags = []
    for name, value in options.items():
        flags += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    command = [
        *[str(LOADGEN), "--target", f"127.0.0.1:{port}", "--requests", str(requests)],
        *["--cpu", str(LOAD_CPU), "--json", "-", *flags],
    ]
    # Status 1 says that there were errors; they are in the report.
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    report: dict[str, Any] = json.loads(done.stdout)
    return report

"""What the figures were measured on."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


def facts() -> dict[str, object]:
    """Processor, kernel, versions, commit, date, and how busy the machine was at the start."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit,
        "processor": names[0] if names else platform.machine(),
        "cores": len(names),
        "kernel": platform.release(),
        "load_average": Path("/proc/loadavg").read_text().split()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("grpcio", "onnxruntime", "protobuf")},
    }

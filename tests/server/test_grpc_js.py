"""@grpc/grpc-js, gRPC's own implementation in JavaScript, against the interop service."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server.process import ROOT, ServerProcess

PACKAGES = ["@grpc/grpc-js", "@grpc/proto-loader"]
INSTALLED = ROOT / "build" / "grpc_js"
SCRIPT = Path(__file__).with_name("grpc_js_client.js")
PROTO = Path("/usr/share/grpc-proto")


@pytest.fixture(scope="module")
def node_modules() -> Path:
    if shutil.which("node") is None:
        pytest.skip("node is absent")
    if not (PROTO / "grpc/testing/test.proto").exists():
        pytest.skip("grpc/testing/*.proto absent: apt-get install grpc-proto")
    modules = INSTALLED / "node_modules"
    if all((modules / package / "package.json").exists() for package in PACKAGES):
        return modules
    if shutil.which("npm") is None:
        pytest.skip("@grpc/grpc-js is absent, and so is npm to install it")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(INSTALLED), *PACKAGES]
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("@grpc/grpc-js is absent and npm could not install it")
    return modules


def test_grpc_js_passes_the_interop_cases(server: ServerProcess, node_modules: Path) -> None:
    run = subprocess.run(
        ["node", str(SCRIPT), server.target, str(PROTO)],
        env={**os.environ, "NODE_PATH": str(node_modules)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    assert {name for name, outcome in results.items() if outcome != "ok"} == set(), results
    assert len(results) == 9

"""The engines that are measured beside Fenqi: an environment of their own, a process each.

Their packages hide Fenqi's modules (one installs a top-level `cel`), so they stay out of its
environment.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.machine import ROOT
from bench.servers import LOAD_CPU

FOLDER = Path(__file__).with_name("peers")
ENVIRONMENT = ROOT / "build" / "bench" / "peers"
PYTHON = ENVIRONMENT / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine: its worker in bench/peers/, what it is in the results, and its package."""

    name: str
    what: str
    package: str | None
    is_engine: bool = True


PEERS = (
    Peer("zen_expressions", "zen-engine, compiled expressions", "zen-engine"),
    Peer("zen_graph", "zen-engine, decision graph", "zen-engine"),
    Peer("cel_cpp", "cel-cpp (cel-expr-python)", "cel-expr-python"),
    Peer("rust_cel", "Rust CEL (common-expression-language)", "common-expression-language"),
    Peer("cel_python", "cel-python", "cel-python"),
    Peer("plain_python", "plain Python function, generated", None, is_engine=False),
)


def install() -> dict[str, str]:
    """Makes the environment where it is not there yet. What did not install, and why."""
    requirements = (FOLDER / "requirements.txt").read_text()
    stamp = ENVIRONMENT / hashlib.sha256(requirements.encode()).hexdigest()
    if not stamp.exists():
        print("Installing the engines to compare with", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        failed = {}
        for line in requirements.splitlines():
            if line and not line.startswith("#") and (why := _pip_install(line)) is not None:
                failed[line.split("==")[0]] = why
        stamp.write_text(json.dumps(failed))
    reasons: dict[str, str] = json.loads(stamp.read_text())
    return reasons


def versions(packages: set[str]) -> dict[str, str]:
    """Those of the packages that are installed."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    done = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True)
    installed: dict[str, str] = json.loads(done.stdout)
    return {name: version for name, version in sorted(installed.items()) if name in packages}


def _pip_install(requirement: str) -> str | None:
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run([*command, requirement], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return lines[-1] if lines else f"pip ended with status {done.returncode}"


class Worker:
    """A peer that has compiled the job and waits for questions."""

    def __init__(self, process: subprocess.Popen[str], job: str) -> None:
        self._process = process
        compiled = self._ask(job)
        self.cases: list[str] = compiled["cases"]
        self.compile_s: float = compiled["compile_s"]

    def answers(self, case: str) -> list[Any]:
        """One for each of the case's inputs."""
        answers: list[Any] = self._ask(json.dumps({"case": case}))
        return answers

    def time(self, case: str, seconds: float) -> dict[str, float]:
        """ns a decision: `p50_ns` and `least_ns` over batches."""
        figures: dict[str, float] = self._ask(json.dumps({"case": case, "seconds": seconds}))
        return figures

    def _ask(self, line: str) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise RuntimeError(f"a peer ended: {' '.join(map(str, self._process.args))}")  # type: ignore[arg-type]
        return json.loads(answer)


@contextmanager
def running(peer: Peer, job: dict[str, Any]) -> Iterator[Worker]:
    """The peer, held to one core, with the job compiled."""
    script = FOLDER / f"{peer.name}.py"
    process = subprocess.Popen(
        ["taskset", "-c", str(LOAD_CPU), str(PYTHON), str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Worker(process, json.dumps(job))
    finally:
        process.kill()
        process.wait()

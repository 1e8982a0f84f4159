"""Starts the servers that are compared, each on one core with one thread of work."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import ROOT

SERVER_CPU = 0
LOAD_CPU = 1
_BIN = ROOT / "build" / "native" / "release" / "bin"
_LISTENING = re.compile(r"(?:listening|scoring) on \S*?:(\d+)")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server under test: its name in the results, what it is, and the command that starts it."""

    name: str
    what: str
    command: list[str]


FENQI = Contender(
    "fenqi",
    "fenqi serve, one worker",
    [
        *[str(Path(sys.executable).parent / "fenqi"), "serve", "--port", "0", "--admin-port", "0"],
        *["--workers", "1", "--cpus", str(SERVER_CPU)],
    ],
)
BASELINE = Contender(
    "baseline",
    "grpcio asyncio + protobuf + onnxruntime, same model, features, rules and reasons",
    [sys.executable, "-m", "bench.baseline.server", "--cpu", str(SERVER_CPU)],
)
FLOOR = Contender(
    "floor",
    "Fenqi's front with no work: a fixed answer",
    [str(_BIN / "floor"), "--port=0", "--workers=1", f"--cpus={SERVER_CPU}"],
)


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that runs, and the port on which it listens."""

    port: int
    process: subprocess.Popen[str]

    def tell(self, line: str) -> None:
        """Writes a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def resident_mib(self) -> float:
        """Its memory that is in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def running(contender: Contender) -> Iterator[Running]:
    """The contender while it runs. The whole process is held to the server's core."""
    command = ["taskset", "-c", str(SERVER_CPU), *contender.command]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Running(_port_of(process, contender.name), process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _port_of(process: subprocess.Popen[str], name: str) -> int:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if (found := _LISTENING.search(line)) is not None:
            return int(found.group(1))
    raise RuntimeError(f"{name} did not start:\n{''.join(said)}")

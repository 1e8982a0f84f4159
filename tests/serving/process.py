"""Starts what the tests call: a ServingProcess here, or `fenqi serve` as a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fenqi.serving.config import load_settings
from fenqi.serving.process import ServingProcess

POLICY = Path(__file__).resolve().parents[1] / "data" / "rules_only.yaml"


@contextmanager
def serving(**flags: Any) -> Iterator[ServingProcess]:
    """A ServingProcess on free ports. A flag of None is one that is not given."""
    given = {"policy": POLICY, "port": 0, "admin_port": 0, "workers": 1} | flags
    given = {name: value for name, value in given.items() if value is not None}
    process = ServingProcess(load_settings(None, {}, given))
    process.start()
    try:
        yield process
    finally:
        process.stop()


@dataclass
class Command:
    """A running `fenqi serve` and where it listens."""

    process: subprocess.Popen[str]
    address: str
    admin: str
    printed: str


@contextmanager
def starting(*flags: str) -> Iterator[subprocess.Popen[str]]:
    """`fenqi serve` on free ports, from its first moment; killed at the end where it still runs."""
    command = [sys.executable, "-c", "from fenqi.cli.main import main; main()", "serve"]
    command += ["--policy", str(POLICY), "--port", "0", "--admin-port", "0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def serve_command(*flags: str) -> Iterator[Command]:
    """`fenqi serve` on free ports, once it listens."""
    with starting(*flags) as process:
        yield _started(process)


def _started(process: subprocess.Popen[str]) -> Command:
    assert process.stdout is not None
    printed, address = "", ""
    for line in process.stdout:
        printed += line
        if found := re.match(r"scoring on (\S+)", line):
            address = found[1]
        if found := re.match(r"admin on (\S+)", line):
            return Command(process, address, found[1], printed)
    raise RuntimeError(f"fenqi serve did not start: {printed}")

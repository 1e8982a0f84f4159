"""A serving tool of the build (interop or floor) as a subprocess that a test can look into."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# FENQI_NATIVE_MODE=asan runs these tests against the sanitized tools.
MODE = os.environ.get("FENQI_NATIVE_MODE", "release")
BINARIES = Path(os.environ.get("FENQI_NATIVE_BIN", ROOT / "build" / "native" / MODE / "bin"))
# Sanitizers keep freed memory for a while.
MEMORY_FACTOR = 1 if MODE == "release" else 4
SHARED = Path(os.environ.get("FENQI_SHARED", ROOT.parent / "shared"))


@dataclass
class ServerProcess:
    process: subprocess.Popen[str]
    port: int
    unix_path: str

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def open_descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def alive(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_status(self, timeout: float = 15) -> int:
        return self.process.wait(timeout)


@contextmanager
def serving(tool: str, *flags: str) -> Iterator[ServerProcess]:
    """Starts build/native/<mode>/bin/<tool> on a free port, and ends it."""
    command = [str(BINARIES / tool), *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield _wait_until_listening(process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
            assert process.stderr is not None
            errors = process.stderr.read()
    assert "Sanitizer" not in errors and "runtime error" not in errors, errors


def _wait_until_listening(process: subprocess.Popen[str]) -> ServerProcess:
    assert process.stdout is not None and process.stderr is not None
    unix_path = ""
    while line := process.stdout.readline():
        place = line.removeprefix("listening on ").strip()
        if place.startswith("unix:"):
            unix_path = place.removeprefix("unix:")
        else:
            return ServerProcess(process, int(place.rsplit(":", 1)[1]), unix_path)
    raise RuntimeError(f"server did not start: {process.stderr.read()}")

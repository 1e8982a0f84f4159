"""`fenqi model verify`: the checks of an artifact, one line each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fenqi.artifacts.signature import read_trusted_keys
from fenqi.artifacts.verify import Outcome, verify

_COLOURS: dict[Outcome, str] = {"passed": "green", "doubtful": "yellow", "failed": "red"}


def run(folder: Path, trusted: Path | None, strict: bool, as_json: bool) -> int:
    """1 where a check fails, with `strict` also where one is doubtful. Raises ArtifactError where
    the trusted keys cannot be read."""
    keys = None if trusted is None else read_trusted_keys(trusted)
    checks = list(verify(folder, keys))
    if as_json:
        print(json.dumps([asdict(check) for check in checks], ensure_ascii=False, indent=2))
    else:
        console = Console(highlight=False)
        for check in checks:
            line = Text(f"{check.outcome:9}", style=_COLOURS[check.outcome])
            line.append(f"{check.subject}: ", style="bold").append(check.detail, style="not bold")
            console.print(line, soft_wrap=True)
    refused = {"failed", "doubtful"} if strict else {"failed"}
    return 1 if any(check.outcome in refused for check in checks) else 0

"""`fenqi model diff`: two artifacts beside one another."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fenqi.artifacts import load_artifact
from fenqi.artifacts.difference import Change, Drift, ScoreShift, changes, drifts, score_shift

# Below it an index is called stable, above the second a change (3.2); noise may exceed both.
_LOOK, _ACT = 0.10, 0.25


def run(old: Path, new: Path, as_json: bool) -> int:
    """1 where the artifacts differ, otherwise 0. Raises ArtifactError."""
    before, after = load_artifact(old), load_artifact(new)
    said = changes(before.manifest, after.manifest)
    shift = score_shift(before, after)
    drifted = list(drifts(before, after))
    if as_json:
        content = {
            "changes": [asdict(change) for change in said],
            "score_shift": None if shift is None else asdict(shift),
            "stability": [asdict(drift) for drift in drifted],
        }
        print(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        _print(said, shift, drifted, Console(highlight=False))
    return 1 if said or any(drift.psi > 0 for drift in drifted) else 0


def _print(
    said: list[Change], shift: ScoreShift | None, drifted: list[Drift], console: Console
) -> None:
    if not said:
        console.print("the manifests say the same", style="green")
    for change in said:
        line = Text(f"{change.what}: ", style="bold")
        line.append(f"{_text(change.old)} -> {_text(change.new)}", style="not bold")
        console.print(line, soft_wrap=True)
    if shift is None:
        console.print("scores are not compared: the models read different columns")
    else:
        console.print(
            f"score on {shift.rows} golden rows: {shift.mean:+.1f} on average, from "
            f"{shift.lowest:+.1f} to {shift.highest:+.1f}"
        )
    table = Table("reference", "PSI", "noise bound", "", box=None, pad_edge=False)
    for drift in sorted(drifted, key=lambda drift: -drift.psi):
        limit = max(_LOOK, drift.bound)
        if drift.what == "score" or drift.psi > limit:
            verdict = "stable" if drift.psi <= limit else "look" if drift.psi <= _ACT else "act"
            table.add_row(drift.what, f"{drift.psi:.4f}", f"{drift.bound:.4f}", verdict)
    console.print(table)


def _text(value: object) -> str:
    return "nothing" if value is None or value == "" else str(value)

"""The results as Markdown, for the README: python -m bench.table"""

from __future__ import annotations

import json
from typing import Any

from bench.machine import RESULTS


def score_table(results: dict[str, Any]) -> str:
    """A row for each contender and load."""
    lines = [
        "| | load | answered /s | p50 µs | p99 µs | p99.9 µs | errors |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name in ("fenqi", "baseline", "floor"):
        contender = results[name]
        lines.append(_row(name, "saturated, closed loop", contender["saturated"]))
        lines.append(_row(name, "one caller, closed loop", contender["one_caller"]))
        for rate, figures in contender["offered"].items():
            lines.append(_row(name, f"{int(rate):,} /s, open loop", figures))
    return "\n".join(lines)


def _row(name: str, load: str, figures: dict[str, Any]) -> str:
    return (
        f"| {name} | {load} | {figures['rate']:,.0f} | {figures['p50_us']:,.0f} | "
        f"{figures['p99_us']:,.0f} | {figures['p999_us']:,.0f} | {figures['errors']} |"
    )


def engine_table(results: dict[str, Any]) -> str:
    """A row for each stage."""
    lines = ["| stage | p50 µs | p99 µs | p99.9 µs |", "|---|---:|---:|---:|"]
    for stage, figures in results["fenqi"]["stages"].items():
        lines.append(
            f"| {stage} | {figures['p50_us']:.1f} | {figures['p99_us']:.1f} | "
            f"{figures['p999_us']:.1f} |"
        )
    baseline = results["baseline"]
    lines.append(f"| *baseline, whole* | {baseline['p50_us']:.1f} | {baseline['p99_us']:.1f} | |")
    return "\n".join(lines)


TABLES = {"engine": engine_table, "score": score_table}


def main() -> None:
    for name, table in TABLES.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            print(f"\n### {name}\n\n{table(json.loads(path.read_text()))}")


if __name__ == "__main__":
    main()

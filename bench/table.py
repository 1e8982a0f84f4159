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


def policy_table(results: dict[str, Any]) -> str:
    """A row for each engine; then tables by the row that is hit; then the curve over rules."""
    fenqi = results["fenqi"]
    cases = ("rule", "strategy", "table_first", "table_middle", "table_last")
    lines = [
        "| | one rule of 4 terms | strategy | 3,000 rows: first | middle | last |",
        "|---|---:|---:|---:|---:|---:|",
        _policy_row("**Fenqi**, program", {case: fenqi[case]["program"] for case in cases}),
        _policy_row("Fenqi, bytes to answer", {case: fenqi[case]["decision"] for case in cases}),
    ]
    lines += [_policy_row(peer["what"], peer) for peer in results["peers"].values()]
    lines += [f"| {name} | left out: {why} | | | | |" for name, why in results["left_out"].items()]
    large = [fenqi[f"large_{hit}"]["program"]["p50_ns"] for hit in ("first", "middle", "last")]
    lines += [
        "",
        "Fenqi's table of 10,000 rows: " + ", ".join(map(_duration, large)),
        "",
        "| rules | compile s | of it CPU | load ms | program | bytes to answer |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for point in results["curve"]["points"]:
        lines.append(
            f"| {point['rules']:,} | {point['compile_s']:.2f} | "
            f"{point['compile_cpu_s']:.2f} | {point['load_ms']:.1f} | "
            f"{_duration(point['program']['p50_ns'])} | {_duration(point['decision_p50_ns'])} |"
        )
    exponents = ", ".join(f"{exponent:.2f}" for exponent in results["curve"]["exponents"])
    return "\n".join([*lines, "", f"Exponents of the cost of more rules (1: linear): {exponents}"])


def _policy_row(what: str, figures: dict[str, Any]) -> str:
    cells = [
        _duration(figures[case]["p50_ns"]) if case in figures else ""
        for case in ("rule", "strategy", "table_first", "table_middle", "table_last")
    ]
    return f"| {what} | {' | '.join(cells)} |"


def forest_table(results: dict[str, Any]) -> str:
    """A row for each size and contender."""
    lines = [
        "| forest | | 1 row | 8 rows | 64 rows | 1,024 rows |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for size, figures in results["sizes"].items():
        for name, calls in figures["calls"].items():
            cells = [_duration(of["p50_ns"]) for of in calls.values() if isinstance(of, dict)]
            lines.append(f"| {size} | {name} | {' | '.join(cells)} |")
        lines += [
            f"| {size} | {name} | left out: {why} | | | |"
            for name, why in figures["left_out"].items()
        ]
    return "\n".join(lines)


def explanation_table(results: dict[str, Any]) -> str:
    """A row for each size of the reference."""
    lines = [
        "| reference rows | p50 | p99 | shap's p50 | at load | tables MiB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for count, figures in results["references"].items():
        peer = _duration(figures["shap"]["p50_ns"]) if "shap" in figures else ""
        lines.append(
            f"| {int(count):,} | {_duration(figures['p50_ns'])} | {_duration(figures['p99_ns'])} | "
            f"{peer} | {_duration(figures['load_ms'] * 1e6)} | "
            f"{figures['table_mib'] + figures['list_mib']:.0f} |"
        )
    return "\n".join(lines)


def _duration(nanoseconds: float) -> str:
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def swap_table(results: dict[str, Any]) -> str:
    """A row for each phase."""
    lines = [
        "| | answered /s | p50 µs | p99 µs | p99.9 µs | max µs |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, figures in results["phases"].items():
        cells = [
            f"{figures[key]:,.0f}" for key in ("rate", "p50_us", "p99_us", "p999_us", "max_us")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"{results['swaps']} swaps in {results['swapping']['seconds']} s: {results['failed']} "
            f"failed, {results['mixed']} mixed, p99 times {results['p99_ratio']}, resident memory "
            f"{results['rss_growth_mib']:+} MiB",
        ]
    )


def score_offers_table(results: dict[str, Any]) -> str:
    """A row for each rate, with the search for loans and without."""
    lines = [
        "| | rate /s | p50 µs | p99 µs | p99.9 µs | max µs |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in ("offers", "decision_only"):
        for rate, figures in results[name].items():
            cells = [f"{figures[key]:,.0f}" for key in ("p50_us", "p99_us", "p999_us", "max_us")]
            lines.append(f"| {name} | {rate} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {
    "engine": engine_table,
    "explanation": explanation_table,
    "forest": forest_table,
    "policy": policy_table,
    "score": score_table,
    "score_offers": score_offers_table,
    "swap": swap_table,
}


def main() -> None:
    for name, table in TABLES.items():
        path = RESULTS / f"{name}.json"
        if path.exists():
            print(f"\n### {name}\n\n{table(json.loads(path.read_text()))}")


if __name__ == "__main__":
    main()

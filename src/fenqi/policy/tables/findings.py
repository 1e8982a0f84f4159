"""What an analysis means for a table, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fenqi.policy.errors import Position
from fenqi.policy.tables.analysis import Analysis
from fenqi.policy.tables.table import Table, rows_agree

MOST_PAIRS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """`position` is the row's where the finding is about one."""

    severity: Literal["error", "warning", "info"]
    message: str
    position: Position | None = None


def findings(table: Table, analysis: Analysis, complete: bool) -> Iterator[Finding]:
    """Errors, then warnings, then what is good to know. `complete`: gaps are errors."""
    yield from _gaps(analysis, complete)
    yield from _overlaps(table, analysis)
    for row in analysis.never_matched:
        yield _of_row(table, row, "never holds, whatever the applicant is")
    if table.hit == "first":
        yield from _never_first(table, analysis)
    for name, example in analysis.missing.items():
        yield Finding("info", f"without {name}, no row is sure to hold, as for {example}")
    for name in analysis.missing_unproven:
        yield Finding("info", f"what applicants without {name} match could not be settled")
    if analysis.too_large:
        yield Finding("info", "the table is too large to look for gaps, overlaps and dead rows")


def _gaps(analysis: Analysis, complete: bool) -> Iterator[Finding]:
    for gap in analysis.gaps:
        yield Finding("error" if complete else "info", f"no row holds for {gap}")
    if analysis.gaps_unproven:
        yield Finding(
            "warning" if complete else "info",
            "whether some applicant matches no row could not be settled; a last row of `-` "
            "everywhere makes sure",
        )


def _overlaps(table: Table, analysis: Analysis) -> Iterator[Finding]:
    if table.hit not in ("unique", "any"):
        return
    pairs = analysis.overlaps
    if table.hit == "any":
        pairs = [(a, b) for a, b in pairs if not rows_agree(table, [a, b])]
    for first, second in pairs[:MOST_PAIRS]:
        differently = "" if table.hit == "unique" else " and say different things"
        yield _of_row(table, second, f"and row {first} hold together{differently}", "error")
    if len(pairs) > MOST_PAIRS:
        many = "more than " if analysis.overlap_count > len(analysis.overlaps) else ""
        yield Finding("error", f"{many}{len(pairs)} pairs of rows hold together")


def _never_first(table: Table, analysis: Analysis) -> Iterator[Finding]:
    for row, covering in analysis.never_first.items():
        by = "rows above it together hold" if covering is None else f"row {covering} holds"
        yield _of_row(table, row, f"is never reached: {by} wherever it does")
    if analysis.never_first_unproven:
        rows = ", ".join(map(str, analysis.never_first_unproven[:MOST_PAIRS]))
        yield Finding("info", f"whether some rows are ever reached could not be settled: {rows}")


def _of_row(
    table: Table, row: int, what: str, severity: Literal["error", "warning"] = "warning"
) -> Finding:
    return Finding(severity, f"row {row} {what}", table.rows[row - 1].position)

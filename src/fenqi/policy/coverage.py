"""What a policy's tests have seen of it, and what none of them ever did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fenqi.policy.document import Document
from fenqi.policy.errors import Position
from fenqi.policy.probes import Branch
from fenqi.policy.testing import TestResult
from fenqi.policy.trace import Outcome, Trace, Tracer, outcome_of


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Something that no test did. `part` says of what: rule, branch, row, segment, bin."""

    part: str
    what: str
    position: Position


@dataclass(slots=True)
class RuleCoverage:
    """How often a rule's condition was what, and how often the rule fired."""

    fired: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)


@dataclass(slots=True)
class Coverage:
    """What the tests did; a branch is two parts, one for each way."""

    rules: dict[str, RuleCoverage]
    branches: list[tuple[Branch, Counter[Outcome]]]
    # Rows that counted by table, of how many.
    rows: dict[str, tuple[Counter[int], int]]
    segments: Counter[str]
    # Bins that held, by (scorecard, attribute).
    bins: dict[tuple[str, str], Counter[int]]
    uncovered: list[Uncovered]
    # Of (rule, branch, row, segment, bin): covered and all.
    totals: dict[str, tuple[int, int]]

    @property
    def share(self) -> float:
        """Covered parts of all; 1 where there is nothing to cover."""
        covered = sum(count for count, _ in self.totals.values())
        parts = sum(count for _, count in self.totals.values())
        return covered / parts if parts else 1.0


def coverage_of(document: Document, tracer: Tracer, results: Iterable[TestResult]) -> Coverage:
    """Adds up what the tests of `results` did, passed or not."""
    traces = [result.trace for result in results if result.trace is not None]
    rules = {rule.id: RuleCoverage() for rule in document.policy.rules}
    branches = {name: Counter[Outcome]() for name in tracer.probed.branches}
    for trace in traces:
        for verdict in trace.verdicts:
            rules[verdict.rule.id].outcomes[verdict.outcome] += 1
            rules[verdict.rule.id].fired += verdict.hit is not None
        for name, outcomes in branches.items():
            outcomes[outcome_of(trace.registers.get(name))] += 1
    coverage = Coverage(
        rules=rules,
        branches=[(tracer.probed.branches[name], count) for name, count in branches.items()],
        rows=_rows(tracer, traces),
        segments=Counter(trace.answer.segment for trace in traces if trace.answer.segment),
        bins=_bins(tracer, traces),
        uncovered=[],
        totals={},
    )
    _sum_up(document, tracer, coverage)
    return coverage


def _rows(tracer: Tracer, traces: Iterable[Trace]) -> dict[str, tuple[Counter[int], int]]:
    hit = {name: Counter[int]() for name in tracer.compiled.tables}
    for trace in traces:
        for name, outputs in trace.tables.items():
            row, rows = outputs.get("row"), outputs.get("rows")
            if isinstance(row, int) and row > 0:
                hit[name][row] += 1
            for one in rows if isinstance(rows, list | tuple) else ():
                hit[name][one] += 1
    return {name: (hit[name], len(table.rows)) for name, table in tracer.compiled.tables.items()}


def _bins(tracer: Tracer, traces: Iterable[Trace]) -> dict[tuple[str, str], Counter[int]]:
    bins = {
        (card, name): Counter[int]()
        for card, part in tracer.compiled.scorecards.items()
        for name in part.attributes or {}
    }
    for trace in traces:
        for (card, name), held in bins.items():
            number = trace.registers.get(f"scorecard {card}.{name} bin")
            if isinstance(number, int) and number >= 0:
                held[number] += 1
    return bins


def _sum_up(document: Document, tracer: Tracer, coverage: Coverage) -> None:
    parts: dict[str, list[tuple[bool, Uncovered]]] = {
        "rules": list(_rule_parts(document, coverage)),
        "branches": list(_branch_parts(coverage)),
        "rows": list(_row_parts(document, tracer, coverage)),
        "segments": [
            (
                name in coverage.segments,
                Uncovered("segment", f"nobody is in {name}", document.position(("segments", name))),
            )
            for name in document.policy.segments
        ],
        "bins": list(_bin_parts(document, tracer, coverage)),
    }
    for name, counted in parts.items():
        if counted:
            coverage.totals[name] = (sum(covered for covered, _ in counted), len(counted))
        coverage.uncovered += [what for covered, what in counted if not covered]


def _rule_parts(document: Document, coverage: Coverage) -> Iterator[tuple[bool, Uncovered]]:
    for number, rule in enumerate(document.policy.rules):
        at = document.position(("rules", number))
        yield coverage.rules[rule.id].fired > 0, Uncovered("rule", f"{rule.id} never fires", at)


def _branch_parts(coverage: Coverage) -> Iterator[tuple[bool, Uncovered]]:
    for branch, outcomes in coverage.branches:
        for outcome in ("true", "false"):
            what = f"{branch.owner}: `{branch.text}` is never {outcome}"
            yield outcomes[outcome] > 0, Uncovered("branch", what, branch.position)


def _row_parts(
    document: Document, tracer: Tracer, coverage: Coverage
) -> Iterator[tuple[bool, Uncovered]]:
    for name, (hit, count) in coverage.rows.items():
        at = document.position(("tables", name))
        for row in range(1, count + 1):
            place = tracer.compiled.tables[name].rows[row - 1].position or at
            yield hit[row] > 0, Uncovered("row", f"table {name}: row {row} never counts", place)


def _bin_parts(
    document: Document, tracer: Tracer, coverage: Coverage
) -> Iterator[tuple[bool, Uncovered]]:
    for (card, name), held in coverage.bins.items():
        attributes = tracer.compiled.scorecards[card].attributes or {}
        at = document.position(("scorecards", card, "attributes", name))
        for number, one in enumerate(attributes[name].bins):
            what = f"scorecard {card}: nobody's {name} is in the bin `{one.text}`"
            yield held[number] > 0, Uncovered("bin", what, at)

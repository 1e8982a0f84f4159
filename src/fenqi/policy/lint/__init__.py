"""What deserves a second look in a policy that compiles.

Each lint is a function from a subject to findings, in a file of its kind; LINTS says what each
looks for.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.lint.cutoffs import cutoffs_apart, cutoffs_out_of_reach
from fenqi.policy.lint.finding import Finding, Level, not_allowed
from fenqi.policy.lint.products import amounts_above_the_cap, products_out_of_reach
from fenqi.policy.lint.rules import (
    constant_conditions,
    expired_rules,
    proposals,
    shadowed_rules,
    unguarded_missing,
)
from fenqi.policy.lint.sources import undeclared_sources
from fenqi.policy.lint.subject import Subject
from fenqi.policy.lint.tables import table_findings
from fenqi.policy.lint.unused import unused_parts

__all__ = ["LINTS", "Finding", "Level", "lint"]

# By the name that `# fenqi: allow` takes.
LINTS = {
    "unused": "features, lists, lookups, tables, scorecards, models, sources, reasons not used",
    "shadowed-rule": "rules that fire only where an earlier one does as much",
    "constant-condition": "conditions that are true, or false, for everybody",
    "unguarded-missing": "features that may be missing, in rules that say nothing of it",
    "cutoffs-apart": "segments of one model whose cut-offs contradict each other",
    "cutoffs-out-of-reach": "cut-offs that no score of the scorecard passes, or that all pass",
    "product-out-of-reach": "products that nobody can have",
    "amount-above-cap": "products that lend more than the law allows",
    "table": "tables: inputs for which no row holds, rows that collide, rows that never count",
    "undeclared-source": "data of a source that `sources` says nothing about",
    "expired-rule": "rules whose last day has passed",
    "proposal": "thresholds that are starting values without a public source",
    "compiler": "what the compiler could not prove",
}

_CHECKS: tuple[Callable[[Subject], Iterator[Finding]], ...] = (
    unused_parts,
    shadowed_rules,
    constant_conditions,
    unguarded_missing,
    cutoffs_apart,
    cutoffs_out_of_reach,
    products_out_of_reach,
    amounts_above_the_cap,
    table_findings,
    undeclared_sources,
    expired_rules,
    proposals,
)


def lint(
    document: Document, compiled: CompiledPolicy, today: datetime.date | None = None
) -> list[Finding]:
    """All findings that the policy does not allow, by place.

    `today`, for validity dates, is by default the date in the policy's time zone.
    """
    if today is None:
        today = datetime.datetime.now(ZoneInfo(document.policy.time_zone)).date()
    subject = Subject(document, compiled, today)
    findings = [finding for check in _CHECKS for finding in check(subject)]
    findings += [Finding("compiler", "warning", problem) for problem in compiled.warnings]
    return not_allowed(document, findings)

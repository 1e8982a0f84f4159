"""Decision tables: what no row covers, what several do, and what never counts."""

from __future__ import annotations

from collections.abc import Iterator

from fenqi.policy.errors import Problem
from fenqi.policy.lint.finding import Finding, Level, found
from fenqi.policy.lint.subject import Subject
from fenqi.policy.tables.analysis import analyse
from fenqi.policy.tables.findings import findings


def table_findings(subject: Subject) -> Iterator[Finding]:
    """Everything that can be said of each table before any applicant comes."""
    for name, table in subject.compiled.tables.items():
        complete = subject.policy.tables[name].complete
        for one in findings(table, analyse(table), complete):
            level: Level = "information" if one.severity == "info" else "warning"
            message = f"table {name}: {one.message}"
            if one.position is None:
                yield found(subject.document, "table", level, ("tables", name), message)
            else:
                yield Finding("table", level, Problem(one.position, message))

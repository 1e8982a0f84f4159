"""What a lint says, how much it matters, and how a policy says that it is meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fenqi.policy.document import Document
from fenqi.policy.errors import Position, Problem
from fenqi.policy.yaml_file import Steps

# A warning fails `fenqi policy check`; information does so only with --strict.
Level = Literal["warning", "information"]

_ALLOW = re.compile(r"#\s*fenqi:\s*allow\s+([a-z-]+(?:\s*,\s*[a-z-]+)*)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at. `lint` is the name by which a policy can allow it."""

    lint: str
    level: Level
    problem: Problem

    def __str__(self) -> str:
        return str(replace(self.problem, message=f"{self.problem.message} [{self.lint}]"))


def found(document: Document, lint: str, level: Level, path: Steps, message: str) -> Finding:
    """A finding about the value at `path`."""
    return Finding(lint, level, document.problem(document.position(path), message))


def not_allowed(document: Document, findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no `# fenqi: allow <lint>` silences, by place.

    The remark stands on the line of the finding or in the remarks right above it; above the first
    line of a rule or feature it counts for all of it.
    """
    starts = {(at.file, at.line) for at in map(document.position, document.places)}
    kept = {}
    for finding in findings:
        at = finding.problem.position
        line = max(
            (line for file, line in starts if file == at.file and line <= at.line), default=0
        )
        allowed = _allowed_at(document, at) | _allowed_at(document, Position(at.file, line, 1))
        if finding.lint not in allowed:
            kept[str(finding.problem), finding.lint] = finding
    order = {file.name: number for number, file in enumerate(document.files)}
    return sorted(
        kept.values(),
        key=lambda finding: (
            order.get(finding.problem.position.file, len(order)),
            finding.problem.position.line,
            finding.problem.position.column,
        ),
    )


def _allowed_at(document: Document, at: Position) -> set[str]:
    lines = next((file.lines for file in document.files if file.name == at.file), [])
    if not 0 < at.line <= len(lines):
        # A CSV file has no remarks.
        return set()
    allowed = _names(lines[at.line - 1])
    above = at.line - 2
    while above >= 0 and lines[above].lstrip().startswith("#"):
        allowed |= _names(lines[above])
        above -= 1
    return allowed


def _names(line: str) -> set[str]:
    said = _ALLOW.search(line)
    return set(re.split(r"\s*,\s*", said.group(1))) if said else set()

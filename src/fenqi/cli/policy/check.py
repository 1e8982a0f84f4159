"""`fenqi policy check`: whether a policy compiles, and what deserves a second look."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fenqi.cli.policy.subject import Subject, counted, files_of, read_subject
from fenqi.cli.policy.watch import watch
from fenqi.errors import FenqiError
from fenqi.policy import PolicyError
from fenqi.policy.errors import Problem
from fenqi.policy.lint import LINTS, Finding, lint


def run(path: Path, models: Path | None, strict: bool, as_json: bool) -> int:
    """Prints what was found; 1 where that fails the check, otherwise 0."""
    subject = read_subject(path, models)
    findings = lint(subject.document, subject.compiled)
    if as_json:
        _print_json(subject, findings)
    else:
        _print(subject, findings, Console(highlight=False))
    failing = [finding for finding in findings if strict or finding.level == "warning"]
    return 1 if failing else 0


def run_watching(path: Path, models: Path | None) -> None:
    """Checks again whenever a file of the policy changes."""
    console = Console(highlight=False)

    def once() -> set[Path]:
        try:
            subject = read_subject(path, models)
        except (FenqiError, OSError) as error:
            console.print(Text(str(error), style="red"))
            return files_of(path, error if isinstance(error, PolicyError) else None)
        _print(subject, lint(subject.document, subject.compiled), console)
        return files_of(path, subject)

    watch(once, console)


def _print(subject: Subject, findings: Sequence[Finding], console: Console) -> None:
    for finding in findings:
        if finding.level == "warning":
            first, *rest = str(finding).split("\n")
            line = Text("warning: ", style="yellow").append(first, style="default")
            console.print(line, soft_wrap=True)
            console.print(Text("\n".join(rest), style="dim"), soft_wrap=True)
    by_lint: dict[str, list[Problem]] = {}
    for finding in findings:
        if finding.level == "information":
            by_lint.setdefault(finding.lint, []).append(finding.problem)
    for name, problems in by_lint.items():
        console.print(Text(f"{name}: {LINTS[name]}", style="cyan"), soft_wrap=True)
        for problem in problems:
            line = Text(f"  {problem.position}: ", style="dim")
            console.print(line.append(problem.message, style="default"), soft_wrap=True)
    policy = subject.document.policy
    if policy.segments and _segments_are_proven(subject):
        said = f"proven: each applicant falls in exactly one of {len(policy.segments)} segments"
        console.print(Text(said, style="green"))
    kinds = ("feature", "rule", "table", "scorecard", "model", "segment", "test")
    counts = [(len(getattr(policy, f"{kind}s")), kind) for kind in kinds]
    parts = ", ".join(counted(count, kind) for count, kind in counts if count)
    warnings = sum(finding.level == "warning" for finding in findings)
    said = f"{counted(warnings, 'warning')}, {len(findings) - warnings} for information"
    console.print(
        Text(f"{policy.policy} {policy.version} compiles: {parts}; ").append(
            said, style="yellow" if warnings else "green"
        ),
        soft_wrap=True,
    )


def _segments_are_proven(subject: Subject) -> bool:
    """Whether the compiler had nothing to say of them: what is wrong does not compile."""
    at = subject.document.position(("segments",))
    return all(warning.position != at for warning in subject.compiled.warnings)


def _print_json(subject: Subject, findings: Sequence[Finding]) -> None:
    policy = subject.document.policy
    content = {
        "policy": policy.policy,
        "version": policy.version,
        "content_hash": subject.compiled.content_hash,
        "findings": [
            {"lint": finding.lint, "level": finding.level, **_place(finding.problem)}
            for finding in findings
        ],
    }
    print(json.dumps(content, ensure_ascii=False, indent=2))


def _place(problem: Problem) -> dict[str, object]:
    at = problem.position
    return {"file": at.file, "line": at.line, "column": at.column, "message": problem.message}

"""`fenqi policy test`: a policy's example applicants, and what they have seen of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fenqi.cli.policy.subject import Subject, counted, files_of, read_subject
from fenqi.cli.policy.watch import watch
from fenqi.errors import FenqiError
from fenqi.policy import PolicyError
from fenqi.policy.coverage import Coverage, coverage_of
from fenqi.policy.testing import TestResult, run_tests
from fenqi.policy.trace import Tracer

# Of each kind, so many parts that no test did are listed unless all are asked for.
_LISTED = 10


def run(
    path: Path, models: Path | None, coverage: bool, min_coverage: float | None, as_json: bool
) -> int:
    """Prints what came out; 1 where a test fails or less was seen than asked for, otherwise 0."""
    subject = read_subject(path, models)
    results, seen = _run(subject, models)
    if as_json:
        _print_json(subject, results, seen)
    else:
        console = Console(highlight=False)
        _print_results(results, console)
        if coverage or min_coverage is not None:
            _print_coverage(seen, console)
    failed = any(not result.passed for result in results)
    if min_coverage is not None and 100 * seen.share < min_coverage:
        if not as_json:
            said = f"coverage {_percent(seen.share)} is below {min_coverage:g} %"
            Console().print(said, style="red", highlight=False)
        failed = True
    return 1 if failed else 0


def run_watching(path: Path, models: Path | None, coverage: bool) -> None:
    """Tests again whenever a file of the policy changes."""
    console = Console(highlight=False)

    def once() -> set[Path]:
        try:
            subject = read_subject(path, models)
            results, seen = _run(subject, models)
        except (FenqiError, OSError) as error:
            console.print(Text(str(error), style="red"))
            return files_of(path, error if isinstance(error, PolicyError) else None)
        _print_results(results, console)
        if coverage:
            _print_coverage(seen, console)
        return files_of(path, subject)

    watch(once, console)


def _run(subject: Subject, models: Path | None) -> tuple[list[TestResult], Coverage]:
    tracer = Tracer(subject.document, subject.compiled, models)
    results = run_tests(subject.document, tracer)
    return results, coverage_of(subject.document, tracer, results)


def _print_results(results: Sequence[TestResult], console: Console) -> None:
    failed = [result for result in results if not result.passed]
    for result in failed:
        line = Text("failed ", style="red").append(f"{result.position}: ", style="dim")
        console.print(line.append(result.test.name, style="bold"), soft_wrap=True)
        for mismatch in result.mismatches:
            console.print(Text(f"  {mismatch}"), soft_wrap=True)
            for reason in mismatch.because:
                console.print(Text(f"    {reason}", style="dim"), soft_wrap=True)
    if not results:
        console.print(Text("there are no tests; add some under `tests`", style="yellow"))
        return
    said = f"{len(results) - len(failed)} passed, {len(failed)} failed, of "
    console.print(Text(said + counted(len(results), "test"), style="red" if failed else "green"))


def _print_coverage(seen: Coverage, console: Console) -> None:
    rules = Table("rule", "fired", "true", "false", "missing", "error", box=None, pad_edge=False)
    for name, rule in seen.rules.items():
        never = "red" if rule.fired == 0 else ""
        rules.add_row(
            Text(name, style=never),
            Text(str(rule.fired), style=never),
            *(
                str(rule.outcomes[outcome] or "-")
                for outcome in ("true", "false", "missing", "error")
            ),
        )
    console.print(Text())
    console.print(rules)
    shown: dict[str, int] = {}
    for one in seen.uncovered:
        shown[one.part] = shown.get(one.part, 0) + 1
        if shown[one.part] <= _LISTED:
            console.print(
                Text(f"{one.position}: ", style="dim").append(one.what, style="yellow"),
                soft_wrap=True,
            )
    for part, listed in shown.items():
        if listed > _LISTED:
            console.print(f"... and {listed - _LISTED} more of kind {part} (all with --json)")
    parts = ", ".join(f"{name} {done} of {count}" for name, (done, count) in seen.totals.items())
    console.print(f"\ncoverage {_percent(seen.share)}: {parts}", soft_wrap=True)


def _percent(share: float) -> str:
    # Not rounded up to what was not reached.
    return f"{int(share * 1000) / 10:.1f} %"


def _print_json(subject: Subject, results: Sequence[TestResult], seen: Coverage) -> None:
    content = {
        "policy": subject.compiled.policy,
        "version": subject.compiled.version,
        "content_hash": subject.compiled.content_hash,
        "tests": [
            {
                "name": result.test.name,
                "place": str(result.position),
                "passed": result.passed,
                "mismatches": [
                    {
                        "field": mismatch.field,
                        "expected": mismatch.expected,
                        "got": mismatch.got,
                        "because": list(mismatch.because),
                    }
                    for mismatch in result.mismatches
                ],
            }
            for result in results
        ],
        "coverage": {
            "share": seen.share,
            "totals": {name: {"covered": c, "of": n} for name, (c, n) in seen.totals.items()},
            "rules": {
                name: {"fired": rule.fired, **rule.outcomes} for name, rule in seen.rules.items()
            },
            "segments": dict(seen.segments),
            "uncovered": [
                {"part": one.part, "what": one.what, "place": str(one.position)}
                for one in seen.uncovered
            ],
        },
    }
    print(json.dumps(content, ensure_ascii=False, indent=2))

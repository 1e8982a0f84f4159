"""`fenqi policy diff`: what changed between two policies, and what that does to applications."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fenqi.cli.policy.subject import Subject, counted, read_subject
from fenqi.engine import Engine
from fenqi.policy.applications import Applicant, read_applications
from fenqi.policy.changes import Change, Side, changes
from fenqi.policy.swap import DECISIONS, Moved, Shift, SwapSet, compare


def run(
    old: Path, new: Path, applications: Sequence[Path], models: Path | None, as_json: bool
) -> int:
    """Prints the differences; 1 where there are any, otherwise 0."""
    before, after = read_subject(old, models), read_subject(new, models)
    found = changes(_side(before), _side(after))
    swap = None
    if applications:
        swap = compare(_engine(before), _engine(after), _all(applications))
    if as_json:
        _print_json(found, swap)
    else:
        _print(found, swap, Console(highlight=False))
    return 1 if found or (swap is not None and _moves(swap)) else 0


def _side(subject: Subject) -> Side:
    return Side(subject.document, subject.compiled)


def _engine(subject: Subject) -> Engine:
    engine = Engine()
    engine.publish(subject.compiled.image)
    return engine


def _all(files: Sequence[Path]) -> Iterator[Applicant]:
    return chain.from_iterable(read_applications(file) for file in files)


def _moves(swap: SwapSet) -> bool:
    return any(before != after for before, after in swap.matrix) or swap.amounts_capped.count > 0


def _print(found: Sequence[Change], swap: SwapSet | None, console: Console) -> None:
    if not found:
        console.print("the policies say the same", style="green")
    part = None
    for change in found:
        if change.part != part:
            console.print(Text(change.part, style="bold"))
            part = change.part
        console.print(Text(f"  {change.what}"), soft_wrap=True)
    if swap is not None:
        _print_swap(swap, console)


def _print_swap(swap: SwapSet, console: Console) -> None:
    before, after = swap.approval_rate(after=False), swap.approval_rate(after=True)
    console.print(
        f"\nof {counted(swap.count, 'application')} {before:.1%} were approved, now {after:.1%}"
        f" ({100 * (after - before):+.1f} points)"
    )
    for error in swap.failed[:5]:
        console.print(Text(f"not decided: {error}", style="red"), soft_wrap=True)
    if len(swap.failed) > 5:
        console.print(f"... and {len(swap.failed) - 5} more not decided", style="red")
    matrix = Table("was \\ is", *(_word(name) for name in DECISIONS), box=None, pad_edge=False)
    for was in DECISIONS:
        cells = [
            Text(str(swap.matrix[was, now] or "-"), style="" if was == now else "bold")
            for now in DECISIONS
        ]
        matrix.add_row(_word(was), *cells)
    console.print(matrix)
    console.print(_moved("swapped in", swap.swapped_in))
    console.print(_moved("swapped out", swap.swapped_out))
    if swap.amounts_capped.count:
        console.print(_moved("the same decision with another most amount", swap.amounts_capped))
    if swap.causes:
        causes = Table("why", "was", "is", "moved", "for example", box=None, pad_edge=False)
        for (was, now, why), moved in swap.by_cause():
            examples = Text(", ".join(moved.examples), style="dim")
            causes.add_row(Text(why), _word(was), _word(now), str(moved.count), examples)
        console.print(Text())
        console.print(causes)
    for name, shift in (("score", swap.score), ("probability of default", swap.probability)):
        if shift.moved:
            console.print(_shifted(name, shift))


def _moved(what: str, moved: Moved) -> Text:
    text = Text(f"{what}: {moved.count}")
    if moved.examples:
        text.append(f"  ({', '.join(moved.examples)})", style="dim")
    return text


def _shifted(name: str, shift: Shift) -> Text:
    before, after = shift.sum_before / shift.count, shift.sum_after / shift.count
    return Text(
        f"{name}: {shift.moved} of {shift.count} moved; mean {before:.6g} -> {after:.6g}, "
        f"at most by {shift.largest:.6g}"
    )


def _word(decision: str) -> str:
    return decision.replace("_", " ")


def _print_json(found: Sequence[Change], swap: SwapSet | None) -> None:
    content: dict[str, object] = {"changes": [asdict(change) for change in found]}
    if swap is not None:
        content["applications"] = {
            "count": swap.count,
            "approval_rate": {
                "before": swap.approval_rate(after=False),
                "after": swap.approval_rate(after=True),
            },
            "matrix": [
                {"before": was, "after": now, "count": count}
                for (was, now), count in sorted(swap.matrix.items())
            ],
            "swapped_in": asdict(swap.swapped_in),
            "swapped_out": asdict(swap.swapped_out),
            "amounts_capped": asdict(swap.amounts_capped),
            "causes": [
                {"before": was, "after": now, "why": why, **asdict(moved)}
                for (was, now, why), moved in swap.by_cause()
            ],
            "score": asdict(swap.score),
            "probability_of_default": asdict(swap.probability),
            "failed": swap.failed,
        }
    print(json.dumps(content, ensure_ascii=False, indent=2))

"""`fenqi policy run`: one applicant, and everything that the policy made of them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from google.protobuf import json_format
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fenqi.cli.answer import answer_panel
from fenqi.cli.policy.subject import Subject, read_subject
from fenqi.cli.score import read_application
from fenqi.errors import ConfigurationError
from fenqi.policy.tables.explain import Explanation
from fenqi.policy.trace import Read, Trace, Tracer, Value, written
from fenqi.requests import request_message
from fenqi.v1 import scoring_pb2
from fenqi.v1.scoring_pb2 import ScoreRequest

_COLOURS = {
    "true": "red",
    "false": "green",
    "missing": "yellow",
    "error": "red",
    "not asked": "dim",
}
# Rows of a table above the one that counts that are explained; the others are counted.
_ROWS = 8


def run(file: Path, policy: Path, models: Path | None, stage: str, at: str, as_json: bool) -> None:
    """Prints the decision on the application in `file` from the inside."""
    subject = read_subject(policy, models)
    request = _request(file, stage, at, ZoneInfo(subject.document.policy.time_zone))
    trace = Tracer(subject.document, subject.compiled, models).trace(request)
    if as_json:
        print(json.dumps(_as_json(subject, trace), ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    for part in _parts(subject, trace):
        console.print(part)


def _request(file: Path, stage: str, at: str, zone: ZoneInfo) -> ScoreRequest:
    request = request_message(read_application(file))
    if stage:
        known = [name.removeprefix("STAGE_").lower() for name in list(scoring_pb2.Stage.keys())[1:]]
        if stage not in known:
            raise ConfigurationError(
                f"--stage {stage}: there is no such stage; there is {', '.join(known)}"
            )
        request.stage = getattr(scoring_pb2, f"STAGE_{stage.upper()}")
    if at:
        try:
            moment = datetime.datetime.fromisoformat(at)
        except ValueError:
            raise ConfigurationError(f"--at {at}: write a moment as 2026-01-31T08:00") from None
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        request.decided_at_seconds = int(moment.timestamp())
    return request


# --- for people ---


def _parts(subject: Subject, trace: Trace) -> Iterable[RenderableType]:
    yield _features(subject, trace)
    for name in subject.document.policy.tables:
        yield from _table(name, trace)
    for name in subject.compiled.scorecards:
        yield from _scorecard(subject, name, trace)
    yield from _segments(subject, trace)
    yield _rules(trace)
    yield answer_panel(trace.answer, title=subject.document.policy.title)


def _features(subject: Subject, trace: Trace) -> RenderableType:
    table = Table("feature", "value", "unit", "meaning", box=None, pad_edge=False)
    for name, feature in subject.document.policy.features.items():
        value = trace.features[name]
        shown = Text(written(value), style=_style(value))
        table.add_row(name, shown, feature.unit, Text(feature.meaning, style="dim"))
    return table


def _style(value: Value) -> str:
    if value is None:
        return "yellow"
    return "red" if isinstance(value, ValueError) else ""


def _table(name: str, trace: Trace) -> Iterable[RenderableType]:
    yield Text(f"\ntable {name}", style="bold")
    outputs = trace.tables[name]
    said = ", ".join(f"{output} = {written(value)}" for output, value in outputs.items())
    yield Text(f"  {said}")
    explanation = trace.explanation(name)
    reasons = explanation.reasons
    hidden = max(0, len(reasons) - _ROWS)
    for reason in reasons[hidden:]:
        yield Text(f"  {reason}", style="" if reason.holds else "dim")
    if hidden:
        yield Text(f"  ... and {hidden} rows above do not hold", style="dim")
    if explanation.several:
        rows = ", ".join(str(row) for row in explanation.several)
        yield Text(f"  rows {rows} hold together, and only one may", style="red")


def _scorecard(subject: Subject, name: str, trace: Trace) -> Iterable[RenderableType]:
    card = subject.compiled.scorecards[name]
    score = trace.registers.get(f"{name}.score")
    yield Text(f"\nscorecard {name}: {written(score)}", style="bold")
    table = Table("attribute", "value", "bin", "points", "lost", "reason", box=None, pad_edge=False)
    for attribute, part in (card.attributes or {}).items():
        number = trace.registers.get(f"scorecard {name}.{attribute} bin")
        points = trace.registers.get(f"scorecard {name}.{attribute} points")
        in_bin = "no bin"
        if isinstance(number, int) and 0 <= number < len(part.bins):
            in_bin = part.bins[number].text
        reference = part.points_of(card.reference)
        lost = None
        if reference is not None and isinstance(points, int | float):
            lost = reference - points
        reads = trace.reads(("scorecards", name, "attributes", attribute, "expr"))
        table.add_row(
            attribute,
            ", ".join(written(read.value) for read in reads),
            in_bin,
            written(points),
            "" if lost is None or lost <= 0 else f"{lost:g}",
            part.reason or "",
        )
    yield table


def _segments(subject: Subject, trace: Trace) -> Iterable[RenderableType]:
    segments = subject.document.policy.segments
    if not segments:
        return
    yield Text(f"\nsegment {trace.answer.segment or 'none'}", style="bold")
    for name, segment in segments.items():
        if segment.when is None:
            continue
        value = trace.registers.get(f"segment {name}")
        reads = _told(trace.reads(("segments", name, "when")))
        yield Text(f"  {name}: {written(value)}{reads}", style="" if value is True else "dim")


def _rules(trace: Trace) -> RenderableType:
    table = Table("\nrule", "\ncondition", "\ndoes", "\nread", box=None, pad_edge=False)
    for verdict in trace.verdicts:
        does = ""
        if verdict.hit is not None:
            does = scoring_pb2.RuleAction.Name(verdict.hit.action).removeprefix("RULE_ACTION_")
            does = does.lower() + (f" at {verdict.hit.cap_fen}" if verdict.hit.cap_fen else "")
        style = _COLOURS[verdict.outcome] if verdict.hit or verdict.outcome != "true" else ""
        read = Text(_told(verdict.reads).removeprefix("; "), style="dim")
        table.add_row(verdict.rule.id, Text(verdict.outcome, style=style), does, read)
    return table


def _told(reads: Iterable[Read]) -> str:
    told = [
        f"{read.text} = {written(read.value)}{f' ({read.note})' if read.note else ''}"
        for read in reads
    ]
    return f"; {', '.join(told)}" if told else ""


# --- for programs ---


def _as_json(subject: Subject, trace: Trace) -> dict[str, Any]:
    return {
        "answer": json_format.MessageToDict(trace.answer, preserving_proto_field_name=True),
        "features": {name: _plain(value) for name, value in trace.features.items()},
        "tables": {
            name: {
                **{output: _plain(value) for output, value in outputs.items()},
                "why": _why(trace.explanation(name)),
            }
            for name, outputs in trace.tables.items()
        },
        "scorecards": {
            name: {
                attribute: {
                    "bin": _plain(trace.registers.get(f"scorecard {name}.{attribute} bin")),
                    "points": _plain(trace.registers.get(f"scorecard {name}.{attribute} points")),
                }
                for attribute in card.attributes or {}
            }
            for name, card in subject.compiled.scorecards.items()
        },
        "rules": [
            {
                "id": verdict.rule.id,
                "condition": verdict.outcome,
                "fired": verdict.hit is not None,
                "read": {read.text: _plain(read.value) for read in verdict.reads},
            }
            for verdict in trace.verdicts
        ],
    }


def _why(explanation: Explanation) -> list[str]:
    return [str(reason) for reason in explanation.reasons]


def _plain(value: Value) -> Any:
    if isinstance(value, ValueError):
        return {"error": str(value)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)

"""Segments: who is judged by which model or scorecard, and held to which cut-offs (R10, R14)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.lowered import Scalar
from fenqi.policy.program import MISSING, Constant, Operand
from fenqi.policy.schema import Cutoffs, Segment
from fenqi.policy.scorecards import OUTPUTS
from fenqi.policy.yaml_file import Steps

NONE = Constant("int", -1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One segment: who decides there, and by which cut-offs.

    `path` is where the cut-offs stand; `name` is empty where the policy has no segments.
    """

    name: str
    decided_by: str | None
    cutoffs: Cutoffs | None
    path: Steps


@dataclass(slots=True)
class Routing:
    """Which segment an applicant falls in."""

    judgements: list[Judgement]
    # The index into `judgements`, missing where none or several hold; None: there is only one.
    index: Operand | None = None
    # The conditions of the segments that have one, by name.
    conditions: dict[str, Operand] = field(default_factory=dict)


def route(ex: Expressions) -> Routing:
    """Adds the segments' conditions to the program."""
    policy = ex.document.policy
    if not policy.segments:
        decided_by = _only_decider(ex)
        if decided_by is None and policy.cutoffs is not None and not ex.problems:
            ex.report(
                ("cutoffs",),
                "cut-offs need a model or scorecard that decides; name one under `models`",
            )
        if decided_by is None:
            return Routing([])
        return Routing([Judgement("", decided_by, policy.cutoffs, ("cutoffs",))])
    routing = Routing([_judgement(ex, name, part) for name, part in policy.segments.items()])
    routing.index = _index(ex, routing)
    return routing


def declare_segment(ex: Expressions, routing: Routing) -> None:
    """Declares `segment`, the name of the applicant's."""
    if routing.index is not None:
        names: list[Operand] = [Constant("string", one.name) for one in routing.judgements]
        ex.declare_later(
            "segment", "string", lambda: Scalar(_chosen(ex, routing.index, names), "string")
        )


def declare_outcome(ex: Expressions, routing: Routing) -> None:
    """Declares `score` and `probability_of_default`: of whoever decides in the segment."""
    deciders = [judgement.decided_by for judgement in routing.judgements]
    if not any(deciders):
        return
    for output in OUTPUTS:

        def make(output: str = output) -> Scalar:
            of = [_output(ex, decider, output) for decider in deciders]
            return Scalar(_chosen(ex, routing.index, of), "double")

        ex.declare_later(output, "double", make)


def _output(ex: Expressions, decider: str | None, output: str) -> Operand:
    known = ex.lowering.names.get(f"{decider}.{output}")
    return known.operand if isinstance(known, Scalar) else MISSING


def _chosen(ex: Expressions, index: Operand | None, of: list[Operand]) -> Operand:
    """The operand of the segment; missing where there is no segment."""
    if index is None:
        return of[0]
    if len(set(map(repr, of))) == 1:
        known = ex.builder.emit(image.OP_EQ_INT, index, index)
        return ex.builder.emit(image.OP_SELECT, known, of[0], of[0])
    chosen = of[-1]
    for number in reversed(range(len(of) - 1)):
        is_this = ex.builder.emit(image.OP_EQ_INT, index, Constant("int", number))
        chosen = ex.builder.emit(image.OP_SELECT, is_this, of[number], chosen)
    return chosen


def _judgement(ex: Expressions, name: str, segment: Segment) -> Judgement:
    own = ("segments", name, "cutoffs")
    if segment.decided_by is None:
        if segment.cutoffs is not None:
            ex.report(own, f"cut-offs need somebody who decides; give {name} a `decided_by`")
        return Judgement(name, None, None, own)
    cutoffs = segment.cutoffs if segment.cutoffs is not None else ex.document.policy.cutoffs
    if cutoffs is None:
        ex.warn(("segments", name), f"nothing is decided by {segment.decided_by}: no cut-offs")
    path = own if segment.cutoffs is not None else ("cutoffs",)
    return Judgement(name, segment.decided_by, cutoffs, path)


def _index(ex: Expressions, routing: Routing) -> Operand:
    policy = ex.document.policy
    index: Operand = NONE
    otherwise: int | None = None
    for number, (name, segment) in enumerate(policy.segments.items()):
        if segment.when is None:
            if otherwise is not None:
                ex.report(("segments", name), "only one segment can be `otherwise`")
            otherwise = number
            continue
        path = ("segments", name, "when")
        value = ex.condition(path, segment.when, f"segment {name}")
        if value is None:
            continue
        if ex.builder.is_after_models(value.operand):
            ex.report(path, "which segment it is cannot rest on a score")
            continue
        routing.conditions[name] = value.operand
        index = ex.builder.emit(image.OP_EXCLUSIVE, index, value.operand, Constant("int", number))
    rest = MISSING if otherwise is None else Constant("int", otherwise)
    none_holds = ex.builder.emit(image.OP_EQ_INT, index, NONE)
    return ex.builder.emit(image.OP_SELECT, none_holds, rest, index)


def _only_decider(ex: Expressions) -> str | None:
    """Who decides where the policy has no segments."""
    policy = ex.document.policy
    deciding = [slot for slot, use in policy.models.items() if use.role == "decision"]
    if len(deciding) > 1 or (policy.models and not deciding and not policy.scorecards):
        ex.report(("models",), "exactly one model has the role decision")
        return None
    if not deciding and len(policy.scorecards) > 1 and policy.cutoffs is not None:
        ex.report(("cutoffs",), "say in `segments` which of the scorecards decides")
        return None
    deciders = [*deciding, *(policy.scorecards if not deciding else [])]
    return deciders[0] if len(deciders) == 1 else None


def always_running(ex: Expressions, slots: Mapping[str, object]) -> set[str]:
    """Models whose outputs something besides the cut-offs reads."""
    return {slot for slot in slots if any(f"{slot}.{output}" in ex.read for output in OUTPUTS)}

"""Rules: when they hold, at which stages and on which days, and what they do."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.program import Constant, ConstantSet, Operand, Place, Slot
from fenqi.policy.row import DECIDED_AT, STAGE
from fenqi.policy.schema import Rule
from fenqi.v1 import scoring_pb2

# Rules of the core itself, in an answer beside the policy's own.
BUILT_IN = ("NO_SEGMENT", "NO_SCORE", "ABOVE_SUB_LIMIT")
_EVERY_STAGE = ("application", "drawdown", "account_review", "prescreen")


@dataclass(frozen=True, slots=True)
class LoweredRule:
    """A rule in the program."""

    rule: Rule
    condition: Operand
    cap: Operand | None
    place: Place
    # Whether it reads what models or scorecards say.
    reads_scores: bool


def lower_rules(ex: Expressions) -> list[LoweredRule]:
    """Adds the rules to the program, in the policy's order."""
    zone = _zone(ex)
    known: set[str] = set()
    lowered: list[LoweredRule] = []
    for number, rule in enumerate(ex.document.policy.rules):
        if rule.id in known:
            ex.report(("rules", number, "id"), f"there are two rules {rule.id}")
        elif rule.id in BUILT_IN:
            ex.report(("rules", number, "id"), f"{rule.id} is a rule of Fenqi itself")
        known.add(rule.id)
        one = _lower_rule(ex, number, rule, zone)
        if one is not None:
            lowered.append(one)
    return lowered


def stage_numbers(rule: Rule) -> list[int]:
    """The fenqi.v1.Stages at which the rule holds."""
    stages = rule.stage if rule.stage is not None else _EVERY_STAGE
    return [scoring_pb2.Stage.Value(f"STAGE_{stage.upper()}") for stage in stages]


def skip_condition(ex: Expressions, rules: list[LoweredRule]) -> Operand | None:
    """True where a hard rule fired at its stage; None where the policy has no such rule."""
    skip: Operand | None = None
    for lowered in rules:
        rule = lowered.rule
        if not rule.skips_models:
            continue
        condition = lowered.condition
        if rule.stage is not None:
            condition = ex.builder.emit(image.OP_AND, _at_stage(ex, rule), condition)
        holds = ex.builder.emit(image.OP_HOLDS, condition)
        skip = holds if skip is None else ex.builder.emit(image.OP_OR, skip, holds)
    return skip


def _zone(ex: Expressions) -> ZoneInfo:
    name = ex.document.policy.time_zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        ex.report(("time_zone",), f"{name} is no time zone; write one as Asia/Shanghai")
        return ZoneInfo("UTC")


def _lower_rule(ex: Expressions, number: int, rule: Rule, zone: ZoneInfo) -> LoweredRule | None:
    path = ("rules", number)
    owner = f"rule {rule.id}"
    in_pack = ex.document.origins[number] == "pack"
    value = ex.condition((*path, "when"), rule.when, owner, in_pack=in_pack)
    cap = _cap(ex, number, rule, owner)
    if value is None or (rule.then == "cap" and cap is None):
        return None
    condition = value.operand
    valid = _valid(ex, rule, zone)
    if valid is not None:
        condition = ex.builder.emit(image.OP_AND, valid, condition)
    reads_scores = ex.builder.is_after_models(condition) or (
        cap is not None and ex.builder.is_after_models(cap)
    )
    if rule.skips_models and reads_scores:
        ex.report((*path, "skips_models"), f"{rule.id} reads a score, so it cannot skip scoring")
    return LoweredRule(rule, condition, cap, ex.place(path, owner), reads_scores)


def _cap(ex: Expressions, number: int, rule: Rule, owner: str) -> Operand | None:
    path = ("rules", number, "cap_fen")
    if rule.cap_fen is None:
        return None
    if isinstance(rule.cap_fen, int):
        if not 0 < rule.cap_fen < 2**63:
            ex.report(path, "a cap is a positive number of fen")
        return Constant("int", rule.cap_fen)
    value = ex.lower(path, rule.cap_fen, owner)
    if value is not None and value.type != "int":
        ex.report(path, f"a cap is a whole number of fen; this is of type {value.type}")
        return None
    return value.operand if value is not None else None


def _valid(ex: Expressions, rule: Rule, zone: ZoneInfo) -> Operand | None:
    """Whether the decision falls on a day on which the rule holds; None: it always does."""
    valid: Operand | None = None
    if rule.valid_from is not None:
        start = Constant("int", _midnight(rule.valid_from, zone))
        valid = ex.builder.emit(image.OP_LE_INT, start, Slot(DECIDED_AT))
    if rule.valid_until is not None:
        end = Constant("int", _midnight(rule.valid_until + datetime.timedelta(days=1), zone))
        before = ex.builder.emit(image.OP_LT_INT, Slot(DECIDED_AT), end)
        valid = before if valid is None else ex.builder.emit(image.OP_AND, valid, before)
    return valid


def _midnight(day: datetime.date, zone: ZoneInfo) -> int:
    """The first second of a day, from the Unix epoch."""
    return int(datetime.datetime.combine(day, datetime.time(), zone).timestamp())


def _at_stage(ex: Expressions, rule: Rule) -> Operand:
    application = Constant("int", scoring_pb2.STAGE_APPLICATION)
    stage = ex.builder.emit(image.OP_DEFAULT, Slot(STAGE), application)
    members = ConstantSet("int", tuple(sorted(set(stage_numbers(rule)))))
    return ex.builder.emit(image.OP_IN_INT, stage, members=members)

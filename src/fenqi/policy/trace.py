"""One decision from the inside: what every feature, table, scorecard and rule made of it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from fenqi.engine import Engine
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.compiler import CompiledPolicy, compile_document
from fenqi.policy.document import Document
from fenqi.policy.expression_text import constant_of, text_of
from fenqi.policy.probes import Probed, with_probes
from fenqi.policy.reads import reads_of, source_of
from fenqi.policy.schema import Rule
from fenqi.policy.tables.explain import Explanation, explain
from fenqi.v1 import scoring_pb2
from fenqi.v1.application_pb2 import DataSource
from fenqi.v1.quote_pb2 import LoanTerms, QuoteRequest
from fenqi.v1.scoring_pb2 import RuleHit, ScoreRequest, ScoreResponse

# Signs the acknowledgements of tests; it proves nothing to anybody else.
_KEY = b"only for the tests of a policy !!"
_DAY_SECONDS = 86_400

# What a value can be, as the engine traces it: None is missing, a ValueError failed.
Value = Any
Outcome = Literal["true", "false", "missing", "error", "not asked"]


@dataclass(frozen=True, slots=True)
class Read:
    """Something that a condition read. `note` says more of a value that is missing."""

    text: str
    value: Value
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """A list or map of the request, told by how many entries it has."""

    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule made of the applicant; `hit` where it fired."""

    rule: Rule
    outcome: Outcome
    value: Value
    hit: RuleHit | None
    reads: list[Read]


@dataclass
class Tracer:
    """Decides applicants with a policy and keeps what it did with each."""

    document: Document
    compiled: CompiledPolicy
    models: Any = None
    engine: Engine = field(init=False)
    probed: Probed = field(init=False)
    _inside: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(_KEY)
        self.engine.publish(self.compiled.image)
        self.probed = with_probes(self.document, self.compiled)
        self._inside = Engine(_KEY)
        self._inside.publish(compile_document(self.probed.document, self.models).image)

    def trace(self, request: ScoreRequest) -> Trace:
        """The decision and everything behind it. Raises CallError."""
        answer = self.engine.score(request)
        if answer.HasField("decided_at_seconds"):
            # The inside is looked at as of the same moment.
            moved = ScoreRequest()
            moved.CopyFrom(request)
            moved.decided_at_seconds = answer.decided_at_seconds
            request = moved
        return Trace(self, request, answer, self._inside.trace(request))

    def acknowledge(self, request: ScoreRequest) -> None:
        """Lets the customer read a quote of the loan asked for, as long as the policy says.

        Raises InvalidRequestError where such a loan cannot be quoted.
        """
        drawdown = self.document.policy.drawdown
        reading = 0 if drawdown is None else drawdown.minimum_reading_seconds
        decided = request.decided_at_seconds
        wanted = request.application.loan
        loan = LoanTerms(
            principal_fen=wanted.amount_fen,
            periods=wanted.term_months,
            disbursed_date_days=decided // _DAY_SECONDS,
        )
        quoted = self.engine.quote(
            QuoteRequest(
                customer_key=request.application.customer_key,
                loan=loan,
                quoted_at_seconds=max(0, decided - reading),
                minimum_reading_seconds=reading,
            )
        )
        request.acknowledgement.token = quoted.acknowledgement_token
        request.acknowledgement.quote_hash = quoted.quote_hash
        request.acknowledgement.acknowledged_at_seconds = decided


@dataclass
class Trace:
    """One decision. `registers`: what the engine traced, by name."""

    tracer: Tracer
    request: ScoreRequest
    answer: ScoreResponse
    registers: Mapping[str, Value]

    @cached_property
    def features(self) -> dict[str, Value]:
        """Every feature's value."""
        return {name: self.registers.get(name) for name in self.tracer.document.policy.features}

    @cached_property
    def tables(self) -> dict[str, dict[str, Value]]:
        """Of each table the row or rows that count, and the outputs."""
        found: dict[str, dict[str, Value]] = {}
        for name in self.tracer.document.policy.tables:
            prefix = f"table {name}."
            found[name] = {
                register.removeprefix(prefix): value
                for register, value in self.registers.items()
                if register.startswith(prefix)
            }
        return found

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Every rule's, in order."""
        hits = {hit.rule_id: hit for hit in self.answer.rule_hits}
        return [
            self._verdict(number, rule, hits.get(rule.id))
            for number, rule in enumerate(self.tracer.document.policy.rules)
        ]

    def explanation(self, table: str) -> Explanation:
        """Which row of the table held, and why those above it did not."""
        inputs = {
            name: self.registers.get(probe)
            for (owner, name), probe in self.tracer.probed.inputs.items()
            if owner == table
        }
        known = {
            name: None if isinstance(value, ValueError) else value for name, value in inputs.items()
        }
        return explain(self.tracer.compiled.tables[table], known)

    def reads(self, path: tuple[str | int, ...]) -> list[Read]:
        """What the expression at `path` read."""
        checked = self.tracer.compiled.expressions.get(path)
        return [] if checked is None else list(self._reads(checked))

    def _verdict(self, number: int, rule: Rule, hit: RuleHit | None) -> Verdict:
        value = self.registers.get(f"rule {rule.id}")
        outcome: Outcome = outcome_of(value)
        stage = self.request.stage or scoring_pb2.STAGE_APPLICATION
        if rule.stage is not None and _stage_name(stage) not in rule.stage:
            outcome = "not asked"
        reads = self.reads(("rules", number, "when"))
        return Verdict(rule, outcome, value, hit, reads)

    def _reads(self, checked: CheckedExpr) -> Iterator[Read]:
        reads = reads_of(checked)
        for name in sorted(reads.names):
            register = f"table {name.removeprefix('tables.')}" if "tables." in name else name
            if register in self.registers:
                yield Read(name, self.registers[register])
            elif name in ("score", "probability_of_default", "segment"):
                yield Read(name, self._said(name))
            elif name == "decision_time" and self.answer.HasField("decided_at_seconds"):
                moment = self.answer.decided_at_seconds
                zone = ZoneInfo(self.tracer.document.policy.time_zone)
                yield Read(name, datetime.datetime.fromtimestamp(moment, zone).isoformat())
        seen: set[str] = set()
        for place in reads.places:
            text = text_of(place.expr).removeprefix("has(").removesuffix(")")
            if text in seen or not text.startswith(("application", "request")):
                continue
            seen.add(text)
            value = field_value(self.request, place.expr)
            if isinstance(value, Entries):
                yield Read(f"size({text})", value.count, self._note(place.path))
            else:
                yield Read(text, value, self._note(place.path))

    def _said(self, name: str) -> Value:
        if name == "segment":
            return self.answer.segment or None
        return getattr(self.answer, name) if self.answer.HasField(name) else None

    def _note(self, path: tuple[str, ...]) -> str:
        source = source_of(path)
        withheld = {DataSource.Name(number) for number in self.answer.withheld_sources}
        if source is not None and f"DATA_SOURCE_{source.upper()}" in withheld:
            return f"no consent to {source}"
        return ""


def outcome_of(value: Value) -> Outcome:
    """The word for a condition's value."""
    if value is None:
        return "missing"
    if isinstance(value, ValueError):
        return "error"
    return "true" if value else "false"


def written(value: Value) -> str:
    """A value as an analyst reads it."""
    if value is None:
        return "missing"
    if isinstance(value, ValueError):
        return f"error: {value}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def field_value(request: ScoreRequest, expr: Expr) -> Value:
    """The value of a field that `expr` reads by its path: None where it is missing.

    An enum is its constant's name, a message whether it is there, a list how long it is.
    """
    value = _walk(request, expr)
    if isinstance(value, Message):
        return "present"
    if value is not None and hasattr(value, "__len__") and not isinstance(value, str | bytes):
        return Entries(len(value))
    return value


def _walk(request: ScoreRequest, expr: Expr) -> Value:
    kind = expr.WhichOneof("expr_kind")
    if kind == "ident_expr":
        return request.application if expr.ident_expr.name == "application" else request
    if kind == "select_expr":
        return _field(_walk(request, expr.select_expr.operand), expr.select_expr.field)
    if kind != "call_expr":
        return None
    of, *rest = expr.call_expr.args
    container = _walk(request, of)
    if expr.call_expr.function == "_?._":
        return _field(container, rest[0].const_expr.string_value)
    key = constant_of(rest[0].const_expr)
    if container is None or key is None:
        return None
    if isinstance(container, Mapping):
        return container.get(key)
    return container[key] if isinstance(key, int) and key < len(container) else None


def _field(message: Value, name: str) -> Value:
    if isinstance(message, Mapping):
        return message.get(name)
    if not isinstance(message, Message):
        return None
    descriptor = message.DESCRIPTOR.fields_by_name.get(name)
    if descriptor is None:
        return None
    if descriptor.has_presence and not message.HasField(name):
        return None
    value = getattr(message, name)
    if descriptor.enum_type is not None and not descriptor.is_repeated:
        return descriptor.enum_type.values_by_number[value].name if value else None
    return value


def _stage_name(stage: int) -> str:
    return scoring_pb2.Stage.Name(stage).removeprefix("STAGE_").lower()

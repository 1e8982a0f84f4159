"""Runs a policy's example applicants and compares what comes out with what must."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fenqi.errors import CallError
from fenqi.policy.document import Document
from fenqi.policy.errors import Position, did_you_mean
from fenqi.policy.schema import Expectation, ExpectedOffer, PolicyTest
from fenqi.policy.trace import Read, Trace, Tracer, Verdict, written
from fenqi.requests import request_message
from fenqi.v1 import scoring_pb2
from fenqi.v1.application_pb2 import DataSource, RepaymentMethod
from fenqi.v1.scoring_pb2 import (
    Decision,
    Help,
    LimitKind,
    Offer,
    ScoreRequest,
    ScoreResponse,
)

_SCORE_TOLERANCE = 1e-6
_PROBABILITY_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that came out otherwise. `because`: what it rests on."""

    field: str
    expected: str
    got: str
    because: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One example applicant. `trace` is None where the application does not fit the contract."""

    test: PolicyTest
    position: Position
    mismatches: list[Mismatch]
    trace: Trace | None

    # Not a test of pytest's.
    __test__ = False

    @property
    def passed(self) -> bool:
        """Whether everything that was named came out."""
        return not self.mismatches


def run_tests(document: Document, tracer: Tracer) -> list[TestResult]:
    """Runs all tests of the document, in order."""
    return [
        _run(document, tracer, test, document.position(("tests", number)))
        for number, test in enumerate(document.policy.tests)
    ]


def request_of(document: Document, test: PolicyTest) -> ScoreRequest:
    """The request that an example applicant stands for.

    Raises InvalidRequestError where it does not fit the contract.
    """
    request = request_message({"application": test.application})
    request.stage = getattr(scoring_pb2, f"STAGE_{test.stage.upper()}")
    if test.at is not None:
        at = test.at
        if at.tzinfo is None:
            at = at.replace(tzinfo=ZoneInfo(document.policy.time_zone))
        request.decided_at_seconds = int(at.timestamp())
    elif request.application.HasField("submitted_at_seconds"):
        request.decided_at_seconds = request.application.submitted_at_seconds
    return request


def _run(document: Document, tracer: Tracer, test: PolicyTest, at: Position) -> TestResult:
    try:
        request = request_of(document, test)
        if test.acknowledged:
            tracer.acknowledge(request)
        trace = tracer.trace(request)
    except CallError as error:
        fault = Mismatch("application", "one that fits the contract", str(error))
        return TestResult(test, at, [fault], None)
    return TestResult(test, at, list(_compare(document, test.expect, trace)), trace)


def _compare(document: Document, expect: Expectation, trace: Trace) -> Iterator[Mismatch]:
    for name in Expectation.model_fields:
        if name in expect.model_fields_set:
            yield from _COMPARE[name](document, getattr(expect, name), trace)


def _words(of: Callable[[ScoreResponse], str], name: str) -> Callable[..., Iterator[Mismatch]]:
    def compare(document: Document, expected: str | None, trace: Trace) -> Iterator[Mismatch]:
        got = of(trace.answer)
        if got != (expected or ""):
            because = _why_decided(trace) if name == "decision" else []
            yield Mismatch(name, expected or "none", got or "none", tuple(because))

    return compare


def _decision(answer: ScoreResponse) -> str:
    return Decision.Name(answer.decision).removeprefix("DECISION_").lower()


def _number(name: str, tolerance: float) -> Callable[..., Iterator[Mismatch]]:
    def compare(
        document: Document, expected: float | tuple[float, float] | None, trace: Trace
    ) -> Iterator[Mismatch]:
        got = getattr(trace.answer, name) if trace.answer.HasField(name) else None
        if isinstance(expected, tuple):
            low, high = expected
            if got is None or not low <= got <= high:
                yield Mismatch(name, f"{low:g} to {high:g}", _or_none(got))
        elif (got is None) != (expected is None) or (
            got is not None and expected is not None and abs(got - expected) > tolerance
        ):
            yield Mismatch(name, _or_none(expected), _or_none(got))

    return compare


def _or_none(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"


def _hits(document: Document, expected: list[str] | None, trace: Trace) -> Iterator[Mismatch]:
    wanted = expected or []
    got = [hit.rule_id for hit in trace.answer.rule_hits]
    by_id = {verdict.rule.id: verdict for verdict in trace.verdicts}
    because = []
    for name in wanted:
        if name not in by_id and name not in got:
            because.append(f"there is no rule {name}{did_you_mean(name, by_id)}")
        elif name not in got:
            because.append(f"{name} did not fire: {_told(by_id[name])}")
    for name in got:
        if name not in wanted and name in by_id:
            because.append(f"{name} fired: {_told(by_id[name])}")
    if sorted(wanted) != sorted(got):
        yield Mismatch("hits", _listed(sorted(wanted)), _listed(got), tuple(because))


def _reasons(document: Document, expected: list[str] | None, trace: Trace) -> Iterator[Mismatch]:
    got = [reason.code for reason in trace.answer.reasons]
    if got != (expected or []):
        unknown = [code for code in expected or [] if code not in document.policy.reasons]
        because = [
            f"there is no reason {code}{did_you_mean(code, document.policy.reasons)}"
            for code in unknown
        ]
        yield Mismatch("reasons", _listed(expected or []), _listed(got), tuple(because))


def _explored(document: Document, expected: bool | None, trace: Trace) -> Iterator[Mismatch]:
    if trace.answer.explored != bool(expected):
        yield Mismatch("explored", written(bool(expected)), written(trace.answer.explored))


def _withheld(document: Document, expected: list[str] | None, trace: Trace) -> Iterator[Mismatch]:
    got = sorted(
        DataSource.Name(source).removeprefix("DATA_SOURCE_").lower()
        for source in trace.answer.withheld_sources
    )
    if got != sorted(expected or []):
        yield Mismatch("withheld", _listed(sorted(expected or [])), _listed(got))


def _features(document: Document, expected: dict[str, object], trace: Trace) -> Iterator[Mismatch]:
    for name, value in (expected or {}).items():
        if name not in trace.features:
            hint = did_you_mean(name, trace.features)
            yield Mismatch(f"features.{name}", written(value), f"no such feature{hint}")
        elif not _same(trace.features[name], value):
            reads = trace.reads(("features", name, "expr"))
            because = [f"it read {_all_told(reads)}"] if reads else []
            got = written(trace.features[name])
            yield Mismatch(f"features.{name}", written(value), got, tuple(because))


def _tables(document: Document, expected: dict[str, object], trace: Trace) -> Iterator[Mismatch]:
    for name, value in (expected or {}).items():
        table, _, output = name.partition(".")
        known = trace.tables.get(table, {})
        if output not in known:
            names = [f"{t}.{o}" for t, outputs in trace.tables.items() for o in outputs]
            hint = did_you_mean(name, names)
            yield Mismatch(f"tables.{name}", written(value), f"no such output{hint}")
        elif not _same(known[output], value):
            because = [str(reason) for reason in trace.explanation(table).reasons[-3:]]
            yield Mismatch(f"tables.{name}", written(value), written(known[output]), tuple(because))


def _offers(
    document: Document, expected: list[ExpectedOffer] | None, trace: Trace
) -> Iterator[Mismatch]:
    wanted, got = expected or [], trace.answer.offers
    if len(wanted) != len(got):
        because = _bound(trace.answer)
        yield Mismatch(
            "offers", f"{len(wanted)} of them", _listed([_offer(one) for one in got]), because
        )
        return
    for number, (one, offer) in enumerate(zip(wanted, got, strict=True)):
        for key in sorted(one.model_fields_set):
            value, real = getattr(one, key), _of_offer(offer, key)
            if not _fits(real, value):
                yield Mismatch(f"offers.{number}.{key}", str(value), str(real))


def _offer(offer: Offer) -> str:
    return (
        f"{offer.product} {offer.amount_fen} fen over {offer.term_months} months, "
        f"{_of_offer(offer, 'method')}, {100 * offer.nominal_annual_rate:.2f} %"
    )


def _of_offer(offer: Offer, key: str) -> object:
    if key != "method":
        return getattr(offer, key)
    return RepaymentMethod.Name(offer.repayment_method).removeprefix("REPAYMENT_METHOD_").lower()


def _fits(real: object, wanted: object) -> bool:
    if isinstance(wanted, tuple) and isinstance(real, float):
        low, high = wanted
        return bool(low <= real <= high)
    if isinstance(wanted, float) and isinstance(real, float):
        return abs(wanted - real) <= _SCORE_TOLERANCE
    return real == wanted


def _bound(answer: ScoreResponse) -> tuple[str, ...]:
    limit = _limit(answer)
    return (f"the limit that binds is {limit}",) if limit else ()


def _limit(answer: ScoreResponse) -> str:
    name = LimitKind.Name(answer.limit_binding).removeprefix("LIMIT_KIND_").lower()
    return "" if name == "unspecified" else name


def _help(document: Document, expected: list[str] | None, trace: Trace) -> Iterator[Mismatch]:
    got = sorted(
        Help.Name(one).removeprefix("HELP_").lower() for one in trace.answer.what_would_help
    )
    if got != sorted(expected or []):
        yield Mismatch("what_would_help", _listed(sorted(expected or [])), _listed(got))


_COMPARE: dict[str, Callable[..., Iterator[Mismatch]]] = {
    "decision": _words(_decision, "decision"),
    "segment": _words(lambda answer: answer.segment, "segment"),
    "score": _number("score", _SCORE_TOLERANCE),
    "probability_of_default": _number("probability_of_default", _PROBABILITY_TOLERANCE),
    "hits": _hits,
    "reasons": _reasons,
    "amount_cap_fen": _number("amount_cap_fen", 0.0),
    "explored": _explored,
    "offers": _offers,
    "limit_binding": _words(_limit, "limit_binding"),
    "what_would_help": _help,
    "withheld": _withheld,
    "features": _features,
    "tables": _tables,
}


def _same(got: object, expected: object) -> bool:
    if isinstance(got, ValueError) or (got is None) != (expected is None):
        return False
    if isinstance(got, int | float) and isinstance(expected, int | float):
        return isinstance(got, bool) == isinstance(expected, bool) and math.isclose(
            got, expected, rel_tol=1e-9, abs_tol=1e-9
        )
    return got == expected


def _why_decided(trace: Trace) -> list[str]:
    """The rules that fired, and what models said."""
    because = [
        f"{verdict.rule.id} fired: {_told(verdict)}" for verdict in trace.verdicts if verdict.hit
    ]
    answer = trace.answer
    if answer.HasField("probability_of_default"):
        who = f"{answer.decided_by} in " if answer.decided_by else ""
        where = f"segment {answer.segment}" if answer.segment else "the policy"
        because.append(
            f"{who}{where} said probability of default {answer.probability_of_default:.6g}, "
            f"score {answer.score:.6g}"
        )
    return because


def _told(verdict: Verdict) -> str:
    told = (
        "it is not asked at this stage"
        if verdict.outcome == "not asked"
        else f"its condition is {verdict.outcome}"
    )
    return f"{told}; it read {_all_told(verdict.reads)}" if verdict.reads else told


def _all_told(reads: list[Read]) -> str:
    return ", ".join(
        f"{read.text} = {written(read.value)}{f' ({read.note})' if read.note else ''}"
        for read in reads
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"

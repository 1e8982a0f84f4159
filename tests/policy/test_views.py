"""Lists, maps and messages of the request as values: read from its bytes, missing kept apart."""

from __future__ import annotations

import pytest

from fenqi import _native
from fenqi.v1 import application_pb2, scoring_pb2
from tests.policy.evaluation import Failed, by_core, compile_features, same


def full() -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    application = request.application
    application.channel = application_pb2.CHANNEL_APP
    for amount, verified in ((500_000, True), (0, False), (None, True)):
        source = application.income_sources.add()
        source.verified = verified
        if amount is not None:
            source.monthly_amount_fen = amount
    application.signals["a"] = 1.5
    application.signals["b"] = 0.0
    application.text_signals["city"] = "440300"
    application.bureau.inquiries_1m = 3
    for status in ("NNN1", "NNNN"):
        application.bureau.accounts.add(payment_status_24m=status)
    application.consents.add()
    return request


SOURCES = "application.income_sources"

VALUES = [
    (f"{SOURCES}.filter(s, s.verified).size()", 2),
    (f"{SOURCES}.exists(s, s.monthly_amount_fen > 400000)", True),
    (f"{SOURCES}.all(s, has(s.verified))", True),
    (f"{SOURCES}.map(s, has(s.monthly_amount_fen))", [True, True, False]),
    (f"{SOURCES}.filter(s, has(s.monthly_amount_fen)).map(s, s.monthly_amount_fen)", [500_000, 0]),
    (f"{SOURCES}.map(s, s.?monthly_amount_fen.orValue(-1))", [500_000, 0, -1]),
    (f"{SOURCES}[1 + 0].monthly_amount_fen", 0),
    (f"{SOURCES}[size({SOURCES}) - 1].verified", True),
    ("application.bureau.accounts.exists(a, a.payment_status_24m.contains('1'))", True),
    ("application.bureau.accounts.map(a, a.payment_status_24m.size())", [4, 4]),
    ("application.signals.map(k, k).sort()", ["a", "b"]),
    ("application.signals.all(k, application.signals[k] >= 0.0)", True),
    ("application.signals.exists(k, v, v == 1.5 && k == 'a')", True),
    ("application.signals['a' + ''] + 1.0", 2.5),
    ("('a' + '') in application.signals", True),
    ("('z' + '') in application.signals", False),
    ("application.text_signals.transformList(k, v, k + v)", ["city440300"]),
    ("application.bureau == application.bureau", True),
    (f"{SOURCES}[0] == {SOURCES}[1]", False),
    (f"{SOURCES} == {SOURCES}", True),
    ("cel.bind(b, application.bureau, b.inquiries_1m + size(b.accounts))", 5),
    ("application.?bureau.?inquiries_1m.orValue(0)", 3),
    ("application.?location.?latitude.orValue(0.5)", 0.5),
    ("application.?bureau.hasValue()", True),
    ("dyn(application.bureau).inquiries_1m", 3),
    ("has(dyn(application.bureau).accounts)", True),
    ("type(application.bureau) == Bureau", True),
    ("optional.ofNonZeroValue(application.consents[0]).hasValue()", False),
    ("[application.bureau].map(b, b.inquiries_1m)", [3]),
    (f"has({SOURCES}[7 + 0].verified)", False),
    (f"has({SOURCES}[2 + 0].monthly_amount_fen)", False),
]


@pytest.mark.parametrize(("expression", "value"), VALUES)
def test_what_a_request_repeats_is_a_value(expression: str, value: object) -> None:
    (found,) = by_core([expression], full())
    assert found == value and type(found) is type(value)


MISSING = [
    # An unset scalar of an element is missing, and decides nothing.
    f"{SOURCES}.map(s, s.monthly_amount_fen)",
    f"{SOURCES}.filter(s, s.monthly_amount_fen > 0)",
    f"{SOURCES}[size({SOURCES}) - 1].monthly_amount_fen",
    # What a field does not have is missing, wherever the index comes from.
    f"{SOURCES}[size({SOURCES})].verified",
    f"{SOURCES}[0 - 1].verified",
    "application.signals['z' + '']",
    "application.bureau.accounts[7 * 1].payment_status_24m",
    # Nothing of a message that is not there.
    "application.own_history == application.own_history",
    "dyn(application.own_history).any",
]


@pytest.mark.parametrize("expression", MISSING)
def test_what_a_request_does_not_say_is_missing(expression: str) -> None:
    assert by_core([expression], full()) == [None]


ERRORS = [
    # A list that is no field has no element beyond its end.
    f"{SOURCES}.filter(s, s.verified)[9].verified",
    "[1, 2][size('ab')]",
    "dyn(application.bureau).no_such_field",
    "dyn(application.bureau) + 1 == 2",
]


@pytest.mark.parametrize("expression", ERRORS)
def test_what_makes_no_sense_is_an_error(expression: str) -> None:
    assert by_core([expression], full()) == [Failed()]


SAME = [
    ("application.bureau.inquiries_1m", "dyn(application.bureau).inquiries_1m"),
    (f"{SOURCES}[0].monthly_amount_fen", f"{SOURCES}[0 + 0].monthly_amount_fen"),
    (f"{SOURCES}[1].verified", f"{SOURCES}[1 + 0].verified"),
    (f"{SOURCES}[5].verified", f"{SOURCES}[5 + 0].verified"),
    (f"size({SOURCES})", f"size({SOURCES} + [])"),
    ("size(application.bureau.accounts)", "size(application.bureau.accounts + [])"),
    ("application.signals['a']", "application.signals['a' + '']"),
    ("application.signals['z']", "application.signals['z' + '']"),
    (f"has({SOURCES}[0].verified)", f"has({SOURCES}[0 + 0].verified)"),
    ("'b' in application.signals", "('b' + '') in application.signals"),
]


@pytest.mark.parametrize("request_", [full(), scoring_pb2.ScoreRequest()], ids=["full", "empty"])
@pytest.mark.parametrize(("by_row", "by_view"), SAME)
def test_a_field_is_the_same_by_the_row_and_by_its_bytes(
    by_row: str, by_view: str, request_: scoring_pb2.ScoreRequest
) -> None:
    one, other = by_core([by_row, by_view], request_)
    assert same(one, other), f"{one!r} and {other!r}"


def test_messages_that_come_in_parts_are_merged() -> None:
    """As google.protobuf reads bytes that say a message twice."""
    first, second = scoring_pb2.ScoreRequest(), scoring_pb2.ScoreRequest()
    first.application.bureau.inquiries_1m = 1
    first.application.bureau.accounts.add(payment_status_24m="N")
    first.application.signals["a"] = 1.0
    second.application.bureau.inquiries_1m = 2
    second.application.bureau.accounts.add(payment_status_24m="1")
    second.application.signals["a"] = 2.0
    merged = scoring_pb2.ScoreRequest.FromString(
        first.SerializeToString() + second.SerializeToString()
    )
    expressions = [
        "application.bureau.accounts.map(a, a.payment_status_24m)",
        "dyn(application.bureau).inquiries_1m",
        "application.signals.transformList(k, v, v)",
    ]
    engine = _native.Engine()
    engine.deploy(_native.Release(compile_features(expressions)))
    raw = first.SerializeToString() + second.SerializeToString()
    assert list(engine.trace(raw).values()) == [["N", "1"], 2, [2.0]]
    assert list(engine.trace(merged.SerializeToString()).values()) == [["N", "1"], 2, [2.0]]


def test_messages_of_the_contract_can_be_made() -> None:
    made = "IncomeSource{verified: true, monthly_amount_fen: 5}"
    expressions = [
        f"{made}.monthly_amount_fen",
        f"{made} == IncomeSource{{monthly_amount_fen: 5, verified: true}}",
        f"{made} == IncomeSource{{monthly_amount_fen: 5}}",
        "has(IncomeSource{}.verified)",
        "IncomeSource{}.verified",
        "Bureau{accounts: [BureauAccount{payment_status_24m: 'N'}]}.accounts[0].payment_status_24m",
        "Bureau{inquiries_1m: 2147483648}.inquiries_1m",
        "IncomeSource{?verified: optional.of(true)}.verified",
        "has(IncomeSource{?verified: optional.none()}.verified)",
    ]
    expected = [5, True, False, False, None, "N", Failed(), True, False]
    assert by_core(expressions, scoring_pb2.ScoreRequest()) == expected

"""Random well-typed expressions on random applications: the core and cel-cpp agree.

Oracle: Google's cel-cpp through the package cel-expr-python (Apache-2.0).
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from fenqi.v1 import scoring_pb2
from tests.policy.evaluation import Failed, by_core, by_oracle, same

INT_MAX, INT_MIN = 2**63 - 1, -(2**63)
SEEDS = 50
EXPRESSIONS_AT_ONCE = 80
DEEPEST = 4

INTS = (0, 1, -1, 2, 3, 7, INT_MAX, INT_MIN, INT_MAX - 1, INT_MIN + 1, 2**53, 2**53 + 1, 2**31)
UINTS = (0, 1, 2, 3, 2**64 - 1, 2**63, 2**53 + 1)
DOUBLES = (0.0, -0.0, 0.5, -2.5, 1.5, 1e300, 5e-324, 2.0**53, 2.0**63, -(2.0**63), 1.8e19, 123456.7)
TEXTS = (
    *("", "a", "ab", "abab", "é中😀", " a ", "\u2003x\u3000", "0", "-1", " 12 ", "1e3", "nan"),
    *("-inf", "0x1p3", "true", "False", "+7", "9223372036854775808", "1.5", "ABC xyz", '\n"\\'),
)

# Templates by the type that they give; {b} {i} {u} {d} {s} stand for expressions, {n} for a small
# position.
TEMPLATES = {
    "b": [
        *("({b} && {b})", "({b} || {b})", "(!{b})", "({b} ? {b} : {b})", "bool({s})"),
        *(f"({{{t}}} {op} {{{t}}})" for t in "biuds" for op in ("<", "<=", ">", ">=", "==", "!=")),
        *("({i} in [1, 2, 3, -1])", '({s} in ["a", "0", "é中😀"])', "({d} in [0.0, 1.5, -2.5])"),
        *("({u} in [1u, 2u])", "{s}.contains({s})", "{s}.startsWith({s})", "{s}.endsWith({s})"),
        *("math.isNaN({d})", "math.isInf({d})", "math.isFinite({d})"),
    ],
    "i": [
        *(f"({{i}} {op} {{i}})" for op in "+-*/%"),
        *("(-{i})", "({b} ? {i} : {i})", "int({d})", "int({u})", "int({s})", "size({s})"),
        *("math.greatest({i}, {i})", "math.least({i}, {i}, {i})", "math.abs({i})"),
        *("math.sign({i})", "{s}.indexOf({s})", "{s}.indexOf({s}, {n})", "{s}.size()"),
        *("{s}.lastIndexOf({s})", "{s}.lastIndexOf({s}, {n})"),
    ],
    "u": [
        *(f"({{u}} {op} {{u}})" for op in "+-*/%"),
        *("({b} ? {u} : {u})", "uint({i})", "uint({d})", "uint({s})"),
        *("math.greatest({u}, {u})", "math.least({u}, {u})", "math.sign({u})", "math.abs({u})"),
    ],
    "d": [
        *(f"({{d}} {op} {{d}})" for op in "+-*/"),
        *("(-{d})", "({b} ? {d} : {d})", "double({i})", "double({u})", "double({s})"),
        *("math.greatest({d}, {d}, {d})", "math.least({d}, {d})", "math.abs({d})"),
        *("math.sign({d})", "math.ceil({d})", "math.floor({d})", "math.round({d})"),
        *("math.trunc({d})", "math.sqrt({d})", "(0.0 / {d})"),
    ],
    "s": [
        *("({s} + {s})", "({b} ? {s} : {s})", "string({i})", "string({u})", "string({d})"),
        *("string({b})", "{s}.charAt({n})", "{s}.substring({n})"),
        *("{s}.lowerAscii()", "{s}.upperAscii()", "{s}.trim()", "{s}.replace({s}, {s})"),
        *("{s}.reverse()", "string({s})"),
    ],
}


def quote(text: str) -> str:
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text) + '"'


def leaf(rng: random.Random, kind: str) -> str:
    """A constant, or something that the request holds."""
    which = rng.randrange(3)
    if rng.random() < 0.5:
        return {
            "b": f"application.device.{('rooted', 'emulator', 'hooked')[which]}",
            "i": f"application.behaviour.card_statements[{which}].statement_balance_fen",
            "u": f"uint(application.behaviour.card_statements[{which}].paid_fen)",
            "d": f'application.signals["d{which}"]',
            "s": f'application.text_signals["s{which}"]',
        }[kind]
    value = rng.choice(INTS)
    return {
        "b": rng.choice(("true", "false")),
        "i": "(-9223372036854775807 - 1)" if value == INT_MIN else f"({value})",
        "u": f"{rng.choice(UINTS)}u",
        "d": f"double({quote(repr(rng.choice(DOUBLES)))})",
        "s": quote(rng.choice(TEXTS)),
    }[kind]


def expression(rng: random.Random, kind: str, depth: int) -> str:
    """A random expression of a kind."""
    if depth == 0 or rng.random() < 0.15:
        return leaf(rng, kind)
    parts = {k: (lambda k=k: expression(rng, k, depth - 1)) for k in "biuds"}
    parts["n"] = lambda: str(rng.randrange(-1, 6)) if rng.random() < 0.8 else parts["i"]()
    out = rng.choice(TEMPLATES[kind])
    for hole, make in parts.items():
        while f"{{{hole}}}" in out:
            out = out.replace(f"{{{hole}}}", make(), 1)
    return out


def full_request(rng: random.Random) -> scoring_pb2.ScoreRequest:
    """A request that holds everything that leaves read."""
    request = scoring_pb2.ScoreRequest()
    application = request.application
    for k in range(3):
        application.behaviour.card_statements.add(
            statement_balance_fen=rng.choice((*INTS, rng.randrange(INT_MIN, INT_MAX))),
            paid_fen=rng.randrange(0, INT_MAX),
        )
        application.signals[f"d{k}"] = rng.choice((*DOUBLES, rng.uniform(-1e6, 1e6)))
        application.text_signals[f"s{k}"] = rng.choice(TEXTS)
    for name in ("rooted", "emulator", "hooked"):
        setattr(application.device, name, rng.random() < 0.5)
    return request


def batch(seed: int) -> tuple[list[str], scoring_pb2.ScoreRequest]:
    rng = random.Random(seed)
    made = [expression(rng, rng.choice("biuds"), DEEPEST) for _ in range(EXPRESSIONS_AT_ONCE)]
    return made, full_request(rng)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_expressions_have_the_value_that_cel_cpp_finds(seed: int) -> None:
    expressions, request = batch(seed)
    for text, value in zip(expressions, by_core(expressions, request), strict=True):
        expected = by_oracle(text, request)
        assert same(value, expected), f"{text}: {value!r}, cel-cpp says {expected!r}"


def test_the_random_expressions_reach_every_type_and_many_errors() -> None:
    expressions, request = batch(0)
    found = Counter(type(value) for value in by_core(expressions, request))
    assert set(found) == {bool, int, float, str, Failed}
    assert EXPRESSIONS_AT_ONCE // 10 < found[Failed] < EXPRESSIONS_AT_ONCE * 3 // 4


def request() -> scoring_pb2.ScoreRequest:
    built = scoring_pb2.ScoreRequest()
    built.application.signals["x"] = 0.0
    return built


NAMED = [
    "9223372036854775807 + 1",
    "-9223372036854775807 - 2",
    "(-9223372036854775807 - 1) / -1",
    "(-9223372036854775807 - 1) % -1",
    "-(-9223372036854775807 - 1)",
    "5 / 0 == 1",
    "false && 1 / 0 == 1",
    "1 / 0 == 1 && false",
    "1 / 0 == 1 || true",
    "true || 1 / 0 == 1",
    "1 / 0 == 1 || false",
    "true ? 1 : 1 / 0",
    "18446744073709551615u + 1u",
    "0u - 1u",
    "int(9223372036854775807.0)",
    "int(-9223372036854775808.0)",
    "uint(-0.5)",
    "uint(-0.0)",
    "math.abs(-9223372036854775807 - 1)",
    "math.greatest(0.0 / 0.0, 1.0)",
    "math.greatest(1.0, 0.0 / 0.0)",
    "math.round(2.5)",
    "math.round(-2.5)",
    "math.round(0.49999999999999994)",
    "string(0.1 + 0.2)",
    "string(1234567.0)",
    "string(123456.0)",
    "string(0.0001)",
    "string(0.00001)",
    "string(1e100)",
    "string(-0.0)",
    "'é中😀'.substring(1, 2)",
    "'abc'.charAt(3)",
    "'abc'.charAt(4)",
    "'abc'.replace('', 'x')",
    "'aXbX'.lastIndexOf('X', 2)",
    "''.lastIndexOf('')",
    "'\\u2003a\\u3000'.trim()",
    "double('1e400')",
    "double('1e-400')",
    "double('0x1p-3')",
    "double(' 1.5 ')",
    "int(' 12 ')",
    "bool('t')",
    "bool('T')",
]


@pytest.mark.parametrize("expression", NAMED)
def test_corner_cases_have_the_value_that_cel_cpp_finds(expression: str) -> None:
    (value,) = by_core([expression], request())
    expected = by_oracle(expression, request())
    assert same(value, expected), f"{value!r}, cel-cpp says {expected!r}"


def test_the_oracle_tells_errors_from_values() -> None:
    assert by_oracle("1 / 0", request()) == Failed()
    assert by_oracle("1 / 1", request()) == 1


@pytest.mark.parametrize(
    ("text", "start", "end", "part"),
    [("abc", 0, 3, "abc"), ("abc", 1, 3, "bc"), ("é中😀", 1, 3, "中😀"), ("", 0, 0, "")],
)
def test_a_substring_may_reach_to_the_end(text: str, start: int, end: int, part: str) -> None:
    """CEL's strings extension: the end is exclusive and may be the size. cel-cpp 0.1.3 refuses
    such an end after a smaller start, so it cannot be the oracle here.
    """
    assert by_core([f"'{text}'.substring({start}, {end})"], request()) == [part]

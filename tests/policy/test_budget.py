"""No expression holds a worker for long: bounds when it is compiled, a budget when it runs."""

from __future__ import annotations

import time

import pytest

from fenqi.policy.check import CheckFailure
from fenqi.policy.expression import EvaluationError, compile_expression

SPENT = "too much work for one request"
NUMBERS = {"l": "list(int)", "s": "string"}

# Each would take far more than the budget allows, in its own way.
GREEDY = [
    "l.map(a, l.map(b, l.map(c, a + b + c))).size()",
    "l.filter(a, l.exists(b, l.exists(c, a * b * c < 0))).size()",
    "l.map(a, l.map(b, (s + string(a * b)).matches('(a|b|ab)*c'))).size()",
    "l.map(a, l.map(b, [l, [a, b]] == [l, [a, b]])).size()",
    "l.map(a, l.map(b, string(0.1 + double(a * b)))).size()",
    "l.map(a, l.map(b, (s + string(a * b)).replace('a', 'bb'))).size()",
    "l.map(a, l.transformMap(i, v, v + a)).size()",
    "l.map(a, l.map(b, l + [a, b])).size()",
    "l.map(a, l.map(b, '%s %s'.format([l, a * b]))).size()",
    "l.map(a, l.map(b, (s + string(a * b)).split(''))).size()",
    "l.map(a, l.map(b, (l + [a, b]).distinct())).size()",
    "l.map(a, l.map(b, base64.encode(bytes(s + string(a * b))))).size()",
    "l.map(a, l.map(b, sets.equivalent([l, [a]], [l, [b]]))).size()",
    "lists.range(100000000).size()",
    "l.map(a, l.map(b, timestamp(a * b).getHours('Asia/Shanghai'))).size()",
    "l.map(a, l.map(b, s + string(a * b) == s + string(b * a))).size()",
    "l.map(a, l.map(b, a * b in l)).size()",
    "l.map(a, l.map(b, (s + string(a * b)).contains('ba'))).size()",
    "l.map(a, l.map(b, {a: b, b + 1000: a, s: l})).size()",
    "l.map(a, l.map(b, optional.of([a, b]).orValue(l))).size()",
    "l.map(a, l.map(b, (s + string(a * b)).upperAscii().reverse().trim())).size()",
    "l.map(a, l.map(b, int(string(a * b)))).size()",
    "l.map(a, l.map(b, regex.extractAll(s + string(a * b), 'a'))).size()",
    "l.map(a, l.map(b, regex.replace(s + string(a * b), '(a)', 'x\\\\1'))).size()",
    "l.map(a, l.map(b, s.matches(string(a * b)))).size()",
]
VALUES = {"l": list(range(1000)), "s": "a" * 3000}


@pytest.mark.parametrize("source", GREEDY)
def test_an_expression_that_costs_too_much_ends_in_an_error_soon(source: str) -> None:
    expression = compile_expression(source, NUMBERS)
    with pytest.raises(EvaluationError, match=SPENT):
        expression.evaluate(VALUES, work=100_000)
    took = []
    for _ in range(3):
        started = time.perf_counter()
        with pytest.raises(EvaluationError, match=SPENT):
            expression.evaluate(VALUES)
        took.append(time.perf_counter() - started)
    # 10 ms is the aim on a quiet machine; other work may share this one.
    assert min(took) < 0.1


def test_the_budget_grows_no_faster_than_a_list_that_a_macro_makes() -> None:
    """Appending in a loop must not copy what is there each time."""
    expression = compile_expression("l.map(x, x).filter(x, x >= 0).size()", NUMBERS)
    many = list(range(50_000))
    assert expression.evaluate({"l": many}, work=20 * len(many)) == len(many)


def test_macros_may_nest_deeper_than_protobuf_reads_by_default() -> None:
    source = "".join(f"[1].map(x{i}, " for i in range(12)) + "1" + ")" * 12
    assert str(compile_expression(source).evaluate()).count("1") == 1


def test_a_spent_budget_is_an_error_and_not_an_answer() -> None:
    expression = compile_expression("l.exists(x, x == 999) ? 1 : 2", NUMBERS)
    assert expression.evaluate({"l": list(range(1000))}) == 1
    with pytest.raises(EvaluationError, match=SPENT):
        expression.evaluate({"l": list(range(1000))}, work=100)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("+".join(["1"] * 40_000), "at most 65536 bytes"),
        ("+".join(["1"] * 100), "nested more than 32 deep; split it"),
        ("[" * 300 + "]" * 300, "nested more than 32 deep"),
        ("[" + ",".join(["l"] * 10_001) + "].size()", "more than 10000 elements"),
        (
            "".join(f"l.map(x{i}, " for i in range(17)) + "1" + ")" * 17,
            "nested more than",
        ),
    ],
)
def test_what_is_too_large_is_refused_when_it_is_compiled(source: str, said: str) -> None:
    with pytest.raises(CheckFailure, match=said):
        compile_expression(source, NUMBERS)

"""Random expressions over lists, maps, times, optionals, macros and dynamic values, on random
bindings: the core and cel-cpp agree on every value and on what is an error.

Oracle: Google's cel-cpp through the package cel-expr-python (Apache-2.0). Where a variable has no
value, cel-cpp cannot say "unknown" through that package; stated properties take its place.
"""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from fenqi.policy.expression import MISSING, EvaluationError, Uint, compile_expression
from tests.policy.oracle import ERROR, by_cel_cpp, by_core, environment

SEEDS = 25
EXPRESSIONS = 60
DEEPEST = 4

VARIABLES = {
    "b": "bool",
    "i": "int",
    "u": "uint",
    "d": "double",
    "s": "string",
    "y": "bytes",
    "t": "timestamp",
    "r": "duration",
    "li": "list(int)",
    "ls": "list(string)",
    "mi": "map(string, int)",
    "v": "dyn",
    "w": "dyn",
}
INTS = (0, 1, -1, 2, 3, 7, 2**63 - 1, -(2**63), 2**53 + 1)
UINTS = (0, 1, 2, 3, 2**64 - 1, 2**63)
DOUBLES = (0.0, -0.0, 0.5, -2.5, 1.0, 2.0, 1e300, math.nan, math.inf, -math.inf, 2.0**63)
TEXTS = ("", "a", "ab", "abab", "é中😀", "0", "-1", "1e3", "true", "a,b,,c", "é,中")
BYTES = (b"", b"a", b"\xff\xfe", "é".encode())  # the package cuts them at a zero
MOMENTS = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 23, 59, 59, 999000, tzinfo=UTC))
SPANS = (timedelta(0), timedelta(hours=-1, milliseconds=5), timedelta(days=40000))
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "+05:30", "-23:59")

# Templates by what they give. {b} {i} {u} {d} {s} {y} {t} {r} stand for expressions of these types,
# {L} for a list of ints, {S} for one of strings, {M} for a map from string to int, {O} for an
# optional int, {v} for a dynamic value, {n} for a small number, {x} for a fresh variable of a macro
# that {I:..} after it may use.
TEMPLATES = {
    "b": [
        *("({b} && {b})", "({b} || {b})", "!{b}", "({b} ? {b} : {b})", "({v} == {v})"),
        *("({v} != {v})", "({v} < {v})", "({v} >= {v})", "({i} in {L})", "({s} in {S})"),
        *("({s} in {M})", "({v} in {V})", "({t} < {t})", "({r} <= {r})", "({y} == {y})"),
        *("({L} == {L})", "({M} == {M})", "({y} < {y})", "({t} == {t})", "({O} == {O})"),
        *("{O}.hasValue()", "has({M}.a)", "({i} == {i})", "({d} < {d})", "({s} > {s})"),
        *("{L}.all(@, {b@})", "{L}.exists(@, {b@})", "{L}.exists_one(@, {b@})"),
        *("{V}.all(@, {bv@})", "{V}.exists(@, {bv@})", "{S}.exists(@, @.contains({s}))"),
        *("{M}.all(@, {M}[@] > {i})", "{M}.exists(@, @ == {s})", "{L}.all(k@, @, @ > k@)"),
        *("{s}.matches('^[a-z0-9]*$')", "sets.contains({L}, {L})", "sets.intersects({V}, {V})"),
        *(
            "sets.equivalent({L}, {L})",
            "(type({v}) == type({v}))",
            "bool({s})",
            "{s}.contains({s})",
        ),
        *("math.isNaN({d})", "cel.bind(@, {i}, @ > 0 || {b})", "(dyn({i}) == {d})"),
    ],
    "i": [
        *(f"({{i}} {op} {{i}})" for op in "+-*/%"),
        *("(-{i})", "({b} ? {i} : {i})", "int({d})", "int({u})", "int({s})", "int({t})"),
        *("size({L})", "size({S})", "size({M})", "size({s})", "size({y})", "{L}[{n}]", "{M}[{s}]"),
        *("{M}.a", "{O}.value()", "{O}.orValue({i})", "{t}.getHours()", "{t}.getFullYear({z})"),
        *(
            "{t}.getDayOfYear({z})",
            "{t}.getDayOfWeek()",
            "{r}.getMinutes()",
            "{r}.getMilliseconds()",
        ),
        *(
            "{t}.getMilliseconds()",
            "{t}.getMonth({z})",
            "math.greatest({i}, {i})",
            "math.least({L})",
        ),
        *(
            "math.bitAnd({i}, {i})",
            "math.bitShiftLeft({i}, {n})",
            "math.bitNot({i})",
            "math.abs({i})",
        ),
        *("cel.bind(@, {i}, @ + @)", "{s}.indexOf({s})", "{L}.filter(@, {b@}).size()"),
    ],
    "u": ["({u} + {u})", "({u} - {u})", "({u} * {u})", "({u} / {u})", "uint({i})", "uint({d})"],
    "d": ["({d} + {d})", "({d} * {d})", "({d} / {d})", "double({i})", "double({s})", "(-{d})"],
    "s": [
        *("({s} + {s})", "string({i})", "string({d})", "string({t})", "string({r})", "string({y})"),
        *("{S}[{n}]", "{S}.join(',')", "{s}.replace({s}, {s}, {n})", "{s}.substring({n})"),
        *("{s}.upperAscii()", "{s}.reverse()", "strings.quote({s})", "base64.encode({y})"),
        *("'%s %s'.format([{v}, {i}])", "'%d'.format([{i}])", "({b} ? {s} : {s})", "string({b})"),
        *("regex.replace({s}, 'a', {s})", "{S}.map(@, @ + 'x').join()", "{s}.charAt({n})"),
    ],
    "y": ["({y} + {y})", "bytes({s})", "base64.decode({s})", "({b} ? {y} : {y})"],
    "t": ["({t} + {r})", "({t} - {r})", "timestamp({i})", "timestamp({s})", "({b} ? {t} : {t})"],
    "r": ["({t} - {t})", "({r} + {r})", "({r} - {r})", "duration({s})", "duration('1.5h')"],
    "L": [
        *("[{i}, {i}]", "[{i}]", "({L} + {L})", "{L}.map(@, {i@})", "{L}.filter(@, {b@})"),
        *("{L}.map(@, {b@}, {i@})", "({b} ? {L} : {L})", "lists.range({n})", "{L}.sort()"),
        *("{L}.distinct()", "{L}.reverse()", "{L}.slice(0, {n})", "[{i}, ?{O}]"),
        *("{L}.transformList(k@, @, {i@})", "{L}.transformList(k@, @, {b@}, {i@} + k@)"),
        *(
            "{L}.sortBy(@, {i@})",
            "{S}.map(@, size(@))",
            "{M}.map(@, {M}[@]).sort()",
            "[{L}, {L}].flatten()",
        ),
        *("{L}.map(@, {L}.filter(j@, j@ < @).size())", "{L}.map(@, cel.bind(j@, @ * 2, j@ - @))"),
    ],
    "S": ["[{s}, {s}]", "{s}.split({s})", "{s}.split(',', {n})", "({S} + {S})", "{S}.sort()"],
    "M": ["{'a': {i}, 'b': {i}}", "{{s}: {i}}", "({b} ? {M} : {M})", "{?'a': {O}, 'c': {i}}"],
    "O": [
        *("optional.of({i})", "{M}.?a", "{M}[?{s}]", "{L}[?{n}]", "{O}.or({O})"),
        *("optional.ofNonZeroValue({i})", "{O}.optMap(@, {i@})", "{O}.optFlatMap(@, {M}.?a)"),
    ],
    "V": ["[{v}, {v}]", "{v}.map(@, @)", "dyn({L})", "dyn({S})"],
    "v": [
        *("dyn({i})", "dyn({s})", "dyn({d})", "dyn({u})", "dyn({b})", "dyn({L})", "dyn({M})"),
        *("dyn({t})", "dyn({y})", "[{v}, {v}][{n}]", "({v} + {v})", "({v} - {v})", "({v} * {v})"),
        *("{v}[{n}]", "{v}[{v}]", "(-{v})", "({b} ? {v} : {v})", "null", "{v}.a", "dyn(type({v}))"),
        *("({v} + {i})", "({i} / {v})", "size({v})", "{'k': {v}}['k']", "{v}.map(@, {v})"),
        *("math.greatest({v}, {v})", "cel.bind(@, {v}, [@, @])", "{V}.filter(@, {bv@})"),
    ],
}
LEAVES = {
    **{kind: (kind,) for kind in "biudsytr"},
    **{"L": ("li", "[]"), "S": ("ls",), "M": ("mi", "{}"), "O": ("optional.none()", "mi.?a")},
    **{"v": ("v", "w", "null"), "V": ("[v, w]", "[]")},
}


class Writer:
    """Writes one expression."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.variables = 0

    def write(self, kind: str, depth: int) -> str:
        if depth <= 0 or self.rng.random() < 0.12:
            return self.leaf(kind)
        template = self.rng.choice(TEMPLATES[kind])
        if "@" in template:
            self.variables += 1
        name = f"x{self.variables}"
        out, rest = "", template
        while rest:
            hole, length = self.hole(rest, name, depth)
            out += hole
            rest = rest[length:]
        return out

    def hole(self, rest: str, name: str, depth: int) -> tuple[str, int]:
        """What the beginning of a template becomes, and how much of it that was."""
        if rest.startswith("@"):
            return name, 1
        if rest.startswith("{bv@}"):
            return self.rng.choice((f"{name} == {self.leaf('v')}", f"{name} > 1", name)), 5
        if rest.startswith("{b@}"):
            return f"{name} {self.rng.choice('<>')} {self.write('i', depth - 2)}", 4
        if rest.startswith("{i@}"):
            term = self.write("i", depth - 2)
            return f"{name} {self.rng.choice('+-*/')} {term}", 4
        if rest[0] == "{" and rest[2:3] == "}":
            kind = rest[1]
            if kind == "n":
                return str(self.rng.randrange(-1, 4)), 3
            if kind == "z":
                return f"'{self.rng.choice(ZONES)}'", 3
            return self.write(kind, depth - 1), 3
        return rest[0], 1

    def leaf(self, kind: str) -> str:
        return self.rng.choice(LEAVES[kind])


def dynamic(rng: random.Random) -> object:
    """Any value that the package takes for a variable of no type. Maps have one key: the order of
    several differs from run to run there.
    """
    return rng.choice(
        (
            *(1, 2.0, "a", True, None, b"a", -1.5, [1, 2.0, "a"], {"a": [1]}, []),
            *(rng.choice(INTS), rng.choice(DOUBLES), [[1], [1.0]]),
        )
    )


def bindings(rng: random.Random) -> dict[str, object]:
    """A value of its type for every variable."""
    return {
        "b": rng.random() < 0.5,
        "i": rng.choice((*INTS, rng.randrange(-10, 10))),
        "u": Uint(rng.choice(UINTS)),
        "d": rng.choice(DOUBLES),
        "s": rng.choice(TEXTS),
        "y": rng.choice(BYTES),
        "t": rng.choice(MOMENTS),
        "r": rng.choice(SPANS),
        "li": [rng.choice(INTS) for _ in range(rng.randrange(4))],
        "ls": [rng.choice(TEXTS) for _ in range(rng.randrange(4))],
        "mi": {k: rng.choice(INTS) for k in rng.sample(("a", "b", "é"), rng.randrange(3))},
        "v": dynamic(rng),
        "w": dynamic(rng),
    }


ENVIRONMENT = environment(VARIABLES)


def cases(seed: int) -> tuple[list[str], dict[str, object]]:
    rng = random.Random(seed)
    # Optionals alone cannot be read from cel-cpp.
    kinds = [kind for kind in TEMPLATES if kind != "O"]
    return [Writer(rng).write(rng.choice(kinds), DEEPEST) for _ in range(EXPRESSIONS)], bindings(
        rng
    )


@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_expressions_have_the_value_that_cel_cpp_finds(seed: int) -> None:
    sources, values = cases(seed)
    for source in sources:
        expected = by_cel_cpp(ENVIRONMENT, source, values)
        found = by_core(VARIABLES, source, values)
        assert found == expected, f"{source} with {values}: {found}, cel-cpp says {expected}"


def test_the_random_expressions_give_many_values_and_many_errors() -> None:
    found = [by_core(VARIABLES, source, values) for source, values in
             ((s, v) for seed in range(8) for ss, v in [cases(seed)] for s in ss)]  # fmt: skip
    errors = sum(value == ERROR for value in found)
    assert len(found) // 10 < errors < len(found) * 3 // 4
    assert len({value[0] for value in found if isinstance(value, tuple)}) > 9


@pytest.mark.parametrize("seed", range(6))
def test_missing_decides_nothing_that_a_value_would_not_decide_alike(seed: int) -> None:
    """Where a result does not need the missing value, every value there gives the same result."""
    sources, values = cases(seed + 1000)
    rng = random.Random(seed)
    hidden = rng.choice(("b", "i", "li", "v", "mi"))
    for source in sources:
        expression = compile_or_none(source)
        if expression is None:
            continue
        known = outcome(expression, {**values, hidden: MISSING})
        if known == "missing":
            continue
        for _ in range(3):
            other = outcome(expression, {**values, hidden: bindings(rng)[hidden]})
            assert other == known or "error" in (other, known), f"{source} without {hidden}"


def compile_or_none(source: str) -> object:
    try:
        return compile_expression(source, VARIABLES)
    except Exception:
        return None


def outcome(expression: object, values: dict[str, object]) -> str:
    try:
        value = expression.evaluate(values)  # type: ignore[attr-defined]
    except EvaluationError:
        return "error"
    return "missing" if value is MISSING else repr(value)

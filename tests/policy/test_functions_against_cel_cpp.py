"""The functions of CEL on random arguments: the core and cel-cpp agree.

Oracle: Google's cel-cpp through the package cel-expr-python (Apache-2.0). Where Fenqi differs on
purpose, the strategies leave the case out and say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import pytest
from cel_expr_python import cel
from google.protobuf import descriptor_pool
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.policy.expression import EvaluationError, Expression, compile_expression

EXTENSIONS = ("encoders", "math", "optional", "strings", "lists", "sets", "regex")
TYPES = {"string": cel.Type.STRING, "int": cel.Type.INT, "bytes": cel.Type.BYTES}
FAILED = "failed"
# Zones with and without summer time, with odd offsets, and with rules from all centuries.
ZONES = (
    *("Asia/Shanghai", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC", ""),
    *("Europe/Dublin", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "Asia/Tehran"),
    *("+05:30", "-08:00", "5:30", "+23:59", "-00:30", "Asia/Nowhere", "+5", "0530", "x"),
)
PARTS = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)

letters = st.text(st.sampled_from('ab,é😀 "\\\n\a'), max_size=10)
# The package cuts bytes, and texts inside lists, off at a NUL.
texts = letters | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)
binaries = st.lists(st.integers(1, 255), max_size=8).map(bytes)
short = st.text(st.sampled_from("ab,é😀"), max_size=3)
counts = st.integers(-2, 6)
ints = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 70)
doubles = (
    st.floats()
    | st.integers(-(10**8), 10**8).map(float)
    | st.integers(-99, 99).map(lambda n: n / 8)
)
seconds = st.integers(0, 59)
moments = st.builds(
    "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}{}{}".format,
    st.integers(1, 9999),
    st.integers(1, 12),
    st.integers(1, 31),
    st.integers(0, 23),
    seconds,
    st.integers(0, 60),
    st.just("") | st.from_regex(r"\.[0-9]{1,11}", fullmatch=True),
    st.just("Z")
    | st.builds("{}{:02d}:{:02d}".format, st.sampled_from("+-"), st.integers(0, 24), seconds),
)
spans = st.from_regex(r"[-+]?([0-9]{1,6}(\.[0-9]{1,9})?(h|m|s|ms|us|ns)){1,3}", fullmatch=True)
scalars = st.none() | st.booleans() | ints | doubles | texts | texts.map(str.encode)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(short, inner, max_size=3),
    max_leaves=6,
)
clauses = st.lists(
    texts.map(lambda text: text.replace("%", "%%"))
    | st.sampled_from(("%s", "%d", "%f", "%e", "%b", "%o", "%x", "%X", "%%", "%a", "%"))
    | st.builds("%.{}{}".format, st.integers(0, 1002), st.sampled_from("fe")),
    min_size=1,
    max_size=4,
).map("".join)


def damaged(strategy: st.SearchStrategy[str], alphabet: str) -> st.SearchStrategy[str]:
    """The strategy's texts, and those with a character replaced, inserted or taken out."""

    def change(text: str, place: float, new: str, cut: int) -> str:
        at = int(place * len(text))
        return text[:at] + new + text[at + cut :]

    places = st.floats(0, 1)
    changes = st.sampled_from([*alphabet, ""])
    return strategy | st.builds(change, strategy, places, changes, st.integers(0, 1))


# Without ^, $ and \b: cel-cpp lets each search after the first begin a new text, Fenqi does not.
patterns = st.recursive(
    st.sampled_from(
        ("a", "b", "é", "😀", ".", "[ab]", "[^a]", "\\w", "\\d", "\\s", "\\pL", "a*?", "")
    ),
    lambda inner: (
        st.builds("({})".format, inner)
        | st.builds("(?:{}){}".format, inner, st.sampled_from(("*", "+", "?", "{2}", "*?")))
        | st.builds("{}{}".format, inner, inner)
        | st.builds("{}|{}".format, inner, inner)
    ),
    max_leaves=5,
)
anchored = st.builds(
    "{}{}{}".format, st.sampled_from(("", "^", "\\b")), patterns, st.sampled_from(("", "$"))
)
like_numbers = st.lists(st.integers(-3, 3) | st.integers(-3, 3).map(float), max_size=8)
lists = like_numbers | st.lists(short, max_size=8) | st.lists(values, max_size=5)
# NaN has no place in cel-cpp's order.
sortable = st.one_of(
    *(st.lists(kind, max_size=8) for kind in (ints, texts, st.booleans(), texts.map(str.encode))),
    st.lists(st.floats(allow_nan=False), max_size=8),
    lists.filter(lambda found: not any(isinstance(x, float) and math.isnan(x) for x in found)),
)

# Expressions over x, y, z and n: their types and values.
CASES: dict[str, dict[str, tuple[str, st.SearchStrategy[object]]]] = {
    "x.split(y)": {"x": ("string", texts), "y": ("string", short)},
    "x.split(y, n)": {"x": ("string", texts), "y": ("string", short), "n": ("int", counts)},
    "x.join(y)": {"x": ("list(string)", st.lists(texts, max_size=4)), "y": ("string", short)},
    "x.replace(y, z, n)": {
        "x": ("string", texts),
        "y": ("string", short),
        "z": ("string", short),
        "n": ("int", counts),
    },
    "strings.quote(x)": {"x": ("string", texts)},
    "x.reverse()": {"x": ("string", texts)},
    "x.format([y, z])": {"x": ("string", clauses), "y": ("dyn", values), "z": ("dyn", values)},
    "x.format([uint(n), timestamp(n), duration(y)])": {
        "x": ("string", clauses),
        "n": ("int", st.integers(0, 10**10)),
        "y": ("string", spans),
    },
    "base64.encode(x)": {"x": ("bytes", binaries)},
    "base64.decode(x)": {
        "x": (
            "string",
            st.text(st.sampled_from("aQz9+/_ \n"), max_size=9)
            | st.text(st.sampled_from("aQ=."), max_size=8),
        )
    },
    "string(x)": {"x": ("bytes", binaries | texts.map(str.encode))},
    "x.matches(y)": {"x": ("string", texts), "y": ("string", damaged(anchored, "()[*\\"))},
    "regex.extract(x, y).orValue('no match')": {"x": ("string", texts), "y": ("string", anchored)},
    "regex.extractAll(x, y)": {"x": ("string", letters), "y": ("string", patterns)},
    "regex.replace(x, y, z)": {
        "x": ("string", letters),
        "y": ("string", anchored),
        "z": ("string", st.sampled_from(("x", "<\\0>", "\\1", "\\\\", "\\2", "é\\", "\\n"))),
    },
    "string(timestamp(x))": {"x": ("string", damaged(moments, "0:-+TZz. "))},
    "string(duration(x))": {"x": ("string", damaged(spans, "0.-+hmsnu "))},
    "string(timestamp(x) + duration(y))": {"x": ("string", moments), "y": ("string", spans)},
    "string(timestamp(x) - duration(y))": {"x": ("string", moments), "y": ("string", spans)},
    "timestamp(x) - timestamp(y) < duration('1000h')": {
        "x": ("string", moments),
        "y": ("string", moments),
    },
    "string(duration(x) - duration(y))": {"x": ("string", spans), "y": ("string", spans)},
    **{f"timestamp(x).{part}()": {"x": ("string", moments)} for part in PARTS},
    **{f"duration(x).{part}()": {"x": ("string", spans)} for part in PARTS[6:]},
    **{
        f"timestamp(x).{part}(y)": {
            "x": ("string", moments),
            "y": ("string", st.sampled_from(ZONES)),
        }
        for part in PARTS
    },
    **{
        f"math.bitShift{side}({value}, n)": {
            "x": ("int", ints),
            "n": ("int", counts | st.integers(60, 66)),
        }
        for side in ("Left", "Right")
        for value in ("x", "uint(x)")
    },
    **{
        f"math.bit{name}(x, n)": {"x": ("int", ints), "n": ("int", ints)}
        for name in ("And", "Or", "Xor")
    },
    "math.bitNot(x)": {"x": ("int", ints)},
    "x.distinct()": {"x": ("list(dyn)", lists)},
    "x.flatten()": {"x": ("list(dyn)", st.lists(values, max_size=4))},
    "x.flatten(n)": {"x": ("list(dyn)", st.lists(values, max_size=4)), "n": ("int", counts)},
    "x.slice(n, y)": {"x": ("list(dyn)", lists), "n": ("int", counts), "y": ("int", counts)},
    "x.sort()": {"x": ("dyn", sortable)},
    "x.first().orValue('none')": {"x": ("list(dyn)", lists)},
    "x.last().orValue('none')": {"x": ("list(dyn)", lists)},
    # cel-cpp throws for a negative number.
    "lists.range(n)": {"n": ("int", st.integers(0, 20))},
    "sets.contains(x, y)": {"x": ("list(dyn)", lists), "y": ("list(dyn)", lists)},
    "sets.equivalent(x, y)": {"x": ("list(dyn)", lists), "y": ("list(dyn)", lists)},
    "sets.intersects(x, y)": {"x": ("list(dyn)", lists), "y": ("list(dyn)", lists)},
}


@cache
def oracle(expression: str) -> cel.Expression:
    extensions = "".join(f"- name: {name}\n" for name in EXTENSIONS)
    types = {name: TYPES.get(kind, cel.Type.DYN) for name, (kind, _) in CASES[expression].items()}
    environment = cel.NewEnv(
        descriptor_pool.Default(),
        config=cel.NewEnvConfigFromYaml(f"name: oracle\nextensions:\n{extensions}"),
        variables=types,
    )
    return environment.compile(expression)


def by_oracle(expression: str, values: Mapping[str, object]) -> object:
    found = oracle(expression).eval(data=dict(values))
    return FAILED if found.type() == cel.Type.ERROR else exact(found.plain_value())


@cache
def core(expression: str) -> Expression:
    return compile_expression(
        expression, {name: kind for name, (kind, _) in CASES[expression].items()}
    )


def by_core(expression: str, values: Mapping[str, object]) -> object:
    try:
        return exact(core(expression).evaluate(values))
    except EvaluationError:
        return FAILED


def exact(value: object) -> object:
    """In a form in which == tells 1, 1.0 and true apart, and NaN equals itself."""
    if isinstance(value, list):
        return [exact(element) for element in value]
    if isinstance(value, dict):
        return {key: exact(element) for key, element in value.items()}
    if isinstance(value, bytearray | bytes):
        return "bytes", bytes(value)
    if isinstance(value, float):
        return "float", "nan" if math.isnan(value) else value.hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return "int", int(value)
    return type(value).__name__, value


@pytest.mark.parametrize("expression", CASES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_function_gives_what_cel_cpp_gives(expression: str, data: st.DataObject) -> None:
    values = {name: data.draw(kind, name) for name, (_, kind) in CASES[expression].items()}
    assert by_core(expression, values) == by_oracle(expression, values)

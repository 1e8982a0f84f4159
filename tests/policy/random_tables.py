"""Random decision tables and inputs for them, with numbers that are hard to compare."""

from __future__ import annotations

from hypothesis import strategies as st

from fenqi.policy.tables.cells import ANY, Cell, InputType, Interval, Value
from fenqi.policy.tables.table import SINGLE, Aggregate, Hit, Input, Output, Row, Table

HITS: list[Hit] = ["unique", "any", "first", "priority", "rule_order", "output_order", "collect"]

# Neighbours of what a double can and cannot tell apart, and of the types' ends.
HARD_INTS = [
    *(sign * (2**53 + d) for sign in (1, -1) for d in (-1, 0, 1, 2)),
    *(2**63 + d for d in (-1025, -513, -2, -1)),
    *(-(2**63) + d for d in (0, 1, 1024)),
    0, 1, -1, 2, 3,
]  # fmt: skip
HARD_UINTS = [0, 1, 2, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2049, 2**64 - 1]
HARD_DOUBLES = [
    0.0, -0.0, 0.5, 1.0, 2.5, -1.0, 5e-324, -5e-324, 2.0**53, 2.0**53 + 2, -(2.0**53), 2.0**63,
    -(2.0**63), 2.0**64, 2.0**64 - 2048, 1.7976931348623157e308, float("inf"), float("-inf"),
]  # fmt: skip
FINITE_BOUNDS = [x for x in HARD_DOUBLES if abs(x) != float("inf")]
TEXTS = ["", "a", "ab", "abc", "abd", "b", "é", "éa", "中", "中国"]

bounds = st.sampled_from([*HARD_INTS, *HARD_UINTS, *FINITE_BOUNDS])


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = draw(st.none() | bounds), draw(st.none() | bounds)
    if draw(st.booleans()):
        high = low
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Interval(low, high, draw(st.booleans()), draw(st.booleans()))


@st.composite
def cells(draw: st.DrawFn, type: InputType) -> Cell:
    if draw(st.integers(0, 3)) == 0:
        return ANY
    parts: dict[str, tuple[object, ...]] = {}
    if type == "bool":
        parts["truths"] = tuple(draw(st.lists(st.booleans(), max_size=2)))
    elif type == "string":
        parts["texts"] = tuple(draw(st.lists(st.sampled_from(TEXTS), max_size=2)))
        parts["prefixes"] = tuple(draw(st.lists(st.sampled_from(TEXTS), max_size=2)))
    else:
        parts["intervals"] = tuple(draw(st.lists(intervals(), max_size=2)))
    names_missing = draw(st.integers(0, 9)) == 0
    return Cell(**parts, names_missing=names_missing, negated=draw(st.booleans()))  # type: ignore[arg-type]


VALUES: dict[InputType, st.SearchStrategy[Value]] = {
    "bool": st.booleans(),
    "int": st.sampled_from(HARD_INTS) | st.integers(-(2**63), 2**63 - 1),
    "uint": st.sampled_from(HARD_UINTS) | st.integers(0, 2**64 - 1),
    "double": st.sampled_from([*HARD_DOUBLES, float("nan")]) | st.floats(),
    "string": st.sampled_from([*TEXTS, "abcd", "ac", "中国人", "zz"]) | st.text(max_size=3),
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    hit = draw(st.sampled_from(HITS))
    aggregate: Aggregate = "none"
    if hit == "collect":
        aggregate = draw(st.sampled_from(["none", "sum", "min", "max", "count"]))
    types = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4))
    inputs = tuple(Input(f"i{n}", type) for n, type in enumerate(types))
    of: InputType = "int" if hit not in SINGLE else draw(st.sampled_from(["int", "string"]))
    pool: list[Value] = [1, 2, 2**62] if of == "int" else ["low", "high", ""]
    default = draw(st.none() | st.sampled_from([7, 0])) if of == "int" else "none"
    priority = tuple(draw(st.permutations(pool))) if hit in ("priority", "output_order") else ()
    outputs = (Output("o", of, priority, default),)
    rows = draw(
        st.lists(
            st.builds(
                Row,
                st.tuples(*(cells(type) for type in types)),
                st.tuples(st.sampled_from(pool) | st.none()),
            ),
            max_size=12,
        )
    )
    return Table("t", hit, inputs, outputs, tuple(rows), aggregate)


def inputs_of(table: Table) -> st.SearchStrategy[dict[str, Value | None]]:
    return st.fixed_dictionaries({i.name: st.none() | VALUES[i.type] for i in table.inputs})

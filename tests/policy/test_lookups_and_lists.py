"""Lookups and lists: the core against going through the entries."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.policy.tables.cells import InputType, Value
from fenqi.policy.tables.lookup import (
    Lookup,
    LookupColumn,
    LookupRow,
    ValueList,
    parse_digests,
    parse_key,
    parse_list,
)
from fenqi.v1 import scoring_pb2
from tests.policy.random_tables import TEXTS
from tests.policy.table_release import Fragment

TEXT = 'application.text_signals["s"]'
NUMBER = 'application.signals["x"]'


def asked(value: Value | None) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    if isinstance(value, str):
        request.application.text_signals["s"] = value
    elif value is not None:
        request.application.signals["x"] = float(value)
    return request


def lookup(key_type: InputType, rows: dict[str, int]) -> Lookup:
    return Lookup(
        "risk",
        key_type,
        (LookupColumn("points", "int"), LookupColumn("name", "string")),
        tuple(LookupRow(parse_key(key, key_type), (n, f"row {key}")) for key, n in rows.items()),
    )


def compiled(table: Lookup) -> Fragment:
    fragment = Fragment()
    fragment.lookup(table)
    key = {"string": TEXT, "double": NUMBER, "int": f"int({NUMBER})"}[table.key_type]
    fragment.feature("points", f"lookups.risk.points[{key}]")
    fragment.feature("label", f"lookups.risk.name[{key}]")
    fragment.feature("known", f"{key} in lookups.risk.points")
    return fragment


def points(table: Lookup, value: Value | None) -> object:
    trace = compiled(table).trace(asked(value))
    if value is not None:
        assert trace["points"] == table.find(value, "points")
        assert trace["known"] == (table.row_of(value) is not None)
        assert trace["label"] == table.find(value, "name")
    return trace["points"]


def test_the_most_specific_key_wins() -> None:
    cities = lookup("string", {"*": 1, "Pa*": 2, "Paris*": 3, "Paris": 4})
    assert [points(cities, city) for city in ("Paris", "Paris 1", "Pau", "Rome")] == [4, 3, 2, 1]
    ages = lookup("int", {"18..25": 1, "20": 2, ">= 60": 3})
    assert [points(ages, age) for age in (18, 20, 60, 30)] == [1, 2, 3, None]


def test_a_missing_key_gives_missing() -> None:
    cities = lookup("string", {"*": 1})
    trace = compiled(cities).trace(asked(None))
    assert trace["points"] is None and trace["known"] is None


KEYS = st.lists(
    st.builds(
        lambda text, star: text + star, st.sampled_from(TEXTS[1:]), st.sampled_from(["", "*"])
    )
    | st.just("*"),
    unique=True,
)
TEXT_VALUES = st.lists(st.sampled_from([*TEXTS, "abcd", "ac", "中国人"]) | st.text(max_size=3))


@settings(max_examples=50, deadline=None)
@given(KEYS, TEXT_VALUES)
def test_text_keys_are_found_as_by_going_through_them(keys: list[str], values: list[str]) -> None:
    table = lookup("string", {key: n for n, key in enumerate(keys)})
    fragment = compiled(table)
    for value in values:
        trace = fragment.trace(asked(value))
        assert trace["points"] == table.find(value, "points")
        assert trace["known"] == (table.row_of(value) is not None)


def holds(values: ValueList, value: Value | None) -> object:
    fragment = Fragment()
    fragment.list(values)
    wanted = {"string": TEXT, "double": NUMBER, "int": f"int({NUMBER})"}[values.type]
    fragment.feature("inside", f"{wanted} in lists.{values.name}")
    found = fragment.trace(asked(value))["inside"]
    assert value is None or found == values.holds(value)
    return found


def test_lists_hold_values_prefixes_and_ranges() -> None:
    names = ValueList("l", "string", parse_list(["a", "b c", "x*", "北*"], "string"))
    assert [holds(names, v) for v in ("a", "b c", "xyz", "北京", "b")] == [True] * 4 + [False]
    numbers = ValueList("l", "double", parse_list([1, 2.5, "10..20"], "double"))
    assert [holds(numbers, v) for v in (1, 2.5, 10, 20, 2)] == [True] * 4 + [False]
    assert holds(names, None) is None


def test_nothing_is_in_an_empty_list() -> None:
    assert holds(ValueList("l", "string", parse_list([], "string")), "") is False
    assert holds(ValueList("l", "int", parse_list([], "int")), 0) is False


def test_a_hashed_list_finds_what_was_hashed() -> None:
    people = ["张三", "Customer 1", ""]
    digests = [hashlib.sha256(f"salt {who}".encode()).hexdigest().upper() for who in people]
    values = ValueList("l", "string", parse_list([], "string"), "salt ", parse_digests(digests))
    assert [holds(values, who) for who in [*people, "Customer 2"]] == [True, True, True, False]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(-30, 30) | st.floats(-30, 30)), st.lists(st.floats(-31, 31), max_size=9)
)
def test_numbers_are_found_as_by_going_through_them(
    entries: list[int | float], values: list[float]
) -> None:
    numbers = ValueList("l", "double", parse_list(list(entries), "double"))
    fragment = Fragment()
    fragment.list(numbers)
    fragment.feature("inside", f"{NUMBER} in lists.l")
    for value in [*values, *map(float, entries)]:
        assert fragment.trace(asked(value))["inside"] == numbers.holds(value)

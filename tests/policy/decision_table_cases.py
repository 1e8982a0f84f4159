"""Runs decision tables that others wrote: `make decision-tables CASES=FOLDER`.

Each `*.jsonl` below the folder holds a table a line, in the format of
shared/conformance/decision_tables/README.md, with cases and the analysis that is expected. A case
passes when the core gives the expected outputs, and its index, and the scan in Python, the expected
rows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fenqi import _native
from fenqi.policy.tables.analysis import analyse
from fenqi.policy.tables.cells import Cell, InputType, Interval, Value, parse_cell
from fenqi.policy.tables.image import table_image
from fenqi.policy.tables.table import (
    Aggregate,
    Hit,
    Input,
    Output,
    Row,
    Table,
    check_shape,
    rows_that_hold,
    same,
)
from fenqi.v1 import scoring_pb2
from tests.policy.table_release import Fragment

_HITS: dict[str, Hit] = {
    "UNIQUE": "unique",
    "ANY": "any",
    "FIRST": "first",
    "PRIORITY": "priority",
    "RULE ORDER": "rule_order",
    "OUTPUT ORDER": "output_order",
    "COLLECT": "collect",
}
# An input of any type is one that no rule asks of.
_TYPES: dict[str, InputType] = {
    "number": "double",
    "string": "string",
    "boolean": "bool",
    "any": "string",
}

Json = Any


def read_tables(folder: Path) -> Iterator[Json]:
    """Every table below `folder`."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def to_table(source: Json) -> Table:
    """The table; its outputs are o1, o2, ..., so that any name will do in the file."""
    hit = _HITS[source["hit_policy"]]
    inputs = tuple(_input(column, n) for n, column in enumerate(source["inputs"], start=1))
    outputs = tuple(
        _output(column, n, [rule["then"][n] for rule in source["rules"]], hit)
        for n, column in enumerate(source["outputs"])
    )
    rows = tuple(
        Row(
            tuple(to_cell(alternatives) for alternatives in rule["when"]),
            tuple(
                _typed(value, output.type)
                for value, output in zip(rule["then"], outputs, strict=True)
            ),
        )
        for rule in source["rules"]
    )
    aggregate: Aggregate = (source.get("aggregation") or "none").lower()
    table = Table("t", hit, inputs, outputs, rows, aggregate)
    check_shape(table)
    return table


def _input(column: Json, number: int) -> Input:
    type = _TYPES[column["type"]]
    # The expected analysis is over all real numbers, whatever is allowed.
    allowed = (
        parse_cell(column["allowed"], type) if "allowed" in column and type != "double" else None
    )
    return Input(f"i{number}", type, allowed)


def _output(column: Json, number: int, values: list[Json], hit: Hit) -> Output:
    default = column.get("default")
    type = _type_of([*values, *([] if default is None else [default])])
    priority = column.get("priority_order", ()) if hit in ("priority", "output_order") else ()
    return Output(
        f"o{number + 1}",
        type,
        tuple(_typed(value, type) for value in priority),
        _typed(default, type),
    )


def _type_of(values: list[Json]) -> InputType:
    if all(isinstance(value, bool) for value in values):
        return "bool"
    return "string" if any(isinstance(value, str) for value in values) else "double"


def _typed(value: Json, type: InputType) -> Json:
    return float(value) if type == "double" and value is not None else value


def to_cell(alternatives: list[Json]) -> Cell:
    """One entry of a rule's `when`."""
    if not alternatives:
        return Cell(negated=True)
    if any("ne" in alternative for alternative in alternatives):
        return _unequal(alternatives)
    intervals: list[Interval] = []
    texts: list[str] = []
    truths: list[bool] = []
    for alternative in alternatives:
        value = alternative.get("eq")
        if isinstance(value, bool):
            truths.append(value)
        elif isinstance(value, str):
            texts.append(value)
        else:
            intervals.append(_interval(alternative))
    return Cell(tuple(intervals), tuple(texts), (), tuple(truths))


def _unequal(alternatives: list[Json]) -> Cell:
    """`ne` a value: all but that, or everything where another alternative holds for it."""
    first = next(a for a in alternatives if "ne" in a)
    others = [a for a in alternatives if a != first]
    if any(to_cell([other]).holds(first["ne"]) for other in others):
        return Cell(negated=True)
    excluded = to_cell([{"eq": first["ne"]}])
    return Cell(excluded.intervals, excluded.texts, (), excluded.truths, negated=True)


def _interval(alternative: Json) -> Interval:
    ((sign, bound),) = ((k, v) for k, v in alternative.items() if k != "closed")
    match sign:
        case "eq":
            return Interval(bound, bound)
        case "lt":
            return Interval(None, bound, False, True)
        case "le":
            return Interval(None, bound)
        case "gt":
            return Interval(bound, None, True)
        case "ge":
            return Interval(bound, None)
        case "between":
            low_closed, high_closed = alternative["closed"]
            return Interval(bound[0], bound[1], not low_closed, not high_closed)
    raise ValueError(f"no alternative {sign}")


class TableCases:
    """One table with its cases, compiled once."""

    def __init__(self, source: Json) -> None:
        self.source = source
        self.table = to_table(source)
        everything = [i for i, column in enumerate(source["inputs"]) if column["type"] != "any"]
        self._indexed = everything
        self._index = _native.DecisionTable(
            table_image(self.table, everything, range(len(everything))).SerializeToString()
        )
        self._fragment = Fragment()
        self._fragment.table(
            self.table, {column.name: _expression(column) for column in self.table.inputs}
        )

    def failures(self) -> Iterator[str]:
        """What is not as expected, a line for each case or analysis that fails."""
        for case in self.source["cases"]:
            wrong = self._case(case)
            if wrong:
                yield f"{self.source['id']} case {case['id']}: {wrong}"
        wrong = self._analysis(self.source["analysis"])
        if wrong:
            yield f"{self.source['id']} analysis: {wrong}"

    def inputs(self, given: Json) -> dict[str, Value | None]:
        """By the table's own names."""
        return {
            column.name: _input_value(given.get(source["name"]), column.type)
            for column, source in zip(self.table.inputs, self.source["inputs"], strict=True)
        }

    def _matching(self, inputs: dict[str, Value | None]) -> tuple[object, object]:
        values = [inputs[self.table.inputs[i].name] for i in self._indexed]
        indexed = self._index.rows(values)
        return (None if indexed is None else sorted(indexed)), rows_that_hold(self.table, inputs)[0]

    def _case(self, case: Json) -> str:
        inputs = self.inputs(case["input"])
        indexed, scanned = self._matching(inputs)
        if not indexed == scanned == case["matching_rules"]:
            return f"rows {indexed} by index, {scanned} by scan, expected {case['matching_rules']}"
        given = self._outputs(inputs)
        expected = self._expected(case["expected"])
        if not all(_equal(a, b) for a, b in zip(given, expected, strict=True)):
            return f"gives {given}, expected {expected}"
        return ""

    def _outputs(self, inputs: dict[str, Value | None]) -> list[object]:
        trace = self._fragment.trace(_request(inputs))
        return [trace[f"tables.t.{output.name}"] for output in self.table.outputs]

    def _expected(self, expected: Json) -> list[Json]:
        """The expectation for each output, as this table gives it."""
        names = [column["name"] for column in self.source["outputs"]]
        if expected is None:
            return [None for _ in names]
        if isinstance(expected, list):
            return [[e[name] if isinstance(e, dict) else e for e in expected] for name in names]
        values = [expected[name] if isinstance(expected, dict) else expected for name in names]
        # A default stands for the list where a table gives lists.
        return [[value] for value in values] if self.table.is_list else values

    def _analysis(self, expected: Json) -> str:
        found = analyse(self.table)
        pairs = [list(pair) for pair in found.overlaps]
        if found.gaps_unproven or found.never_first_unproven or found.too_large:
            return "not proven"
        if bool(found.gaps) != (expected["gap_example"] is not None):
            return f"gaps {found.gaps}, expected {expected['gap_example']}"
        for gap in found.gaps:
            if self._matching(dict(gap.inputs)) != ([], []):
                return f"{gap} is no gap"
        if pairs != expected["overlapping_rules"]:
            return f"overlaps {pairs}, expected {expected['overlapping_rules']}"
        if found.never_matched != expected["never_matched"]:
            return f"never match {found.never_matched}, expected {expected['never_matched']}"
        never_first = sorted([*found.never_first, *found.never_matched])
        if never_first != sorted({*expected["never_first"], *expected["never_matched"]}):
            return f"never first {never_first}, expected {expected['never_first']}"
        return ""


def _expression(column: Input) -> str:
    match column.type:
        case "double":
            return f'application.signals["{column.name}"]'
        case "bool":
            return f'application.signals["{column.name}"] > 0.0'
        case _:
            return f'application.text_signals["{column.name}"]'


def _input_value(given: Json, type: InputType) -> Value | None:
    if given is None:
        return None
    return str(given) if type == "string" else _typed(given, type)


def _request(inputs: dict[str, Value | None]) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    for name, value in inputs.items():
        if isinstance(value, str):
            request.application.text_signals[name] = value
        elif value is not None:
            request.application.signals[name] = float(value)
    return request


def _equal(a: object, b: object) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return type(a) is not ValueError and same(a, b)  # type: ignore[arg-type]


def main(folder: Path) -> int:
    """Prints what fails and then the count; cases and analyses count alike."""
    count = 0
    failures = []
    for source in read_tables(folder):
        count += len(source["cases"]) + 1
        try:
            failures += list(TableCases(source).failures())
        except Exception as error:  # one table must not hide the others
            failures += [f"{source['id']}: {error!r}"] * (len(source["cases"]) + 1)
    for failure in failures:
        print(failure)
    print(f"decision tables: passed {count - len(failures)}, failed {len(failures)}, of {count}")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

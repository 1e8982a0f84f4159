"""The questions of the policy benchmark in the form in which each engine takes them.

zen-engine has decision graphs with tables, and expressions like CEL's; it is given both. CEL knows
neither features, tables nor scorecards. A strategy becomes three lists of expressions, one after
the other (features of the application; features of features and the score; rules), so that a
decision is a dozen evaluations instead of 350: what costs these engines least. A table is chains of
conditionals, asked until one holds; a scorecard is a sum of conditionals.

One rule reads flat variables, which every engine finds sooner than fields of messages.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from bench.expression import (
    CEL,
    PYTHON,
    ZEN,
    ZEN_IN_NODE,
    Dialect,
    Expression,
    Members,
    fields,
    local,
)
from bench.plain_python import source
from bench.strategy import Application, Attribute, Band, Strategy, Table

# cel-cpp takes 32 levels of nesting, the Rust crate somewhat more.
ROWS_OF_CHAIN = 20


def rule_job(condition: Expression, applications: list[Application]) -> dict[str, Any]:
    """One condition, and applicants who lack nothing that it reads."""
    paths = [path.split(".") for path in fields(condition)]
    variables = [
        {f"{message}_{name}": application[message][name] for message, name in paths}
        for application in applications
    ]
    return {
        "variables": variables,
        "cel": replace(CEL, field=local).write(condition),
        "zen": replace(ZEN, field=local).write(condition),
        "python": _function(condition),
    }


def strategy_job(strategy: Strategy, applications: list[Application]) -> dict[str, Any]:
    """The strategy, the applicants, and how hits and score become a decision."""
    gravity = {"flag": 0, "refer": 3, "decline": 4}
    return {
        "applications": applications,
        "gravities": [gravity[rule.action] for rule in strategy.rules],
        "approve_from": strategy.approve_from,
        "refer_from": strategy.refer_from,
        "cel": expressions(CEL, strategy),
        "zen": expressions(ZEN, strategy),
        "zen_graph": _zen_strategy(strategy),
        "python": source(strategy),
    }


def table_job(table: Table, applications: list[Application]) -> dict[str, Any]:
    """A table, and the applicants who hit its first, middle and last row."""
    return {
        "applications": applications,
        "zen": _graph([(table.name, _zen_table(table, "outcome", passes=False))]),
        "python": _scan(table),
    }


# --- lists of expressions ---


def expressions(dialect: Dialect, strategy: Strategy) -> dict[str, Any]:
    """Names and texts, in the order in which they read one another."""
    texts = {f.name: dialect.with_default(f.expression, f.default) for f in strategy.features}
    first, second = (
        [(f.name, texts[f.name]) for f in strategy.features if f.level == level] for level in (0, 1)
    )
    return {
        "types": {f.name: f.type for f in strategy.features},
        "first": first,
        "second": [*second, ("score", _sum(dialect, strategy))],
        "tables": [
            (f"tables_{table.name}_outcome", _chains(dialect, table)) for table in strategy.tables
        ],
        "rules": [dialect.write(rule.condition) for rule in strategy.rules],
    }


def _chains(dialect: Dialect, table: Table) -> list[str]:
    """Chains of conditionals; "" where none of a chain's rows holds."""
    word = f" {dialect.words['and']} "
    rows = []
    for cells, outcome in table.rows:
        tests = [
            _test(dialect, dialect.feature(name), cell)
            for name, cell in zip(table.inputs, cells, strict=True)
        ]
        rows.append(f"{word.join(tests)} ? {dialect.constant(outcome)} : ")
    starts = range(0, len(rows), ROWS_OF_CHAIN)
    return ["".join(rows[start : start + ROWS_OF_CHAIN]) + '""' for start in starts]


def _test(dialect: Dialect, value: str, cell: Band | Members) -> str:
    if isinstance(cell, Members):
        return f"({value} in {dialect.write(cell)})"
    tests = []
    if cell.low is not None:
        tests.append(f"{value} >= {cell.low!r}")
    if cell.high is not None:
        tests.append(f"{value} < {cell.high!r}")
    return "(" + f" {dialect.words['and']} ".join(tests) + ")"


def _sum(dialect: Dialect, strategy: Strategy) -> str:
    parts = [dialect.constant(strategy.base_points)]
    parts += [_points(dialect, attribute) for attribute in strategy.attributes]
    return " + ".join(parts)


def _points(dialect: Dialect, attribute: Attribute) -> str:
    value = dialect.write(attribute.expression)
    text = dialect.constant(attribute.rest)
    for cell, points in reversed(attribute.bins):
        test = _test(dialect, value, cell)
        text = dialect.conditional.format(test, dialect.constant(points), text)
    missing = dialect.constant(attribute.missing)
    return dialect.where_present(attribute.expression, text, missing)


# --- zen-engine: a decision graph ---


def _zen_strategy(strategy: Strategy) -> dict[str, Any]:
    """Features, tables, and what reads them, each a node."""
    features = [
        (f.name, ZEN_IN_NODE.with_default(f.expression, f.default)) for f in strategy.features
    ]
    conditions = ", ".join(ZEN.write(rule.condition) for rule in strategy.rules)
    outcomes = ", ".join(f"tables_{table.name}_outcome" for table in strategy.tables)
    results = [
        ("score", _sum(ZEN, strategy)),
        ("rules", f"[{conditions}]"),
        ("outcomes", f"[{outcomes}]"),
    ]
    tables = [
        (table.name, _zen_table(table, f"tables_{table.name}_outcome", passes=True))
        for table in strategy.tables
    ]
    return _graph(
        [
            ("features", _zen_expressions(features, passes=True)),
            *tables,
            ("results", _zen_expressions(results, passes=False)),
        ]
    )


def _zen_expressions(expressions: list[tuple[str, str]], passes: bool) -> dict[str, Any]:
    return {
        "type": "expressionNode",
        "content": {
            "expressions": [{"id": key, "key": key, "value": text} for key, text in expressions],
            "passThrough": passes,
        },
    }


def _zen_table(table: Table, output: str, passes: bool) -> dict[str, Any]:
    ids = [f"in{i}" for i in range(len(table.inputs))]
    rules = [
        {
            "_id": f"row{number}",
            **{i: _zen_cell(cell) for i, cell in zip(ids, cells, strict=True)},
            "out": ZEN.constant(outcome),
        }
        for number, (cells, outcome) in enumerate(table.rows)
    ]
    return {
        "type": "decisionTableNode",
        "content": {
            "hitPolicy": "first",
            "inputs": [
                {"id": i, "name": i, "field": f} for i, f in zip(ids, table.inputs, strict=True)
            ],
            "outputs": [{"id": "out", "name": output, "field": output}],
            "rules": rules,
            "passThrough": passes,
            "executionMode": "single",
        },
    }


def _zen_cell(cell: Band | Members) -> str:
    if isinstance(cell, Members):
        return ", ".join(map(ZEN.constant, cell.values))
    if cell.low is None:
        return f"< {cell.high!r}"
    return f">= {cell.low!r}" if cell.high is None else f"[{cell.low!r}..{cell.high!r})"


def _graph(nodes: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Nodes one after the other."""
    named = [
        ("in", {"type": "inputNode", "content": {}}),
        *nodes,
        ("out", {"type": "outputNode", "content": {}}),
    ]
    return {
        "nodes": [
            {"id": name, "name": name, "position": {"x": 0, "y": 0}, **node} for name, node in named
        ],
        "edges": [
            {"id": f"{a}-{b}", "sourceId": a, "targetId": b, "type": "edge"}
            for (a, _), (b, _) in pairwise(named)
        ],
    }


# --- plain Python ---


def _function(condition: Expression) -> str:
    """A module with `decide`."""
    text = replace(PYTHON, field=lambda path: f"variables[{local(path)!r}]").write(condition)
    return f"def decide(variables):\n    return {text}\n"


def _scan(table: Table) -> str:
    """A module with `decide`: a loop over the rows, as a person would write it."""
    rows = [
        (
            *[c.values if isinstance(c, Members) else (c.low, c.high) for c in cells],
            outcome,
        )
        for cells, outcome in table.rows
    ]
    return f"ROWS = {rows!r}\n{_SCAN}"


_SCAN = """
def decide(application):
    amount = application["loan"]["amount_fen"]
    share = application["behaviour"]["on_time_ratio"]
    product = application["loan"]["product"]
    for (low, high), (share_low, share_high), products, outcome in ROWS:
        if low <= amount < high and share_low <= share < share_high and product in products:
            return outcome
    return ""
"""

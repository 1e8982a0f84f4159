"""The strategy as one plain Python function, generated: the answer that all engines must give, and
the speed of a rule engine that is no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from bench.expression import PYTHON, Expression, Members, Name, fields, local

if TYPE_CHECKING:
    from bench.strategy import Attribute, Band, Feature, Strategy, Table


def source(strategy: Strategy) -> str:
    """`decide(application)`: decision, score, ids of rules that fired, outputs of the tables."""
    read = [feature.expression for feature in strategy.features]
    read += [attribute.expression for attribute in strategy.attributes]
    lines = ["def decide(application):", *_fields(read), *map(_feature, strategy.features)]
    for table in strategy.tables:
        lines += _table(table)
    lines.append(f"    score = {strategy.base_points!r}")
    for attribute in strategy.attributes:
        lines += _attribute(attribute)
    lines += [
        "    if score >= " + repr(strategy.approve_from) + ": decision = 1",
        "    elif score >= " + repr(strategy.refer_from) + ": decision = 3",
        "    else: decision = 4",
        "    hits = []",
    ]
    for rule in strategy.rules:
        lines.append(f"    if {PYTHON.write(rule.condition)}:")
        lines.append(f"        hits.append({rule.id!r})")
        if rule.action != "flag":
            gravity = {"refer": 3, "decline": 4}[rule.action]
            lines.append(f"        if decision < {gravity}: decision = {gravity}")
    outputs = ", ".join(f"tables_{table.name}_outcome" for table in strategy.tables)
    lines.append(f"    return decision, score, hits, [{outputs}]")
    return "\n".join(lines) + "\n"


def feature_function(features: Sequence[Feature]) -> Callable[[Any], dict[str, Any]]:
    """Names of features to their values for an application."""
    lines = ["def evaluate(application):", *_fields([f.expression for f in features])]
    lines += [_feature(feature) for feature in features]
    values = ", ".join(f"{feature.name!r}: {feature.name}" for feature in features)
    lines.append(f"    return {{{values}}}")
    return compiled("\n".join(lines) + "\n", "evaluate")


def compiled(text: str, name: str) -> Callable[..., Any]:
    """The function `name` of a generated module."""
    scope: dict[str, Any] = {}
    exec(compile(text, "<generated>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function


def band_test(value: str, band: Band) -> str:
    """`low <= value < high`, as far as there are ends."""
    low = "" if band.low is None else f"{band.low!r} <= "
    high = "" if band.high is None else f" < {band.high!r}"
    return f"{low}{value}{high}"


def _fields(expressions: list[Expression]) -> list[str]:
    paths = dict.fromkeys(path for expression in expressions for path in fields(expression))
    messages = dict.fromkeys(path.split(".")[0] for path in paths)
    lines = [f"    m_{message} = application[{message!r}].get" for message in messages]
    for path in paths:
        message, name = path.split(".")
        lines.append(f"    {local(path)} = m_{message}({name!r})")
    return lines


def _feature(feature: Feature) -> str:
    return f"    {feature.name} = {PYTHON.with_default(feature.expression, feature.default)}"


def _test(value: str, cell: Band | Members) -> str:
    if isinstance(cell, Members):
        return f"{value} in {cell.values!r}"
    return band_test(value, cell)


def _table(table: Table) -> list[str]:
    to = f"tables_{table.name}_outcome"
    lines = []
    for number, (cells, outcome) in enumerate(table.rows):
        tests = (_test(name, cell) for name, cell in zip(table.inputs, cells, strict=True))
        lines.append(f"    {'if' if number == 0 else 'elif'} {' and '.join(tests)}:")
        lines.append(f"        {to} = {outcome!r}")
    return [*lines, f"    else: {to} = ''"]


def _attribute(attribute: Attribute) -> list[str]:
    value = PYTHON.write(attribute.expression)
    lines = []
    word = "if"
    if not isinstance(attribute.expression, Name):
        lines.append(f"    if {value} is None: score += {attribute.missing!r}")
        word = "elif"
    for cell, points in attribute.bins:
        lines.append(f"    {word} {_test(value, cell)}: score += {points!r}")
        word = "elif"
    return [*lines, f"    else: score += {attribute.rest!r}"]

"""What the policy benchmark asks, as Fenqi policy files."""

from __future__ import annotations

import json

from bench.expression import FENQI, Call, Expression, Members, Name, call
from bench.strategy import Attribute, Band, Feature, Rule, Strategy, Table

_HEAD = 'policy: bench\nversion: "1"\n'
_REASONS = "reasons:\n  FOUND: {en: A condition of the benchmark holds., zh: 条件成立。}\n"


def strategy_text(strategy: Strategy) -> str:
    """Features, tables, the scorecard, cut-offs and rules."""
    return "".join(
        [
            *(_HEAD, _features(strategy), "tables:\n"),
            *map(_table, strategy.tables),
            *(_scorecard(strategy), _rules(strategy.rules), _REASONS),
        ]
    )


def rules_text(strategy: Strategy) -> str:
    """Features and those rules that read no table."""
    rules = tuple(rule for rule in strategy.rules if not _reads_table(rule.condition))
    return f"{_HEAD}{_features(strategy)}{_rules(rules)}{_REASONS}"


def _reads_table(expression: Expression) -> bool:
    match expression:
        case Name(name):
            return name.startswith("tables.")
        case Call(_, operands):
            return any(map(_reads_table, operands))
    return False


def rule_text(condition: Expression) -> str:
    """One rule over the application."""
    return f"{_HEAD}{_rules((Rule('RULE', condition, 'flag'),))}{_REASONS}"


def table_text(table: Table) -> str:
    """One table over fields of the application, and a rule that reads its outcome."""
    found = call("not", call("==", Name(f"tables.{table.name}.outcome"), ""))
    rules = _rules((Rule("FOUND", found, "flag"),))
    return f"{_HEAD}tables:\n{_table(table)}{rules}{_REASONS}"


def _features(strategy: Strategy) -> str:
    return "features:\n" + "".join(map(_feature, strategy.features))


def _feature(feature: Feature) -> str:
    return (
        f"  {feature.name}:\n"
        f"    expr: {json.dumps(FENQI.write(feature.expression))}\n"
        f"    default: {FENQI.constant(feature.default)}\n"
        f"    meaning: A feature of the benchmark.\n"
    )


def _rules(rules: tuple[Rule, ...]) -> str:
    return "rules:\n" + "".join(map(_rule, rules))


def _rule(rule: Rule) -> str:
    return (
        f"  - id: {rule.id}\n"
        f"    when: {json.dumps(FENQI.write(rule.condition))}\n"
        f"    then: {rule.action}\n"
        f"    meaning: A rule of the benchmark.\n"
        f"    reason: FOUND\n"
        f"    on_error: skip\n"
    )


def _table(table: Table) -> str:
    inputs = "".join(
        f"      {_column(name)}: {FENQI.field(name) if '.' in name else name}\n"
        for name in table.inputs
    )
    rows = "".join(
        f"      - {json.dumps([*map(_cell, cells), outcome])}\n" for cells, outcome in table.rows
    )
    return (
        f"  {table.name}:\n"
        f"    meaning: A table of the benchmark.\n"
        f"    hit: first\n"
        f"    inputs:\n{inputs}"
        f"    outputs:\n      outcome: {{type: string}}\n"
        f"    rows:\n{rows}"
    )


def _column(name: str) -> str:
    return name.replace(".", "_")


def _cell(cell: Band | Members) -> str:
    if isinstance(cell, Members):
        return ", ".join(map(json.dumps, cell.values))
    if cell.low is None:
        return f"< {cell.high!r}"
    return f">= {cell.low!r}" if cell.high is None else f"[{cell.low!r}..{cell.high!r})"


def _scorecard(strategy: Strategy) -> str:
    attributes = "".join(map(_attribute, strategy.attributes))
    return (
        "scorecards:\n  card:\n"
        "    meaning: A scorecard of the benchmark.\n"
        "    base_score: 600\n    base_odds: 50\n    points_to_double_odds: 20\n"
        f"    base_points: {strategy.base_points!r}\n"
        "    reference: maximum\n"
        f"    attributes:\n{attributes}"
        "segments:\n  everybody:\n    otherwise: true\n    meaning: All applicants.\n"
        "    decided_by: card\n"
        f"    cutoffs: {{approve_from: {strategy.approve_from!r}, "
        f"refer_from: {strategy.refer_from!r}}}\n"
    )


def _attribute(attribute: Attribute) -> str:
    bins = [f"        - {{missing: true, points: {attribute.missing!r}}}\n"]
    bins += [
        f"        - {{in: {json.dumps(cell.values)}, points: {points!r}}}\n"
        if isinstance(cell, Members)
        else f"        - {{below: {cell.high!r}, points: {points!r}}}\n"
        for cell, points in attribute.bins
    ]
    bins.append(f"        - {{points: {attribute.rest!r}}}\n")
    return (
        f"      {attribute.name}:\n"
        f"        expr: {json.dumps(FENQI.write(attribute.expression))}\n"
        f"        reason: FOUND\n"
        f"        bins:\n{''.join(bins)}"
    )

"""More of a policy's inside than its program names: conditions within conditions, tables' inputs.

A probe is a feature or a flagging rule whose expression is part of one of the policy's own. The
compiler computes equal expressions once, so a policy with probes answers as without, and its trace
has the probes' values besides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr, SourceInfo
from fenqi.policy.compiler import CompiledPolicy
from fenqi.policy.document import Document
from fenqi.policy.errors import Position
from fenqi.policy.expression_text import text_of
from fenqi.policy.schema import Feature, Rule

_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """A condition inside an expression: what `?:` asks, or one side of `&&` or `||`."""

    # The rule or feature that it is part of, its text, and where it stands.
    owner: str
    text: str
    position: Position


@dataclass(frozen=True, slots=True)
class Probed:
    """A document with probes, and under which names its trace has them."""

    document: Document
    branches: dict[str, Branch]
    # By table and input.
    inputs: dict[tuple[str, str], str]


def with_probes(document: Document, compiled: CompiledPolicy) -> Probed:
    """The document with a probe for each branch and each table's input."""
    policy = document.policy
    inputs: dict[tuple[str, str], str] = {}
    features = dict(policy.features)
    for table, part in policy.tables.items():
        for name, given in part.inputs.items():
            expression = given if isinstance(given, str) else given.expr
            probe = f"probe_{len(inputs)}"
            while probe in policy.features:
                probe += "_"
            inputs[table, name] = probe
            features[probe] = Feature(expr=expression, meaning="probe")
    branches: dict[str, Branch] = {}
    rules, origins = list(policy.rules), list(document.origins)
    for path, expr in _branches(compiled.expressions):
        checked = compiled.expressions[path]
        at = document.position_in(path, *_start(checked.source_info, expr))
        # No rule of a policy can be called so.
        probe = f"probe {len(branches)}"
        branches[f"rule {probe}"] = Branch(_owner(document, path), text_of(expr), at)
        when = text_of(expr)
        rules.append(Rule.model_construct(id=probe, when=when, then="flag", on_error="skip"))
        in_pack = path[0] == "rules" and document.origins[int(path[1])] == "pack"
        origins.append("pack" if in_pack else "own")
    changed = policy.model_copy(update={"features": features, "rules": rules})
    probed = Document(changed, document.pack, origins, document.files, document.places)
    return Probed(probed, branches, inputs)


def _branches(expressions: Mapping[_Path, CheckedExpr]) -> Iterator[tuple[_Path, Expr]]:
    """Conditions inside features and rules, each text once an expression."""
    for path, checked in expressions.items():
        if path[0] not in ("features", "rules"):
            continue
        seen: set[str] = set()
        for expr in _conditions(checked.expr):
            text = text_of(expr)
            if text not in seen and "<macro" not in text:
                seen.add(text)
                yield path, expr


def _conditions(expr: Expr) -> Iterator[Expr]:
    """What `?:` asks and what `&&` and `||` join, outermost first; not inside macros."""
    kind = expr.WhichOneof("expr_kind")
    if kind == "list_expr":
        for element in expr.list_expr.elements:
            yield from _conditions(element)
    elif kind == "select_expr":
        yield from _conditions(expr.select_expr.operand)
    if kind != "call_expr":
        return
    call = expr.call_expr
    if call.function == "_?_:_":
        yield from _parts(call.args[0])
        arguments = list(call.args[1:])
    elif call.function in ("_&&_", "_||_"):
        yield from _parts(expr)
        return
    else:
        arguments = [*call.args, *([call.target] if call.HasField("target") else [])]
    for argument in arguments:
        yield from _conditions(argument)


def _parts(expr: Expr) -> Iterator[Expr]:
    """The single conditions that `expr` joins; itself where it joins none."""
    if expr.WhichOneof("expr_kind") == "call_expr" and expr.call_expr.function in ("_&&_", "_||_"):
        for argument in expr.call_expr.args:
            yield from _parts(argument)
        return
    yield expr
    yield from _conditions(expr)


def _start(source: SourceInfo, expr: Expr) -> tuple[int, int]:
    """Line and column, from 1, at which the text of `expr` begins."""
    offsets = [source.positions[part] for part in _ids(expr) if part in source.positions]
    offset = min(offsets, default=0)
    line, begin = 1, 0
    for number, end in enumerate(source.line_offsets):
        if end <= offset:
            line, begin = number + 2, end
    return line, offset - begin + 1


def _ids(expr: Expr) -> Iterator[int]:
    yield expr.id
    kind = expr.WhichOneof("expr_kind")
    if kind == "select_expr":
        yield from _ids(expr.select_expr.operand)
    elif kind == "call_expr":
        for argument in expr.call_expr.args:
            yield from _ids(argument)
        if expr.call_expr.HasField("target"):
            yield from _ids(expr.call_expr.target)


def _owner(document: Document, path: _Path) -> str:
    if path[0] == "rules" and isinstance(path[1], int):
        return f"rule {document.policy.rules[path[1]].id}"
    return f"feature {path[1]}"

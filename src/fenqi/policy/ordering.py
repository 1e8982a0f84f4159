"""In which order features, tables, scorecards and models are worked out.

Each comes after what it reads; where that leaves a choice, the order of the files holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fenqi.internal.v1.checked_expr_pb2 import Expr


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a policy that others read by name."""

    # "feature", "table", "scorecard", "model"; "segment" for all conditions of segments, "outcome"
    # for the deciding score.
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


class CycleError(ValueError):
    """Parts that read one another in a circle; `parts` begins and ends with the same one."""

    def __init__(self, parts: list[Part]) -> None:
        super().__init__(" reads ".join(str(part) for part in parts))
        self.parts = parts


def in_order(reads: Mapping[Part, list[Part]]) -> list[Part]:
    """The keys of `reads`, each after what it reads. Raises CycleError."""
    done: dict[Part, None] = {}
    for part in reads:
        if part not in done:
            _finish(part, reads, done)
    return list(done)


def _finish(first: Part, reads: Mapping[Part, list[Part]], done: dict[Part, None]) -> None:
    """Depth first, without recursion: chains may be thousands of features long."""
    path = {first: iter(reads[first])}
    while path:
        part, rest = next(reversed(path.items()))
        following = next((other for other in rest if other not in done and other in reads), None)
        if following is None:
            done[part] = None
            del path[part]
        elif following in path:
            chain = list(path)
            raise CycleError([*chain[chain.index(following) :], following])
        else:
            path[following] = iter(reads[following])


def names_in(expr: Expr) -> set[str]:
    """Every name in an expression that was only parsed, with what is selected from it:
    `tables.grade.row` for tables.grade.row, and `tables`, `tables.grade` too.

    Variables of macros are among them.
    """
    found: set[str] = set()
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        chain = _chain(node)
        if chain is not None:
            found.update(".".join(chain[:length]) for length in range(1, len(chain) + 1))
            continue
        match node.WhichOneof("expr_kind"):
            case "select_expr":
                waiting.append(node.select_expr.operand)
            case "call_expr":
                waiting += [node.call_expr.target, *node.call_expr.args]
            case "list_expr":
                waiting += node.list_expr.elements
            case "struct_expr":
                for entry in node.struct_expr.entries:
                    waiting += [entry.map_key, entry.value]
            case "comprehension_expr":
                fold = node.comprehension_expr
                waiting += [fold.iter_range, fold.accu_init]
                waiting += [fold.loop_condition, fold.loop_step, fold.result]
    return found


def _chain(expr: Expr) -> list[str] | None:
    """The names of `a.b.c`; None for anything else."""
    names: list[str] = []
    while expr.WhichOneof("expr_kind") == "select_expr":
        names.append(expr.select_expr.field)
        expr = expr.select_expr.operand
    if expr.WhichOneof("expr_kind") != "ident_expr":
        return None
    names.append(expr.ident_expr.name.lstrip("."))
    return names[::-1]

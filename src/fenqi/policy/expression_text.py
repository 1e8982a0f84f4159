"""A checked expression as CEL text again: one text for equal ones, however they were typed."""

from __future__ import annotations

import json

from fenqi.internal.v1.checked_expr_pb2 import Expr, ExprConstant

# Operators by the names that CEL's parser gives them, with how tightly they bind.
_BINARY = {
    "_||_": ("||", 2),
    "_&&_": ("&&", 3),
    "_<_": ("<", 4),
    "_<=_": ("<=", 4),
    "_>_": (">", 4),
    "_>=_": (">=", 4),
    "_==_": ("==", 4),
    "_!=_": ("!=", 4),
    "@in": ("in", 4),
    "_+_": ("+", 5),
    "_-_": ("-", 5),
    "_*_": ("*", 6),
    "_/_": ("/", 6),
    "_%_": ("%", 6),
}
# What macros of the math extension become.
_FUNCTIONS = {"math.@min": "math.least", "math.@max": "math.greatest"}
_UNARY = {"!_": "!", "-_": "-"}
_CHOICE, _PREFIX, _PRIMARY = 1, 7, 8


def text_of(expr: Expr) -> str:
    """`expr` as CEL. Macros stand as `<macro 12>`, by the number that the parser gave them."""
    return _text(expr, 0)


def constant_of(constant: ExprConstant) -> bool | int | float | str | bytes | None:
    """The constant's value; null is None."""
    kind = constant.WhichOneof("constant_kind")
    value: bool | int | float | str | bytes | None = getattr(constant, kind) if kind else None
    return None if kind == "null_value" else value


def _text(expr: Expr, binding: int) -> str:
    kind = expr.WhichOneof("expr_kind")
    if kind == "const_expr":
        return _constant(expr.const_expr)
    if kind == "ident_expr":
        return expr.ident_expr.name.removeprefix("fenqi.v1.")
    if kind == "select_expr":
        select = expr.select_expr
        text = f"{_text(select.operand, _PRIMARY)}.{select.field}"
        return f"has({text})" if select.test_only else text
    if kind == "list_expr":
        return f"[{', '.join(_text(element, 0) for element in expr.list_expr.elements)}]"
    if kind == "call_expr":
        text, own = _call(expr.call_expr)
        return f"({text})" if own < binding else text
    return f"<macro {expr.id}>"


def _call(call: Expr.Call) -> tuple[str, int]:
    """The text, and how tightly it binds."""
    name, arguments = call.function, call.args
    if name in _BINARY:
        sign, own = _BINARY[name]
        return f"{_text(arguments[0], own)} {sign} {_text(arguments[1], own + 1)}", own
    if name in _UNARY:
        return f"{_UNARY[name]}{_text(arguments[0], _PRIMARY)}", _PREFIX
    if name == "_?_:_":
        test, yes, no = arguments
        text = f"{_text(test, _CHOICE + 1)} ? {_text(yes, _CHOICE + 1)} : {_text(no, _CHOICE)}"
        return text, _CHOICE
    if name in ("_[_]", "_[?_]"):
        mark = "?" if name == "_[?_]" else ""
        return f"{_text(arguments[0], _PRIMARY)}[{mark}{_text(arguments[1], 0)}]", _PRIMARY
    if name == "_?._":
        return f"{_text(arguments[0], _PRIMARY)}.?{arguments[1].const_expr.string_value}", _PRIMARY
    inside = ", ".join(_text(argument, 0) for argument in arguments)
    if call.HasField("target"):
        return f"{_text(call.target, _PRIMARY)}.{name}({inside})", _PRIMARY
    return f"{_FUNCTIONS.get(name, name)}({inside})", _PRIMARY


def _constant(constant: ExprConstant) -> str:
    kind = constant.WhichOneof("constant_kind")
    value = constant_of(constant)
    if kind == "uint64_value":
        return f"{constant.uint64_value}u"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else repr(value)

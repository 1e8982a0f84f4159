"""The names of CEL's types: "int", "list(string)", "map(string, double)", "fenqi.v1.Consent"."""

from __future__ import annotations

from typing import Any

from cel_expr_python import cel

from fenqi.internal.v1.checked_expr_pb2 import ExprType

# What has typed instructions of its own.
SCALARS = ("bool", "int", "uint", "double", "string")

_PRIMITIVES = {
    ExprType.BOOL: "bool",
    ExprType.INT64: "int",
    ExprType.UINT64: "uint",
    ExprType.DOUBLE: "double",
    ExprType.STRING: "string",
    ExprType.BYTES: "bytes",
}
_PLAIN: dict[str, Any] = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "uint": cel.Type.UINT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
    "bytes": cel.Type.BYTES,
    "null": cel.Type.NULL,
    "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION,
    "type": cel.Type.TYPE,
    "dyn": cel.Type.DYN,
}


def type_name(checked: ExprType) -> str:
    """The name of a type as the checker gives it; what may be anything, or null, is "dyn"."""
    match checked.WhichOneof("type_kind"):
        case "primitive":
            return _PRIMITIVES[checked.primitive]
        case "null":
            return "null"
        case "well_known":
            return {ExprType.TIMESTAMP: "timestamp", ExprType.DURATION: "duration"}.get(
                checked.well_known, "dyn"
            )
        case "list_type":
            return f"list({type_name(checked.list_type.elem_type)})"
        case "map_type":
            key, value = checked.map_type.key_type, checked.map_type.value_type
            return f"map({type_name(key)}, {type_name(value)})"
        case "message_type":
            return checked.message_type
        case "type":
            return "type"
        case "abstract_type" if checked.abstract_type.name == "optional_type":
            return f"optional({type_name(checked.abstract_type.parameter_types[0])})"
        case _:
            return "dyn"


def type_arguments(name: str) -> list[str]:
    """What stands between the parentheses: ["string", "list(int)"] of "map(string, list(int))"."""
    if not name.endswith(")"):
        return []
    parts, depth = [""], 0
    for character in name[name.index("(") + 1 : -1]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def type_kind(name: str) -> str:
    """ "list" of "list(int)"; the name itself where nothing stands in parentheses."""
    return name.partition("(")[0]


def is_message_type(name: str) -> bool:
    """Whether it is the name of a message."""
    return "." in name and "(" not in name


def cel_type(name: str) -> Any:
    """The checker's type of that name. Names of messages must be known to its descriptor pool."""
    arguments = [cel_type(argument) for argument in type_arguments(name)]
    match type_kind(name), arguments:
        case "list", [element]:
            return cel.Type.List(element)
        case "map", [key, value]:
            return cel.Type.Map(key, value)
        case "optional", [_]:
            return cel.Type.DYN  # the package has no way to name the type of an optional
        case kind, []:
            return _PLAIN[kind] if kind in _PLAIN else cel.Type(kind)
        case _:
            raise ValueError(f"there is no type {name}")

"""CEL's functions and the operations that execute them.

A function with one overload for its number of arguments takes them as the kinds that it needs; one
with several finds out at run time, unless typed operations exist for what is known now.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Function:
    """One operation: its name without OP_, the kinds that it needs, the type that it gives.

    "dyn" as a kind is whatever comes.
    """

    operation: str
    kinds: tuple[str, ...]
    result: str


# Typed operations, by name and types.
TYPED: dict[tuple[str, tuple[str, ...]], Function] = {}
# The only one for a name and a number of arguments.
BY_COUNT: dict[tuple[str, int], Function] = {}


def _typed(name: str, kinds: str, operation: str, result: str) -> None:
    parts = tuple(kinds.split())
    TYPED[name, parts] = Function(operation, parts, result)


def _function(name: str, kinds: str, operation: str, result: str) -> None:
    parts = tuple(kinds.split())
    BY_COUNT[name, len(parts)] = Function(operation, parts, result)


for _kind in ("int", "uint", "double"):
    for _symbol, _word in (("+", "ADD"), ("-", "SUB"), ("*", "MUL"), ("/", "DIV"), ("%", "MOD")):
        if (_kind, _word) != ("double", "MOD"):
            _typed(f"_{_symbol}_", f"{_kind} {_kind}", f"{_word}_{_kind.upper()}", _kind)
    _typed("math.abs", _kind, f"ABS_{_kind.upper()}", _kind)
    _typed("math.sign", _kind, f"SIGN_{_kind.upper()}", _kind)
_typed("_+_", "string string", "ADD_STRING", "string")
_typed("-_", "int", "NEG_INT", "int")
_typed("-_", "double", "NEG_DOUBLE", "double")
for _kind in ("bool", "int", "uint", "double", "string"):
    for _symbol, _word in (("==", "EQ"), ("!=", "NE"), ("<", "LT"), ("<=", "LE")):
        _typed(f"_{_symbol}_", f"{_kind} {_kind}", f"{_word}_{_kind.upper()}", "bool")
for _from, _to in (
    *(("int", "double"), ("uint", "double"), ("double", "int"), ("double", "uint")),
    *(("int", "uint"), ("uint", "int"), ("string", "int"), ("string", "uint")),
    *(("string", "double"), ("string", "bool"), ("int", "string"), ("uint", "string")),
    *(("double", "string"), ("bool", "string")),
):
    _typed(_to, _from, f"{_from.upper()}_TO_{_to.upper()}", _to)
_typed("size", "string", "SIZE_STRING", "int")
_typed("reverse", "string", "REVERSE", "string")
_typed("math.sqrt", "double", "SQRT", "double")

# Operators and functions whose operands may be of several kinds.
for _symbol, _word in (("+", "ADD"), ("-", "SUB"), ("*", "MUL"), ("/", "DIV"), ("%", "MOD")):
    _function(f"_{_symbol}_", "dyn dyn", _word, "dyn")
for _symbol, _word in (("==", "EQ"), ("!=", "NE"), ("<", "LT"), ("<=", "LE")):
    _function(f"_{_symbol}_", "dyn dyn", _word, "bool")
_function("-_", "dyn", "NEG", "dyn")
_function("_&&_", "bool bool", "AND", "bool")
_function("_||_", "bool bool", "OR", "bool")
_function("!_", "bool", "NOT", "bool")
_function("@not_strictly_false", "dyn", "NOT_STRICTLY_FALSE", "bool")
_function("__not_strictly_false__", "dyn", "NOT_STRICTLY_FALSE", "bool")
_function("@in", "dyn dyn", "IN", "bool")
_function("size", "dyn", "SIZE", "int")
_function("type", "dyn", "TYPE_OF", "type")
for _kind in ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"):
    _function(_kind, "dyn", f"TO_{_kind.upper()}", _kind)

_function("optional.of", "dyn", "OPTIONAL_OF", "optional(dyn)")
_function("optional.ofNonZeroValue", "dyn", "OPTIONAL_OF_NON_ZERO", "optional(dyn)")
_function("hasValue", "dyn", "HAS_VALUE", "bool")
_function("value", "dyn", "OPTIONAL_VALUE", "dyn")
_function("or", "dyn dyn", "OPTIONAL_OR", "optional(dyn)")
_function("orValue", "dyn dyn", "OPTIONAL_OR_VALUE", "dyn")
_function("optional.unwrap", "dyn", "OPTIONAL_UNWRAP", "list(dyn)")
_function("unwrapOpt", "dyn", "OPTIONAL_UNWRAP", "list(dyn)")

_function("contains", "string string", "CONTAINS", "bool")
_function("startsWith", "string string", "STARTS_WITH", "bool")
_function("endsWith", "string string", "ENDS_WITH", "bool")
_function("charAt", "string int", "CHAR_AT", "string")
_function("indexOf", "string string int", "INDEX_OF", "int")
_function("lastIndexOf", "string string", "LAST_INDEX_OF", "int")
_function("lastIndexOf", "string string int", "LAST_INDEX_OF_FROM", "int")
_function("lowerAscii", "string", "LOWER_ASCII", "string")
_function("upperAscii", "string", "UPPER_ASCII", "string")
_function("trim", "string", "TRIM", "string")
_function("substring", "string int", "SUBSTRING", "string")
_function("substring", "string int int", "SUBSTRING_TO", "string")
_function("replace", "string string string", "REPLACE", "string")
for _name in ("ceil", "floor", "round", "trunc"):
    _function(f"math.{_name}", "double", _name.upper(), "double")
_function("math.isNaN", "double", "IS_NAN", "bool")
_function("math.isInf", "double", "IS_INF", "bool")
_function("math.isFinite", "double", "IS_FINITE", "bool")

NAMES = frozenset(name for name, _ in (*TYPED, *BY_COUNT)) | {
    *("math.@max", "math.@min", "optional.none", "dyn", "indexOf", "math.abs", "math.sign"),
}

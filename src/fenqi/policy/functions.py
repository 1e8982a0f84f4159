"""CEL's functions and the operations that execute them.

A function with one overload for its number of arguments takes them as the kinds that it needs; one
with several finds out at run time, unless typed operations exist for what is known now.
"""

from __future__ import annotations

import re
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

_function("math.abs", "dyn", "ABS", "dyn")
_function("math.sign", "dyn", "SIGN", "dyn")
_function("math.sqrt", "dyn", "SQRT_OF", "double")
for _name in ("And", "Or", "Xor", "ShiftLeft", "ShiftRight"):
    _word = re.sub("(?<=[a-z])(?=[A-Z])", "_", _name).upper()
    _function(f"math.bit{_name}", "dyn dyn", f"BIT_{_word}", "dyn")
_function("math.bitNot", "dyn", "BIT_NOT", "dyn")

for _name in (
    *("FullYear", "Month", "Date", "DayOfMonth", "DayOfWeek", "DayOfYear"),
    *("Hours", "Minutes", "Seconds", "Milliseconds"),
):
    _word = re.sub("(?<=[a-z])(?=[A-Z])", "_", _name).upper()
    _function(f"get{_name}", "dyn", f"GET_{_word}", "int")
    _function(f"get{_name}", "timestamp string", f"GET_{_word}_IN", "int")

_function("matches", "string string", "MATCHES", "bool")
_function("regex.extract", "string string", "REGEX_EXTRACT", "optional(string)")
_function("regex.extractAll", "string string", "REGEX_EXTRACT_ALL", "list(string)")
_function("regex.replace", "string string string int", "REGEX_REPLACE", "string")

_function("split", "string string int", "SPLIT", "list(string)")
_function("join", "list string", "JOIN", "string")
_function("strings.quote", "string", "QUOTE", "string")
_function("replace", "string string string int", "REPLACE_LIMIT", "string")
_function("format", "string list", "FORMAT", "string")
_function("base64.encode", "bytes", "BASE64_ENCODE", "string")
_function("base64.decode", "string", "BASE64_DECODE", "bytes")

_function("distinct", "list", "DISTINCT", "list(dyn)")
_function("flatten", "list int", "FLATTEN", "list(dyn)")
_function("lists.range", "int", "RANGE", "list(int)")
_function("slice", "list int int", "SLICE", "list(dyn)")
_function("sort", "list", "SORT", "list(dyn)")
_function("@sortByAssociatedKeys", "list list", "SORT_BY", "list(dyn)")
_function("first", "list", "FIRST", "optional(dyn)")
_function("last", "list", "LAST", "optional(dyn)")
_function("reverse", "dyn", "REVERSE_OF", "dyn")
_function("sets.contains", "list list", "SET_CONTAINS", "bool")
_function("sets.equivalent", "list list", "SETS_EQUIVALENT", "bool")
_function("sets.intersects", "list list", "SETS_INTERSECT", "bool")

# What an argument is that is left out.
DEFAULTS: dict[tuple[str, int], tuple[str, object]] = {
    ("indexOf", 2): ("int", 0),
    ("split", 2): ("int", -1),
    ("join", 1): ("string", ""),
    ("flatten", 1): ("int", 1),
    ("regex.replace", 3): ("int", -1),
}
NAMES = frozenset(name for name, _ in (*TYPED, *BY_COUNT)) | {
    *("math.@max", "math.@min", "optional.none"),
}

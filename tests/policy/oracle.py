"""What Google's cel-cpp makes of an expression (package cel-expr-python, Apache-2.0)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pool

from fenqi.policy.check import CheckFailure
from fenqi.policy.expression import (
    EvaluationError,
    OptionalValue,
    TypeValue,
    Uint,
    compile_expression,
)
from fenqi.policy.types import cel_type

_EXTENSIONS = (
    *("bindings", "encoders", "lists", "math", "optional", "protos", "regex", "sets", "strings"),
    "two-var-comprehensions",
)
_CONFIG = "name: oracle\nextensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Every error is like every other.
ERROR = ("error",)


def environment(variables: Mapping[str, str], container: str = "") -> Any:
    """cel-cpp with these variables, by name and type."""
    return cel.NewEnv(
        descriptor_pool.Default(),
        config=cel.NewEnvConfigFromYaml(_CONFIG),
        variables={name: cel_type(kind) for name, kind in variables.items()},
        container=container,
    )


def by_cel_cpp(
    env: Any, source: str, values: Mapping[str, object], *, check: bool = True
) -> object:
    """The value, as `tagged` gives it; ERROR for every error. Optionals cannot be read."""
    try:
        compiled = env.compile(source, disable_check=not check)
    except Exception:  # the package raises plain Exception
        return ERROR
    try:
        return _tagged_value(compiled.eval(data=dict(values)))
    except Exception as error:
        if "Unable to convert" in str(error):
            raise
        return ERROR


def by_core(
    variables: Mapping[str, str], source: str, values: Mapping[str, object], *, check: bool = True
) -> object:
    """The value as Fenqi's core finds it, in the same form."""
    try:
        expression = compile_expression(source, variables, check=check)
        return tagged(expression.evaluate(values))
    except (CheckFailure, EvaluationError):
        return ERROR


def tagged(value: object) -> object:
    """A value that is equal to another only where types are too; NaN is NaN, maps have no order,
    and as keys numbers are equal across types.
    """
    match value:
        case bool() | str() | None:
            return type(value).__name__, value
        case Uint():
            return "uint", int(value)
        case int():
            return "int", value
        case float():
            return "double", "nan" if math.isnan(value) else repr(value)
        case bytes() | bytearray():
            return "bytes", bytes(value)
        case datetime():
            return "timestamp", value
        case timedelta():
            return "duration", value
        case list():
            return "list", tuple(map(tagged, value))
        case dict():
            return "map", frozenset((_key(key), tagged(part)) for key, part in value.items())
        case TypeValue(name):
            return "type", name
        case OptionalValue(held):
            return "optional", tuple(map(tagged, held))
        case _:
            return type(value).__name__, value


def _key(key: object) -> object:
    return "number" if isinstance(key, int) and not isinstance(key, bool) else "key", key


def _tagged_value(value: Any) -> object:
    kind, content = value.type(), None
    if kind == cel.Type.ERROR:
        return ERROR
    content = value.value()
    if kind == cel.Type.UINT:
        return tagged(Uint(content))
    if kind == cel.Type.TYPE:
        return "type", _type_name(content.name())
    if isinstance(content, list):
        return "list", tuple(map(_tagged_value, content))
    if isinstance(content, dict):
        pairs = ((_key(key), _tagged_value(part)) for key, part in content.items())
        return "map", frozenset(pairs)
    return tagged(content)


def _type_name(name: str) -> str:
    plain = name.partition("<")[0]
    known = {
        "TIMESTAMP": "google.protobuf.Timestamp",
        "DURATION": "google.protobuf.Duration",
        "NULL": "null_type",
    }
    return known.get(plain, plain.lower() if plain.isupper() else plain)

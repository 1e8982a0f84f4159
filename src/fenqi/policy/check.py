"""Gives expressions to CEL's parser and type checker, against the contract's descriptors."""

from __future__ import annotations

import re
from typing import Any

from cel_expr_python import cel
from google.protobuf import any_pb2, descriptor_pool

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr
from fenqi.v1 import application_pb2 as _application_pb2  # noqa: F401  registers the descriptors
from fenqi.v1 import scoring_pb2 as _scoring_pb2  # noqa: F401

CONTAINER = "fenqi.v1"
MOST_SOURCE_BYTES = 64 * 1024
_CONFIG = "name: fenqi\nextensions:\n- name: math\n- name: strings\n"
_CEL_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")

# What a register can hold, by the name that the checker uses.
VALUE_TYPES: dict[str, Any] = {
    "bool": cel.Type.BOOL,
    "int": cel.Type.INT,
    "uint": cel.Type.UINT,
    "double": cel.Type.DOUBLE,
    "string": cel.Type.STRING,
}
VALUE_TYPES |= {f"list({name})": cel.Type.List(of) for name, of in VALUE_TYPES.items()} | {
    f"map({key}, {name})": cel.Type.Map(VALUE_TYPES.get(key, cel.Type.DYN), of)
    for key in ("int", "uint", "string", "dyn")
    for name, of in VALUE_TYPES.items()
}


class CheckFailure(Exception):
    """Why an expression was refused; line and column in the expression, from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


class Checker:
    """Checks expressions over `application`, `request` and the names declared so far."""

    def __init__(self) -> None:
        self._variables: dict[str, Any] = {
            "application": cel.Type("fenqi.v1.Application"),
            "request": cel.Type("fenqi.v1.ScoreRequest"),
        }
        self._config = cel.NewEnvConfigFromYaml(_CONFIG)
        self._env: Any = None

    def declare(self, name: str, value_type: str) -> None:
        """Makes `name` known as a value of one of VALUE_TYPES."""
        self._variables[name] = VALUE_TYPES[value_type]
        self._env = None

    def is_declared(self, name: str) -> bool:
        """Whether an expression may use `name`."""
        return name in self._variables

    def check(self, source: str) -> CheckedExpr:
        """Parses and checks `source`. Raises CheckFailure."""
        if len(source.encode()) > MOST_SOURCE_BYTES:
            raise CheckFailure(1, 1, f"an expression has at most {MOST_SOURCE_BYTES} bytes")
        if self._env is None:
            self._env = cel.NewEnv(
                descriptor_pool.Default(),
                config=self._config,
                variables=self._variables,
                container=CONTAINER,
            )
        try:
            serialized = self._env.compile(source).serialize()
        except Exception as error:  # the package raises plain Exception
            raise _failure(str(error)) from error
        return CheckedExpr.FromString(any_pb2.Any.FromString(serialized).value)


def _failure(text: str) -> CheckFailure:
    found = _CEL_ERROR.search(text)
    if found is None:
        return CheckFailure(1, 1, text)
    line, column, message = found.groups()
    message = message.removesuffix(" [INVALID_ARGUMENT]")
    return CheckFailure(int(line), int(column), message)

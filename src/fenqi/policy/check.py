"""Gives expressions to CEL's parser and type checker, against the contract's descriptors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel
from google.protobuf import any_pb2, descriptor_pool

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, ParsedExpr
from fenqi.policy.types import cel_type
from fenqi.v1 import application_pb2 as _application_pb2  # noqa: F401  registers the descriptors
from fenqi.v1 import scoring_pb2 as _scoring_pb2  # noqa: F401

CONTAINER = "fenqi.v1"
MOST_SOURCE_BYTES = 64 * 1024
# The package takes them only this way; its extension classes lack some macros and functions.
_EXTENSIONS = (
    *("bindings", "encoders", "lists", "math", "optional", "protos", "regex", "sets", "strings"),
    "two-var-comprehensions",
)
_CONFIG = "name: fenqi\nextensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS)
_CEL_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")


class CheckFailure(Exception):
    """Why an expression was refused; line and column in the expression, from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


class Checker:
    """Checks expressions over the names declared so far; in a policy, `application` and `request`
    are declared.
    """

    def __init__(
        self, variables: Mapping[str, str] | None = None, container: str = CONTAINER
    ) -> None:
        if variables is None:
            variables = {"application": "fenqi.v1.Application", "request": "fenqi.v1.ScoreRequest"}
        self._variables = {name: cel_type(kind) for name, kind in variables.items()}
        self._container = container
        self._config = cel.NewEnvConfigFromYaml(_CONFIG)
        self._env: Any = None

    def declare(self, name: str, value_type: str) -> None:
        """Makes `name` known as a value of a type, named as in `types`."""
        self._variables[name] = cel_type(value_type)
        self._env = None

    def is_declared(self, name: str) -> bool:
        """Whether an expression may use `name`."""
        return name in self._variables

    def check(self, source: str) -> CheckedExpr:
        """Parses and checks `source`. Raises CheckFailure."""
        return CheckedExpr.FromString(self._compile(source, disable_check=False))

    def parse(self, source: str) -> ParsedExpr:
        """Parses `source` only. Raises CheckFailure."""
        return ParsedExpr.FromString(self._compile(source, disable_check=True))

    def _compile(self, source: str, *, disable_check: bool) -> bytes:
        if len(source.encode()) > MOST_SOURCE_BYTES:
            raise CheckFailure(1, 1, f"an expression has at most {MOST_SOURCE_BYTES} bytes")
        if self._env is None:
            self._env = cel.NewEnv(
                descriptor_pool.Default(),
                config=self._config,
                variables=self._variables,
                container=self._container,
            )
        try:
            serialized = self._env.compile(source, disable_check=disable_check).serialize()
        except Exception as error:  # the package raises plain Exception
            raise _failure(str(error)) from error
        return any_pb2.Any.FromString(serialized).value


def _failure(text: str) -> CheckFailure:
    found = _CEL_ERROR.search(text)
    if found is None:
        return CheckFailure(1, 1, text)
    line, column, message = found.groups()
    message = message.removesuffix(" [INVALID_ARGUMENT]")
    return CheckFailure(int(line), int(column), message)

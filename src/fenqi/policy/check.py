"""Gives expressions to CEL's parser and type checker, against the contract's descriptors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cel_expr_python import cel
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.message import DecodeError, Message

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, ParsedExpr
from fenqi.policy.types import cel_type
from fenqi.v1 import application_pb2 as _application_pb2  # noqa: F401  registers the descriptors
from fenqi.v1 import scoring_pb2 as _scoring_pb2  # noqa: F401

try:
    from google._upb import _message
except ImportError:  # another implementation of protobuf, without such a switch
    _message = None  # type: ignore[assignment]

CONTAINER = "fenqi.v1"
MOST_SOURCE_BYTES = 64 * 1024
# The package takes them only this way; its extension classes lack some macros and functions.
_EXTENSIONS = (
    *("bindings", "encoders", "lists", "math", "optional", "protos", "regex", "sets", "strings"),
    "two-var-comprehensions",
)
_CONFIG = "name: fenqi\nextensions:\n" + "".join(f"- name: {name}\n" for name in _EXTENSIONS)
_TOO_DEEP = re.compile(r"(?:max recursion depth of|recursion limit exceeded. limit:) (\d+)")
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
        # Names were declared that the environment does not know yet. Making one costs as much as
        # checking dozens of expressions, so an expression is first tried without them.
        self._is_behind = True

    def declare(self, name: str, value_type: str) -> None:
        """Makes `name` known as a value of a type, named as in `types`."""
        self._variables[name] = cel_type(value_type)
        self._is_behind = True

    def is_declared(self, name: str) -> bool:
        """Whether an expression may use `name`."""
        return name in self._variables

    def check(self, source: str) -> CheckedExpr:
        """Parses and checks `source`. Raises CheckFailure."""
        checked = CheckedExpr()
        _read(checked, self._compile(source, disable_check=False))
        return checked

    def parse(self, source: str) -> ParsedExpr:
        """Parses `source` only. Raises CheckFailure."""
        parsed = ParsedExpr()
        _read(parsed, self._compile(source, disable_check=True))
        return parsed

    def _compile(self, source: str, *, disable_check: bool) -> bytes:
        if len(source.encode()) > MOST_SOURCE_BYTES:
            raise CheckFailure(1, 1, f"an expression has at most {MOST_SOURCE_BYTES} bytes")
        if self._env is None:
            self._catch_up()
        try:
            serialized = self._env.compile(source, disable_check=disable_check).serialize()
        except Exception as error:  # the package raises plain Exception
            if self._is_behind:
                self._catch_up()
                return self._compile(source, disable_check=disable_check)
            raise _failure(str(error)) from error
        return any_pb2.Any.FromString(serialized).value

    def _catch_up(self) -> None:
        self._env = cel.NewEnv(
            descriptor_pool.Default(),
            config=self._config,
            variables=self._variables,
            container=self._container,
        )
        self._is_behind = False


def _read(tree: Message, content: bytes) -> None:
    """Reads a syntax tree. It may nest deeper than the 100 messages that protobuf allows unless it
    is told otherwise, for the whole process; here for as long as it takes.
    """
    allow_deep: Any = getattr(_message, "SetAllowOversizeProtos", lambda deep: None)
    allow_deep(True)
    try:
        tree.MergeFromString(content)
    except DecodeError as error:
        raise CheckFailure(1, 1, "nested too deep") from error
    finally:
        allow_deep(False)


def _failure(text: str) -> CheckFailure:
    if (deep := _TOO_DEEP.search(text)) is not None:
        return CheckFailure(1, 1, f"nested more than {deep[1]} deep; split it into features")
    found = _CEL_ERROR.search(text)
    if found is None:
        return CheckFailure(1, 1, text)
    line, column, message = found.groups()
    message = message.removesuffix(" [INVALID_ARGUMENT]")
    return CheckFailure(int(line), int(column), message)

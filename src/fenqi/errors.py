"""What Fenqi raises: one family, whose messages say where, what is wrong and what to do.

FenqiError
  ConfigurationError      a setting that cannot be used
  CallError               a call that failed, with a gRPC status code
    InvalidRequestError     INVALID_ARGUMENT: the request is wrong; `violations` names fields
    MessageTooLargeError    RESOURCE_EXHAUSTED: over a limit
    NotReadyError           FAILED_PRECONDITION: no release is published
    UnavailableError        UNAVAILABLE: nobody there, or shutting down; worth trying again
    DeadlineExceededError   DEADLINE_EXCEEDED: no answer in time
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fenqi._native import StatusError


class StatusCode(IntEnum):
    """gRPC's status codes (google.rpc.Code)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field at fault: its path (`application.loan.amount_fen`) and what is wrong with it."""

    field: str
    description: str


class FenqiError(Exception):
    """Everything that Fenqi raises on purpose."""


class ConfigurationError(FenqiError):
    """A setting that cannot be used."""


class CallError(FenqiError):
    """A call that failed."""

    def __init__(
        self, code: StatusCode, message: str, violations: Iterable[FieldViolation] = ()
    ) -> None:
        self.code = code
        self.message = message
        self.violations = tuple(violations)
        super().__init__(f"{code.name}: {message}")


class InvalidRequestError(CallError):
    """The request cannot be answered as it stands; the same bytes will fail again."""


class MessageTooLargeError(CallError):
    """A message or a queue over its limit."""


class NotReadyError(CallError):
    """There is no release to answer with."""


class UnavailableError(CallError):
    """Nobody answers there, or the server is shutting down."""


class DeadlineExceededError(CallError):
    """The deadline passed first."""


_BY_CODE: dict[StatusCode, type[CallError]] = {
    StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    StatusCode.RESOURCE_EXHAUSTED: MessageTooLargeError,
    StatusCode.FAILED_PRECONDITION: NotReadyError,
    StatusCode.UNAVAILABLE: UnavailableError,
    StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
}


def call_error(code: int, message: str, violations: Iterable[FieldViolation] = ()) -> CallError:
    """The error of the class that belongs to `code`; a code that gRPC does not know is UNKNOWN."""
    try:
        status = StatusCode(code)
    except ValueError:
        status = StatusCode.UNKNOWN
    return _BY_CODE.get(status, CallError)(status, message, violations)


def from_native(error: StatusError) -> CallError:
    """The core's error as one of the family."""
    code, message, violations = error.args
    return call_error(code, message, (FieldViolation(*violation) for violation in violations))

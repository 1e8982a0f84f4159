"""From what a person has at hand (bytes, messages, dictionaries) to a ScoreRequest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from fenqi.errors import StatusCode, call_error
from fenqi.v1.application_pb2 import Application
from fenqi.v1.scoring_pb2 import ScoreRequest

# A serialized ScoreRequest; a ScoreRequest or an Application; or either in protobuf's JSON form,
# names in snake_case or lowerCamelCase. A dictionary with the key `application` is a request.
Scorable: TypeAlias = bytes | ScoreRequest | Application | Mapping[str, Any]


def request_bytes(scorable: Scorable) -> bytes:
    """`scorable` as a serialized ScoreRequest; bytes go through untouched.

    Raises InvalidRequestError where a dictionary does not fit the contract.
    """
    if isinstance(scorable, bytes):
        return scorable
    return request_message(scorable).SerializeToString(deterministic=True)


def request_message(scorable: Scorable) -> ScoreRequest:
    """`scorable` as a ScoreRequest. Raises InvalidRequestError where it is none."""
    if isinstance(scorable, ScoreRequest):
        return scorable
    if isinstance(scorable, Application):
        return ScoreRequest(application=scorable)
    request = ScoreRequest()
    try:
        if isinstance(scorable, bytes):
            request.ParseFromString(scorable)
        elif "application" in scorable:
            json_format.ParseDict(dict(scorable), request)
        else:
            json_format.ParseDict(dict(scorable), request.application)
    except (json_format.ParseError, DecodeError) as error:
        raise call_error(StatusCode.INVALID_ARGUMENT, f"not a ScoreRequest: {error}") from error
    return request

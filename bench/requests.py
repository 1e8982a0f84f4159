"""Real applications as a file of requests: each a varint length and a serialized ScoreRequest."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from google.protobuf.message import Message
from google.protobuf.proto import parse_length_prefixed, serialize_length_prefixed

from fenqi.lab.taiwan import holdout_sample, to_request
from fenqi.v1 import scoring_pb2


def holdout_requests(count: int) -> list[scoring_pb2.ScoreRequest]:
    """`count` requests of held-out clients, in an order that mixes good and bad ones."""
    requests = [to_request(client) for client in holdout_sample(count)]
    random.Random(0).shuffle(requests)
    return requests


def write_requests(path: Path, requests: Iterable[Message]) -> None:
    """Writes them one after the other."""
    with path.open("wb") as file:
        for request in requests:
            serialize_length_prefixed(request, file)


def read_requests(path: Path) -> list[bytes]:
    """The serialized requests in a file."""
    requests = []
    with path.open("rb") as file:
        while (request := parse_length_prefixed(scoring_pb2.ScoreRequest, file)) is not None:
            requests.append(request.SerializeToString())
    return requests

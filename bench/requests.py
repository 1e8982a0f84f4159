"""Real applications as a file of requests: each a varint length and a serialized ScoreRequest."""

from __future__ import annotations

import random
from pathlib import Path

from google.protobuf.proto import serialize_length_prefixed

from fenqi.lab.taiwan import holdout_sample, to_request
from fenqi.v1 import scoring_pb2


def holdout_requests(count: int) -> list[scoring_pb2.ScoreRequest]:
    """`count` requests of held-out clients, in an order that mixes good and bad ones."""
    requests = [to_request(client) for client in holdout_sample(count)]
    random.Random(0).shuffle(requests)
    return requests


def write_requests(path: Path, requests: list[scoring_pb2.ScoreRequest]) -> None:
    """Writes them one after the other."""
    with path.open("wb") as file:
        for request in requests:
            serialize_length_prefixed(request, file)

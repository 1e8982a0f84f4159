"""Real applications as a file of requests: each a varint length and a serialized ScoreRequest."""

from __future__ import annotations

from pathlib import Path

from fenqi.lab.taiwan import load_holdout, to_request
from fenqi.v1 import scoring_pb2


def holdout_requests(count: int) -> list[scoring_pb2.ScoreRequest]:
    """`count` requests, spread evenly over the holdout."""
    clients = load_holdout()
    return [to_request(clients[i * len(clients) // count]) for i in range(count)]


def write_requests(path: Path, requests: list[scoring_pb2.ScoreRequest]) -> None:
    """Writes them one after the other."""
    with path.open("wb") as file:
        for request in requests:
            serialized = request.SerializeToString()
            file.write(_varint(len(serialized)) + serialized)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)

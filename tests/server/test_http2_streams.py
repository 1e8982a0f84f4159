"""Byte streams of nghttp2's fuzz corpus (MIT), recorded while h2spec and nghttp ran.

What must hold after each, from the README beside them in ../shared/conformance: the server is
alive, answers a good request in its usual time, keeps no descriptor or memory, and closes the bad
connection in bounded time.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import time
from collections.abc import Iterator

import pytest

from tests.server.http2_client import answers_well, gives_back_descriptors
from tests.server.process import MEMORY_FACTOR, SHARED, ServerProcess, serving

CORPUS = SHARED / "conformance" / "http2" / "nghttp2_corpus.jsonl"
SEED = 20_260_806
BATCH = 24


def streams() -> list[bytes]:
    if not CORPUS.exists():
        return []
    return [bytes.fromhex(json.loads(line)["hex"]) for line in CORPUS.open()]


@pytest.fixture(scope="module")
def impatient_server() -> Iterator[ServerProcess]:
    """Waits for nobody longer than a few hundred milliseconds."""
    limits = ["handshake", "frame", "request", "write", "stall", "first-call", "idle"]
    with serving("interop", *(f"--{limit}-timeout-ms=300" for limit in limits)) as process:
        answers_well(process.port)
        yield process


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def changed(data: bytes, rng: random.Random) -> bytes:
    damaged = bytearray(data)
    damaged[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(damaged)


def variants(kind: str) -> list[bytes]:
    rng = random.Random(SEED)
    if kind == "whole":
        return streams()
    change = {"cut": cut, "changed": changed}[kind]
    return [change(data, rng) for data in streams() for _ in range(4)]


def read_to_end(connection: socket.socket) -> None:
    try:
        while connection.recv(1 << 16):
            pass
    except ConnectionError:
        pass


@pytest.mark.parametrize("kind", ["whole", "cut", "changed"])
def test_every_stream_ends_in_bounded_time_and_leaves_nothing_behind(
    impatient_server: ServerProcess, kind: str
) -> None:
    inputs = variants(kind)
    if not inputs:
        pytest.skip(f"{CORPUS} is absent")
    server = impatient_server
    descriptors, memory = server.open_descriptors(), server.resident_bytes()
    for first in range(0, len(inputs), BATCH):
        # Side by side, since some wait for their timeouts.
        connections = []
        for data in inputs[first : first + BATCH]:
            connection = socket.create_connection(("127.0.0.1", server.port), 10)
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            connections.append(connection)
        start = time.monotonic()
        for connection in connections:
            read_to_end(connection)
            connection.close()
        assert time.monotonic() - start < 5
        assert server.alive()
        answers_well(server.port)
    assert gives_back_descriptors(server, descriptors)
    assert server.resident_bytes() - memory < MEMORY_FACTOR * (16 << 20)


def test_a_client_that_sends_and_goes_away_at_once_leaves_nothing_behind(
    impatient_server: ServerProcess,
) -> None:
    inputs = variants("whole")
    if not inputs:
        pytest.skip(f"{CORPUS} is absent")
    server = impatient_server
    descriptors = server.open_descriptors()
    for data in inputs:
        with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
            connection.sendall(data)
    answers_well(server.port)
    assert server.alive()
    assert gives_back_descriptors(server, descriptors)

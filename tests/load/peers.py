"""Servers to load: an ordinary grpcio one with scripted behaviour, and one that speaks bare HTTP/2
to reset, hang up or keep silent.
"""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import h2.config
import h2.connection
import h2.events

# Called with the call's number from 0 and its context, before the answer.
Behaviour = Callable[[int, grpc.ServicerContext], None]


@dataclass
class GrpcPeer:
    target: str = ""
    received: list[bytes] = field(default_factory=list)


@contextmanager
def grpc_peer(
    behaviour: Behaviour = lambda number, context: None, unix: Path | None = None
) -> Iterator[GrpcPeer]:
    """A grpcio server that works on one call at a time and answers each Score with its request."""
    peer = GrpcPeer()
    numbers = itertools.count()

    def score(request: bytes, context: grpc.ServicerContext) -> bytes:
        peer.received.append(request)
        behaviour(next(numbers), context)
        return request

    server = grpc.server(ThreadPoolExecutor(1))
    handlers = {"Score": grpc.unary_unary_rpc_method_handler(score)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("fenqi.v1.Scoring", handlers),)
    )
    if unix is not None:
        peer.target = f"unix:{unix}"
        server.add_insecure_port(peer.target)
    else:
        peer.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield peer
    finally:
        server.stop(None).wait()


@dataclass
class RawPeer:
    target: str = ""
    requests: int = 0


@contextmanager
def raw_peer(
    *, reset: bool = False, hang_up_after: int | None = None, greet: bool = True
) -> Iterator[RawPeer]:
    """A server of one connection that answers nothing: it resets each request (`reset`), closes the
    connection at request number `hang_up_after`, or closes it at once (`greet=False`).
    """
    listener = socket.create_server(("127.0.0.1", 0))
    peer = RawPeer(f"127.0.0.1:{listener.getsockname()[1]}")

    def serve() -> None:
        connected, _ = listener.accept()
        with connected:
            if not greet:
                return
            http2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
            http2.initiate_connection()
            connected.sendall(http2.data_to_send())
            while data := connected.recv(65536):
                for event in http2.receive_data(data):
                    if isinstance(event, h2.events.DataReceived):
                        size = event.flow_controlled_length
                        http2.acknowledge_received_data(size, event.stream_id)
                    if not isinstance(event, h2.events.StreamEnded):
                        continue
                    peer.requests += 1
                    if reset:
                        http2.reset_stream(event.stream_id)
                    if peer.requests == hang_up_after:
                        return
                connected.sendall(http2.data_to_send())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield peer
    finally:
        thread.join(timeout=20)
        listener.close()

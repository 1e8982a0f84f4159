"""A server that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from fenqi.v1 import scoring_pb2


@dataclass
class ScriptedServer:
    """`statuses`: how the next calls end; OK when there are none left."""

    statuses: list[grpc.StatusCode] = field(default_factory=list)
    # Seconds until the deadline that each call came with; None where it had none.
    deadlines: list[float | None] = field(default_factory=list)
    target: str = ""

    def score(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        remaining = context.time_remaining()
        # grpcio says "for ever" with a number of its own.
        self.deadlines.append(remaining if remaining is not None and remaining < 1e6 else None)
        status = self.statuses.pop(0) if self.statuses else grpc.StatusCode.OK
        if status is not grpc.StatusCode.OK:
            context.abort(status, "as the script says")
        return scoring_pb2.ScoreResponse(request_id="scripted").SerializeToString()


@contextmanager
def scripted_server(*statuses: grpc.StatusCode) -> Iterator[ScriptedServer]:
    script = ScriptedServer(list(statuses))
    server = grpc.server(ThreadPoolExecutor(4))
    handlers = {"Score": grpc.unary_unary_rpc_method_handler(script.score)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("fenqi.v1.Scoring", handlers),)
    )
    script.target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield script
    finally:
        server.stop(None)

"""Locust users that score real applications over gRPC; see README.md beside this file."""

from __future__ import annotations

import random
import time
from typing import Any

import grpc
import grpc.experimental.gevent
from locust import User, constant_pacing, events, task

from fenqi.lab.taiwan import load_holdout, to_request
from fenqi.v1 import scoring_pb2, scoring_pb2_grpc

# Without it a waiting call would hold up every user of the process.
grpc.experimental.gevent.init_gevent()

REQUESTS = [to_request(client) for client in load_holdout()]
DEADLINE_S = 1.0


class GrpcUser(User):  # type: ignore[misc]
    """A caller with a channel of its own, whose calls show up in Locust's statistics."""

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        # A channel's options make it its own connection: equal ones would share one.
        self._channel = grpc.insecure_channel(
            self.host, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        self.stub = scoring_pb2_grpc.ScoringStub(self._channel)

    def on_stop(self) -> None:
        self._channel.close()

    def measured(self, name: str, call: Any, request: Any) -> Any:
        """Makes the call and reports its time, size or error."""
        start = time.perf_counter()
        answer, problem = None, None
        try:
            answer = call(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            problem = error
        events.request.fire(
            request_type="grpc",
            name=name,
            response_time=(time.perf_counter() - start) * 1000,
            response_length=answer.ByteSize() if answer is not None else 0,
            exception=problem,
            context={},
        )
        return answer


class Applicant(GrpcUser):
    """Sends one application after the other, at most ten a second."""

    wait_time = constant_pacing(0.1)

    @task(20)
    def score(self) -> None:
        self.measured("Score", self.stub.Score, random.choice(REQUESTS))

    @task(1)
    def score_batch(self) -> None:
        batch = scoring_pb2.ScoreBatchRequest(requests=random.sample(REQUESTS, 10))
        self.measured("ScoreBatch of 10", self.stub.ScoreBatch, batch)

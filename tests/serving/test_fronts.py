"""The two fronts answer alike, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.client import AsyncClient, Client
from fenqi.serving.process import ServingProcess
from fenqi.v1 import application_pb2, scoring_pb2
from tests.serving.process import serving


@dataclass(frozen=True)
class Outcome:
    """What a caller sees of one call."""

    response: bytes
    code: grpc.StatusCode
    message: str
    details: bytes


@dataclass(frozen=True)
class Fronts:
    epoll: grpc.Channel
    grpcio: grpc.Channel

    def call(self, method: str, request: bytes) -> tuple[Outcome, Outcome]:
        return _call(self.epoll, method, request), _call(self.grpcio, method, request)


def _call(channel: grpc.Channel, method: str, request: bytes) -> Outcome:
    try:
        response = channel.unary_unary(f"/fenqi.v1.Scoring/{method}")(request, timeout=10)
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata())
        details = trailers.get("grpc-status-details-bin", b"")
        return Outcome(b"", error.code(), error.details(), details)
    return Outcome(response, grpc.StatusCode.OK, "", b"")


@pytest.fixture(scope="module")
def fronts() -> Iterator[Fronts]:
    with (
        serving(front="epoll") as epoll,
        serving(front="grpcio") as grpcio,
        grpc.insecure_channel(epoll.addresses[0]) as epoll_channel,
        grpc.insecure_channel(grpcio.addresses[0]) as grpcio_channel,
    ):
        yield Fronts(epoll_channel, grpcio_channel)


AMOUNTS = st.none() | st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=60, deadline=None)
@given(request_id=st.text(max_size=60), amount=AMOUNTS, stage=st.integers(0, 5))
def test_the_same_request_gives_the_same_bytes_or_the_same_error(
    fronts: Fronts, request_id: str, amount: int | None, stage: int
) -> None:
    loan = application_pb2.LoanRequest(amount_fen=amount)
    request = scoring_pb2.ScoreRequest(
        request_id=request_id, stage=stage, application=application_pb2.Application(loan=loan)
    )
    epoll, grpcio = fronts.call("Score", request.SerializeToString())
    assert epoll == grpcio


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80))
def test_random_bytes_give_the_same_outcome(fronts: Fronts, request: bytes) -> None:
    epoll, grpcio = fronts.call("Score", request)
    assert epoll == grpcio


def test_a_field_at_fault_comes_with_the_same_details(fronts: Fronts) -> None:
    request = scoring_pb2.ScoreRequest()
    request.application.loan.amount_fen = -5
    epoll, grpcio = fronts.call("Score", request.SerializeToString())
    assert epoll.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "application.loan.amount_fen" in epoll.message
    assert b"application.loan.amount_fen" in epoll.details
    assert epoll == grpcio


def test_a_batch_gives_the_same_bytes(fronts: Fronts) -> None:
    batch = scoring_pb2.ScoreBatchRequest()
    for amount in (1, -1, 30_000_000):
        batch.requests.add().application.loan.amount_fen = amount
    epoll, grpcio = fronts.call("ScoreBatch", batch.SerializeToString())
    results = scoring_pb2.ScoreBatchResponse.FromString(epoll.response).results
    assert [result.WhichOneof("result") for result in results] == ["response", "error", "response"]
    assert epoll == grpcio


def test_a_message_over_the_limit_has_the_same_code(fronts: Fronts) -> None:
    epoll, grpcio = fronts.call("Score", bytes(5 << 20))
    assert epoll.code is grpcio.code is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method_has_the_same_code(fronts: Fronts) -> None:
    epoll, grpcio = fronts.call("Guess", b"")
    assert epoll.code is grpcio.code is grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_answers_in_order(process: ServingProcess) -> None:
    requests = [
        scoring_pb2.ScoreRequest(request_id=f"r{i}").SerializeToString() for i in range(200)
    ]
    with grpc.insecure_channel(process.addresses[0]) as channel:
        stream = channel.stream_stream("/fenqi.v1.Scoring/ScoreStream")
        answers = [
            scoring_pb2.ScoreResponse.FromString(answer).request_id
            for answer in stream(iter(requests), timeout=20)
        ]
    assert answers == [f"r{i}" for i in range(200)]


def test_a_request_that_cannot_be_read_ends_the_stream(process: ServingProcess) -> None:
    good = scoring_pb2.ScoreRequest(request_id="good").SerializeToString()
    with grpc.insecure_channel(process.addresses[0]) as channel:
        answers = channel.stream_stream("/fenqi.v1.Scoring/ScoreStream")(
            iter([good, b"\xff", good]), timeout=20
        )
        assert scoring_pb2.ScoreResponse.FromString(next(answers)).request_id == "good"
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_clients_tell_how_long_each_stage_took() -> None:
    with serving(front="epoll") as process, Client(process.addresses[0]) as client:
        timings = client.score({"loan": {"amount_fen": 1}}).timings
    stages = (timings.read_us, timings.program_us, timings.reasons_us, timings.write_us)
    assert all(0 <= stage < 1e5 for stage in stages)
    assert sum(stages) > 0


def test_asyncio_clients_tell_it_too() -> None:
    async def ask(address: str) -> scoring_pb2.ScoreResponse:
        async with AsyncClient(address) as client:
            return await client.score({"loan": {"amount_fen": 1}})

    with serving(front="epoll") as process:
        assert asyncio.run(ask(process.addresses[0])).HasField("timings")

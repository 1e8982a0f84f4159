"""Both fronts serve fenqi.v1.Quoting, byte for byte alike; so do the clients."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.client import AsyncClient, Client
from fenqi.errors import ConfigurationError, InvalidRequestError
from fenqi.serving.process import ServingProcess
from fenqi.v1 import quote_pb2
from tests.quoting.loans import SECRET, Terms, days, terms
from tests.serving.process import serving


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ServingProcess]]:
    key = tmp_path_factory.mktemp("key") / "acknowledgement.key"
    key.write_bytes(SECRET)
    with ExitStack() as stack:
        yield [
            stack.enter_context(serving(front=front, acknowledgement_key=key))
            for front in ("epoll", "grpcio")
        ]


@pytest.fixture(scope="module")
def channels(fronts: list[ServingProcess]) -> Iterator[list[grpc.Channel]]:
    with ExitStack() as stack:
        yield [stack.enter_context(grpc.insecure_channel(front.addresses[0])) for front in fronts]


def outcome(channel: grpc.Channel, method: str, request: bytes) -> tuple[object, ...]:
    try:
        return (channel.unary_unary(f"/fenqi.v1.Quoting/{method}")(request, timeout=10),)
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        return error.code(), error.details(), details


def quote_request(terms: Terms) -> quote_pb2.QuoteRequest:
    return quote_pb2.QuoteRequest(
        customer_key="c", loan=terms.message(), quoted_at_seconds=1_790_000_000
    )


@settings(max_examples=40, deadline=None)
@given(terms())
def test_the_same_quote_gives_the_same_bytes_or_the_same_error(
    channels: list[grpc.Channel], terms: Terms
) -> None:
    request = quote_request(terms).SerializeToString()
    epoll, grpcio = (outcome(channel, "Quote", request) for channel in channels)
    assert epoll == grpcio


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["Quote", "Schedule", "AnnualRate"]), st.binary(max_size=80))
def test_random_bytes_give_the_same_outcome(
    channels: list[grpc.Channel], method: str, request: bytes
) -> None:
    epoll, grpcio = (outcome(channel, method, request) for channel in channels)
    assert epoll == grpcio


def test_health_knows_the_service(channels: list[grpc.Channel]) -> None:
    for channel in channels:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = check(health_pb2.HealthCheckRequest(service="fenqi.v1.Quoting"), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_clients_call_every_method(fronts: list[ServingProcess]) -> None:
    loan = quote_pb2.LoanTerms(
        principal_fen=1_000_000,
        annual_rate=0.18,
        periods=12,
        disbursed_date_days=days(date(2026, 1, 1)),
    )
    quote = quote_pb2.QuoteRequest(customer_key="c", loan=loan, quoted_at_seconds=0)
    schedule = quote_pb2.ScheduleRequest(loan=loan)
    flows = quote_pb2.AnnualRateRequest(
        flows=[
            quote_pb2.DatedFlow(date_days=0, amount_fen=100),
            quote_pb2.DatedFlow(date_days=365, amount_fen=-120),
        ]
    )

    async def ask(target: str) -> tuple[object, ...]:
        async with AsyncClient(target) as client:
            return (
                await client.quote(quote),
                await client.schedule(schedule),
                await client.annual_rate(flows),
            )

    for front in fronts:
        target = front.addresses[0]
        with Client(target) as client:
            answers = client.quote(quote), client.schedule(schedule), client.annual_rate(flows)
            assert len(answers[0].acknowledgement_token) > 0
            assert answers[1].schedule == answers[0].quote.schedule
            assert answers[2].effective.rate == pytest.approx(0.2)
            with pytest.raises(InvalidRequestError) as refused:
                client.schedule(quote_pb2.ScheduleRequest())
            assert refused.value.violations[0].field == "loan"
        assert asyncio.run(ask(target)) == answers


def test_a_key_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    short = tmp_path / "short.key"
    short.write_bytes(b"short")
    for key, words in ((short, "32 to 64"), (tmp_path / "absent.key", "cannot be read")):
        with pytest.raises(ConfigurationError, match=words), serving(acknowledgement_key=key):
            pass

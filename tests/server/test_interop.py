"""The cases of gRPC's published interop test descriptions, with grpcio as the client."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
SPECIAL_MESSAGE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"


@pytest.fixture
def stub(interop: SimpleNamespace, channel: grpc.Channel) -> Any:
    return interop.TestServiceStub(channel)


def payload(interop: SimpleNamespace, size: int) -> Any:
    return interop.messages.Payload(body=bytes(size))


def output_request(interop: SimpleNamespace, size: int, *responses: int, **fields: Any) -> Any:
    return interop.messages.StreamingOutputCallRequest(
        payload=payload(interop, size),
        response_parameters=[interop.messages.ResponseParameters(size=n) for n in responses],
        **fields,
    )


def test_empty_unary(interop: SimpleNamespace, stub: Any) -> None:
    assert stub.EmptyCall(interop.Empty()) == interop.Empty()


def test_large_unary(interop: SimpleNamespace, stub: Any) -> None:
    request = interop.messages.SimpleRequest(response_size=314159, payload=payload(interop, 271828))
    response = stub.UnaryCall(request)
    assert response.payload.body == bytes(314159)


def test_cacheable_unary_says_how_long_it_may_be_kept(interop: SimpleNamespace, stub: Any) -> None:
    request = interop.messages.SimpleRequest(response_size=10, payload=payload(interop, 10))
    response, call = stub.CacheableUnaryCall.with_call(request)
    assert response.payload.body == bytes(10)
    assert dict(call.initial_metadata())["cache-control"] == "max-age=60, public"


def test_client_streaming(interop: SimpleNamespace, stub: Any) -> None:
    requests = (
        interop.messages.StreamingInputCallRequest(payload=payload(interop, size))
        for size in REQUEST_SIZES
    )
    assert stub.StreamingInputCall(requests).aggregated_payload_size == 74922


def test_server_streaming(interop: SimpleNamespace, stub: Any) -> None:
    responses = stub.StreamingOutputCall(output_request(interop, 0, *RESPONSE_SIZES))
    assert [len(r.payload.body) for r in responses] == list(RESPONSE_SIZES)


def test_ping_pong(interop: SimpleNamespace, stub: Any) -> None:
    requests: queue.Queue[Any] = queue.Queue()
    responses = stub.FullDuplexCall(iter(requests.get, None))
    for request_size, response_size in zip(REQUEST_SIZES, RESPONSE_SIZES, strict=True):
        requests.put(output_request(interop, request_size, response_size))
        assert len(next(responses).payload.body) == response_size
    requests.put(None)
    assert list(responses) == []


def test_empty_stream(stub: Any) -> None:
    assert list(stub.FullDuplexCall(iter(()))) == []


def test_half_duplex_answers_only_after_the_last_request(
    interop: SimpleNamespace, stub: Any
) -> None:
    ended: list[bool] = []

    def requests() -> Iterator[Any]:
        for size in RESPONSE_SIZES:
            yield output_request(interop, 0, size)
        ended.append(True)

    sizes = []
    for response in stub.HalfDuplexCall(requests()):
        assert ended
        sizes.append(len(response.payload.body))
    assert sizes == list(RESPONSE_SIZES)


def test_responses_keep_their_intervals(interop: SimpleNamespace, stub: Any) -> None:
    parameters = interop.messages.ResponseParameters
    request = interop.messages.StreamingOutputCallRequest(
        response_parameters=[parameters(size=n, interval_us=20_000) for n in (1, 2, 3)]
    )
    assert [len(r.payload.body) for r in stub.StreamingOutputCall(request)] == [1, 2, 3]


@pytest.mark.parametrize("method", ["UnaryCall", "FullDuplexCall"])
def test_custom_metadata_comes_back(interop: SimpleNamespace, stub: Any, method: str) -> None:
    metadata = (
        ("x-grpc-test-echo-initial", "test_initial_metadata_value"),
        ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab\x00\xff"),
    )
    if method == "UnaryCall":
        request = interop.messages.SimpleRequest(response_size=5, payload=payload(interop, 5))
        _, call = stub.UnaryCall.with_call(request, metadata=metadata)
    else:
        call = stub.FullDuplexCall(iter([output_request(interop, 5, 5)]), metadata=metadata)
        assert len(list(call)) == 1
    assert dict(call.initial_metadata())["x-grpc-test-echo-initial"] == metadata[0][1]
    assert dict(call.trailing_metadata())["x-grpc-test-echo-trailing-bin"] == metadata[1][1]


@pytest.mark.parametrize("message", ["test status message", SPECIAL_MESSAGE])
def test_status_code_and_message(interop: SimpleNamespace, stub: Any, message: str) -> None:
    status = interop.messages.EchoStatus(code=2, message=message)
    with pytest.raises(grpc.RpcError) as unary:
        stub.UnaryCall(interop.messages.SimpleRequest(response_status=status))
    assert (unary.value.code(), unary.value.details()) == (grpc.StatusCode.UNKNOWN, message)
    with pytest.raises(grpc.RpcError) as duplex:
        list(stub.FullDuplexCall(iter([output_request(interop, 0, response_status=status)])))
    assert (duplex.value.code(), duplex.value.details()) == (grpc.StatusCode.UNKNOWN, message)


def test_unimplemented_method_and_service(
    interop: SimpleNamespace, stub: Any, channel: grpc.Channel
) -> None:
    other = interop.UnimplementedServiceStub(channel)
    for method in (stub.UnimplementedCall, other.UnimplementedCall):
        with pytest.raises(grpc.RpcError) as raised:
            method(interop.Empty())
        assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_cancel_after_begin(stub: Any) -> None:
    requests: queue.Queue[Any] = queue.Queue()
    call = stub.StreamingInputCall.future(iter(requests.get, None))
    call.cancel()
    requests.put(None)
    assert call.code() == grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(interop: SimpleNamespace, stub: Any) -> None:
    requests: queue.Queue[Any] = queue.Queue()
    call = stub.FullDuplexCall(iter(requests.get, None))
    requests.put(output_request(interop, 27182, 31415))
    assert len(next(call).payload.body) == 31415
    call.cancel()
    requests.put(None)
    assert call.code() == grpc.StatusCode.CANCELLED


def test_timeout_on_sleeping_server(interop: SimpleNamespace, stub: Any) -> None:
    requests: queue.Queue[Any] = queue.Queue()
    call = stub.FullDuplexCall(iter(requests.get, None), timeout=0.001)
    requests.put(output_request(interop, 27182))
    with pytest.raises(grpc.RpcError) as raised:
        next(call)
    requests.put(None)
    assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_client_compressed_unary(
    interop: SimpleNamespace, stub: Any, algorithm: grpc.Compression
) -> None:
    request = interop.messages.SimpleRequest(
        expect_compressed=interop.messages.BoolValue(value=True),
        response_size=314159,
        payload=payload(interop, 271828),
    )
    with pytest.raises(grpc.RpcError) as raised:
        stub.UnaryCall(request)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    response = stub.UnaryCall(request, compression=algorithm)
    assert response.payload.body == bytes(314159)
    request.expect_compressed.value = False
    assert stub.UnaryCall(request).payload.body == bytes(314159)


def test_client_compressed_streaming(interop: SimpleNamespace, stub: Any) -> None:
    requests = [
        interop.messages.StreamingInputCallRequest(
            expect_compressed=interop.messages.BoolValue(value=True), payload=payload(interop, n)
        )
        for n in (27182, 45904)
    ]
    with pytest.raises(grpc.RpcError) as raised:
        stub.StreamingInputCall(iter(requests))
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    call = stub.StreamingInputCall(iter(requests), compression=grpc.Compression.Gzip)
    assert call.aggregated_payload_size == 73086


def test_server_compressed_responses_arrive_whole(interop: SimpleNamespace, stub: Any) -> None:
    yes = interop.messages.BoolValue(value=True)
    unary = stub.UnaryCall(
        interop.messages.SimpleRequest(response_compressed=yes, response_size=314159)
    )
    assert unary.payload.body == bytes(314159)
    parameters = interop.messages.ResponseParameters
    stream = stub.StreamingOutputCall(
        interop.messages.StreamingOutputCallRequest(
            response_parameters=[parameters(compressed=yes, size=31415), parameters(size=92653)]
        )
    )
    assert [len(r.payload.body) for r in stream] == [31415, 92653]


def test_large_stream_meets_a_slow_reader_without_loss(interop: SimpleNamespace, stub: Any) -> None:
    # 64 MiB through windows of 64 KiB: the server must wait for the reader, and go on.
    responses = stub.StreamingOutputCall(output_request(interop, 0, *[1 << 20] * 64))
    assert sum(len(r.payload.body) for r in responses) == 64 << 20


def test_many_calls_at_once_on_one_connection(interop: SimpleNamespace, stub: Any) -> None:
    request = interop.messages.SimpleRequest(response_size=100, payload=payload(interop, 100))
    calls = [stub.UnaryCall.future(request) for _ in range(1000)]
    assert all(len(call.result().payload.body) == 100 for call in calls)


def test_a_bad_field_is_named_in_the_status_details(interop: SimpleNamespace, stub: Any) -> None:
    rpc_status = pytest.importorskip("grpc_status.rpc_status")
    error_details = pytest.importorskip("google.rpc.error_details_pb2")
    with pytest.raises(grpc.RpcError) as raised:
        stub.UnaryCall(interop.messages.SimpleRequest(response_size=-1))
    status = rpc_status.from_call(raised.value)
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    bad_request = error_details.BadRequest()
    assert status.details[0].Unpack(bad_request)
    assert [v.field for v in bad_request.field_violations] == ["response_size"]
    assert "between 0 and" in bad_request.field_violations[0].description

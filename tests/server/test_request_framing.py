"""What gRPC clients never send: each malformed request has its answer and hurts nobody else."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator

import pytest

from tests.server.http2_client import (
    EMPTY_CALL,
    FULL_DUPLEX_CALL,
    INPUT_CALL,
    OUTPUT_CALL,
    UNARY_CALL,
    Answer,
    Http2Client,
    answers_well,
    grpc_headers,
    grpc_message,
)
from tests.server.process import MEMORY_FACTOR, ServerProcess

OK, INVALID_ARGUMENT, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED = 0, 3, 4, 8
UNIMPLEMENTED, INTERNAL = 12, 13
MAX_MESSAGE = 4 << 20


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Http2Client]:
    with Http2Client(server.port) as connection:
        yield connection


def is_trailers_only(answer: Answer) -> bool:
    return answer.ended and answer.body == b"" and answer.status == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no request message"),
        (grpc_message(b"") + grpc_message(b""), "more than one"),
        (grpc_message(b"abc")[:-1], "middle of a message"),
        (b"\0\0", "middle of a message"),
        (b"\x02\0\0\0\0", "compression flag 2"),
        (grpc_message(b"", compressed=True), "without a grpc-encoding"),
    ],
    ids=["none", "two", "cut", "cut-prefix", "bad-flag", "compressed-without-encoding"],
)
@pytest.mark.parametrize("path", [EMPTY_CALL, OUTPUT_CALL])
def test_a_single_request_must_be_one_whole_message(
    client: Http2Client, path: str, body: bytes, why: str
) -> None:
    chunks = [body] if body else []
    answer = client.wait(client.request(grpc_headers(path), *chunks))
    assert is_trailers_only(answer)
    assert answer.grpc_status == INTERNAL
    assert why in answer.headers["grpc-message"]


@pytest.mark.parametrize("path", [FULL_DUPLEX_CALL, INPUT_CALL])
def test_a_stream_that_ends_inside_a_message_is_internal(client: Http2Client, path: str) -> None:
    body = grpc_message(b"") + grpc_message(b"abc")[:-1]
    assert client.wait(client.request(grpc_headers(path), body)).grpc_status == INTERNAL


def test_a_message_cut_into_single_bytes_is_read_as_one(client: Http2Client) -> None:
    body = grpc_message(b"\x10\x05")  # response_size: 5
    chunks = [body[i : i + 1] for i in range(len(body))]
    answer = client.wait(client.request(grpc_headers(UNARY_CALL), *chunks))
    assert answer.grpc_status == OK
    assert answer.body == grpc_message(b"\x0a\x07\x12\x05" + bytes(5))


def test_too_long_a_message_is_refused_at_its_prefix(client: Http2Client) -> None:
    prefix = grpc_message(b"")[:1] + (MAX_MESSAGE + 1).to_bytes(4, "big")
    answer = client.wait(client.request(grpc_headers(UNARY_CALL), prefix, end=False))
    assert is_trailers_only(answer)
    assert answer.grpc_status == RESOURCE_EXHAUSTED
    assert client.call(EMPTY_CALL, b"").grpc_status == OK


@pytest.mark.parametrize("window_bits", [31, 15], ids=["gzip", "deflate"])
def test_a_compression_bomb_is_refused_without_being_unfolded(
    server: ServerProcess, client: Http2Client, window_bits: int
) -> None:
    compressor = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    bomb = b"".join(compressor.compress(bytes(1 << 20)) for _ in range(256)) + compressor.flush()
    before = server.resident_bytes()
    encoding = "gzip" if window_bits == 31 else "deflate"
    headers = grpc_headers(UNARY_CALL, grpc_encoding=encoding)
    body = grpc_message(bomb, compressed=True)
    chunks = [body[i : i + 16000] for i in range(0, len(body), 16000)]
    for _ in range(3):
        stream = client.request(headers, end=False)
        for i, chunk in enumerate(chunks):
            while client.h2.local_flow_control_window(stream) < len(chunk):
                client.receive()
            client.h2.send_data(stream, chunk, end_stream=i == len(chunks) - 1)
            client.flush()
        answer = client.wait(stream)
        assert answer.grpc_status == RESOURCE_EXHAUSTED
        assert "after decompression" in answer.headers["grpc-message"]
    assert server.resident_bytes() - before < MEMORY_FACTOR * (32 << 20)


@pytest.mark.parametrize(
    "damage",
    [lambda z: z[:-1], lambda z: z + b"x", lambda z: b"\0" + z],
    ids=["cut", "more", "bad"],
)
def test_damaged_compressed_data_is_internal(client: Http2Client, damage: object) -> None:
    compressed = zlib.compress(b"\x10\x05")
    body = grpc_message(damage(compressed), compressed=True)  # type: ignore[operator]
    stream = client.request(grpc_headers(UNARY_CALL, grpc_encoding="deflate"), body)
    assert client.wait(stream).grpc_status == INTERNAL


def test_an_unknown_encoding_is_unimplemented_and_names_the_known(client: Http2Client) -> None:
    answer = client.call(EMPTY_CALL, b"", grpc_encoding="zstd")
    assert answer.grpc_status == UNIMPLEMENTED
    assert answer.headers["grpc-accept-encoding"] == "identity,deflate,gzip"


def test_damaged_protobuf_is_invalid_argument(client: Http2Client) -> None:
    assert client.call(UNARY_CALL, b"\xff\xff").grpc_status == INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        ("5S", OK),
        ("99999999H", OK),
        ("0n", DEADLINE_EXCEEDED),
        ("123456789S", INTERNAL),
        ("S", INTERNAL),
        ("-1S", INTERNAL),
        ("5s", INTERNAL),
        ("1.5S", INTERNAL),
    ],
)
def test_grpc_timeout_is_eight_digits_and_a_unit(
    client: Http2Client, timeout: str, expected: int
) -> None:
    assert client.call(EMPTY_CALL, b"", grpc_timeout=timeout).grpc_status == expected


@pytest.mark.parametrize("path", [EMPTY_CALL, FULL_DUPLEX_CALL])
def test_a_call_whose_request_never_ends_meets_its_deadline(client: Http2Client, path: str) -> None:
    stream = client.request(grpc_headers(path, grpc_timeout="50m"), end=False)
    answer = client.wait(stream)
    assert answer.grpc_status == DEADLINE_EXCEEDED


@pytest.mark.parametrize("path", ["/", "/grpc.testing.TestService/Nothing", "/no.Such/Service"])
def test_an_unknown_method_is_unimplemented(client: Http2Client, path: str) -> None:
    answer = client.call(path, b"")
    assert is_trailers_only(answer)
    assert answer.grpc_status == UNIMPLEMENTED


@pytest.mark.parametrize(
    ("method", "path", "content_type", "expected"),
    [
        ("POST", EMPTY_CALL, "application/json", 415),
        ("POST", EMPTY_CALL, "application/grpc-web", 415),
        ("POST", EMPTY_CALL, None, 415),
        ("GET", EMPTY_CALL, "application/grpc", 405),
        ("PUT", EMPTY_CALL, "text/plain", 405),
        ("GET", "/", None, 404),
        ("POST", "/index.html", "text/html", 404),
    ],
)
def test_a_request_that_is_not_grpc_gets_a_plain_http_answer(
    client: Http2Client, method: str, path: str, content_type: str | None, expected: int
) -> None:
    headers = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x")]
    if content_type is not None:
        headers.append(("content-type", content_type))
    answer = client.wait(client.request(headers, b"some body"))
    assert answer.status == expected
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.body) == int(answer.headers["content-length"]) > 0
    assert "grpc-status" not in answer.headers
    assert answer.headers.get("allow") == ("POST" if expected == 405 else None)


def test_head_gets_no_body(client: Http2Client) -> None:
    headers = [(":method", "HEAD"), (":scheme", "http"), (":path", "/"), (":authority", "x")]
    answer = client.wait(client.request(headers))
    assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize("content_type", ["application/grpc+proto", "application/grpc;charset=x"])
def test_content_type_may_name_a_message_format(client: Http2Client, content_type: str) -> None:
    assert client.call(EMPTY_CALL, b"", content_type=content_type).grpc_status == OK


def test_too_much_metadata_is_resource_exhausted(client: Http2Client) -> None:
    extra = {f"x{i}": "v" * 1000 for i in range(20)}
    answer = client.call(EMPTY_CALL, b"", **extra)
    assert answer.grpc_status == RESOURCE_EXHAUSTED
    assert client.call(EMPTY_CALL, b"").grpc_status == OK


def test_an_error_before_the_end_of_the_request_stops_the_sender(client: Http2Client) -> None:
    stream = client.request(grpc_headers("/no.Such/Service"), end=False)
    answer = client.wait(stream)
    assert answer.grpc_status == UNIMPLEMENTED
    while answer.reset is None:
        client.receive()
    assert answer.reset == 0  # NO_ERROR: answered, the rest is not wanted


@pytest.mark.parametrize("value", [b"", b"\0", b"ab", b"\xff\xfe\xfd"])
def test_binary_metadata_may_come_with_or_without_padding(
    client: Http2Client, value: bytes
) -> None:
    encoded = base64.b64encode(value).decode()
    for text in (encoded, encoded.rstrip("=")):
        answer = client.call(EMPTY_CALL, b"", **{"x-grpc-test-echo-trailing-bin": text})
        assert answer.headers["x-grpc-test-echo-trailing-bin"] == encoded.rstrip("=")


def test_request_trailers_end_the_request(client: Http2Client) -> None:
    stream = client.request(grpc_headers(EMPTY_CALL), grpc_message(b""), end=False)
    client.h2.send_headers(stream, [("x-checksum", "1")], end_stream=True)
    client.flush()
    assert client.wait(stream).grpc_status == OK


def test_a_reset_call_leaves_its_neighbours_alone(client: Http2Client) -> None:
    kept = client.request(grpc_headers(INPUT_CALL), grpc_message(b"\x0a\x03\x12\x01x"), end=False)
    for _ in range(50):
        stream = client.request(grpc_headers(FULL_DUPLEX_CALL), grpc_message(b""), end=False)
        client.h2.reset_stream(stream)
    client.h2.send_data(kept, grpc_message(b"\x0a\x04\x12\x02yz"), end_stream=True)
    client.flush()
    answer = client.wait(kept)
    assert (answer.grpc_status, answer.body) == (OK, grpc_message(b"\x08\x03"))


def test_the_server_is_well_after_all_this(server: ServerProcess) -> None:
    answers_well(server.port)


def test_a_stream_whose_answers_are_not_read_is_itself_left_unread_and_then_goes_on(
    server: ServerProcess,
) -> None:
    # StreamingOutputCallRequest{response_parameters {size: 50000}}
    request = grpc_message(b"\x12\x04\x08\xd0\x86\x03")
    count = 400
    before = server.resident_bytes()
    with Http2Client(server.port) as client:
        stream = client.request(grpc_headers(FULL_DUPLEX_CALL), end=False)
        for _ in range(count):
            client.h2.send_data(stream, request)
        client.h2.end_stream(stream)
        client.flush()
        # The neighbour's answer shows that all of it has been handled.
        assert client.call(EMPTY_CALL, b"").grpc_status == OK
        assert server.resident_bytes() - before < MEMORY_FACTOR * (4 << 20)
        answer = client.wait(stream)
    assert answer.grpc_status == OK
    assert len(answer.body) > count * 50_000


def test_unfinished_messages_of_one_connection_are_held_up_to_a_bound(
    server: ServerProcess,
) -> None:
    part = grpc_message(bytes(3 << 20))[: 2 << 20]
    before = server.resident_bytes()
    with Http2Client(server.port) as client:
        streams = []
        for _ in range(24):
            stream = client.request(grpc_headers(UNARY_CALL), end=False)
            streams.append(stream)
            for i in range(0, len(part), 16_000):
                chunk = part[i : i + 16_000]
                while not client.answers[stream].over and client.h2.local_flow_control_window(
                    stream
                ) < len(chunk):
                    client.receive()
                if client.answers[stream].over:
                    break
                client.h2.send_data(stream, chunk)
                client.flush()
        refused = [s for s in streams if client.answers[s].over]
        assert 1 <= len(refused) <= 12
        assert all(client.answers[s].grpc_status == RESOURCE_EXHAUSTED for s in refused)
        assert server.resident_bytes() - before < MEMORY_FACTOR * (96 << 20)
    answers_well(server.port)

"""Connection abuse is bounded, and an honest client that cancels a lot is not taken for abuse."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from types import SimpleNamespace

import grpc
import hpack
import pytest

from tests.server.http2_client import (
    CONTINUATION,
    DATA,
    EMPTY_CALL,
    FULL_DUPLEX_CALL,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    UNARY_CALL,
    WINDOW_UPDATE,
    Http2Client,
    answers_well,
    frame,
    frames_of,
    gives_back_descriptors,
    grpc_headers,
    grpc_message,
)
from tests.server.process import MEMORY_FACTOR, ServerProcess, serving

END_STREAM, END_HEADERS, GOAWAY = 1, 4, 7
CANCEL, ENHANCE_YOUR_CALM = 8, 11


def read_goaway(connection: socket.socket) -> int | None:
    """Reads to the end; the error code of the last GOAWAY."""
    received = b""
    try:
        while chunk := connection.recv(1 << 16):
            received += chunk
    except ConnectionError:
        pass
    code = None
    for kind, _, _, payload in frames_of(received):
        if kind == GOAWAY:
            code = int.from_bytes(payload[4:8], "big")
    return code


def flood(port: int, frames: Iterator[bytes], timeout: float = 20) -> int | None:
    """Sends until the server has enough, and waits until it closes; the GOAWAY's error code."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        connection.settimeout(timeout)
        try:
            for data in frames:
                connection.sendall(data)
        except ConnectionError:
            pass
        return read_goaway(connection)


def headers_block(path: str = EMPTY_CALL) -> bytes:
    """Encoded without the dynamic table, so that it can be sent any number of times."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode(grpc_headers(path))


def rapid_resets(pairs: int) -> Iterator[bytes]:
    block = headers_block(FULL_DUPLEX_CALL)
    for first in range(0, pairs, 100):
        yield b"".join(
            frame(HEADERS, END_HEADERS, 2 * i + 1, block)
            + frame(RST_STREAM, 0, 2 * i + 1, struct.pack(">I", CANCEL))
            for i in range(first, first + 100)
        )


def made_resets(streams: int) -> Iterator[bytes]:
    """A window that overflows is a stream error: the server has to reset ("MadeYouReset")."""
    block = headers_block(FULL_DUPLEX_CALL)
    overflow = struct.pack(">I", 2**31 - 1)
    for first in range(0, streams, 20):
        yield b"".join(
            frame(HEADERS, END_HEADERS, 2 * i + 1, block)
            + frame(WINDOW_UPDATE, 0, 2 * i + 1, overflow)
            for i in range(first, first + 20)
        )


def repeated(data: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count // 100):
        yield data * 100


def open_call() -> bytes:
    return frame(HEADERS, END_HEADERS, 1, headers_block(FULL_DUPLEX_CALL))


@pytest.mark.parametrize(
    "frames",
    [
        rapid_resets(100_000),
        made_resets(100_000),
        repeated(frame(PING, 0, 0, bytes(8)), 200_000),
        repeated(frame(SETTINGS, 0, 0, struct.pack(">HI", 3, 100)), 200_000),
        repeated(frame(PRIORITY, 0, 5, struct.pack(">IB", 0, 1)), 200_000),
        repeated(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)), 200_000),
        iter([open_call(), *repeated(frame(DATA, 0, 1), 200_000)]),
        repeated(frame(0xBA, 0, 0), 200_000),
        iter([open_call(), *repeated(frame(RST_STREAM, 0, 1, bytes(4)), 200_000)]),
    ],
    ids=[
        "rapid-reset",
        "made-you-reset",
        "ping",
        "settings",
        "priority",
        "window-update",
        "empty-data",
        "unknown-type",
        "reset-of-closed",
    ],
)
def test_a_flood_ends_its_connection_and_nothing_else(
    server: ServerProcess, frames: Iterator[bytes]
) -> None:
    with Http2Client(server.port) as neighbour:
        assert neighbour.call(EMPTY_CALL, b"").grpc_status == 0
        descriptors = server.open_descriptors()
        goaway = flood(server.port, frames)
        # None: the client's own unread bytes made the kernel drop the farewell.
        assert goaway in (ENHANCE_YOUR_CALM, None), "closed for some other reason"
        assert neighbour.call(EMPTY_CALL, b"").grpc_status == 0
        answers_well(server.port)
        assert gives_back_descriptors(server, descriptors)


@pytest.mark.parametrize("kind", ["ping", "rapid-reset"])
def test_a_client_that_is_cut_off_is_told_why(server: ServerProcess, kind: str) -> None:
    frames = {
        "ping": repeated(frame(PING, 0, 0, bytes(8)), 6_000),
        "rapid-reset": rapid_resets(40_000),
    }[kind]
    with Http2Client(server.port) as client:
        client.receive()
        try:
            for data in frames:
                client.socket.sendall(data)
                client.socket.settimeout(0.0001)
                with contextlib.suppress(TimeoutError):
                    client.receive()
                client.socket.settimeout(20)
        except ConnectionError:
            pass
        client.socket.settimeout(20)
        client.wait_closed()
        assert client.goaway == ENHANCE_YOUR_CALM


def test_a_header_block_in_endless_continuations_ends_the_connection(
    server: ServerProcess,
) -> None:
    start = frame(HEADERS, 0, 1, headers_block())
    more = frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 100)
    assert flood(server.port, iter([start, *[more] * 20_000])) in (ENHANCE_YOUR_CALM, None)
    answers_well(server.port)


def test_a_header_list_that_unfolds_a_thousand_times_ends_the_connection(
    server: ServerProcess,
) -> None:
    # One field of 4,000 bytes enters the table; each further byte repeats it.
    block = hpack.Encoder().encode(grpc_headers(EMPTY_CALL))
    block += b"\x40" + b"\x01a" + b"\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 12_000
    before = server.resident_bytes()
    goaway = flood(server.port, iter([frame(HEADERS, END_HEADERS | END_STREAM, 1, block)]))
    assert goaway == ENHANCE_YOUR_CALM
    assert server.resident_bytes() - before < MEMORY_FACTOR * (8 << 20)
    answers_well(server.port)


def test_streams_beyond_the_limit_are_refused_and_the_rest_served(server: ServerProcess) -> None:
    with Http2Client(server.port) as client:
        client.receive()
        limit = client.h2.remote_settings.max_concurrent_streams
        for _ in range(limit):
            client.request(grpc_headers(FULL_DUPLEX_CALL), end=False)
        block = headers_block()
        too_many = 2 * limit + 1
        client.socket.sendall(frame(HEADERS, END_HEADERS, too_many, block))
        client.wait_closed()
        assert client.goaway is not None
    answers_well(server.port)


def test_an_honest_client_that_cancels_thousands_of_calls_is_not_cut_off(
    server: ServerProcess, interop: SimpleNamespace
) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = interop.TestServiceStub(channel)
        request = interop.messages.StreamingOutputCallRequest(
            response_parameters=[
                interop.messages.ResponseParameters(size=1, interval_us=10_000_000)
            ]
        )
        transitions: list[grpc.ChannelConnectivity] = []
        channel.subscribe(transitions.append)
        for _ in range(40):
            calls = [stub.StreamingOutputCall(request, timeout=30) for _ in range(100)]
            for call in calls:
                call.cancel()
            assert all(call.code() == grpc.StatusCode.CANCELLED for call in calls)
        for _ in range(20):
            calls = [stub.StreamingOutputCall(request, timeout=0.002) for _ in range(100)]
            assert all(call.code() == grpc.StatusCode.DEADLINE_EXCEEDED for call in calls)
        stub.EmptyCall(interop.Empty())
        assert transitions.count(grpc.ChannelConnectivity.READY) == 1
        assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in transitions


def test_an_honest_raw_client_may_reset_ten_thousand_calls_among_its_work(
    server: ServerProcess,
) -> None:
    with Http2Client(server.port) as client:
        block = headers_block(FULL_DUPLEX_CALL)
        stream = 1
        for _ in range(100):
            pairs = b""
            for _ in range(100):
                pairs += frame(HEADERS, END_HEADERS, stream, block)
                pairs += frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
                stream += 2
            client.socket.sendall(pairs)
        client.h2.highest_outbound_stream_id = stream - 2
        assert client.call(EMPTY_CALL, b"").grpc_status == 0


def test_memory_is_bounded_for_a_client_that_asks_and_never_reads() -> None:
    with serving("interop", "--write-timeout-ms=1500") as server:
        answers_well(server.port)
        before = server.resident_bytes()
        descriptors = server.open_descriptors()
        body = grpc_message(b"\x10\x80\x80\x40")  # response_size: 1 MiB
        encoder = hpack.Encoder()
        encoder.header_table_size = 0
        block = encoder.encode(grpc_headers(UNARY_CALL))
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            huge = struct.pack(">HI", 4, 2**31 - 1)
            connection.sendall(PREFACE + frame(SETTINGS, 0, 0, huge))
            connection.sendall(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 2**31 - 1 - 65535)))
            connection.settimeout(0.2)
            try:
                for i in range(5_000):
                    connection.sendall(
                        frame(HEADERS, END_HEADERS, 2 * i + 1, block)
                        + frame(DATA, END_STREAM, 2 * i + 1, body)
                    )
            except (TimeoutError, ConnectionError):
                pass
            assert server.resident_bytes() - before < MEMORY_FACTOR * (128 << 20)
            answers_well(server.port)
            assert gives_back_descriptors(server, descriptors, within=6)


def test_a_client_that_gives_no_window_is_closed_after_a_while() -> None:
    with serving("interop", "--stall-timeout-ms=500") as server, Http2Client(server.port) as client:
        client.h2.update_settings({4: 0})  # INITIAL_WINDOW_SIZE
        client.flush()
        client.request(grpc_headers(UNARY_CALL), grpc_message(b"\x10\x05"))
        assert client.wait_closed() < 5
        assert client.goaway == ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("limit", "sent"),
    [
        ("handshake", b""),
        ("handshake", PREFACE[:10]),
        ("handshake", PREFACE),
        ("handshake", PREFACE + frame(SETTINGS, 0, 0)[:5]),
        ("frame", PREFACE + frame(SETTINGS, 0, 0) + frame(PING, 0, 0, bytes(8))[:12]),
        ("frame", PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 0, 1, headers_block())),
        ("first-call", PREFACE + frame(SETTINGS, 0, 0)),
    ],
    ids=["silent", "preface-cut", "no-settings", "settings-cut", "ping-cut", "open-block", "idle"],
)
def test_a_client_that_stops_halfway_is_closed_in_bounded_time(limit: str, sent: bytes) -> None:
    with (
        serving("interop", f"--{limit}-timeout-ms=300") as server,
        socket.create_connection(("127.0.0.1", server.port), 10) as connection,
    ):
        connection.sendall(sent)
        start = time.monotonic()
        read_goaway(connection)
        assert time.monotonic() - start < 3
        answers_well(server.port)


def test_an_idle_connection_that_was_served_is_kept_longer_than_one_that_was_not() -> None:
    flags = ["--first-call-timeout-ms=300", "--idle-timeout-ms=1200"]
    with serving("interop", *flags) as server, Http2Client(server.port) as client:
        assert client.call(EMPTY_CALL, b"").grpc_status == 0
        assert 1.0 < client.wait_closed() < 4
        assert client.goaway == 0


def test_a_body_that_drips_is_ended_in_bounded_time() -> None:
    flag = "--request-timeout-ms=400"
    with serving("interop", flag) as server, Http2Client(server.port) as client:
        for path in (UNARY_CALL, FULL_DUPLEX_CALL):
            stream = client.request(grpc_headers(path), b"\0", end=False)
            assert client.wait(stream).grpc_status == 4
        stream = client.request(
            [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "x")],
            end=False,
        )
        assert client.wait(stream).reset == CANCEL


def test_connections_beyond_the_limit_are_closed_at_once() -> None:
    with serving("interop", "--max-connections=3") as server:
        clients = [Http2Client(server.port) for _ in range(3)]
        for client in clients:
            assert client.call(EMPTY_CALL, b"").grpc_status == 0
        with Http2Client(server.port) as extra:
            assert extra.wait_closed() < 2
        clients.pop().socket.close()
        deadline = time.monotonic() + 5
        while True:
            with Http2Client(server.port) as replacement:
                answer = replacement.call(EMPTY_CALL, b"")
                if answer.headers or time.monotonic() > deadline:
                    break
        assert answer.grpc_status == 0
        for client in clients:
            client.socket.close()

"""Starting, health, shutting down, and the listeners other than cleartext TCP."""

from __future__ import annotations

import contextlib
import queue
import socket
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import hpack
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.server.http2_client import (
    DATA,
    EMPTY_CALL,
    FULL_DUPLEX_CALL,
    HEADERS,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    Http2Client,
    frame,
    frames_of,
    grpc_headers,
    grpc_message,
)
from tests.server.process import BINARIES, ServerProcess, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
TEST_SERVICE = "grpc.testing.TestService"
GOAWAY, END_STREAM, END_HEADERS = 7, 1, 4


def health_of(channel: grpc.Channel) -> Any:
    return health_pb2_grpc.HealthStub(channel)


def named(service: str) -> Any:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", ["", TEST_SERVICE, "grpc.health.v1.Health"])
def test_health_is_serving_for_the_server_and_each_service(
    channel: grpc.Channel, service: str
) -> None:
    assert health_of(channel).Check(named(service)).status == SERVING


def test_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        health_of(channel).Check(named("no.Such"))
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def test_watch_of_an_unknown_service_says_so_and_stays_open(channel: grpc.Channel) -> None:
    watch = health_of(channel).Watch(named("no.Such"))
    assert next(watch).status == SERVICE_UNKNOWN
    assert watch.is_active()
    watch.cancel()


def test_health_lists_every_service(channel: grpc.Channel) -> None:
    if not hasattr(health_of(channel), "List"):
        pytest.skip("this grpcio-health-checking does not know List")
    statuses = health_of(channel).List(health_pb2.HealthListRequest()).statuses
    assert statuses[TEST_SERVICE].status == SERVING


def test_watch_learns_of_the_shutdown_and_the_process_ends_with_status_0() -> None:
    with serving("interop") as server, grpc.insecure_channel(server.target) as channel:
        watch = health_of(channel).Watch(named(""))
        assert next(watch).status == SERVING
        server.terminate()
        assert next(watch).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as raised:
            next(watch)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
        assert server.exit_status() == 0


def test_a_stream_in_flight_finishes_during_shutdown(interop: SimpleNamespace) -> None:
    with serving("interop") as server, grpc.insecure_channel(server.target) as channel:
        requests: queue.Queue[Any] = queue.Queue()
        call = interop.TestServiceStub(channel).FullDuplexCall(iter(requests.get, None))
        request = interop.messages.StreamingOutputCallRequest(
            response_parameters=[interop.messages.ResponseParameters(size=7)]
        )
        requests.put(request)
        next(call)
        start = time.monotonic()
        server.terminate()
        # The listener goes first: a new connection is refused while the call goes on.
        while True:
            try:
                Http2Client(server.port).socket.close()
            except ConnectionError:
                break
        for _ in range(3):
            requests.put(request)
            assert len(next(call).payload.body) == 7
        requests.put(None)
        assert list(call) == []
        assert call.code() == grpc.StatusCode.OK
        assert server.exit_status() == 0
        assert time.monotonic() - start < 8


def test_shutdown_names_the_last_stream_after_a_notice() -> None:
    with serving("interop") as server, Http2Client(server.port) as client:
        assert client.call(EMPTY_CALL, b"").grpc_status == 0
        server.terminate()
        client.wait_closed()
        assert client.goaway == 0
        client.socket.close()
        assert server.exit_status() == 0


def test_no_call_up_to_the_last_stream_that_the_goaway_names_is_lost() -> None:
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    block = encoder.encode(grpc_headers(EMPTY_CALL))
    received = b""
    stream = 1
    with (
        serving("interop") as server,
        socket.create_connection(("127.0.0.1", server.port), 20) as connection,
    ):
        window = (1 << 30).to_bytes(4, "big")
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0) + frame(WINDOW_UPDATE, 0, 0, window))
        with contextlib.suppress(ConnectionError):
            for batch in range(100_000):
                calls = b""
                for _ in range(20):
                    calls += frame(HEADERS, END_HEADERS, stream, block)
                    calls += frame(DATA, END_STREAM, stream, grpc_message(b""))
                    stream += 2
                connection.sendall(calls)
                if batch == 20:
                    server.terminate()
                if not (chunk := connection.recv(1 << 16)):
                    break
                received += chunk
            while chunk := connection.recv(1 << 16):
                received += chunk
        connection.close()
        assert server.exit_status() == 0
    ended, last_streams = set(), []
    for kind, flags, stream_id, payload in frames_of(received):
        if kind == GOAWAY:
            last_streams.append(int.from_bytes(payload[:4], "big"))
        elif kind == HEADERS and flags & END_STREAM:
            ended.add(stream_id)
    assert last_streams[0] == 2**31 - 1
    assert last_streams[-1] > 20 * 20
    assert ended == set(range(1, last_streams[-1] + 1, 2))


def test_the_grace_period_ends_calls_that_do_not() -> None:
    with serving("interop", "--grace-ms=700") as server, Http2Client(server.port) as client:
        stream = client.request(grpc_headers(FULL_DUPLEX_CALL), grpc_message(b""), end=False)
        client.call(EMPTY_CALL, b"")
        start = time.monotonic()
        server.terminate()
        client.wait_closed()
        assert not client.answers[stream].ended
        assert server.exit_status() == 0
        assert 0.3 < time.monotonic() - start < 1.5


def test_an_idle_server_ends_at_once() -> None:
    with serving("interop") as server:
        start = time.monotonic()
        server.terminate()
        assert server.exit_status() == 0
        assert time.monotonic() - start < 1


def test_unix_socket_serves_beside_tcp(tmp_path: Path, interop: SimpleNamespace) -> None:
    path = tmp_path / "fenqi.sock"
    with serving("interop", f"--unix={path}", "--workers=2") as server:
        for target in (f"unix:{path}", server.target):
            with grpc.insecure_channel(target) as channel:
                interop.TestServiceStub(channel).EmptyCall(interop.Empty())
        server.terminate()
        assert server.exit_status() == 0
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "fenqi.sock"
    with serving("interop", f"--unix={path}") as first:
        second = subprocess.run(
            [BINARIES / "interop", f"--unix={path}"], capture_output=True, text=True, timeout=10
        )
        assert second.returncode == 1
        assert "another server listens there" in second.stderr
        first.process.kill()
        first.process.wait()
    assert path.exists()
    with serving("interop", f"--unix={path}") as third:
        assert third.unix_path == str(path)


def test_a_port_in_use_is_said_and_not_shared(server: ServerProcess) -> None:
    second = subprocess.run(
        [BINARIES / "interop", f"--port={server.port}"], capture_output=True, text=True, timeout=10
    )
    assert second.returncode == 1
    assert f"127.0.0.1:{server.port}" in second.stderr
    assert "in use" in second.stderr


def test_many_workers_share_one_port() -> None:
    with serving("floor", "--workers=4", "--body-bytes=3") as server:
        for _ in range(40):
            with Http2Client(server.port) as client:
                answer = client.call("/fenqi.v1.Scoring/Score", b"abc")
                assert (answer.grpc_status, len(answer.body)) == (0, 5 + 3)

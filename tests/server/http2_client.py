"""A small HTTP/2 client over the `h2` package, to send what gRPC clients do not."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from tests.server.process import ServerProcess

EMPTY_CALL = "/grpc.testing.TestService/EmptyCall"
UNARY_CALL = "/grpc.testing.TestService/UnaryCall"
FULL_DUPLEX_CALL = "/grpc.testing.TestService/FullDuplexCall"
INPUT_CALL = "/grpc.testing.TestService/StreamingInputCall"
OUTPUT_CALL = "/grpc.testing.TestService/StreamingOutputCall"

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, RST_STREAM, PRIORITY, WINDOW_UPDATE, CONTINUATION = 4, 6, 3, 2, 8, 9
DATA, HEADERS = 0, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def frames_of(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each whole frame."""
    while len(data) >= 9:
        length = int.from_bytes(data[:3], "big")
        yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + length]
        data = data[9 + length :]


def grpc_message(payload: bytes, compressed: bool = False) -> bytes:
    return struct.pack(">BI", compressed, len(payload)) + payload


def grpc_headers(path: str, **extra: str) -> list[tuple[str, str]]:
    headers = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "test",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    headers.update({name.replace("_", "-"): value for name, value in extra.items()})
    return list(headers.items())


@dataclass
class Answer:
    """What has come back on one stream."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    @property
    def grpc_status(self) -> int:
        return int(self.headers["grpc-status"])

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None


class Http2Client:
    def __init__(self, port: int, timeout: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        config = h2.config.H2Configuration(
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        self.closed = False
        self.flush()

    def __enter__(self) -> Http2Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def flush(self) -> None:
        if data := self.h2.data_to_send():
            self.socket.sendall(data)

    def request(
        self,
        headers: list[tuple[str, str]],
        *body: bytes,
        end: bool = True,
    ) -> int:
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, headers, end_stream=end and not body)
        for i, chunk in enumerate(body):
            self.h2.send_data(stream, chunk, end_stream=end and i == len(body) - 1)
        self.flush()
        return stream

    def receive(self) -> None:
        """Reads once and notes what came."""
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if not data:
            self.closed = True
            return
        try:
            events = self.h2.receive_data(data)
        except h2.exceptions.ProtocolError:
            self.closed = True
            return
        for event in events:
            self._note(event)
        if not self.closed:
            try:
                self.flush()
            except ConnectionError:
                self.closed = True

    def _note(self, event: object) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = int(event.error_code or 0)
            return
        answer = self.answers.get(getattr(event, "stream_id", 0) or 0)
        if answer is None:
            return
        if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
            answer.headers.update(dict(event.headers or ()))  # type: ignore[arg-type]
        elif isinstance(event, h2.events.DataReceived):
            answer.body += event.data or b""
            if event.flow_controlled_length:
                self.h2.acknowledge_received_data(
                    event.flow_controlled_length, event.stream_id or 0
                )
        elif isinstance(event, h2.events.StreamEnded):
            answer.ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = int(event.error_code or 0)

    def wait(self, stream: int) -> Answer:
        while not self.answers[stream].over and not self.closed:
            self.receive()
        return self.answers[stream]

    def call(self, path: str, *messages: bytes, **extra: str) -> Answer:
        """One call with these messages, framed, until its answer is over."""
        body = b"".join(grpc_message(m) for m in messages)
        headers = grpc_headers(path, **extra)
        return self.wait(self.request(headers, body) if body else self.request(headers))

    def wait_closed(self) -> float:
        """Seconds until the server has closed the connection."""
        start = time.monotonic()
        while not self.closed:
            self.receive()
        return time.monotonic() - start


def answers_well(port: int, within: float = 2.0) -> None:
    """A new connection gets its good answer in usual time."""
    start = time.monotonic()
    with Http2Client(port) as client:
        answer = client.call(EMPTY_CALL, b"")
    assert (answer.status, answer.grpc_status) == (200, 0)
    assert time.monotonic() - start < within


def gives_back_descriptors(server: ServerProcess, at_most: int, within: float = 5.0) -> bool:
    """Whether the server, which still answers well, closes what it no longer needs."""
    deadline = time.monotonic() + within
    while server.open_descriptors() > at_most:
        if time.monotonic() > deadline:
            return False
        answers_well(server.port)
    return True

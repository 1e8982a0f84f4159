"""The second front: grpcio around the same engine, for where a plain Python server is wanted.

The same request gives the same response bytes and the same status, message and details as the C++
data plane. It is some twenty times slower, and sends no stage timings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from fenqi.engine import Engine
from fenqi.errors import CallError, ConfigurationError
from fenqi.serving.config import ServerConfig

_SCORING = "fenqi.v1.Scoring"
_QUOTING = "fenqi.v1.Quoting"


class GrpcioFront:
    """Listens on what `values` names, in threads of its own, from `start` until `wait` returns."""

    def __init__(self, engine: Engine, values: ServerConfig) -> None:
        self._engine = engine
        self._values = values
        self._health = health.HealthServicer()
        # A stream holds a thread for as long as it is open.
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=16 * values.workers, thread_name_prefix="scoring"),
            options=[
                ("grpc.max_receive_message_length", values.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                ("grpc.max_concurrent_streams", values.max_concurrent_streams),
                ("grpc.so_reuseport", 0),
            ],
        )
        self._server.add_generic_rpc_handlers(self._handlers())
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = 0

    def start(self) -> None:
        """Raises ConfigurationError where an address cannot be had."""
        if self._values.address:
            host = self._values.address
            wanted = f"[{host}]" if ":" in host else host
            self.port = self._listen(f"{wanted}:{self._values.port}", self._credentials())
        if self._values.unix_socket is not None:
            self._listen(f"unix:{self._values.unix_socket}", None)
        self._server.start()
        self._set_health(health_pb2.HealthCheckResponse.SERVING)

    def begin_shutdown(self) -> None:
        """Health turns NOT_SERVING, new calls are refused. Returns at once."""
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        self._stopped = self._server.stop(self._values.grace_seconds)

    def wait(self) -> None:
        """Returns when every call has ended, at most the grace period after `begin_shutdown`."""
        self._stopped.wait()

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        def unary(answer: Callable[[bytes], bytes]) -> grpc.RpcMethodHandler:
            return grpc.unary_unary_rpc_method_handler(_answering(answer))

        engine = self._engine
        scoring = {
            "Score": unary(engine.score_bytes),
            "ScoreBatch": unary(engine.score_batch_bytes),
            "ScoreStream": grpc.stream_stream_rpc_method_handler(self._stream),
        }
        quoting = {
            "Quote": unary(engine.quote_bytes),
            "Schedule": unary(engine.schedule_bytes),
            "AnnualRate": unary(engine.annual_rate_bytes),
        }
        return (
            grpc.method_handlers_generic_handler(_SCORING, scoring),
            grpc.method_handlers_generic_handler(_QUOTING, quoting),
        )

    def _stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        answer = _answering(self._engine.score_bytes)
        for request in requests:
            yield answer(request, context)

    def _listen(self, target: str, credentials: grpc.ServerCredentials | None) -> int:
        try:
            if credentials is None:
                port: int = self._server.add_insecure_port(target)
            else:
                port = self._server.add_secure_port(target, credentials)
        except RuntimeError as error:
            raise ConfigurationError(f"cannot listen on {target}: {error}") from None
        return port

    def _credentials(self) -> grpc.ServerCredentials | None:
        values = self._values
        if values.tls_certificate is None or values.tls_key is None:
            return None
        client_ca = values.tls_client_ca
        return grpc.ssl_server_credentials(
            [(values.tls_key.read_bytes(), values.tls_certificate.read_bytes())],
            root_certificates=client_ca.read_bytes() if client_ca else None,
            require_client_auth=client_ca is not None,
        )

    def _set_health(self, status: int) -> None:
        for service in ("", _SCORING, _QUOTING):
            self._health.set(service, status)


def _answering(
    answer: Callable[[bytes], bytes],
) -> Callable[[bytes, grpc.ServicerContext], bytes]:
    def handler(request: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return answer(request)
        except CallError as error:
            _abort(error, context)
            raise

    return handler


def _abort(error: CallError, context: grpc.ServicerContext) -> None:
    """Ends the call with the error's code, message and, where fields are at fault, details: raises
    the exception by which grpcio knows that."""
    if error.violations:
        context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
    code = next(code for code in grpc.StatusCode if code.value[0] == error.code)
    context.abort(code, error.message)


def _details(error: CallError) -> bytes:
    bad_request = error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field, description=violation.description
            )
            for violation in error.violations
        ]
    )
    detail = AnyMessage()
    detail.Pack(bad_request)
    status = status_pb2.Status(code=error.code, message=error.message, details=[detail])
    serialized: bytes = status.SerializeToString(deterministic=True)
    return serialized

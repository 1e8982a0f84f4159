"""Calls a running server, with a deadline on every call.

    with Client("127.0.0.1:8443") as client:
        answer = client.score({"loan": {"amount_fen": 500_000}}, timeout=0.05)

`AsyncClient` is the same with `await`. Scoring and quoting change nothing, so a call that ended
UNAVAILABLE is tried again, after a pause that grows and is drawn at random, as long as the deadline
leaves time. Nothing else is tried again: a wrong request stays wrong, and a deadline that has
passed has passed.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from fenqi.engine import batch_results
from fenqi.errors import (
    CallError,
    ConfigurationError,
    FieldViolation,
    UnavailableError,
    call_error,
)
from fenqi.requests import Scorable, request_bytes, request_message
from fenqi.v1.quote_pb2 import (
    AnnualRateRequest,
    AnnualRateResponse,
    QuoteRequest,
    QuoteResponse,
    ScheduleRequest,
    ScheduleResponse,
)
from fenqi.v1.scoring_pb2 import ScoreBatchRequest, ScoreBatchResponse, ScoreResponse

Answer = TypeVar("Answer")

_SERVICE = "/fenqi.v1.Scoring/"
_QUOTING = "/fenqi.v1.Quoting/"
STAGE_TRAILER = "fenqi-stage-us"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. `ca`: who signed the server, the machine's own list where None. `certificate` and
    `key`: what the client shows. `server_name`: the name in the server's certificate, where it is
    not the one that is called."""

    ca: str | Path | None = None
    certificate: str | Path | None = None
    key: str | Path | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """Raises ConfigurationError where a file cannot be read, or one of a pair is missing."""
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError("TLS: certificate and key belong together; one is missing")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca),
            private_key=_read(self.key),
            certificate_chain=_read(self.certificate),
        )


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon to try again. The pause before attempt n + 1 is drawn evenly from
    0 .. min(`longest`, `first` * 2^(n - 1)) seconds, so that many clients do not come back at once.
    """

    attempts: int = 5
    first: float = 0.02
    longest: float = 1.0

    def pauses(self) -> Iterator[float]:
        """Seconds to wait before each further attempt."""
        for attempt in range(1, self.attempts):
            yield random.uniform(0, min(self.longest, self.first * 2 ** (attempt - 1)))


class _Methods:
    """What can be called on a channel, of `grpc` or `grpc.aio`; requests are bytes."""

    def __init__(self, channel: Any) -> None:
        self.score = channel.unary_unary(_SERVICE + "Score", None, ScoreResponse.FromString)
        self.batch = channel.unary_unary(
            _SERVICE + "ScoreBatch", None, ScoreBatchResponse.FromString
        )
        self.stream = channel.stream_stream(
            _SERVICE + "ScoreStream", None, ScoreResponse.FromString
        )
        self.quote = channel.unary_unary(_QUOTING + "Quote", None, QuoteResponse.FromString)
        self.schedule = channel.unary_unary(
            _QUOTING + "Schedule", None, ScheduleResponse.FromString
        )
        self.annual_rate = channel.unary_unary(
            _QUOTING + "AnnualRate", None, AnnualRateResponse.FromString
        )


class Client:
    """Calls from any thread, over one HTTP/2 connection.

    `target`: "host:port" or "unix:/path". `timeout`: seconds for a call that names none. Every
    method raises a CallError of the class that belongs to the status.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: Tls | None = None,
        timeout: float = 1.0,
        retry: Retry | None = None,
    ) -> None:
        if tls is None:
            self._channel = grpc.insecure_channel(target)
        else:
            self._channel = grpc.secure_channel(target, tls.credentials(), _options(tls))
        self._timeout = timeout
        self._retry = retry or Retry()
        self._methods = _Methods(self._channel)

    def score(self, scorable: Scorable, timeout: float | None = None) -> ScoreResponse:
        """The decision on one application or request."""
        request = request_bytes(scorable)

        def call(left: float) -> ScoreResponse:
            answer, ended = self._methods.score.with_call(request, timeout=left)
            return _with_timings(answer, ended.trailing_metadata())

        return self._retried(call, timeout)

    def score_batch(
        self, scorables: Sequence[Scorable], timeout: float | None = None
    ) -> list[ScoreResponse | CallError]:
        """One answer each, in order; a request that failed has its error in its place."""
        batch = _batch_bytes(scorables)
        return batch_results(
            self._retried(lambda left: self._methods.batch(batch, timeout=left), timeout)
        )

    def score_stream(
        self, scorables: Iterable[Scorable], timeout: float = 60.0
    ) -> Iterator[ScoreResponse]:
        """Answers in order, while requests are still being sent; never tried again. `timeout` is
        for the whole stream."""
        try:
            yield from self._methods.stream(map(request_bytes, scorables), timeout=timeout)
        except grpc.RpcError as error:
            raise from_rpc(error) from None

    def quote(self, request: QuoteRequest, timeout: float | None = None) -> QuoteResponse:
        """A loan, priced and disclosed, with the token for its drawdown."""
        message = request.SerializeToString()
        answer: QuoteResponse = self._retried(
            lambda left: self._methods.quote(message, timeout=left), timeout
        )
        return answer

    def schedule(self, request: ScheduleRequest, timeout: float | None = None) -> ScheduleResponse:
        """The plan of a loan."""
        message = request.SerializeToString()
        answer: ScheduleResponse = self._retried(
            lambda left: self._methods.schedule(message, timeout=left), timeout
        )
        return answer

    def annual_rate(
        self, request: AnnualRateRequest, timeout: float | None = None
    ) -> AnnualRateResponse:
        """The yearly rate of a cash flow, by each method."""
        message = request.SerializeToString()
        answer: AnnualRateResponse = self._retried(
            lambda left: self._methods.annual_rate(message, timeout=left), timeout
        )
        return answer

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _retried(self, call: Callable[[float], Answer], timeout: float | None) -> Answer:
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        pauses = self._retry.pauses()
        while True:
            try:
                return call(deadline - time.monotonic())
            except grpc.RpcError as error:
                failed = from_rpc(error)
            time.sleep(_pause_or_raise(failed, pauses, deadline))


class AsyncClient:
    """`Client` for asyncio: the same methods, to be awaited, on one event loop."""

    def __init__(
        self,
        target: str,
        *,
        tls: Tls | None = None,
        timeout: float = 1.0,
        retry: Retry | None = None,
    ) -> None:
        if tls is None:
            self._channel = grpc.aio.insecure_channel(target)
        else:
            self._channel = grpc.aio.secure_channel(target, tls.credentials(), _options(tls))
        self._timeout = timeout
        self._retry = retry or Retry()
        self._methods = _Methods(self._channel)

    async def score(self, scorable: Scorable, timeout: float | None = None) -> ScoreResponse:
        """The decision on one application or request."""
        request = request_bytes(scorable)

        async def call(left: float) -> ScoreResponse:
            pending = self._methods.score(request, timeout=left)
            answer: ScoreResponse = await pending
            return _with_timings(answer, await pending.trailing_metadata())

        return await self._retried(call, timeout)

    async def score_batch(
        self, scorables: Sequence[Scorable], timeout: float | None = None
    ) -> list[ScoreResponse | CallError]:
        """One answer each, in order; a request that failed has its error in its place."""
        batch = _batch_bytes(scorables)
        return batch_results(
            await self._retried(lambda left: self._methods.batch(batch, timeout=left), timeout)
        )

    async def score_stream(
        self, scorables: AsyncIterable[Scorable] | Iterable[Scorable], timeout: float = 60.0
    ) -> AsyncIterator[ScoreResponse]:
        """Answers in order, while requests are still being sent; never tried again. `timeout` is
        for the whole stream."""
        try:
            async for answer in self._methods.stream(_as_bytes(scorables), timeout=timeout):
                yield answer
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from None

    async def quote(self, request: QuoteRequest, timeout: float | None = None) -> QuoteResponse:
        """A loan, priced and disclosed, with the token for its drawdown."""
        message = request.SerializeToString()
        answer: QuoteResponse = await self._retried(
            lambda left: self._methods.quote(message, timeout=left), timeout
        )
        return answer

    async def schedule(
        self, request: ScheduleRequest, timeout: float | None = None
    ) -> ScheduleResponse:
        """The plan of a loan."""
        message = request.SerializeToString()
        answer: ScheduleResponse = await self._retried(
            lambda left: self._methods.schedule(message, timeout=left), timeout
        )
        return answer

    async def annual_rate(
        self, request: AnnualRateRequest, timeout: float | None = None
    ) -> AnnualRateResponse:
        """The yearly rate of a cash flow, by each method."""
        message = request.SerializeToString()
        answer: AnnualRateResponse = await self._retried(
            lambda left: self._methods.annual_rate(message, timeout=left), timeout
        )
        return answer

    async def close(self) -> None:
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _retried(
        self, call: Callable[[float], Awaitable[Answer]], timeout: float | None
    ) -> Answer:
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        pauses = self._retry.pauses()
        while True:
            try:
                return await call(deadline - time.monotonic())
            except grpc.aio.AioRpcError as error:
                failed = from_rpc(error)
            await asyncio.sleep(_pause_or_raise(failed, pauses, deadline))


def from_rpc(error: Any) -> CallError:
    """grpcio's error as one of the family, with the field violations of grpc-status-details-bin."""
    code: int = error.code().value[0]
    return call_error(code, error.details() or "", _violations(error.trailing_metadata()))


def _with_timings(
    answer: ScoreResponse, trailers: Iterable[tuple[str, str | bytes]] | None
) -> ScoreResponse:
    """Fills the answer's timings from the trailer "read=0.8,program=1.2,..."."""
    for key, value in trailers or ():
        if key == STAGE_TRAILER:
            for stage in str(value).split(","):
                name, _, microseconds = stage.partition("=")
                setattr(answer.timings, f"{name}_us", float(microseconds))
    return answer


def _violations(trailers: Iterable[tuple[str, str | bytes]] | None) -> list[FieldViolation]:
    found: list[FieldViolation] = []
    for key, value in trailers or ():
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        try:
            details = status_pb2.Status.FromString(value).details
            for detail in details:
                bad_request = error_details_pb2.BadRequest()
                if detail.Unpack(bad_request):
                    found += [
                        FieldViolation(violation.field, violation.description)
                        for violation in bad_request.field_violations
                    ]
        except DecodeError:
            continue  # details of another kind of server: the code and message still say enough
    return found


def _pause_or_raise(failed: CallError, pauses: Iterator[float], deadline: float) -> float:
    """Seconds to wait before trying again; raises `failed` where that is no use."""
    pause = next(pauses, None)
    hopeless = not isinstance(failed, UnavailableError)
    if hopeless or pause is None or time.monotonic() + pause >= deadline:
        raise failed
    return pause


def _batch_bytes(scorables: Sequence[Scorable]) -> bytes:
    requests = [request_message(scorable) for scorable in scorables]
    return ScoreBatchRequest(requests=requests).SerializeToString()


async def _as_bytes(
    scorables: AsyncIterable[Scorable] | Iterable[Scorable],
) -> AsyncIterator[bytes]:
    if isinstance(scorables, AsyncIterable):
        async for scorable in scorables:
            yield request_bytes(scorable)
    else:
        for scorable in scorables:
            yield request_bytes(scorable)


def _options(tls: Tls) -> list[tuple[str, str]]:
    return [("grpc.ssl_target_name_override", tls.server_name)] if tls.server_name else []


def _read(path: str | Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"TLS: {path}: cannot be read: {error.strerror}") from None

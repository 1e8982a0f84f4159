"""A connection to a server's admin service, with whatever proves who calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc

from fenqi.client import Tls
from fenqi.errors import ConfigurationError
from fenqi.v1 import admin_pb2_grpc

Answer = TypeVar("Answer")


class RefusedCall(Exception):
    """The server said no; the message says why."""


class UnreachableError(Exception):
    """Nobody answered; the message says where."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the admin service is. `token`: what proves who calls, None for nothing."""

    target: str
    token: str | None = None
    tls: Tls | None = None
    timeout: float = 120.0

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        """The answer of a method of fenqi.v1.Admin. Raises RefusedCall, UnreachableError."""
        with self._channel() as channel:
            stub = getattr(admin_pb2_grpc.AdminStub(channel), method)
            seconds = self.timeout if timeout is None else timeout
            return self._checked(lambda: stub(request, timeout=seconds, metadata=self._metadata()))

    def stream(self, method: str, request: Any, timeout: float | None = None) -> Iterator[Any]:
        """What a streaming method sends, until `timeout` seconds have passed; None is for ever."""
        with self._channel() as channel:
            stub = getattr(admin_pb2_grpc.AdminStub(channel), method)
            answers = stub(request, timeout=timeout, metadata=self._metadata())
            while True:
                try:
                    answer = self._checked(lambda: next(answers, None))
                except TimeoutError:
                    return
                if answer is None:
                    return
                yield answer

    def _channel(self) -> grpc.Channel:
        if self.tls is None:
            return grpc.insecure_channel(self.target)
        return grpc.secure_channel(self.target, self.tls.credentials())

    def _metadata(self) -> list[tuple[str, str]]:
        return [] if self.token is None else [("authorization", f"Bearer {self.token}")]

    def _checked(self, work: Callable[[], Answer]) -> Answer:
        try:
            return work()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
            if code == grpc.StatusCode.UNAVAILABLE:
                how = "in cleartext" if self.tls is None else "with TLS"
                what = " or turn TLS on with --tls-ca FILE" if self.tls is None else ""
                raise UnreachableError(
                    f"no admin service answers on {self.target} {how}: name it with "
                    f"--server HOST:PORT{what} ({details})"
                ) from None
            if code == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise TimeoutError(details) from None
            raise RefusedCall(details) from None


def read_token(file: Path | None) -> str | None:
    """The token in a file. Raises ConfigurationError."""
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"--token-file: {file}: {error.strerror}") from None

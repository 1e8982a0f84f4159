"""One serving process: an engine, the front that answers with it, and the admin service."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from fenqi import _native
from fenqi.engine import Engine, from_native
from fenqi.errors import ConfigurationError
from fenqi.serving.admin import AdminServer
from fenqi.serving.config import ServerConfig, Settings
from fenqi.serving.grpcio_front import GrpcioFront


class Front(Protocol):
    """What speaks gRPC to the callers."""

    @property
    def port(self) -> int:
        """The TCP port that is bound, once started."""

    def start(self) -> None:
        """Listens and serves. Raises ConfigurationError where it cannot."""

    def begin_shutdown(self) -> None:
        """Lets calls in flight finish, and takes no more. Returns at once."""

    def wait(self) -> None:
        """Returns when all calls have ended, at most the grace period after `begin_shutdown`."""


class EpollFront:
    """The C++ data plane."""

    def __init__(self, engine: Engine, values: ServerConfig) -> None:
        def text(value: object) -> str:
            return "" if value is None else str(value)

        self._server = _native.Server(
            engine.native,
            address=values.address,
            port=values.port,
            unix_socket=text(values.unix_socket),
            workers=values.workers,
            cpus=values.cpus,
            tls_certificate=text(values.tls_certificate),
            tls_key=text(values.tls_key),
            tls_client_ca=text(values.tls_client_ca),
            max_message_bytes=values.max_message_bytes,
            max_concurrent_streams=values.max_concurrent_streams,
            grace_seconds=values.grace_seconds,
        )

    @property
    def port(self) -> int:
        return self._server.port

    def start(self) -> None:
        try:
            self._server.start()
        except _native.StatusError as error:
            raise ConfigurationError(from_native(error).message) from None

    def begin_shutdown(self) -> None:
        self._server.begin_shutdown()

    def wait(self) -> None:
        self._server.wait()


class ServingProcess:
    """Compiles the policy when it is made; serves from `start` until `stop`.

    Raises PolicyError, ConfigurationError or CallError where it cannot.
    """

    def __init__(self, settings: Settings) -> None:
        values = settings.values
        self._settings = settings
        self.engine = Engine.from_policy(values.policy, values.models)
        front = EpollFront if values.front == "epoll" else GrpcioFront
        self._front: Front = front(self.engine, values)
        self._admin: AdminServer | None = None

    def start(self) -> None:
        self._front.start()
        self._admin = AdminServer(self.engine, self._settings, self.addresses)
        try:
            self._admin.start()
        except ConfigurationError:
            self._front.begin_shutdown()
            self._front.wait()
            raise

    @property
    def addresses(self) -> list[str]:
        """Where the data plane listens, in the form that clients take."""
        values = self._settings.values
        addresses = []
        if values.address:
            host = f"[{values.address}]" if ":" in values.address else values.address
            addresses.append(f"{host}:{self._front.port}")
        if values.unix_socket is not None:
            addresses.append(f"unix:{values.unix_socket}")
        return addresses

    @property
    def admin_address(self) -> str:
        port = self._admin.port if self._admin is not None else 0
        return f"{self._settings.values.admin_address}:{port}"

    def stop(self) -> None:
        """Health turns NOT_SERVING, clients are sent away, calls in flight finish. Takes at most
        the grace period."""
        if self._admin is not None:
            self._admin.begin_shutdown()
        self._front.begin_shutdown()
        self._front.wait()
        if self._admin is not None:
            self._admin.stop()


@contextmanager
def termination() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set while the block runs. For the main thread."""
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

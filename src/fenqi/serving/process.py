"""One serving process: an engine, the front that answers with it, and the admin service."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, Self

from fenqi import _native
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError, from_native
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
        self.engine = Engine.from_policy(
            values.policy, values.models, acknowledgement_key=_secret(values.acknowledgement_key)
        )
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


def _secret(file: Path | None) -> bytes:
    """What the file holds. Raises ConfigurationError where it cannot be read."""
    if file is None:
        return b""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"acknowledgement_key: {file}: cannot be read: {error.strerror}"
        ) from None


class Termination:
    """SIGTERM and SIGINT, as something to wait for. A context manager, for the main thread.

    The interpreter's own C handler writes to a socket that `wait` reads, so that a signal is seen
    whenever it comes; an Event set by a Python handler could be missed, or deadlock.
    """

    def __init__(self) -> None:
        self.asked = False
        self._read, self._write = socket.socketpair()
        self._write.setblocking(False)

    def wait(self) -> None:
        """Returns once a signal has come, also when that was before."""
        self._read.recv(1, socket.MSG_PEEK)

    def __enter__(self) -> Self:
        self._handlers = {
            number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)
        }
        self._wakeup = signal.set_wakeup_fd(self._write.fileno())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._read.close()
        self._write.close()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True

"""One serving process: an engine, the front that answers with it, and the admin service."""

from __future__ import annotations

import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType, TracebackType
from typing import Protocol, Self

from fenqi import _native
from fenqi.artifacts import ArtifactError
from fenqi.artifacts.signature import read_trusted_keys
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError, from_native
from fenqi.serving.access import read_access
from fenqi.serving.admin import AdminServer, check_admin
from fenqi.serving.config import ServerConfig, Settings
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.expiry import ExpiryWatch
from fenqi.serving.deployments.guards import Guard, Limits
from fenqi.serving.deployments.sources import Sources
from fenqi.serving.deployments.state import State
from fenqi.serving.deployments.watched_folder import WatchedFolder
from fenqi.serving.grpcio_front import GrpcioFront
from fenqi.serving.metrics import MetricsServer


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
    """Finds what to answer with when it is made; serves from `start` until `stop`.

    Raises ConfigurationError or StateError where it cannot.
    """

    def __init__(self, settings: Settings) -> None:
        values = settings.values
        check_admin(values)
        self._settings = settings
        self._access = read_access(values.admin_access)
        sources = _sources(values)
        self.engine = Engine(_secret(values.acknowledgement_key))
        with ExitStack() as opened:
            folder = values.state
            if folder is None:
                folder = Path(opened.enter_context(TemporaryDirectory(prefix="fenqi-")))
            self.deployments = Deployments(
                self.engine,
                opened.enter_context(State(folder)),
                sources,
                values.latency_budget_us,
                values.approval_seconds,
                values.keep_releases,
            )
            opened.callback(self.deployments.stop)
            # Whether what was published before answers, and not the policy of the settings.
            self.goes_on = self.deployments.start(values.restage)
            front = EpollFront if values.front == "epoll" else GrpcioFront
            self._front: Front = front(self.engine, values)
            self._opened = opened.pop_all()
        self._admin: AdminServer | None = None
        # What runs beside the front, in the order in which it started.
        self._beside: list[_Beside] = []

    def start(self) -> None:
        """Raises ConfigurationError where a port cannot be had; then nothing runs any more."""
        values = self._settings.values
        try:
            self._front.start()
        except BaseException:
            self._opened.close()
            raise
        self._admin = AdminServer(self.deployments, self._access, self._settings, self.addresses)
        beside: list[_Beside] = [
            self._admin,
            Guard(self.deployments, _limits(values)),
            ExpiryWatch(self.deployments),
        ]
        if values.metrics_port:
            beside.append(
                MetricsServer(self.deployments, values.admin_address, values.metrics_port)
            )
        if values.watch != "off":
            beside.append(WatchedFolder(self.deployments, values.watch))
        for one in beside:
            try:
                one.start()
            except ConfigurationError:
                self.stop()
                raise
            self._beside.append(one)

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
        for one in reversed(self._beside):
            one.stop()
        self._opened.close()


class _Beside(Protocol):
    """What runs beside the front."""

    def start(self) -> None:
        """Raises ConfigurationError where it cannot."""

    def stop(self) -> None:
        """Returns when it has ended."""


def _sources(values: ServerConfig) -> Sources:
    beside = values.policy.absolute().parent.parent / "models"
    try:
        trusted = None if values.trusted_keys is None else read_trusted_keys(values.trusted_keys)
    except ArtifactError as error:
        raise ConfigurationError(f"trusted_keys: {error}") from None
    return Sources(values.policy, beside if values.models is None else values.models, trusted)


def _limits(values: ServerConfig) -> Limits:
    return Limits(
        requests=values.guard_requests,
        error_share=values.guard_error_share,
        p99_us=values.guard_p99_us,
        p99_ratio=values.guard_p99_ratio,
        psi=values.guard_psi,
    )


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

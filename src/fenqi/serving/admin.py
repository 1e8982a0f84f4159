"""The operator's service: fenqi.v1.Admin, health and reflection, over grpcio on its own port."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

import fenqi
from fenqi.errors import ConfigurationError, FenqiError
from fenqi.serving import admin_messages as message
from fenqi.serving.access import Access, AccessError, Caller, Role, is_this_machine
from fenqi.serving.config import ServerConfig, Settings
from fenqi.serving.deployments.deployments import Change, Deployments
from fenqi.serving.deployments.errors import (
    RefusedError,
    StateError,
    TooLateError,
    UnknownReleaseError,
)
from fenqi.v1 import admin_pb2, admin_pb2_grpc, scoring_pb2

_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["Admin"].full_name
_SCORING = scoring_pb2.DESCRIPTOR.services_by_name["Scoring"].full_name

Method = TypeVar("Method", bound=Callable[..., Any])

# A stream of events holds a thread for as long as it is open.
_MOST_WATCHERS = 8
_THREADS = _MOST_WATCHERS + 4
# How long a caller is waited for who names no deadline.
_LONGEST_SECONDS = 600.0
# How soon a stream sees that its caller has gone.
_WATCH_SECONDS = 0.5

_CODES = {
    UnknownReleaseError: grpc.StatusCode.NOT_FOUND,
    RefusedError: grpc.StatusCode.FAILED_PRECONDITION,
    TooLateError: grpc.StatusCode.DEADLINE_EXCEEDED,
    StateError: grpc.StatusCode.INTERNAL,
}


def _needs(role: Role) -> Callable[[Method], Method]:
    """Calls the method with the caller in the context's place, where they have the role."""

    def with_role(method: Method) -> Method:
        @wraps(method)
        def checked(self: _Admin, request: Any, context: grpc.ServicerContext) -> Any:
            return method(self, request, _Call(self.permitted(context, role), context))

        return checked  # type: ignore[return-value]  # the servicer's own signature

    return with_role


class _Call:
    """One call: by whom, and how long they wait."""

    def __init__(self, caller: Caller, context: grpc.ServicerContext) -> None:
        self.who = caller.name
        self.context = context

    @property
    def seconds(self) -> float:
        left: float | None = self.context.time_remaining()
        return _LONGEST_SECONDS if left is None else min(left, _LONGEST_SECONDS)


class _Admin(admin_pb2_grpc.AdminServicer):  # type: ignore[misc]  # it has no annotations
    def __init__(
        self,
        deployments: Deployments,
        access: Access,
        settings: Settings,
        addresses: Sequence[str],
    ) -> None:
        self._deployments = deployments
        self._access = access
        self._settings = settings
        self._addresses = list(addresses)
        self._started_at = int(time.time())
        self._watchers = threading.Semaphore(_MOST_WATCHERS)
        self._stopping = threading.Event()

    def permitted(self, context: grpc.ServicerContext, role: Role) -> Caller:
        """Who calls; ends the call where they have not the role."""
        try:
            return self._access.permitted(context, role)
        except AccessError as error:
            context.abort(error.code, str(error))
            raise

    def stop(self) -> None:
        """Ends the streams of events."""
        self._stopping.set()

    @_needs(Role.VIEWER)
    def GetServerInfo(
        self, request: admin_pb2.GetServerInfoRequest, call: _Call
    ) -> admin_pb2.GetServerInfoResponse:
        return admin_pb2.GetServerInfoResponse(
            version=fenqi.__version__,
            started_at_seconds=self._started_at,
            release=self._deployments.engine.release,
            addresses=self._addresses,
            workers=self._settings.values.workers,
            front=self._settings.values.front,
            settings=[
                admin_pb2.Setting(name=name, value=value, source=source)
                for name, value, source in self._settings.lines()
            ],
        )

    @_needs(Role.VIEWER)
    def GetLatency(
        self, request: admin_pb2.GetLatencyRequest, call: _Call
    ) -> admin_pb2.GetLatencyResponse:
        return admin_pb2.GetLatencyResponse(
            stages=[
                admin_pb2.StageLatency(stage=stage, **figures)
                for stage, figures in self._deployments.engine.latency().items()
            ]
        )

    @_needs(Role.VIEWER)
    def List(self, request: admin_pb2.ListRequest, call: _Call) -> admin_pb2.ListResponse:
        return _answer(call, lambda: message.listed(self._deployments))

    @_needs(Role.VIEWER)
    def Describe(
        self, request: admin_pb2.DescribeRequest, call: _Call
    ) -> admin_pb2.DescribeResponse:
        return _answer(call, lambda: message.described(self._deployments, request.release))

    @_needs(Role.OPERATOR)
    def Stage(self, request: admin_pb2.StageRequest, call: _Call) -> admin_pb2.StageResponse:
        def stage() -> admin_pb2.StageResponse:
            _check_why(request)
            policy = (
                self._deployments.sources.policy_file(request.policy) if request.policy else None
            )
            staged = self._deployments.stage(
                call.who, policy, request.bindings, request.why, request.dry_run, call.seconds
            )
            return message.staged(self._deployments, staged)

        return _answer(call, stage)

    @_needs(Role.OPERATOR)
    def SetCanary(
        self, request: admin_pb2.SetCanaryRequest, call: _Call
    ) -> admin_pb2.ChangeResponse:
        return self._change(
            request,
            call,
            lambda: self._deployments.set_canary(
                call.who,
                request.release,
                request.share,
                request.why,
                request.dry_run,
                call.seconds,
            ),
        )

    @_needs(Role.OPERATOR)
    def SetShadows(
        self, request: admin_pb2.SetShadowsRequest, call: _Call
    ) -> admin_pb2.ChangeResponse:
        return self._change(
            request,
            call,
            lambda: self._deployments.set_shadows(
                call.who, request.releases, request.why, request.dry_run, call.seconds
            ),
        )

    @_needs(Role.APPROVER)
    def Promote(self, request: admin_pb2.PromoteRequest, call: _Call) -> admin_pb2.ChangeResponse:
        return self._change(
            request,
            call,
            lambda: self._deployments.promote(
                call.who, request.release, request.why, request.dry_run, call.seconds
            ),
        )

    @_needs(Role.OPERATOR)
    def RollBack(self, request: admin_pb2.RollBackRequest, call: _Call) -> admin_pb2.ChangeResponse:
        return self._change(
            request,
            call,
            lambda: self._deployments.roll_back(
                call.who, request.deployment, request.why, request.dry_run, call.seconds
            ),
        )

    @_needs(Role.APPROVER)
    def Reload(self, request: admin_pb2.ReloadRequest, call: _Call) -> admin_pb2.ChangeResponse:
        return self._change(
            request,
            call,
            lambda: self._deployments.reload(call.who, request.why, request.dry_run, call.seconds),
        )

    @_needs(Role.VIEWER)
    def History(self, request: admin_pb2.HistoryRequest, call: _Call) -> admin_pb2.HistoryResponse:
        history = self._deployments.state.history
        events = history.events(request.after)
        return admin_pb2.HistoryResponse(
            events=[message.event(one) for one in events[-request.limit :]],
            damages=[str(damage) for damage in history.damages],
        )

    @_needs(Role.VIEWER)
    def Watch(self, request: admin_pb2.WatchRequest, call: _Call) -> Iterator[admin_pb2.Event]:
        if not self._watchers.acquire(blocking=False):
            call.context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{_MOST_WATCHERS} callers watch already, which is the most",
            )
        if not call.context.add_callback(self._watchers.release):
            self._watchers.release()
            return
        history = self._deployments.state.history
        after = request.after
        if after < 0:
            known = history.events()
            after = known[-1].sequence if known else 0
        while call.context.is_active() and not self._stopping.is_set():
            for one in history.wait(after, _WATCH_SECONDS):
                after = one.sequence
                yield message.event(one)

    @_needs(Role.VIEWER)
    def Traffic(self, request: admin_pb2.TrafficRequest, call: _Call) -> admin_pb2.TrafficResponse:
        return _answer(call, lambda: message.traffic(self._deployments))

    def _change(
        self, request: Any, call: _Call, make: Callable[[], Change]
    ) -> admin_pb2.ChangeResponse:
        def change() -> admin_pb2.ChangeResponse:
            _check_why(request)
            return message.changed(self._deployments, make())

        return _answer(call, change)


Answer = TypeVar("Answer")


def _check_why(request: Any) -> None:
    """Raises RefusedError for a change without a reason."""
    if not request.why.strip():
        raise RefusedError("give the reason (`why`): it is kept in the history")


def _answer(call: _Call, work: Callable[[], Answer]) -> Answer:
    """What `work` returns; ends the call with the status that belongs to what it raises."""
    try:
        return work()
    except FenqiError as error:
        code = _CODES.get(type(error), grpc.StatusCode.FAILED_PRECONDITION)
        call.context.abort(code, str(error))
        raise


class AdminServer:
    """Serves from `start` until `stop`. `addresses`: where the data plane listens."""

    def __init__(
        self,
        deployments: Deployments,
        access: Access,
        settings: Settings,
        addresses: Sequence[str],
    ) -> None:
        self._values = settings.values
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="admin"),
            options=[("grpc.so_reuseport", 0)],  # a second server on the port is a mistake
        )
        self._health = health.HealthServicer()
        self._services = ("", _SERVICE, _SCORING)
        self._admin = _Admin(deployments, access, settings, addresses)
        admin_pb2_grpc.add_AdminServicer_to_server(self._admin, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port = 0

    def start(self) -> None:
        """Raises ConfigurationError where the port cannot be had."""
        wanted = f"{self._values.admin_address}:{self._values.admin_port}"
        try:
            credentials = _credentials(self._values)
            if credentials is None:
                self.port = self._server.add_insecure_port(wanted)
            else:
                self.port = self._server.add_secure_port(wanted, credentials)
        except RuntimeError:
            raise ConfigurationError(
                f"the admin service cannot listen on {wanted}: "
                "give another --admin-address or --admin-port"
            ) from None
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        self._server.start()

    def begin_shutdown(self) -> None:
        """Health turns NOT_SERVING; answers go on."""
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)

    def stop(self) -> None:
        self._admin.stop()
        self._server.stop(grace=0.2).wait()

    def _set_health(self, status: int) -> None:
        for service in self._services:
            self._health.set(service, status)


def check_admin(values: ServerConfig) -> None:
    """Raises ConfigurationError where the admin service would be open to those it should not be."""
    if is_this_machine(values.admin_address):
        return
    if values.admin_access is None:
        raise ConfigurationError(
            f"admin_address: {values.admin_address} can be reached from elsewhere, and anybody "
            "there could change what is deployed: give admin_access, or listen on 127.0.0.1"
        )
    if values.admin_tls_certificate is None:
        raise ConfigurationError(
            f"admin_address: {values.admin_address} can be reached from elsewhere, and tokens "
            "would travel in clear: give admin_tls_certificate and admin_tls_key, or listen on "
            "127.0.0.1"
        )


def _credentials(values: ServerConfig) -> grpc.ServerCredentials | None:
    certificate, key, client_ca = (
        None if path is None else _read(path)
        for path in (
            values.admin_tls_certificate,
            values.admin_tls_key,
            values.admin_tls_client_ca,
        )
    )
    if certificate is None or key is None:
        return None
    return grpc.ssl_server_credentials(
        [(key, certificate)], client_ca, require_client_auth=client_ca is not None
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None

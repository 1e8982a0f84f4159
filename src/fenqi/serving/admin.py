"""The operator's service: fenqi.v1.Admin, health and reflection, over grpcio on its own port."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

import fenqi
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.serving.config import Settings
from fenqi.v1 import admin_pb2, admin_pb2_grpc, scoring_pb2

_SERVICE = admin_pb2.DESCRIPTOR.services_by_name["Admin"].full_name
_SCORING = scoring_pb2.DESCRIPTOR.services_by_name["Scoring"].full_name


class _Admin(admin_pb2_grpc.AdminServicer):  # type: ignore[misc]  # it has no annotations
    def __init__(self, engine: Engine, settings: Settings, addresses: Sequence[str]) -> None:
        self._engine = engine
        self._settings = settings
        self._addresses = list(addresses)
        self._started_at = int(time.time())

    def GetServerInfo(
        self, request: admin_pb2.GetServerInfoRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetServerInfoResponse:
        return admin_pb2.GetServerInfoResponse(
            version=fenqi.__version__,
            started_at_seconds=self._started_at,
            release=self._engine.release,
            addresses=self._addresses,
            workers=self._settings.values.workers,
            front=self._settings.values.front,
            settings=[
                admin_pb2.Setting(name=name, value=value, source=source)
                for name, value, source in self._settings.lines()
            ],
        )

    def GetLatency(
        self, request: admin_pb2.GetLatencyRequest, context: grpc.ServicerContext
    ) -> admin_pb2.GetLatencyResponse:
        return admin_pb2.GetLatencyResponse(
            stages=[
                admin_pb2.StageLatency(stage=stage, **figures)
                for stage, figures in self._engine.latency().items()
            ]
        )


class AdminServer:
    """Serves from `start` until `stop`. `addresses`: where the data plane listens."""

    def __init__(self, engine: Engine, settings: Settings, addresses: Sequence[str]) -> None:
        values = settings.values
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=4, thread_name_prefix="admin"),
            options=[("grpc.so_reuseport", 0)],  # a second server on the port is a mistake
        )
        self._health = health.HealthServicer()
        self._services = ("", _SERVICE, _SCORING)
        admin_pb2_grpc.add_AdminServicer_to_server(
            _Admin(engine, settings, addresses), self._server
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self._wanted = f"{values.admin_address}:{values.admin_port}"
        self.port = 0

    def start(self) -> None:
        """Raises ConfigurationError where the port cannot be had."""
        try:
            self.port = self._server.add_insecure_port(self._wanted)
        except RuntimeError:
            raise ConfigurationError(
                f"the admin service cannot listen on {self._wanted}: "
                "give another --admin-address or --admin-port"
            ) from None
        self._set_health(health_pb2.HealthCheckResponse.SERVING)
        self._server.start()

    def begin_shutdown(self) -> None:
        """Health turns NOT_SERVING; answers go on."""
        self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)

    def stop(self) -> None:
        self._server.stop(grace=0.2).wait()

    def _set_health(self, status: int) -> None:
        for service in self._services:
            self._health.set(service, status)

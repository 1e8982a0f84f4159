"""The process around a front: admin, health, listeners, shutdown."""

from __future__ import annotations

import itertools
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import fenqi
from fenqi.client import Client, Retry
from fenqi.errors import CallError, ConfigurationError, StatusCode, UnavailableError
from fenqi.serving.process import ServingProcess
from fenqi.v1 import admin_pb2, admin_pb2_grpc, scoring_pb2
from tests.serving.process import serve_command, serving
from tests.serving.site import Site

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_server_info_tells_what_runs_and_where_settings_came_from(
    process: ServingProcess,
) -> None:
    with grpc.insecure_channel(process.admin_address) as channel:
        info = admin_pb2_grpc.AdminStub(channel).GetServerInfo(admin_pb2.GetServerInfoRequest())
    assert info.version == fenqi.__version__
    assert info.release == process.engine.release
    assert list(info.addresses) == process.addresses
    assert abs(info.started_at_seconds - time.time()) < 60
    sources = {setting.name: setting.source for setting in info.settings}
    assert sources["port"] == "flag"
    assert sources["grace_seconds"] == "default"
    values = {setting.name: setting.value for setting in info.settings}
    assert values["front"] == info.front


def test_latency_counts_what_was_scored() -> None:
    with serving() as process, grpc.insecure_channel(process.admin_address) as channel:
        with Client(process.addresses[0], timeout=5) as client:
            for _ in range(10):
                client.score({"loan": {"amount_fen": 1}})
        answer = admin_pb2_grpc.AdminStub(channel).GetLatency(admin_pb2.GetLatencyRequest())
    stages = {stage.stage: stage for stage in answer.stages}
    assert list(stages) == ["read", "program", "model", "offers", "reasons", "write", "total"]
    assert stages["total"].count == 10
    assert 0 < stages["total"].p50_us <= stages["total"].p99_us <= stages["total"].max_us


def test_reflection_lists_the_admin_service(process: ServingProcess) -> None:
    with grpc.insecure_channel(process.admin_address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([request])))
    names = {service.name for service in answer.list_services_response.service}
    assert {"fenqi.v1.Admin", "grpc.health.v1.Health"} <= names


@pytest.mark.parametrize("service", ["", "fenqi.v1.Scoring"])
def test_health_is_serving_on_the_data_port_and_the_admin_port(
    process: ServingProcess, service: str
) -> None:
    for address in (process.addresses[0], process.admin_address):
        with grpc.insecure_channel(address) as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=5
            )
        assert answer.status == SERVING


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
def test_a_unix_socket_answers_beside_tcp(tmp_path: Path, front: str) -> None:
    with serving(front=front, unix_socket=tmp_path / "fenqi.sock") as process:
        for address in process.addresses:
            with Client(address, timeout=5) as client:
                answer = client.score({"loan": {"amount_fen": 1}})
            assert answer.decision == scoring_pb2.DECISION_APPROVE
        assert len(process.addresses) == 2


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
def test_a_port_that_is_taken_is_a_configuration_error(front: str) -> None:
    with serving(front=front) as process:
        port = int(process.addresses[0].rpartition(":")[2])
        with pytest.raises(ConfigurationError, match=str(port)), serving(front=front, port=port):
            pass
        admin_port = int(process.admin_address.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match="admin"), serving(admin_port=admin_port):
            pass


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_after_a_signal_callers_see_answers_or_unavailable_and_the_exit_is_zero(
    front: str, number: signal.Signals
) -> None:
    # grpcio cancels calls that arrived and were not yet handed out when it is told to stop.
    endings = {StatusCode.UNAVAILABLE} | ({StatusCode.CANCELLED} if front == "grpcio" else set())
    with serve_command("--front", front, "--grace-seconds", "8") as command:
        answered = threading.Event()

        def call_until_unavailable(_: int) -> int:
            with Client(command.address, timeout=10, retry=Retry(attempts=1)) as client:
                for count in itertools.count():
                    try:
                        client.score({"loan": {"amount_fen": 1}})
                    except CallError as error:
                        assert error.code in endings, error
                        return count
                    answered.set()
            raise AssertionError("only UNAVAILABLE ends the calls")

        with ThreadPoolExecutor(4) as pool:
            counts = pool.map(call_until_unavailable, range(4))
            assert answered.wait(10)
            command.process.send_signal(number)
            began = time.monotonic()
            assert command.process.wait(20) == 0
            assert time.monotonic() - began < 8
            assert sum(counts) > 0


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
def test_an_open_stream_does_not_outlive_the_grace_period(front: str) -> None:
    with serve_command("--front", front, "--grace-seconds", "1") as command:
        never = threading.Event()

        def requests() -> Iterator[dict[str, object]]:
            yield {"loan": {"amount_fen": 1}}
            never.wait(20)

        with Client(command.address) as client:
            answers = client.score_stream(requests(), timeout=20)
            assert next(answers).decision == scoring_pb2.DECISION_APPROVE
            command.process.send_signal(signal.SIGTERM)
            with pytest.raises(UnavailableError):
                next(answers)
            assert command.process.wait(5) == 0
        never.set()


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
def test_health_turns_not_serving_while_calls_in_flight_finish(front: str) -> None:
    with serve_command("--front", front, "--grace-seconds", "8") as command:
        with grpc.insecure_channel(command.admin) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert next(watch).status == SERVING
            command.process.send_signal(signal.SIGTERM)
            assert next(watch).status == NOT_SERVING
        assert command.process.wait(20) == 0


def test_serve_says_that_its_state_decides_and_how_to_change_that(site: Site) -> None:
    other = site.write_policy(2, "rules_2.yaml")
    state = ("--state", str(site.folder / "state"))
    with serve_command("--policy", str(site.policy), *state) as command:
        assert "deployment 1: policy rules_only 1" in command.printed
        assert "fenqi deploy" not in command.printed
    with serve_command("--policy", str(site.policy), *state) as command:
        assert "deployment 1: policy rules_only 1" in command.printed
        assert re.search(
            rf"as {re.escape(state[1])} holds it, published 20\S+Z by server; where \S+rules.yaml "
            r"has changed since, `fenqi deploy reload --why ...` brings that in",
            command.printed,
        )
    with serve_command("--policy", str(other), *state) as command:
        assert "deployment 1: policy rules_only 1" in command.printed
        assert re.search(
            r"compiled from \S+rules.yaml, not from \S+rules_2.yaml; "
            r"`fenqi deploy stage --policy rules_2.yaml --why ...` and `fenqi deploy promote` "
            r"change that",
            command.printed,
        )


def test_serve_prints_every_setting_with_its_source() -> None:
    with serve_command("--workers", "1") as command:
        assert "workers" in command.printed
        lines = {line.split()[0]: line.split()[1:] for line in command.printed.splitlines() if line}
        assert lines["workers"] == ["1", "flag"]
        assert lines["grace_seconds"] == ["10.0", "default"]

"""Models past their last day: none gets in, and one that answers already goes on and is told of."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import grpc
import pytest

from fenqi.artifacts import expiry
from fenqi.bundled import MODELS, POLICY
from fenqi.client import Client
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.policy import compile_policy
from fenqi.serving.deployments.expiry import ExpiryWatch
from fenqi.serving.process import ServingProcess
from fenqi.v1 import admin_pb2, admin_pb2_grpc
from tests.cli.test_deploy import deploy
from tests.serving.artifacts import pack_version
from tests.serving.process import serving
from tests.serving.test_broken_artifacts import MODEL, edit_manifest
from tests.serving.test_metrics import free_port, scrape

TODAY = date.today()
PAST = f"expired on {TODAY}"


class Tomorrow(date):
    @classmethod
    def today(cls) -> date:
        return TODAY + timedelta(days=1)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The bundled ones, of which MODEL may decide until today."""
    models = tmp_path / "models"
    shutil.copytree(MODELS, models, ignore=shutil.ignore_patterns("training"))
    until_today(models / MODEL / "1")
    return models


def until_today(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.__setitem__("expires", TODAY))


def expired_events(process: ServingProcess) -> list[tuple[str, str | None]]:
    events = process.deployments.state.history.events()
    return [(one.what, one.release) for one in events if one.kind == "expired"]


def look(process: ServingProcess) -> None:
    """What a watch does each time; a second one is as after a restart."""
    ExpiryWatch(process.deployments)._look()


def test_a_model_that_expires_while_it_answers_goes_on_and_is_told_of(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    given = {"policy": POLICY, "models": models, "latency_budget_us": 1e6, "metrics_port": port}
    with (
        serving(**given) as process,
        grpc.insecure_channel(process.admin_address) as channel,
    ):
        stub = admin_pb2_grpc.AdminStub(channel)
        champion = process.engine.release
        (slot,) = (one.slot for one in champion.models if one.name == MODEL)
        until_today(pack_version(models / MODEL, "2"))
        request = admin_pb2.StageRequest(bindings={slot: f"{MODEL}/2"}, why="try")
        second = stub.Stage(request, timeout=100).release.content_hash
        look(process)
        assert expired_events(process) == []
        assert list(stub.List(admin_pb2.ListRequest()).deployment.warnings) == []
        labels = (f"{MODEL}/1", champion.policy, champion.content_hash[:12], "champion")
        end = datetime.combine(TODAY + timedelta(days=1), datetime.min.time()).timestamp()
        name = "fenqi_model_expires_timestamp_seconds"
        assert scrape(port)[name, *labels, champion.policy_version] == end

        monkeypatch.setattr(expiry, "date", Tomorrow)
        look(process)
        look(process)
        ((what, release),) = expired_events(process)
        assert f"{MODEL}/1 {PAST}" in what and release == champion.content_hash
        assert list(stub.List(admin_pb2.ListRequest()).deployment.warnings) == [what]
        assert what in deploy(process, "status").stdout
        with Client(process.addresses[0], timeout=20) as client:
            assert client.score({}).release.content_hash == champion.content_hash

        # What was staged in time gets no traffic any more, and nothing else is staged.
        for call in (
            lambda: stub.Promote(admin_pb2.PromoteRequest(release=second, why="x"), timeout=100),
            lambda: stub.SetCanary(
                admin_pb2.SetCanaryRequest(release=second, share=0.5, why="x"), timeout=100
            ),
            lambda: stub.Stage(request, timeout=100),
        ):
            with pytest.raises(grpc.RpcError, match=f"{MODEL}/2 {PAST}") as caught:
                call()
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert process.deployments.current.number == 1


def test_going_back_is_possible_whatever_the_age_of_the_model(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(policy=POLICY, models=models, latency_budget_us=1e6) as process:
        first = process.engine.release.content_hash
        (slot,) = (one.slot for one in process.engine.release.models if one.name == MODEL)
        pack_version(models / MODEL, "2")
        deployments = process.deployments
        staged = deployments.stage("chen", None, {slot: f"{MODEL}/2"}, "new", dry_run=False)
        deployments.promote("chen", staged.origin.content_hash, "new", dry_run=False)
        monkeypatch.setattr(expiry, "date", Tomorrow)
        look(process)
        assert expired_events(process) == []
        deployments.roll_back("chen", 0, "worse", dry_run=False)
        assert process.engine.release.content_hash == first
        look(process)
        assert len(expired_events(process)) == 1


def test_an_expired_model_is_studied_but_answers_nobody(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "date", Tomorrow)
    (warning,) = compile_policy(POLICY, models).warnings
    assert f"{MODEL}/1 {PAST}" in warning.message and warning.position.line > 1
    with pytest.raises(ConfigurationError, match=PAST):
        Engine.from_policy(POLICY, models)
    with pytest.raises(ConfigurationError, match=PAST), serving(policy=POLICY, models=models):
        pass

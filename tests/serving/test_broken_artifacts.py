"""Broken model packages under load: each is refused with its reason, and no call fails."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import onnx
import pytest
from ruamel.yaml import YAML

from fenqi.artifacts import load_artifact
from fenqi.artifacts.signature import make_keys, sign
from fenqi.bundled import MODELS, POLICY
from fenqi.client import Client, Retry
from fenqi.errors import CallError, ConfigurationError
from fenqi.serving.deployments.errors import RefusedError
from fenqi.serving.process import ServingProcess
from fenqi.v1 import admin_pb2, admin_pb2_grpc
from tests.serving.artifacts import pack_version
from tests.serving.process import serving

MODEL = "taiwan_gbm"


class Load(threading.Thread):
    """Calls without a pause until `end`; keeps what failed and which releases answered."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._ended = threading.Event()
        self.calls = 0
        self.failures: list[CallError] = []
        self.releases: set[str] = set()

    def run(self) -> None:
        statement = {"credit_limit_fen": 100, "statement_balance_fen": 50, "paid_fen": 50}
        request = {"behaviour": {"card_statements": [statement] * 6}}
        with Client(self._address, timeout=20, retry=Retry(attempts=1)) as client:
            while not self._ended.is_set():
                self.calls += 1
                try:
                    self.releases.add(client.score(request).release.content_hash)
                except CallError as error:
                    self.failures.append(error)

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def under_load(process: ServingProcess) -> Iterator[Load]:
    load = Load(process.addresses[0])
    load.start()
    try:
        yield load
    finally:
        load.end()


def edit_manifest(folder: Path, change: Callable[[dict[str, object]], None]) -> None:
    yaml, path = YAML(), folder / "manifest.yaml"
    tree = yaml.load(path.read_text(encoding="utf-8"))
    change(tree)
    yaml.dump(tree, path)


def write(folder: Path, name: str, content: bytes) -> None:
    """Changes a file, and its hash in the manifest with it."""
    (folder / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    edit_manifest(folder, lambda tree: tree["files"].__setitem__(name, digest))  # type: ignore[attr-defined]


def truncated(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])


def truncated_and_hashed(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    write(folder, "model.onnx", content[: len(content) // 2])


def no_graph(folder: Path) -> None:
    write(folder, "model.onnx", b"\x00" * 1000)


def no_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def no_manifest_left(folder: Path) -> None:
    (folder / "manifest.yaml").write_text("format: [", encoding="utf-8")


def another_name(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.__setitem__("name", "somebody_else"))


def data_outside(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx")
    weights = graph.graph.initializer.add(
        name="w", data_type=onnx.TensorProto.FLOAT, dims=[4], data_location=1
    )
    weights.external_data.add(key="location", value="../../../../etc/passwd")
    write(folder, "model.onnx", graph.SerializeToString())


def unknown_feature(folder: Path) -> None:
    def change(tree: dict[str, object]) -> None:
        tree["inputs"][0]["columns"][0]["feature"] = "shoe_size"  # type: ignore[index]

    edit_manifest(folder, change)


def unknown_reason(folder: Path) -> None:
    def change(tree: dict[str, object]) -> None:
        tree["inputs"][0]["columns"][0]["reason"] = "R_UNHEARD_OF"  # type: ignore[index]

    edit_manifest(folder, change)


def column_less(folder: Path) -> None:
    def change(tree: dict[str, object]) -> None:
        tree["inputs"][0]["columns"].pop()  # type: ignore[index]

    edit_manifest(folder, change)


def golden_rows_of_another_model(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    key = next(name for name in ("margin", "probability") if name in golden)
    golden[key] = [value / 2 for value in golden[key]]
    write(folder, "golden.json", json.dumps(golden).encode())


def expired(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.__setitem__("expires", "2020-01-31"))


def too_slow(folder: Path) -> None:
    edit_manifest(folder, lambda tree: tree.__setitem__("latency_budget_us", 0.01))


def explained_too_slowly(folder: Path) -> None:
    def change(tree: dict[str, object]) -> None:
        tree["explanation"]["budget_us"] = 0.01  # type: ignore[index]

    edit_manifest(folder, change)


BROKEN = {
    truncated: "model.onnx has the hash",
    truncated_and_hashed: "model.onnx",
    no_graph: "model.onnx",
    no_model: "model.onnx",
    no_manifest_left: "manifest.yaml",
    another_name: "somebody_else",
    data_outside: "external|outside",
    unknown_feature: "shoe_size",
    unknown_reason: "R_UNHEARD_OF",
    column_less: "column",
    golden_rows_of_another_model: "golden",
    expired: "taiwan_gbm/expired expired on 2020-01-31",
    too_slow: "latency: .* us over; the budget is 0.01 us",
    explained_too_slowly: "explanation: .*; the budget is 0.01 us",
}


def test_each_kind_of_broken_package_is_refused_under_load_and_nothing_fails(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models, ignore=shutil.ignore_patterns("training"))
    with (
        serving(policy=POLICY, models=models, latency_budget_us=1e6) as process,
        under_load(process) as load,
        grpc.insecure_channel(process.admin_address) as channel,
    ):
        stub = admin_pb2_grpc.AdminStub(channel)
        champion = process.engine.release
        (slot,) = (model.slot for model in champion.models if model.name == MODEL)
        for breakage, message in BROKEN.items():
            version = breakage.__name__
            breakage(pack_version(models / MODEL, version))
            request = admin_pb2.StageRequest(bindings={slot: f"{MODEL}/{version}"}, why="try")
            with pytest.raises(grpc.RpcError, match=message) as caught:
                stub.Stage(request, timeout=100)
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION, version
        assert process.deployments.current.number == 1
        refusals = [e for e in process.deployments.state.history.events() if e.kind == "refused"]
        assert len(refusals) == len(BROKEN)
        # A whole one goes through, under the same load.
        pack_version(models / MODEL, "whole")
        request = admin_pb2.StageRequest(bindings={slot: f"{MODEL}/whole"}, why="try")
        release = stub.Stage(request, timeout=100).release.content_hash
        stub.Promote(admin_pb2.PromoteRequest(release=release, why="try"), timeout=100)
        calls = load.calls
        while load.calls < calls + 100:
            threading.Event().wait(0.01)
    assert load.failures == []
    assert load.releases == {champion.content_hash, release}


def test_a_slow_model_answers_where_nothing_else_does_and_never_replaces_another(
    tmp_path: Path,
) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models, ignore=shutil.ignore_patterns("training"))
    too_slow(models / MODEL / "1")
    with serving(policy=POLICY, models=models, latency_budget_us=1e6) as process:
        (slot,) = (m.slot for m in process.engine.release.models if m.name == MODEL)
        too_slow(pack_version(models / MODEL, "2"))
        with pytest.raises(RefusedError, match=r"us over; the budget is 0\.01 us"):
            process.deployments.stage("chen", None, {slot: f"{MODEL}/2"}, "new", dry_run=False)
        assert process.deployments.current.number == 1


def test_a_server_with_trusted_keys_takes_signed_packages_only(tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(MODELS, models, ignore=shutil.ignore_patterns("training"))
    public = make_keys(tmp_path / "key")
    for folder in models.glob("*/1"):
        signed(folder, tmp_path / "key")
    given = {"policy": POLICY, "models": models, "latency_budget_us": 1e6}
    with (
        serving(**given, trusted_keys=public) as process,
        grpc.insecure_channel(process.admin_address) as channel,
    ):
        stub = admin_pb2_grpc.AdminStub(channel)
        (slot,) = (m.slot for m in process.engine.release.models if m.name == MODEL)
        pack_version(models / MODEL, "unsigned")
        request = admin_pb2.StageRequest(bindings={slot: f"{MODEL}/unsigned"}, why="try")
        with pytest.raises(grpc.RpcError, match="sign"):
            stub.Stage(request, timeout=100)
        signed(models / MODEL / "unsigned", tmp_path / "key")
        assert stub.Stage(request, timeout=100).readiness.ready
    nobody = make_keys(tmp_path / "another")
    with pytest.raises(ConfigurationError, match="sign"), serving(**given, trusted_keys=nobody):
        pass
    with (
        pytest.raises(ConfigurationError, match="trusted_keys: "),
        serving(**given, trusted_keys=tmp_path / "models"),
    ):
        pass


def signed(folder: Path, key: Path) -> None:
    artifact = load_artifact(folder)
    sign(folder, artifact.manifest, artifact.digest, key)

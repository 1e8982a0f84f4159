"""Fixtures of the data plane's tests: built tools, a server, stubs of gRPC's test service."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import grpc
import pytest

from tests.server.process import BINARIES, MODE, ROOT, ServerProcess, serving

GRPC_PROTO = Path("/usr/share/grpc-proto")


@pytest.fixture(scope="session", autouse=True)
def built_tools() -> None:
    if "FENQI_NATIVE_BIN" in os.environ:
        return
    tools = [BINARIES / "interop", BINARIES / "floor"]
    if all(tool.exists() for tool in tools):
        return
    subprocess.run(
        ["make", "-C", str(ROOT / "native"), f"MODE={MODE}", "-j2", *map(str, tools)],
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def server(built_tools: None) -> Iterator[ServerProcess]:
    with serving("interop") as process:
        yield process


@pytest.fixture(scope="session")
def interop(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Messages and stubs of grpc/testing, from Debian's grpc-proto."""
    if not (GRPC_PROTO / "grpc/testing/test.proto").exists():
        pytest.skip("grpc/testing/*.proto absent: apt-get install grpc-proto")
    protoc = pytest.importorskip("grpc_tools.protoc")
    out = tmp_path_factory.mktemp("interop_stubs")
    sources = [f"grpc/testing/{name}.proto" for name in ("empty", "messages", "test")]
    # A package name of its own, since "grpc" is the library's.
    for source in sources:
        text = (
            (GRPC_PROTO / source).read_text().replace('import "grpc/testing/', 'import "interop/')
        )
        target = out / "interop" / Path(source).name
        target.parent.mkdir(exist_ok=True)
        target.write_text(text)
    arguments = ["", f"-I{out}", f"--python_out={out}", f"--grpc_python_out={out}"]
    arguments += [f"interop/{Path(source).name}" for source in sources]
    assert protoc.main(arguments) == 0
    sys.path.insert(0, str(out))
    modules: dict[str, ModuleType] = {
        name: importlib.import_module(f"interop.{name}")
        for name in ("empty_pb2", "messages_pb2", "test_pb2_grpc")
    }
    return SimpleNamespace(
        Empty=modules["empty_pb2"].Empty,
        messages=modules["messages_pb2"],
        TestServiceStub=modules["test_pb2_grpc"].TestServiceStub,
        UnimplementedServiceStub=modules["test_pb2_grpc"].UnimplementedServiceStub,
    )


@pytest.fixture(scope="module")
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.target) as open_channel:
        yield open_channel

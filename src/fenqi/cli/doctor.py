"""`fenqi doctor`: looks at machine, build, artifacts and ports, and says what to mend."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fenqi.bundled import MODELS, POLICY, PROJECT, TOOLS, onnxruntime_library

_LEAST_MEMORY = 512 << 20
_BUILD_AGAIN = "build it again: make setup"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend`: what to do about it; empty where it is well."""

    subject: str
    detail: str
    mend: str = ""


def run() -> int:
    """Prints every finding; 1 where anything must be mended, otherwise 0."""
    console = Console(highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    findings = [finding for check in CHECKS for finding in _findings(check)]
    for finding in findings:
        text = Text(finding.detail)
        if finding.mend:
            text.append(f"\n{finding.mend}", style="bold")
        verdict = Text("mend", style="red") if finding.mend else Text("ok", style="green")
        table.add_row(verdict, Text(finding.subject), text)
    console.print(table)
    to_mend = sum(1 for finding in findings if finding.mend)
    console.print(f"{to_mend} to mend" if to_mend else "all is well")
    return 1 if to_mend else 0


def _findings(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What `check` yields. A check that itself fails is a finding: the doctor must not fall ill."""
    try:
        yield from check()
    except Exception as error:
        name = check.__name__.replace("_", " ")
        yield Finding(name, f"{type(error).__name__}: {error}", "see the message")


def machine() -> Iterator[Finding]:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0))
    detail = f"{cores} cores, {memory / 2**30:.1f} GiB, {platform.system()} {platform.release()}"
    low = memory < _LEAST_MEMORY
    yield Finding("machine", detail, "give it at least 512 MiB of memory" if low else "")
    is_linux = sys.platform == "linux"
    yield Finding(
        "platform",
        f"{platform.machine()}, Python {platform.python_version()}",
        "" if is_linux else "the data plane needs Linux: epoll",
    )


def native_module() -> Iterator[Finding]:
    try:
        from fenqi import _native
    except ImportError as error:
        yield Finding("fenqi._native", str(error), _BUILD_AGAIN)
        return
    built = Path(str(_native.__file__))
    newer = [
        path
        for suffix in ("*.cc", "*.h")
        for path in (PROJECT / "native").rglob(suffix)
        if path.stat().st_mtime > built.stat().st_mtime and "_main" not in path.name
    ]
    if newer:
        names = ", ".join(path.name for path in newer[:3])
        detail = f"older than {len(newer)} of its sources ({names})"
        yield Finding("fenqi._native", detail, _BUILD_AGAIN)
    else:
        yield Finding("fenqi._native", "loads, and is newer than its sources")


def shared_libraries() -> Iterator[Finding]:
    class Nghttp2Info(ctypes.Structure):
        _fields_ = (
            ("age", ctypes.c_int),
            ("number", ctypes.c_int),
            ("version", ctypes.c_char_p),
            ("protocol", ctypes.c_char_p),
        )

    nghttp2 = ctypes.CDLL("libnghttp2.so.14")
    nghttp2.nghttp2_version.restype = ctypes.POINTER(Nghttp2Info)
    yield Finding("libnghttp2", nghttp2.nghttp2_version(0).contents.version.decode())
    openssl = ctypes.CDLL("libcrypto.so.3")
    openssl.OpenSSL_version.restype = ctypes.c_char_p
    yield Finding("OpenSSL", openssl.OpenSSL_version(0).decode())


def python_libraries() -> Iterator[Finding]:
    names = ("grpcio", "protobuf", "onnx", "numpy", "cel-expr-python", "pydantic")
    yield Finding("packages", ", ".join(f"{n} {importlib.metadata.version(n)}" for n in names))


def onnxruntime() -> Iterator[Finding]:
    class ApiBase(ctypes.Structure):
        _fields_ = (
            ("get_api", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)),
            ("get_version", ctypes.CFUNCTYPE(ctypes.c_char_p)),
        )

    path = onnxruntime_library()
    library = ctypes.CDLL(str(path))
    library.OrtGetApiBase.restype = ctypes.POINTER(ApiBase)
    base = library.OrtGetApiBase().contents
    version = base.get_version().decode()
    # The API's version is the release's second number, and every older one is offered too.
    newest = int(version.split(".")[1])
    detail = f"{path.name}, C API 1 .. {newest}"
    works = base.get_api(1) and base.get_api(newest)
    yield Finding("onnxruntime", detail, "" if works else "reinstall onnxruntime")


def artifacts() -> Iterator[Finding]:
    from fenqi.artifacts import ArtifactError, load_artifact
    from fenqi.artifacts.trial import try_artifact

    folders = sorted(path.parent for path in MODELS.glob("*/*/manifest.yaml"))
    if not folders:
        yield Finding("models", f"none in {MODELS}", "check the project out again, or: make train")
    for folder in folders:
        subject = f"model {folder.parent.name}/{folder.name}"
        try:
            artifact = load_artifact(folder)
            difference = try_artifact(artifact).golden.largest
        except ArtifactError as error:
            yield Finding(subject, str(error), "check it out again, or: make train")
        else:
            golden = artifact.golden
            rows = f"{len(golden.expected)} golden rows"
            detail = f"hashes as in its manifest; {rows}, off by {difference:.1e} at most"
            yield Finding(subject, detail, "" if difference <= golden.tolerance else "make train")


def policy() -> Iterator[Finding]:
    from fenqi.engine import Engine
    from fenqi.errors import CallError
    from fenqi.policy import PolicyError

    began = time.perf_counter()
    try:
        release = Engine.from_policy(POLICY).release
    except PolicyError as error:
        yield Finding(f"policy {POLICY.name}", str(error), "mend the policy at the places named")
    except CallError as error:
        yield Finding(f"policy {POLICY.name}", str(error), _BUILD_AGAIN)
    else:
        seconds = time.perf_counter() - began
        detail = f"compiles and loads in {seconds:.1f} s, release {release.content_hash[:12]}"
        yield Finding(f"policy {POLICY.name}", detail)


def tools() -> Iterator[Finding]:
    found = (TOOLS / "loadgen").exists()
    detail = "is built" if found else f"not in {TOOLS}"
    yield Finding("load generator", detail, "" if found else _BUILD_AGAIN)


def ports() -> Iterator[Finding]:
    from fenqi.serving.config import load_settings

    values = load_settings(None, os.environ, {}).values
    wanted = (
        ("port", values.address, values.port),
        ("admin_port", values.admin_address, values.admin_port),
    )
    for name, address, port in wanted:
        if not address:
            continue
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                flag = "--" + name.replace("_", "-")
                mend = f"serve elsewhere ({flag}), or end what listens there"
                yield Finding(f"{name} {port}", f"{address}: {error.strerror}", mend)
            else:
                yield Finding(f"{name} {port}", f"free on {address}")


CHECKS = (
    machine,
    native_module,
    shared_libraries,
    python_libraries,
    onnxruntime,
    artifacts,
    policy,
    tools,
    ports,
)

"""How long does a forest take, for one row and for batches, beside onnxruntime and compilers?

LightGBM forests of four sizes, trained on made-up data. Fenqi's core, onnxruntime's C API and the
libraries that other compilers make of the same model file run in one process, on one core, and take
turns on the same rows (native/models/forest_bench_main.cc). ydf has a model of its own of the same
size, since it reads no others.

A compiler has three minutes for a model; one that needs more is left out for that size. Models and
libraries stay in build/bench/forests, so that a second run only measures.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.forest_file import onnx_graph, read_forest
from bench.machine import ROOT
from bench.peer_processes import FOLDER as PEERS
from bench.peer_processes import PYTHON, install, versions
from bench.servers import LOAD_CPU

SIZES = ("50x8", "300x31", "1000x63", "3000x127")
BATCHES = (1, 8, 64, 1024)
COLUMNS = 40
SECONDS = 12.0
COMPILE_SECONDS = 180
# Name in the results and the package that it comes from.
COMPILERS = {
    "tl2cgen": "tl2cgen",
    "lleaves": "lleaves",
    "ydf": "ydf",
    "timber": "timber-compiler",
}
PACKAGES = {*COMPILERS.values(), "treelite", "llvmlite", "lightgbm"}


def run() -> dict[str, Any]:
    """For each size the contenders' figures, and how many times longer others take than Fenqi.

    Raises RuntimeError where Fenqi's bits are not onnxruntime's, or a prediction took memory.
    """
    missing = install()
    folder = _prepare()
    sizes = {}
    for size in SIZES:
        left_out = {name: missing[name] for name in COMPILERS.values() if name in missing}
        left_out |= json.loads((folder / f"{size}.left_out.json").read_text())
        figures = _measure(folder, size)
        sizes[size] = {**figures, "left_out": left_out, "ratios": _ratios(figures["calls"])}
    return {"sizes": sizes, "versions": versions(PACKAGES)}


def _prepare() -> Path:
    """The folder with models, their two forms, and the peers' libraries, made where it is new."""
    sources = [Path(__file__), Path(__file__).with_name("forest_file.py"), *PEERS.glob("forest_*")]
    sources += [PEERS / "requirements.txt"]
    content = b"".join(path.read_bytes() for path in sorted(sources))
    folder = ROOT / "build" / "bench" / "forests" / hashlib.sha256(content).hexdigest()[:16]
    done = folder / "done"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    print("Training and compiling the forests", flush=True)
    untrained = [size for size in SIZES if not (folder / f"{size}.txt").exists()]
    trainer = [str(PYTHON), str(PEERS / "forest_train.py")]
    subprocess.run([*trainer, str(folder), *untrained], check=True)
    for size in SIZES:
        forest = read_forest(folder / f"{size}.txt", COLUMNS)
        (folder / f"{size}.forest").write_bytes(forest.SerializeToString())
        (folder / f"{size}.onnx").write_bytes(onnx_graph(forest))
        with ThreadPoolExecutor(2) as pool:
            reasons = pool.map(lambda name, size=size: _compile(folder, size, name), COMPILERS)
        left_out = {name: why for name, why in zip(COMPILERS, reasons, strict=True) if why}
        (folder / f"{size}.left_out.json").write_text(json.dumps(left_out))
    done.touch()
    return folder


def _compile(folder: Path, size: str, name: str) -> str | None:
    """Why the peer has no library, if so."""
    command = ["timeout", str(COMPILE_SECONDS), str(PYTHON), str(PEERS / f"forest_{name}.py")]
    done = subprocess.run([*command, str(folder), size], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    (folder / f"{size}.{name}.so").unlink(missing_ok=True)
    if done.returncode == 124:
        return f"not compiled within {COMPILE_SECONDS} s"
    return (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]


def _measure(folder: Path, size: str) -> dict[str, Any]:
    (library,) = files("onnxruntime").joinpath("capi").glob("libonnxruntime.so.*")  # type: ignore[attr-defined]
    peers = [(name, folder / f"{size}.{name}.so") for name in COMPILERS]
    command = [
        *["taskset", "-c", str(LOAD_CPU)],
        str(ROOT / "build" / "native" / "release" / "bin" / "forest_bench"),
        *["--forest", str(folder / f"{size}.forest"), "--onnx", str(folder / f"{size}.onnx")],
        *["--onnxruntime", str(library), "--rows", str(folder / "rows.bin")],
        *["--columns", str(COLUMNS), "--batches", ",".join(map(str, BATCHES))],
        *["--seconds", str(SECONDS)],
    ]
    for name, path in peers:
        if path.exists():
            command += ["--peer", f"{name}={path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    if not figures["same_bits"]:
        raise RuntimeError(f"{size}: not the bits that onnxruntime gives")
    if figures["allocations"] != 0:
        raise RuntimeError(
            f"{size}: predictions took {figures['allocations']} blocks from the heap"
        )
    return figures


def _ratios(calls: dict[str, Any]) -> dict[str, dict[str, float | str]]:
    """For each size of a batch."""
    ratios: dict[str, dict[str, float | str]] = {}
    for batch in map(str, BATCHES):
        taken = {name: of[batch]["p50_ns"] for name, of in calls.items()}
        own = taken.pop("fenqi")
        ratios[batch] = {"onnxruntime_over_fenqi": round(taken.pop("onnxruntime") / own, 2)}
        if taken:
            fastest = min(taken, key=lambda name: taken[name])
            ratios[batch] |= {
                "fastest_compiler": fastest,
                "fastest_compiler_over_fenqi": round(taken[fastest] / own, 2),
            }
    return ratios

"""Builds what the Python package needs besides its own sources.

1. The contract's classes, from `proto/` into `src/` at the same path, so that the package path is
   the proto path (`from fenqi.v1 import scoring_pb2`).
2. The C++ core, a static library and its tools, by `native/Makefile`.
3. `fenqi._native`, the pybind11 module around that library, from `native/python/`.
4. Every `src/fenqi/lab/*.pyx`, by Cython.

Each step does nothing where its results are newer than its sources. Results stay under `build/`
also when pip builds in an environment of its own.
"""

import os
import subprocess
import sys
from pathlib import Path

import grpc_tools
import pybind11
from Cython.Build import cythonize
from grpc_tools import protoc
from pybind11.setup_helpers import ParallelCompile
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
NATIVE = ROOT / "native"
LIBRARY = ROOT / "build" / "native" / "release" / "libfenqi.a"
JOBS = len(os.sched_getaffinity(0))


def newest(paths: list[Path]) -> float:
    return max((path.stat().st_mtime for path in paths), default=0.0)


def stubs_of(proto: Path) -> list[Path]:
    """The files that protoc writes for `proto`."""
    base = ROOT / "src" / proto.relative_to(ROOT / "proto").with_suffix("")
    stubs = [Path(f"{base}_pb2.py"), Path(f"{base}_pb2.pyi")]
    if "\nservice " in proto.read_text():
        stubs.append(Path(f"{base}_pb2_grpc.py"))
    return stubs


def generate_stubs() -> None:
    protos = sorted((ROOT / "proto").rglob("*.proto"))
    stubs = [stub for proto in protos for stub in stubs_of(proto)]
    sources = [*protos, Path(__file__)]
    if all(s.exists() for s in stubs) and newest(sources) < min(s.stat().st_mtime for s in stubs):
        return
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    out = ROOT / "src"
    includes = [f"-I{ROOT / 'proto'}", f"-I{well_known}"]
    messages = [f"--python_out={out}", f"--pyi_out={out}", *map(str, protos)]
    services = [
        f"--grpc_python_out={out}",
        *(str(proto) for proto in protos if len(stubs_of(proto)) == 3),
    ]
    for arguments in (messages, services):
        if protoc.main(["protoc", *includes, *arguments]) != 0:
            raise SystemExit("proto/ does not compile; protoc says why above")


def build_core() -> None:
    make = ["make", "-C", str(NATIVE), f"-j{JOBS}", "--no-print-directory", "--silent"]
    made = subprocess.run([*make, "library", "tools", f"PYTHON={sys.executable}"])
    if made.returncode != 0:
        raise SystemExit("the C++ core does not build; the compiler says why above")


def object_is_stale(object_path: str, source: str) -> bool:
    made = Path(object_path)
    headers = [*NATIVE.rglob("*.h"), Path(source), Path(__file__)]
    return not made.exists() or made.stat().st_mtime < newest(headers)


class BuildPy(build_py):
    def run(self) -> None:
        generate_stubs()
        super().run()


class BuildExtensions(build_ext):
    def finalize_options(self) -> None:
        super().finalize_options()
        self.build_temp = str(ROOT / "build" / "python" / sys.implementation.cache_tag)

    def run(self) -> None:
        generate_stubs()
        build_core()
        super().run()


core = Extension(
    "fenqi._native",
    sources=sorted(str(path.relative_to(ROOT)) for path in (NATIVE / "python").glob("*.cc")),
    depends=[str(LIBRARY), *map(str, NATIVE.rglob("*.h"))],
    include_dirs=[str(NATIVE), str(ROOT / "build" / "generated")],
    extra_compile_args=[
        "-std=c++20",
        "-O2",
        "-g0",
        "-fvisibility=hidden",
        "-Wall",
        "-Wextra",
        "-pthread",
        "-isystem",
        pybind11.get_include(),
    ],
    extra_objects=[str(LIBRARY)],
    libraries=["re2", "absl_time", "absl_time_zone", "nghttp2", "ssl", "crypto", "z", "dl"],
    extra_link_args=["-pthread"],
    language="c++",
)

lab = cythonize(
    [
        Extension(f"fenqi.lab.{path.stem}", [str(path.relative_to(ROOT))])
        for path in sorted((ROOT / "src" / "fenqi" / "lab").glob("*.pyx"))
    ],
    build_dir="build/python/cython",
    compiler_directives={"language_level": 3, "embedsignature": True},
    quiet=True,
)

with ParallelCompile(default=JOBS, needs_recompile=object_is_stale):
    setup(
        ext_modules=[core, *lab],
        cmdclass={"build_py": BuildPy, "build_ext": BuildExtensions},
    )

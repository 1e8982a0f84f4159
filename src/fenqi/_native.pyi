"""Fenqi's C++ core: releases, the engine and the gRPC data plane."""

from collections.abc import Sequence
from typing import final

import numpy as np
from numpy.typing import NDArray

from fenqi.engine import StageLatency
from fenqi.offers.rates import Solutions

class StatusError(Exception):
    """args: (gRPC status code, message, [(field, description), ...])."""

    args: tuple[int, str, list[tuple[str, str]]]

@final
class Release:
    def __init__(self, image: bytes, onnxruntime_library: str = "") -> None: ...
    @property
    def policy(self) -> str: ...
    @property
    def policy_version(self) -> str: ...
    @property
    def content_hash(self) -> str: ...

@final
class Engine:
    def __init__(self) -> None: ...
    def publish(self, release: Release) -> None: ...
    def release(self) -> Release | None: ...
    def score(self, request: bytes) -> bytes: ...
    def score_batch(self, request: bytes) -> bytes: ...
    def trace(self, request: bytes) -> dict[str, object]: ...
    def latency(self) -> dict[str, StageLatency]: ...

@final
class Server:
    def __init__(
        self,
        engine: Engine,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        unix_socket: str = "",
        workers: int = 1,
        cpus: Sequence[int] = (),
        tls_certificate: str = "",
        tls_key: str = "",
        tls_client_ca: str = "",
        max_message_bytes: int = ...,
        max_concurrent_streams: int = 256,
        grace_seconds: float = 10.0,
    ) -> None: ...
    def start(self) -> None: ...
    @property
    def port(self) -> int: ...
    def begin_shutdown(self) -> None: ...
    def wait(self) -> None: ...

class offers:  # noqa: N801 (a submodule)
    NO_DATE: int
    @staticmethod
    def schedules(
        terms: dict[str, object], varying: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
    @staticmethod
    def effective_rate(
        dates: NDArray[np.int32], amounts: NDArray[np.float64], interval: int
    ) -> tuple[Solutions, float | None, int]: ...
    @staticmethod
    def appendix_j_rate(
        dates: NDArray[np.int32], amounts: NDArray[np.float64], unit_kind: int, unit_count: int
    ) -> tuple[Solutions, float | None, int, int, int]: ...
    @staticmethod
    def simple_rate(
        dates: NDArray[np.int32], amounts: NDArray[np.float64]
    ) -> tuple[Solutions, float | None, int]: ...
    @staticmethod
    def within_appendix_j_tolerance(disclosed: float, actual: float, irregular: bool) -> bool: ...
    @staticmethod
    def periodic_rates(
        received: NDArray[np.float64], payments: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...

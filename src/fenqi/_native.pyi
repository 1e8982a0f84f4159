"""Fenqi's C++ core: releases, the engine and the gRPC data plane."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, final

import numpy as np
from numpy.typing import NDArray

from fenqi.deployment import StageLatency
from fenqi.offers.prices import Verdict
from fenqi.offers.rates import Solutions

class StatusError(Exception):
    """args: (gRPC status code, message, [(field, description), ...])."""

    args: tuple[int, str, list[tuple[str, str]]]

def pattern_error(pattern: str) -> str: ...
def is_time_zone(name: str) -> bool: ...

@final
class Expression:
    def __init__(self, image: bytes) -> None: ...
    def evaluate(self, values: bytes, work: int = 1_000_000) -> bytes: ...

@final
class Model:
    def __init__(self, image: bytes, onnxruntime_library: str = "") -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def base_margin(self) -> float: ...
    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]: ...
    def explain(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]: ...

@final
class Release:
    def __init__(self, image: bytes, onnxruntime_library: str = "") -> None: ...
    @property
    def policy(self) -> str: ...
    @property
    def policy_version(self) -> str: ...
    @property
    def content_hash(self) -> str: ...

class DriftFigures(TypedDict):
    psi: float
    noise_bound: float
    requests: int

class ScoreFigures(TypedDict):
    slot: str
    edges: list[float]
    counts: list[int]
    drift: DriftFigures

class ColumnFigures(TypedDict):
    slot: str
    column: str
    drift: DriftFigures

class ComparisonFigures(TypedDict):
    compared: int
    agreed: int
    missed: int
    swaps: list[list[int]]
    mean_difference: float

class RoleFigures(TypedDict):
    content_hash: str
    requests: int
    errors: dict[int, int]
    decisions: list[int]
    scores: list[ScoreFigures]
    columns: list[ColumnFigures]
    latency: StageLatency
    latency_counts: dict[float, int]
    comparison: ComparisonFigures

class TrafficFigures(TypedDict):
    number: int
    champion: RoleFigures
    canary: RoleFigures | None
    shadows: list[RoleFigures]

@final
class Engine:
    def __init__(self, acknowledgement_key: bytes = b"") -> None: ...
    def load(self, image: bytes, onnxruntime_library: str = "") -> Release: ...
    def prepare(
        self, release: Release, requests: Sequence[bytes], latency_budget_us: float
    ) -> tuple[bool, float, float, int, int, str]: ...
    def deploy(
        self,
        champion: Release,
        canary: tuple[Release, float, str] | None = None,
        shadows: Sequence[Release] = (),
    ) -> None: ...
    def traffic(self) -> TrafficFigures | None: ...
    def release(self) -> Release | None: ...
    def score(self, request: bytes) -> bytes: ...
    def score_batch(self, request: bytes) -> bytes: ...
    def trace(self, request: bytes) -> dict[str, object]: ...
    def latency(self) -> dict[str, StageLatency]: ...

@final
class Quoter:
    def __init__(self, engine: Engine) -> None: ...
    def quote(self, request: bytes) -> bytes: ...
    def schedule(self, request: bytes) -> bytes: ...
    def annual_rate(self, request: bytes) -> bytes: ...

@final
class DecisionTable:
    def __init__(self, image: bytes) -> None: ...
    def find(self, inputs: list[bool | int | float | str | None]) -> int | list[int] | None: ...
    def rows(self, inputs: list[bool | int | float | str | None]) -> list[int] | None: ...
    @property
    def index_bytes(self) -> int: ...

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
    @staticmethod
    def prices(
        terms: dict[str, object],
        price_terms: dict[str, object],
        varying: NDArray[np.int64],
        pd12: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], list[Verdict]]: ...
    @staticmethod
    def debt_service(debts: list[tuple[int | None, int | None]]) -> int | None: ...
    @staticmethod
    def instalment_room(
        income: int | None, debts: int | None, ratio: int, residual: int
    ) -> int | None: ...
    @staticmethod
    def largest_principal(
        instalment: int, annual_rate: int, frequency: int, periods: int, rounding: int
    ) -> int: ...
    @staticmethod
    def smallest_limit(
        limits: list[tuple[int, int | None]], step: int
    ) -> tuple[int | None, int]: ...
    @staticmethod
    def expected_loss_limit(
        terms: dict[str, object], budget: int, pd12: float, lgd: float
    ) -> int: ...
    @staticmethod
    def ladder_limit(amounts: list[int], needed: list[int], repayments: int) -> int: ...
    @staticmethod
    def other_retail_capital(
        pd: NDArray[np.float64], lgd: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
    @staticmethod
    def take_up(
        intercept: float,
        rate_weight: float,
        amount_weight: float,
        market_rate: float,
        rate: NDArray[np.float64],
        offered: NDArray[np.float64],
        asked: NDArray[np.float64],
    ) -> NDArray[np.float64]: ...
    @staticmethod
    def settlement(
        terms: dict[str, object], servicing: dict[str, object], paid_rows: int, day: int
    ) -> tuple[int, int, int]: ...
    @staticmethod
    def prepayment(
        terms: dict[str, object],
        servicing: dict[str, object],
        paid_rows: int,
        day: int,
        amount_fen: int,
        keep: int,
    ) -> tuple[tuple[int, int, int], int, int, int, int, int, int]: ...
    @staticmethod
    def payment(
        open: list[tuple[int, list[int], int]],
        amount_fen: int,
        day: int,
        servicing: dict[str, object],
    ) -> tuple[list[tuple[int, list[int], int]], list[int], int]: ...

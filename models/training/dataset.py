"""The training data: the policy's own features of every client, as the engine computes them.

Features come from the policy file through the compiled program that also serves requests, so that
training and serving cannot drift apart.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from fenqi import _native
from fenqi.lab.taiwan import Client, load_clients, to_application
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

ROOT = Path(__file__).resolve().parents[2]
FEATURES = ROOT / "policies" / "taiwan_card" / "statements.yaml"
COLUMNS = Path(__file__).with_name("columns.yaml")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Column:
    """One column of a model's input: a feature of the policy."""

    name: str
    unit: str
    reason: str
    dimension: str
    monotone: int


@dataclass(frozen=True)
class Dataset:
    """Features [rows, columns] as float32 (NaN is missing), and outcomes [rows], 1 is default."""

    columns: list[Column]
    features: Floats
    defaulted: NDArray[np.int64]
    holdout: NDArray[np.bool_]
    clients: list[Client]
    extractor: FeatureExtractor


class FeatureExtractor:
    """Computes the policy's features with the engine."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = columns
        self._engine = _native.Engine()
        self._engine.deploy(_native.Release(_features_alone()))

    def row(self, client: Client, months: int) -> list[float]:
        """The columns' values for a client of whom the newest `months` statements are known."""
        request = scoring_pb2.ScoreRequest(application=to_application(client, months))
        values = self._engine.trace(request.SerializeToString())
        return [_number(values[column.name]) for column in self._columns]

    def matrix(self, clients: list[Client], months: list[int]) -> Floats:
        """One row for each client."""
        rows = [self.row(client, known) for client, known in zip(clients, months, strict=True)]
        return np.array(rows, dtype=np.float32)


def load_dataset() -> Dataset:
    """All clients of the bundled data, all six statements known."""
    yaml = YAML(typ="safe")
    features = yaml.load(FEATURES.read_text(encoding="utf-8"))["features"]
    columns = [
        Column(unit=features[entry["name"]].get("unit", ""), **entry)
        for entry in yaml.load(COLUMNS.read_text())
    ]
    extractor = FeatureExtractor(columns)
    clients = load_clients()
    return Dataset(
        columns=columns,
        features=extractor.matrix(clients, [6] * len(clients)),
        defaulted=np.array([client.defaulted for client in clients], dtype=np.int64),
        holdout=np.array([client.is_holdout for client in clients]),
        clients=clients,
        extractor=extractor,
    )


def shortened_histories(
    dataset: Dataset, share: float, seed: int
) -> tuple[Floats, NDArray[np.intp]]:
    """Copies of a share of the rows with only the newest 0 .. 5 statements known.

    A model that never saw missing values has no opinion on them; these rows give it one. Returns
    the copies' features and the rows that they were made from.
    """
    random = np.random.default_rng(seed)
    count = int(share * len(dataset.clients))
    rows = random.choice(len(dataset.clients), size=count, replace=False)
    months = [int(known) for known in random.integers(0, 6, size=count)]
    return dataset.extractor.matrix([dataset.clients[row] for row in rows], months), rows


def _features_alone() -> bytes:
    """An image of the policy's features: its models are what training is about to make."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.yaml"
        policy = {"policy": "features", "version": "0", "include": [str(FEATURES)]}
        path.write_text(json.dumps(policy), encoding="utf-8")
        return compile_policy(path).image


def _number(value: object) -> float:
    if value is None or isinstance(value, ValueError):
        return float("nan")
    assert isinstance(value, bool | int | float)
    return float(value)

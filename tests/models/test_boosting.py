"""The trees that become the graph split as LightGBM does, to the last bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is in `train`")

from models.training.boosting import Split, Tree, trees_of  # noqa: E402


def splits(tree: Tree) -> list[Split]:
    return [] if isinstance(tree, float) else [tree, *splits(tree.left), *splits(tree.right)]


def value(tree: Tree, row: np.ndarray) -> float:
    while not isinstance(tree, float):
        x = row[tree.feature]
        goes_left = tree.missing_left if np.isnan(x) else x <= tree.threshold
        tree = tree.left if goes_left else tree.right
    return tree


@pytest.mark.parametrize("with_zeros", [False, True])
def test_every_split_value_and_its_neighbours_go_where_lightgbm_sends_them(
    with_zeros: bool,
) -> None:
    chance = np.random.default_rng(0)
    x = chance.normal(size=(800, 3)).astype(np.float32)
    if with_zeros:
        # LightGBM parts zeros from the rest at 1e-35 on either side.
        x[chance.random(x.shape) < 0.3] = 0
        x[chance.random(x.shape) < 0.1] = np.nan
    bad = (np.nan_to_num(x) @ [1.0, -0.5, 0.3] + chance.normal(size=800) > 0).astype(int)
    parameters = {"objective": "binary", "num_leaves": 8, "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(x, bad), 30)
    trees = trees_of(booster)
    rows = []
    for number, split in enumerate([part for tree in trees for part in splits(tree)]):
        for toward in (-np.inf, split.threshold, np.inf):
            row = x[number % len(x)].copy()
            row[split.feature] = np.nextafter(split.threshold, np.float32(toward))
            rows.append(row)
    expected = booster.predict(np.array(rows), raw_score=True)
    found = [sum(value(tree, row) for tree in trees) for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-9)

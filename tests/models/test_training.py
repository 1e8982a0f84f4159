"""Training again, out of fold, reaches the figures that the artifacts record."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from bench.baseline.features import features as features_by_hand  # noqa: E402
from fenqi.artifacts import load_artifact  # noqa: E402
from fenqi.lab.taiwan import to_application  # noqa: E402
from models.training import boosting, train  # noqa: E402
from models.training.dataset import Dataset, load_dataset  # noqa: E402


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset()


def test_the_policys_features_equal_those_written_by_hand(dataset: Dataset) -> None:
    rows = range(0, len(dataset.clients), 10)
    by_hand = [features_by_hand(to_application(dataset.clients[row])) for row in rows]
    np.testing.assert_allclose(
        dataset.features[list(rows)], np.array(by_hand, dtype=np.float32), rtol=1e-6
    )


@pytest.mark.parametrize("months", range(6))
def test_features_of_short_histories_are_missing_and_never_zero(
    dataset: Dataset, months: int
) -> None:
    for client in dataset.clients[:200]:
        ours = np.array(dataset.extractor.row(client, months))
        by_hand = np.array(features_by_hand(to_application(client, months)))
        np.testing.assert_allclose(ours, by_hand, rtol=1e-6)
    assert months > 0 or np.isnan(ours).all()


def test_boosting_out_of_fold_approves_as_many_as_recorded(dataset: Dataset) -> None:
    everything, _ = train.split(dataset)

    def trainer(features, defaulted):
        booster = boosting.train(dataset.columns, features, defaulted)
        return lambda rows: np.asarray(booster.predict(rows, raw_score=True))

    found = train.out_of_fold(everything, trainer).metrics
    recorded = load_artifact(ROOT / "models" / "taiwan_gbm" / "1").manifest.metrics["five_fold"]
    assert found["auc_mean"] >= 0.775
    assert found["approval_rate"] >= 0.64
    assert found["auc_mean"] == pytest.approx(recorded["auc_mean"], abs=0.002)
    assert found["approval_rate"] == pytest.approx(recorded["approval_rate"], abs=0.01)


def test_the_policys_cut_off_is_the_models_prudent_one() -> None:
    from ruamel.yaml import YAML

    policy = YAML(typ="safe").load((ROOT / "policies" / "taiwan_card.yaml").read_text())
    artifact = load_artifact(ROOT / "models" / policy["models"]["default_risk"]["artifact"])
    assert policy["cutoffs"]["approve_at_most"] == artifact.manifest.metrics["cut_off"]

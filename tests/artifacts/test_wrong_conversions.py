"""Conversions that are known to go wrong without a word: packing refuses each, by what the training
library itself predicts, and takes the same pipelines where their conversion is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fenqi.artifacts import ArtifactError
from fenqi.artifacts.packing import Packed, Wishes, pack
from fenqi.artifacts.packing.predict import Predict
from tests.artifacts.samples import write_csv

COLUMNS = 5
NAMES = [f"x{n}" for n in range(COLUMNS)]
Floats = NDArray[np.float32]
# The ONNX file's content, and the library's own probabilities, [rows, classes].
Exported = tuple[bytes, Callable[[Floats], Any]]


def data() -> tuple[Floats, NDArray[np.float64]]:
    """Applicants, a third of whose values are 0, and a number that says how risky they are."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, COLUMNS)).astype(np.float32)
    rows[random.random(rows.shape) < 0.3] = 0
    return rows, rows[:, 0] - rows[:, 1] * rows[:, 2] + 0.3 * random.normal(size=len(rows))


def classes(count: int) -> NDArray[np.int64]:
    risk = data()[1]
    return np.digitize(risk, np.quantile(risk, np.arange(1, count) / count))


def scikit(model: Any) -> Exported:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx converts scikit-learn's models")
    from skl2onnx.common.data_types import FloatTensorType

    fitted = model.fit(data()[0], classes(2))
    content = skl2onnx.to_onnx(
        fitted,
        initial_types=[("x", FloatTensorType([None, COLUMNS]))],
        target_opset={"": 17, "ai.onnx.ml": 3},
        options={"zipmap": False},
    ).SerializeToString()
    return content, fitted.predict_proba


def boosted(count: int, **parameters: Any) -> Exported:
    lightgbm = pytest.importorskip("lightgbm")
    tools = pytest.importorskip("onnxmltools", reason="onnxmltools converts LightGBM's models")
    from onnxmltools.convert.common.data_types import FloatTensorType

    settings = {"verbose": -1, "num_threads": 1, "seed": 1} | parameters
    booster = lightgbm.train(settings, lightgbm.Dataset(data()[0], classes(count)), 20)
    types = [("x", FloatTensorType([None, COLUMNS]))]
    content = tools.convert_lightgbm(
        booster, initial_types=types, target_opset=15, zipmap=False
    ).SerializeToString()
    return content, booster.predict


def normalized(norm: str) -> Exported:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    return scikit(make_pipeline(Normalizer(norm), LogisticRegression(C=10)))


def calibrated(method: str) -> Exported:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression

    return scikit(CalibratedClassifierCV(LogisticRegression(), method=method))


def packed(made: Exported, folder: Path) -> Packed:
    (folder / "m.onnx").write_bytes(made[0])
    rows = data()[0]
    write_csv(folder / "m.csv", {name: rows[:, i] for i, name in enumerate(NAMES)})

    def predict(columns: Any) -> Any:
        return made[1](np.stack([columns[name] for name in NAMES], axis=1))

    wishes = Wishes("m", "1", predict=Predict("t:predict", predict), latency_budget_us=1e5)
    return pack(folder / "m.onnx", folder / "m.csv", folder / "models", wishes)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("export", "off_by"),
    [
        pytest.param(
            lambda: boosted(3, objective="multiclassova", num_class=3), 0.2, id="one against all"
        ),
        pytest.param(
            lambda: boosted(2, objective="binary", zero_as_missing=True), 0.2, id="zero as missing"
        ),
        pytest.param(lambda: normalized("max"), 0.9, id="normalizer"),
        pytest.param(lambda: calibrated("isotonic"), 0.01, id="calibrated"),
    ],
)
def test_a_wrong_conversion_is_refused_with_its_largest_difference(
    export: Callable[[], Exported], off_by: float, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match="the graph is not what was trained") as caught:
        packed(export(), tmp_path)
    said = str(caught.value)
    assert float(said.split("The largest difference is ")[1].split(",")[0]) > off_by
    assert f"{tmp_path / 'm.csv'}:" in said
    assert not (tmp_path / "models").exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "export",
    [
        pytest.param(lambda: boosted(3, objective="multiclass", num_class=3), id="multiclass"),
        pytest.param(lambda: boosted(2, objective="binary"), id="zero as zero"),
        pytest.param(lambda: normalized("l2"), id="normalizer"),
        pytest.param(lambda: calibrated("sigmoid"), id="calibrated"),
    ],
)
def test_its_neighbour_that_is_right_is_packed(
    export: Callable[[], Exported], tmp_path: Path
) -> None:
    parity = packed(export(), tmp_path).artifact.parity
    assert parity.verdict in ("equal", "equal but exactly on splits")
    assert parity.comparisons[0].rows == "sample"
    assert parity.comparisons[0].largest < 1e-6

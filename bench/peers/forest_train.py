"""Makes the data and the forests that all contenders of the forest benchmark run.

python forest_train.py FOLDER TREESxLEAVES...

Made-up applicants with 40 columns, some of them counts, a twentieth of the values missing. Writes
columns.npy (float32), labels.npy, rows.bin (4,096 further applicants, float32, row after row) and,
for each size, a LightGBM model as <size>.txt.
"""

import sys
from pathlib import Path

import lightgbm
import numpy as np

COLUMNS = 40


def applicants(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chosen = np.random.default_rng(seed)
    x = chosen.normal(size=(count, COLUMNS)).astype(np.float32)
    x[:, ::5] = np.round(3 * np.exp(x[:, ::5]))
    x[chosen.random(x.shape) < 0.05] = np.nan
    known = np.nan_to_num(x)
    margin = known[:, 0] * 0.2 + np.sin(known[:, 1]) + known[:, 2] * known[:, 3] - 2
    margin += known[:, 4] / 2 - (known[:, 6] > 1) * known[:, 7] + known[:, 8:20] @ np.full(12, 0.1)
    return x, (chosen.random(count) < 1 / (1 + np.exp(-margin))).astype(np.int32)


def main() -> None:
    folder = Path(sys.argv[1])
    x, y = applicants(8000, seed=7)
    np.save(folder / "columns.npy", x)
    np.save(folder / "labels.npy", y)
    applicants(4096, seed=8)[0].tofile(folder / "rows.bin")
    for size in sys.argv[2:]:
        trees, leaves = map(int, size.split("x"))
        options = {"objective": "binary", "num_leaves": leaves, "verbose": -1, "num_threads": 1}
        # LightGBM's default, or less, so that the last trees still find something to split.
        options["learning_rate"] = min(0.1, 30 / trees)
        data = lightgbm.Dataset(x.astype(np.float64), y)
        lightgbm.train(options, data, trees).save_model(folder / f"{size}.txt")


main()

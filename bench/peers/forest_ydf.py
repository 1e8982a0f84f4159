"""ydf: a model of its own of the same size on the same data, as its stand-alone C++."""

import numpy as np
import ydf
from forest_library import COLUMNS, asked, build

CALL = f"""
#include <cstddef>
#include "model.h"
extern "C" const int forest_is_another = 1;
extern "C" void forest_predict(const float* rows, std::size_t count, float* margins) {{
  for (std::size_t i = 0; i < count; ++i, rows += {COLUMNS}) {{
    ydf_model::Instance row;
    static_assert(sizeof row == sizeof(float) * {COLUMNS});
    std::memcpy(&row, rows, sizeof row);
    margins[i] = ydf_model::Predict(row);
  }}
}}
"""


def main() -> None:
    folder, size = asked()
    trees, leaves = map(int, size.split("x"))
    columns, labels = np.load(folder / "columns.npy"), np.load(folder / "labels.npy")
    data = {f"c{i}": columns[:, i] for i in range(COLUMNS)} | {"label": labels}
    learner = ydf.GradientBoostedTreesLearner(
        label="label",
        num_trees=trees,
        growing_strategy="BEST_FIRST_GLOBAL",
        max_num_nodes=leaves,
        max_depth=-1,
        validation_ratio=0.0,
        early_stopping="NONE",
    )
    model = learner.train(data, verbose=0)
    header = model.to_standalone_cc(name="ydf_model", classification_output="SCORE")
    code = folder / f"{size}.ydf"
    code.mkdir(exist_ok=True)
    (code / "model.h").write_text(header)
    call = code / "call.cc"
    call.write_text(CALL)
    build(folder / f"{size}.ydf.so", "g++", [call], "-std=c++20")


main()

"""timber-compiler: trees as arrays in C. It gives probabilities, and nothing else."""

import subprocess
import sys
from pathlib import Path

from forest_library import asked, build

CALL = """
#include <stddef.h>
#include "model.c"
const int forest_gives_probabilities = 1;
void forest_predict(const float* rows, size_t count, float* probabilities) {
  timber_infer(rows, (int)count, probabilities, NULL);
}
"""


def main() -> None:
    folder, size = asked()
    code = folder / f"{size}.timber"
    command = [str(Path(sys.executable).with_name("timber")), "compile", "--format", "lightgbm"]
    subprocess.run(
        [*command, "--model", str(folder / f"{size}.txt"), "--out", str(code)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # It writes an infinite split value as inf.0f, which is no C.
    data = code / "model_data.c"
    data.write_text(data.read_text().replace("inf.0f", "INFINITY"))
    call = code / "call.c"
    call.write_text(CALL)
    build(folder / f"{size}.timber.so", "gcc", [call], "-std=c99")


main()

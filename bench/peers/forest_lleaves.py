"""lleaves: trees compiled by LLVM. It takes doubles."""

import lleaves
from forest_library import COLUMNS, asked, build

CALL = f"""
#include <stddef.h>
void forest_root(double* columns, double* margins, int begin, int end);
void forest_predict(const float* rows, size_t count, float* margins) {{
  static double columns[1024 * {COLUMNS}], results[1024];
  for (size_t i = 0; i < count * {COLUMNS}; ++i) columns[i] = rows[i];
  forest_root(columns, results, 0, (int)count);
  for (size_t i = 0; i < count; ++i) margins[i] = (float)results[i];
}}
"""


def main() -> None:
    folder, size = asked()
    compiled, call = folder / f"{size}.lleaves.o", folder / f"{size}.lleaves.c"
    compiled.unlink(missing_ok=True)
    lleaves.Model(model_file=folder / f"{size}.txt").compile(cache=compiled, raw_score=True)
    call.write_text(CALL)
    build(folder / f"{size}.lleaves.so", "gcc", [call, compiled])


main()

"""tl2cgen: trees as nested conditionals in C. A row is first put into its entries."""

from pathlib import Path

import tl2cgen
import treelite
from forest_library import COLUMNS, asked, build

CALL = f"""
#include <stddef.h>
#include "header.h"
void forest_predict(const float* rows, size_t count, float* margins) {{
  union Entry entries[{COLUMNS}];
  for (size_t i = 0; i < count; ++i, rows += {COLUMNS}) {{
    for (int c = 0; c < {COLUMNS}; ++c) {{
      if (rows[c] != rows[c]) {{
        entries[c].missing = -1;
      }} else {{
        entries[c].fvalue = rows[c];
      }}
    }}
    double margin = 0.0;
    predict(entries, 1, &margin);
    margins[i] = (float)margin;
  }}
}}
"""


def main() -> None:
    folder, size = asked()
    model = treelite.frontend.load_lightgbm_model(folder / f"{size}.txt")
    code = folder / f"{size}.tl2cgen"
    tl2cgen.generate_c_code(model, dirpath=code, params={"parallel_comp": 0})
    call: Path = code / "call.c"
    call.write_text(CALL)
    build(folder / f"{size}.tl2cgen.so", "gcc", [code / "main.c", call])


main()

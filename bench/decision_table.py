"""How long does a decision table take, however far down the row stands that holds?

The index alone, from C++ (`table_bench`), on tables of several shapes; a line for the row that is
hit: the first, the middle and the last one, and none.
"""

from __future__ import annotations

import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.machine import ROOT
from bench.servers import LOAD_CPU
from fenqi.policy.tables import csv
from fenqi.policy.tables.analysis import analyse
from fenqi.policy.tables.cells import Value
from fenqi.policy.tables.image import table_image
from fenqi.policy.tables.table import Input, Output, Table

COUNT = 300_000

Line = list[Value]


@dataclass(frozen=True)
class Shape:
    """A table as it is generated: cells of a row, and inputs for which that row holds first."""

    rows: int
    inputs: tuple[Input, ...]
    row: Callable[[random.Random, int], tuple[list[str], Line]]


def _bands(chosen: random.Random, number: int) -> tuple[list[str], Line]:
    """Each row a city of its own, with bands of age, income and rate, and a flag."""
    age, income = chosen.randrange(18, 60), chosen.randrange(10_000) * 100
    rate = chosen.randrange(100) / 100
    cells = [
        f"city{number}",
        f"[{age}..{age + 5})",
        f">= {income}",
        f"< {rate + 0.5}",
        chosen.choice(["true", "-"]),
    ]
    return cells, [f"city{number}", age, income, rate, True]


def _grades(chosen: random.Random, number: int) -> tuple[list[str], Line]:
    """Every combination of 10 values of four inputs, in this order."""
    digits = [number // 10**i % 10 for i in range(4)]
    bands = [f"[{digit * 10}..{digit * 10 + 10})" for digit in digits]
    return bands, [digit * 10 + 3 for digit in digits]


def _crowded(chosen: random.Random, number: int) -> tuple[list[str], Line]:
    """Ten values in each of five inputs at random: each value's rows are spread over the table.

    A sixth input names the row, so that only this one holds.
    """
    digits = [chosen.randrange(10) for _ in range(5)]
    return [*(str(digit) for digit in digits), f">= {number}"], [*digits, number]


SHAPES = {
    "bands_10000": Shape(
        10_000,
        (
            Input("city", "string"),
            Input("age", "int"),
            Input("income", "int"),
            Input("rate", "double"),
            Input("flag", "bool"),
        ),
        _bands,
    ),
    "crowded_10000": Shape(10_000, tuple(Input(f"i{n}", "int") for n in range(6)), _crowded),
    "grid_10000": Shape(10_000, tuple(Input(f"i{n}", "int") for n in range(4)), _grades),
    "grid_3000": Shape(3_000, tuple(Input(f"i{n}", "int") for n in range(4)), _grades),
}


def run() -> dict[str, object]:
    """For each shape: seconds to read and to analyse, milliseconds to load, nanoseconds to ask."""
    return {name: _measure(shape) for name, shape in SHAPES.items()}


def rows_of(shape: Shape) -> Iterator[tuple[list[str], Line]]:
    """The same rows each time."""
    chosen = random.Random(shape.rows)
    return (shape.row(chosen, number) for number in range(shape.rows))


def _measure(shape: Shape) -> dict[str, object]:
    generated = list(rows_of(shape))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        table = _compile(shape, Path(folder) / "table.csv", [cells for cells, _ in generated])
        read = time.perf_counter()
        analyse(table)
        analysed = time.perf_counter()
        image, inputs = Path(folder) / "table", Path(folder) / "inputs"
        everything = range(len(table.inputs))
        image.write_bytes(table_image(table, everything, everything).SerializeToString())
        middle, last = shape.rows // 2, shape.rows - 1
        lines = [generated[number][1] for number in (0, middle, last)]
        lines.append([-1 if isinstance(value, int) else value for value in lines[0]])
        inputs.write_text("".join("\t".join(map(_written, line)) + "\n" for line in lines))
        command = [
            *["taskset", "-c", str(LOAD_CPU)],
            str(ROOT / "build" / "native" / "release" / "bin" / "table_bench"),
            *["--table", str(image), "--inputs", str(inputs), "--count", str(COUNT)],
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    names = ("first", "middle", "last", "none")
    return {
        "rows": shape.rows,
        "inputs": len(shape.inputs),
        "read_csv_s": round(read - start, 2),
        "analyse_s": round(analysed - read, 2),
        "load_ms": measured["load_ms"],
        "index_bytes": measured["index_bytes"],
        "ns": {name: line["ns"] for name, line in zip(names, measured["lines"], strict=True)},
        "row": {name: line["row"] for name, line in zip(names, measured["lines"], strict=True)},
        "in_turn_ns": measured["in_turn_ns"],
    }


def _compile(shape: Shape, path: Path, rows: list[list[str]]) -> Table:
    outputs = (Output("o", "int"),)
    header = ",".join([*(column.name for column in shape.inputs), "o"])
    body = "\n".join(",".join([*cells, str(n)]) for n, cells in enumerate(rows))
    path.write_text(f"{header}\n{body}\n")
    read = csv.table_rows(csv.read_csv(path, path.name), shape.inputs, outputs)
    return Table("bench", "first", shape.inputs, outputs, tuple(read))


def _written(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))

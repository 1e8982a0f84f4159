"""Runs the benchmarks of manifest.yaml, all or those named, and writes bench/results/<name>.json.

python -m bench [NAME ...]
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from ruamel.yaml import YAML

from bench.machine import RESULTS, facts
from bench.table import TABLES


def main() -> None:
    entries = YAML(typ="safe").load(Path(__file__).with_name("manifest.yaml").read_text())
    wanted = sys.argv[1:] or [entry["name"] for entry in entries]
    if unknown := set(wanted) - {entry["name"] for entry in entries}:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}")
    RESULTS.mkdir(exist_ok=True)
    for entry in entries:
        name = entry["name"]
        if name not in wanted:
            continue
        print(f"\n{name}: {entry['question']}", flush=True)
        machine = facts()
        results = importlib.import_module(f"bench.{name}").run()
        path = RESULTS / f"{name}.json"
        path.write_text(json.dumps({"machine": machine, **results}, indent=2) + "\n")
        print(f"{TABLES[name](results)}\n\nwritten to bench/results/{path.name}", flush=True)


if __name__ == "__main__":
    main()

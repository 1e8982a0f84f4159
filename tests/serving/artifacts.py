"""Model packages for tests: the bundled one again, under another version or name."""

from __future__ import annotations

import shutil
from pathlib import Path

from ruamel.yaml import YAML

from fenqi.bundled import MODELS

BUNDLED = MODELS / "taiwan_gbm"


def pack_version(model: Path, version: str, source: Path = BUNDLED, name: str = "") -> Path:
    """Puts version 1 of `source` at `model`/`version`, complete at once; the folder."""
    name = name or model.name
    being_made = model / f".{version}"
    unsigned = shutil.ignore_patterns("signature.json")
    shutil.copytree(source / "1", being_made, ignore=unsigned)
    manifest = being_made / "manifest.yaml"
    yaml = YAML()
    tree = yaml.load(manifest.read_text(encoding="utf-8"))
    tree["name"], tree["version"] = name, version
    yaml.dump(tree, manifest)
    return being_made.rename(model / version)

"""Where the policies, models, tools and libraries that Fenqi comes with stand."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from fenqi.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policies" / "taiwan_card.yaml"
LENDING_POLICY = PROJECT / "policies" / "taiwan_offers.yaml"
MODELS = PROJECT / "models"
TOOLS = PROJECT / "build" / "native" / "release" / "bin"


@cache
def onnxruntime_library() -> Path:
    """onnxruntime's own shared library, as its wheel ships it. Raises ConfigurationError."""
    package = importlib.util.find_spec("onnxruntime")
    if package is None or package.origin is None:
        raise ConfigurationError("onnxruntime is not installed: pip install onnxruntime")
    folder = Path(package.origin).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so*"))
    if not found:
        raise ConfigurationError(f"no libonnxruntime.so in {folder}: reinstall onnxruntime")
    return found[-1]

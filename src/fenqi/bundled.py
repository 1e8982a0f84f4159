"""Where the policies, models and tools that come with Fenqi stand: in the project's own folders."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
POLICY = PROJECT / "policies" / "taiwan_card.yaml"
MODELS = PROJECT / "models"
TOOLS = PROJECT / "build" / "native" / "release" / "bin"

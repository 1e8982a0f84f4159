"""The JSON Schema of manifests, published as models/manifest.schema.json."""

from __future__ import annotations

import json

from fenqi.artifacts.manifest import Manifest


def manifest_schema_text() -> str:
    """The schema, draft 2020-12."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Manifest.model_json_schema(),
        "title": "A Fenqi model artifact's manifest.yaml",
    }
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"

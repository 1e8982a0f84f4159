"""The published JSON Schema is that of the manifests that are read."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from fenqi.artifacts.manifest_schema import manifest_schema_text
from fenqi.policy.yaml_file import read_yaml
from tests.artifacts.copies import MODELS


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(manifest_schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_beside_the_models_is_the_current_one() -> None:
    published = (MODELS / "manifest.schema.json").read_text(encoding="utf-8")
    assert published == manifest_schema_text()


def test_the_bundled_manifests_keep_to_it_and_old_ones_do_not(validator: Any) -> None:
    paths = sorted(MODELS.glob("*/*/manifest.yaml"))
    assert paths
    for path in paths:
        manifest = read_yaml(path, path.name, "a manifest").plain()
        assert list(validator.iter_errors(manifest)) == []
        assert list(validator.iter_errors({**manifest, "format": 1}))


def test_every_key_of_a_manifest_is_explained_in_the_docs(validator: Any) -> None:
    docs = (MODELS.parent / "docs" / "artifacts.md").read_text(encoding="utf-8")
    parts = [validator.schema, *validator.schema["$defs"].values()]
    keys = {key for part in parts for key in part.get("properties", {})}
    assert [key for key in sorted(keys) if f"`{key}`" not in docs] == []

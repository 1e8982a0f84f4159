"""The policy language as JSON Schema, for editors that complete and check while one types.

One schema serves the policy file, the files that it includes and the tests beside it: `policy` and
`version` demand each other, and nothing else is demanded of the top.
"""

from __future__ import annotations

from typing import Any

from fenqi.policy.schema import Policy


def policy_schema() -> dict[str, Any]:
    """The schema, draft 07, which every editor's YAML support knows."""
    schema = Policy.model_json_schema(ref_template="#/definitions/{model}")
    definitions = {name: _tidy(part) for name, part in sorted(schema.pop("$defs").items())}
    top = _tidy(schema)
    del top["required"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A Fenqi policy, a file that it includes, or the tests beside it",
        **{key: value for key, value in top.items() if key != "title"},
        "dependencies": {"policy": ["version"], "version": ["policy"]},
        "definitions": definitions,
    }


def _tidy(schema: Any) -> Any:
    """Without pydantic's titles, and without null where a key is simply left out."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "prefixItems" in schema:
        # A range: draft 07 has no prefixItems.
        return {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    tidied: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            tidied[key] = {name: _property(part) for name, part in value.items()}
        elif key != "title":
            tidied[key] = _tidy(value)
    if "patternProperties" in tidied:
        tidied["additionalProperties"] = False
    return _of_types(tidied)


def _of_types(schema: dict[str, Any]) -> dict[str, Any]:
    """Alternatives that are plain types as one list of types."""
    alternatives = schema.get("anyOf", [])
    if not alternatives or any(set(part) != {"type"} for part in alternatives):
        return schema
    names = list(dict.fromkeys(part["type"] for part in alternatives))
    if "number" in names and "integer" in names:
        names.remove("integer")
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {"type": names[0] if len(names) == 1 else names, **rest}


def _property(schema: dict[str, Any]) -> dict[str, Any]:
    if "default" in schema and schema["default"] is None:
        given = [part for part in schema.get("anyOf", []) if part != {"type": "null"}]
        rest = {key: value for key, value in schema.items() if key not in ("default", "anyOf")}
        schema = (given[0] if len(given) == 1 else {"anyOf": given}) | rest
    tidied: dict[str, Any] = _tidy(schema)
    if "$ref" in tidied and len(tidied) > 1:
        # Draft 07 ignores what stands beside a $ref.
        tidied = {"allOf": [{"$ref": tidied.pop("$ref")}], **tidied}
    return tidied

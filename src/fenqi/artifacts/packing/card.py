"""`card.md`: what a reader of the artifact should know, to be completed by its owner."""

from __future__ import annotations

from typing import Any


def card_bytes(manifest: dict[str, Any]) -> bytes:
    """The card of a model that was packed; from its manifest only."""
    inputs = "\n".join(
        f"| {column['name']} | {tensor['type']} | {tensor['name']} |"
        for tensor in manifest["inputs"]
        for column in tensor["columns"]
    )
    calibration = manifest["calibration"].get("kind", "none")
    return f"""# {manifest["name"]} {manifest["version"]}

**Intended use.** {manifest["purpose"]}

**Owner.** {manifest["owner"]}. **Materiality.** {manifest["materiality"]}.
**Expires.** {manifest.get("expires", "never said")}.

**Data.** {manifest["data"]["rows"]} rows of {manifest["data"]["sample"]}: golden rows, reference
and calibration ({calibration}) come from them.

| input | type | tensor |
|---|---|---|
{inputs}
""".encode()

"""Reads a model artifact: a folder models/<name>/<version>/ with `model.onnx`, `manifest.yaml`,
golden rows, reference, parity certificate and card; of a scorecard also `scorecard.yaml`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import MANIFEST, MODEL, check_hash, check_schema, parse_yaml, read_file
from fenqi.artifacts.golden import GoldenRows, read_golden
from fenqi.artifacts.interface import check_interface
from fenqi.artifacts.manifest import Manifest
from fenqi.artifacts.parity import ParityCertificate, read_parity
from fenqi.artifacts.reference import Reference, read_reference
from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from fenqi.artifacts.signature import Signature, TrustedKeys, check_trusted, read_signature


@dataclass(frozen=True, slots=True)
class Artifact:
    """A checked artifact."""

    folder: Path
    manifest: Manifest
    # SHA-256 of manifest.yaml, which lists the other files' hashes: it names the whole artifact.
    digest: str
    onnx: bytes
    golden: GoldenRows
    reference: Reference
    parity: ParityCertificate
    signature: Signature | None
    # What is inside scorecard.yaml; a policy checks it.
    scorecard: dict[str, Any] | None = None


def load_artifact(folder: Path, trusted: TrustedKeys | None = None) -> Artifact:
    """Reads `folder` and checks manifest, hashes, signature and graph, and the form of every other
    file. With `trusted`, one of these keys must have signed it.

    Raises ArtifactError, which names the file and says what is wrong with it. Nothing is run: see
    `try_artifact`.
    """
    content = read_file(folder / MANIFEST)
    manifest, digest = _manifest(folder, content), hashlib.sha256(content).hexdigest()
    signature = read_signature(folder, manifest, digest)
    if trusted is not None:
        check_trusted(folder, signature, trusted)
    files = {name: read_file(folder / name) for name in sorted(manifest.files)}
    for name, read in files.items():
        check_hash(folder / name, read, manifest.files[name])
    try:
        check_interface(parse_graph(files[MODEL]), manifest)
    except UnsafeGraph as error:
        raise ArtifactError(f"{folder / MODEL}: {error}") from None
    columns = [column.name for column in manifest.columns]
    return Artifact(
        folder=folder,
        manifest=manifest,
        digest=digest,
        onnx=files[MODEL],
        golden=read_golden(folder / "golden.json", files["golden.json"], manifest),
        reference=read_reference(folder / "reference.json", files["reference.json"], columns),
        parity=read_parity(folder / "parity.json", files["parity.json"]),
        signature=signature,
        scorecard=_scorecard(folder / "scorecard.yaml", files.get("scorecard.yaml")),
    )


def _manifest(folder: Path, content: bytes) -> Manifest:
    path = folder / MANIFEST
    manifest = check_schema(parse_yaml(path, content, "a manifest"), Manifest)
    if (folder.parent.name, folder.name) != (manifest.name, manifest.version):
        raise ArtifactError(
            f"{path} describes {manifest.name}/{manifest.version}, not "
            f"{folder.parent.name}/{folder.name}"
        )
    return manifest


def _scorecard(path: Path, content: bytes | None) -> dict[str, Any] | None:
    if content is None:
        return None
    return parse_yaml(path, content, "a scorecard").plain()

"""Reads the files of an artifact, within limits: nothing of them is trusted."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.safety.limits import MOST_BYTES

if TYPE_CHECKING:
    from fenqi.policy.yaml_file import YamlFile

MANIFEST, SIGNATURE, MODEL = "manifest.yaml", "signature.json", "model.onnx"
_MOST_BYTES = {MANIFEST: 2**20, SIGNATURE: 2**16, MODEL: MOST_BYTES}
_MOST_BYTES_OF_OTHERS = 64 * 2**20
Model = TypeVar("Model", bound=BaseModel)


def read_file(path: Path) -> bytes:
    """The content of a regular file. Raises ArtifactError."""
    most = _MOST_BYTES.get(path.name, _MOST_BYTES_OF_OTHERS)
    try:
        known = path.stat()
        if not stat.S_ISREG(known.st_mode):
            raise ArtifactError(f"{path} is no file")
        if known.st_size > most:
            raise ArtifactError(f"{path} has {known.st_size} bytes, over the limit of {most}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise ArtifactError(f"cannot read {path}: {error.strerror}") from None
    if len(content) > most:
        raise ArtifactError(f"{path} grew over the limit of {most} bytes while it was read")
    return content


def check_hash(path: Path, content: bytes, expected: str) -> None:
    """Raises ArtifactError where `content` has another SHA-256."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ArtifactError(
            f"{path} has the hash {found}, the manifest says {expected}; the file was changed "
            "after it was packed"
        )


def parse_yaml(path: Path, content: bytes, what: str) -> YamlFile:
    """YAML whose top is a mapping; `what` it is ("a manifest") is for messages.

    Raises ArtifactError with file, line and column.
    """
    # Policies read artifacts, and have the reader of YAML.
    from fenqi.policy.errors import PolicyError
    from fenqi.policy.yaml_file import parse_yaml

    try:
        return parse_yaml(content, path, str(path), what)
    except PolicyError as error:
        raise ArtifactError(str(error)) from None


def check_schema(file: YamlFile, model: type[Model]) -> Model:
    """The file's content as `model`. Raises ArtifactError with file, line and column."""
    from fenqi.policy.schema_errors import schema_problems

    try:
        return model.model_validate(file.plain())
    except ValidationError as error:
        problems = schema_problems(file, model, error)
        raise ArtifactError("\n".join(str(problem) for problem in problems)) from None

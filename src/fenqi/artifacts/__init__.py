"""Model artifacts: what a model is, beside its graph."""

from fenqi.artifacts.artifact import Artifact, load_artifact
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.manifest import Manifest

__all__ = ["Artifact", "ArtifactError", "Manifest", "load_artifact"]

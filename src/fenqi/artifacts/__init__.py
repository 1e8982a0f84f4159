"""Model artifacts: what a model is, beside its graph."""

from fenqi.artifacts.manifest import Artifact, ArtifactError, Manifest, load_artifact

__all__ = ["Artifact", "ArtifactError", "Manifest", "load_artifact"]

"""Where releases are made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fenqi.artifacts.signature import TrustedKeys
from fenqi.serving.deployments.errors import RefusedError


@dataclass(frozen=True, slots=True)
class Sources:
    """The policy of the settings, and the model packages."""

    policy: Path
    # `<name>/<version>/`.
    models: Path
    # One of these must have signed each package; None: none has to be signed.
    trusted: TrustedKeys | None = None

    def policy_file(self, name: str) -> Path:
        """The policy file `name` in the folder of the settings' policy. Raises RefusedError where
        it would be elsewhere."""
        folder = self.policy.absolute().parent.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder):
            raise RefusedError(f"{name} is not in {folder}, where this server's policies are")
        return path

    def packages(self) -> list[Path]:
        """The folders of all model packages; hidden ones, as copies in progress, are none."""
        return sorted(path.parent for path in self.models.glob("[!.]*/[!.]*/manifest.yaml"))

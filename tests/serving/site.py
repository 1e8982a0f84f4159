"""A place where a server may run: policies of rules alone, models, and a state folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fenqi.engine import Engine
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.sources import Sources
from fenqi.serving.deployments.state import State

RULES = Path(__file__).resolve().parents[1] / "data" / "rules_only.yaml"


@dataclass
class Site:
    """A place where a server may run, again and again."""

    folder: Path

    @property
    def policy(self) -> Path:
        return self.folder / "policies" / "rules.yaml"

    def write_policy(self, version: int, file: str = "rules.yaml") -> Path:
        """The policy of this version declines amounts above `version` yuan."""
        path = self.folder / "policies" / file
        text = RULES.read_text(encoding="utf-8")
        text = text.replace('version: "7"', f'version: "{version}"')
        path.write_text(text.replace("20000000", str(version * 100)), encoding="utf-8")
        return path

    @contextmanager
    def deployments(
        self,
        latency_budget_us: float = 1e6,
        approval_seconds: float = 0.0,
        restage: bool = False,
        keep_releases: int = 20,
    ) -> Iterator[Deployments]:
        """Started deployments, over the state that the ones before left."""
        with State(self.folder / "state") as state:
            sources = Sources(self.policy, self.folder / "models")
            made = Deployments(
                Engine(), state, sources, latency_budget_us, approval_seconds, keep_releases
            )
            try:
                made.start(restage)
                yield made
            finally:
                made.stop()

"""Models past their last day: no release with one is staged or gets traffic any more; one that
answers already goes on, and is told of.

To stop answering on a day that somebody once wrote down would be worse than to answer with a model
that is a day too old; and going back to the champion before is for need, whatever its models' age.
"""

from __future__ import annotations

from fenqi.artifacts.expiry import expired
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.errors import StateError
from fenqi.serving.deployments.polling import Polling
from fenqi.serving.deployments.records import DeploymentRecord
from fenqi.serving.deployments.releases import Releases, name_of

EXPIRY = "expiry"
_POLL_SECONDS = 60.0


def expired_in(record: DeploymentRecord, releases: Releases) -> dict[str, list[str]]:
    """What has expired in the releases of a deployment, a sentence each, by content hash."""
    found = {}
    for content_hash in dict.fromkeys(record.releases):
        try:
            origin = releases.origin(content_hash)
        except StateError:
            # What it was made from is not known any more.
            continue
        told = [f"{name_of(origin)}: {what}" for what in expired(origin.expires)]
        if told:
            found[content_hash] = told
    return found


class ExpiryWatch(Polling):
    """Writes into the history, once for each release that answers or is compared, that a model of
    it has expired; from `start` until `stop`."""

    def __init__(self, deployments: Deployments, poll_seconds: float = _POLL_SECONDS) -> None:
        super().__init__("expiry", poll_seconds)
        self._deployments = deployments
        events = deployments.state.history.events()
        self._recorded = {(one.release, one.what) for one in events if one.kind == "expired"}

    def _look(self) -> None:
        state = self._deployments.state
        for release, told in expired_in(self._deployments.current, state.releases).items():
            for what in told:
                if (release, what) not in self._recorded:
                    self._recorded.add((release, what))
                    state.history.append("expired", who=EXPIRY, why="", what=what, release=release)

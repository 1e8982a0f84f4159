"""Promotions that two people make: one asks, another approves within a time."""

from __future__ import annotations

import time

from fenqi.serving.deployments.errors import RefusedError
from fenqi.serving.deployments.pending import Pending
from fenqi.serving.deployments.publisher import Publisher
from fenqi.serving.deployments.state import State


class SecondApproval:
    """The one promotion that waits, if any. From the thread of the changes."""

    def __init__(self, publisher: Publisher, state: State, seconds: float) -> None:
        """`seconds`: how long a promotion waits; 0 where none has to."""
        self._publisher = publisher
        self._state = state
        self._seconds = seconds

    def asked_by_another(self, who: str, release: str) -> Pending | None:
        """What `who` now approves of; None where nobody asked for it before.

        Raises RefusedError where another release waits, or `who` asked for this one.
        """
        self.lapse()
        waiting = self._state.pending.waiting
        if waiting is None:
            return None
        name = self._publisher.name(waiting.release)
        if waiting.release != release:
            raise RefusedError(
                f"{name} waits for a second approver until {waiting.until_text}; one promotion at "
                "a time"
            )
        if waiting.who == who:
            raise RefusedError(
                f"{who} asked for the promotion of {name}; somebody else must approve it, until "
                f"{waiting.until_text}"
            )
        return waiting

    def ask(self, who: str, release: str, why: str, dry_run: bool) -> Pending:
        """Lets the promotion wait."""
        asked = Pending(
            release=release,
            who=who,
            why=why,
            deployment=self._publisher.current.number,
            until=time.time() + self._seconds,
        )
        if not dry_run:
            self._state.pending.keep(asked)
            self._state.history.append(
                "approval_asked",
                who=who,
                why=why,
                what=f"to promote {self._publisher.name(release)}, until {asked.until_text}",
                release=release,
            )
        return asked

    def close(self) -> None:
        """Nothing waits any more: it was approved."""
        self._state.pending.clear()

    def lapse(self) -> None:
        """Drops a promotion whose time is over, or that was to follow on what answers no more."""
        waiting = self._state.pending.waiting
        if waiting is None:
            return
        if waiting.release == self._publisher.current.champion:
            self.close()  # approved, and killed before that was noted
            return
        if waiting.deployment != self._publisher.current.number:
            why = "what answers has changed since"
        elif waiting.lapsed:
            why = "nobody approved it in time"
        else:
            return
        self.close()
        self._state.history.append(
            "approval_lapsed",
            who=waiting.who,
            why=waiting.why,
            what=f"{self._publisher.name(waiting.release)} was not promoted: {why}",
            release=waiting.release,
        )

"""Which releases a state folder keeps, so that it does not grow for ever."""

from __future__ import annotations

from collections.abc import Sequence

from fenqi.serving.deployments.history import SERVER, Event, EventKind
from fenqi.serving.deployments.releases import name_of
from fenqi.serving.deployments.state import State

# After these the release that they are about is the champion.
_MAKE_A_CHAMPION: tuple[EventKind, ...] = ("started", "promoted", "rolled_back", "reloaded")


def prune(state: State, keep: int) -> None:
    """Removes the releases that nothing needs any more; the history says which.

    Kept are those of the published deployment, the one that waits for a second approver, the
    newest `keep` champions of before, which can be rolled back to, and of all others the `keep`
    that something happened to last, as being staged. Where the history is damaged nobody knows
    which these are: everything stays. Killed at any moment, a release is there whole or not at
    all; what is left is removed the next time. Raises OSError.
    """
    if state.history.damages:
        return
    needed = _needed(state, keep)
    unneeded = [one for one in state.releases.origins() if one.content_hash not in needed]
    if not unneeded:
        return
    # Before it is done: a line too many is better than a release of which nobody knows where it is.
    what = f"removes {', '.join(name_of(one) for one in unneeded)}"
    why = f"the newest {keep} champions of before and {keep} others are kept"
    state.history.append("pruned", who=SERVER, why=why, what=what)
    for one in unneeded:
        state.releases.remove(one.content_hash)


def _needed(state: State, keep: int) -> set[str]:
    published, waiting = state.records.published, state.pending.waiting
    champion = set(() if published is None else (published.champion,))
    newest = state.history.events()[::-1]
    champions = [e for e in newest if e.kind in _MAKE_A_CHAMPION and e.deployment is not None]
    needed = champion | _first(champions, keep, champion)
    needed |= set(() if published is None else published.releases)
    needed |= set(() if waiting is None else (waiting.release,))
    return needed | _first(newest, keep, needed)


def _first(events: Sequence[Event], count: int, besides: set[str]) -> set[str]:
    """The first `count` releases that the events are about, not counting `besides`."""
    found: set[str] = set()
    for event in events:
        if len(found) == count:
            break
        if event.release is not None and event.release not in besides:
            found.add(event.release)
    return found

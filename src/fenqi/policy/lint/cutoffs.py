"""Cut-offs that contradict each other, or that decide nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from fenqi.policy.lint.finding import Finding, found
from fenqi.policy.lint.subject import Subject
from fenqi.policy.schema import Cutoffs, Scorecard
from fenqi.policy.yaml_file import Steps


def cutoffs_apart(subject: Subject) -> Iterator[Finding]:
    """One segment declines where another, scored by the same model, approves."""
    by_decider: dict[str, list[tuple[str, Steps, Cutoffs]]] = {}
    for name, segment in subject.policy.segments.items():
        own = segment.cutoffs is not None
        cutoffs = segment.cutoffs or subject.policy.cutoffs
        if segment.decided_by is not None and cutoffs is not None:
            at: Steps = ("segments", name, "cutoffs") if own else ("segments", name)
            by_decider.setdefault(segment.decided_by, []).append((name, at, cutoffs))
    for decider, segments in by_decider.items():
        for (one, _, first), (other, path, second) in itertools.combinations(segments, 2):
            stricter = _stricter(first, second)
            if stricter is None:
                continue
            hard, soft = (one, other) if stricter is first else (other, one)
            message = (
                f"the segment {hard} declines where {soft} approves, by the same {decider}: their "
                "cut-offs do not even overlap"
            )
            yield found(subject.document, "cutoffs-apart", "warning", path, message)


def _stricter(one: Cutoffs, other: Cutoffs) -> Cutoffs | None:
    """The one that declines what the other approves."""
    for hard, soft in ((one, other), (other, one)):
        if hard.refer_at_most is not None and soft.approve_at_most is not None:
            if hard.refer_at_most < soft.approve_at_most:
                return hard
        elif (
            hard.refer_from is not None
            and soft.approve_from is not None
            and hard.refer_from > soft.approve_from
        ):
            return hard
    return None


def cutoffs_out_of_reach(subject: Subject) -> Iterator[Finding]:
    """Cut-offs by score outside what the scorecard can give."""
    policy = subject.policy
    uses: list[tuple[Steps, str | None, Cutoffs | None]] = [
        (("segments", name, "cutoffs"), segment.decided_by, segment.cutoffs or policy.cutoffs)
        for name, segment in policy.segments.items()
    ]
    if not uses and len(policy.scorecards) == 1:
        uses = [(("cutoffs",), next(iter(policy.scorecards)), policy.cutoffs)]
    for path, decider, cutoffs in uses:
        scorecard = policy.scorecards.get(decider or "")
        if scorecard is None or scorecard.attributes is None or cutoffs is None:
            continue
        low, high = _reach(scorecard)
        said = f"the scorecard {decider} gives {low:g} to {high:g} points"
        if cutoffs.approve_from is not None and cutoffs.refer_from is not None:
            if cutoffs.approve_from > high:
                message = f"nobody is approved: {said}, and approval begins at"
                message += f" {cutoffs.approve_from:g}"
                yield found(subject.document, "cutoffs-out-of-reach", "warning", path, message)
            elif cutoffs.approve_from <= low:
                message = f"everybody is approved: {said}, and approval begins at"
                message += f" {cutoffs.approve_from:g}"
                yield found(subject.document, "cutoffs-out-of-reach", "warning", path, message)
            elif cutoffs.refer_from <= low:
                message = f"nobody is declined: {said}, and referral begins at"
                message += f" {cutoffs.refer_from:g}"
                yield found(subject.document, "cutoffs-out-of-reach", "information", path, message)


def _reach(scorecard: Scorecard) -> tuple[float, float]:
    """Lowest and highest sum of points."""
    low = high = scorecard.base_points
    for attribute in (scorecard.attributes or {}).values():
        points = [one.points for one in attribute.bins]
        low, high = low + min(points), high + max(points)
    return low, high

"""What a new policy does to applications that were decided by an old one: who moves, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from fenqi.engine import Engine
from fenqi.errors import CallError
from fenqi.policy.applications import Applicant
from fenqi.v1 import scoring_pb2
from fenqi.v1.scoring_pb2 import Decision, ScoreResponse

DECISIONS = ("approve", "counter_offer", "refer", "decline")
_APPROVED = ("approve", "counter_offer")
_BATCH = 256
_EXAMPLES = 3
# What a decision is called among rules' actions.
_ACTIONS = {
    "decline": scoring_pb2.RULE_ACTION_DECLINE,
    "refer": scoring_pb2.RULE_ACTION_REFER,
    "counter_offer": scoring_pb2.RULE_ACTION_CAP,
}


@dataclass(slots=True)
class Moved:
    """Applications that moved for one cause. `examples`: names of the first."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Counts one more."""
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(name)


@dataclass(slots=True)
class Shift:
    """How a number moved among those who have it under both policies."""

    count: int = 0
    moved: int = 0
    sum_before: float = 0.0
    sum_after: float = 0.0
    largest: float = 0.0

    def add(self, before: float, after: float) -> None:
        """Counts one more."""
        self.count += 1
        self.moved += abs(after - before) > 1e-9
        self.sum_before += before
        self.sum_after += after
        self.largest = max(self.largest, abs(after - before))


@dataclass(slots=True)
class SwapSet:
    """What changed over a file of applications.

    `matrix`: how many by (decision before, decision after). `swapped_in`: approved only after;
    `swapped_out`: approved only before. `causes`: by (before, after, why), the commonest first in
    `by_cause()`. `failed`: applications that cannot be decided.
    """

    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    swapped_in: Moved = field(default_factory=Moved)
    swapped_out: Moved = field(default_factory=Moved)
    causes: dict[tuple[str, str, str], Moved] = field(default_factory=dict)
    score: Shift = field(default_factory=Shift)
    probability: Shift = field(default_factory=Shift)
    amounts_capped: Moved = field(default_factory=Moved)
    failed: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Applications that were decided."""
        return self.matrix.total()

    def approval_rate(self, after: bool) -> float:
        """Share that is approved, counter-offers included."""
        approved = sum(n for pair, n in self.matrix.items() if pair[after] in _APPROVED)
        return approved / self.count if self.count else 0.0

    def by_cause(self) -> list[tuple[tuple[str, str, str], Moved]]:
        """Causes with what moved, the commonest first."""
        return sorted(self.causes.items(), key=lambda item: (-item[1].count, item[0]))


def compare(old: Engine, new: Engine, applicants: Iterable[Applicant]) -> SwapSet:
    """Decides every application with both engines. Linear in the applications; holds none."""
    found = SwapSet()
    applicants = iter(applicants)
    while batch := list(islice(applicants, _BATCH)):
        requests = [applicant.request for applicant in batch]
        answers = zip(batch, old.score_batch(requests), new.score_batch(requests), strict=True)
        for applicant, before, after in answers:
            if isinstance(before, CallError) or isinstance(after, CallError):
                error = before if isinstance(before, CallError) else after
                found.failed.append(f"{applicant.name}: {error}")
            else:
                _count(found, applicant.name, before, after)
    return found


def _count(found: SwapSet, name: str, before: ScoreResponse, after: ScoreResponse) -> None:
    pair = (_decision(before), _decision(after))
    found.matrix[pair] += 1
    if before.HasField("score") and after.HasField("score"):
        found.score.add(before.score, after.score)
        found.probability.add(before.probability_of_default, after.probability_of_default)
    if pair[0] == pair[1]:
        if _cap(before) != _cap(after):
            found.amounts_capped.add(name)
        return
    if pair[0] not in _APPROVED and pair[1] in _APPROVED:
        found.swapped_in.add(name)
    elif pair[0] in _APPROVED and pair[1] not in _APPROVED:
        found.swapped_out.add(name)
    for why in _why(before, after):
        found.causes.setdefault((*pair, why), Moved()).add(name)


def _why(before: ScoreResponse, after: ScoreResponse) -> Iterator[str]:
    """What made the difference: rules of the graver decision, or how the score is judged."""
    graver_after = _gravity(after) > _gravity(before)
    graver, milder = (after, before) if graver_after else (before, after)
    action = _ACTIONS[_decision(graver)]
    still = {hit.rule_id for hit in milder.rule_hits if hit.action == action}
    found = False
    for hit in graver.rule_hits:
        if hit.action == action and hit.rule_id not in still:
            found = True
            yield f"{hit.rule_id} {'fires' if graver_after else 'no longer fires'}"
    if found:
        return
    if before.explored != after.explored:
        yield "approved at random" if after.explored else "no longer approved at random"
    elif before.segment != after.segment:
        yield f"segment {before.segment or 'none'} -> {after.segment or 'none'}"
    elif before.decided_by != after.decided_by:
        yield f"decided by {before.decided_by or 'rules'} -> {after.decided_by or 'rules'}"
    elif _opinion(before) != _opinion(after):
        yield "another score"
    else:
        yield "other cut-offs"


def _opinion(answer: ScoreResponse) -> tuple[float, float] | None:
    return (answer.score, answer.probability_of_default) if answer.HasField("score") else None


def _cap(answer: ScoreResponse) -> int | None:
    return answer.amount_cap_fen if answer.HasField("amount_cap_fen") else None


def _decision(answer: ScoreResponse) -> str:
    return Decision.Name(answer.decision).removeprefix("DECISION_").lower()


def _gravity(answer: ScoreResponse) -> int:
    return DECISIONS.index(_decision(answer))

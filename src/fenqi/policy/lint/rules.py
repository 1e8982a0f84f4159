"""Rules that do nothing, do it always, or rest on what may not be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from fenqi.policy.lint.finding import Finding, found
from fenqi.policy.lint.missing import may_be_missing
from fenqi.policy.lint.subject import Subject
from fenqi.policy.regions import MOST_COMBINATIONS, Leaf, Regions
from fenqi.policy.schema import Rule, StageName

_GRAVITY = {"flag": 0, "cap": 1, "refer": 2, "decline": 3}
_STAGES = get_args(StageName)
# Pairs of rules that are compared for one policy.
_MOST_PAIRS = 100_000


def shadowed_rules(subject: Subject) -> Iterator[Finding]:
    """A rule is shadowed where an earlier one is true whenever it is, and does as much."""
    by_leaf: dict[Leaf, list[int]] = {}
    pairs = 0
    for number, rule in enumerate(subject.policy.rules):
        own = subject.regions(number)
        path = ("rules", number, "when")
        for earlier in sorted({one for leaf in own.leaves for one in by_leaf.get(leaf, [])}):
            pairs += 1
            if pairs > _MOST_PAIRS:
                message = f"too many rules: from {rule.id} on, none was compared with those above"
                yield found(subject.document, "shadowed-rule", "information", path, message)
                return
            before = subject.policy.rules[earlier]
            if _does_as_much(before, rule) and _implies(subject, number, earlier):
                message = (
                    f"wherever {rule.id} is true, {before.id} before it is true too and does as "
                    f"much: {rule.id} changes no decision"
                )
                yield found(subject.document, "shadowed-rule", "warning", path, message)
                break
        for leaf in own.leaves:
            by_leaf.setdefault(leaf, []).append(number)


def _implies(subject: Subject, one: int, other: int) -> bool:
    """Whether it is proven that rule `other` is true wherever `one` is, and that it can be."""
    narrow, wide = subject.regions(one), subject.regions(other)
    if not wide.leaves <= narrow.leaves:
        return False
    example = subject.example(one)
    if example is None or wide.values(example)[0] is not True:
        return False
    both = subject.regions(one, other)
    if both.combinations > MOST_COMBINATIONS:
        return False
    values = map(both.values, both.applicants())
    return all(second is True for first, second in values if first is True)


def _does_as_much(earlier: Rule, later: Rule) -> bool:
    """Whether the earlier rule holds wherever the later does, with the same effect or a graver."""
    if _GRAVITY[earlier.then] < _GRAVITY[later.then]:
        return False
    if later.then == "cap" == earlier.then and not (
        isinstance(earlier.cap_fen, int)
        and isinstance(later.cap_fen, int)
        and earlier.cap_fen <= later.cap_fen
    ):
        return False
    if later.skips_models and not earlier.skips_models:
        return False
    # Validity is part of the condition.
    return earlier.stage is None or set(later.stage or _STAGES) <= set(earlier.stage)


def constant_conditions(subject: Subject) -> Iterator[Finding]:
    """A condition that is the same for everybody is a slip, or stands in the wrong place."""
    for number, rule in enumerate(subject.policy.rules):
        regions = subject.regions(number)
        if regions.combinations > MOST_COMBINATIONS:
            continue
        outcomes = _outcomes(regions)
        if {False, True} <= outcomes:
            continue
        if True not in outcomes:
            message = f"the condition of {rule.id} is never true"
        elif outcomes == {True}:
            message = f"the condition of {rule.id} is always true"
        else:
            message = f"the condition of {rule.id} is true for everybody whose data is there"
        path = ("rules", number, "when")
        yield found(subject.document, "constant-condition", "warning", path, message)


def _outcomes(regions: Regions) -> set[object]:
    """What the condition can be, as far as is needed to see that it can be true and false."""
    outcomes: set[object] = set()
    for applicant in regions.applicants():
        outcomes.add(regions.values(applicant)[0])
        if {False, True} <= outcomes:
            break
    return outcomes


def unguarded_missing(subject: Subject) -> Iterator[Finding]:
    """A rule that leaves `on_error` unsaid refers whoever lacks what it reads."""
    features = subject.policy.features
    always_there = {name for name, feature in features.items() if feature.default is not None}
    for number, rule in enumerate(subject.policy.rules):
        path = ("rules", number, "when")
        if "on_error" in rule.model_fields_set or path not in subject.compiled.expressions:
            continue
        if subject.document.origins[number] == "pack":
            continue
        missing = may_be_missing(subject.compiled.expressions, path, always_there)
        if missing:
            what = ", ".join(sorted(missing))
            message = (
                f"{rule.id} refers whoever lacks {what}; if that is meant, write `on_error: "
                "refer`, otherwise guard it with has() or give a feature a `default`"
            )
            yield found(subject.document, "unguarded-missing", "information", path, message)


def expired_rules(subject: Subject) -> Iterator[Finding]:
    """A rule whose time is over does nothing."""
    for number, rule in enumerate(subject.policy.rules):
        if rule.valid_until is not None and rule.valid_until < subject.today:
            message = f"{rule.id} has not held since {rule.valid_until}; remove or extend it"
            path = ("rules", number, "valid_until")
            yield found(subject.document, "expired-rule", "warning", path, message)


def proposals(subject: Subject) -> Iterator[Finding]:
    """Thresholds that somebody has to confirm."""
    for number, rule in enumerate(subject.policy.rules):
        if rule.proposal:
            message = f"the threshold of {rule.id} is a proposal: confirm it with data of your own"
            path = ("rules", number, "proposal")
            yield found(subject.document, "proposal", "information", path, message)

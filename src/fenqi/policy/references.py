"""Names in a policy that must stand for something in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fenqi.policy.document import Document
from fenqi.policy.errors import Problem, did_you_mean
from fenqi.policy.schema import Cutoffs, Policy
from fenqi.policy.yaml_file import Steps


def reference_problems(document: Document) -> list[Problem]:
    """What rules, segments, scorecards and features name that is not there."""
    policy = document.policy
    problems: list[Problem] = []

    def check(path: Steps, name: str | None, known: Iterable[str], wrong: str) -> None:
        if name is not None and name not in known:
            message = wrong.format(name) + did_you_mean(name, known)
            problems.append(document.problem(document.position(path), message))

    no_text = "the reason {} has no text in `reasons`"
    for number, rule in enumerate(policy.rules):
        check(("rules", number, "reason"), rule.reason, policy.reasons, no_text)
    for name, scorecard in policy.scorecards.items():
        for attribute, part in (scorecard.attributes or {}).items():
            at: Steps = ("scorecards", name, "attributes", attribute, "reason")
            check(at, part.reason, policy.reasons, no_text)
    for steps, cutoffs in all_cutoffs(policy):
        check((*steps, "refer_above_reason"), cutoffs.refer_above_reason, policy.reasons, no_text)
    if policy.offers is not None:
        for limit, code in policy.offers.reasons.items():
            check(("offers", "reasons", limit), code, policy.reasons, no_text)
    deciders = [*policy.models, *policy.scorecards]
    for name, segment in policy.segments.items():
        wrong = "no model or scorecard is called {}"
        check(("segments", name, "decided_by"), segment.decided_by, deciders, wrong)
    for name, feature in policy.features.items():
        for number, source in enumerate(feature.sources):
            wrong = "the source {} is not declared in `sources`"
            check(("features", name, "source", number), source, policy.sources, wrong)
    return problems


def all_cutoffs(policy: Policy) -> Iterator[tuple[Steps, Cutoffs]]:
    """The policy's cut-offs and its segments' own, with where they stand."""
    if policy.cutoffs is not None:
        yield ("cutoffs",), policy.cutoffs
    for name, segment in policy.segments.items():
        if segment.cutoffs is not None:
            yield ("segments", name, "cutoffs"), segment.cutoffs

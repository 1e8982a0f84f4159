"""Parts of a policy that nothing uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fenqi.policy.lint.finding import Finding, found
from fenqi.policy.lint.subject import Subject
from fenqi.policy.references import all_cutoffs


def unused_parts(subject: Subject) -> Iterator[Finding]:
    """A part that nothing reads is forgotten, or what should read it is misspelt."""
    policy = subject.policy
    used = {name.split(".")[0] for name in subject.compiled.read}
    dotted = {".".join(name.split(".")[:2]) for name in subject.compiled.read}
    deciding = {segment.decided_by for segment in policy.segments.values()}
    if not policy.segments:
        deciding |= {name for name, use in policy.models.items() if use.role == "decision"}
        deciding |= set(policy.scorecards)
    named = {source for feature in policy.features.values() for source in feature.sources}
    read = {source for reads in subject.reads.values() for source in reads.sources}
    sources = {
        name
        for name, source in policy.sources.items()
        if name in named or (source.data_source or name) in read
    }
    wholly = (
        ("features", policy.features, used, "nothing reads the feature {}"),
        ("lists", policy.lists, _below("lists", dotted), "nothing asks for the list {}"),
        ("lookups", policy.lookups, _below("lookups", dotted), "nothing looks up {}"),
        ("tables", policy.tables, _below("tables", dotted), "nothing reads the table {}"),
        ("scorecards", policy.scorecards, used | deciding, "no segment uses the scorecard {}"),
        ("models", policy.models, used | deciding, "no segment uses the model {}"),
        ("sources", policy.sources, sources, "nothing rests on the source {}"),
        ("reasons", policy.reasons, _reasons(subject), "nothing gives the reason {}"),
    )
    for kind, names, uses, message in wholly:
        for name in names:
            if name not in uses and subject.document.places[kind, name][0].name[:6] != "packs/":
                yield found(
                    subject.document, "unused", "warning", (kind, name), message.format(name)
                )


def _below(kind: str, dotted: Iterable[str]) -> set[str]:
    """`a` of `lists.a`."""
    return {name.removeprefix(f"{kind}.") for name in dotted if name.startswith(f"{kind}.")}


def _reasons(subject: Subject) -> set[str | None]:
    """Codes that rules, scorecards and models can give."""
    codes = {rule.reason for rule in subject.policy.rules}
    codes |= {cutoffs.refer_above_reason for _, cutoffs in all_cutoffs(subject.policy)}
    if subject.policy.drawdown is not None:
        codes.add(subject.policy.drawdown.reason)
    if subject.policy.offers is not None:
        codes |= set(subject.policy.offers.reasons.values())
    for scorecard in subject.compiled.scorecards.values():
        codes |= {attribute.reason for attribute in (scorecard.attributes or {}).values()}
    for artifact in subject.compiled.models.values():
        codes |= {column.reason for column in artifact.manifest.columns}
    return codes

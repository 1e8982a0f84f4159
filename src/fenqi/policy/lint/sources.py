"""Data whose use the policy does not speak of."""

from __future__ import annotations

from collections.abc import Iterator

from fenqi.policy.lint.finding import Finding, found
from fenqi.policy.lint.subject import Subject


def undeclared_sources(subject: Subject) -> Iterator[Finding]:
    """Whether a source needs consent is a decision; where nobody took it, it is not gated."""
    policy, pack = subject.policy, subject.document.pack
    declared = {source.data_source or name for name, source in policy.sources.items()}
    if pack is not None:
        declared |= {*pack.consent_required, *pack.forbidden_sources}
    for path, reads in subject.reads.items():
        if path[0] == "rules" and subject.document.origins[int(path[1])] == "pack":
            continue
        for source in sorted(reads.sources - declared):
            declared.add(source)
            message = (
                f"data of the source {source} is read, and nothing says whether that needs "
                f"consent; add `{source}: {{consent: required}}`, or `not_needed`, to `sources`"
            )
            yield found(subject.document, "undeclared-source", "warning", path, message)

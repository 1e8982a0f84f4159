"""The catalogue of reasons: who gives which, in what order, and who must give one (3.3, R36)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fenqi.artifacts import Artifact
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.references import all_cutoffs
from fenqi.policy.schema import Scorecard
from fenqi.policy.segments import Routing
from fenqi.policy.yaml_file import Steps


def check_reasons(
    ex: Expressions,
    models: Mapping[str, Artifact],
    cards: Mapping[str, Scorecard],
    routing: Routing,
) -> None:
    """Reports reasons without a text and, where the jurisdiction asks for them, missing ones."""
    document = ex.document
    drawdown = document.policy.drawdown
    if drawdown is not None and drawdown.reason not in document.policy.reasons:
        ex.report(("drawdown", "reason"), f"the reason {drawdown.reason} has no text in `reasons`")
    for path, who, code in _of_scores(models, cards):
        if code is not None and code not in document.policy.reasons:
            ex.report(path, f"the reason {code} (of {who}) has no text in `reasons`")
    if document.pack is not None:
        _require(ex, frozenset(document.pack.reasons_required), models, cards, routing)


def reason_images(ex: Expressions) -> list[image.ReasonText]:
    """The catalogue, in its order."""
    reasons = ex.document.policy.reasons
    by_rank = sorted(range(len(reasons)), key=lambda i: -list(reasons.values())[i].priority)
    rank = {number: place for place, number in enumerate(by_rank)}
    first_of_group: dict[str, int] = {}
    images = []
    for number, (code, texts) in enumerate(reasons.items()):
        group = number
        if texts.group is not None:
            group = first_of_group.setdefault(texts.group, number)
        images.append(
            image.ReasonText(
                code=code, text_en=texts.en, text_zh=texts.zh, group=group, rank=rank[number]
            )
        )
    return images


def _of_scores(
    models: Mapping[str, Artifact], cards: Mapping[str, Scorecard]
) -> Iterator[tuple[Steps, str, str | None]]:
    """What scores give reasons for: where it stands, what it is, and the reason."""
    for slot, artifact in models.items():
        for column in artifact.manifest.columns:
            yield ("models", slot, "artifact"), f"the model's {column.name}", column.reason
    for name, card in cards.items():
        for key, attribute in (card.attributes or {}).items():
            path: Steps = ("scorecards", name, "attributes", key)
            if card.artifact is not None:
                path = ("scorecards", name, "artifact")
            yield path, key, attribute.reason


def _require(
    ex: Expressions,
    required: frozenset[str],
    models: Mapping[str, Artifact],
    cards: Mapping[str, Scorecard],
    routing: Routing,
) -> None:
    """Whoever is declined, referred or capped must learn why."""
    jurisdiction = ex.document.pack.jurisdiction if ex.document.pack is not None else ""
    for number, rule in enumerate(ex.document.policy.rules):
        can = sorted(required & {rule.then, rule.on_error})
        if rule.reason is None and can:
            ex.report(
                ("rules", number),
                f"{rule.id} may {can[0]}, so {jurisdiction} requires a reason; give it one, or "
                "another `on_error`",
            )
    if "refer" in required:
        for steps, cutoffs in all_cutoffs(ex.document.policy):
            if cutoffs.refer_above_fen is not None and cutoffs.refer_above_reason is None:
                ex.report(
                    (*steps, "refer_above_fen"),
                    f"it refers, so {jurisdiction} requires a reason: `refer_above_reason`",
                )
    if not required & {"decline", "refer"}:
        return
    judging = {judgement.decided_by for judgement in routing.judgements if judgement.cutoffs}
    deciding_models = {slot: part for slot, part in models.items() if slot in judging}
    deciding_cards = {name: part for name, part in cards.items() if name in judging}
    for path, who, code in _of_scores(deciding_models, deciding_cards):
        if code is None:
            ex.report(
                path, f"{who} can cost somebody the loan, so {jurisdiction} requires a reason"
            )

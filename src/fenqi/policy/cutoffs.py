"""Cut-offs and exploration: what they must be, and as the core loads them (3.4)."""

from __future__ import annotations

from collections.abc import Mapping

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.expressions import Expressions
from fenqi.policy.schema import Cutoffs
from fenqi.policy.yaml_file import Steps


def check_cutoffs(ex: Expressions, cutoffs: Cutoffs, path: Steps) -> None:
    """Reports limits that contradict one another."""
    above, most = cutoffs.refer_above_fen, cutoffs.explore_amount_fen
    if above is not None and most is not None and most > above:
        ex.report(
            (*path, "explore_amount_fen"),
            f"exploring lends up to {most} fen, but more than {above} fen goes to a person",
        )


def cutoffs_image(cutoffs: Cutoffs, codes: Mapping[str, int]) -> image.Cutoffs:
    """The cut-offs; `codes` are the catalogue's reasons by number."""
    built = image.Cutoffs(refer_above_fen=cutoffs.refer_above_fen or 0)
    if cutoffs.refer_above_reason is not None:
        built.refer_above_reason_plus_one = codes[cutoffs.refer_above_reason] + 1
    if cutoffs.approve_from is not None and cutoffs.refer_from is not None:
        built.by_score = True
        built.approve, built.refer = cutoffs.approve_from, cutoffs.refer_from
    elif cutoffs.approve_at_most is not None and cutoffs.refer_at_most is not None:
        built.approve, built.refer = cutoffs.approve_at_most, cutoffs.refer_at_most
    if cutoffs.explore_rate is not None:
        end = cutoffs.explore_from if built.by_score else cutoffs.explore_at_most
        built.exploration.CopyFrom(
            image.Exploration(
                rate=cutoffs.explore_rate,
                budget_fen=cutoffs.explore_budget or 0,
                end=end or 0.0,
                amount_fen=cutoffs.explore_amount_fen or 0,
                loss_given_default=cutoffs.explore_loss_given_default,
                salt=cutoffs.explore_salt,
            )
        )
    return built

"""One answer, for people."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fenqi.v1 import scoring_pb2
from fenqi.v1.application_pb2 import DataSource, RepaymentMethod
from fenqi.v1.scoring_pb2 import ScoreResponse

_COLOURS = {
    scoring_pb2.DECISION_APPROVE: "green",
    scoring_pb2.DECISION_COUNTER_OFFER: "cyan",
    scoring_pb2.DECISION_REFER: "yellow",
    scoring_pb2.DECISION_DECLINE: "red",
}


def answer_panel(answer: ScoreResponse, title: str = "") -> Panel:
    """The decision, what it rests on, why, and which release gave it."""
    colour = _COLOURS.get(answer.decision, "white")
    parts: list[RenderableType] = [
        Text(_word(scoring_pb2.Decision.Name(answer.decision), "DECISION_"), style=f"bold {colour}")
    ]
    parts += [_figures(answer), *_offers(answer), *_reasons(answer), *_rule_hits(answer)]
    parts.append(_release(answer))
    return Panel(Group(*parts), title=title or None, border_style=colour, expand=False)


def _figures(answer: ScoreResponse) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    if answer.request_id:
        table.add_row("request", answer.request_id)
    if answer.HasField("probability_of_default"):
        table.add_row("probability of default", f"{answer.probability_of_default:.2%}")
    if answer.HasField("score"):
        table.add_row("score", f"{answer.score:.0f}")
    for sub_score in answer.sub_scores:
        name = _word(scoring_pb2.Dimension.Name(sub_score.dimension), "DIMENSION_")
        table.add_row(f"  {name}", f"{sub_score.score:.0f}")
    if answer.HasField("data_coverage"):
        table.add_row("inputs present", f"{answer.data_coverage:.0%}")
    if answer.segment:
        by = f", decided by {answer.decided_by}" if answer.decided_by else ""
        table.add_row("segment", f"{answer.segment}{by}")
    if answer.HasField("amount_cap_fen"):
        table.add_row("at most", _money(answer.amount_cap_fen))
    if answer.explored:
        table.add_row("explored", "approved at random, to learn")
    if answer.HasField("propensity"):
        table.add_row("propensity", f"{answer.propensity:.4g}")
    if answer.withheld_sources:
        names = [DataSource.Name(source) for source in answer.withheld_sources]
        words = ", ".join(_word(name, "DATA_SOURCE_") for name in names)
        table.add_row("without consent", words)
    return table


def _offers(answer: ScoreResponse) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if answer.offers:
        columns = (
            "offers",
            "amount",
            "months",
            "repaid by",
            "first instalment",
            "a year",
            "in all",
        )
        table = Table(*columns, box=None, pad_edge=False)
        for offer in answer.offers:
            first = offer.instalments[0]
            table.add_row(
                offer.product,
                _money(offer.amount_fen),
                str(offer.term_months),
                _word(RepaymentMethod.Name(offer.repayment_method), "REPAYMENT_METHOD_"),
                _money(first.principal_fen + first.interest_fen + first.fees_fen),
                f"{offer.nominal_annual_rate:.2%}",
                _money(offer.paid_fen),
            )
        parts += [Text(), table]
    if answer.limit_binding:
        limit = _word(scoring_pb2.LimitKind.Name(answer.limit_binding), "LIMIT_KIND_")
        could = [_word(scoring_pb2.Help.Name(one), "HELP_") for one in answer.what_would_help]
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_row("limit that binds", limit)
        if could:
            table.add_row("what would help", ", ".join(could))
        parts += [Text(), table]
    return parts


def _money(fen: int) -> str:
    return f"{fen / 100:,.2f}"


def _reasons(answer: ScoreResponse) -> list[RenderableType]:
    if not answer.reasons:
        return []
    table = Table("principal reasons", "", "", box=None, pad_edge=False)
    for reason in answer.reasons:
        table.add_row(reason.code, reason.text_en, reason.text_zh)
    return [Text(), table]


def _rule_hits(answer: ScoreResponse) -> list[RenderableType]:
    if not answer.rule_hits:
        return []
    table = Table("rules that fired", "does", "because", "", box=None, pad_edge=False)
    for hit in answer.rule_hits:
        action = _word(scoring_pb2.RuleAction.Name(hit.action), "RULE_ACTION_")
        cause = _word(scoring_pb2.RuleCause.Name(hit.cause), "RULE_CAUSE_")
        table.add_row(hit.rule_id, action, cause, hit.detail)
    return [Text(), table]


def _release(answer: ScoreResponse) -> RenderableType:
    release = answer.release
    models = ", ".join(f"{model.name} {model.version}" for model in release.models)
    text = f"\npolicy {release.policy} {release.policy_version}"
    if models:
        text += f"; {models}"
    return Text(f"{text}; release {release.content_hash[:12]}", style="dim")


def _word(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")

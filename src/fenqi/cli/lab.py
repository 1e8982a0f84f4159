"""`fenqi lab`: questions to the bundled data."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenqi.bundled import LENDING_POLICY
from fenqi.errors import ConfigurationError
from fenqi.lab.loan_requests import INCOMES_ASKED, LIMIT_IN_INCOMES, TERMS_ASKED
from fenqi.lab.offer_study import Comparison, Lender, Study, compare
from fenqi.lab.taiwan import MINOR_UNITS, load_holdout

# How much is asked for is the weakest assumption: also half of it, and twice.
SCALES = (1.0, 0.5, 2.0)
_MILLION = 1e6 * MINOR_UNITS


def run_offers(policy: Path | None, plot: Path | None) -> None:
    """Prints what counter-offers are worth, and draws it where a file is named."""
    clients = load_holdout()
    console = Console()
    console.print(
        f"{len(clients):,} clients of the Taiwan data that no model was trained on ask for a loan. "
        f"Assumed, for the data do not say: income is the credit limit over {LIMIT_IN_INCOMES}; "
        "the card takes a tenth of its balance a month; what is asked for is "
        f"{INCOMES_ASKED[0]} to {INCOMES_ASKED[-1]} monthly incomes over "
        f"{', '.join(map(str, TERMS_ASKED))} months, at random; the label (default in the next "
        "month) stands for default within a year.",
    )
    first: Comparison | None = None
    for scale in SCALES:
        comparison = compare(Study.of(policy or LENDING_POLICY, clients, scale).answers)
        first = first or comparison
        console.print()
        console.print(_table(scale, comparison))
    if plot is None or first is None:
        return
    try:
        from fenqi.lab.offer_plot import draw
    except ImportError:
        raise ConfigurationError(
            "a plot needs matplotlib: pip install 'fenqi[dev]', or leave out --plot"
        ) from None
    draw(first, len(clients), plot)
    console.print(f"\n{plot}")


def _table(scale: float, comparison: Comparison) -> Table:
    asked = "as assumed" if scale == 1.0 else f"{scale:g} times as much is asked for"
    table = Table(title=asked, title_justify="left", caption_justify="left")
    for column in ("", "approved", "lent", "expected loss", "profit", "defaulted"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    budget = comparison.budget_fen / MINOR_UNITS
    for name, lender in (
        ("without counter-offers", comparison.without),
        (f"with, a loan loses at most NT$ {budget:,.0f} *", comparison.by_budget),
        (f"with, default at most {comparison.cutoff:.1%}", comparison.by_cutoff),
        ("with, to everybody", comparison.unrestricted),
    ):
        table.add_row(name, *_cells(lender))
    gain = comparison.by_budget.profit / comparison.without.profit - 1
    more = comparison.by_budget.approval_rate - comparison.without.approval_rate
    table.caption = (
        f"At equal expected loss, smaller loans: {100 * more:+.1f} points of approval, "
        f"{100 * gain:+.0f} % of profit.\n"
        "Sums in millions of NT$, over the loans' terms. * expected, over its life."
    )
    return table


def _cells(lender: Lender) -> list[str]:
    return [
        f"{lender.approval_rate:.1%}",
        f"{lender.lent / _MILLION:,.1f}",
        f"{lender.expected_loss / _MILLION:,.2f}",
        f"{lender.profit / _MILLION:,.2f}",
        f"{lender.default_rate:.1%}",
    ]

"""`fenqi quote`: a loan with its plan, charges and yearly rates, as a borrower reads it."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

from google.protobuf import json_format
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from fenqi.bundled import POLICY
from fenqi.cli.quote_page import html_page
from fenqi.cli.score import read_application
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.v1 import application_pb2
from fenqi.v1.quote_pb2 import (
    DISCLOSURE_TOPIC_ANNUAL_RATES,
    DISCLOSURE_TOPIC_COSTS,
    DISCLOSURE_TOPIC_KEY_FACTS,
    DISCLOSURE_TOPIC_PLAN,
    DisclosurePage,
    DisclosureSection,
    QuoteRequest,
    QuoteResponse,
)

_EPOCH = date(1970, 1, 1)
METHODS = {
    "equal_instalments": application_pb2.REPAYMENT_METHOD_EQUAL_INSTALMENTS,
    "equal_principal": application_pb2.REPAYMENT_METHOD_EQUAL_PRINCIPAL,
    "interest_only": application_pb2.REPAYMENT_METHOD_INTEREST_ONLY,
    "flat_fee": application_pb2.REPAYMENT_METHOD_FLAT_FEE,
}


def run(
    file: Path | None,
    amount: str | None,
    rate: str | None,
    periods: int | None,
    method: str | None,
    disbursed: str | None,
    policy: Path | None,
    language: str,
    html: Path | None,
    as_json: bool,
) -> None:
    request = read_request(file)
    add_terms(request, amount, rate, periods, method, disbursed)
    answer = Engine.from_policy(policy or POLICY).quote(request)
    page = page_in(answer, language)
    if html is not None:
        html.write_text(html_page(page, answer), encoding="utf-8")
    if as_json:
        print(json_format.MessageToJson(answer, preserving_proto_field_name=True))
    elif html is not None:
        print(f"{html}: {page.title}")
    else:
        Console().print(quote_panel(page, answer))


def read_request(file: Path | None) -> QuoteRequest:
    """What the file holds, for a customer without a name unless it says otherwise. Raises
    ConfigurationError where it is no QuoteRequest."""
    request = QuoteRequest()
    if file is not None:
        try:
            json_format.ParseDict(dict(read_application(file)), request)
        except json_format.ParseError as error:
            raise ConfigurationError(f"{file}: not a QuoteRequest: {error}") from None
    request.customer_key = request.customer_key or "-"
    if not request.HasField("quoted_at_seconds"):
        request.quoted_at_seconds = int(time.time())
    # A product is paid out on the day of its quote.
    if not request.product and not request.loan.HasField("disbursed_date_days"):
        request.loan.disbursed_date_days = (date.today() - _EPOCH).days
    return request


def add_terms(
    request: QuoteRequest,
    amount: str | None,
    rate: str | None,
    periods: int | None,
    method: str | None,
    disbursed: str | None,
) -> None:
    """Puts what was given on the command line over what the file says."""
    periods = None if periods is None else min(max(periods, -1), 2**31 - 1)
    if request.product:
        if rate is not None:
            raise ConfigurationError(f"--rate: {request.product} has the price of its risk")
        if amount is not None:
            request.amount_fen = _fen(amount)
        if periods is not None:
            request.term_months = periods
    else:
        if amount is not None:
            request.loan.principal_fen = _fen(amount)
        if periods is not None:
            request.loan.periods = periods
    loan = request if request.product else request.loan
    if method is not None:
        if method not in METHODS:
            raise ConfigurationError(f"--method: {method} is none of {', '.join(METHODS)}")
        loan.repayment_method = METHODS[method]
    if disbursed is not None:
        try:
            loan.disbursed_date_days = (date.fromisoformat(disbursed) - _EPOCH).days
        except ValueError:
            raise ConfigurationError(f"--disbursed: {disbursed} is no date 2026-01-31") from None
    if rate is not None:
        percent = rate.endswith("%")
        value = float(_number("--rate", rate.removesuffix("%")) / (100 if percent else 1))
        if request.loan.repayment_method == application_pb2.REPAYMENT_METHOD_FLAT_FEE:
            request.loan.flat_rate = value
        else:
            request.loan.annual_rate = value


def _fen(amount: str) -> int:
    fen = _number("--amount", amount) * 100
    if fen != int(fen):
        raise ConfigurationError(f"--amount: {amount} has a part of a fen; give two decimals")
    return min(max(int(fen), -1), 2**62)


def _number(option: str, text: str) -> Decimal:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        raise ConfigurationError(f"{option}: {text} is no number") from None
    if not number.is_finite():
        raise ConfigurationError(f"{option}: {text} is no number")
    return number


def page_in(answer: QuoteResponse, language: str) -> DisclosurePage:
    """The page in that language. Raises ConfigurationError where there is none."""
    pages = {page.language: page for page in answer.quote.disclosure.pages}
    if language not in pages:
        raise ConfigurationError(f"--language: {language} is none of {', '.join(pages)}")
    return pages[language]


def quote_panel(page: DisclosurePage, answer: QuoteResponse) -> RenderableType:
    parts: list[RenderableType] = []
    for section in page.sections:
        parts += [
            Rule(Text(section.title, style="bold"), align="left", style="dim"),
            _body(section),
        ]
    return Panel(
        Group(*parts),
        title=Text(page.title, style="bold"),
        subtitle=Text(answer.quote_hash.hex()[:16], style="dim"),
        padding=(1, 2),
    )


def _body(section: DisclosureSection) -> RenderableType:
    parts: list[RenderableType] = []
    if section.header:
        parts.append(_table(section))
    elif section.rows:
        parts.append(_facts(section))
    if section.topic == DISCLOSURE_TOPIC_KEY_FACTS:
        parts.append(_bullets(section))
    else:
        parts += [Text(text, style="dim") for text in section.paragraphs]
    return Padding(Group(*parts), (0, 0, 1, 0))


# Chinese has no spaces to break lines at: cells fold wherever they must, so that none is cut.


def _bullets(section: DisclosureSection) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column()
    grid.add_column(overflow="fold")
    for text in section.paragraphs:
        grid.add_row("•", escape(text))
    return grid


def _facts(section: DisclosureSection) -> Table:
    grid = Table.grid(padding=(0, 3))
    bold = "bold" if section.topic == DISCLOSURE_TOPIC_ANNUAL_RATES else ""
    grid.add_column(style="dim", overflow="fold")
    grid.add_column(style=bold, overflow="fold")
    for row in section.rows:
        grid.add_row(*map(escape, row.cells))
    return grid


def _table(section: DisclosureSection) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_footer=False)
    for number, column in enumerate(section.header):
        last = number == len(section.header) - 1
        amounts = section.topic == DISCLOSURE_TOPIC_PLAN and number != 1
        right = amounts or (section.topic == DISCLOSURE_TOPIC_COSTS and last)
        justify: Literal["right", "left"] = "right" if right else "left"
        table.add_column(escape(column), justify=justify, overflow="fold")
    *rows, total = section.rows
    for row in rows:
        table.add_row(*map(escape, row.cells))
    table.add_section()
    table.add_row(*map(escape, total.cells), style="bold")
    return table

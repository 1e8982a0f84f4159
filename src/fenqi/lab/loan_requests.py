"""Requests for instalment loans from the bundled card data, by assumptions that are stated.

The data know a client's credit limit, bills and payments, and nothing of income or of a loan that
somebody asked for. Both are assumed here, in one place, and never from what happened afterwards:

- income: a `LIMIT_IN_INCOMES`-th of the credit limit. Banks set card limits as a multiple of the
  income; the mean limit over four is NT$ 42,000 a month, about what an employee earned in 2005.
- debts: a tenth of the newest card balance a month (docs/requirements.md, 3.7), as for any card
  without a stated minimum payment.
- what is asked for: one to six monthly incomes over six, twelve or twenty-four months, each equally
  probable, drawn from a hash of the client's number; in whole thousands of dollars, from ten
  thousand to a million.
"""

from __future__ import annotations

import hashlib

from fenqi.lab.taiwan import MINOR_UNITS, Client, to_application
from fenqi.v1 import application_pb2, scoring_pb2

LIMIT_IN_INCOMES = 4
CARD_DEBT_A_MONTH = 10
INCOMES_ASKED = (1, 2, 3, 4, 5, 6)
TERMS_ASKED = (6, 12, 24)
PRODUCT = "cash"
_ROUND_FEN = 1_000 * MINOR_UNITS
_LEAST_FEN, _MOST_FEN = 10_000 * MINOR_UNITS, 1_000_000 * MINOR_UNITS
# Any moment: it only gives the plans their dates. 2005-10-01, after the newest statement.
_DECIDED_AT = 1_128_124_800


def income_fen(client: Client) -> int:
    """Monthly income, minor units: assumed."""
    return client.credit_limit * MINOR_UNITS // LIMIT_IN_INCOMES


def debt_service_fen(client: Client) -> int:
    """What the card takes a month, minor units; a balance in the client's favour takes nothing."""
    return max(0, client.balances[0]) * MINOR_UNITS // CARD_DEBT_A_MONTH


def asked(client: Client, scale: float = 1.0) -> tuple[int, int]:
    """Amount (minor units, `scale` times what is assumed) and term (months) asked for."""
    digest = hashlib.sha256(f"loan request {client.id}".encode()).digest()
    incomes = INCOMES_ASKED[digest[0] % len(INCOMES_ASKED)]
    amount = round(scale * incomes * income_fen(client) / _ROUND_FEN) * _ROUND_FEN
    return min(max(_LEAST_FEN, amount), _MOST_FEN), TERMS_ASKED[digest[1] % len(TERMS_ASKED)]


def to_loan_request(client: Client, scale: float = 1.0) -> scoring_pb2.ScoreRequest:
    """A request to decide the loan that the client is assumed to ask for."""
    application = to_application(client)
    amount, term = asked(client, scale)
    loan = application.loan
    loan.product, loan.amount_fen, loan.term_months = PRODUCT, amount, term
    application.income_sources.add(
        kind=application_pb2.INCOME_KIND_SALARY_CREDITS, monthly_amount_fen=income_fen(client)
    )
    application.obligations.monthly_debt_service_fen = debt_service_fen(client)
    return scoring_pb2.ScoreRequest(
        request_id=f"taiwan-{client.id}",
        stage=scoring_pb2.STAGE_APPLICATION,
        application=application,
        decided_at_seconds=_DECIDED_AT,
    )

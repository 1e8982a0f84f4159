"""An expression written as text again is the same expression."""

from __future__ import annotations

import re

import pytest
from google.protobuf.message import Message

from fenqi.policy.check import Checker
from fenqi.policy.expression_text import text_of

CHECKER = Checker()
for name in ("a", "b"):
    CHECKER.declare(name, "int")
CHECKER.declare("d", "double")
CHECKER.declare("s", "string")
CHECKER.declare("t", "bool")


@pytest.mark.parametrize(
    "text",
    [
        "a + b * (a - b) - (a - b)",
        "(t ? a : b) > 1 && !(t || a == 2)",
        "t ? a : t ? b : 1",
        '-a < 3 && s.startsWith("x\\"中") && size(s) > 2',
        "application.behaviour.card_statements[1].paid_fen > 5",
        "has(application.loan.amount_fen)",
        "math.least(a, b) in [1, 2]",
        "3u > 2u",
        "!t && (t && !(!t)) || t",
        "1.5 * d / 2.0 == d",
        "application.channel == Channel.CHANNEL_H5",
        "application.?bureau.?inquiries_3m.orValue(2) > 3",
    ],
)
def test_an_expression_written_as_text_again_reads_the_same(text: str) -> None:
    expr = CHECKER.check(text).expr
    assert shape(CHECKER.check(text_of(expr)).expr) == shape(expr)


def shape(message: Message) -> str:
    """The expression without the numbers that the parser gave its parts."""
    return re.sub(r"\bid: \d+", "", str(message))

"""The bundled Taiwan card data as applications (see src/fenqi/data/README.md for its source)."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from importlib import resources

from fenqi.v1 import application_pb2, scoring_pb2

# Statuses newest first: the data has no PAY_1.
_STATUS_COLUMNS = ("PAY_0", "PAY_2", "PAY_3", "PAY_4", "PAY_5", "PAY_6")
_MONTHS = range(6)
# Amounts are New Taiwan dollars; the contract counts minor units.
MINOR_UNITS = 100
_HOLDOUT_PARTS = 5


@dataclass(frozen=True, slots=True)
class Client:
    """One row: six monthly statements, newest first, and what happened next."""

    id: int
    credit_limit: int
    statuses: tuple[int, ...]
    balances: tuple[int, ...]
    payments: tuple[int, ...]
    defaulted: bool

    @property
    def is_holdout(self) -> bool:
        """Whether no shipped model has seen the row: one in five, by a hash of the id."""
        return zlib.crc32(str(self.id).encode()) % _HOLDOUT_PARTS == 0


def load_clients() -> list[Client]:
    """All 30,000 clients, in the file's order."""
    packed = resources.files("fenqi.data").joinpath("taiwan_card_default.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode().splitlines())
    return [
        Client(
            id=int(row["ID"]),
            credit_limit=_whole(row["LIMIT_BAL"]),
            statuses=tuple(_whole(row[column]) for column in _STATUS_COLUMNS),
            balances=tuple(_whole(row[f"BILL_AMT{month + 1}"]) for month in _MONTHS),
            payments=tuple(_whole(row[f"PAY_AMT{month + 1}"]) for month in _MONTHS),
            defaulted=row["default"] == "1",
        )
        for row in rows
    ]


def load_holdout() -> list[Client]:
    """The clients that no shipped model has seen: about 6,000."""
    return [client for client in load_clients() if client.is_holdout]


def holdout_sample(count: int) -> list[Client]:
    """`count` clients of the holdout with its share of defaults, so that rates of a small sample
    are close to those of the whole; some come twice when there are fewer than asked for.
    """
    # Sorted by outcome, every k-th client: each outcome gets its share.
    clients = sorted(load_holdout(), key=lambda client: (client.defaulted, client.id))
    return [clients[i * len(clients) // count] for i in range(count)]


def to_application(client: Client, months: int = 6) -> application_pb2.Application:
    """The client as an application that shows the newest `months` statements."""
    application = application_pb2.Application(
        application_id=f"taiwan-{client.id}", channel=application_pb2.CHANNEL_APP
    )
    application.loan.currency = "TWD"
    for month in range(months):
        application.behaviour.card_statements.add(
            credit_limit_fen=client.credit_limit * MINOR_UNITS,
            statement_balance_fen=client.balances[month] * MINOR_UNITS,
            paid_fen=client.payments[month] * MINOR_UNITS,
            repayment_status=client.statuses[month],
        )
    return application


def to_request(client: Client) -> scoring_pb2.ScoreRequest:
    """A request to score the client's application."""
    return scoring_pb2.ScoreRequest(
        request_id=f"taiwan-{client.id}",
        stage=scoring_pb2.STAGE_APPLICATION,
        application=to_application(client),
    )


def _whole(text: str) -> int:
    return int(float(text))

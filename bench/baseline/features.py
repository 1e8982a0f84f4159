"""The features of policies/taiwan_card.yaml, by hand: NaN is missing."""

from __future__ import annotations

from math import nan

from fenqi.v1 import application_pb2

MONTHS = range(6)


def features(application: application_pb2.Application) -> list[float]:
    """The model's 45 inputs, in the order of its manifest."""
    statements = application.behaviour.card_statements
    known = len(statements)
    limit = statements[0].credit_limit_fen / 100 if known else nan
    balances = [s.statement_balance_fen / 100 for s in statements[:6]]
    paid = [s.paid_fen / 100 for s in statements[:6]]
    status = [s.repayment_status for s in statements[:6]]

    utilisation = [
        (balances[k] / limit if limit > 0 else 0.0) if k < known else nan for k in MONTHS
    ]
    paid_to_limit = [(paid[k] / limit if limit > 0 else 0.0) if k < known else nan for k in MONTHS]
    payment_ratio = [
        (min(2.0, paid[k] / balances[k + 1]) if balances[k + 1] > 0 else 1.0)
        if k + 1 < known
        else nan
        for k in range(5)
    ]
    values: list[float] = [limit]
    values += [status[k] if k < known else nan for k in MONTHS]
    values += utilisation
    values += paid_to_limit
    values += payment_ratio
    values += _lateness(status) if known >= 6 else [nan] * 7
    values += _runs(status, known)
    if known >= 6:
        late = [max(s, 0) for s in status]
        values.append(sum(late[:3]) - sum(late[3:]))
        values.append(sum(utilisation) / 6)
        values.append(max(utilisation))
        values.append(utilisation[0] - sum(utilisation[3:]) / 3)
    else:
        values += [nan] * 4
    values.append(limit * (1 - utilisation[0]) if known else nan)
    complete = known >= 6
    values.append(sum(payment_ratio) / 5 if complete else nan)
    values.append(min(payment_ratio) if complete else nan)
    values.append(sum(_missed(paid, balances, k) for k in range(5)))
    values.append(sum(paid_to_limit) * limit if complete else nan)
    values.append(min(paid_to_limit) if complete else nan)
    values.append(paid[0] if known else nan)
    values.append(paid[1] if known > 1 else nan)
    return values


def _missed(paid: list[float], balances: list[float], k: int) -> float:
    """1 where nothing was paid in month k on what was owed before it. Whoever paid missed nothing,
    whatever was owed.
    """
    if k < len(paid) and paid[k] != 0:
        return 0
    return int(balances[k + 1] > 0) if k + 1 < len(balances) else nan


def _lateness(status: list[int]) -> list[float]:
    late = [max(s, 0) for s in status]
    return [
        max(status),
        sum(s >= 1 for s in status),
        sum(s >= 2 for s in status),
        sum(late),
        sum(months / 2**k for k, months in enumerate(late)),
        sum(s == -1 for s in status),
        sum(s == -2 for s in status),
    ]


def _runs(status: list[int], known: int) -> list[float]:
    """Months late in a row from the latest back, and months since the last late one."""
    consecutive: float = nan
    since: float = nan
    for k in MONTHS:
        if k >= known:
            break
        if status[k] < 1:
            consecutive = k
            break
    else:
        consecutive = 6
    for k in MONTHS:
        if k >= known:
            break
        if status[k] >= 1:
            since = k
            break
    else:
        since = 6
    return [consecutive, since]

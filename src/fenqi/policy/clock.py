"""A time zone's clock, written out: how far it is ahead of UTC, and when that changes.

A release carries it, so that an answer's dates do not depend on which time zones a machine knows.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

# Decisions of earlier years can be run again; nobody knows the summer times of later ones.
_FROM = int(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).timestamp())
_TO = int(datetime.datetime(2050, 1, 1, tzinfo=datetime.UTC).timestamp())
# Shorter than any summer time: even one that is interrupted for a month.
_WEEK = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes ahead of UTC: in 2000, and from each change (seconds since the epoch, minutes) on."""

    utc_offset_minutes: int
    changes: tuple[tuple[int, int], ...]


def clock_of(time_zone: str) -> Clock:
    """The clock of an IANA time zone from 2000 to 2049; outside it stays as it is there."""
    zone = ZoneInfo(time_zone)
    return Clock(_minutes(zone, _FROM), tuple(_changes(zone)))


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    for week in range(_FROM, _TO, _WEEK):
        before, after = week, min(week + _WEEK, _TO)
        if _minutes(zone, before) == _minutes(zone, after):
            continue
        while after - before > 1:
            middle = (before + after) // 2
            if _minutes(zone, middle) == _minutes(zone, week):
                before = middle
            else:
                after = middle
        yield after, _minutes(zone, after)


def _minutes(zone: ZoneInfo, seconds: int) -> int:
    offset = datetime.datetime.fromtimestamp(seconds, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() / 60)

"""The core's index of a table, as far as a policy's author must know of it."""

from __future__ import annotations

from fenqi import _native
from fenqi.policy.tables.image import table_image
from fenqi.policy.tables.table import Table

# Fewer rows than this cannot make an index too large, whatever they ask.
MOST_ROWS_UNASKED = 2000


def index_problem(table: Table) -> str | None:
    """Why the core would refuse the table, in words for its author: its index would be too large.

    A release that holds such a table does not load; asking here names it when it is compiled.
    """
    if len(table.rows) <= MOST_ROWS_UNASKED:
        return None
    inputs = range(len(table.inputs))
    try:
        _native.DecisionTable(table_image(table, inputs, inputs).SerializeToString())
    except _native.StatusError as error:
        return error.args[1].removeprefix("release image, ")
    return None

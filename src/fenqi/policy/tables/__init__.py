"""Decision tables, lookups and lists of a policy.

`cells`, `rows` and `csv` read them, `table` and `lookup` say what they mean, `analysis` finds what
is wrong with them, `explain` says why a row was not taken, `image` writes them for the core.
"""

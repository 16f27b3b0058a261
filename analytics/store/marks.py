"""A query's name of its own, its mark: how what runs is told to end, and asked how far it is.

A real server knows a query's mark as its query_id. The engine takes none, so the embedded store keeps it as the
query's log_comment, and answers these two statements out of turn: see engine.py.
"""

import re
import secrets
from dataclasses import dataclass

MARK = re.compile(r"[0-9a-f]{32}")
KILL = "KILL QUERY{everywhere} WHERE query_id = {{mark:String}} ASYNC"
PROGRESS = """SELECT query_id AS mark, read_rows AS read, total_rows_approx AS total, false AS waits
FROM {processes} WHERE is_initial_query AND startsWith(query_id, {{name:String}}) ORDER BY elapsed LIMIT 1"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a line is. read, total: rows, total 0 where nobody knows yet; number: which of its queries it is.

    waits: for its turn; then nothing was read.
    """

    read: int
    total: int
    number: int
    waits: bool = False


def new_name() -> str:
    """Give a line's name that nobody guesses."""
    return secrets.token_hex(10)


def mark_of(name: str, number: int) -> str:
    """Give the mark of a line's query. Two lines of one name, which a browser may make, have marks of their own."""
    return f"{name}{secrets.token_hex(4)}{number % 0x10000:04x}"


def number_of(mark: str) -> int:
    """Say which of its line's queries a mark is."""
    return int(mark[-4:], 16)

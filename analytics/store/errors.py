"""What can go wrong between a report and the store, as sentences."""

import re

from sdk.text import Text

# ClickHouse's own numbers of reasons
AUTHENTICATION = {193, 194, 497, 516}
UNKNOWN = {36, 60, 81}
TIMEOUT = {159, 160, 209}
MEMORY = {241, 173}
CANCELLED = {394, 236}
CRASHED = 99_001  # no number of ClickHouse's: the embedded store says it

# A server's own words may stand in a message: no way of reading quotes is tried twice.
PASSWORD = re.compile(r"(mysql\s*+\((?:[^()']|'(?:[^'\\]|\\.|'')*+')*+\))", re.IGNORECASE)


class StoreError(Exception):
    """The store did not answer as asked. The text is for people; asking the same again gives the same."""


class StoreAwayError(StoreError):
    """The store did not answer at all; the statement may have run or not. Ask again later."""


class StoreLimitError(StoreError):
    """A query took more time or memory than one may; ask for less at once."""


SENTENCES: tuple[tuple[set[int], type[StoreError], Text], ...] = (
    (
        AUTHENTICATION,
        StoreAwayError,
        Text("the store refuses the account; look at ANALYTICS_URL, or at the token beside the embedded store"),
    ),
    (UNKNOWN, StoreError, Text("the dataset's tables are not in the store; import it again")),
    (TIMEOUT, StoreLimitError, Text("the query took longer than one may; choose a shorter range or fewer filters")),
    (MEMORY, StoreLimitError, Text("the query took more memory than one may; choose a shorter range or fewer filters")),
    (CANCELLED, StoreError, Text("the query was cancelled")),
    (
        {CRASHED},
        StoreAwayError,
        Text(
            "the store ended while it computed this, and was started again;"
            " ask once more, and for less if it ends again"
        ),
    ),
)


def from_engine(text: str, code: int) -> StoreError:
    """Turn the engine's refusal into a sentence."""
    for codes, kind, sentence in SENTENCES:
        if code in codes:
            return kind(sentence)
    return StoreError(Text("the store refused the query: {why}", why=shortened(text)))


def shortened(text: str) -> str:
    """Give an engine's message without its address, its query's text and any mysql(...) with its password."""
    text = re.sub(r"\s*\(for url \S+\)", "", text.partition("server response:")[2] or text)
    text = re.sub(r"^\s*Code: \d+\. DB::Exception: ", "", text.partition(": In scope")[0].partition(": While ")[0])
    return PASSWORD.sub("mysql(...)", text).strip()[:400]

"""What people write as filters, rules and steps is read in a time that grows with its length, not with its square."""

import re
import time

import pytest

from analytics import steps
from analytics.clauses import DID, FILTER

LONG = 60_000  # signs; an address holds no more
SPACES = " " * LONG


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        (FILTER, f"category=a{SPACES}b"), (FILTER, f"category{SPACES}x"), (FILTER, "a" * LONG), (FILTER, SPACES),
        (DID, f"did x{SPACES}y"), (DID, f"did{SPACES}"), (DID, f"did x{' >=' * (LONG // 3)}y"),
        (steps.STEP, f"view{SPACES}y"), (steps.STEP, f"view{SPACES}where{SPACES}"), (steps.STEP, "x" + " where" * 9999),
    ],
)  # fmt: skip
def test_a_long_word_is_read_at_once(pattern: re.Pattern[str], word: str) -> None:
    begun = time.process_time()
    pattern.fullmatch(word)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("pattern", "word", "groups"),
    [
        (FILTER, " a = b c ", ("a", "=", "b c")), (FILTER, "a=", ("a", "=", "")), (FILTER, "a>=3", ("a", ">=", "3")),
        (FILTER, "a!=x\ny", ("a", "!=", "x\ny")), (DID, "did  not a|b c >= 3 ", ("not ", "a|b c", "3")),
        (DID, "did not", (None, "not", None)), (DID, "did x >= y", (None, "x >= y", None)),
        (steps.STEP, " a b  where c=d; e=f", ("a b", "c=d; e=f")), (steps.STEP, "where", ("where", None)),
    ],
)  # fmt: skip
def test_a_word_is_read_as_it_is_meant(pattern: re.Pattern[str], word: str, groups: tuple[str | None, ...]) -> None:
    match = pattern.fullmatch(word)
    assert match is not None
    assert match.groups() == groups

"""Read which number of a result a list of users is asked for: the row by its key columns, the count by its column."""

from collections.abc import Mapping, Sequence
from datetime import date

from sdk import ParamError

LIST_AT_MOST = 10_000  # users; a longer list is for a file


def column_of(at: Mapping[str, str], among: Sequence[str]) -> str:
    """Give the column whose users are wanted, the first where none is named."""
    name = at.get("column", among[0])
    if name not in among:
        raise ParamError(
            {"column": f"There is no list of users behind {name[:60]!r}; there is behind: {', '.join(among)}."}
        )
    return name


def value_of(at: Mapping[str, str], key: str) -> str:
    """Give the row's value of a key column."""
    if key not in at:
        raise ParamError({key: f"Say of which {key} the users are wanted."})
    return at[key]


def day_at(at: Mapping[str, str], key: str) -> date:
    """Give the row's day."""
    text = value_of(at, key)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ParamError({key: f"{text[:60]!r} is no day; write it as 2017-11-25."}) from None


def number_at(at: Mapping[str, str], key: str) -> int:
    """Give the row's number."""
    text = value_of(at, key)
    if not text.isdecimal() or len(text) > 9:
        raise ParamError({key: f"{text[:60]!r} is no number; write a whole one, from 0."})
    return int(text)

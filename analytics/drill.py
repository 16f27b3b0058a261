"""Read which number of a result a list of users is asked for: the row by its key columns, the count by its column."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sdk import ParamError
from sdk.text import Text

YEARS = range(1971, 2101)  # of days that a dataset can have
LIST_AT_MOST = 10_000  # users; a longer list is for a file
# The users who did something in the range; `$did` says what.
DID_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND ($did)
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""


def column_of(at: Mapping[str, str], among: Sequence[str]) -> str:
    """Give the column whose users are wanted, the first where none is named."""
    name = at.get("column", among[0])
    if name not in among:
        words = {"word": name[:60], "there": ", ".join(among)}
        said = Text("There is no list of users behind {word!r}; there is behind: {there}.", **words)
        raise ParamError({"column": said})
    return name


def value_of(at: Mapping[str, str], key: str) -> str:
    """Give the row's value of a key column."""
    if key not in at:
        raise ParamError({key: Text("Say of which {key} the users are wanted.", key=key)})
    return at[key]


def people_of(rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Give the users of a query's rows."""
    return [row["user_id"] for row in rows]


def one_at(at: Mapping[str, str], key: str, among: Sequence[str]) -> str:
    """Give the row's value of a key column that has only these."""
    text = value_of(at, key)
    if text not in among:
        words = {"key": key, "word": text[:60], "there": ", ".join(among)}
        raise ParamError({key: Text("There is no {key} {word!r}; there are: {there}.", **words)})
    return text


def apart(name: str, values: Collection[str]) -> str:
    """Give a name for a row of several values, "all" or "other", that none of the values has."""
    while name in values:
        name = f"({name})"
    return name


def day_at(at: Mapping[str, str], key: str) -> date:
    """Give the row's day."""
    text = value_of(at, key)
    try:
        day = date.fromisoformat(text)
        if day.year not in YEARS:
            raise ValueError
        return day
    except ValueError:
        raise ParamError({key: Text("{word!r} is no day; write it as 2017-11-25.", word=text[:60])}) from None


def number_at(at: Mapping[str, str], key: str) -> int:
    """Give the row's number."""
    text = value_of(at, key)
    if not text.isdecimal() or len(text) > 9:
        raise ParamError({key: Text("{word!r} is no number; write a whole one, from 0.", word=text[:60])})
    return int(text)


def second_at(at: Mapping[str, str], key: str) -> int:
    """Give the Unix second of a local time with its offset, as tables have it."""
    try:
        moment = datetime.fromisoformat(value_of(at, key))
        if moment.tzinfo is None:
            raise ValueError
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        raise ParamError({key: Text("Write the hour as the table has it, 2017-11-25T18:00+08:00.")}) from None

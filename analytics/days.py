"""Active days: which users were active on which local days, and how buckets of days are numbered."""

from datetime import date

from analytics.asking import Data
from analytics.clauses import Clause, about_users
from analytics.dataset import Dataset
from analytics.spans import Ranged, Span, Unit, buckets
from sdk import ParamError
from sdk.text import Text

EPOCH = date(1970, 1, 1)
CELLS_AT_MOST = 120_000  # ten years of days at the 31 offsets shown where nothing is said
# (user_id, d): d is the local day's number since 1970. The rollup answers where no filter looks at events.
FROM_ROLLUP = "SELECT user_id, toInt32(day) AS d FROM $user_day WHERE active > 0 AND ($where)"
FROM_EVENTS = "SELECT user_id, toInt32($day) AS d FROM $event WHERE ($active) AND ($where) GROUP BY user_id, d"
# Of rows of the rollup: those of the range, and which of them are a user's first there that count as such; the sums
# of these are distinct users. {first_day:Date}: the first local day of the range.
IN_DAYS = "day >= {first_day:Date} AND day < {end_day:Date} AND ($where)"
FIRST_IN = {
    "uv": "views > 0 AND last_view < {since}",
    "active_users": "active > 0 AND last_active < {since}",
    "buyers": "buys > 0 AND last_buy < {since}",
}
BUCKETS = {"day": "day", "week": "toMonday(day)", "month": "toStartOfMonth(day)"}  # of the rollup's days
SINCE_BUCKET = "greatest($bucket, {first_day:Date})"  # the first day of a bucket that lies in the range
UNITS = {
    "day": "d",
    "week": "intDiv(d + 3, 7)",
    "month": "toInt32(toYear(toDate(toUInt16(d))) * 12 + toMonth(toDate(toUInt16(d))) - 1)",
}


def active_days(data: Data, params: Ranged, span: Span | None = None) -> tuple[str, dict[str, Clause]]:
    """Give the query of (user_id, d), one row for each user and active local day of the whole data, and its clauses."""
    sql = FROM_ROLLUP if all(about_users(word) for word in params.where) else FROM_EVENTS
    return sql, {"where": data.scope(params, span)["where"]}


def by_days(data: Data, params: Ranged, span: Span) -> bool:
    """Say whether the rollup answers: no filter looks at events, and the range is whole local days."""
    whole = data.dataset.start_of(span.first) == span.low and data.dataset.start_of(span.last) == span.high
    return whole and all(about_users(word) for word in params.where)


def day_bounds(dataset: Dataset, span: Span) -> dict[str, date]:
    """Give the values of IN_DAYS. A day that the clock skipped is none: the range begins with the next."""
    return {"first_day": dataset.day_of(span.low), "end_day": span.last}


def distinct(since: str = "{first_day:Date}") -> dict[str, str]:
    """Give the SQL that counts uv, active_users and buyers of the rollup. since: the first day of what is counted."""
    return {name: f"countIf({condition.replace('{since}', since)})" for name, condition in FIRST_IN.items()}


def day_number(day: date) -> int:
    """Give a day's number since 1970."""
    return (day - EPOCH).days


def bucket_number(bucket: date, unit: Unit) -> int:
    """Give a bucket's number as UNITS has it in SQL; neighbours differ by one."""
    if unit == "month":
        return bucket.year * 12 + bucket.month - 1
    return day_number(bucket) if unit == "day" else (day_number(bucket) + 3) // 7


def see_few(cells: int) -> None:
    """See that a table of cohorts and offsets is none of more cells than anybody reads; else ParamError."""
    if cells > CELLS_AT_MOST:
        said = Text("These are {n:,} cells; choose fewer offsets, months, or a shorter range.", n=cells)
        raise ParamError({"offsets": said})


def begun(dataset: Dataset, span: Span, unit: Unit) -> list[date]:
    """Give the buckets that the span touches, without those that begin after the data's end and the last row."""
    end = max(dataset.end, dataset.last_ts + 1)  # a row whose clock is fast lies after the end
    return [bucket for bucket in buckets(span, unit) if dataset.start_of(bucket) < end]

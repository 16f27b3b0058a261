"""Active days: which users were active on which local days, and how buckets of days are numbered."""

from datetime import date

from analytics.asking import Data
from analytics.clauses import Clause, about_users
from analytics.dataset import Dataset
from analytics.spans import Ranged, Span, Unit, buckets

EPOCH = date(1970, 1, 1)
# (user_id, d): d is the local day's number since 1970. The rollup answers where no filter looks at events.
FROM_ROLLUP = "SELECT user_id, toInt32(day) AS d FROM $user_day WHERE active > 0 AND ($where)"
FROM_EVENTS = "SELECT user_id, toInt32($day) AS d FROM $event WHERE ($active) AND ($where) GROUP BY user_id, d"
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


def day_number(day: date) -> int:
    """Give a day's number since 1970."""
    return (day - EPOCH).days


def bucket_number(bucket: date, unit: Unit) -> int:
    """Give a bucket's number as UNITS has it in SQL; neighbours differ by one."""
    if unit == "month":
        return bucket.year * 12 + bucket.month - 1
    return day_number(bucket) if unit == "day" else (day_number(bucket) + 3) // 7


def begun(dataset: Dataset, span: Span, unit: Unit) -> list[date]:
    """Give the buckets that the span touches, without those that begin after the data's end."""
    return [bucket for bucket in buckets(span, unit) if dataset.start_of(bucket) < dataset.end]

"""The range of a report: written as local days or times, half-open, and exact in every time zone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from analytics.dataset import Dataset, start_of
from sdk import Between, Help, Matches, ParamError
from sdk.report import NotSupported
from sdk.text import Text

MOMENT = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d)?"
RULE = Text("write a local day, for example 2017-11-25, or a local time, 2017-11-25T18:00")
Unit = Literal["day", "week", "month"]
WORDS = 100  # filters, rules; each rule reads the events once more
LENGTHS = {"day": 1, "week": 7, "month": 31}  # days
BUCKETS = 10_000  # of one answer: 27 years of days


@dataclass(frozen=True, kw_only=True)
class Ranged:
    """What every report over a range of time asks; a report's Params inherit it."""

    start: Annotated[str, Matches(MOMENT, RULE), Help("First local day. Empty: the day of the first row.")] = ""
    end: Annotated[
        str, Matches(MOMENT, RULE), Help("The local day after the last one. Empty: that after the last row.")
    ] = ""
    where: Annotated[
        list[str],
        Between(0, WORDS),
        Help("Only events for which all of these are true, one a line: category=12,13 or channel!=ads or amount>=10."),
    ] = field(default_factory=list)
    users: Annotated[
        list[str],
        Between(0, WORDS),
        Help(
            "Only users for whom all of these are true in the range, one a line: did buy, did not fav, did cart >= 3."
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds [low, high), and the local days that they touch, [first, last)."""

    low: int
    high: int
    first: date
    last: date

    @property
    def last_day(self) -> date:
        """Give the last local day of it, as people name a range."""
        return self.last - timedelta(1)

    def days(self) -> Iterator[date]:
        """Give each local day of it. ParamError where they are too many to be shown."""
        _few(self, "day")
        return (self.first + timedelta(n) for n in range((self.last - self.first).days))


def span_of(dataset: Dataset, start: str, end: str) -> Span:
    """Read a range. ParamError where it is none; NotSupported where the dataset has no row in it."""
    low = _moment(dataset, "start", start, dataset.first_day)
    high = _moment(dataset, "end", end, dataset.end_day)
    if low >= high:
        words = {"end": end or dataset.end_day, "start": start or dataset.first_day}
        raise ParamError({"end": Text("The range ends ({end}) before it begins ({start}).", **words)})
    if high <= dataset.first_ts or low > dataset.last_ts:
        by_day = len(end) <= len("2017-11-25")
        raise NotSupported(
            Text(
                "there is no row from {start} to {end}; the data reach from {first} to {last}",
                start=start or dataset.first_day,
                end=dataset.day_of(high - 1) if by_day else end,  # as people name it: with its last day
                first=dataset.first_day,
                last=dataset.day_of(dataset.last_ts),
            )
        )
    return whole(dataset, low, high)


def whole(dataset: Dataset, low: int, high: int) -> Span:
    """Give the span of some seconds."""
    return Span(low, high, dataset.day_of(low), dataset.day_of(high - 1) + timedelta(1))


def _moment(dataset: Dataset, name: str, text: str, default: date) -> int:
    if not text:
        return dataset.start_of(default)
    try:
        moment = datetime.fromisoformat(text)
        if not 1971 <= moment.year <= 2100:
            raise ValueError
    except ValueError:
        said = Text("There is no such day or time as {word!r} (from 1971 to 2100).", word=text)
        raise ParamError({name: said}) from None
    return int(moment.replace(tzinfo=dataset.zoneinfo).timestamp())


def bucket_of(day: date, unit: Unit) -> date:
    """Give the first day of the day's bucket; weeks begin on Monday, months on their first."""
    if unit == "week":
        return day - timedelta(day.weekday())
    return day.replace(day=1) if unit == "month" else day


def following(bucket: date, unit: Unit, count: int = 1) -> date:
    """Give the bucket that many after this one."""
    if unit == "month":
        months = bucket.year * 12 + bucket.month - 1 + count
        return date(months // 12, months % 12 + 1, 1)
    return bucket + timedelta(count * (7 if unit == "week" else 1))


def buckets(span: Span, unit: Unit) -> list[date]:
    """Give the first day of each bucket that the span touches. ParamError where they are too many to be shown."""
    _few(span, unit)
    found = [bucket_of(span.first, unit)]
    while (after := following(found[-1], unit)) < span.last:
        found.append(after)
    return found


def _few(span: Span, unit: Unit) -> None:
    days = (span.last - span.first).days
    if days > BUCKETS * LENGTHS[unit]:
        raise ParamError({"end": Text("These are {days} days; choose a shorter range.", days=days)})


def is_complete(dataset: Dataset, bucket: date, unit: Unit, span: Span | None = None) -> bool:
    """Say whether a bucket has ended in the data, and, with a span, lies wholly in it."""
    low, high = dataset.start_of(bucket), dataset.start_of(following(bucket, unit))
    return high <= dataset.end and (span is None or (span.low <= low and high <= span.high))


def shifted(dataset: Dataset, span: Span, days: int) -> Span:
    """Give the span that many local days earlier, at the same local times."""
    zone = dataset.zoneinfo

    def earlier(ts: int) -> int:
        moment = datetime.fromtimestamp(ts, UTC).astimezone(zone).replace(tzinfo=None) - timedelta(days)
        return int(moment.replace(tzinfo=zone).timestamp())

    return whole(dataset, earlier(span.low), earlier(span.high))


def local_text(dataset: Dataset) -> Callable[[int], str]:
    """Give what writes a second as local time with its offset."""
    zone = dataset.zoneinfo
    return lambda ts: datetime.fromtimestamp(ts, UTC).astimezone(zone).isoformat(timespec="minutes")


__all__ = [
    "Ranged",
    "Span",
    "Unit",
    "bucket_of",
    "buckets",
    "following",
    "is_complete",
    "local_text",
    "shifted",
    "span_of",
    "start_of",
    "whole",
]

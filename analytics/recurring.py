"""The days and hours that are compared with the same weekday, or the same hour of the week, of the weeks before."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from analytics.dataset import Dataset
from analytics.drill import day_at, value_of
from analytics.spans import Span
from sdk import ParamError
from sdk.text import Text

WEEKS = 8
Key = tuple[date, int]  # a local day, and its hour; 0 for days
Bounds = tuple[int, int]  # Unix seconds [low, high)


def buckets_of(dataset: Dataset, span: Span, by: str) -> dict[Key, Bounds]:
    """Give the seconds [low, high) of each complete bucket from 8 weeks before the span to its end, in order."""
    first = max(dataset.first_day, span.first - timedelta(7 * WEEKS))
    days = [first + timedelta(n) for n in range((min(span.last, dataset.end_day) - first).days)]
    if by == "day":
        found = {(day, 0): (dataset.start_of(day), dataset.start_of(day + timedelta(1))) for day in days}
    else:
        starts = {(day, hour): _hour(dataset, day, hour) for day in days for hour in range(24)}
        found = {key: (low, low + 3600) for key, low in starts.items() if low is not None}
        found = {key: ends for key, ends in found.items() if ends[1] > dataset.first_ts}
    return {key: ends for key, ends in found.items() if ends[1] <= dataset.end}


def comparable(key: Key) -> list[Key]:
    """Give the same weekday, and hour, of the weeks before, the latest first."""
    return [(key[0] - timedelta(7 * week), key[1]) for week in range(1, WEEKS + 1)]


def seconds_of(dataset: Dataset, by: str, row: Mapping[str, Any]) -> Bounds:
    """Give the seconds [low, high) of a row's bucket; ParamError where the row has none."""
    if by == "day":
        day = day_at(row, "day")
        return dataset.start_of(day), dataset.start_of(day + timedelta(1))
    text = value_of(row, "hour")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:00")  # noqa: DTZ007  # a local time; _hour gives it its zone
        low = _hour(dataset, moment.date(), moment.hour)
    except (ValueError, OverflowError):
        low = None
    if low is None:
        raise ParamError({"hour": Text("{word!r} is no hour; write it as 2017-11-25T18:00.", word=text[:60])})
    return low, low + 3600


def _hour(dataset: Dataset, day: date, hour: int) -> int | None:
    """Give the first second of a local hour; None where the clock skips or repeats some of it."""
    zone, moment = dataset.zoneinfo, datetime.combine(day, time(hour))
    both = {
        moment.replace(minute=minute, fold=fold, tzinfo=zone).utcoffset() for fold in (0, 1) for minute in (0, 30, 59)
    }
    return int(moment.replace(tzinfo=zone).astimezone(UTC).timestamp()) if len(both) == 1 else None

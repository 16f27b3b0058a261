"""Local hours: of the clock, and cut where the clock is changed; exact also where that is by half an hour."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from analytics.dataset import DAY, Dataset


def odd_changes(dataset: Dataset) -> tuple[int, ...]:
    """Give the seconds of the dataset at which its clock changes by other than whole hours; in most zones none."""
    return _odd_changes(dataset.zone, dataset.first_ts // DAY - 2, dataset.last_ts // DAY + 2)


def hours(dataset: Dataset, low: int, high: int) -> list[tuple[int, int]]:
    """Give first second and end of each local hour that the seconds [low, high) touch."""
    odd = [change for change in odd_changes(dataset) if low - DAY < change < high]
    start = max([low - _into_hour(low, dataset.zoneinfo), *(c for c in odd if c <= low)])
    if not odd:
        return [(ts, ts + 3600) for ts in range(start, high, 3600)]
    found = []
    while start < high:
        end = min([start + 3600 - _into_hour(start, dataset.zoneinfo), *(c for c in odd if c > start)])
        found.append((start, end))
        start = end
    return found


def _into_hour(ts: int, zone: ZoneInfo) -> int:
    """Give how many seconds of its hour have passed on the clock."""
    moment = datetime.fromtimestamp(ts, UTC).astimezone(zone)
    return moment.minute * 60 + moment.second


@lru_cache(maxsize=256)
def _odd_changes(name: str, first: int, last: int) -> tuple[int, ...]:
    zone = ZoneInfo(name)

    def offset(ts: int) -> timedelta:
        return datetime.fromtimestamp(ts, UTC).astimezone(zone).utcoffset() or timedelta()

    found = []
    for day in range(first, last):
        low, high = day * DAY, (day + 1) * DAY
        if (offset(high) - offset(low)) % timedelta(hours=1):
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            found.append(high)
    return tuple(found)

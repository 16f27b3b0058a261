"""The definitions of METRICS in plain Python: slow, literal, and written without a look at the SQL."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo

from tests.analytics.events import Event

Test = Callable[[Event], bool]


def local(ts: int, zone: str) -> datetime:
    return datetime.fromtimestamp(ts, UTC).astimezone(ZoneInfo(zone))


def day_of(event: Event, zone: str) -> date:
    return local(event.ts, zone).date()


@cache
def hour_of(ts: int, zone: str) -> str:
    """Go back minute by minute while the clock shows the same hour and is not changed."""
    start = ts - local(ts, zone).second
    while (here := local(start, zone)).hour == (before := local(start - 60, zone)).hour:
        if here.utcoffset() != before.utcoffset():
            break
        start -= 60
    return local(start, zone).isoformat(timespec="minutes")


def unit_of(day: date, unit: str) -> date:
    return {"day": day, "week": day - timedelta(day.weekday()), "month": day.replace(day=1)}[unit]


def later(bucket: date, unit: str, n: int) -> date:
    if unit == "month":
        for _ in range(n):
            bucket = (bucket + timedelta(31)).replace(day=1)
        return bucket
    return bucket + timedelta(n * (7 if unit == "week" else 1))


def is_(*behaviours: str) -> Test:
    return lambda event: event.behaviour in behaviours


def users(events: Sequence[Event], test: Test) -> set[int]:
    return {event.user for event in events if test(event)}


def counts(events: Sequence[Event], activity: Sequence[str]) -> dict[str, float]:
    """Give events, PV, UV, active users, buyers and purchases."""
    active: Test = (lambda e: e.behaviour in activity) if activity else (lambda _: True)
    buys = [event for event in events if event.behaviour == "buy"]
    return {
        "events": len(events),
        "pv": sum(event.behaviour == "pv" for event in events),
        "uv": len(users(events, is_("pv"))),
        "active_users": len(users(events, active)),
        "buyers": len(users(events, is_("buy"))),
        "purchases": len({e.order for e in buys if e.order}) + sum(not e.order for e in buys),
    }


# --- retention


def cohorts(
    events: Sequence[Event], zone: str, unit: str, membership: str, start: Test, span: tuple[int, int]
) -> Iterator[tuple[date, Event]]:
    """Give (cohort, own start) for each user and cohort."""
    for user in {event.user for event in events}:
        starts = sorted(e for e in events if e.user == user and start(e))
        within = [e for e in starts if span[0] <= e.ts < span[1]]
        if membership == "first ever":
            within = [e for e in starts[:1] if e in within]
        elif membership == "first in range":
            within = within[:1]
        seen = set()
        for event in within:
            bucket = unit_of(day_of(event, zone), unit)
            if bucket not in seen:
                seen.add(bucket)
                yield bucket, event


def came_back(
    events: Sequence[Event], zone: str, unit: str, own: Event, back: Test, window: tuple[int, float], hours: bool
) -> bool:
    """Say whether a user came back in a unit from window[0] to window[1] after the own start."""
    bucket = unit_of(day_of(own, zone), unit)
    for event in events:
        if event.user != own.user or not back(event) or event.ts < own.ts:
            continue
        if hours:
            offset = (event.ts - own.ts) // (86_400 * (7 if unit == "week" else 1))
        else:
            offset = next(n for n in range(10_000) if later(bucket, unit, n) == unit_of(day_of(event, zone), unit))
        if window[0] <= offset <= window[1]:
            return True
    return False


# --- funnels


def chains(rows: Sequence[Event], steps: Sequence[Test], window: float, entry: Test) -> Iterator[tuple[int, ...]]:
    """Give the seconds of every chain of k different rows, t1 <= t2 <= .. <= tk <= t1 + window."""

    def go_on(taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        yield tuple(rows[i].ts for i in taken)
        if len(taken) == len(steps):
            return
        for i, row in enumerate(rows):
            if i not in taken and steps[len(taken)](row) and rows[taken[-1]].ts <= row.ts <= rows[taken[0]].ts + window:
                yield from go_on((*taken, i))

    for i, row in enumerate(rows):
        if steps[0](row) and entry(row):
            yield from go_on((i,))


def strict_chains(
    rows: Sequence[Event], steps: Sequence[Test], window: float, entry: Test
) -> Iterator[tuple[int, ...]]:
    """Give the chains of rows that follow each other in the user's order."""
    rows = sorted(rows)
    for i, row in enumerate(rows):
        if not (steps[0](row) and entry(row)):
            continue
        for k in range(1, len(steps) + 1):
            taken = rows[i : i + k]
            if len(taken) < k or not steps[k - 1](taken[-1]) or taken[-1].ts > row.ts + window:
                break
            yield tuple(event.ts for event in taken)


def any_levels(rows: Sequence[Event], steps: Sequence[Test], window: float, entry: Test) -> Iterator[tuple[int, ...]]:
    """Give, for each window, as many zeros as first steps are all in it. No row is two steps."""
    for first in rows:
        within = [row for row in rows if first.ts <= row.ts <= first.ts + window]
        level = 0
        for number, step in enumerate(steps):
            if not any(step(row) and (number or entry(row)) for row in within):
                break
            level += 1
        if level:
            yield (0,) * level


FIND = {"ordered": chains, "strict": strict_chains, "any": any_levels}


def visits(events: Sequence[Event]) -> dict[tuple[int, int], int]:
    """Number the visits of each user: (user, second) -> visit."""
    found = {}
    for user, rows in groupby(sorted(events), key=lambda e: e.user):
        number, last = 0, None
        for event in rows:
            number += last is not None and event.ts - last > 1800
            found[user, event.ts] = number
            last = event.ts
    return found


def funnel(
    events: Sequence[Event],
    steps: Sequence[Test],
    find: str,
    window: float,
    key: Callable[[Event], object],
    entry: Test,
) -> dict[int, tuple[int, ...]]:
    """Give, for each user with a first step, the chain that reaches the user's level first."""
    best: dict[int, tuple[int, ...]] = {}
    for user in {event.user for event in events}:
        own = [event for event in events if event.user == user]
        found = [
            chain
            for k in {key(e) for e in own}
            for chain in FIND[find]([e for e in own if key(e) == k], steps, window, entry)
        ]
        if found:
            best[user] = min(found, key=lambda c: (-len(c), c[-1], tuple(-t for t in c)))
    return best

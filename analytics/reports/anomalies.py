"""Anomalies: days or hours that are not as the same weekday (or hour of the week) has been.

Each complete bucket x is compared with the same weekday, or the same hour of the week, of the 8 weeks before it:
z = 0.6745 (x - median) / MAD; where the MAD is 0, by 1.253 x mean absolute deviation. With fewer than 4 of them the
7 buckets right before stand in, at low confidence. A bucket is flagged where |z| >= 3.5 and the change against the
median is at least 10 %; where the others are all the same there is no z, and any such change is flagged. A flag says
how much of the change in views came from more users and how much from more views for each, against the last bucket
it is compared with, and which values of the dimensions moved most. Hours that the clock skips or repeats are left out.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, dimension, fixed
from analytics.dataset import Dataset, Kind
from analytics.decomposed import parts
from analytics.outliers import Judged, judge
from analytics.spans import Ranged, Span
from sdk import Between, Help
from sdk.report import Chart, Column, NotSupported, Result, report

METRICS = {
    "events": "countIf($in)",
    "pv": "countIf($in AND $view)",
    "uv": "uniqExactIf(user_id, $in AND $view)",
    "active users": "uniqExactIf(user_id, $in AND $active)",
    "buyers": "uniqExactIf(user_id, $in AND $buy)",
    "purchases": ("uniqExactIf(order_id, $in AND $buy AND order_id != '') + countIf($in AND $buy AND order_id = '')"),
}
UNITS = {"pv": "views", "events": "events", "purchases": "purchases"}
SQL = """
SELECT $bucket AS bucket, $metric AS value, countIf($view) AS pv, uniqExactIf(user_id, $view) AS uv
FROM $event
WHERE ts >= {from:Int64} AND ts < {to:Int64} AND ($where)
GROUP BY bucket
"""
MOVED_SQL = """
SELECT toString($value) AS name, toInt64($now) - toInt64($then) AS moved
FROM $event
WHERE ((ts >= {n0:Int64} AND ts < {n1:Int64}) OR (ts >= {t0:Int64} AND ts < {t1:Int64})) AND ($where)
GROUP BY name
HAVING moved != 0
ORDER BY abs(moved) DESC, name
LIMIT 3
"""
NOW, THEN = "(ts >= {n0:Int64} AND ts < {n1:Int64})", "(ts >= {t0:Int64} AND ts < {t1:Int64})"
WEEKS, RECENT = 8, 7
EXPLAINED = 10  # flags, the latest; each costs a question for each dimension
Key = tuple[date, int]  # a local day, and its hour; 0 for days


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. The range says which buckets are judged; what they are compared with may lie before it."""

    metric: Annotated[Literal["pv", "uv", "active users", "buyers", "purchases", "events"], Help("What is judged.")] = (
        "pv"
    )
    by: Annotated[Literal["day", "hour"], Help("The buckets.")] = "day"
    latest: Annotated[int, Between(1, 1000), Help("Judge at most so many buckets, the latest of the range.")] = 60


@report(category="anomalies")
def run(data: Data, params: Params) -> Result:
    """Judge each bucket, and explain those that are flagged."""
    span, dataset = data.span(params), data.dataset
    places = buckets_of(dataset, span, params.by)
    judged_at = [key for key, (low, high) in places.items() if span.low <= low and high <= span.high][-params.latest :]
    if not judged_at:
        raise NotSupported(
            f"no {params.by} of the range is complete; the data end at {dataset.day_of(dataset.last_ts)}"
        )
    counts = _counts(data, params, places)
    order = {key: number for number, key in enumerate(places)}
    rows: list[list[Any]] = []
    explained = 0
    for key in reversed(judged_at):
        others = [other for other in comparable(key) if other in places]
        recent = list(places)[max(0, order[key] - RECENT) : order[key]]
        values = [[counts[other][0] for other in some] for some in (others, recent)]
        found = judge(counts[key][0], *values)
        then = others[0] if found and found.sure else recent[-1] if recent else None
        why, moved = "", ""
        if found and found.flagged and then and explained < EXPLAINED:
            explained += 1
            why = str(parts(key[0], counts[then][1:], counts[key][1:])[-1])
            moved = _moved(data, params, places[key], places[then])
        rows.append([*_shown(params, key), counts[key][0], *_row(found), why, moved])
    rows.reverse()
    chart = Chart("line", params.by, ("value", "expected"), incomplete="sure")
    return Result(_columns(params), rows, notes=tuple(_notes(params, rows)), chart=chart)


def buckets_of(dataset: Dataset, span: Span, by: str) -> dict[Key, tuple[int, int]]:
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


def _hour(dataset: Dataset, day: date, hour: int) -> int | None:
    """Give the first second of a local hour; None where the clock skips or repeats some of it."""
    zone, moment = dataset.zoneinfo, datetime.combine(day, time(hour))
    both = {
        moment.replace(minute=minute, fold=fold, tzinfo=zone).utcoffset() for fold in (0, 1) for minute in (0, 30, 59)
    }
    return int(moment.replace(tzinfo=zone).astimezone(UTC).timestamp()) if len(both) == 1 else None


def _counts(data: Data, params: Params, places: dict[Key, tuple[int, int]]) -> dict[Key, tuple[int, int, int]]:
    """Give (value, PV, UV) of each bucket, zeros where nothing happened."""
    known = fixed(data.dataset)
    bucket = (
        known["day"] if params.by == "day" else Clause(f"({known['day'].sql}, {known['hour'].sql})", known["day"].bind)
    )
    metric = Clause(METRICS[params.metric].replace("$in", "1"))
    more = {**data.scope(params), "bucket": bucket, "metric": metric}
    ends = list(places.values())
    asked = data.ask(SQL, more, **{"from": ends[0][0], "to": ends[-1][1]}) if ends else []
    found = {
        (row["bucket"], 0) if params.by == "day" else tuple(row["bucket"]): (row["value"], row["pv"], row["uv"])
        for row in asked
    }
    return {key: found.get(key, (0, 0, 0)) for key in places}


def _moved(data: Data, params: Params, now: tuple[int, int], then: tuple[int, int]) -> str:
    """Say which values of each dimension moved most from one bucket to the other."""
    texts = [name for name, kind in data.dataset.layout.dimensions if kind is Kind.TEXT]
    words = []
    for name in ["behaviour", *(n for n in ("channel", "category", *texts) if n in data.dataset.mapped)]:
        more = {
            **data.scope(params),
            "value": dimension(data.dataset, name, "where"),
            "now": Clause(METRICS[params.metric].replace("$in", NOW)),
            "then": Clause(METRICS[params.metric].replace("$in", THEN)),
        }
        bind = {"n0": now[0], "n1": now[1], "t0": then[0], "t1": then[1]}
        moved = [f"{row['name']} {row['moved']:+,}" for row in data.ask(MOVED_SQL, more, **bind)]
        words += [f"{name}: {', '.join(moved)}"] * bool(moved)
    return "; ".join(words)


def _columns(params: Params) -> tuple[Column, ...]:
    unit = UNITS.get(params.metric, "users")
    return (
        Column(params.by),
        Column("value", unit),
        Column("expected", unit),
        Column("spread", unit),
        Column("z", "sd"),
        Column("change", "share", of=("value", "expected")),
        Column("points", "buckets"),
        Column("flagged"),
        Column("sure"),
        Column("why"),
        Column("moved"),
    )


def _shown(params: Params, key: Key) -> list[str]:
    return [key[0].isoformat() if params.by == "day" else f"{key[0]}T{key[1]:02}:00"]


def _row(found: Judged | None) -> list[Any]:
    if not found:
        return [None, None, None, None, 0, 0, 0]
    numbers = [found.expected, found.spread, found.z, found.change, found.points]
    return [*numbers, int(found.flagged), int(found.sure)]


def _notes(params: Params, rows: list[list[Any]]) -> list[str]:
    flagged, unsure = sum(row[7] for row in rows), sum(bool(row[6]) and not row[8] for row in rows)
    unjudged = sum(not row[6] for row in rows)
    notes = [f"{flagged} of {len(rows)} {params.by}s are flagged."]
    if unsure:
        notes.append(
            f"{unsure} have fewer than 4 weeks to compare with: they stand beside the {RECENT} before, not sure."
        )
    if unjudged:
        notes.append(f"{unjudged} have too little before them to be judged at all.")
    if flagged > EXPLAINED:
        notes.append(f"The latest {EXPLAINED} flags are explained.")
    return notes

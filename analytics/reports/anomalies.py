"""Anomalies: days or hours that are not as the same weekday (or hour of the week) has been.

Each complete bucket x is compared with the same weekday, or the same hour of the week, of the 8 weeks before it:
z = 0.6745 (x - median) / MAD; where the MAD is 0, by 1.253 x mean absolute deviation. With fewer than 4 of them the
7 buckets right before stand in, at low confidence. A bucket is flagged where |z| >= 3.5 and the change against the
median is at least 10 %; where the others are all the same there is no z, and any such change is flagged. A flag says
how much of the change in views came from more users and how much from more views for each, and which values of the
dimensions moved most (of a rate: in what it counts, not in what it divides by), both against the most usual of the
buckets it is compared with: the one whose value is nearest to the median, the latest of several. Hours that the clock
skips or repeats are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, about_users, fixed
from analytics.decomposed import parts
from analytics.drill import LIST_AT_MOST, column_of, people_of
from analytics.moved import moved
from analytics.outliers import Judged, judge
from analytics.recurring import Bounds, Key, buckets_of, comparable, seconds_of
from analytics.spans import Ranged
from sdk import Between, Help, ParamError
from sdk.report import Chart, Column, NotSupported, Result, report, share
from sdk.text import Text

COUNTS = {
    "events": "countIf($in)",
    "pv": "countIf($in AND $view)",
    "uv": "uniqExactIf(user_id, $in AND $view)",
    "active users": "uniqExactIf(user_id, $in AND $active)",
    "buyers": "uniqExactIf(user_id, $in AND $buy)",
    "purchases": "(uniqExactIf(order_id, $in AND $buy AND order_id != '') + countIf($in AND $buy AND order_id = ''))",
}
RATES = {"pv per user": ("pv", "uv"), "user conversion": ("buyers", "uv"), "event conversion": ("purchases", "pv")}
UNITS = {"pv": "views", "events": "events", "purchases": "purchases", "pv per user": "views/user"}
LISTS = {"uv": "$view", "active users": "$active", "buyers": "$buy"}  # the metrics that are users
SQL = """
SELECT $bucket AS bucket, $above AS above, $below AS below, countIf($view) AS pv, uniqExactIf(user_id, $view) AS uv
FROM $event
WHERE ts >= {from:Int64} AND ts < {to:Int64} AND ($where)
GROUP BY bucket
"""
DAYS_SQL = """
SELECT day AS bucket, $above AS above, $below AS below, sum(views) AS pv, countIf(views > 0) AS uv
FROM $user_day
WHERE day >= {first_day:Date} AND day < {end_day:Date} AND ($where)
GROUP BY bucket
"""
OF_DAYS = {  # COUNTS of the rollup, where it has them
    "events": "sum(events)",
    "pv": "sum(views)",
    "uv": "countIf(views > 0)",
    "active users": "countIf(active > 0)",
    "buyers": "countIf(buys > 0)",
    "purchases": "sum(buys)",
}
USERS_SQL = """
SELECT user_id
FROM $event
WHERE ts >= {low:Int64} AND ts < {high:Int64} AND ($did) AND ($where)
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
RECENT = 7
EXPLAINED = 10  # flags, the latest; the help of `explain` says so too
Name = Literal[
    "pv",
    "uv",
    "active users",
    "buyers",
    "purchases",
    "events",
    "pv per user",
    "user conversion",
    "event conversion",
]


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. The range says which buckets are judged; what they are compared with may lie before it."""

    metric: Annotated[Name, Help("What is judged.")] = "pv"
    by: Annotated[Literal["day", "hour"], Help("The buckets.")] = "day"
    latest: Annotated[int, Between(1, 1000), Help("Judge at most so many buckets, the latest of the range.")] = 60
    explain: Annotated[
        Literal["flags", "all", "views"],
        Help("Which buckets are explained, the latest 10. views: the flags, faster, without values that moved."),
    ] = "flags"


@dataclass(frozen=True, slots=True)
class Count:
    """What one bucket holds. value: None for a rate without a denominator."""

    above: int = 0
    below: int = 0
    pv: int = 0
    uv: int = 0
    value: float | None = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A judged bucket. then: the most usual of the buckets that it is compared with."""

    key: Key
    found: Judged | None
    then: Key | None


@report(category="anomalies")
def run(data: Data, params: Params) -> Result:
    """Judge each bucket, and explain those that are flagged."""
    counted = " ".join(COUNTS[name] for name in RATES.get(params.metric, (params.metric,)))
    data.need(*(role for role in ("view", "buy") if f"${role}" in counted))
    span, dataset = data.span(params), data.dataset
    places = buckets_of(dataset, span, params.by)
    judged_at = [key for key, (low, high) in places.items() if span.low <= low and high <= span.high][-params.latest :]
    if not judged_at:
        raise NotSupported(
            Text(
                "no {bucket} of the range is complete; the data end at {day}",
                bucket=params.by,
                day=dataset.day_of(dataset.last_ts),
            )
        )
    counts = _counts(data, params, places)
    lines = _judged(judged_at, places, counts)
    wanted = [line for line in lines if line.found and (line.found.flagged or params.explain == "all")]
    flags = [line for line in wanted if line.then][-EXPLAINED:]
    pairs = [(places[line.key], places[line.then]) for line in flags if line.then]
    values = _moved(data, params, pairs) if params.explain != "views" else [""] * len(flags)
    texts = {line.key: (_why(line, counts), values[number]) for number, line in enumerate(flags)}
    rate = params.metric in RATES
    rows = [
        [
            _shown(params, line.key),
            counts[line.key].value,
            *([counts[line.key].above, counts[line.key].below] if rate else []),
            *_row(line.found),
            *texts.get(line.key, ("", "")),
        ]
        for line in lines
    ]
    chart = Chart("line", params.by, ("value", "expected"), incomplete="sure")
    return Result(_columns(params), rows, notes=tuple(_notes(params, lines)), chart=chart)


def users(data: Data, params: Params, at: Mapping[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a value: at["day"] or at["hour"], as the row has it. Only of metrics that are users."""
    if params.metric not in LISTS:
        words = {"metric": params.metric, "there": ", ".join(LISTS)}
        said = Text("{metric} is no number of users; there is a list behind: {there}.", **words)
        raise ParamError({"column": said})
    column_of(at, ("value",))
    low, high = seconds_of(data.dataset, params.by, at)
    more = {**data.scope(params), "did": Clause(LISTS[params.metric])}
    return people_of(data.ask(USERS_SQL, more, low=low, high=high, limit=limit))


def _moved(data: Data, params: Params, pairs: list[tuple[Bounds, Bounds]]) -> list[str]:
    return moved(data, data.scope(params), lambda condition: _counting(_sides(params)[0], condition), pairs)


def _judged(judged_at: list[Key], places: dict[Key, Bounds], counts: dict[Key, Count]) -> list[Line]:
    """Judge each bucket by those that have a value."""
    keys = [key for key in places if counts[key].value is not None]
    known, order = set(keys), {key: number for number, key in enumerate(places)}
    lines = []
    for key in judged_at:
        others = [other for other in comparable(key) if other in known]
        recent = [other for other in list(places)[max(0, order[key] - RECENT) : order[key]] if other in known]
        value = counts[key].value
        values = [[counts[other].value or 0 for other in some] for some in (others, recent)]
        found = judge(value, *values) if value is not None else None
        lines.append(Line(key, found, _usual(found, others, recent[::-1], counts) if found else None))
    return lines


def _usual(found: Judged, others: list[Key], recent: list[Key], counts: dict[Key, Count]) -> Key:
    """Give the bucket nearest to the median; of those as near the first, which is the latest."""
    return min(others if found.sure else recent, key=lambda key: abs((counts[key].value or 0) - found.expected))


def _counts(data: Data, params: Params, places: dict[Key, Bounds]) -> dict[Key, Count]:
    """Count each bucket; zeros where nothing happened."""
    below = _sides(params)[1]
    found = {}
    for row in _asked(data, params, places) if places else ():
        at = row.pop("bucket")
        found[(at, 0) if params.by == "day" else tuple(at)] = Count(
            **row, value=share(row["above"], row["below"]) if below else row["above"]
        )
    return {key: found.get(key, Count(value=None if below else 0)) for key in places}


def _asked(data: Data, params: Params, places: dict[Key, Bounds]) -> list[dict[str, Any]]:
    """Ask the rollup for days where it can tell, else the events."""
    above, below = _sides(params)
    more, ends = data.scope(params), list(places.values())
    if params.by == "day" and _of_days(data, params):
        more |= {"above": Clause(OF_DAYS[above]), "below": Clause(OF_DAYS[below] if below else "0")}
        days = [day for day, _ in places]
        return data.ask(DAYS_SQL, more, first_day=min(days), end_day=max(days) + timedelta(1))
    known = fixed(data.dataset)
    hours = Clause(f"({known['day'].sql}, {known['hour'].sql})", known["day"].bind)
    more |= {"bucket": known["day"] if params.by == "day" else hours}
    more |= {"above": _counting(above, "1"), "below": _counting(below, "1") if below else Clause("0")}
    return data.ask(SQL, more, **{"from": ends[0][0], "to": ends[-1][1]})


def _of_days(data: Data, params: Params) -> bool:
    """Say whether the rollup has what is counted: no filter looks at events, and orders are not told apart."""
    orders = "purchases" in _sides(params) and "order" in data.dataset.mapped
    return not orders and all(about_users(word) for word in params.where)


def _sides(params: Params) -> tuple[str, str]:
    """Give what the metric counts, and what it divides by; "" for a count."""
    return RATES.get(params.metric, (params.metric, ""))


def _counting(name: str, condition: str) -> Clause:
    return Clause(COUNTS[name].replace("$in", condition))


def _why(line: Line, counts: dict[Key, Count]) -> str:
    """Say where the change in views came from."""
    then, now = (counts[key] for key in (line.then or line.key, line.key))
    return str(parts(line.key[0], (then.pv, then.uv), (now.pv, now.uv))[-1])


def _columns(params: Params) -> tuple[Column, ...]:
    rate = params.metric in RATES
    unit = UNITS.get(params.metric, "share" if rate else "users")
    above, below = _sides(params)
    sides = (Column("numerator", UNITS.get(above, "users")), Column("denominator", UNITS.get(below, "users")))
    return (
        Column(params.by, key=True),
        Column("value", unit, of=("numerator", "denominator") if rate else (), listed=params.metric in LISTS),
        *(sides if rate else ()),
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


def _shown(params: Params, key: Key) -> str:
    return key[0].isoformat() if params.by == "day" else f"{key[0]}T{key[1]:02}:00"


def _row(found: Judged | None) -> list[Any]:
    if not found:
        return [None, None, None, None, 0, 0, 0]
    numbers = [found.expected, found.spread, found.z, found.change, found.points]
    return [*numbers, int(found.flagged), int(found.sure)]


def _notes(params: Params, lines: list[Line]) -> list[Text]:
    flagged = sum(bool(line.found and line.found.flagged) for line in lines)
    unsure = sum(bool(line.found and not line.found.sure) for line in lines)
    unjudged = sum(line.found is None for line in lines)
    found = {"flagged": flagged, "every": len(lines)}
    days = Text("Days flagged: {flagged} of {every}.", **found)
    notes = [Text("Hours flagged: {flagged} of {every}.", **found) if params.by == "hour" else days]
    if unsure:
        notes.append(
            Text(
                "{n} have fewer than 4 weeks to compare with: they stand beside the {recent} before, not sure.",
                n=unsure,
                recent=RECENT,
            )
        )
    if unjudged:
        notes.append(Text("{n} have too little before them to be judged at all.", n=unjudged))
    if flagged > EXPLAINED:
        notes.append(Text("The latest {n} flags are explained.", n=EXPLAINED))
    return notes

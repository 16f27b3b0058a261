"""Cohorts and who of them comes back: what the retention report shows, and what others need of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from analytics import newcomers
from analytics.asking import Data
from analytics.clauses import Clause, both
from analytics.dataset import Dataset
from analytics.days import BUCKETS, bucket_number, by_days, day_bounds, see_few
from analytics.drill import column_of, day_at, one_at
from analytics.returning import (
    CALENDAR,
    COHORTS,
    DAYS,
    HITS,
    LENGTHS,
    NUMBERS,
    OFFSETS,
    PAIRS,
    REGISTERED,
    WINDOWS,
    by_first_day,
)
from analytics.spans import WORDS, Ranged, Span, Unit, buckets, following, is_complete
from sdk import Between, Help, Matches, ParamError, When
from sdk.report import Column, Result, share
from sdk.text import Text

RULE_OF_THUMB = {1: 0.40, 7: 0.20, 30: 0.10}
SQL = """
SELECT unit, hit, count() AS people
FROM (SELECT unit, arrayJoin(arrayConcat([-1], arrayMap(h -> toInt64(h), hits))) AS hit FROM ($pairs))
GROUP BY unit, hit
"""
USERS_SQL = """
SELECT user_id
FROM ($pairs)
WHERE unit IN {units:Array(Int64)} AND $which
ORDER BY user_id
LIMIT {limit:UInt32}
"""
# The same where the rollup knows each user's first day: its unit is the cohort, and a user's first row of each unit is
# one who came back in it. (unit, hit, people); 0 is the cohort itself.
FIRST_SQL = """
SELECT $first AS unit, $unit - unit AS hit, countIf(last_active < $bucket) AS people
FROM $user_day
WHERE active > 0 AND first_day >= {first_day:Date} AND first_day < {end_day:Date} AND ($where)
GROUP BY unit, hit
HAVING hit <= {last:Int64}
"""
WHICH = {  # of a cohort's users
    "retained": "has(arrayMap(h -> toInt64(h), hits), {place:Int64})",
    "away": "NOT has(arrayMap(h -> toInt64(h), hits), {place:Int64})",
    "size": "1",
}
MEAN = "mean"  # the cohort that stands for all complete ones
COLUMNS = (
    Column("cohort", key=True),
    Column("offset", key=True),
    Column("size", "users", listed=True),
    Column("retained", "users", listed=True),
    Column("rate", "share", of=("retained", "size")),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Asked(Ranged):
    """What is asked. The range applies to the start event; returns count until the end of the data."""

    unit: Annotated[Unit, Help("Of the cohorts and of the offsets.")] = "day"
    membership: Annotated[
        Literal["first ever", "first in range", "recurring"], Help("Which start puts a user into a cohort.")
    ] = "first ever"
    kind: Annotated[Literal["n-day", "unbounded", "bracket"], Help("What counts as having come back.")] = "n-day"
    begin: Annotated[
        list[str], Between(0, WORDS), Help("Start event: roles or behaviours, one a line. Empty: any activity.")
    ] = field(default_factory=list)
    back: Annotated[list[str], Between(0, WORDS), Help("Return event, likewise.")] = field(default_factory=list)
    offsets: Annotated[int, Between(1, 400), Help("The largest offset shown.")] = 30
    brackets: Annotated[
        list[str],
        Between(0, WORDS),
        Matches(r"\d{1,4}-\d{1,4}", "write from-to, for example 1-3"),
        When("kind", "bracket"),
        Help("From and to, one a line."),
    ] = field(default_factory=lambda: ["1-3", "4-7", "8-14", "15-30"])
    count: Annotated[
        Literal["calendar", "24 hours"],
        Help("Offsets in calendar units, or in windows of 24 hours from the user's own start."),
    ] = "calendar"
    mean: Annotated[Literal["weighted", "simple"], Help("Of the cohorts whose cell is complete.")] = "weighted"


def retention(data: Data, params: Asked) -> Result:
    """Count each cohort and those of it who came back.

    Columns as COLUMNS; a row with the cohort "mean" for each offset at the end.
    """
    span = data.span(params)
    rows = _rows(data, params, span)
    by_label: dict[object, list[list[object]]] = defaultdict(list)
    for row in rows:
        by_label[row[1]].append(row)
    means = [_mean(label, by_label[label], params.mean) for label, _, _ in _cells(data, params, span)]
    return Result(COLUMNS, [*rows, *means], notes=tuple(_notes(data, params, means)))


def users(data: Data, params: Asked, at: Mapping[str, str], limit: int) -> list[Any]:
    """Give the users of a cell, from the query that counts them.

    at: cohort, offset, and column: retained, away (of the cohort, and did not come back) or size. Of the mean row:
    those of all complete cohorts; who is in several of them is there for each.
    """
    span, which = data.span(params), WHICH[column_of(at, tuple(WHICH))]
    labels = [str(label) for label, _, _ in _cells(data, params, span)]
    place = labels.index(one_at(at, "offset", labels))
    if at.get("cohort") == MEAN:
        rows = _rows(data, params, span)
        chosen = [row[0] for row in rows if str(row[1]) == labels[place] and row[5] and row[2]]
    else:
        chosen = [day_at(at, "cohort")]
    sql, clauses, bind = people(data, params, span)
    units = [bucket_number(cohort, params.unit) for cohort in chosen]
    found = data.ask(
        USERS_SQL.replace("$pairs", sql).replace("$which", which),
        clauses,
        **bind,
        units=units,
        place=place,
        limit=limit,
    )
    return [row["user_id"] for row in found]


def _rows(data: Data, params: Asked, span: Span) -> list[list[Any]]:
    """Give a row for each cell of each cohort, as COLUMNS has it."""
    cells, cohorts = _cells(data, params, span), buckets(span, params.unit)
    see_few(len(cohorts) * len(cells))
    counts, rows = _counts(data, params, span), []
    for cohort in cohorts:
        found = counts[bucket_number(cohort, params.unit)]
        for place, (label, low, high) in enumerate(cells):
            begun, complete = _state(data, params, span, cohort, (low, high))
            retained = found[place] if begun else None
            rows.append([cohort, label, found[-1], retained, share(retained, found[-1]), int(complete)])
    return rows


def _counts(data: Data, params: Asked, span: Span) -> dict[int, dict[int, int]]:
    """Give the users of each cohort: at -1 all of them, at the number of a cell those who came back in it."""
    counts: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    seen = _rolled_up(data, params, span) and (params.membership, params.kind) == ("first ever", "n-day")
    if seen:
        named = {**by_first_day(params.unit), "bucket": BUCKETS[params.unit]}
        clauses = {name: Clause(text) for name, text in named.items()}
        clauses["where"] = data.scope(params, span)["where"]
        bind = {**day_bounds(data.dataset, span), "last": len(_cells(data, params, span)) - 1}
        sql = FIRST_SQL
    else:
        sql, clauses, bind = people(data, params, span)
        sql = SQL.replace("$pairs", sql)
    for row in data.ask(sql, clauses, **bind):
        counts[row["unit"]][row["hit"]] = row["people"]
        if seen and row["hit"] == 0:
            counts[row["unit"]][-1] = row["people"]
    return counts


def people(data: Data, params: Asked, span: Span) -> tuple[str, dict[str, Clause], Mapping[str, object]]:
    """Give the query of (user, cohort, hits), on which every number and every list of users stands."""
    where = data.scope(params, span)["where"]
    days = _rolled_up(data, params, span)
    begin = Clause("1") if days else data.behaviours(params.begin, "begin")
    in_range = Clause("ts >= {span_low:Int64} AND ts < {span_high:Int64}")
    clauses = {
        "where": where,
        "start": begin if params.membership == "first ever" else both(begin, in_range),
        "return": Clause("1") if days else data.behaviours(params.back, "back"),
        "unit": Clause(NUMBERS[params.unit]),
    }
    clauses = {name: Clause(f"({clause.sql})", clause.bind) for name, clause in clauses.items()}
    clauses |= {"day": Clause("day", day_bounds(data.dataset, span))} if days else {}
    cells = _cells(data, params, span)
    acting = CALENDAR.replace("$event", DAYS) if days else CALENDAR if params.count == "calendar" else WINDOWS
    if by_registration(data.dataset, params):
        first, more = newcomers.first_seen(data, params, span)
        clauses = {**more, **clauses}
        unit = NUMBERS[params.unit].replace("$day", newcomers.FIRST_DAY)
        acting = acting.replace("HAVING notEmpty(began)", "")  # who came back counts, whatever the users table says
        acting = REGISTERED.replace("$unit", unit).replace("$first", first).replace("$acting", acting)
    sql = PAIRS.replace("$people", acting)
    for name, choice in (
        ("hits", HITS[params.kind]),
        ("offsets", OFFSETS[params.count]),
        ("cohorts", COHORTS[params.membership]),
    ):
        sql = sql.replace(f"${name}", choice)
    return (
        sql,
        clauses,
        {
            "span_low": span.low,
            "span_high": span.high,
            "last": len(cells) - 1,
            "lows": [low for _, low, _ in cells],
            "highs": [high for _, _, high in cells],
            "length": LENGTHS.get(params.unit, 0),
        },
    )


def _rolled_up(data: Data, params: Asked, span: Span) -> bool:
    """Say whether the days on which users were active are all that counts."""
    plain = params.count == "calendar" and not params.begin and not params.back
    return plain and by_days(data, params, span) and not by_registration(data.dataset, params)


def _cells(data: Data, params: Asked, span: Span) -> list[tuple[object, int, int]]:
    """Give each cell of a cohort: its label, and its first and last offset."""
    if params.count == "24 hours" and params.unit == "month":
        said = Text("Months have no fixed number of hours; choose calendar, or day or week as unit.")
        raise ParamError({"count": said})
    if params.kind != "bracket":
        units = len(
            buckets(Span(span.low, data.dataset.end, span.first, max(data.dataset.end_day, span.last)), params.unit)
        )
        return [(n, n, n) for n in range(min(params.offsets, units) + 1)]
    pairs = [tuple(map(int, text.split("-"))) for text in params.brackets]
    for low, high in pairs:
        if low > high:
            raise ParamError({"brackets": Text("{low}-{high} ends before it begins.", low=low, high=high)})
    return [(f"{low}-{high}", low, high) for low, high in pairs]


def _state(data: Data, params: Asked, span: Span, cohort: date, cell: tuple[int, int]) -> tuple[bool, bool]:
    """Say of a cell whether it has begun in the data, and whether it is complete."""
    dataset, (low, high) = data.dataset, cell
    whole = is_complete(dataset, cohort, params.unit, span)
    if params.count == "calendar":
        begun = dataset.start_of(following(cohort, params.unit, low)) < dataset.end
        return begun, whole and dataset.start_of(following(cohort, params.unit, high + 1)) <= dataset.end
    length = LENGTHS[params.unit]
    latest = dataset.start_of(following(cohort, params.unit))  # of the starts in this cohort
    return dataset.start_of(cohort) + low * length < dataset.end, whole and latest + (high + 1) * length <= dataset.end


def _mean(label: object, rows: list[list[object]], how: str) -> list[object]:
    """Give the mean row of one offset from its rows, over cohorts with users whose cell is complete."""
    cells = [(size, retained, rate) for _, _, size, retained, rate, complete in rows if complete and size]
    if not cells:
        return [MEAN, label, 0, None, None, 0]
    size, retained = sum(c[0] for c in cells), sum(c[1] for c in cells)
    rate = share(retained, size) if how == "weighted" else sum(c[2] for c in cells) / len(cells)
    return [MEAN, label, size, retained, rate, 1]


def _notes(data: Data, params: Asked, means: list[list[object]]) -> list[str]:
    notes = []
    if by_registration(data.dataset, params):
        notes.append(
            Text("First ever is registered, by the users table; a cohort holds users without any activity too.")
        )
    elif params.membership == "first ever":
        seen = data.dataset.first_day + timedelta(7)
        notes.append(
            Text(
                "First ever is first seen: before {seen} a cohort may hold users who are older than the data.",
                seen=seen,
            )
        )
    if ruled(params):
        notes.append(_rule(data.dataset, {row[1]: row[4] for row in means}))
    return notes


def by_registration(dataset: Dataset, params: Asked) -> bool:
    """Say whether a cohort is who was registered in a unit: first ever, by any activity, with a users table."""
    return bool(dataset.people_version) and params.membership == "first ever" and not params.begin


def ruled(params: Asked) -> bool:
    """Say whether the 40-20-10 rule speaks of what is asked: first-ever N-day retention by day."""
    asked = (params.unit, params.membership, params.kind, params.count)
    return asked == ("day", "first ever", "n-day", "calendar")


@dataclass(frozen=True, slots=True)
class Aim:
    """A day of the 40-20-10 rule. rate: the mean; None where no cohort is complete, needs: for lack of so many days."""

    day: int
    aim: float
    rate: float | None
    needs: int  # more days of data until the first cohort is complete; 0 where they are there


def aims(dataset: Dataset, means: Mapping[object, float | None]) -> list[Aim]:
    """Set the means of days 1, 7 and 30 beside 40, 20 and 10 %. means: by offset."""
    days = (dataset.day_of(dataset.end) - dataset.first_day).days  # whole ones
    return [Aim(n, aim, means.get(n), max(0, n + 1 - days)) for n, aim in RULE_OF_THUMB.items()]


def _rule(dataset: Dataset, means: Mapping[object, float | None]) -> str:
    words: dict[str, Text] = {}
    for one in aims(dataset, means):
        if one.rate is not None:
            said = Text("D{day} {rate:.1%} ({aim:.0%})", day=one.day, rate=one.rate, aim=one.aim)
        elif one.needs:
            said = Text("D{day} needs more days: {needs}", day=one.day, needs=one.needs)
        else:
            said = Text("D{day} has no complete cohort shown", day=one.day)
        words[f"d{one.day}"] = said
    return Text("Beside the 40-20-10 rule of thumb: {d1}, {d7}, {d30}.", **words)

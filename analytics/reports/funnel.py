"""Funnel: how many users went through some steps, in order, within a window.

The range applies to the first step; the window reaches from it to the last one. Ordered: the steps on different
events, one not earlier than the one before, others may lie between. Strict: no other event between. Any: the first
k steps in any order within one window. A user's level is the largest over all entries, not only the first; a step
counts the users who came at least so far. With "same" the steps must concern one item (or category): the right way
for view, cart, buy. Time to convert is taken on the chain that reaches the user's level first. Users who could
still go on when the data end are counted apart. By day: the users with a first step on each local day, and how far
their entries of that day led; a day whose windows reach past the end of the data is not complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, dimension
from analytics.dataset import DAY, Dataset
from analytics.days import by_days
from analytics.drill import LIST_AT_MOST, apart, column_of, day_at, value_of
from analytics.spans import Ranged, Span
from analytics.steps import BY_DAY, ENDLESS, VISIT_GAP, WINDOW, Funnel, disjoint, levels, read, seconds
from sdk import Between, Help, Matches, ParamError, When
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

SQL = """
SELECT
    $part AS value,
    sumForEach(arrayMap(k -> toUInt64(reached >= k), range(1, {steps:UInt8} + 1))) AS people,
    sumForEach(arrayMap(k -> toUInt64(waiting AND reached = k), range(1, {steps:UInt8} + 1))) AS undecided$times
FROM ($levels)
GROUP BY value
"""
TIMES = """,
    quantileExactInclusiveForEach(0.5)(arrayPopFront(arrayDifference(chain)) AS gaps) AS median,
    quantileExactInclusiveForEach(0.9)(gaps) AS p90"""
USERS_SQL = """
SELECT user_id
FROM ($levels)
WHERE $which AND $part = {part:String}
ORDER BY user_id
LIMIT {limit:UInt32}
"""
VALUES_SQL = """
SELECT groupArraySorted({limit})((-people, value)) AS top, count() AS every
FROM (
    SELECT toString($by) AS value, toInt64(uniqExact(user_id)) AS people
    FROM $event
    WHERE $span AND $where AND ($step0)
    GROUP BY value
)
"""
WHICH = {  # a user behind a number of a step
    "users": "reached >= {step:UInt8}",
    "dropped": "reached = {step:UInt8} AND reached < {steps:UInt8}",
    "still_open": "reached = {step:UInt8} AND waiting",
}
WHICH_OF_DAY = {"entered": "reached >= 1", "finished": "reached >= {steps:UInt8}", "still_open": "waiting"}
COLUMNS = (
    Column("step", key=True),
    Column("users", "users", listed=True),
    Column("of_first", "share", of=("users", "first")),
    Column("of_previous", "share", of=("users", "previous")),
    Column("dropped", "users", listed=True),
    Column("still_open", "users", listed=True),
    Column("median", "s"),
    Column("p90", "s"),
    Column("first", "users"),
    Column("previous", "users"),
)
OF_DAY = (
    Column("day", key=True),
    Column("entered", "users", listed=True),
    Column("finished", "users", listed=True),
    Column("rate", "share", of=("finished", "entered")),
    Column("still_open", "users", listed=True),
    Column("complete"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    steps: Annotated[
        list[str], Between(1, 10), Help("Two or more, one a line: view, or cart|fav, or buy where category=5.")
    ] = field(default_factory=lambda: ["view", "cart", "buy"])
    order: Annotated[Literal["ordered", "strict", "any"], Help("strict: no other event between.")] = "ordered"
    window: Annotated[
        str, Matches(WINDOW, "write 30m, 24h, 7d, same day or same visit"), Help("From the first step to the last.")
    ] = "7d"
    same: Annotated[Literal["item", "category", "nothing"], Help("What all steps must have in common.")] = "item"
    show: Annotated[Literal["steps", "days"], Help("Each step, or the conversion by day of entry.")] = "steps"
    by: Annotated[
        str,
        Matches(r"\w{0,60}", "write a field's name"),
        When("show", "steps"),
        Help("A field or dimension: its value at the first step."),
    ] = ""
    top: Annotated[int, Between(1, 50), Help("So many values of the breakdown; the others together.")] = 10
    times: Annotated[bool, Help("Compute the time to convert; without it large data are answered faster.")] = True


@report(category="funnel", chart=Chart("funnel", "step", ("users",)))
def run(data: Data, params: Params) -> Result:
    """Count the users of each step, for each value of the breakdown; or those of each day of entry."""
    span = data.span(params)
    funnel = looked_for(data, params)
    if params.show == "days":
        return _by_day(data, params, span, funnel)
    labels = _labels(funnel)
    if not params.by:
        return Result(COLUMNS, _rows(labels, _counts(data, params, span, funnel).get("")), notes=_notes(params))
    values, every = _values(data, params, span, funnel)
    counted = _counts(data, params, span, replace(funnel, split=_split(data, params.by, values)))
    named = {f"={value}": value for value in values} | {"": apart("other", values)}
    rows = [[name, *row] for part, name in named.items() if part in counted for row in _rows(labels, counted[part])]
    notes = [
        *_notes(params),
        Text("A user whose first steps have several values of {by} is counted with each.", by=params.by),
    ]
    if every > len(values):
        words = {"shown": len(values), "every": every}
        notes.append(
            Text("Shown are {shown} of {every:,} values, those with the most users at the first step.", **words)
        )
    key = by_column(params)
    chart = Chart("funnel", "step", ("users",), by=key)
    return Result((Column(key, key=True), *COLUMNS), rows, notes=tuple(notes), chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a number, from the query that counts them.

    at: step (its number, or its name in the result), the value where there is a breakdown, and column: users, dropped
    or still_open. By day: day, and column: entered, finished or still_open.
    """
    span, funnel = data.span(params), looked_for(data, params)
    bind: dict[str, Any] = {"part": "", "limit": limit}
    if params.show == "days":
        which = WHICH_OF_DAY[column_of(at, tuple(WHICH_OF_DAY))]
        funnel, bind["part"] = replace(funnel, split=BY_DAY, times=False), str(day_at(at, "day"))
    else:
        which = WHICH[column_of(at, tuple(WHICH))]
        bind["step"] = _number(funnel, value_of(at, "step"))
        if params.by:
            values, wanted = _values(data, params, span, funnel)[0], value_of(at, by_column(params))
            funnel = replace(funnel, split=_split(data, params.by, values))
            bind["part"] = "" if wanted == apart("other", values) else f"={wanted}"
    more, more_bind = _asked(data, params, span, funnel)
    sql = USERS_SQL.replace("$levels", levels(funnel)).replace("$part", _part(funnel))
    rows = data.ask(sql.replace("$which", which), more, **more_bind, **bind)
    return [row["user_id"] for row in rows]


def looked_for(data: Data, params: Params) -> Funnel:
    """Read the funnel of the parameters; ParamError where the steps do not fit the order."""
    if len(params.steps) < 2:
        first = params.steps[0][:80]
        said = Text("A funnel needs two steps or more; add what should follow {first!r}, such as buy.", first=first)
        raise ParamError({"steps": said})
    steps = read(data, params.steps)
    if params.order == "any" and not disjoint(steps):
        said = Text("In any order no two steps may take the same behaviour; choose ordered, or other steps.")
        raise ParamError({"steps": said})
    if params.same != "nothing":
        data.need(params.same)
    key = {"item": ("item_id",), "category": ("category_id",), "nothing": ()}[params.same]
    times = params.times and params.order != "any"
    days = by_days(data, params, data.span(params))
    return Funnel(steps=steps, order=params.order, window=params.window, key=key, times=times, days=days)


def by_column(params: Params) -> str:
    """Name the column of the breakdown; a dimension may be called as a column of ours."""
    taken = {column.name for column in COLUMNS}
    return f"{params.by} at the first step" if params.by in taken else params.by


def _split(data: Data, by: str, values: Sequence[str]) -> Clause:
    """Give the text that entries are told apart by: "=" and the value for those shown, "" for all others."""
    value = f"toString({dimension(data.dataset, by, 'by').sql})"
    return Clause(f"if(has({{values:Array(String)}}, {value}), concat('=', {value}), '')", {"values": list(values)})


def _part(funnel: Funnel) -> str:
    return "part" if funnel.split else "''"


def _number(funnel: Funnel, text: str) -> int:
    """Read a step, as "2" or by its name "2. cart"."""
    numbers = {text: n for n, label in enumerate(_labels(funnel), 1) for text in (label, str(n))}
    if text not in numbers:
        words = {"word": text[:60], "there": ", ".join(_labels(funnel))}
        raise ParamError({"step": Text("There is no step {word!r}; there are: {there}.", **words)})
    return numbers[text]


def _labels(funnel: Funnel) -> list[str]:
    return [f"{number}. {step.label}" for number, step in enumerate(funnel.steps, 1)]


def _asked(data: Data, params: Params, span: Span, funnel: Funnel) -> tuple[dict[str, Clause], dict[str, Any]]:
    """Give the clauses and values of `levels`."""
    window, end = seconds(params.window), data.dataset.end
    reach = {"same day": 2 * DAY, "same visit": ENDLESS}.get(params.window, window)
    scan_low = span.low - (reach if funnel.order == "any" else 0)
    scan_high = min(span.high + reach, data.dataset.last_ts + 1)
    scan = data.between(scan_low, scan_high, "scan")
    return {**data.scope(params, span), **funnel.clauses(), "scan": scan}, {
        "window": window,
        "end": end,
        "last_day": data.dataset.start_of(data.dataset.day_of(end)),
        "scan_low": scan_low,  # which the seconds of one pass are counted from
        "scan_first": data.dataset.day_of(max(scan_low, data.dataset.first_ts)),
        "scan_last": data.dataset.day_of(scan_high),
        "steps": len(funnel.steps),
    }


def _counts(data: Data, params: Params, span: Span, funnel: Funnel) -> dict[str, dict[str, Any]]:
    """Give what is counted for each part of the entries; "" where there is no split."""
    more, bind = _asked(data, params, span, funnel)
    sql = SQL.replace("$levels", levels(funnel)).replace("$part", _part(funnel))
    sql = sql.replace("$times", TIMES if funnel.times else "")
    return {row["value"]: row for row in data.ask(sql, more, **bind)}


def _rows(labels: list[str], counted: dict[str, Any] | None) -> list[list[Any]]:
    counted = counted or {}
    people = counted.get("people") or [0] * len(labels)
    undecided = counted.get("undecided") or [0] * len(labels)
    rows = []
    for k, label in enumerate(labels):
        before = people[k - 1] if k else people[0]
        gaps = [counted.get(name) or [] for name in ("median", "p90")]  # of no user, or not asked for
        times = [found[k - 1] if 0 < k <= len(found) else None for found in gaps]
        going = people[k + 1] if k + 1 < len(people) else people[k]
        rows.append(
            [
                label,
                people[k],
                share(people[k], people[0]),
                share(people[k], before),
                people[k] - going,
                undecided[k],
                *times,
                people[0],
                before,
            ]
        )
    return rows


def _by_day(data: Data, params: Params, span: Span, funnel: Funnel) -> Result:
    """Give the entries of each day, and how many of them led to the last step."""
    counted = _counts(data, params, span, replace(funnel, split=BY_DAY, times=False))
    rows = []
    for day in span.days():
        found = counted.get(str(day), {})
        entered, finished = (found["people"][0], found["people"][-1]) if found else (0, 0)
        still_open = sum(found.get("undecided", ()))
        whole = _closed(data.dataset, params.window, data.dataset.start_of(day + timedelta(1))) and not still_open
        rows.append([day, entered, finished, share(finished, entered), still_open, int(whole)])
    chart = Chart("line", "day", ("rate",), incomplete="complete")
    return Result(OF_DAY, rows, notes=_day_notes(rows), chart=chart)


def _closed(dataset: Dataset, window: str, after: int) -> bool:
    """Say whether the windows of all entries before a midnight have ended in the data."""
    if window == "same day":
        return after <= dataset.end
    return after + (VISIT_GAP if window == "same visit" else seconds(window)) <= dataset.end


def _values(data: Data, params: Params, span: Span, funnel: Funnel) -> tuple[list[str], int]:
    """Give the values with the most users at the first step, and how many values there are."""
    more, bind = _asked(data, params, span, funnel)
    more["by"] = dimension(data.dataset, params.by, "by")
    (found,) = data.ask(VALUES_SQL.replace("{limit}", str(params.top)), more, **bind)
    return [value for _, value in found["top"]], found["every"]


def _notes(params: Params) -> tuple[str, ...]:
    if params.order == "any":
        return (Text("In any order there is no time from one step to the next."),)
    return ()


def _day_notes(rows: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    days = [row[0] for row in rows if not row[-1]]
    return (Text("From {day} on entries may still go on: these days are not complete.", day=days[0]),) if days else ()

"""Funnel: how many users went through some steps, in order, within a window.

The range applies to the first step; the window reaches from it to the last one. Ordered: the steps on different
events, one not earlier than the one before, others may lie between. Strict: no other event between. Any: the first
k steps in any order within one window. A user's level is the largest over all entries, not only the first; a step
counts the users who came at least so far. With "same" the steps must concern one item (or category): the right way
for view, cart, buy. Time to convert is taken on the chain that reaches the user's level first. Users who could
still go on when the data end are counted apart.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause, dimension
from analytics.dataset import DAY
from analytics.spans import Ranged, Span
from analytics.steps import ENDLESS, WINDOW, Funnel, disjoint, levels, read, seconds
from sdk import Between, Help, Matches, ParamError
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT
    sumForEach(arrayMap(k -> toUInt64(reached >= k), range(1, {steps:UInt8} + 1))) AS people,
    sumForEach(arrayMap(k -> toUInt64(waiting AND reached = k), range(1, {steps:UInt8} + 1))) AS undecided,
    quantileExactInclusiveForEach(0.5)(gaps) AS median,
    quantileExactInclusiveForEach(0.9)(gaps) AS p90
FROM (
    SELECT reached, waiting, arrayMap(k -> chain[k] - chain[k - 1], range(2, length(chain) + 1)) AS gaps
    FROM ($levels)
)
"""
USERS_SQL = "SELECT user_id FROM ($levels) WHERE reached >= {step:UInt8} ORDER BY user_id LIMIT {limit:UInt32}"
VALUES_SQL = """
SELECT toString($by) AS value
FROM $event
WHERE $span AND $where AND ($step0)
GROUP BY value
ORDER BY uniqExact(user_id) DESC, value
LIMIT {groups:UInt8}
"""
GROUPS = 10
COLUMNS = (
    Column("step"),
    Column("users", "users"),
    Column("of_first", "share", of=("users", "first")),
    Column("of_previous", "share", of=("users", "previous")),
    Column("dropped", "users"),
    Column("still_open", "users"),
    Column("median", "s"),
    Column("p90", "s"),
    Column("first", "users"),
    Column("previous", "users"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    steps: Annotated[
        list[str], Between(2, 10), Help("One a line: view, or cart|fav, or buy where category=5; amount>=10.")
    ] = field(default_factory=lambda: ["view", "cart", "buy"])
    order: Annotated[Literal["ordered", "strict", "any"], Help("strict: no other event between.")] = "ordered"
    window: Annotated[
        str, Matches(WINDOW, "write 30m, 24h, 7d, same day or same visit"), Help("From the first step to the last.")
    ] = "7d"
    same: Annotated[Literal["item", "category", "nothing"], Help("What all steps must have in common.")] = "item"
    by: Annotated[str, Matches(r"\w{0,60}"), Help("A field or dimension: its value at the first step.")] = ""
    times: Annotated[bool, Help("Compute the time to convert; without it large data are answered faster.")] = True


@report(category="funnel", chart=Chart("funnel", "step", ("users",)))
def run(data: Data, params: Params) -> Result:
    """Count the users of each step, for each value of the breakdown."""
    span = data.span(params)
    funnel = looked_for(data, params)
    labels = [f"{number}. {step.label}" for number, step in enumerate(funnel.steps, 1)]
    if not params.by:
        return Result(COLUMNS, _rows(labels, _counts(data, params, span, funnel)), notes=_notes(params))
    rows = []
    for value, entry in _entries(data, params, span, funnel):
        counted = _counts(data, params, span, replace(funnel, entry=entry))
        rows += [[value, *row] for row in _rows(labels, counted)]
    note = f"A user whose first steps have several values of {params.by} is counted with each of them."
    chart = Chart("funnel", "step", ("users",), by=params.by)
    return Result((Column(params.by), *COLUMNS), rows, notes=(*_notes(params), note), chart=chart)


def users(data: Data, params: Params, at: dict[str, str], limit: int = 10_000) -> list[Any]:
    """Give the users of a step, at["step"] = "2", from the query that counts them."""
    span, funnel = data.span(params), looked_for(data, params)
    more, bind = _asked(data, params, span, funnel)
    rows = data.ask(USERS_SQL.replace("$levels", levels(funnel)), more, **bind, step=int(at["step"]), limit=limit)
    return [row["user_id"] for row in rows]


def looked_for(data: Data, params: Params) -> Funnel:
    """Read the funnel of the parameters; ParamError where the steps do not fit the order."""
    steps = read(data, params.steps)
    if params.order == "any" and not disjoint(steps):
        raise ParamError(
            {"steps": "In any order no two steps may take the same behaviour; choose ordered, or other steps."}
        )
    if params.same != "nothing":
        data.need(params.same)
    key = {"item": ("item_id",), "category": ("category_id",), "nothing": ()}[params.same]
    times = params.times and params.order != "any"
    return Funnel(steps=steps, order=params.order, window=params.window, key=key, times=times)


def _asked(data: Data, params: Params, span: Span, funnel: Funnel) -> tuple[dict[str, Clause], dict[str, int]]:
    """Give the clauses and values of `levels`."""
    window, end = seconds(params.window), data.dataset.end
    reach = {"same day": 2 * DAY, "same visit": ENDLESS}.get(params.window, window)
    return {**data.scope(params, span), **funnel.clauses()}, {
        "span_low": span.low,
        "span_high": span.high,
        "window": window,
        "end": end,
        "last_day": data.dataset.start_of(data.dataset.day_of(end)),
        "scan_low": span.low - (reach if funnel.order == "any" else 0),
        "scan_high": min(span.high + reach, data.dataset.last_ts + 1),
        "steps": len(funnel.steps),
    }


def _counts(data: Data, params: Params, span: Span, funnel: Funnel) -> dict[str, Any]:
    more, bind = _asked(data, params, span, funnel)
    (row,) = data.ask(SQL.replace("$levels", levels(funnel)), more, **bind)
    return row


def _rows(labels: list[str], counted: dict[str, Any]) -> list[list[Any]]:
    people = counted["people"] or [0] * len(labels)
    undecided = counted["undecided"] or [0] * len(labels)
    rows = []
    for k, label in enumerate(labels):
        before = people[k - 1] if k else people[0]
        times = [counted[name][k - 1] if 0 < k <= len(counted[name]) else None for name in ("median", "p90")]
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


def _entries(data: Data, params: Params, span: Span, funnel: Funnel) -> list[tuple[str, Clause]]:
    """Give the values with the most users at the first step, and the rest as one."""
    by = dimension(data.dataset, params.by, "by")
    more, bind = _asked(data, params, span, funnel)
    found = [row["value"] for row in data.ask(VALUES_SQL, {**more, "by": by}, **bind, groups=GROUPS + 1)]
    top = found[:GROUPS] if len(found) > GROUPS else found
    entries = [(value, Clause(f"toString({by.sql}) = {{entry:String}}", {"entry": value})) for value in top]
    if len(found) > GROUPS:
        entries.append(("other", Clause(f"toString({by.sql}) NOT IN {{entries:Array(String)}}", {"entries": top})))
    return entries


def _notes(params: Params) -> tuple[str, ...]:
    if params.order == "any":
        return ("In any order there is no time from one step to the next.",)
    return ()

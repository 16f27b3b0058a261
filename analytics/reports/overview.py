"""Overview: the main figures of a range, beside those of another one.

PV are view rows; UV the distinct users with a view; active users the distinct users with a behaviour that counts as
activity. PV per user is PV / UV. A purchase is an order id where there is one, else a buy row; user conversion is
buyers / UV, event conversion purchases / PV. New users are those registered in the range where there is a users table,
else those first seen active in it; new share is the active ones of them / active users. A visit is a run of a user's
events without a gap of more than 30 minutes, cut at the range's edges; its length is from its first event to its last.
Distinct users are counted over the whole range, never added up.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from analytics import newcomers
from analytics.asking import Data
from analytics.clauses import Clause
from analytics.days import IN_DAYS, by_days, day_bounds, distinct
from analytics.drill import DID_SQL, LIST_AT_MOST, column_of, one_at, people_of
from analytics.spans import Ranged, Span, shifted
from analytics.visiting import GAP, JOINED, VISITS, VISITS_OF_DAYS
from sdk import Help
from sdk.report import Chart, Column, Result, report, share
from sdk.text import Text

SQL = """
SELECT
    count() AS events,
    countIf($view) AS pv,
    uniqExactIf(user_id, $view) AS uv,
    uniqExactIf(user_id, $active) AS active_users,
    uniqExactIf(user_id, $buy) AS buyers,
    uniqExactIf(order_id, $buy AND order_id != '') + countIf($buy AND order_id = '') AS purchases,
    sumIf(amount, $buy) AS revenue
FROM $event
WHERE $scope
"""
USERS = distinct()
DAYS_SQL = f"""
SELECT
    sum(events) AS rows,
    sum(views) AS pv,
    {USERS["uv"]} AS uv,
    {USERS["active_users"]} AS active_users,
    {USERS["buyers"]} AS buyers,
    sum(buys) AS purchases
FROM $user_day
WHERE {IN_DAYS}
"""
BUYS_SQL = """
SELECT
    uniqExactIf(order_id, order_id != '') + countIf(order_id = '') AS purchases_,
    sum(amount) AS revenue
FROM $event
WHERE $scope AND $buy
"""
BUY_HOURS_SQL = f"""
SELECT sum(purchases) AS purchases_, sum(paid) AS revenue, sum(again) AS again_
FROM $buy_hour
WHERE {IN_DAYS}
"""
DID = {"uv": "$view", "active_users": "$active", "buyers": "$buy"}
ACTIVE_SQL = "SELECT uniqExactIf(user_id, $active) AS active_users FROM $event WHERE $scope"
ACTIVE_DAYS_SQL = f"SELECT {USERS['active_users']} AS active_users FROM $user_day WHERE {IN_DAYS}"
NEW_SQL = "SELECT count() AS new_users, countIf($there) AS active_new_users FROM ($new)"
NEW_USERS_SQL = """
SELECT user_id
FROM ($new)
WHERE $there
ORDER BY user_id
LIMIT {limit:UInt32}
"""
THERE = "user_id GLOBAL IN (SELECT user_id FROM $event WHERE $scope AND ($active))"
VISITS_SQL = "SELECT count() AS visits, sum(seconds) AS visit_seconds FROM ($visits)"
MEDIAN_SQL = "SELECT quantileExactInclusive(0.5)(seconds) AS median_visit_length FROM ($visits)"
# A visit that goes on over midnight is one: but for the first day's, which the range cuts.
VISIT_DAYS_SQL = f"""
SELECT
    sum(visits) - countIf({JOINED}) AS visits,
    sum(seconds) + sumIf(before, {JOINED}) AS visit_seconds
FROM $user_day
WHERE {IN_DAYS}
"""
NEEDS = {"pv": "view", "uv": "view", "buyers": "buy", "purchases": "buy", "revenue": "buy"}
NEW = ("new_users", "active_new_users")
COUNTS = {
    "events": "events",
    "pv": "views",
    "uv": "users",
    "active_users": "users",
    "buyers": "users",
    "purchases": "purchases",
    "new_users": "users",
    "active_new_users": "users",
    "visits": "visits",
    "median_visit_length": "s",
}
RATES = {
    "pv_per_user": ("views/user", "pv", "uv"),
    "user_conversion": ("share", "buyers", "uv"),
    "event_conversion": ("share", "purchases", "pv"),
    "purchases_per_buyer": ("purchases/user", "purchases", "buyers"),
    "new_share": ("share", "active_new_users", "active_users"),
    "visit_length": ("s", "visit_seconds", "visits"),
    "visits_per_user": ("visits/user", "visits", "active_users"),
}
MONEY = {
    "revenue_per_active_user": ("amount/user", "revenue", "active_users"),
    "revenue_per_purchase": ("amount/purchase", "revenue", "purchases"),
}
COLUMNS = (
    Column("metric", key=True),
    Column("unit"),
    Column("value", listed=True),
    Column("before", listed=True),
    Column("change", "share", of=("value", "before")),
    Column("numerator"),
    Column("denominator"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""

    compare: Annotated[
        Literal["previous", "same weekdays", "none"],
        Help("previous: as many days right before. same weekdays: whole weeks before."),
    ] = "previous"
    figures: Annotated[
        Literal["all", "traffic", "new", "visits"], Help("Which ones; only all has the median length of visits.")
    ] = "all"


@report(category="traffic", chart=Chart("bar", "metric", ("value",)))
def run(data: Data, params: Params) -> Result:
    """Count both ranges and set them side by side."""
    span = data.span(params)
    before = earlier(data, span, params.compare)
    now, then = figures(data, params, span), figures(data, params, before) if before else {}
    money = "amount" in data.dataset.mapped
    counts = {**COUNTS, "revenue": "amount"} if money else dict(COUNTS)
    if not data.dataset.people_version:
        del counts["active_new_users"]  # they are all
    rows = [
        [name, unit, now[name], then.get(name), change(now[name], then.get(name)), None, None]
        for name, unit in counts.items()
        if name in now
    ]
    for name, (unit, above, below) in ({**RATES, **MONEY} if money else RATES).items():
        if above not in now:
            continue
        value, old = share(now[above], now[below]), share(then.get(above), then.get(below))
        rows.append([name, unit, value, old, change(value, old), now[above], now[below]])
    return Result(COLUMNS, rows, notes=tuple(_notes(data, params, span, before, money=money)))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["metric"], one in users, and at["column"]: value or before."""
    metric, span = one_at(at, "metric", (*DID, *NEW)), data.span(params)
    there = span if column_of(at, ("value", "before")) == "value" else earlier(data, span, params.compare)
    if there is None:
        return []
    if metric in NEW:
        sql, more, bind = _new(data, params, there)
        more |= {} if metric == "active_new_users" else {"there": Clause("1")}
        return people_of(data.ask(NEW_USERS_SQL.replace("$new", sql), more, **bind, limit=limit))
    more = {**data.scope(params, there), "did": Clause(DID[metric])}
    return people_of(data.ask(DID_SQL, more, limit=limit))


def figures(data: Data, params: Params, span: Span) -> dict[str, float | None]:
    """Give the counts of one range: those that are asked for, and what they are divided by."""
    scope, days, asked = data.scope(params, span), by_days(data, params, span), params.figures
    bind = day_bounds(data.dataset, span) if days else {}
    if asked in ("all", "traffic"):
        found = _of_days(data, scope, bind) if days else _of_events(data, scope)
    else:
        (found,) = data.ask(ACTIVE_DAYS_SQL if days else ACTIVE_SQL, scope, **bind)
    if asked in ("all", "new"):
        sql, more, values = _new(data, params, span)
        (new,) = data.ask(NEW_SQL.replace("$new", sql), more, **values)
        found |= new
    if asked in ("all", "visits"):
        visits, more = (VISITS_OF_DAYS, bind) if days else (VISITS, {"gap": GAP * 60})
        (lengths,) = data.ask(VISIT_DAYS_SQL if days else VISITS_SQL.replace("$visits", visits), scope, **more)
        found |= lengths
    if asked == "all":
        (median,) = data.ask(MEDIAN_SQL.replace("$visits", visits), scope, **more)
        found |= median
    return found


def _of_events(data: Data, scope: dict[str, Clause]) -> dict[str, Any]:
    """Give the counts from the events."""
    (found,) = data.ask(SQL, scope)
    return found | {"revenue": float(found["revenue"])} | dict.fromkeys(data.lacking(NEEDS)[0])


def _of_days(data: Data, scope: dict[str, Clause], bind: dict[str, date]) -> dict[str, Any]:
    """Give the counts from the rollups; from the buy rows where an order has several hours or users."""
    (row,) = data.ask(DAYS_SQL, scope, **bind)
    found = {"events": row.pop("rows"), **row, "revenue": 0.0}
    if data.dataset.mapped & {"order", "amount"}:
        (buys,) = data.ask(BUY_HOURS_SQL, scope, **bind)
        if buys["again_"]:
            (buys,) = data.ask(BUYS_SQL, scope)
        found |= {"purchases": buys["purchases_"], "revenue": float(buys["revenue"])}
    return found | dict.fromkeys(data.lacking(NEEDS)[0])


def _new(data: Data, params: Params, span: Span) -> tuple[str, dict[str, Clause], dict[str, Any]]:
    """Give the query of the users who are new in a range, its clauses, `$there` that they are active, its values."""
    sql, more, bind = newcomers.new_in(data, params, span)
    there = Clause(THERE) if data.dataset.people_version else Clause("1")  # else the first activity made them new
    return sql, {**more, **data.scope(params, span), "there": there}, bind


def earlier(data: Data, span: Span, compare: str) -> Span | None:
    """Give the range to compare with; None where none is wanted, or the data do not reach back to its beginning."""
    days = max(1, (span.last - span.first).days)
    if compare == "none":
        return None
    found = shifted(data.dataset, span, -(-days // 7) * 7 if compare == "same weekdays" else days)
    return found if found.first >= data.dataset.first_day else None


def change(now: float | None, before: float | None) -> float | None:
    """Give the relative change; None where there is nothing to compare with."""
    part = share(now, before)
    return None if part is None else part - 1


def _notes(data: Data, params: Params, span: Span, before: Span | None, *, money: bool) -> list[Text]:
    found = [*newcomers.notes(data), *data.lacking(NEEDS)[1]]
    if before:
        found.insert(0, Text("Before: {first} to {last}.", first=before.first, last=before.last - timedelta(1)))
    elif params.compare != "none":
        found.insert(0, Text("Nothing to compare with: the data begin on {day}.", day=data.dataset.first_day))
    if span.high > data.dataset.end:
        found.append(Text("The range reaches past the end of the data; its last day is not complete."))
    if not money:
        found.append(Text("Revenue needs an amount column; this dataset has none."))
    return found

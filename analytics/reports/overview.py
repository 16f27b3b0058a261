"""Overview: the main figures of a range, beside those of another one.

PV are view rows; UV the distinct users with a view; active users the distinct users with a behaviour that counts as
activity. PV per user is PV / UV. A purchase is an order id where there is one, else a buy row; user conversion is
buyers / UV, event conversion purchases / PV. Distinct users are counted over the whole range, never added up.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.drill import LIST_AT_MOST, column_of, one_at, people_of
from analytics.spans import Ranged, Span, shifted
from sdk import Help
from sdk.report import Chart, Column, Result, report, share

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
USERS_SQL = """
SELECT user_id
FROM $event
WHERE $scope AND ($did)
GROUP BY user_id
ORDER BY user_id
LIMIT {limit:UInt32}
"""
DID = {"uv": "$view", "active_users": "$active", "buyers": "$buy"}
COUNTS = {
    "events": "events",
    "pv": "views",
    "uv": "users",
    "active_users": "users",
    "buyers": "users",
    "purchases": "purchases",
}
RATES = {
    "pv_per_user": ("views/user", "pv", "uv"),
    "user_conversion": ("share", "buyers", "uv"),
    "event_conversion": ("share", "purchases", "pv"),
    "purchases_per_buyer": ("purchases/user", "purchases", "buyers"),
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


@report(category="traffic", chart=Chart("bar", "metric", ("value",)))
def run(data: Data, params: Params) -> Result:
    """Count both ranges and set them side by side."""
    span = data.span(params)
    before = earlier(data, span, params.compare)
    now, then = figures(data, params, span), figures(data, params, before) if before else {}
    money = "amount" in data.dataset.mapped
    counts = {**COUNTS, "revenue": "amount"} if money else COUNTS
    rows = [
        [name, unit, now[name], then.get(name), change(now[name], then.get(name)), None, None]
        for name, unit in counts.items()
    ]
    for name, (unit, above, below) in ({**RATES, **MONEY} if money else RATES).items():
        value, old = share(now[above], now[below]), share(then.get(above), then.get(below))
        rows.append([name, unit, value, old, change(value, old), now[above], now[below]])
    return Result(COLUMNS, rows, notes=tuple(_notes(data, params, span, before, money=money)))


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users behind a count: at["metric"], one in users, and at["column"]: value or before."""
    did, span = DID[one_at(at, "metric", tuple(DID))], data.span(params)
    there = span if column_of(at, ("value", "before")) == "value" else earlier(data, span, params.compare)
    if there is None:
        return []
    return people_of(data.ask(USERS_SQL, {**data.scope(params, there), "did": Clause(did)}, limit=limit))


def figures(data: Data, params: Params, span: Span) -> dict[str, float]:
    """Give the counts of one range."""
    (row,) = data.ask(SQL, data.scope(params, span))
    return {**row, "revenue": float(row["revenue"])}


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


def _notes(data: Data, params: Params, span: Span, before: Span | None, *, money: bool) -> list[str]:
    notes = []
    if before:
        notes.append(f"Before: {before.first} to {before.last} (that day not included).")
    elif params.compare != "none":
        notes.append(f"Nothing to compare with: the data begin on {data.dataset.first_day}.")
    if span.high > data.dataset.end:
        notes.append("The range reaches past the end of the data; its last day is not complete.")
    if not money:
        notes.append("Revenue needs an amount column; this dataset has none.")
    return notes

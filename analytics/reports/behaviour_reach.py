"""Behaviour reach: how many users ever did each behaviour in the range, without any order.

Users are the distinct users with at least one such event; their share is that of the active users. The event ratio
is the behaviour's events / views (cart / pv, fav / pv, buy / pv). No order is looked at: this is not a funnel.
"""

from dataclasses import dataclass
from typing import Any

from analytics.asking import Data
from analytics.clauses import Clause
from analytics.drill import DID_SQL, LIST_AT_MOST, column_of, people_of, value_of
from analytics.spans import Ranged
from sdk.report import Chart, Column, Result, report, share

# One pass: the last row is that of all behaviours together.
SQL = """
SELECT
    behaviour,
    grouping(behaviour) AS whole,
    any(role) AS rank,
    count() AS events,
    uniqExact(user_id) AS reached,
    countIf($view) AS pv,
    $users AS active_users
FROM $event
WHERE $scope
GROUP BY behaviour WITH ROLLUP
ORDER BY whole, rank, behaviour
"""
NOTHING = {"active_users": 0, "pv": 0}
COLUMNS = (
    Column("behaviour", key=True),
    Column("role"),
    Column("events", "events"),
    Column("users", "users", listed=True),
    Column("share_of_active", "share", of=("users", "active_users")),
    Column("events_per_view", "events/view", of=("events", "pv")),
    Column("active_users", "users", listed=True),
    Column("pv", "views"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""


@report(category="traffic", chart=Chart("bar", "behaviour", ("users",)))
def run(data: Data, params: Params) -> Result:
    """Count each behaviour of the range."""
    users = "uniqExactIf(user_id, $active)" if data.dataset.activity else "reached"
    *found, total = data.ask(SQL, {**data.scope(params), "users": Clause(users)}) or [NOTHING]
    rows = [
        [
            row["behaviour"],
            data.dataset.roles.get(row["behaviour"], ""),
            row["events"],
            row["reached"],
            share(row["reached"], total["active_users"]),
            share(row["events"], total["pv"]),
            total["active_users"],
            total["pv"],
        ]
        for row in found
    ]
    return Result(COLUMNS, rows, notes=data.lacking({"events_per_view": "view"})[1])


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a behaviour: at["behaviour"], and at["column"]: users or active_users."""
    if column_of(at, ("users", "active_users")) == "users":
        did = Clause("behaviour = {behaviour:String}", {"behaviour": value_of(at, "behaviour")})
    else:
        did = Clause("$active")
    return people_of(data.ask(DID_SQL, {**data.scope(params), "did": did}, limit=limit))

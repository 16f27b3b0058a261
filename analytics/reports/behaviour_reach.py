"""Behaviour reach: how many users ever did each behaviour in the range, without any order.

Users are the distinct users with at least one such event; their share is that of the active users. The event ratio
is the behaviour's events / views (cart / pv, fav / pv, buy / pv). No order is looked at: this is not a funnel.
"""

from dataclasses import dataclass

from analytics.asking import Data
from analytics.spans import Ranged
from sdk.report import Chart, Column, Result, report, share

SQL = """
SELECT behaviour, any(role) AS rank, count() AS events, uniqExact(user_id) AS reached
FROM $event
WHERE $scope
GROUP BY behaviour
ORDER BY rank, behaviour
"""
ROLE_SQL = """
SELECT
    countIf($view) AS pv,
    uniqExactIf(user_id, $active) AS active_users
FROM $event
WHERE $scope
"""
COLUMNS = (
    Column("behaviour"),
    Column("role"),
    Column("events", "events"),
    Column("users", "users"),
    Column("share_of_active", "share", of=("users", "active_users")),
    Column("events_per_view", "events/view", of=("events", "pv")),
    Column("active_users", "users"),
    Column("pv", "views"),
)


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked."""


@report(category="traffic", chart=Chart("bar", "behaviour", ("users",)))
def run(data: Data, params: Params) -> Result:
    """Count each behaviour of the range."""
    scope = data.scope(params)
    (total,) = data.ask(ROLE_SQL, scope)
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
        for row in data.ask(SQL, scope)
    ]
    return Result(COLUMNS, rows)

"""Who is new, and since when: by the users table where a dataset has one, else by the first activity that is seen.

A user of the users table is new when registered, whether there are events or not; a user who is not in it, when first
seen active. A condition that looks at events (`where` category=5) leaves out users without such an event.
"""

from datetime import timedelta
from typing import Any

from analytics.asking import Data
from analytics.clauses import LOCAL, Clause, about_users, both, filters, segment, spanned
from analytics.days import IN_DAYS, active_days, by_days, day_bounds, day_number
from analytics.spans import Ranged, Span
from sdk.text import Text

# (user_id, first): one row for each user. $moments: (user_id, moment, known), known 1 of the users table.
FIRST = """
SELECT user_id, if(countIf(known) > 0, minIf(moment, known), min(moment)) AS first
FROM ($moments)
GROUP BY user_id
HAVING $counted
"""
ACTIVE = "SELECT user_id, min(ts) AS moment, 0 AS known FROM $event WHERE ($active) AND ($where) GROUP BY user_id"
DAYS = "SELECT user_id, min(d) AS moment, 0 AS known FROM ($days) GROUP BY user_id"
REGISTERED = "SELECT user_id, registered_at AS moment, 1 AS known FROM $people WHERE ($who)"
NEW_DAYS = f"SELECT user_id FROM $user_day WHERE active > 0 AND day = first_day AND {IN_DAYS}"
FIRST_DAY = f"toDate({LOCAL.replace('ts', 'first')}, {{zone:String}})"
DAY = f"toInt32(toDate({LOCAL.replace('ts', 'registered_at')}, {{zone:String}}))"  # of a row of the users table
REGISTERED_DAYS = f"SELECT user_id, {DAY} AS moment, 1 AS known FROM $people WHERE ($who)"


def first_seen(data: Data, params: Ranged, span: Span | None = None) -> tuple[str, dict[str, Clause]]:
    """Give the query of (user_id, first), first the second of registration or first activity, and its clauses."""
    sql = f"{ACTIVE} UNION ALL {REGISTERED}" if data.dataset.people_version else ACTIVE
    return FIRST.replace("$moments", sql), {"where": data.scope(params, span)["where"], **known(data, params, span)}


def first_days(data: Data, params: Ranged, span: Span | None = None) -> tuple[str, dict[str, Clause]]:
    """Give the same with the local day's number instead of the second; faster, for it needs no event."""
    days, more = active_days(data, params, span)
    sql = f"{DAYS} UNION ALL {REGISTERED_DAYS}" if data.dataset.people_version else DAYS
    return FIRST.replace("$moments", sql.replace("$days", days)), {**more, **known(data, params, span)}


def known(data: Data, params: Ranged, span: Span | None = None, *, acted: str = "NOT known") -> dict[str, Clause]:
    """Give `$who`, the condition on rows of the users table, and `$counted`, who of all is counted, of `known` rows.

    acted: the condition on a row that it shows an activity.
    """
    spanned_by = spanned(span or data.span(params))
    who = both(
        filters(data.dataset, [word for word in params.where if about_users(word)], name="who"),
        segment(data.dataset, params.users, data.event, spanned_by),
    )
    silent = all(about_users(word) for word in params.where)
    zone = {"zone": data.dataset.zone}
    return {
        "who": Clause(who.sql, {**who.bind, **zone}),
        "counted": Clause("1" if silent else f"countIf({acted}) > 0"),
    }


def new_in(data: Data, params: Ranged, span: Span) -> tuple[str, dict[str, Clause], dict[str, Any]]:
    """Give the query of the users (user_id) who are new in a span, its clauses and its values."""
    if by_days(data, params, span) and not data.dataset.people_version:
        return NEW_DAYS, {"where": data.scope(params, span)["where"]}, day_bounds(data.dataset, span)
    whole = all(data.dataset.start_of(day) == ts for day, ts in ((span.first, span.low), (span.last, span.high)))
    sql, more = (first_days if whole else first_seen)(data, params, span)
    low, high = (day_number(span.first), day_number(span.last)) if whole else (span.low, span.high)
    new = f"SELECT user_id FROM ({sql}) WHERE first >= {{new_low:Int64}} AND first < {{new_high:Int64}}"
    return new, more, {"new_low": low, "new_high": high}


def notes(data: Data) -> tuple[Text, ...]:
    """Say what new means here."""
    if data.dataset.people_version:
        return (
            Text(
                "New is registered, by the users table of {people:,} users; who is not in it is new when first seen.",
                people=data.dataset.people,
            ),
        )
    seen = data.dataset.first_day + timedelta(7)
    return (Text("New is first seen: before {day} it may hold users who are older than the data.", day=seen),)

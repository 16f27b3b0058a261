"""LTV: what a new user brings, observed and modelled, beside what one costs.

A cohort is the users who are new in a day, week or month: registered where there is a users table, else first seen.
Observed LTV(c, n): the cohort's revenue from its unit to unit n / its users; blank where unit n has not ended. LT(H):
the sum of the retention of days 0 to H - 1 (first ever, N-day, mean weighted by users), observed where complete, fitted
beyond; H is in days. The fits on day 1 and later are least squares weighted by users: power a n^-b, log a ln n + b (cut
where it reaches 0), exponential a e^(-b n); with fewer than 5 complete days there is no number. LTV = LT(H) x revenue
for each active user-day. CAC = acquisition cost / new users, both of the same channel and period: the channel of
registration where it is known, else that of the events. LTV / CAC is held against 3. Payback: after how many days the
revenue for each user reaches the CAC, within a day taken to come evenly.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from analytics import acquisition, newcomers, revenue
from analytics.asking import Data
from analytics.curves import CURVES, Fit, payback
from analytics.days import bucket_number, see_few
from analytics.drill import LIST_AT_MOST, apart, column_of, day_at, number_at, one_at, value_of
from analytics.lifetimes import fitted, lifetimes, retained
from analytics.spans import WORDS, Ranged, Span, Unit, buckets, following, is_complete
from sdk import Between, Help, Matches, ParamError
from sdk.report import Chart, Column, NotSupported, Result, report, share
from sdk.text import Text

DAYS_SQL = """
SELECT sum(paid) AS revenue, sum(there) AS user_days
FROM (
    SELECT user_id, $day AS day, sumIf(amount, $buy) AS paid, max($active) AS there
    FROM $event
    WHERE $scope
    GROUP BY user_id, day
)
"""
OBSERVED = (
    Column("cohort", key=True),
    Column("offset", key=True),
    Column("size", "users", listed=True),
    Column("revenue", "amount"),
    Column("ltv", "amount/user", of=("revenue", "size")),
    Column("complete"),
)
CURVE = (
    Column("day", "days", key=True),
    Column("observed", "share"),
    Column("users", "users", listed=True),
    *(Column(kind, "share") for kind in CURVES),
    Column("lifetime", "days"),
)
FIGURES = (Column("value", listed=True), Column("numerator"), Column("denominator"))
SUMMARY = (Column("metric", key=True), Column("unit"), *FIGURES)
BY_COST = (
    Column("period", key=True),
    Column("channel", key=True),
    Column("cost", "amount"),
    Column("new_users", "users", listed=True),
    Column("cac", "amount/user", of=("cost", "new_users")),
    Column("ltv", "amount/user"),
    Column("ltv_per_cac", "ratio", of=("ltv", "cac")),
    Column("payback", "days"),
    Column("payback_observed", "days"),
)
WHOLE = "range"
REFERENCE = 3  # LTV / CAC from which acquisition is held to be healthy


@dataclass(frozen=True, kw_only=True)
class Params(Ranged):
    """What is asked. The range says when users were first seen; what they do counts until the end of the data."""

    show: Annotated[
        Literal["observed", "curve", "summary", "cac"],
        Help("Revenue by cohort, the retention curves, the figures, or those of each cost."),
    ] = "observed"
    unit: Annotated[Unit, Help("Of the cohorts and offsets observed; the model counts days.")] = "day"
    offsets: Annotated[int, Between(1, 400), Help("The largest offset shown.")] = 30
    fit: Annotated[Literal["power", "log", "exponential"], Help("The curve beyond what is observed.")] = "power"
    horizon: Annotated[int, Between(2, 3650), Help("Days that a lifetime is counted for.")] = 180
    cost: Annotated[
        float, Between(0, 1e15), Help("Acquisition cost of the users first seen in the range; 0: unknown.")
    ] = 0.0
    costs: Annotated[
        list[str],
        Between(0, WORDS),
        Matches(acquisition.COST, acquisition.RULE),
        Help("Acquisition costs, one a line: ads=1200, 2017-11=5000 or 2017-11 ads=900; cac shows a row for each."),
    ] = field(default_factory=list)


@report(category="commerce")
def run(data: Data, params: Params) -> Result:
    """Give revenue by cohort, the curves, or the figures."""
    span = data.span(params)
    if params.show == "curve":
        return _curve(data, params)
    data.need("buy", "amount")
    if params.show == "cac":
        return _by_cost(data, params)
    return _observed(data, params, span) if params.show == "observed" else _summary(data, params, span)


def users(data: Data, params: Params, at: dict[str, str], limit: int = LIST_AT_MOST) -> list[Any]:
    """Give the users of a cohort, at["cohort"], of those that make up a mean, or of a day of the curve, at["day"]."""
    if params.show == "cac":
        params = _of_cost(data, params, at)
        if not _new_users(data, params):
            return []
    span, unit = data.span(params), params.unit if params.show == "observed" else "day"
    cohorts_there = _asked_for(data, params, span, at)
    return revenue.users(data, params, span, unit, cohorts=cohorts_there, limit=limit)


def _of_cost(data: Data, params: Params, at: dict[str, str]) -> Params:
    """Give the question after the users of one cost."""
    column_of(at, ("new_users",))
    costs = acquisition.read(params.costs)
    every = apart("all", {cost.channel for cost in costs})
    named = {(cost.period or WHOLE, cost.channel or every): cost for cost in costs}
    wanted = value_of(at, "period"), value_of(at, "channel")
    if wanted not in named:
        raise ParamError({"channel": Text("There is no cost of {word!r}.", word=" ".join(wanted)[:80])})
    return acquisition.narrowed(data, params, named[wanted])


def _asked_for(data: Data, params: Params, span: Span, at: dict[str, str]) -> list[date]:
    """Give the cohorts behind a count of users."""
    if params.show == "cac":
        return buckets(span, "day")
    if params.show == "summary":
        column_of(at, ("value",))
        one_at(at, "metric", ("new_users",))
        return buckets(span, "day")
    if params.show == "curve":
        column_of(at, ("users",))
        return revenue.complete(data, span, "day", number_at(at, "day"))
    column_of(at, ("size",))
    if value_of(at, "cohort") != "mean":
        return [day_at(at, "cohort")]
    return revenue.complete(data, span, params.unit, number_at(at, "offset"))


def _observed(data: Data, params: Params, span: Span) -> Result:
    end = buckets(Span(span.low, data.dataset.end, span.first, max(data.dataset.end_day, span.last)), params.unit)
    cohorts, offsets = buckets(span, params.unit), range(min(params.offsets, len(end) - 1) + 1)
    see_few(len(cohorts) * len(offsets))
    sizes, paid = revenue.by_cohort(data, params, span, params.unit)
    rows: list[list[Any]] = []
    by_offset: dict[int, list[list[Any]]] = {n: [] for n in offsets}
    for cohort in cohorts:
        number, so_far = bucket_number(cohort, params.unit), 0.0
        for n in offsets:
            so_far += paid[number].get(n, 0.0)
            ended = is_complete(data.dataset, following(cohort, params.unit, n), params.unit)
            whole = ended and is_complete(data.dataset, cohort, params.unit, span)
            known = so_far if ended else None
            row = [cohort, n, sizes.get(number, 0), known, share(known, sizes.get(number)), int(whole)]
            rows.append(row)
            by_offset[n].append(row)
    rows += [_mean(n, some) for n, some in by_offset.items()]
    chart = Chart("heatmap", "offset", ("cohort",), value="ltv", incomplete="complete")
    return Result(OBSERVED, rows, notes=newcomers.notes(data), chart=chart)


def _mean(n: int, rows: list[list[Any]]) -> list[Any]:
    """Give the mean row of an offset from its rows: revenue / users of the cohorts complete there."""
    cells = [row for row in rows if row[5] and row[2]]
    size, paid = sum(row[2] for row in cells), sum(row[3] for row in cells) if cells else None
    return ["mean", n, size, paid, share(paid, size), int(bool(cells))]


def _curve(data: Data, params: Params) -> Result:
    points = retained(data, params, params.horizon)
    fits, notes = fitted(points)
    lasting = lifetimes(points, fits, kind=params.fit, horizon=params.horizon)
    seen = {point.n: point for point in points}
    rows: list[list[Any]] = []
    for n in range(params.horizon):
        observed = [seen[n].rate, seen[n].weight] if n in seen else [None, 0]
        curves = [fits[kind].at(n) if n and kind in fits else None for kind in CURVES]
        rows.append([n, *observed, *curves, lasting[n]])
    drawn = ("observed", *(kind for kind in CURVES if kind in fits))
    return Result(CURVE, rows, notes=tuple(notes), chart=Chart("line", "day", drawn))


def _summary(data: Data, params: Params, span: Span) -> Result:
    cost = params.cost or acquisition.within(acquisition.read(params.costs), span)
    rows, fits, notes = _figures(data, params, span, cost)
    for kind, found in fits.items():
        rows += [[f"{kind}_{name}", "", getattr(found, name), None, None] for name in ("a", "b", "r2", "points")]
    return Result(SUMMARY, rows, notes=(*notes, *_verdict(params, rows)))


def _figures(data: Data, params: Params, span: Span, cost: float) -> tuple[list[list[Any]], dict[str, Fit], list[Text]]:
    """Give the rows of the summary, the curves, and what is to be said of them."""
    points = retained(data, params, params.horizon)
    fits, notes = fitted(points)
    days = [0.0, *lifetimes(points, fits, kind=params.fit, horizon=params.horizon)]
    (row,) = data.ask(DAYS_SQL, data.scope(params, span))
    total, user_days = float(row["revenue"]), row["user_days"]
    each = share(total, user_days)
    sizes, paid = revenue.by_cohort(data, params, span, "day")
    new = sum(sizes.values())
    value = None if each is None else days[-1] * each
    cac = share(cost, new) if cost else None
    modelled = [(days[n + 1] - days[n]) * (each or 0) for n in range(params.horizon)]
    observed = revenue.each_day(data, span, sizes, paid)
    rows: list[list[Any]] = [
        ["horizon", "days", params.horizon, None, None],
        ["new_users", "users", new, None, None],
        ["lifetime", "active days/user", days[-1], None, None],
        ["revenue_per_active_day", "amount/active day", each, total, user_days],
        ["ltv", "amount/user", value, None, None],
        ["cac", "amount/user", cac, cost or None, new],
        ["ltv_per_cac", "", share(value, cac), value, cac],
        ["payback", "days", payback(modelled, cac) if cac else None, None, None],
        ["payback_observed", "days", payback(observed, cac) if cac else None, None, None],
    ]
    return rows, fits, notes


def _by_cost(data: Data, params: Params) -> Result:
    """Give a row for each cost: the users it was for, and what they bring."""
    costs = acquisition.read(params.costs)
    if not costs:
        raise NotSupported(Text("no cost is known; write costs, for example ads=1200 or 2017-11 ads=1200"))
    every, rows, notes = apart("all", {cost.channel for cost in costs}), [], []
    for cost in costs:
        name = {"period": cost.period or WHOLE, "channel": cost.channel or every}
        mine = acquisition.narrowed(data, params, cost)
        try:
            span = data.span(mine)
            figures = {row[0]: row[2] for row in _figures(data, mine, span, cost.amount)[0]}
        except NotSupported as error:
            notes.append(Text("{period}, {channel}: {reason}.", **name, reason=error.text))
            figures = {"new_users": _new_users(data, mine)}
            figures["cac"] = share(cost.amount, figures["new_users"])
        if figures.get("cac") and "ltv" in figures and figures["payback"] is None:
            late = {**name, "horizon": params.horizon}
            notes.append(Text("{period}, {channel}: the cost is not paid back within {horizon} days.", **late))
        rows.append([*name.values(), cost.amount, *(figures.get(column.name) for column in BY_COST[3:])])
    notes.append(Text("LTV / CAC is held against {reference}.", reference=REFERENCE))
    return Result(BY_COST, rows, notes=tuple(notes), chart=Chart("bar", "channel", ("ltv_per_cac",)))


def _new_users(data: Data, params: Params) -> int:
    try:
        return sum(revenue.by_cohort(data, params, data.span(params), "day")[0].values())
    except NotSupported:  # a period without a row
        return 0


def _verdict(params: Params, rows: list[list[Any]]) -> list[Text]:
    found = {row[0]: row[2] for row in rows}
    words = {"horizon": params.horizon, "curve": params.fit}
    notes = [Text("All within {horizon} days; beyond what is observed by the {curve} curve.", **words)]
    if found["cac"] is None:
        return [*notes, Text("CAC, LTV / CAC and payback need the acquisition cost of these users: set cost.")]
    if found["ltv_per_cac"] is not None:
        above = Text("LTV / CAC is {ratio:.2f}, at or above the reference of {reference}.",
                     ratio=found["ltv_per_cac"], reference=REFERENCE)  # fmt: skip
        below = Text("LTV / CAC is {ratio:.2f}, below the reference of {reference}.",
                     ratio=found["ltv_per_cac"], reference=REFERENCE)  # fmt: skip
        notes.append(above if found["ltv_per_cac"] >= REFERENCE else below)
    if found["payback"] is None:
        notes.append(Text("The cost is not paid back within {horizon} days.", horizon=params.horizon))
    return notes

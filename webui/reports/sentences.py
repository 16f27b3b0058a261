"""Say in one sentence with numbers what a plot shows; it is read to who cannot see the plot."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from webui.language import sentences
from webui.reports import numbers

if TYPE_CHECKING:
    from webui.reports.drawn import Drawn


def over(drawn: "Drawn") -> str:
    """Name the highest and the lowest of each series over x; at most two series are said."""
    chart = drawn.chart
    rows = drawn.rows
    parts = []
    for name in chart.y[:2]:
        known = [row for row in rows if row[name] is not None and (not chart.incomplete or row[chart.incomplete])]
        known = known or [row for row in rows if row[name] is not None]
        if not known:
            parts.append(_("%s: no data.") % drawn.word(name))
            continue
        low, high = (best(known, key=lambda row, of=name: row[of]) for best in (min, max))
        words = {
            "name": drawn.word(name),
            "high": numbers.written(high[name], drawn.column(name)),
            "at_high": _where(drawn, high),
            "low": numbers.written(low[name], drawn.column(name)),
            "at_low": _where(drawn, low),
        }
        if high[name] == low[name]:
            parts.append(_("%(name)s: %(high)s everywhere.") % words)
        else:
            parts.append(_("%(name)s: highest %(high)s at %(at_high)s, lowest %(low)s at %(at_low)s.") % words)
    return sentences(*parts)


def _where(drawn: "Drawn", row: dict[str, Any]) -> str:
    where = drawn.label(row, drawn.chart.x)
    return f"{where} ({drawn.label(row, drawn.chart.by)})" if drawn.chart.by else where


def funnel(drawn: "Drawn") -> str:
    """Say how many began, how many came to the end, and after which step most were lost."""
    rows, y, x = drawn.rows, drawn.chart.y[0], drawn.chart.x
    first, last = rows[0], rows[-1]
    if not first[y]:
        return _("Nobody took the first step, %s.") % drawn.label(first, x)
    worst = max(rows[:-1] or rows, key=lambda row: row["dropped"])
    return _(
        "%(first)s users took the first step, %(share)s of them, %(last)s, the last one;"
        " most, %(dropped)s, were lost after %(worst)s."
    ) % {
        "first": numbers.plain(first[y]),
        "share": numbers.percent(last[y] / first[y]),
        "last": numbers.plain(last[y]),
        "dropped": numbers.plain(worst["dropped"]),
        "worst": drawn.label(worst, x),
    }


def heatmap(drawn: "Drawn") -> str:
    """Name the highest and the lowest cell."""
    chart = drawn.chart
    known = [row for row in drawn.rows if row[chart.value] is not None]
    if not known:
        return _("There is no data in any cell.")
    low, high = (best(known, key=lambda row: row[chart.value]) for best in (min, max))
    value = drawn.column(chart.value)
    return _("%(name)s: highest %(high)s at %(at_high)s, lowest %(low)s at %(at_low)s.") % {
        "name": drawn.word(chart.value),
        "high": numbers.written(high[chart.value], value),
        "at_high": f"{drawn.label(high, chart.y[0])}, {drawn.label(high, chart.x)}",
        "low": numbers.written(low[chart.value], value),
        "at_low": f"{drawn.label(low, chart.y[0])}, {drawn.label(low, chart.x)}",
    }


def scatter(drawn: "Drawn") -> str:
    """Name the point with the most users and the one with the highest rate among those that are clear."""
    chart, y = drawn.chart, drawn.chart.y[0]
    known = [row for row in drawn.rows if row[chart.x] is not None and row[y] is not None]
    clear = [row for row in known if not chart.incomplete or row[chart.incomplete]] or known
    if not clear:
        return _("There is no point to show.")
    most, best = (max(clear, key=lambda row, of=of: row[of]) for of in (chart.x, y))
    return _(
        "%(n)s points; %(most)s has the most users, %(users)s; %(best)s the highest rate, %(rate)s of %(of)s users."
    ) % {
        "n": numbers.plain(len(known)),
        "most": str(most[chart.by]),
        "users": numbers.plain(most[chart.x]),
        "best": str(best[chart.by]),
        "rate": numbers.percent(best[y]),
        "of": numbers.plain(best[chart.x]),
    }


def sankey(drawn: "Drawn") -> str:
    """Name the largest link."""
    chart = drawn.chart
    most = max(drawn.rows, key=lambda row: row[chart.value] or 0)
    return _("%(n)s links; the largest leads from %(source)s to %(target)s, %(value)s.") % {
        "n": numbers.plain(len(drawn.rows)),
        "source": drawn.label(most, chart.x),
        "target": drawn.label(most, chart.y[0]),
        "value": numbers.plain(most[chart.value] or 0),
    }

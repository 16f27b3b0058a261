"""Turn a result and its chart into a Plot: grids of one unit each, at most six series, marks, what has not ended."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webui.reports import numbers, sentences
from webui.reports.drawn import Drawn, words
from webui.reports.lines import line
from webui.reports.plots import Cell, Grid, Link, Plot, Point, Series
from webui.reports.time_axis import Marks
from webui.reports.words import unit_word, value_word

LINKS = 200  # bands of a Sankey diagram
AFTER = {  # what an offset counts, by the unit of the cohorts
    "day": gettext_lazy("Days after the first"),
    "week": gettext_lazy("Weeks after the first"),
    "month": gettext_lazy("Months after the first"),
}


def plot(drawn: Drawn, marks: Marks | None = None) -> Plot | None:
    """Draw a result by its chart; None where there is nothing to draw."""
    result = drawn.answer.result
    if not result.chart or not result.rows or drawn.answer.report == "overview":
        return None  # the overview's figures have many units; they are shown as figures
    return DRAW[result.chart.kind](drawn, marks)


def _funnel(drawn: Drawn, marks: Marks | None) -> Plot:
    """Draw the steps; with a breakdown, bars: a group for each step."""
    chart = drawn.chart
    if chart.by:
        return line(drawn, marks)
    rows = drawn.rows
    y = chart.y[0]
    urls = tuple(drawn.url(row, y) or None for row in rows)
    series = [Series(drawn.word(y), tuple(row[y] for row in rows), urls=urls)]
    if rows and "dropped" in rows[0]:
        lost = tuple(drawn.url(row, "dropped") or None for row in rows)
        series.append(Series(drawn.word("dropped"), tuple(row["dropped"] for row in rows), urls=lost))
    return Plot(
        kind="funnel",
        sentence=sentences.funnel(drawn),
        x=tuple(drawn.label(row, chart.x) for row in rows),
        x_name=drawn.word(chart.x),
        grids=(Grid(drawn.word(y), unit_word(drawn.column(y).unit), tuple(series)),),
        words=words(),
    )


def _heatmap(drawn: Drawn, marks: Marks | None) -> Plot:  # noqa: ARG001  # as its siblings
    chart, rows = drawn.chart, drawn.rows
    across = list(dict.fromkeys(row[chart.x] for row in rows))
    down = list(dict.fromkeys(row[chart.y[0]] for row in rows))
    x_at, y_at = ({value: place for place, value in enumerate(values)} for values in (across, down))
    cells = tuple(
        Cell(
            x=x_at[row[chart.x]],
            y=y_at[row[chart.y[0]]],
            value=row[chart.value],
            open=bool(chart.incomplete and not row[chart.incomplete] and row[chart.value] is not None),
            url=drawn.url(row, chart.value),
        )
        for row in rows
    )
    value = drawn.column(chart.value)
    labels = [
        tuple(numbers.label(one, drawn.column(name), drawn.answer.report) for one in values)
        for name, values in ((chart.x, across), (chart.y[0], down))
    ]
    return Plot(
        kind="heatmap",
        sentence=sentences.heatmap(drawn),
        x=labels[0],
        x_name=_across_word(drawn),
        y=labels[1],
        y_name=drawn.word(chart.y[0]),
        cells=cells,
        unit=unit_word(value.unit),
        share=value.unit == "share",
        words=words(),
    )


def _across_word(drawn: Drawn) -> str:
    """Name what lies across a heat map; of hours nothing, for 00:00 says it."""
    column = drawn.column(drawn.chart.x)
    if column.name == "offset" and (word := AFTER.get(str(drawn.answer.params.get("unit")))):
        return str(word)
    return "" if column.unit == "h" else drawn.word(column.name)


def _scatter(drawn: Drawn, marks: Marks | None) -> Plot:  # noqa: ARG001  # as its siblings
    chart = drawn.chart
    y = drawn.column(chart.y[0])
    points = tuple(
        Point(
            x=row[chart.x],
            y=row[y.name],
            name=str(row[chart.by]) if chart.by else "",
            group=value_word(row.get("quadrant", ""), "quadrant"),
            faint=bool(chart.incomplete and not row[chart.incomplete]),
            url=drawn.url(row, chart.x),
        )
        for row in drawn.rows
        if row[chart.x] is not None and row[y.name] is not None
    )
    return Plot(
        kind="scatter",
        sentence=sentences.scatter(drawn),
        x_name=drawn.word(chart.x),
        y_name=drawn.word(y.name),
        points=points,
        cuts=_cuts(drawn),
        unit=unit_word(y.unit),
        share=y.unit == "share",
        log=True,
        words=words(),
    )


def _cuts(drawn: Drawn) -> tuple[tuple[str, float, str], ...]:
    """Give where the plane is cut: between the quadrants' own points, where the lines divide them as the report did."""
    chart, found = drawn.chart, []
    for axis, name, high in (("x", chart.x, "many users"), ("y", chart.y[0], "high rate")):
        above = [row[name] for row in drawn.rows if high in str(row.get("quadrant"))]
        below = [row[name] for row in drawn.rows if row.get("quadrant") and high not in str(row["quadrant"])]
        if above:
            at = min(above)
            text = numbers.written(at, drawn.column(name))
            found.append((axis, at, _("cut at %s") % text if below else text))
    return tuple(found)


def _sankey(drawn: Drawn, marks: Marks | None) -> Plot:  # noqa: ARG001  # as its siblings
    chart = drawn.chart
    rows = sorted(drawn.rows, key=lambda row: -(row[chart.value] or 0))[:LINKS]
    links = tuple(
        Link(
            source=drawn.label(row, chart.x),
            target=drawn.label(row, chart.y[0]),
            value=row[chart.value] or 0,
            url=drawn.url(row, "users") if "users" in row else "",
        )
        for row in rows
    )
    unit = drawn.column(chart.value).unit
    return Plot(
        kind="sankey", sentence=sentences.sankey(drawn), links=links, unit=unit_word(unit), words=words()
    )  # fmt: skip


DRAW = {"line": line, "bar": line, "funnel": _funnel, "heatmap": _heatmap, "scatter": _scatter, "sankey": _sankey}

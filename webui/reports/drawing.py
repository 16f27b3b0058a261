"""Turn a result and its chart into a Plot: grids of one unit each, at most six series, marks, what has not ended."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer
from analytics.dataset import Dataset
from analytics.spans import following, span_of
from sdk.report import Chart, Column
from webui.reports import numbers, sentences
from webui.reports.ask import Ask
from webui.reports.plots import Cell, Grid, Link, Mark, Plot, Point, Series
from webui.reports.words import OTHER, column_word, field_word, option_word, unit_word, value_word

SERIES = 6  # at most, then "other"
COMPARED = 2  # series of a plot area that are compared with another time; more are not told apart
ADDED = frozenset({"events", "views", "visits", "pairs", "buys", "purchases", "intervals", "amount"})  # may be added up
LINKS = 200  # bands of a Sankey diagram
Marks = Callable[[int, int], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn from: the answer with its chart, by names. before: the answer compared with; its range in words."""

    ask: Ask
    answer: Answer
    before: Answer | None = None
    before_words: str = ""

    @property
    def chart(self) -> Chart:
        """Give the chart; only asked where there is one."""
        assert self.answer.result.chart  # noqa: S101  # `plot` has looked
        return self.answer.result.chart

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Give the rows by column."""
        return self.answer.result.named()

    def column(self, name: str) -> Column:
        """Give a column."""
        return next(column for column in self.answer.result.columns if column.name == name)

    def label(self, row: dict[str, Any], name: str) -> str:
        """Write a row's name or day."""
        return numbers.label(row[name], self.column(name), self.answer.report)

    def word(self, name: str) -> str:
        """Give a column's name as people say it; what anomalies judge by its own name."""
        return word_of(self.answer, name)

    def url(self, row: dict[str, Any], name: str) -> str:
        """Give the address of the users behind a number; "" where there is no list."""
        column = self.column(name)
        return users_url(self.ask, self.answer, row, column)


def users_url(ask: Ask, answer: Answer, row: dict[str, Any], column: Column) -> str:
    """Give the address of the users behind a row's number; "" where there is no list, or nobody on it."""
    if not row[column.name] or not answer.result.is_listed(list(row.values()), column):
        return ""
    keys = {key.name: str(row[key.name]) for key in answer.result.columns if key.key}
    return ask.but(at={**keys, "column": column.name}).url("report-users")


def word_of(answer: Answer, name: str) -> str:
    """Give a column's name as people say it; what anomalies judge by its own name."""
    if answer.report == "anomalies" and name == "value":
        return option_word(str(answer.params["metric"]))
    return column_word(name, answer.report)


def plot(drawn: Drawn, marks: Marks | None = None) -> Plot | None:
    """Draw a result by its chart; None where there is nothing to draw."""
    result = drawn.answer.result
    if not result.chart or not result.rows or drawn.answer.report == "overview":
        return None  # the overview's figures have many units; they are shown as figures
    return DRAW[result.chart.kind](drawn, marks)


def _line(drawn: Drawn, marks: Marks | None) -> Plot:
    chart, core = drawn.chart, drawn.ask.dataset.as_core()
    places = list(dict.fromkeys(row[chart.x] for row in drawn.rows))
    first_of = {row[chart.x]: row for row in reversed(drawn.rows)}
    times = _times(core, places, drawn.column(chart.x))
    unfinished = _unfinished(drawn, places)
    grids = _split(drawn, places, unfinished) if chart.by else _grids(drawn, places, unfinished)
    return Plot(
        kind=chart.kind,
        sentence=sentences.over(drawn),
        x=tuple(drawn.label(first_of[place], chart.x) for place in places),
        x_name=drawn.word(chart.x),
        times=times,
        grids=grids,
        open=unfinished,
        marks=_marks(core, drawn, times, places, marks) if times and marks else (),
        words={**_words(), **({"this": drawn.word("value")} if drawn.answer.report == "anomalies" else {})},
    )


def _grids(drawn: Drawn, places: list[Any], unfinished: tuple[int, ...]) -> tuple[Grid, ...]:
    """Give one plot area for each unit, in the order of the chart's y."""
    chart, by_place = drawn.chart, {row[drawn.chart.x]: row for row in drawn.rows}
    before = list(drawn.before.result.named()) if drawn.before and chart.kind == "line" else []
    units: dict[str, list[Series]] = {}
    for name in chart.y:
        rows = [by_place[place] for place in places]
        expected = drawn.answer.report == "anomalies" and name == "expected"
        urls = tuple(drawn.url(row, name) or None for row in rows) if drawn.column(name).listed else ()
        one = Series(
            name=drawn.word(name),
            values=tuple(row[name] for row in rows),
            before=expected,
            open=() if expected else unfinished,
            urls=urls,
            flags=() if expected else tuple(n for n, row in enumerate(rows) if row.get("flagged")),
        )
        units.setdefault(drawn.column(name).unit, []).append(one)
        many = len([n for n in chart.y if drawn.column(n).unit == drawn.column(name).unit])
        if before and many <= COMPARED:
            values = [row[name] for row in before][: len(places)]
            said = f"{drawn.word(name)}, {drawn.before_words}" if many > 1 else drawn.before_words
            padded = (*values, *([None] * (len(places) - len(values))))
            units[drawn.column(name).unit].append(Series(said, padded, before=True))
    return tuple(_grid(unit, series) for unit, series in units.items())


def _grid(unit: str, series: list[Series]) -> Grid:
    own = [one.name for one in series if not one.before]
    return Grid(
        name=_(", ").join(own) if len(own) < 4 else unit_word(unit).capitalize(),
        unit=unit_word(unit),
        series=tuple(series),
        share=unit == "share",
    )


def _split(drawn: Drawn, places: list[Any], unfinished: tuple[int, ...]) -> tuple[Grid, ...]:
    """Give the one area of a chart split by a column: the largest values, then the others together."""
    chart, y = drawn.chart, drawn.chart.y[0]
    unit = drawn.column(y).unit
    values: dict[Any, dict[Any, float | None]] = {}
    for row in drawn.rows:
        values.setdefault(row[chart.by], {})[row[chart.x]] = row[y]
    shown, rest = _shown(list(values), values, added=unit in ADDED)
    series = [
        Series(_named(drawn, name), tuple(values[name].get(place) for place in places), open=unfinished)
        for name in shown
    ]
    if rest and unit in ADDED:
        summed = tuple(sum(values[name].get(place) or 0 for name in rest) for place in places)
        series.append(Series(str(OTHER), summed, open=unfinished))
    return (Grid(drawn.word(y), unit_word(unit), tuple(series), share=unit == "share"),)


def _shown(names: list[Any], values: dict[Any, dict[Any, float | None]], *, added: bool) -> tuple[list[Any], list[Any]]:
    """Give the values that have a line of their own, the largest first, and the rest."""
    largest = sorted(names, key=lambda name: (name == "other", -sum(value or 0 for value in values[name].values())))
    if len(largest) <= SERIES:
        return largest, []
    room = SERIES - 1 if added else SERIES
    return largest[:room], largest[room:]


def _named(drawn: Drawn, value: Any) -> str:  # noqa: ANN401  # a value of a dimension
    """Name a value of a breakdown; a bare number says of what it is one."""
    text = value_word(value, drawn.chart.by, drawn.answer.report)
    field = drawn.answer.params.get("breakdown") or drawn.answer.params.get("by") or ""
    return f"{field_word(str(field))} {text}" if text.isdecimal() and field else text


def left_out(answer: Answer) -> int:
    """Count the values of a breakdown that are not drawn, nor in "other": users must not be added up."""
    chart = answer.result.chart
    if not chart or not chart.by or chart.kind not in ("line", "funnel"):
        return 0
    unit = next(column.unit for column in answer.result.columns if column.name == chart.y[0])
    return 0 if unit in ADDED else max(0, len({row[chart.by] for row in answer.result.named()}) - SERIES)


def _bar(drawn: Drawn, marks: Marks | None) -> Plot:
    return _line(drawn, marks)


def _funnel(drawn: Drawn, marks: Marks | None) -> Plot:
    """Draw the steps; with a breakdown, bars: a group for each step."""
    chart = drawn.chart
    if chart.by:
        return _line(drawn, marks)
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
        words=_words(),
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
        x_name=drawn.word(chart.x),
        y=labels[1],
        y_name=drawn.word(chart.y[0]),
        cells=cells,
        unit=unit_word(value.unit),
        share=value.unit == "share",
        words=_words(),
    )


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
        words=_words(),
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
        kind="sankey", sentence=sentences.sankey(drawn), links=links, unit=unit_word(unit), words=_words()
    )  # fmt: skip


DRAW = {"line": _line, "bar": _bar, "funnel": _funnel, "heatmap": _heatmap, "scatter": _scatter, "sankey": _sankey}


def _unfinished(drawn: Drawn, places: list[Any]) -> tuple[int, ...]:
    """Give the places whose bucket has not ended. An anomaly that is not sure has ended."""
    flag = drawn.chart.incomplete
    if flag != "complete":
        return ()
    done = {row[drawn.chart.x]: row[flag] for row in drawn.rows}
    return tuple(place for place, value in enumerate(places) if not done[value])


def _times(core: Dataset, places: list[Any], column: Column) -> tuple[int, ...]:
    """Give each place's first second where x is time; () where it is not."""
    moments = [numbers.moment_of(place) for place in places]
    if not moments or any(moment is None for moment in moments) or column.unit:
        return ()
    return tuple(_second(core, moment) for moment in moments if moment is not None)


def _second(core: Dataset, moment: date | datetime) -> int:
    if not isinstance(moment, datetime):
        return core.start_of(moment)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=core.zoneinfo)).timestamp())


def _marks(core: Dataset, drawn: Drawn, times: tuple[int, ...], places: list[Any], marks: Marks) -> tuple[Mark, ...]:
    """Place tasks and notes at fractions inside their buckets."""
    end = _end(core, drawn.column(drawn.chart.x), times, places)
    edges = [*times, end]
    found = []
    asked = span_of(core, *drawn.ask.range)  # not the axis' own ends: a letter means one task on all cards of a page
    for mark in marks(asked.low, asked.high):
        place = bisect_right(edges, mark.ts) - 1
        if 0 <= place < len(times):
            width = max(1, edges[place + 1] - edges[place])
            found.append(Mark(place + (mark.ts - edges[place]) / width, mark.label, mark.kind, mark.text, mark.url))
    return tuple(sorted(found, key=lambda mark: mark.at))


def _end(core: Dataset, column: Column, times: tuple[int, ...], places: list[Any]) -> int:
    """Give the second at which the last place's bucket ends."""
    last = numbers.moment_of(places[-1])
    if last is None or isinstance(last, datetime):
        return times[-1] + 3600
    unit = column.name if column.name in ("week", "month") else "day"
    return core.start_of(following(last, unit))  # type: ignore[arg-type]  # one of the units


def _words() -> dict[str, str]:
    """Give what the drawing itself says."""
    return {
        "no_data": _("no data"),
        "open": _("not over yet"),
        "other": str(OTHER),
        "went_on": _("went on"),
        "dropped": _("dropped off"),
        "this": _("this period"),
        "faint": _("too few to judge"),
    }

"""Lines and bars over places of x: a plot area for each unit, at most six series in each."""

from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer
from webui.reports import numbers, sentences
from webui.reports.drawn import Drawn, words
from webui.reports.plots import Grid, Plot, Series
from webui.reports.time_axis import Marks, edges_of, marks_among, times_of, unfinished, why_open
from webui.reports.words import OTHER, field_word, unit_word, value_word

SERIES = 6  # at most, then "other"
COMPARED = 2  # series of a plot area that are compared with another time; more are not told apart
ADDED = frozenset({"events", "views", "visits", "pairs", "buys", "purchases", "intervals", "amount"})  # may be added up


def line(drawn: Drawn, marks: Marks | None) -> Plot:
    """Draw lines, or bars, over time or anything else."""
    chart, core = drawn.chart, drawn.ask.dataset.as_core()
    places = list(dict.fromkeys(row[chart.x] for row in drawn.rows))
    first_of = {row[chart.x]: row for row in reversed(drawn.rows)}
    times = times_of(core, places, drawn.column(chart.x))
    edges = edges_of(core, drawn.column(chart.x), times, places) if times else ()
    open_ = unfinished(drawn, places)
    said = words()
    if open_ and edges and (why := why_open(drawn, core, edges, open_)):
        said["open"] = why
    if drawn.answer.report == "anomalies":
        said["this"] = drawn.word("value")
    if drawn.answer.report == "lost_users":
        said["open"] = _("not known yet")
    grids = (_split if chart.by else _grids)(drawn, places, open_)
    if chart.kind == "bar" and len(places) == 1 and len(grids) == 1 and not chart.by:
        return _alone(drawn, grids[0], said)
    return Plot(
        kind=chart.kind,
        sentence=sentences.over(drawn),
        x=tuple(drawn.label(first_of[place], chart.x) for place in places),
        x_name=drawn.word(chart.x),
        ticks=_ticks(drawn, places) if times else (),
        times=times,
        grids=grids,
        open=open_,
        marks=marks_among(core, drawn, edges, marks) if edges and marks else (),
        words=said,
    )


def _alone(drawn: Drawn, grid: Grid, said: dict[str, str]) -> Plot:
    """Draw the one place there is as a bar for each series, with its name."""
    shown = [one for one in grid.series if not one.before]
    urls = tuple(one.urls[0] if one.urls else None for one in shown)
    open_ = tuple(at for at, one in enumerate(shown) if one.open)
    bars = Series(drawn.label(drawn.rows[0], drawn.chart.x), tuple(one.values[0] for one in shown), False, open_, urls)
    return Plot(
        kind="bar",
        sentence=sentences.over(drawn),
        x=tuple(one.name for one in shown),
        grids=(Grid(grid.name, grid.unit, (bars,), grid.share),),
        open=open_,
        words=said,
    )


def _ticks(drawn: Drawn, places: list[Any]) -> tuple[str, ...]:
    column = drawn.column(drawn.chart.x)
    found = tuple(numbers.tick(place, column, len(places)) for place in places)
    return found if all(found) else ()


def _grids(drawn: Drawn, places: list[Any], open_: tuple[int, ...]) -> tuple[Grid, ...]:
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
            key=name,
            values=tuple(row[name] for row in rows),
            before=expected,
            open=() if expected else open_,
            urls=urls,
            flags=() if expected else tuple(n for n, row in enumerate(rows) if row.get("flagged")),
        )
        units.setdefault(drawn.column(name).unit, []).append(one)
        many = len([n for n in chart.y if drawn.column(n).unit == drawn.column(name).unit])
        values = [row[name] for row in before][: len(places)]
        if many <= COMPARED and any(value is not None for value in values):
            said = f"{drawn.word(name)}, {drawn.before_words}" if many > 1 else drawn.before_words
            padded = (*values, *([None] * (len(places) - len(values))))
            cut = tuple(at for at, row in enumerate(before[: len(places)]) if not row.get("complete", True))
            units[drawn.column(name).unit].append(Series(said, padded, before=True, open=cut))
    return tuple(_grid(unit, series) for unit, series in units.items())


def _grid(unit: str, series: list[Series]) -> Grid:
    own = [one.name for one in series if not one.before]
    return Grid(
        name=_(", ").join(own) if len(own) < 4 else unit_word(unit).capitalize(),
        unit=unit_word(unit),
        series=tuple(series),
        share=unit == "share",
    )


def _split(drawn: Drawn, places: list[Any], open_: tuple[int, ...]) -> tuple[Grid, ...]:
    """Give the one area of a chart split by a column: the largest values, then the others together."""
    chart, y = drawn.chart, drawn.chart.y[0]
    unit = drawn.column(y).unit
    values: dict[Any, dict[Any, float | None]] = {}
    for row in drawn.rows:
        values.setdefault(row[chart.by], {})[row[chart.x]] = row[y]
    shown, rest = _shown(list(values), values, added=unit in ADDED)
    series = [
        Series(_named(drawn, name), tuple(values[name].get(place) for place in places), open=open_) for name in shown
    ]
    if rest and unit in ADDED:
        summed = tuple(sum(values[name].get(place) or 0 for name in rest) for place in places)
        series.append(Series(str(OTHER), summed, open=open_))
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

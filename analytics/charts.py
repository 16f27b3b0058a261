"""Draw a result as a picture: PNG or PDF, from the same numbers as the table."""

import io
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.colors
import matplotlib.patches
import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analytics.ribbons import ribbons
from sdk.report import Chart, NotSupported, Result
from sdk.text import Text

# Those of the pages, in light (static/omserver/tokens.css); lines differ by dash and dots by shape, too
COLOURS = ("#2B57D0", "#B85205", "#0F7B6C", "#8A3FB5", "#8C6A00", "#BE2568")
TEXT, QUIET, EDGE, RULE = "#1A202B", "#5C6675", "#858F9E", "#E2E6EC"
HEAT = ("#EEF3FE", "#D3E0FC", "#A9C1F7", "#7B9DEF", "#4C75E0", "#2B57D0", "#1C3C9A")
FONTS = ["DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP"]  # a letter that one lacks comes from the next
STYLE: Any = {
    "font.family": FONTS,
    "axes.unicode_minus": False,
    "text.parse_math": False,  # a $ in a name of the data begins no formula
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": EDGE,
    "axes.labelcolor": QUIET,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "text.color": TEXT,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 3,  # 42 calls the Chinese font TrueType, which it is not: strict readers refuse it
    "svg.fonttype": "none",
}
GREY = "#B0B0B0"
LABELS = 20  # on an axis; more would overlap
NAMED = 6  # dots whose names stand beside them
WRITTEN = 150  # cells; more carry no numbers
LINKS = 120  # bands of a Sankey diagram
BARS = 500  # more are drawn as thin lines, in one go: each bar by itself takes some 30 ms
EMPTY = "(empty)"  # a value that says nothing; a line without a name has no legend
DASHES = ("-", "--", ":", "-.")  # where there are more lines than colours
SHAPES = ("o", "^", "D", "s")
Word = Callable[[str], str]
Label = Callable[[Any, str], str]  # of a value of a column


def spoken(name: str) -> str:
    """Give a column's name as words."""
    return name.replace("_", " ")


def as_it_is(value: Any, column: str) -> str:  # noqa: ANN401, ARG001  # a cell
    """Give a row's name, day or hour as the report wrote it."""
    return str(value)


def picture(
    result: Result,
    *,
    title: str,
    form: str,
    zone: str = "",
    column: Word = spoken,
    unit: Word = str,
    label: Label = as_it_is,
) -> bytes:
    """Draw a result by its chart. form: "png" or "pdf". column, unit, label: names and days in the reader's words.

    NotSupported when there is nothing to draw.
    """
    with mpl.rc_context(STYLE):
        drawn = figure(result, title=title, zone=zone, words=_Words(result, column, unit, label))
        out = io.BytesIO()
        stamp = {"CreationDate": None} if form == "pdf" else {"Software": None}  # equal numbers give equal files
        drawn.savefig(out, format=form, dpi=144, metadata=stamp)
        return out.getvalue()


def figure(result: Result, *, title: str, zone: str = "", words: "_Words | None" = None) -> Figure:
    """Draw a result on a figure; see `picture`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not result.chart or not _anything(result, result.chart):
        raise NotSupported(Text("there is nothing to draw in this result; take the table"))
    drawn = Figure(figsize=(9, 5.4), layout="constrained")
    FigureCanvasAgg(drawn)
    DRAW[result.chart.kind](drawn, result, result.chart, words or _Words(result, spoken, str, as_it_is))
    drawn.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", wrap=True)
    notes = [*result.notes, f"Time zone: {zone}" if zone else ""]
    drawn.supxlabel("\n".join(filter(None, notes)), fontsize=7, x=0.01, ha="left", wrap=True, color=QUIET)
    return drawn


def _anything(result: Result, chart: Chart) -> bool:
    """Say whether there is a value to draw."""
    names = [chart.value] if chart.value else chart.y
    return any(row[name] is not None for row in result.named() for name in names)


class _Words:
    """What stands at axes: columns, units and places in words."""

    def __init__(self, result: Result, column: Word, unit: Word, label: Label) -> None:
        self.units = {one.name: one.unit for one in result.columns}
        self.column, self.unit, self.label = column, unit, label

    def places(self, name: str, values: Sequence[Any]) -> list[str]:
        """Name places along an axis."""
        return [self.label(value, name) for value in values]

    def axis(self, name: str) -> str:
        """Name an axis: the column, and its unit unless that says the same or is told by the numbers."""
        word, unit = self.column(name), self.unit(self.units[name]) if self.units[name] else ""
        return f"{word} ({unit})" if unit and unit.lower() != word.lower() and self.units[name] != "share" else word

    def write(self, axis: Any, name: str) -> None:  # noqa: ANN401  # matplotlib's axes of x and y
        """Let an axis write its numbers: shares as percent, thousands grouped."""
        form: Any = matplotlib.ticker.PercentFormatter(1) if self.units[name] == "share" else "{x:,.10g}"
        axis.set_major_formatter(form)


def _line(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    labels, groups = _groups(result, chart, words)
    open_ = _open(result, chart, labels)
    for axes, (name, lines) in zip(_stacked(drawn, len(groups)), groups, strict=True):
        for number, (label, found) in enumerate(lines.items()):
            values = [_number(found.get(place)) for place in labels]
            look: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}
            joined = [float("nan") if at in open_ else value for at, value in enumerate(values)]
            axes.plot(
                range(len(labels)), joined, **look, marker="o" if len(values) < 60 else "", markersize=3, label=label
            )
            rings = [at for at in sorted(open_) if not math.isnan(values[at])]
            ring: dict[str, Any] = {"color": look["color"], "markerfacecolor": "white", "marker": "o", "linestyle": ""}
            if rings:
                axes.plot(rings, [values[at] for at in rings], **ring, markersize=6)
        for first, last in _runs(open_):
            axes.axvspan(first - 0.5, last + 0.5, facecolor="none", edgecolor=GREY, hatch="///", linewidth=0)
        _finish(axes, words, name, lines)
        axes.set_xlim(-0.5, len(labels) - 0.5)  # room for each place, also where it has no value
    _ticks(axes.xaxis, words.places(chart.x, labels))


def _runs(places: Collection[int]) -> list[tuple[int, int]]:
    """Give the first and the last place of each run of neighbours."""
    firsts = sorted(at for at in places if at - 1 not in places)
    return list(zip(firsts, sorted(at for at in places if at + 1 not in places), strict=True))


def _bar(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    labels, groups = _groups(result, chart, words)
    open_, places = _open(result, chart, labels), words.places(chart.x, labels)
    for axes, (name, lines) in zip(_stacked(drawn, len(groups)), groups, strict=True):
        width = 0.8 / len(lines)
        many = len(labels) * len(lines) > BARS
        lying = len(groups) == len(lines) == 1 and max(map(len, places)) > 12 and not many
        for number, (label, found) in enumerate(lines.items()):
            middles = [at + (number - (len(lines) - 1) / 2) * width for at in range(len(labels))]
            values = [_number(found.get(place)) for place in labels]
            if many:
                colours = [GREY if at in open_ else COLOURS[number % len(COLOURS)] for at in range(len(labels))]
                axes.vlines(middles, 0, values, colors=colours, linewidth=0.5, label=label)
                continue
            bars = (axes.barh if lying else axes.bar)(
                middles, values, width, color=COLOURS[number % len(COLOURS)], label=label
            )
            for at in open_:
                bars[at].set(facecolor="white", edgecolor=COLOURS[number % len(COLOURS)], hatch="////")
        if lying:
            axes.invert_yaxis()
            words.write(axes.xaxis, name)
            axes.set_xlabel(words.axis(name))
            axes.grid(axis="x")
            _ticks(axes.yaxis, places, most=40)
            return
        _finish(axes, words, name, lines)
        axes.set_xlim(-0.5, len(labels) - 0.5)
    _ticks(axes.xaxis, places)


def _groups(
    result: Result, chart: Chart, words: _Words
) -> tuple[list[Any], list[tuple[str, dict[str, dict[Any, Any]]]]]:
    """Give the places along x, and for each unit its first column and the lines, by place."""
    labels, lines = _lines(result, chart)
    if chart.by:
        return labels, [
            (chart.y[0], {(words.label(one, chart.by) or EMPTY)[:40]: found for one, found in lines.items()})
        ]
    groups: dict[str, tuple[str, dict[str, dict[Any, Any]]]] = {}
    for name, found in lines.items():
        groups.setdefault(words.units[name], (name, {}))[1][words.column(name)] = found
    return labels, list(groups.values())


def _lines(result: Result, chart: Chart) -> tuple[list[Any], dict[str, dict[Any, Any]]]:
    """Give the places along x, and each line's values by place: one for each y, or of one y for each value of `by`."""
    rows = result.named()
    lines: dict[str, dict[Any, Any]] = {}
    for row in rows:
        for name in chart.y:
            lines.setdefault(str(row[chart.by]) if chart.by else name, {})[row[chart.x]] = row[name]
    return list(dict.fromkeys(row[chart.x] for row in rows)), lines


def _open(result: Result, chart: Chart, labels: Sequence[Any]) -> set[int]:
    """Give the places whose bucket has not ended."""
    if chart.incomplete != "complete":
        return set()
    done = {row[chart.x]: row[chart.incomplete] for row in result.named()}
    return {at for at, label in enumerate(labels) if not done[label]}


def _stacked(drawn: Figure, count: int) -> list[Axes]:
    """Give an area for each unit, one above the other on one axis: never two units in one."""
    heights = [1.6] + [1.0] * (count - 1)
    return list(drawn.subplots(count, 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0])


def _finish(axes: Axes, words: _Words, name: str, lines: Any) -> None:  # noqa: ANN401  # the names
    axes.set_ylim(bottom=min(0, axes.get_ylim()[0] if _below_zero(axes) else 0))
    words.write(axes.yaxis, name)
    axes.set_ylabel(words.axis(name) if len(lines) == 1 else words.unit(words.units[name]))
    axes.grid(axis="y")
    if len(lines) > 1:
        _legend(axes)


def _legend(axes: Axes) -> None:
    """Name what is drawn above its area, where nothing is hidden by it."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=8, borderaxespad=0.2)


def _below_zero(axes: Axes) -> bool:
    return bool(axes.dataLim.y0 < 0)


def _funnel(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    axes, rows = drawn.subplots(), result.named()
    values = [row[chart.y[0]] or 0 for row in rows]
    new = [not at or bool(chart.by and rows[at - 1][chart.by] != rows[at][chart.by]) for at in range(len(rows))]
    lost = [0 if first else max(0, values[at - 1] - values[at]) for at, first in enumerate(new)]
    axes.barh(range(len(rows)), values, color=COLOURS[0])
    axes.barh(range(len(rows)), lost, left=values, facecolor="white", edgecolor=GREY, hatch="////", linewidth=0.6)
    for at, row in enumerate(rows):
        rate = row.get("of_first")
        text = f" {values[at]:,}" + (f"  {rate:.1%}" if rate is not None else "")
        axes.annotate(text, (values[at] + lost[at], at), va="center", fontsize=9)
    axes.set_yticks(
        range(len(rows)),
        [" · ".join(words.label(row[name], name) for name in (chart.by, chart.x) if name) for row in rows],
    )
    axes.invert_yaxis()
    axes.margins(x=0.18)
    words.write(axes.xaxis, chart.y[0])
    axes.set_xlabel(words.axis(chart.y[0]))


def _heatmap(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    axes, rows = drawn.subplots(), result.named()
    across, down = (list(dict.fromkeys(row[name] for row in rows)) for name in (chart.x, chart.y[0]))
    grid = [[float("nan")] * len(across) for _ in down]
    for row in rows:
        x, y = across.index(row[chart.x]), down.index(row[chart.y[0]])
        grid[y][x] = _number(row[chart.value])
        if row[chart.value] is not None and chart.incomplete and not row[chart.incomplete]:
            hatch: dict[str, Any] = {"fill": False, "hatch": "///", "edgecolor": EDGE, "linewidth": 0}
            axes.add_patch(matplotlib.patches.Rectangle((x - 0.5, y - 0.5), 1, 1, **hatch))
    image = axes.imshow(grid, aspect="auto", cmap=matplotlib.colors.ListedColormap(HEAT))
    share = words.units[chart.value] == "share"
    if share and (least := [value for row in grid for value in row if value < 1]):
        image.set_clim(min(least), max(least))  # all of them, a cohort's first day, would leave one colour for the rest
    if len(across) * len(down) <= WRITTEN:
        _write_cells(axes, grid, share=share, clim=image.get_clim())
    form = matplotlib.ticker.PercentFormatter(1) if share else "{x:,.10g}"
    drawn.colorbar(image, ax=axes, label=words.axis(chart.value), format=form)
    _ticks(axes.xaxis, words.places(chart.x, across))
    _ticks(axes.yaxis, words.places(chart.y[0], down))
    axes.set_xlabel(words.axis(chart.x))
    axes.set_ylabel(words.axis(chart.y[0]))


def _write_cells(axes: Axes, grid: list[list[float]], *, share: bool, clim: tuple[float, float]) -> None:
    middle = sum(clim) / 2
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            if not math.isnan(value):
                text = f"{value:.1%}" if share else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
                colour = "white" if value > middle else TEXT
                axes.text(x, y, text, ha="center", va="center", fontsize=7, color=colour)


def _scatter(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    axes, y = drawn.subplots(), chart.y[0]
    rows = [row for row in result.named() if row[chart.x] is not None and row[y] is not None]
    clear = [row for row in rows if not chart.incomplete or row[chart.incomplete]]
    faint = [row for row in rows if chart.incomplete and not row[chart.incomplete]]
    axes.scatter([row[chart.x] for row in faint], [row[y] for row in faint], c=GREY, s=6, alpha=0.5)
    for number, name in enumerate(dict.fromkeys(row.get("quadrant") or "" for row in clear)):
        group = [row for row in clear if (row.get("quadrant") or "") == name]
        look: dict[str, Any] = {
            "color": COLOURS[number % len(COLOURS)],
            "marker": SHAPES[number % len(SHAPES)],
            "s": 14,
            "alpha": 0.8,
        }
        axes.scatter(
            [row[chart.x] for row in group], [row[y] for row in group], **look, label=words.label(name, "quadrant")
        )
    if chart.by:
        for row in sorted(clear, key=lambda row: -row[chart.x])[:NAMED]:
            axes.annotate(f" {str(row[chart.by])[:24]}", (row[chart.x], row[y]), fontsize=7)
    if all(row[chart.x] > 0 for row in rows):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    for axis, name in ((axes.xaxis, chart.x), (axes.yaxis, y)):
        words.write(axis, name)
    axes.set(xlabel=words.axis(chart.x), ylabel=words.axis(y))
    axes.grid()
    if any(row.get("quadrant") for row in clear):
        _legend(axes)


def _sankey(drawn: Figure, result: Result, chart: Chart, words: _Words) -> None:
    rows = sorted(result.named(), key=lambda row: -(row[chart.value] or 0))[:LINKS]
    axes = drawn.subplots()
    nodes = [[words.label(row[name], name) for name in (chart.x, chart.y[0])] for row in rows]
    ribbons(axes, [(*ends, row[chart.value] or 0) for ends, row in zip(nodes, rows, strict=True)], COLOURS)
    axes.set_title(words.axis(chart.value), fontsize=8, loc="left")


DRAW = {"line": _line, "bar": _bar, "funnel": _funnel, "heatmap": _heatmap, "scatter": _scatter, "sankey": _sankey}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _ticks(axis: Any, labels: Sequence[object], *, most: int = 24) -> None:  # noqa: ANN401  # matplotlib has no types
    step = -(-len(labels) // LABELS)
    places = range(0, len(labels), step)
    axis.set_ticks(list(places), [str(labels[place])[:most] for place in places], fontsize=8)
    if axis.axis_name == "x" and max((len(str(labels[p])) for p in places), default=0) > 5:
        for text in axis.get_ticklabels():
            text.set(rotation=30, ha="right", rotation_mode="anchor")  # its end stands at its place

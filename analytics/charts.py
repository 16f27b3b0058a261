"""Draw a result as a picture: PNG or PDF, from the same numbers as the table."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.patches

from analytics.forms import columns_of
from sdk.report import Chart, NotSupported, Result

# Okabe and Ito's colours: told apart by every kind of colour vision
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FONTS = ["Noto Sans CJK SC", "Noto Sans CJK JP", "DejaVu Sans"]
STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": FONTS,
    "axes.unicode_minus": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}
LABELS = 16  # on an axis; more would overlap
DASHES = ("-", "--", ":", "-.")  # where there are more lines than colours


def picture(result: Result, *, title: str, form: str, zone: str = "") -> bytes:
    """Draw a result by its chart. form: "png" or "pdf". NotSupported when there is nothing to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not result.chart or not result.rows:
        raise NotSupported("there is nothing to draw in this result; take the table")
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9, 5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        DRAW[result.chart.kind](axes, result, result.chart)
        axes.set_title(title, loc="left", fontweight="bold")
        notes = [*result.notes, f"Time zone: {zone}" if zone else ""]
        figure.supxlabel("\n".join(filter(None, notes)), fontsize=7, x=0.01, ha="left", wrap=True)
        out = io.BytesIO()
        figure.savefig(
            out, format=form, dpi=144, metadata={"CreationDate": None} if form == "pdf" else {"Software": None}
        )
        return out.getvalue()


def _line(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    labels, lines = _lines(result, chart)
    places = range(len(labels))
    done = {row[chart.x]: row[chart.incomplete] for row in result.named()} if chart.incomplete else {}
    for number, (name, found) in enumerate(lines.items()):
        values = [float("nan") if found.get(label) is None else found[label] for label in labels]
        look = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)]}
        axes.plot(places, values, **look, marker="o" if len(values) < 60 else "", markersize=3, label=name)
        for place in (p for p in places if not done.get(labels[p], True)):
            axes.plot(
                [place - 1, place] if place else [place],
                values[max(place - 1, 0) : place + 1],
                color="white",
                linewidth=2,
                linestyle=(0, (2, 2)),
            )
    _ticks(axes.xaxis, labels)
    axes.set_ylim(bottom=0)
    axes.set_ylabel(_unit(result, chart.y[0]))
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)


def _lines(result: Result, chart: Chart) -> tuple[list[Any], dict[str, dict[Any, Any]]]:
    """Give the places along x, and each line's values by place: one for each y, or of one y for each value of `by`."""
    rows = result.named()
    lines: dict[str, dict[Any, Any]] = {}
    for row in rows:
        for name in chart.y:
            lines.setdefault(str(row[chart.by])[:40] if chart.by else name, {})[row[chart.x]] = row[name]
    return list(dict.fromkeys(row[chart.x] for row in rows)), lines


def _bar(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    found = columns_of(result, [chart.x, *chart.y])
    width = 0.8 / len(chart.y)
    for number, name in enumerate(chart.y):
        values = [value or 0 for value in found[name]]
        places = [place + (number - (len(chart.y) - 1) / 2) * width for place in range(len(values))]
        axes.bar(places, values, width, color=COLOURS[number % len(COLOURS)], label=name)
    _ticks(axes.xaxis, found[chart.x])
    axes.set_ylabel(_unit(result, chart.y[0]))
    axes.grid(axis="y", alpha=0.3)
    if len(chart.y) > 1:
        axes.legend(frameon=False)


def _funnel(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    rows = result.named()
    labels = [" · ".join(str(row[name]) for name in (chart.by, chart.x) if name) for row in rows]
    values = [row[chart.y[0]] for row in rows]
    axes.barh(range(len(rows)), values, color=COLOURS[0])
    for place, row in enumerate(rows):
        rate = row.get("of_first")
        axes.annotate(
            f" {row[chart.y[0]]:,}" + (f"  {rate:.1%}" if rate is not None else ""),
            (row[chart.y[0]], place),
            va="center",
        )
    axes.set_yticks(range(len(rows)), labels)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel(_unit(result, chart.y[0]))


def _heatmap(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    rows = result.named()
    across = list(dict.fromkeys(row[chart.x] for row in rows))
    down = list(dict.fromkeys(row[chart.y[0]] for row in rows))
    grid = [[float("nan")] * len(across) for _ in down]
    for row in rows:
        x, y = across.index(row[chart.x]), down.index(row[chart.y[0]])
        if row[chart.value] is not None:
            grid[y][x] = row[chart.value]
            if chart.incomplete and not row[chart.incomplete]:
                axes.add_patch(
                    mpl.patches.Rectangle(
                        (x - 0.5, y - 0.5), 1, 1, fill=False, hatch="///", edgecolor="grey", linewidth=0
                    )
                )
    image = axes.imshow(grid, aspect="auto", cmap="cividis")
    axes.figure.colorbar(image, ax=axes, label=f"{chart.value} ({_unit(result, chart.value)})")
    _ticks(axes.xaxis, across)
    _ticks(axes.yaxis, down)
    axes.set_xlabel(chart.x)


def _scatter(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    rows = [row for row in result.named() if row[chart.x] is not None and row[chart.y[0]] is not None]
    faint = [bool(chart.incomplete and not row[chart.incomplete]) for row in rows]
    colours = ["#B0B0B0" if grey else COLOURS[0] for grey in faint]
    axes.scatter([row[chart.x] for row in rows], [row[chart.y[0]] for row in rows], c=colours, s=14)
    if chart.by:
        for row in [row for row, grey in zip(rows, faint, strict=True) if not grey][:LABELS]:
            axes.annotate(f" {row[chart.by]}", (row[chart.x], row[chart.y[0]]), fontsize=7)
    axes.set_xlabel(f"{chart.x} ({_unit(result, chart.x)})")
    axes.set_ylabel(f"{chart.y[0]} ({_unit(result, chart.y[0])})")
    axes.grid(alpha=0.3)


def _sankey(axes: Any, result: Result, chart: Chart) -> None:  # noqa: ANN401  # matplotlib has no types
    """Draw the largest links as bars: on paper they are read better than ribbons."""
    links = sorted(result.named(), key=lambda row: -(row[chart.value] or 0))[: 2 * LABELS]
    axes.barh(range(len(links)), [row[chart.value] or 0 for row in links], color=COLOURS[0])
    axes.set_yticks(range(len(links)), [f"{row[chart.x]} → {row[chart.y[0]]}"[:60] for row in links], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(_unit(result, chart.value))


DRAW = {"line": _line, "bar": _bar, "funnel": _funnel, "heatmap": _heatmap, "scatter": _scatter, "sankey": _sankey}


def _ticks(axis: Any, labels: Sequence[object]) -> None:  # noqa: ANN401  # matplotlib has no types
    step = -(-len(labels) // LABELS)
    places = range(0, len(labels), step)
    axis.set_ticks(list(places), [str(labels[place])[:24] for place in places], fontsize=8)
    if axis.axis_name == "x" and max((len(str(labels[p])) for p in places), default=0) > 5:
        axis.set_tick_params(rotation=30)


def _unit(result: Result, name: str) -> str:
    return next(column.unit for column in result.columns if column.name == name)

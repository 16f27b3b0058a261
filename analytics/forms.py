"""The forms a result can take: a table for people, CSV, a pandas frame."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdk.report import Chart, Column, Result

if TYPE_CHECKING:
    import pandas

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def as_csv(result: Result) -> str:
    """Give CSV with a header of names.

    No data is an empty field; a text that a spreadsheet would run gets a ' before it.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(result.names)
    writer.writerows([harmless(value) for value in row] for row in result.rows)
    return out.getvalue()


def harmless(value: Any) -> Any:  # noqa: ANN401  # a cell
    """Put a ' before a text that a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def as_frame(result: Result) -> "pandas.DataFrame":
    """Give a pandas frame; no data is NaN; columns' units stand in `frame.attrs["units"]`."""
    import pandas

    frame = pandas.DataFrame([list(row) for row in result.rows], columns=list(result.names))
    for column in result.columns:
        if column.unit:
            frame[column.name] = pandas.to_numeric(frame[column.name])
    frame.attrs["units"] = {column.name: column.unit for column in result.columns}
    return frame


def as_texts(result: Result) -> tuple[list[str], list[list[str]]]:
    """Give head and rows for people: shares as percent; what is drawn as a heat map as a matrix."""
    if result.chart and result.chart.kind == "heatmap":
        return _matrix(result, result.chart)
    head = [
        f"{column.name} ({column.unit})" if column.unit not in ("", "share") else column.name
        for column in result.columns
    ]
    return head, [
        [_text(value, column) for value, column in zip(row, result.columns, strict=True)] for row in result.rows
    ]


def _matrix(result: Result, chart: Chart) -> tuple[list[str], list[list[str]]]:
    rows = result.named()
    unit = next(column for column in result.columns if column.name == chart.value)
    across = list(dict.fromkeys(row[chart.x] for row in rows))
    down = list(dict.fromkeys(row[chart.y[0]] for row in rows))
    size = "size" if "size" in result.names else ""
    cells = {(row[chart.y[0]], row[chart.x]): row for row in rows}
    table = []
    for label in down:
        here = [cells.get((label, x)) for x in across]
        sizes = [str(next((cell[size] for cell in here if cell), ""))] if size else []
        table.append([str(label), *sizes, *(_cell(cell, chart, unit) for cell in here)])
    return [chart.y[0], *([size] if size else []), *map(str, across)], table


def _cell(cell: dict[str, Any] | None, chart: Chart, unit: Column) -> str:
    if cell is None or cell[chart.value] is None:
        return ""
    unfinished = chart.incomplete and not cell[chart.incomplete] and cell[chart.y[0]] != "mean"
    return _text(cell[chart.value], unit) + ("*" if unfinished else "")


def _text(value: Any, column: Column) -> str:  # noqa: ANN401  # a cell
    if value is None:
        return ""
    if column.unit == "share":
        return f"{value:.1%}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def columns_of(result: Result, names: Sequence[str]) -> dict[str, list[Any]]:
    """Give some columns as lists."""
    return {name: [row[result.names.index(name)] for row in result.rows] for name in names}

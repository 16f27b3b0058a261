"""The contract of reports: one file, a docstring, a frozen Params, a run that gives named columns with units."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeVar

from sdk.describe import fields_of
from sdk.errors import ModuleError
from sdk.fields import Field
from sdk.module import params_of, texts_of
from sdk.text import Text

REPORT = "__omserver_report__"
CHARTS = ("line", "bar", "heatmap", "funnel", "scatter", "sankey")
Run = Callable[..., "Result"]
R = TypeVar("R", bound=Run)


class NotSupported(Exception):
    """The data cannot support this report. The text says what is missing; no number is shown in its place."""

    @property
    def text(self) -> Text:
        """Give the sentence with its template and values."""
        return Text.of(self.args[0] if self.args else "")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result. unit: what its numbers count ("users", "s", "share", ...), "" for a name or a date.

    of: for a share, the columns it was divided from, (numerator, denominator). key: its value tells the row from
    others. listed: behind its numbers stands a list of users, which the report's `users` gives for the row's keys and
    this name.
    """

    name: str
    unit: str = ""
    of: tuple[str, str] | tuple[()] = ()
    key: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """How a result is drawn where nothing else is asked for. x, y, value, by: names of columns.

    kind: line or bar (y over x; several y, or one y split by `by`), heatmap (value over x and y), funnel (y over
    x), scatter (y over x, named by `by`), sankey (value from x to y). incomplete: the column that marks rows drawn
    dashed or hatched.
    """

    kind: str
    x: str
    y: tuple[str, ...]
    value: str = ""
    by: str = ""
    incomplete: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a report gives: the same value feeds table, chart, picture, CSV, JSON and pandas.

    rows: as many values as columns; None where there is no data (an empty denominator, a period that has not ended).
    notes: sentences that belong to the numbers, Texts where a page shall say them in its language. sql: the statements
    asked, with their values. chart: instead of the declared one.
    """

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    notes: tuple[str, ...] = ()
    sql: str = ""
    chart: Chart | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"two columns have one name: {names}")
        if any(len(row) != len(names) for row in self.rows):
            raise ValueError(f"each row has a value for each of {names}")

    def named(self) -> list[dict[str, Any]]:
        """Give each row as a dict by column."""
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]

    @property
    def names(self) -> tuple[str, ...]:
        """Give the columns' names."""
        return tuple(column.name for column in self.columns)

    def is_listed(self, row: Sequence[Any], column: Column) -> bool:
        """Say whether a list of users stands behind a cell: of rows with a unit of their own, those in users."""
        unit = row[self.names.index("unit")] if "unit" in self.names else "users"
        return column.listed and unit == "users" and row[self.columns.index(column)] is not None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What `@report(...)` was given.

    needs: what a dataset must have, of item, category, amount, order, channel or a role.
    """

    category: str
    needs: tuple[str, ...]
    chart: Chart | None


@dataclass(frozen=True, slots=True)
class Report:
    """A report file, read. title: the docstring's first line without its full stop; help: the definition below it.

    users: the file's own `users(data, params, at)`, which gives the list of users behind a number; None where it
    has none.
    """

    name: str
    title: str
    help: str
    declaration: Declaration
    params: type
    fields: tuple[Field, ...] = field(repr=False)
    run: Run = field(repr=False)
    users: Callable[..., Any] | None = field(repr=False, default=None)


def report(*, category: str = "general", needs: Sequence[str] = (), chart: Chart | None = None) -> Callable[[R], R]:
    """Mark `run(data, params)` as a report's entry. ModuleError on a wrong value."""
    if chart and chart.kind not in CHARTS:
        raise ModuleError(f"the chart is {chart.kind!r}; choose one of {', '.join(CHARTS)}")
    declaration = Declaration(category, tuple(needs), chart)

    def mark(run: R) -> R:
        setattr(run, REPORT, declaration)
        return run

    return mark


def read_report(name: str, loaded: ModuleType) -> Report:
    """Read what a loaded report file declares; ModuleError says what is missing and what to write."""
    run = getattr(loaded, "run", None)
    declaration = getattr(run, REPORT, None)
    if not callable(run) or not isinstance(declaration, Declaration):
        raise ModuleError(
            "there is no run decorated with @report; write @report(category=...) above def run(data, params)"
        )
    params = params_of(loaded)
    if list(inspect.signature(run).parameters) != ["data", "params"]:
        raise ModuleError("run must take (data, params)", run.__code__.co_firstlineno)
    title, text = texts_of(loaded)
    if not title or not text:
        raise ModuleError("the docstring's first line is the title, the rest the definition; one of them is missing", 1)
    return Report(
        name=name,
        title=title,
        help=text,
        declaration=declaration,
        params=params,
        fields=fields_of(params),
        run=run,
        users=getattr(loaded, "users", None),
    )


def share(numerator: float | None, denominator: float | None) -> float | None:
    """Divide; None where there is nothing to divide by: no data is not 0 %."""
    return numerator / denominator if numerator is not None and denominator else None


def plain(params: Any) -> Mapping[str, Any]:  # noqa: ANN401  # any Params
    """Give a Params' values by name, defaults included."""
    return {name: getattr(params, name) for name in params.__dataclass_fields__}

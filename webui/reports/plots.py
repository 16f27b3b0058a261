"""What the browser draws: a plot as JSON, made on the server from a report's result, so that all words are translated.

Nothing here knows ECharts; static/omserver/reports/plot.js turns a Plot into its options. Values are numbers or null
(no data). A share is 0..1 and shown in percent.
"""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one row of bars; a value for each place of x.

    before: it is the time compared with, drawn thin and dashed. open: the places whose bucket has not ended (those of
    the plot, where it is empty); a line does not join them. flags: places out of the usual, drawn as a red ring with
    the value beside it.
    """

    name: str
    values: tuple[float | None, ...]
    before: bool = False
    open: tuple[int, ...] = ()
    urls: tuple[str | None, ...] = ()  # where a click on each value leads
    flags: tuple[int, ...] = ()
    key: str = ""  # the column it is of; days found unusual elsewhere on the page are flagged by it


@dataclass(frozen=True, slots=True)
class Grid:
    """One plot area over the shared x: PV and UV get one each. Never two units in one."""

    name: str
    unit: str
    series: tuple[Series, ...]
    share: bool = False
    rules: tuple[tuple[float, str, int | None], ...] = ()  # horizontal lines: value, label; at one place, or all along


@dataclass(frozen=True, slots=True)
class Mark:
    """A task or a note on the time axis. at: place on x with its fraction, 3.25 is a quarter into the fourth bucket."""

    at: float
    label: str  # A, B, .. for tasks; 1, 2, .. for notes
    kind: str  # "task" or "note"
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Point:
    """One dot of a scatter. faint: too few to judge, drawn grey. group: its quadrant, which gives shape and colour."""

    x: float
    y: float
    name: str
    group: str = ""
    faint: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a heat map, by its places on x and y."""

    x: int
    y: int
    value: float | None
    open: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One band of a Sankey diagram."""

    source: str
    target: str
    value: float
    url: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot. sentence: what it shows, in one sentence with numbers, read to who cannot see it.

    kind: line, bar, heatmap, scatter, funnel, sankey. x: a label for each place. times: of each place, its
    beginning in Unix seconds, where x is time. For a scatter the x axis is logarithmic where log is set; for a funnel
    grids[0].series[0] holds the users of each step, and the urls of series[1], if there is one, those who dropped off.
    At most six series in a grid; the server sums the rest up as "other".

    words, all optional: no_data ("no data"), open ("day not over: to 14:30"), this ("this period", named in the legend
    beside what it is compared with), went_on and dropped (funnel), faint ("under 30 UV", scatter).
    """

    kind: str
    sentence: str
    x: tuple[str, ...] = ()
    x_name: str = ""
    ticks: tuple[str, ...] = ()  # what stands at the axis for x, where that is shorter
    y: tuple[str, ...] = ()  # labels of a heat map's rows; of a scatter its groups, where some may have no point
    y_name: str = ""
    times: tuple[int, ...] = ()
    grids: tuple[Grid, ...] = ()
    open: tuple[int, ...] = ()  # places whose bucket has not ended, drawn hatched
    marks: tuple[Mark, ...] = ()
    points: tuple[Point, ...] = ()
    cuts: tuple[tuple[str, float, str], ...] = ()  # of a scatter: ("x" or "y", value, label)
    cells: tuple[Cell, ...] = ()
    links: tuple[Link, ...] = ()
    unit: str = ""  # of cells, points' y and links
    share: bool = False
    log: bool = False
    low: bool = False  # it stands beside something low
    words: dict[str, str] = field(default_factory=dict)  # what the drawing itself says: "no data", "not over yet"

    @property
    def blank(self) -> bool:
        """Say whether it would show nothing: there is no number in it but zeros."""
        lines = [value for grid in self.grids for one in grid.series for value in one.values]
        return not any((*lines, *(cell.value for cell in self.cells), *self.points, *self.links))

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return asdict(self)

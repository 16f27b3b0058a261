"""What a source's first rows look like before anything is imported: likely columns, times, behaviours, faults.

It judges as the import will (analytics.importing.stage); a test holds the two against each other.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from analytics import dataset
from analytics.dataset import Kind
from analytics.importing import mapping as mappings
from analytics.importing.blocks import Source
from analytics.importing.fields import ENDLESS
from analytics.importing.mapping import Columns
from analytics.store.schema import RESERVED

if TYPE_CHECKING:
    from analytics.importing.csv_file import CsvFile

SHOWN = 12  # rows of the table that a page shows
SECOND, MILLI, MICRO, TEXT = "s", "ms", "us", "text"
LARGEST = 2**63
NUMBER = re.compile(r"[-+]?\d{1,19}", re.ASCII)
FRACTION = re.compile(r"-?\d{1,11}\.\d+", re.ASCII)
ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([ T](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)([.,](?P<fraction>\d{1,9}))?)?"
    r"( ?(?P<offset>Z|UTC|[+-]\d\d:?\d\d))?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The first rows of a source. likely: field -> column. total: its rows, None where nobody knows; exact or about."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    likely: Mapping[str, str]
    total: int | None = None
    exact: bool = False

    @property
    def shown(self) -> list[list[str]]:
        """Give the rows that a page shows."""
        return [[cell[:200] for cell in row] for row in self.rows[:SHOWN]]

    def values(self, column: str) -> list[str]:
        """Give a column's values; rows that are no rows are left out."""
        place = self.columns.index(column)
        return [row[place].strip(" ") for row in self.rows if len(row) == len(self.columns)]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as it was written and read. unit: s, ms, us or text."""

    text: str
    ts: float
    unit: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What the import would make of the first rows. faults: reason -> (rows, an example)."""

    rows: int
    good: int
    first: Moment | None
    faults: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    behaviours: Mapping[str, int] = field(default_factory=dict)


def look(source: Source) -> Seen:
    """Read the first rows; ImportFault where that fails."""
    rows = source.sample()
    likely = mappings.guessed(source.columns, rows, named=getattr(source, "named", True))
    total, exact = _total(source, rows)
    return Seen(tuple(source.columns), rows, likely, total if exact else _about(total), exact)


def judged(seen: Seen, columns: Columns, zone: ZoneInfo, valid: tuple[int, int]) -> Judged:
    """Say what becomes of the first rows. valid: Unix seconds, half-open."""
    places = {name: seen.columns.index(column) for name, column in columns.fields.items()}
    numbers = _numbers(seen, columns)
    faults: dict[str, list[str]] = {}
    behaviours: Counter[str] = Counter()
    first: Moment | None = None
    for row in seen.rows:
        cells = {name: row[place].strip(" ") for name, place in places.items()} if len(row) == len(seen.columns) else {}
        read = moment(cells["ts"], zone) if cells else None
        first = first or read
        if cells and cells["behaviour"]:
            behaviours[cells["behaviour"]] += 1
        why, text = _why(cells, read, numbers, valid)
        if why:
            faults.setdefault(why, []).append(text)
    bad = sum(map(len, faults.values()))
    told = {why: (len(texts), texts[0][:80]) for why, texts in faults.items()}
    return Judged(len(seen.rows), len(seen.rows) - bad, first, told, dict(behaviours.most_common()))


def moment(text: str, zone: ZoneInfo) -> Moment | None:
    """Read a time as the import does; None where it is none. A whole number's size tells its unit."""
    if NUMBER.fullmatch(text) and -LARGEST <= int(text) < LARGEST:
        number = int(text)
        seconds, millis = abs(number) < ENDLESS, abs(number) < ENDLESS * 1000
        unit, times = (SECOND, 1) if seconds else (MILLI, 10**3) if millis else (MICRO, 10**6)
        return Moment(text, number / times, unit)
    if FRACTION.fullmatch(text):
        return Moment(text, float(text), SECOND)
    ts = _written(text, zone)
    return None if ts is None else Moment(text, ts, TEXT)


def _written(text: str, zone: ZoneInfo) -> float | None:
    """Read ISO 8601 text as the store does: it carries 25:00 and 10:60 over, and goes back where clocks skip."""
    found = ISO.fullmatch(text)
    if not found:
        return None
    try:
        at = datetime.combine(date.fromisoformat(found["day"]), datetime.min.time())
        at += timedelta(
            hours=int(found["hour"] or 0), minutes=int(found["minute"] or 0), seconds=int(found["second"] or 0)
        )
        fraction = float(f"0.{found['fraction'] or 0}")
        if offset := found["offset"]:
            return at.replace(tzinfo=UTC).timestamp() - _seconds(offset) + fraction
        if not 2 < at.year < 9999:  # a zone may lead out of the calendar there; no row is of such a time
            zone = ZoneInfo("UTC")
        there = at.replace(tzinfo=zone)
        skipped = there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != at
        return there.replace(fold=1 if skipped else 0).timestamp() + fraction
    except (ValueError, OverflowError):
        return None


def _seconds(offset: str) -> int:
    """Give what a written offset adds to UTC."""
    if offset in ("Z", "UTC"):
        return 0
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    return (hours * 3600 + minutes * 60) * (-1 if offset[0] == "-" else 1)


def local(ts: float, zone: ZoneInfo) -> datetime | None:
    """Give the local time of a second; None where no calendar has it."""
    try:
        return dataset.local(ts, zone)
    except (ValueError, OverflowError, OSError):
        return None


def dimension_names(columns: Sequence[str]) -> dict[str, str]:
    """Give each column a name as a dimension: its own where it can be one, else the nearest that is free."""
    names: dict[str, str] = {}
    for column in columns:
        plain = re.sub(r"\W+", "_", column.strip().lower()).strip("_")[:50] or "column"
        taken = {*names.values(), *RESERVED, *mappings.FIELDS, *mappings.SPELLINGS}
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        names[column] = name
    return names


def _why(
    cells: Mapping[str, str], read: Moment | None, numbers: frozenset[str], valid: tuple[int, int]
) -> tuple[str, str]:
    """Give why a row is none, and the text that says so; ("", "") where it is one."""
    if not cells:
        return "columns", ""
    if not cells["user"]:
        return "user", ""
    for name in ("user", "item", "category"):
        if name in numbers and cells.get(name) and not NUMBER.fullmatch(cells[name]):
            return name, cells[name]
    if not cells["behaviour"]:
        return "behaviour", ""
    if read is None:
        return "time", cells["ts"]
    return ("", "") if valid[0] <= read.ts < valid[1] else ("range", cells["ts"])


def _numbers(seen: Seen, columns: Columns) -> frozenset[str]:
    layout = mappings.layout_of(columns, seen.columns, seen.rows)
    return frozenset(name for name in mappings.IDS if getattr(layout, name) is Kind.NUMBER)


def _total(source: Source, rows: Sequence[Sequence[str]]) -> tuple[int | None, bool]:
    """Give how many rows there are, and whether that is exact."""
    from analytics.importing.csv_file import CsvFile  # pyarrow, which the pages begin without
    from analytics.importing.mysql.rows import MySqlRows
    from analytics.importing.parquet import ParquetFile

    if isinstance(source, MySqlRows):
        return source.about()
    if isinstance(source, ParquetFile):
        return source.total, True
    if isinstance(source, CsvFile) and source.path.suffix != ".gz" and rows:
        width = sum(sum(len(cell.encode()) + 1 for cell in row) for row in rows) / len(rows)
        whole = _lines_of(source)
        return (whole - bool(source.named), True) if whole is not None else (int(source.size / width), False)
    return None, False


def _about(number: int | None) -> int | None:
    """Give an estimate by its first two digits."""
    return None if number is None else round(number, 2 - len(str(number)))


def _lines_of(source: "CsvFile") -> int | None:
    """Count the lines of a small file; None of a large one."""
    if source.size > 16 << 20:
        return None
    with source.opened() as file:
        return sum(1 for line in file.read().splitlines() if line)

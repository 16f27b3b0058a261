"""A dataset as the core sees it: what its columns mean, where its rows lie, and until when they are there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
ROLES = ("view", "fav", "cart", "buy")
RANKS = {role: number for number, role in enumerate(ROLES, 1)}
OWN = 9  # the rank of a behaviour without a role: after all others of its second
DAY = 86_400  # seconds
MARK = "@"  # of the columns of dimensions; no word of SQL begins with it


class Kind(StrEnum):
    """How a column's values are kept."""

    NUMBER = "number"  # whole, 64 bits
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Layout:
    """How a dataset's rows are kept. ids: the kind of user, item and category; dimensions: further columns by name.

    mark: what the store's columns of dimensions begin with, that no name in a report's SQL is taken for one; "" in
    datasets made before there was any.
    """

    user: Kind = Kind.NUMBER
    item: Kind = Kind.NUMBER
    category: Kind = Kind.NUMBER
    dimensions: tuple[tuple[str, Kind], ...] = ()
    mark: str = ""

    def column(self, dimension: str) -> str:
        """Give the store's column of a dimension."""
        return self.mark + dimension

    def as_dict(self) -> dict[str, object]:
        """Give JSON values."""
        ids = {"user": self.user.value, "item": self.item.value, "category": self.category.value}
        return {**ids, "dimensions": [[name, kind.value] for name, kind in self.dimensions], "mark": self.mark}

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> "Layout":
        """Read what as_dict gave."""
        ids = {name: Kind(str(plain[name])) for name in ("user", "item", "category")}
        dimensions = tuple((str(name), Kind(kind)) for name, kind in plain["dimensions"])  # type: ignore[attr-defined]
        return cls(**ids, dimensions=dimensions, mark=str(plain.get("mark", "")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One dataset at one version. Times are Unix seconds; `valid` is half-open; first_ts and last_ts are rows' own.

    read_ts: when the newest of its imports began, 0 where nothing is known of that.
    roles: behaviour -> view, fav, cart or buy; others are behaviours of their own. activity: the behaviours that
    count as activity, all when empty. mapped: which of item, category, amount, order, channel and the dimensions
    the source has; registered_channel where the users table has channels. people_version, people: of the users table,
    its number, 0 where there is none, and its users.
    """

    name: str
    zone: str = "UTC"
    version: int = 0
    stamp: str = ""  # tells it from one of the same name that was removed
    layout: Layout = field(default_factory=Layout)
    roles: Mapping[str, str] = field(default_factory=dict)
    roles_given: bool = False  # by a person; else they are guessed from the codes' names
    activity: tuple[str, ...] = ()
    mapped: frozenset[str] = frozenset()
    valid: tuple[int | None, int | None] = (None, None)
    first_ts: int = 0
    last_ts: int = 0
    read_ts: int = 0
    rows: int = 0
    users: int = 0
    behaviours: Mapping[str, int] = field(default_factory=dict)
    people_version: int = 0
    people: int = 0

    @property
    def zoneinfo(self) -> ZoneInfo:
        """Give its time zone."""
        return ZoneInfo(self.zone)

    @property
    def end(self) -> int:
        """Give the second until which its rows are complete.

        The end of the valid range once rows of its last day are there (nobody acts in the very last second of a day);
        else the second after the last row. Never after they were read: of rows whose clock is fast the others are
        still to come.
        """
        high, end = self.valid[1], self.last_ts + 1
        if high is not None and high - DAY <= self.last_ts < high:
            end = high
        return min(end, self.read_ts or end)

    def ranks(self) -> dict[str, int]:
        """Give the rank of each behaviour that has a role."""
        return {behaviour: RANKS[role] for behaviour, role in self.roles.items()}

    def day_of(self, ts: int) -> date:
        """Give the local day of a second."""
        return self.local(ts).date()

    def local(self, ts: int) -> datetime:
        """Give the local time of a second, with its zone."""
        return local(ts, self.zoneinfo)

    def start_of(self, day: date) -> int:
        """Give the first second of a local day."""
        return start_of(day, self.zoneinfo)

    @property
    def first_day(self) -> date:
        """Give the local day of its first row."""
        return self.day_of(self.first_ts)

    @property
    def end_day(self) -> date:
        """Give the local day after that of its last row."""
        return self.day_of(self.last_ts) + timedelta(1)


def local(ts: float, zone: ZoneInfo) -> datetime:
    """Give the local time of a second, with its zone."""
    return datetime.fromtimestamp(ts, UTC).astimezone(zone)


def start_of(day: date, zone: ZoneInfo) -> int:
    """Give the first second of a local day; where the clock skips midnight, the second it skips to."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())

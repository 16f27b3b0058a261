"""One user's events, newest first, in visits as the report `visits` has them; bounded however many there are."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.dataset import Dataset, Kind
from analytics.purchases import PURCHASES
from analytics.store.client import Store
from analytics.store.names import quoted
from analytics.store.schema import Tables

GAP = 30 * 60  # seconds without an event, after which a new visit begins
NEWEST = 20_000  # events that are looked at
LARGEST = 2**63
FACTS = """
SELECT behaviour, any(role) AS role, count() AS events, min(ts) AS first, max(ts) AS last
FROM {event}
WHERE user_id = {{user:{type}}}
GROUP BY behaviour
ORDER BY events DESC, behaviour
"""
TIMES = "SELECT ts FROM {event} WHERE user_id = {{user:{type}}} ORDER BY ts DESC LIMIT {{most:UInt32}}"
EVENTS = """
SELECT ts, behaviour, item_id, category_id, amount, order_id, channel{more}
FROM {event}
WHERE user_id = {{user:{type}}}
    AND (empty({{only:Array(String)}}) OR behaviour IN {{only:Array(String)}})
    AND ts >= {{low:Int64}}
ORDER BY ts DESC, role DESC, micro DESC
LIMIT {{most:UInt32}} OFFSET {{after:UInt32}}
"""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How often a user did one thing."""

    code: str
    role: int
    events: int


@dataclass(frozen=True, slots=True)
class Visit:
    """A longest run of events without a gap of more than 30 minutes. number: the first of those looked at is 1."""

    number: int
    first: int
    last: int
    events: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one user. visits: of the newest events, as many as `looked_at`, the newest visit first."""

    events: int
    first: int
    last: int
    behaviours: tuple[Behaviour, ...]
    purchases: int
    spent: float
    visits: tuple[Visit, ...] = field(default=())
    looked_at: int = 0

    @property
    def all_looked_at(self) -> bool:
        """Say whether none of the events was too old to be looked at."""
        return self.looked_at >= self.events

    def visit_of(self, ts: int) -> Visit | None:
        """Give the visit of an event."""
        place = bisect_left(self.visits, -ts, key=lambda visit: -visit.first)  # the newest that began by then
        return self.visits[place] if place < len(self.visits) and ts <= self.visits[place].last else None


class User:
    """One user of one version of a dataset."""

    def __init__(self, store: Store, dataset: Dataset, user: str) -> None:
        self._store, self._dataset = store, dataset
        number = dataset.layout.user is Kind.NUMBER
        self.known = not number or _is_number(user)
        self._user: int | str = int(user) if number and self.known else user
        self._event = Tables(store, dataset.name).event(dataset.version)
        self._type = "Int64" if number else "String"

    def facts(self) -> Facts | None:
        """Give what is known of the user; None where nobody of that name did anything."""
        rows = self._ask(FACTS) if self.known else []
        if not rows:
            return None
        times = [int(row["ts"]) for row in self._ask(TIMES, most=NEWEST)]
        (bought,) = self._ask(_PURCHASES)
        return Facts(
            events=sum(row["events"] for row in rows),
            first=min(row["first"] for row in rows),
            last=max(row["last"] for row in rows),
            behaviours=tuple(Behaviour(row["behaviour"], row["role"], row["events"]) for row in rows),
            purchases=bought["purchases"],
            spent=bought["spent"],
            visits=visits(times),
            looked_at=len(times),
        )

    def events(self, facts: Facts, *, only: Sequence[str], after: int, most: int) -> list[dict[str, Any]]:
        """Give some events, newest first; a dimension under its name. only: these behaviours, all when empty."""
        layout = self._dataset.layout
        low = facts.visits[-1].first if facts.visits else 0
        more = "".join(f", {quoted(layout.column(name))} AS {quoted(name)}" for name, _ in layout.dimensions)
        return self._ask(EVENTS.replace("{more}", more), only=list(only), after=after, most=most, low=low)

    def _ask(self, sql: str, **bind: Any) -> list[dict[str, Any]]:
        asked = sql.format(event=self._event, type=self._type)
        return self._store.ask(asked, {"user": self._user, **bind}).named()


_PURCHASES = (
    "SELECT count() AS purchases, toFloat64(sum(amount)) AS spent FROM ("
    + PURCHASES.replace("$event", "{event}").replace("$buy", "role = 4").replace("$scope", "user_id = {{user:{type}}}")
    + ")"
)


def visits(times: Sequence[int]) -> tuple[Visit, ...]:
    """Cut events into visits, the newest first. times: Unix seconds, newest first."""
    runs: list[list[int]] = []
    for ts in reversed(times):
        if runs and ts - runs[-1][1] <= GAP:
            runs[-1][1] = ts
            runs[-1][2] += 1
        else:
            runs.append([ts, ts, 1])
    return tuple(Visit(number, *run) for number, run in reversed(list(enumerate(runs, 1))))


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdecimal() and len(digits) < 20 and -LARGEST <= int(text) < LARGEST

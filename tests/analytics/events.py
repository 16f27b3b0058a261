"""Small random sets of events, and how they get into the store without an import."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from hypothesis import strategies as st

from analytics.dataset import OWN, RANKS, Dataset, Kind, Layout
from analytics.store.client import Store
from analytics.store.schema import Column, Tables, event_columns

ROLES = {"pv": "view", "fav": "fav", "cart": "cart", "buy": "buy"}
BEHAVIOURS = (*ROLES, "share")
# Each with a second in the days around a change of its clocks, or with an odd offset; Samoa left out a whole day.
ZONES = {
    "UTC": 1_511_539_200,
    "Asia/Shanghai": 1_511_539_200,
    "Europe/Berlin": 1_509_141_600,
    "America/New_York": 1_520_553_600,
    "America/Sao_Paulo": 1_541_041_200,
    "America/Havana": 1_541_041_200,
    "Australia/Lord_Howe": 1_522_490_400,
    "Asia/Kathmandu": 1_511_539_200,
    "Africa/Cairo": 1_682_460_000,
}
LAYOUT = Layout(dimensions=(("city", Kind.TEXT),))
MAPPED = frozenset({"item", "category", "amount", "order", "channel", "city"})


class Event(NamedTuple):
    """A row, its columns in the order in which a user's rows of one second are taken."""

    user: int
    ts: int
    role: int
    micro: int
    item: int
    category: int
    behaviour: str
    amount: Decimal
    order: str
    channel: str
    city: str


class Person(NamedTuple):
    """A row of the users table."""

    user: int
    registered: int
    channel: str


def registrations(zone: str) -> st.SearchStrategy[list[Person]]:
    """Give users tables: some users with events, some without, registered before, among and after the events."""
    person = st.builds(
        Person,
        st.integers(1, 6),
        st.integers(-3 * 86_400, 12 * 86_400).map(lambda after: ZONES[zone] + after),
        st.sampled_from(["ads", "mail", ""]),
    )
    return st.lists(person, min_size=1, max_size=6, unique_by=lambda p: p.user)


@st.composite
def histories(draw: st.DrawFn, *, most: int = 25, span_days: int = 8) -> tuple[str, list[Event]]:
    """Give a zone and distinct events in the days after a second of it.

    Few users, items and seconds, so that they meet.
    """
    zone = draw(st.sampled_from(sorted(ZONES)))
    moments = st.one_of(
        st.integers(0, span_days * 86_400 - 1),
        st.builds(
            lambda d, s: d * 86_400 + s, st.integers(0, span_days - 1), st.sampled_from([0, 1, 59, 3600, 3601, 86_399])
        ),
    )
    event = st.builds(
        lambda user, after, item, behaviour, order, channel, city: Event(
            user,
            ZONES[zone] + after,
            RANKS.get(ROLES.get(behaviour, ""), OWN),
            0,
            item,
            item % 2,
            behaviour,
            Decimal(item) if behaviour == "buy" else Decimal(0),
            order if behaviour == "buy" else "",
            channel,
            city,
        ),
        st.integers(1, 4),
        moments,
        st.integers(1, 3),
        st.sampled_from(BEHAVIOURS),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from(["ads", "mail"]),
        st.sampled_from(["Berlin", "北京", "O'Hare; --"]),
    )
    return zone, draw(st.lists(event, min_size=1, max_size=most, unique=True))


def stored(
    store: Store,
    zone: str,
    events: Sequence[Event],
    *,
    activity: tuple[str, ...] = (),
    high: int | None = None,
    rollup: bool = True,
    people: Sequence[Person] = (),
) -> Dataset:
    """Put events into the store as the only version of a dataset `random`, and give that. people: its users table."""
    tables = Tables(store, "random")
    columns = event_columns(LAYOUT)
    if not getattr(store, "has_random", False):
        tables.create_database()
        tables.drop_version(1)
        tables.create("event_v1", columns, "(user_id, ts, role)")
        store.has_random = True  # type: ignore[attr-defined]  # of this session's store
    store.run(f"TRUNCATE TABLE {tables.event(1)}")
    text = "".join("\t".join(map(str, event)) + "\n" for event in events)
    store.insert(tables.event(1), [column.name for column in columns], text.encode(), "TabSeparated")
    times = [event.ts for event in events]
    dataset = Dataset(
        name="random",
        zone=zone,
        version=1,
        layout=LAYOUT,
        roles=ROLES,
        activity=activity,
        mapped=MAPPED,
        valid=(None, high),
        first_ts=min(times),
        last_ts=max(times),
        rows=len(events),
        users=len({event.user for event in events}),
        behaviours=dict(Counter(event.behaviour for event in events)),
    )
    if people:
        dataset = _with(store, tables, dataset, people)
    if rollup:
        tables.build_rollups(dataset, 1)
    return dataset


def _with(store: Store, tables: Tables, dataset: Dataset, people: Sequence[Person]) -> Dataset:
    columns = (Column("user_id", "Int64"), Column("registered_at", "Int64"), Column("channel", "String"))
    tables.drop("people_v1")
    tables.create("people_v1", columns, "user_id")
    text = "".join("\t".join(map(str, person)) + "\n" for person in people)
    store.insert(tables.people(1), [column.name for column in columns], text.encode(), "TabSeparated")
    return replace(dataset, people_version=1, people=len(people), mapped=dataset.mapped | {"registered_channel"})

"""A dataset as an import leaves it, of as many views in each hour as a test says."""

from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables, event_columns
from tests.analytics.events import LAYOUT, MAPPED, ROLES, Event

START = 1_509_494_400  # 2017-11-01 in UTC, a Wednesday
HOUR, DAY = 3600, 86_400
VIEW = Event(1, START, 1, 0, 1, 1, "pv", 0, "", "mail", "Berlin")  # type: ignore[arg-type]


def publish(
    store: Store,
    rates: list[int],
    *,
    name: str = "shop",
    buys: int = 0,
    users: int = 50,
    zone: str = "UTC",
    start: int = START,
    generated: bool = False,
) -> Dataset:
    """Make the next version of a dataset: that many views in each hour from the start, the last hour over.

    The n-th view of an hour is by user n % users; the first `buys` views are bought too.
    """
    views = [
        VIEW._replace(ts=start + hour * HOUR + n, user=n % users)
        for hour, rate in enumerate(rates)
        for n in range(rate)
    ]
    events = [*views, *(view._replace(role=4, behaviour="buy") for view in views[:buys])]
    row = Dataset.objects.get_or_create(name=name, defaults={"zone": zone, "generated": generated})[0]
    version = row.version + 1
    _write(Tables(store, name), version, events)
    times = [event.ts for event in events]
    Dataset.objects.filter(pk=row.pk).update(
        version=version,
        layout=LAYOUT.as_dict(),
        roles=ROLES,
        mapping={"fields": {one: one for one in MAPPED - {"city"}}, "dimensions": {"city": ["city", "text"]}},
        rows=len(events),
        users=users,
        first_ts=min(times),
        last_ts=max(times),
        valid_to=start + len(rates) * HOUR,
        behaviours={"pv": len(views)},
    )
    row.refresh_from_db()
    Tables(store, name).build_rollups(row.as_core(), version)
    return row


def _write(tables: Tables, version: int, events: list[Event]) -> None:
    tables.create_database()
    tables.drop_version(version)
    columns = event_columns(LAYOUT)
    tables.create(f"event_v{version}", columns, "(user_id, ts, role)")
    text = "".join("\t".join(map(str, event)) + "\n" for event in events)
    tables.store.insert(tables.event(version), [column.name for column in columns], text.encode(), "TabSeparated")

"""A dataset whose categories have names that people wrote, with what browsers and stores might take for their own."""

import json

from analytics.dataset import Kind, Layout
from analytics.models import Dataset
from analytics.store.client import Store
from analytics.store.schema import Tables, event_columns

HOSTILE = (
    "</script><b>x",
    "O'Hare; --",
    '"><img src=x>',
    "{x:String} $event",
    "a,b",
    "50%",
    "北京 手机",
    "javascript:x",
)
START = 1_511_539_200  # 2017-11-25 08:00 in Shanghai
ROLES = {"pv": "view", "cart": "cart", "buy": "buy"}


def publish(store: Store) -> Dataset:
    """Make the dataset `named`: category n has 4 + n viewers, of whom n buy, one item for each two users."""
    layout, tables = Layout(category=Kind.TEXT), Tables(store, "named")
    tables.create_database()
    tables.drop_version(1)
    tables.create("event_v1", event_columns(layout), "(user_id, ts, role)")
    names = [column.name for column in event_columns(layout)]
    events = []
    for n, category in enumerate(HOSTILE):
        for user in range(4 + n):
            done = ["pv", "cart", "buy"] if user < n else ["pv"]
            events += [
                (user, START + 86_400 * (user % 3) + at, code, category, user // 2) for at, code in enumerate(done)
            ]
    lines = [json.dumps(_row(names, *event)) for event in events]
    store.insert(tables.event(1), names, "\n".join(lines).encode(), "JSONEachRow")
    times = [event[1] for event in events]
    return Dataset.objects.create(
        name="named",
        zone="Asia/Shanghai",
        version=1,
        layout=layout.as_dict(),
        roles=ROLES,
        mapping={"fields": {"item": "item", "category": "category"}, "dimensions": {}},
        rows=len(events),
        users=4 + len(HOSTILE),
        first_ts=min(times),
        last_ts=max(times),
        behaviours={code: sum(event[2] == code for event in events) for code in ROLES},
    )


def _row(names: list[str], user: int, ts: int, code: str, category: str, item: int) -> dict[str, object]:
    row = {"user_id": user, "ts": ts, "role": {"pv": 1, "cart": 3, "buy": 4}[code], "micro": 0, "item_id": item}
    row |= {"category_id": category, "behaviour": code, "amount": 0, "order_id": "", "channel": ""}
    return {name: row[name] for name in names}

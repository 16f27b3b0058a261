"""The laws of METRICS: reports agree with each other, in every zone, in every form, however the rows came."""

import csv
import io
import math
import random
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import catalog, forms
from analytics.dataset import Dataset
from analytics.importing.mysql.rows import MySqlRows
from analytics.importing.mysql.server import Address
from analytics.services import Request, import_rows
from analytics.store.client import Store
from analytics.store.schema import Tables
from sdk.report import NotSupported, Result
from tests.analytics.events import ROLES, Event, histories, stored
from tests.analytics.test_import import NOW, lines, written
from tests.analytics.test_reports import ask, by, often
from tests.fleet.mariadb import MariaDb

MORE: dict[str, list[dict[str, Any]]] = {
    "activity": [{"by": by} for by in ("week", "hour", "hour of week")],
    "trends": [{"breakdown": "category", "top": 2}],
    "retention": [{"kind": "unbounded", "membership": "recurring"}, {"count": "24 hours"}],
    "funnel": [{"order": "any", "times": False}, {"order": "strict", "same": "nothing"}],
    "repurchase": [{"show": "intervals"}],
    "rfm": [{"show": "grid"}],
    "quadrant": [{"of": "item", "least": 1}],
    "pareto": [{"of": "item"}, {"show": "summary"}],
    "visits": [{"by": "hour of day"}],
}
ASKED = [(name, raw) for name in catalog.names() for raw in [{}, *MORE.get(name, [])]]


def total(rows: list[dict[str, Any]], column: str) -> float:
    return sum(row[column] or 0 for row in rows)


@often
@given(histories(span_days=40), st.sampled_from([(), ("pv", "buy")]))
def test_reports_agree_with_each_other(
    store: Store, history: tuple[str, list[Event]], activity: tuple[str, ...]
) -> None:
    zone, events = history
    events = [e._replace(order=e.order and f"{e.order}{e.user}") for e in events]  # an order is of one user
    dataset = stored(store, zone, events, activity=activity, rollup=True)
    over = {name: row["value"] for name, row in by(ask(store, dataset, "overview", compare="none"), "metric").items()}
    for unit in ("day", "month", "hour", "hour of day", "hour of week"):
        rows = ask(store, dataset, "activity", by=unit).named()
        assert [total(rows, name) for name in ("events", "pv")] == [over["events"], over["pv"]], unit
    (visits,) = ask(store, dataset, "visits", by="range").named()
    assert (visits["visits"], visits["median_length"]) == (over["visits"], over["median_visit_length"])
    assert visits["mean_length"] == over["visit_length"]
    assert (visits["users"], visits["active_users"]) == (dataset.users, over["active_users"])
    reach = ask(store, dataset, "behaviour_reach").named()
    assert total(reach, "events") == over["events"]
    assert {row["users"] for row in reach if row["role"] == "view"} <= {over["uv"]}
    spread = ask(store, dataset, "stickiness_distribution").named()
    counts = [row["at_least"] for row in spread]
    assert counts == sorted(counts, reverse=True)
    assert total(spread, "users") == spread[0]["active"] == over["active_users"]
    days = ask(store, dataset, "lifecycle").named()
    assert total(days, "new") == over["new_users"]
    for before, now in zip([None, *days], days, strict=False):
        assert now["active"] == now["new"] + now["returning"] + now["resurrected"]
        if before:
            assert now["active"] - before["active"] == now["new"] + now["resurrected"] - now["dormant"]
    for row in ask(store, dataset, "stickiness").named():
        known = [row[name] for name in ("dau", "wau", "mau") if row[name] is not None]
        assert known == sorted(known)
    assert total(ask(store, dataset, "rfm").named(), "users") == over["buyers"]
    (again,) = ask(store, dataset, "repurchase").named()
    assert (again["buyers"], again["purchases"]) == (over["buyers"], over["purchases"])


@pytest.fixture
def shop(store: Store) -> Dataset:
    """Give nine days of some users."""
    rows = [line.split(",") for line in lines(400)]
    events = [
        Event(int(u), int(t), {"pv": 1, "fav": 2, "cart": 3, "buy": 4}[b], 0, int(i), int(c), b, int(i) * (b == "buy"),
              "", "ads", "Berlin")  # type: ignore[arg-type]  # a whole number is an amount
        for u, i, c, b, t in rows
    ]  # fmt: skip
    assert {event.behaviour for event in events} == set(ROLES)
    return stored(store, "Asia/Shanghai", events, rollup=True)


@pytest.mark.parametrize(("name", "raw"), ASKED, ids=[f"{name} {raw}" for name, raw in ASKED])
def test_csv_frame_and_table_show_the_same_numbers(store: Store, shop: Dataset, name: str, raw: dict[str, Any]) -> None:
    result = ask(store, shop, name, **raw)
    assert result.rows
    read = list(csv.reader(io.StringIO(forms.as_csv(result))))
    frame = forms.as_frame(result)
    assert tuple(read[0]) == tuple(frame.columns) == result.names
    assert len(read) - 1 == len(frame) == len(result.rows)
    for row, line, (_, framed) in zip(result.rows, read[1:], frame.iterrows(), strict=True):
        for value, text, cell, column in zip(row, line, framed, result.columns, strict=True):
            assert text.removeprefix("'") == ("" if value is None else str(value).removeprefix("'"))
            if value is None:
                assert cell is None or math.isnan(cell)
            elif column.unit:
                assert float(cell) == float(value)
    head, table = forms.as_texts(result)
    assert all(len(row) == len(head) for row in table)
    if not (result.chart and result.chart.kind == "heatmap"):
        assert len(table) == len(result.rows)


def answers_of(store: Store, dataset: Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, raw in ASKED:
        try:
            result: Result = ask(store, dataset, name, **raw)
            found[f"{name} {raw}"] = (result.names, result.rows, [str(note) for note in result.notes])
        except NotSupported as error:
            found[f"{name} {raw}"] = str(error)
    return found


@pytest.mark.django_db
def test_answers_do_not_depend_on_how_the_rows_came(store: Store, mariadb: MariaDb, tmp_path: Path) -> None:
    """By CSV or from MariaDB, sorted or shuffled, in one import or in twenty."""
    rows = lines(400)
    shuffled = random.Random(4).sample(rows, len(rows))
    mariadb.create("shop")
    with MySQLdb.connect(unix_socket=str(mariadb.socket), user="root", db="shop", charset="utf8mb4") as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, item_id INT, category_id INT,"
            " behavior_type VARCHAR(9), timestamp BIGINT)"
        )
        cursor.executemany(
            "INSERT INTO b (user_id, item_id, category_id, behavior_type, timestamp) VALUES (%s, %s, %s, %s, %s)",
            [row.split(",") for row in shuffled],
        )
        connection.commit()
    address = Address.read(f"mysql://root@localhost/shop?unix_socket={mariadb.socket}")
    pieces = [shuffled[n::20] for n in range(20)]
    ways: dict[str, list[Any]] = {
        "sorted": [written(tmp_path / "sorted.csv", rows)],
        "shuffled": [written(tmp_path / "shuffled.csv", shuffled)],
        "twenty": [written(tmp_path / f"{n}.csv", piece) for n, piece in enumerate(pieces)],
        "mariadb": [MySqlRows(address, table="b")],
    }
    found = {}
    for way, sources in ways.items():
        for source in sources:
            run = import_rows(
                store, source, Request(name=f"law-{way}", zone="Asia/Shanghai"), now=NOW, tell=lambda _: None
            )
        run.dataset.refresh_from_db()
        found[way] = answers_of(store, run.dataset.as_core())
        Tables(store, f"law-{way}").drop_database()
    first = found.pop("sorted")
    assert any(not isinstance(answer, str) for answer in first.values())
    for way, answers in found.items():
        for question, answer in answers.items():
            assert answer == first[question], (way, question)

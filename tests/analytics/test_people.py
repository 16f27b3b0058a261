"""The users table: imported with its faults counted, and who is new by it equals its oracle."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import answers, catalog
from analytics.asking import Data
from analytics.importing.blocks import ImportFault
from analytics.importing.csv_file import CsvFile
from analytics.importing.mysql.rows import MySqlRows
from analytics.importing.mysql.server import Address
from analytics.importing.people import People
from analytics.models import Dataset
from analytics.people import import_people, remove_people
from analytics.services import Request, import_rows
from analytics.store.client import Store
from analytics.store.schema import Tables
from sdk import ParamError
from tests.analytics import oracle
from tests.analytics.events import Event, Person, histories, registrations, stored
from tests.analytics.test_import import NOW
from tests.analytics.test_lists import ASKED
from tests.analytics.test_reports import ask, by, often
from tests.fleet.mariadb import MariaDb

LINES = [
    "uid,registered_at,channel",
    "1,2017-11-20 10:00:00,ads",
    "1,2017-11-20 10:00:00,ads",  # an exact duplicate
    "1,2017-11-21,mail",  # a conflict: the earlier one counts
    "2,1511400000,mail",
    "7,1511400000000,",
    "x,2017-11-20,ads",  # no number, as the users of the events are
    "3,soon,ads",
    "4,2999-01-01,ads",
    "5,2017-11-20",
]
COUNTED = People(1, 3, 1, 1, {"user": 1, "time": 1, "range": 1, "columns": 1})


@pytest.fixture
def shop(store: Store, tmp_path: Path, db: None) -> Iterator[Dataset]:
    """Give a dataset with events of users 1 to 3."""
    del db
    Tables(store, "peopled").drop_database()
    path = tmp_path / "events.csv"
    path.write_text("1,1,1,pv,1511539300\n2,1,1,pv,1511539400\n2,1,1,buy,1511539500\n3,1,1,pv,1511700000\n")
    request = Request(name="peopled", zone="Asia/Shanghai")
    yield import_rows(store, CsvFile(path), request, now=NOW, tell=lambda _: None).dataset
    Tables(store, "peopled").drop_database()


def users_file(folder: Path, lines: list[str]) -> CsvFile:
    path = folder / "users.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return CsvFile(path, header=True)


def brought(store: Store, row: Dataset, source: Any, **more: Any) -> People:
    return import_people(store, row, source, now=NOW, tell=lambda *_: None, **more)


def kept(store: Store, row: Dataset) -> list[tuple[Any, ...]]:
    name = Tables(store, row.name).people(row.people_version)
    return list(store.ask(f"SELECT user_id, registered_at, channel FROM {name} ORDER BY user_id").rows)


def test_faults_of_a_users_table_are_counted_and_the_earliest_registration_counts(
    store: Store, shop: Dataset, tmp_path: Path
) -> None:
    assert brought(store, shop, users_file(tmp_path, LINES)) == COUNTED
    assert kept(store, shop) == [(1, 1_511_143_200, "ads"), (2, 1_511_400_000, "mail"), (7, 1_511_400_000, "")]
    assert (shop.people, shop.people_version, "registered_channel" in shop.as_core().mapped) == (3, 1, True)
    shown = by(ask(store, shop.as_core(), "overview", start="2017-11-25", compare="none"), "metric")
    assert {name: shown[name]["value"] for name in ("active_users", "new_users", "active_new_users")} == {
        "active_users": 3, "new_users": 1, "active_new_users": 1,
    }  # fmt: skip


def test_the_same_users_come_from_mariadb(store: Store, shop: Dataset, mariadb: MariaDb, tmp_path: Path) -> None:
    mariadb.create("shop")
    with MySQLdb.connect(unix_socket=str(mariadb.socket), user="root", db="shop", charset="utf8mb4") as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE members (id INT PRIMARY KEY AUTO_INCREMENT, uid VARCHAR(9), t VARCHAR(30), c TEXT)"
        )
        rows = [line.split(",") for line in LINES[1:-1]]
        cursor.executemany("INSERT INTO members (uid, t, c) VALUES (%s, %s, %s)", rows)
        connection.commit()
    address = Address.read(f"mysql://root@localhost/shop?unix_socket={mariadb.socket}")
    found = brought(store, shop, MySqlRows(address, table="members"), map="user=uid,registered_at=t,channel=c")
    assert (found.users, found.duplicates, found.conflicts) == (3, 1, 1)
    from_mysql = kept(store, shop)
    brought(store, shop, users_file(tmp_path, LINES))
    assert kept(store, shop) == from_mysql


@pytest.mark.parametrize(
    ("lines", "map_", "says"),
    [
        (["uid,registered_at", "x,2017-11-20"], "", "no user could be taken: the user is missing"),
        (["uid,age", "1,2"], "", "no column is known for registered_at; say which by --map registered_at=COLUMN"),
        (["uid,reg", "1,2"], "registered_at=`reg`; DROP", "which is not there; there are: uid, reg"),
        (["uid,reg", "1,2"], "amount=reg", "the field one of user, registered_at, channel"),
        (["uid,reg", "1,2"], "user=uid,user=reg", "--map names user twice"),
    ],
)
def test_a_users_table_that_cannot_be_taken_leaves_the_old_one(
    store: Store, shop: Dataset, tmp_path: Path, lines: list[str], map_: str, says: str
) -> None:
    brought(store, shop, users_file(tmp_path, LINES))
    before = kept(store, shop)
    with pytest.raises(ImportFault, match=says.replace("(", r"\(")):
        brought(store, shop, users_file(tmp_path, lines), map=map_)
    shop.refresh_from_db()
    assert (shop.people_version, shop.claim, kept(store, shop)) == (1, "", before)


def test_a_users_table_that_is_broken_off_leaves_the_old_one(store: Store, shop: Dataset, tmp_path: Path) -> None:
    brought(store, shop, users_file(tmp_path, LINES))

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_people(store, shop, users_file(tmp_path, LINES), now=NOW, tell=stop)
    shop.refresh_from_db()
    assert (shop.people_version, shop.claim, len(kept(store, shop))) == (1, "", 3)
    assert store.ask("SELECT count() AS n FROM system.tables WHERE database = {d:String} AND name LIKE 'stage_0%'",
                     {"d": Tables(store, "peopled").database}).one() == {"n": 0}  # fmt: skip


def test_a_removed_users_table_is_not_known_any_more_and_its_number_stays_taken(
    store: Store, shop: Dataset, tmp_path: Path
) -> None:
    brought(store, shop, users_file(tmp_path, LINES))
    remove_people(store, shop)
    assert shop.as_core().people_version == 0
    with pytest.raises(ParamError, match="has no 'registered_channel'"):
        ask(store, shop.as_core(), "overview", where=["registered_channel=ads"])
    with pytest.raises(ImportFault, match="no users table"):
        remove_people(store, shop)
    assert brought(store, shop, users_file(tmp_path, LINES)).version == 2


def test_users_come_after_events(store: Store, tmp_path: Path, db: None) -> None:
    del db
    row = Dataset.objects.create(name="empty")
    with pytest.raises(ImportFault, match="has no rows yet; first import them"):
        brought(store, row, users_file(tmp_path, LINES))


# --- who is new, by its oracle

PEOPLED = histories(span_days=10).flatmap(lambda history: st.tuples(st.just(history), registrations(history[0])))
WHERE = st.sampled_from([[], ["registered_channel=ads"], ["registered_channel!=ads"], ["registered_channel="],
                         ["city=Berlin"], ["user=1,2,5"], ["city=Berlin", "registered_channel=ads,mail"]])  # fmt: skip


def first_of(events: list[Event], people: list[Person], where: list[str]) -> dict[int, int]:
    """Give when each user is new, of those whom the filters leave."""
    channel = {person.user: person.channel for person in people}

    def fits(user: int) -> bool:
        own = channel.get(user, "")
        rules = {
            "registered_channel=ads": own == "ads",
            "registered_channel!=ads": own != "ads",
            "registered_channel=": own == "",
            "user=1,2,5": user in (1, 2, 5),
            "registered_channel=ads,mail": own in ("ads", "mail"),
        }
        return all(rules.get(word, True) for word in where)

    seen = [e for e in events if "city=Berlin" not in where or e.city == "Berlin"]
    first = {user: min(e.ts for e in seen if e.user == user) for user in {e.user for e in seen} if fits(user)}
    for person in people:
        if fits(person.user) and ("city=Berlin" not in where or person.user in first):
            first[person.user] = person.registered
    return first


def acting(events: list[Event], first: dict[int, int], where: list[str]) -> list[Event]:
    return [e for e in events if e.user in first and ("city=Berlin" not in where or e.city == "Berlin")]


def _bucket(ts: int, zone: str, unit: str) -> str:
    return oracle.unit_of(oracle.local(ts, zone).date(), unit).isoformat()


@often
@given(PEOPLED, WHERE, st.sampled_from(["day", "week", "month"]))
def test_lifecycle_by_registration_equals_its_oracle(
    store: Store, peopled: tuple[tuple[str, list[Event]], list[Person]], where: list[str], unit: str
) -> None:
    (zone, events), people = peopled
    dataset = stored(store, zone, events, rollup=True, people=people)
    first = first_of(events, people, where)
    here = acting(events, first, where)

    before: set[int] = set()
    for row in ask(store, dataset, "lifecycle", by=unit, where=where).named():
        now = {event.user for event in here if _bucket(event.ts, zone, unit) == row[unit]}
        new = {user for user in now if _bucket(first[user], zone, unit) == row[unit]}
        assert row["registered"] == sum(_bucket(ts, zone, unit) == row[unit] for ts in first.values())
        counts = [row[name] for name in ("active", "new", "returning", "resurrected", "dormant", "active_before")]
        back = now - new
        assert counts == [len(now), len(new), len(back & before), len(back - before), len(before - now), len(before)]
        before = now


@often
@given(PEOPLED, WHERE, st.booleans())
def test_new_users_of_the_overview_equal_their_oracle(
    store: Store, peopled: tuple[tuple[str, list[Event]], list[Person]], where: list[str], hours: bool
) -> None:
    (zone, events), people = peopled
    dataset = stored(store, zone, events, rollup=True, people=people)
    day = dataset.day_of(dataset.last_ts)
    start, low = (f"{day}T06:00", dataset.start_of(day) + 6 * 3600) if hours else (str(day), dataset.start_of(day))
    if hours and (dataset.day_of(low) != day or oracle.local(low, zone).hour != 6 or low > dataset.last_ts):
        return  # the clocks change that morning, or nothing comes after it
    high = dataset.start_of(oracle.later(day, "day", 1))
    shown = by(ask(store, dataset, "overview", where=where, start=start, compare="none"), "metric")
    first = first_of(events, people, where)
    new = {user for user, ts in first.items() if low <= ts < high}
    now = {event.user for event in acting(events, first, where) if low <= event.ts < high}
    assert (shown["new_users"]["value"], shown["active_new_users"]["value"]) == (len(new), len(new & now))
    assert shown["new_share"]["value"] == (len(new & now) / len(now) if now else None)


@often
@given(PEOPLED, st.sampled_from(["day", "week"]))
def test_a_cohort_of_ltv_holds_the_users_registered_in_it(
    store: Store, peopled: tuple[tuple[str, list[Event]], list[Person]], unit: str
) -> None:
    (zone, events), people = peopled
    dataset = stored(store, zone, events, rollup=True, people=people)
    first = first_of(events, people, [])
    for row in ask(store, dataset, "ltv", unit=unit, offsets=2).named():
        if row["cohort"] == "mean":
            continue
        own = {user for user, ts in first.items() if _bucket(ts, zone, unit) == row["cohort"]}
        low, high = dataset.start_of(dataset.first_day), dataset.start_of(dataset.end_day)
        own = {user for user in own if low <= first[user] < high}
        assert row["size"] == len(own)


@pytest.mark.parametrize(
    ("name", "raw"),
    [(name, raw) for name in ("overview", "lifecycle", "ltv", "trends") for raw in ASKED[name] if "show" not in raw],
)
@often
@given(PEOPLED, WHERE, st.data())
def test_lists_by_registration_are_as_long_as_their_numbers(
    store: Store, name: str, raw: dict[str, Any], peopled: tuple[tuple[str, list[Event]], list[Person]],
    where: list[str], data: Any,
) -> None:  # fmt: skip
    (zone, events), people = peopled
    dataset = stored(store, zone, events, rollup=True, people=people)
    raw = {**raw, "where": where, **({"breakdown": "registered_channel"} if name == "trends" else {})}
    result = ask(store, dataset, name, **raw)
    report = catalog.one(name)
    cells = [(row, column) for row in result.rows for column in result.columns if result.is_listed(row, column)]
    for row, column in data.draw(st.lists(st.sampled_from(cells), max_size=5)) if cells else ():
        named = dict(zip(result.names, row, strict=True))
        at = {key.name: str(named[key.name]) for key in result.columns if key.key} | {"column": column.name}
        listed = report.users(Data(store, dataset), answers.parsed(report, raw), at)  # type: ignore[misc]  # all have
        assert len(listed) == len(set(listed)) == named[column.name], at


@often
@given(PEOPLED)
def test_a_breakdown_by_the_channel_of_registration_counts_each_event_once(
    store: Store, peopled: tuple[tuple[str, list[Event]], list[Person]]
) -> None:
    (zone, events), people = peopled
    dataset = stored(store, zone, events, people=people)
    channel = {person.user: person.channel for person in people}
    found: dict[str, int] = {}
    for row in ask(store, dataset, "trends", breakdown="registered_channel", by="month").named():
        found[row["value"]] = found.get(row["value"], 0) + row["events"]
    wanted: dict[str, int] = {}
    for event in events:
        wanted[channel.get(event.user, "")] = wanted.get(channel.get(event.user, ""), 0) + 1
    assert found == wanted


@often
@given(PEOPLED, WHERE, st.sampled_from(["day", "week", "month"]), st.booleans())
def test_a_cohort_of_retention_is_who_was_registered_and_comes_back(
    store: Store, peopled: tuple[tuple[str, list[Event]], list[Person]], where: list[str], unit: str, hours: bool
) -> None:
    (zone, events), people = peopled
    dataset = stored(store, zone, events, rollup=True, people=people)
    count = "24 hours" if hours and unit != "month" else "calendar"
    first = first_of(events, people, where)
    low, high = dataset.start_of(dataset.first_day), dataset.start_of(dataset.end_day)
    for row in ask(store, dataset, "retention", unit=unit, where=where, offsets=3, count=count).named():
        if row["cohort"] == "mean":
            continue
        own = [user for user, ts in first.items() if low <= ts < high and _bucket(ts, zone, unit) == row["cohort"]]
        assert row["size"] == len(own)
        here = acting(events, first, where)
        came = sum(
            oracle.came_back(
                here, zone, unit, events[0]._replace(user=user, ts=first[user]), lambda _: True,
                (row["offset"], row["offset"]), count != "calendar",
            )
            for user in own
        )  # fmt: skip
        assert row["retained"] in (came, None)
        assert row["retained"] is not None or came == 0

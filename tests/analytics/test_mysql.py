"""Rows come from a real MariaDB: along its key or in one stream, again by watermark, and only ever read."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import MySQLdb
import MySQLdb.cursors
import pytest

from analytics import claims, services
from analytics.importing import aside
from analytics.importing.blocks import ImportFault, Lines, Query
from analytics.importing.mysql.rows import MySqlRows
from analytics.importing.mysql.server import Address
from analytics.importing.running import Progress
from analytics.models import Dataset, ImportRun
from analytics.services import Request, import_rows
from analytics.store.client import Store
from analytics.store.schema import Tables
from tests.analytics.test_import import NOW, lines
from tests.fleet import mariadb as private
from tests.fleet.mariadb import MariaDb
from tests.fleet.ports import free_port

pytestmark = pytest.mark.django_db
Sql = Callable[..., None]


@pytest.fixture
def sql(mariadb: MariaDb) -> Sql:
    """Give what runs statements in an empty database `shop`."""
    mariadb.create("shop")

    def run(*statements: str) -> None:
        with MySQLdb.connect(unix_socket=str(mariadb.socket), user="root", db="shop", charset="utf8mb4") as connection:
            for statement in statements:
                connection.cursor().execute(statement)
            connection.commit()

    return run


def address(mariadb: MariaDb, user: str = "root", password: str = "") -> Address:
    return Address.read(f"mysql://{user}:{password}@localhost/shop?unix_socket={mariadb.socket}")


def filled(sql: Sql, table: str, number: int, *, key: bool = True, ts: str = "BIGINT") -> list[str]:
    rows = lines(number)
    first = "id INT PRIMARY KEY AUTO_INCREMENT, " if key else ""
    sql(
        f"CREATE TABLE {table} ({first}user_id INT, item_id INT, category_id INT,"
        f" behavior_type VARCHAR(10), timestamp {ts})"
    )
    insert(sql, table, rows)
    return rows


def insert(sql: Sql, table: str, rows: list[str]) -> None:
    values = ", ".join("({},{},{},'{}',{})".format(*row.split(",")) for row in rows)
    sql(f"INSERT INTO {table} (user_id, item_id, category_id, behavior_type, timestamp) VALUES {values}")


def bring(store: Store, rows: MySqlRows, /, name: str = "mysql", **more: object) -> ImportRun:
    return import_rows(
        store, rows, Request(**{"name": name, "zone": "Asia/Shanghai", **more}), now=NOW, tell=lambda _: None
    )


def rows_of(store: Store, name: str = "mysql") -> list[str]:
    row = Dataset.objects.get(name=name)
    found = store.ask(
        f"SELECT user_id, item_id, category_id, behaviour, ts FROM {Tables(store, name).event(row.version)}"
    ).rows
    return sorted(",".join(map(str, row)) for row in found)


@pytest.fixture(autouse=True)
def _clean(store: Store) -> None:
    Tables(store, "mysql").drop_database()


@pytest.mark.parametrize("key", [True, False])
def test_a_table_is_read_whole(
    store: Store, mariadb: MariaDb, sql: Sql, monkeypatch: pytest.MonkeyPatch, key: bool
) -> None:
    monkeypatch.setattr("analytics.importing.mysql.rows.BLOCK_ROWS", 70)
    rows = filled(sql, "behaviour", 500, key=key)
    source = MySqlRows(address(mariadb), table="behaviour")
    assert source.resumable == key
    run = bring(store, source)
    assert (run.added, run.duplicates, run.quarantined) == (len(rows), 0, {})
    assert rows_of(store) == sorted(rows)


def test_a_query_and_an_identifier_with_quotes_are_read(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    sql(
        "CREATE TABLE `be``h; DROP TABLE x; --'\"` (`u``; id` INT, `e%s` VARCHAR(40), `t` DATETIME)",
        "INSERT INTO `be``h; DROP TABLE x; --'\"` VALUES (1, 'it''s; --', '2017-11-25 01:21:10'), (NULL, 'x', NULL)",
    )
    source = MySqlRows(address(mariadb), table="be`h; DROP TABLE x; --'\"")
    run = bring(store, source, map="user=u`; id,behaviour=e%s,ts=t")
    assert (run.added, run.quarantined) == (1, {"user": 1})
    assert store.ask(f"SELECT user_id, behaviour, ts FROM {Tables(store, 'mysql').event(1)}").rows == [
        (1, "it's; --", 1_511_544_070)
    ]
    again = MySqlRows(
        address(mariadb), query="SELECT 5 AS user_id, 'pv' AS event, '2017-11-25 10:00:00' AS ts WHERE 'a%s' LIKE 'a%';"
    )
    assert bring(store, again, name="query").added == 1


def test_a_row_that_was_set_aside_keeps_its_columns(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    sql(
        "CREATE TABLE z (user_id INT, event VARCHAR(9), ts BIGINT, how VARCHAR(20))",
        "INSERT INTO z VALUES (1, 'pv', 1511544070, 'ads'), (2, 'pv', 0, 'mail, weekly'), (3, 'pv', 0, 'a\nb')",
    )
    bring(store, MySqlRows(address(mariadb), table="z"), map="how=how")
    lines = [line for piece in aside.pieces(Tables(store, "mysql")) for _, _, line in piece]
    assert lines == ['2,pv,0,"mail, weekly"', '3,pv,0,"a\nb"']


def test_a_timestamp_column_does_not_depend_on_a_session_zone(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    sql("CREATE TABLE z (user_id INT, event VARCHAR(9), ts TIMESTAMP(3))", "SET time_zone='+05:00'")
    sql("INSERT INTO z VALUES (1, 'pv', FROM_UNIXTIME(1511544070.25))")
    bring(store, MySqlRows(address(mariadb), table="z"))
    assert store.ask(f"SELECT ts, micro FROM {Tables(store, 'mysql').event(1)}").rows == [(1_511_544_070, 250_000)]


def kept(mariadb: MariaDb) -> dict[str, object]:
    """Give what a dataset remembers of the table `behaviour`."""
    where = {"host": "localhost", "port": 3306, "user": "root", "database": "shop", "socket": str(mariadb.socket)}
    return {"mysql": where, "table": "behaviour", "query": ""}


def synced(store: Store, overlap: int = 3 * 86_400) -> ImportRun:
    row = Dataset.objects.get(name="mysql")
    return services.sync(store, row, now=NOW, tell=lambda _: None, overlap=overlap)


@pytest.mark.parametrize("ts", ["BIGINT", "DATETIME", "TIMESTAMP"])
def test_a_sync_reads_what_is_new_and_rows_that_came_late(store: Store, mariadb: MariaDb, sql: Sql, ts: str) -> None:
    def timed(rows: list[str]) -> list[str]:
        return (
            rows
            if ts == "BIGINT"
            else [f"{row.rpartition(',')[0]},{_moment(int(row.rpartition(',')[2]), ts)}" for row in rows]
        )

    rows = sorted(lines(300), key=lambda row: int(row.rpartition(",")[2]))
    sql(
        f"CREATE TABLE behaviour (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, item_id INT, category_id INT,"
        f" behavior_type VARCHAR(10), timestamp {ts})"
    )
    insert(sql, "behaviour", timed(rows[:200]))
    source = MySqlRows(address(mariadb), table="behaviour")
    bring(store, source, source=kept(mariadb))
    late = rows[150].replace(",", "9,", 1)
    insert(sql, "behaviour", timed([late, *rows[200:]]))
    run = synced(store)
    assert run.added == len(rows) - 200 + 1
    assert 0 < run.rows_read < len(rows), "it reads the end of the table only"
    assert rows_of(store) == sorted([*rows, late])
    assert run.duplicates > 0
    assert Dataset.objects.get(name="mysql").duplicates == 0, (
        "what is read once more is nothing that the table has twice"
    )
    twice = timed([rows[-1].replace(",", "8,", 1)])
    insert(sql, "behaviour", [*twice, *twice, *twice])
    again = synced(store)
    assert (again.added, again.duplicates > 2) == (1, True)
    assert Dataset.objects.get(name="mysql").duplicates == 2, "two of the new ones are copies"


@pytest.mark.parametrize("ts", ["BIGINT", "VARCHAR(20)"])
@pytest.mark.parametrize("unit", [1000, 1_000_000])
def test_a_sync_tells_the_unit_of_each_time_by_itself(
    store: Store, mariadb: MariaDb, sql: Sql, ts: str, unit: int
) -> None:
    filled(sql, "behaviour", 20, ts=ts)
    last = max(int(row.rpartition(",")[2]) for row in lines(20))
    insert(sql, "behaviour", [f"50,1,1,pv,{(last - 9) * unit}"])
    bring(store, MySqlRows(address(mariadb), table="behaviour"), source=kept(mariadb))
    insert(sql, "behaviour", [f"51,1,1,pv,{last + 60}", f"52,1,1,pv,{(last + 60) * unit}"])
    run = synced(store, overlap=0)
    assert (run.added, run.rows_read) == (2, 3), "only the last one is read again"


def test_a_row_of_the_future_does_not_end_the_syncs(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    filled(sql, "behaviour", 20)
    insert(sql, "behaviour", [f"50,1,1,pv,{NOW + 300 * 86_400}"])
    bring(store, MySqlRows(address(mariadb), table="behaviour"), source=kept(mariadb), valid=("", "2099-12-31"))
    assert Dataset.objects.get(name="mysql").as_core().end == NOW, "the rows before it are still to come"
    insert(sql, "behaviour", [f"51,1,1,pv,{NOW - 60}"])
    assert synced(store).added == 1


def test_a_sync_does_not_go_on_with_an_import_that_broke_off(
    store: Store, mariadb: MariaDb, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.importing.mysql.rows.BLOCK_ROWS", 70)
    filled(sql, "behaviour", 300)
    source, request = MySqlRows(address(mariadb), table="behaviour"), Request(name="mysql", zone="Asia/Shanghai")
    bring(store, source, source=kept(mariadb))

    def stop(progress: Progress) -> None:
        if progress.position.number == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_rows(store, source, request, now=NOW, tell=stop)
    broke_off = ImportRun.objects.first()
    run = synced(store, overlap=0)
    assert (run.pk != broke_off.pk, run.rows_read) == (True, 1), "it reads the end of the table, not the import's rest"


def _moment(ts: int, kind: str) -> str:
    return (
        f"FROM_UNIXTIME({ts})"
        if kind == "TIMESTAMP"
        else f"'{datetime.fromtimestamp(ts + 8 * 3600, UTC):%Y-%m-%d %H:%M:%S}'"
    )


def test_an_account_that_may_only_read_is_enough(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    rows = filled(sql, "behaviour", 50)
    sql(
        "CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'p@ss/w:rd'",
        "GRANT SELECT ON shop.behaviour TO reader@localhost",
    )
    run = bring(store, MySqlRows(address(mariadb, "reader", "p%40ss%2Fw%3Ard"), table="behaviour"))
    assert run.added == len(rows)


@pytest.mark.parametrize(
    ("user", "table", "said"),
    [
        ("root:wrong", "behaviour", "refuses this account"),
        ("root:", "nothing", "there is no table nothing"),
        ("reader:r", "secret", "may not read secret"),
        ("root:", "behaviour; DROP TABLE behaviour", "there is no table"),
    ],
)
def test_what_the_server_refuses_is_one_sentence(mariadb: MariaDb, sql: Sql, user: str, table: str, said: str) -> None:
    filled(sql, "behaviour", 5)
    sql(
        "CREATE TABLE secret (n INT)",
        "CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'r'",
        "GRANT SELECT ON shop.behaviour TO reader@localhost",
    )
    name, _, password = user.partition(":")
    with pytest.raises(ImportFault, match=said) as caught:
        MySqlRows(address(mariadb, name, password), table=table)
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1; DROP TABLE behaviour",
        "DROP TABLE behaviour",
        "SELECT 1) AS x; DROP TABLE behaviour; --",
        "DELETE FROM behaviour",
    ],
)
def test_a_query_can_only_read(mariadb: MariaDb, sql: Sql, query: str) -> None:
    filled(sql, "behaviour", 5)
    with pytest.raises(ImportFault, match="error 1064"):
        MySqlRows(address(mariadb), query=query)
    sql("SELECT 1 FROM behaviour")


@pytest.mark.parametrize("url", ["postgres://a@b/c", "mysql://a@b", "mysql://a@b:x/c", "nonsense"])
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    with pytest.raises(ImportFault, match="--mysql takes"):
        Address.read(url)


def test_a_server_that_is_away_is_one_sentence() -> None:
    with pytest.raises(ImportFault, match="does not answer"):
        MySqlRows(Address.read("mysql://u:secret@127.0.0.1:9/shop"), table="t")


def test_a_password_is_never_stored_in_the_clear(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    filled(sql, "behaviour", 5)
    bring(store, MySqlRows(address(mariadb), table="behaviour"), source={"mysql": {}}, password="s3cret-word")
    row = Dataset.objects.get(name="mysql")
    assert "s3cret" not in repr(row.__dict__)
    assert services.sealed.unseal(row.secret, services.settings.SECRET_KEY, "mysql") == "s3cret-word"
    with pytest.raises(ValueError, match="cannot be read"):
        services.sealed.unseal(row.secret, services.settings.SECRET_KEY, "other")


def test_two_imports_into_one_dataset_do_not_run_at_once(store: Store, mariadb: MariaDb, sql: Sql) -> None:
    filled(sql, "behaviour", 5)
    Dataset.objects.create(
        name="mysql",
        zone="Asia/Shanghai",
        claim=claims.own().replace(" ", " 1 ", 1).rpartition(" 1 ")[0] + " 1 " + claims._began(1),
    )
    with pytest.raises(ImportFault, match="is running"):
        bring(store, MySqlRows(address(mariadb), table="behaviour"))
    Dataset.objects.update(claim=claims.own().rpartition(" ")[0] + " 0")  # one that has died; its number is used again
    assert bring(store, MySqlRows(address(mariadb), table="behaviour")).added == 5


@pytest.fixture(scope="module")
def listening() -> Iterator[tuple[MySQLdb.Connection, int]]:
    """Give a connection to a MariaDB that also listens on loopback, and its port."""
    port = free_port()
    with (
        private.running_mariadb(port) as server,
        MySQLdb.connect(unix_socket=str(server.socket), user="root", charset="utf8mb4", autocommit=True) as connection,
    ):
        yield connection, port


@pytest.fixture
def bar(listening: tuple[MySQLdb.Connection, int]) -> tuple[MySQLdb.cursors.Cursor, Address]:
    """Give a cursor in an empty database, and the address of an account that reads it over the network."""
    connection, port = listening
    cursor = connection.cursor()
    for statement in (
        "DROP DATABASE IF EXISTS bar",
        "CREATE DATABASE bar CHARACTER SET utf8mb4",
        "USE bar",
        "CREATE USER IF NOT EXISTS b@'127.0.0.1'",
        "GRANT SELECT ON bar.* TO b@'127.0.0.1'",
    ):
        cursor.execute(statement)
    return cursor, Address("127.0.0.1", port, "b", "", "bar")


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "America/St_Johns"])
def test_the_store_fetches_the_same_local_times_and_amounts_by_itself(
    store: Store, bar: tuple[MySQLdb.cursors.Cursor, Address], monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    monkeypatch.setattr("analytics.importing.mysql.fetched.PIECE_KEYS", 300)
    cursor, there = bar
    cursor.execute("SET sql_mode = ''")
    cursor.execute("CREATE TABLE b (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, event VARCHAR(9))")
    cursor.execute("ALTER TABLE b ADD at DATETIME(3) NULL, ADD price DECIMAL(12, 6)")
    odd = [None, "0000-00-00", "1000-01-01", "1969-12-31 23:59:59.5", "9999-12-31 23:59:59.999", "2300-01-01"]
    half_hours = [
        (first + timedelta(minutes=30 * step, milliseconds=125)).isoformat(" ")
        for first in (datetime(2016, 3, 12), datetime(2016, 3, 26), datetime(2016, 10, 29), datetime(2016, 11, 5))  # noqa: DTZ001  # of no zone, as in the table
        for step in range(100)
    ]
    prices = [None, "0", "-0.000001", "999999.999999", "12.5", "0.00005"]
    rows = [(n, at, prices[n % len(prices)]) for n, at in enumerate([*odd, *half_hours], 1)]
    cursor.executemany("INSERT INTO b (user_id, event, at, price) VALUES (%s, 'buy', %s, %s)", rows)

    def brought(name: str, *, offer: bool) -> tuple[object, ...]:
        source = MySqlRows(there, table="b")
        if not offer:
            monkeypatch.setattr(MySqlRows, "offer", lambda *_: None)
        run = bring(store, source, name=name, zone=zone, map="user=user_id,behaviour=event,ts=at,amount=price")
        assert isinstance(next(source.blocks(1, None, frozenset({"at"}))).parts[0], Query) == offer
        assert isinstance(next(source.blocks(1, None)).parts[0], Lines), "a time that is wanted as a text"
        event = Tables(store, name).event(1)
        return run.quarantined, sorted(store.ask(f"SELECT user_id, ts, micro, amount FROM {event}").rows)

    by_engine = brought(f"engine_{zone[:2].lower()}", offer=True)
    assert by_engine == brought(f"client_{zone[:2].lower()}", offer=False)
    assert by_engine[0] == {"time": 2, "range": 4}
    assert len(by_engine[1]) == 400


@pytest.mark.parametrize(("whole", "scale"), [(14, 4), (14, 0), (15, 0), (18, 2), (35, 30), (0, 6)])
def test_the_store_fetches_the_largest_amounts_as_they_are_kept(
    store: Store, bar: tuple[MySQLdb.cursors.Cursor, Address], monkeypatch: pytest.MonkeyPatch, whole: int, scale: int
) -> None:
    cursor, there = bar
    kind = f"DECIMAL({whole + scale}, {scale})"
    cursor.execute("CREATE TABLE a (id INT PRIMARY KEY AUTO_INCREMENT, user_id INT, event VARCHAR(9), ts INT)")
    cursor.execute(f"ALTER TABLE a ADD signed {kind}, ADD not_ {kind} UNSIGNED")
    largest = f"{'9' * whole}.{'9' * scale}"
    for number, (signed, other) in enumerate([(largest, largest), (f"-{largest}", "0"), (None, None), ("0.5", "0.5")]):
        row = (number, 1_511_544_070, signed, other)
        cursor.execute("INSERT INTO a (user_id, event, ts, signed, not_) VALUES (%s, 'buy', %s, %s, %s)", row)

    def brought(column: str, *, offer: bool) -> tuple[object, ...]:
        source = MySqlRows(there, table="a")
        with monkeypatch.context() as patched:
            if not offer:
                patched.setattr(MySqlRows, "offer", lambda *_: None)
            Tables(store, "amounts").drop_database()
            Dataset.objects.filter(name="amounts").delete()
            run = bring(store, source, name="amounts", map=f"user=user_id,behaviour=event,ts=ts,amount={column}")
        assert source._engine == offer
        event = Tables(store, "amounts").event(1)
        return run.quarantined, sorted(store.ask(f"SELECT user_id, amount FROM {event}").rows)

    for column in ("signed", "not_"):
        assert brought(column, offer=True) == brought(column, offer=False), column


def test_the_store_fetches_the_same_rows_by_itself(
    store: Store, listening: tuple[MySQLdb.Connection, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics.importing.mysql.fetched.PIECE_KEYS", 90)
    connection, port = listening
    cursor = connection.cursor()
    for statement in (
        "CREATE DATABASE shop CHARACTER SET utf8mb4",
        "USE shop",
        "CREATE TABLE `b'e``; h` (e VARCHAR(9), t BIGINT, c VARCHAR(40), `u\"id` INT NULL)",
        "ALTER TABLE `b'e``; h` ADD `k;` BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT",
        "CREATE USER r@'127.0.0.1' IDENTIFIED BY 'p''a\\\\ss'",
        "GRANT SELECT ON shop.* TO r@'127.0.0.1'",
    ):
        cursor.execute(statement)
    texts = ["北京 🦜", "a\nb", "it's; --", "x\x1fy", "tab\there", "back\\slash", "", None]
    rows = [(n % 7 or None, "pv", 1_511_544_070 + n, texts[n % len(texts)]) for n in range(400)]
    cursor.executemany("INSERT INTO `b'e``; h` (`u\"id`, e, t, c) VALUES (%s, %s, %s, %s)", rows)

    def brought(name: str, *, offer: bool) -> list[tuple[object, ...]]:
        source = MySqlRows(Address("127.0.0.1", port, "r", "p'a\\ss", "shop"), table="b'e`; h")
        if not offer:
            monkeypatch.setattr(MySqlRows, "offer", lambda *_: None)
        run = bring(store, source, name=name, map='user=u"id,behaviour=e,ts=t,city=c')
        assert source._engine == offer
        assert (run.rows_read, run.added, run.quarantined) == (400, 342, {"user": 58})
        event = Tables(store, name).event(1)
        return sorted(store.ask(f"SELECT user_id, ts, `@city` FROM {event}").rows)

    by_engine = brought("engine", offer=True)
    assert by_engine == brought("client", offer=False)
    assert {row[2] for row in by_engine} == {(text or "").replace("\x1f", " ") for text in texts}


@pytest.mark.parametrize(("ts", "first", "late"), [
    ("BIGINT", str(NOW - 600), str(NOW - 60)),
    ("DATETIME", "'2017-12-05 10:00:00'", "'2017-12-05 11:00:00'"),
])  # fmt: skip
def test_a_sync_sets_a_line_aside_once(
    store: Store, listening: tuple[MySQLdb.Connection, int], ts: str, first: str, late: str
) -> None:
    connection, port = listening
    cursor = connection.cursor()
    for statement in (
        "CREATE OR REPLACE DATABASE broken",
        "USE broken",
        f"CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, user_id VARCHAR(9) NULL, event VARCHAR(9), ts {ts})",
        f"INSERT INTO t (user_id, event, ts) VALUES ('1', 'pv', {first}), ('', 'a b', {first}), ('x', 'pv', {first})",
        "CREATE OR REPLACE USER s@'127.0.0.1' IDENTIFIED BY 'pass'",
        "GRANT SELECT ON broken.* TO s@'127.0.0.1'",
    ):
        cursor.execute(statement)
    at = {"host": "127.0.0.1", "port": port, "user": "s", "database": "broken", "socket": ""}
    request = {"source": {"mysql": at, "table": "t", "query": ""}, "password": "pass"}
    bring(store, MySqlRows(Address("127.0.0.1", port, "s", "pass", "broken"), table="t"), map="user=user_id", **request)
    row = Dataset.objects.get(name="mysql")

    def kept_lines() -> int:
        return int(store.ask(f"SELECT count() AS n FROM {Tables(store, 'mysql').name('quarantine')}").one()["n"])

    before = row.quarantined
    assert before == kept_lines() > 0
    assert synced(store).quarantined == {}
    cursor.execute(f"INSERT INTO t (user_id, event, ts) VALUES ('2', 'pv', {late}), ('', '', {late})")
    run = synced(store)
    assert (run.added, sum(run.quarantined.values())) == (1, 1), "only what is new"
    row.refresh_from_db()
    assert row.quarantined == kept_lines() == before + 1

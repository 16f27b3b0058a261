"""However rows come in, the same rows are there afterwards; what is no row is counted and kept apart."""

import gzip
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.dataset import Dataset
from analytics.importing import mapping
from analytics.importing.blocks import Block, ImportFault, Query, Source
from analytics.importing.csv_file import CsvFile
from analytics.importing.parquet import ParquetFile
from analytics.importing.publish import Published
from analytics.importing.running import Position, Progress, clear, run_import
from analytics.store.client import Store
from analytics.store.errors import StoreError
from analytics.store.schema import Tables

NOW = 1_800_000_000
HEAD = "user_id,item_id,category_id,behavior_type,timestamp"
MAPPED = frozenset({"item", "category"})


def lines(number: int, seed: int = 1) -> list[str]:
    """Give distinct rows of UserBehavior's form."""
    chance = random.Random(seed)
    made = {
        f"{chance.randrange(50)},{chance.randrange(20)},{chance.randrange(5)},"
        f"{chance.choice(['pv', 'pv', 'cart', 'buy', 'fav'])},{1_511_539_200 + chance.randrange(9 * 86_400)}"
        for _ in range(number)
    }
    return sorted(made)


def bring(
    store: Store,
    name: str,
    source: Source,
    dataset: Dataset | None = None,
    *,
    run: int = 1,
    words: str = "",
    tell: Callable[[Progress], None] = lambda _: None,
    position: Position | None = None,
) -> Published:
    sample = source.sample()
    columns = mapping.completed(mapping.written(words), source.columns, sample, named=source.named)
    layout = mapping.layout_of(columns, source.columns, sample)
    if dataset is None:
        Tables(store, name).drop_database()
        dataset = Dataset(name=name, zone="Asia/Shanghai", layout=layout, mapped=MAPPED)
    published = run_import(
        Tables(store, name), dataset, source, columns, run=run, now=NOW, position=position or Position(), tell=tell
    )
    clear(Tables(store, name), run, published.dataset.version)
    return published


def content(store: Store, name: str, version: int) -> list[tuple[object, ...]]:
    event = Tables(store, name).event(version)
    rows = store.ask(
        f"SELECT user_id, item_id, category_id, behaviour, ts, micro, role, amount, order_id, channel FROM {event}"
    ).rows
    return sorted(rows, key=repr)


def written(path: Path, rows: list[str]) -> CsvFile:
    path.write_text("\n".join([HEAD, *rows, ""]))
    return CsvFile(path)


def test_one_import_or_twenty_sorted_or_shuffled_gives_the_same_rows(store: Store, tmp_path: Path) -> None:
    rows = lines(2000)
    one = bring(store, "one", written(tmp_path / "one.csv", rows))
    wanted = content(store, "one", one.dataset.version)
    assert one.added == len(rows) == len(wanted)
    shuffled = random.Random(2).sample(rows, len(rows))
    dataset, duplicates = None, 0
    for number in range(20):  # each part holds some rows of the part before as well
        part = shuffled[max(0, number * 100 - 30) : number * 100 + 100]
        got = bring(store, "twenty", written(tmp_path / f"{number}.csv", part), dataset, run=number + 1)
        dataset, duplicates = got.dataset, duplicates + got.duplicates
    assert content(store, "twenty", dataset.version) == wanted
    assert duplicates == 19 * 30
    assert replace(dataset, name="one", version=1) == one.dataset


def test_the_rollup_says_the_same_as_the_events(store: Store, tmp_path: Path) -> None:
    got = bring(store, "rollup", written(tmp_path / "a.csv", lines(500)))
    got = bring(store, "rollup", written(tmp_path / "b.csv", lines(500, seed=2)), got.dataset, run=2)
    tables, version = Tables(store, "rollup"), got.dataset.version
    day = "toDate(toDateTime(ts, 'Asia/Shanghai'), 'Asia/Shanghai')"
    counts = "count() AS n, countIf(role = 1) AS v, countIf(role = 4) AS b"
    by_event = f"SELECT user_id, {day} AS day, {counts} FROM {tables.event(version)} GROUP BY user_id, day"
    by_day = f"SELECT user_id, day, events, views, buys FROM {tables.user_day(version)}"
    assert sorted(store.ask(by_event).rows) == sorted(store.ask(by_day).rows)


@pytest.mark.parametrize(
    "form", ["csv", "no header", "gz", "bom", "crlf", "quoted", "semicolon", "parquet", "tiny blocks"]
)
def test_every_form_of_a_file_gives_the_same_rows(store: Store, tmp_path: Path, form: str) -> None:
    rows = lines(300)
    wanted = bring(store, "plain", written(tmp_path / "plain.csv", rows))
    path = tmp_path / "other.csv"
    text = "\n".join([HEAD, *rows, ""])
    if form == "parquet":
        columns = list(zip(*(row.split(",") for row in rows), strict=True))
        table = {
            name: pa.array(column if name == "behavior_type" else list(map(int, column)))
            for name, column in zip(HEAD.split(","), columns, strict=True)
        }
        pq.write_table(pa.table(table), path, row_group_size=100)
        source: Source = ParquetFile(path)
    else:
        data = {
            "no header": "\n".join([*rows, ""]),
            "bom": "\ufeff" + text,
            "crlf": text.replace("\n", "\r\n"),
            "quoted": "\n".join('"' + row.replace(",", '","') + '"' for row in [HEAD, *rows]),
            "semicolon": text.replace(",", ";"),
        }.get(form, text)
        if form == "gz":
            path = path.with_suffix(".csv.gz")
        path.write_bytes(gzip.compress(data.encode()) if form == "gz" else data.encode())
        source = CsvFile(path, block_bytes=500 if form == "tiny blocks" else 16 << 20)
    got = bring(store, "form", source)
    assert (got.added, got.quarantined) == (len(rows), {})
    assert content(store, "form", 1) == content(store, "plain", wanted.dataset.version)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary()])
def test_a_small_file_of_a_huge_text_does_not_fill_the_memory(tmp_path: Path, kind: pa.DataType) -> None:
    path, text = tmp_path / "bomb.parquet", pa.array(["x" * 20_000_000]).cast(kind)
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), text)
    pq.write_table(pa.table({"user_id": [1] * 1000, "behavior": values, "ts": [1511544070] * 1000}), path)
    assert path.stat().st_size < 2 << 20
    with pytest.raises(ImportFault, match="behavior has 20000000 bytes"):
        ParquetFile(path).sample()


def test_a_file_that_is_damaged_is_told_in_a_sentence(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([HEAD, *lines(20_000)]).encode())
    path = tmp_path / "cut.csv.gz"
    for left in (whole[:200], whole[:-9], whole[:-2000] + b"\xff" * 2000):
        path.write_bytes(left)
        with pytest.raises(ImportFault, match="cannot be read"):
            list(CsvFile(path).blocks(0, None))
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"user_id": [1], "behavior": pa.array([b"\xff"]), "ts": [1511544070]}), path)
    with pytest.raises(ImportFault, match="cannot be read as Parquet"):
        ParquetFile(path).sample()


BROKEN = {
    "1,2,3": "columns",
    "1,2,3,pv,1511544070,9,9": "columns",
    '1,2,3,"pv,1511544070': "columns",
    "x,2,3,pv,1511544070": "user",
    ",2,3,pv,1511544070": "user",
    "1,x,3,pv,1511544070": "item",
    "1,2,x,pv,1511544070": "category",
    "1,2,3,,1511544070": "behaviour",
    "1,2,3,pv,yesterday": "time",
    "1,2,3,pv,": "time",
    "1,2,3,pv,2017-13-45 00:00:00": "time",
    "1,2,3,pv,-2134949234": "range",
    "1,2,3,pv,2122867355": "range",
    "1,2,3,pv,99999999999999999": "range",
    "1,2,3,pv,9223372036854775807": "range",
    "1,2,3,pv,99999999999999999999999": "time",
    "9223372036854775808,2,3,pv,1511544070": "user",
}


def test_what_is_no_row_is_counted_by_reason_and_kept(store: Store, tmp_path: Path) -> None:
    good = lines(200)
    mixed = random.Random(3).sample([*good, *BROKEN], len(good) + len(BROKEN))
    got = bring(store, "broken", written(tmp_path / "broken.csv", mixed))
    assert got.added == len(good)
    counts: dict[str, int] = {}
    for why in BROKEN.values():
        counts[why] = counts.get(why, 0) + 1
    assert got.quarantined == counts
    kept = store.ask(f"SELECT line, why FROM {Tables(store, 'broken').name('quarantine')}").rows
    assert {line.replace("\x1f", ",").replace('"', ""): why for line, why in kept} == {
        line.replace('"', ""): why for line, why in BROKEN.items()
    }


def test_a_line_that_is_not_utf8_is_quarantined(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bytes.csv"
    path.write_bytes(
        b"user_id,item_id,behavior_type,timestamp\n" + b"1,2,pv,1511544070\n" * 20_000 + b"1,2,\xc4\xe3,1511544071\n"
    )
    got = bring(store, "bytes", CsvFile(path))
    assert (got.added, got.duplicates, got.quarantined) == (1, 19_999, {"encoding": 1})


TIMES = {
    "1511544070": (1_511_544_070, 0),
    "1511544070123": (1_511_544_070, 123_000),
    "1511544070123456": (1_511_544_070, 123_456),
    "1511544070.5": (1_511_544_070, 500_000),
    "2017-11-25T01:21:10": (1_511_544_070, 0),
    "2017-11-25 01:21:10.250": (1_511_544_070, 250_000),
    "2017-11-24T17:21:10Z": (1_511_544_070, 0),
    "2017-11-24 12:21:10-05:00": (1_511_544_070, 0),
    "2017-11-25": (1_511_539_200, 0),
    "2017-11-25 01:21": (1_511_544_060, 0),
}


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_read_in_every_form(store: Store, tmp_path: Path, text: str) -> None:
    bring(store, "times", written(tmp_path / "times.csv", [f"1,2,3,pv,{text}"]))
    assert store.ask(f"SELECT ts, micro FROM {Tables(store, 'times').event(1)}").rows == [TIMES[text]]


def test_text_identifiers_amounts_and_dimensions_are_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(
        "uid,sku,event,at,price,order_no,src,city,age\n"
        "u-1,A,purchase,2017-11-25 10:00:00,12.50,o1,ads,北京,31\n"
        'u-1,A,purchase,2017-11-25 10:00:00,12.50,o1,ads,"San Francisco, CA",31.5\n'
        "u-2,B,share,2017-11-25 10:00:01,,,,,\n"
        "u-2,B,view,2017-11-25 10:00:02,free,,,,\n"
        "u-2,B,view,2017-11-25 10:00:03,1,,,,old\n"
    )
    got = bring(
        store,
        "shop",
        CsvFile(path),
        words="user=uid,item=sku,ts=at,amount=price,order=order_no,channel=src,city=city,age=age:number",
    )
    assert (got.added, got.quarantined) == (3, {"amount": 1, "dimension": 1})
    assert got.dataset.roles == {"purchase": "buy"}
    assert got.dataset.behaviours == {"purchase": 2, "share": 1}
    rows = store.ask(
        f"SELECT user_id, item_id, role, toString(amount), order_id, channel, `@city`, `@age`"
        f" FROM {Tables(store, 'shop').event(1)} ORDER BY ts, `@city`"
    ).rows
    assert rows == [
        ("u-1", "A", 4, "12.5", "o1", "ads", "San Francisco, CA", 31.5),
        ("u-1", "A", 4, "12.5", "o1", "ads", "北京", 31.0),
        ("u-2", "B", 9, "0", "", "", "", 0.0),
    ]


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("stop", range(1, 11))
def test_an_import_that_is_stopped_anywhere_goes_on_to_the_same_rows(store: Store, tmp_path: Path, stop: int) -> None:
    rows = [*lines(400), "broken", "1,2,3,pv,never"]
    source = written(tmp_path / "stopped.csv", [*rows, *rows[:50]])
    source._block_bytes = 4000
    seen: list[Progress] = []

    def tell(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        bring(store, "stopped", source, tell=tell)
    assert Tables(store, "stopped").store.ask(
        "SELECT count() AS n FROM system.tables WHERE database = 'om_stopped' AND name = 'event_v2'"
    ).rows == [(0,)]
    at = seen[-2].position if len(seen) > 1 else Position()  # as if the last word had not been written down
    got = bring(store, "stopped", source, Dataset(name="stopped", zone="Asia/Shanghai", mapped=MAPPED), position=at)
    assert (got.added, got.duplicates, got.quarantined) == (len(rows) - 2, 50, {"columns": 1, "time": 1})
    assert len(content(store, "stopped", 1)) == len(rows) - 2


def test_blocks_that_were_added_and_not_told_of_are_forgotten(store: Store, tmp_path: Path) -> None:
    rows = lines(400)
    source = written(tmp_path / "shrunk.csv", rows)
    source._block_bytes = 2000
    seen: list[Progress] = []

    def tell(progress: Progress) -> None:
        seen.append(progress)
        if progress.step == "publish":
            raise StoppedError

    with pytest.raises(StoppedError):
        bring(store, "shrunk", source, tell=tell)
    second = seen[2].position
    path = tmp_path / "shrunk.csv"
    path.write_bytes(path.read_bytes()[: second.after])  # what was behind is there no more, and was staged
    source = CsvFile(path)
    dataset = Dataset(name="shrunk", zone="Asia/Shanghai", mapped=MAPPED)
    got = bring(store, "shrunk", source, dataset, position=second)
    assert got.added == path.read_text().count("\n") - 1 < len(rows)


def test_a_block_that_fails_ends_the_import_and_those_before_it_are_told(store: Store, tmp_path: Path) -> None:
    source = written(tmp_path / "fails.csv", lines(400))
    source._block_bytes = 2000
    whole, seen = CsvFile.blocks, []

    class Faulty(CsvFile):
        def blocks(self, number: int, after: object, numbers: frozenset[str] = frozenset()) -> Iterator[Block]:
            for block in whole(self, number, after, numbers):
                bad = Block(block.number, [Query("SELECT nothing", {})], block.done, block.after)
                yield bad if block.number == 3 else block

    source.__class__ = Faulty
    with pytest.raises(StoreError):
        bring(store, "fails", source, tell=seen.append)
    assert [progress.position.number for progress in seen] == [1, 2, 3]
    source.__class__ = CsvFile
    dataset = Dataset(name="fails", zone="Asia/Shanghai", mapped=MAPPED)
    assert bring(store, "fails", source, dataset, position=seen[-1].position).added == len(lines(400))


def test_a_source_without_a_column_has_its_rows_compared_with_those_of_one_that_has_it(
    store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "with.csv"
    path.write_text("user_id,event,ts,amount\n1,buy,1511544070,0\n2,buy,1511544070,5\n")
    first = bring(store, "lacking", CsvFile(path))
    path.write_text("user_id,event,ts\n1,buy,1511544070\n2,buy,1511544070\n2,buy,1511544070\n")
    got = bring(store, "lacking", CsvFile(path), first.dataset, run=2)
    assert (got.added, got.duplicates) == (1, 2)
    rows = store.ask(f"SELECT user_id, toFloat64(amount) FROM {Tables(store, 'lacking').event(2)} ORDER BY ALL").rows
    assert list(rows) == [(1, 0.0), (2, 0.0), (2, 5.0)]


def test_texts_of_which_there_are_few_at_first_may_be_many_later(store: Store, tmp_path: Path) -> None:
    few, many = [f"u{n % 7}" for n in range(2000)], [f"v{n}" for n in range(6000)]
    path = tmp_path / "many.csv"
    path.write_text("uid,event,ts\n" + "".join(f"{user},pv,{1511544070 + n}\n" for n, user in enumerate(few + many)))
    got = bring(store, "many", CsvFile(path), words="user=uid:text")
    assert (got.added, got.dataset.users) == (8000, 6007)


def test_a_failed_import_leaves_the_old_rows_serving(store: Store, tmp_path: Path) -> None:
    first = bring(store, "serving", written(tmp_path / "a.csv", lines(100)))
    before = content(store, "serving", 1)

    def broken(progress: Progress) -> None:
        if progress.step == "publish":
            raise StoppedError

    with pytest.raises(StoppedError):
        bring(store, "serving", written(tmp_path / "b.csv", lines(300, seed=5)), first.dataset, run=2, tell=broken)
    assert content(store, "serving", 1) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "no column is known for user"),
        ("user_id,event,ts,ts\n1,pv,1,2\n", "two columns of the header have one name"),
        ("user_id,event,ts\nx\n", "no row could be taken"),
        ("\x00\x01", "no text"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_sentence(store: Store, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ImportFault, match=said):
        bring(store, "bad", CsvFile(path))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("user=nobody", "nobody"),
        ("user", "write field=column"),
        ("user=a,user=b", "twice"),
        ("ts_=a,day=b", "cannot be a dimension"),
        ("x;y=a", "cannot be a dimension"),
    ],
)
def test_a_wrong_mapping_is_one_sentence(tmp_path: Path, words: str, said: str) -> None:
    source = written(tmp_path / "some.csv", lines(10))
    with pytest.raises(ImportFault, match=said):
        mapping.completed(mapping.written(words), source.columns, source.sample(), named=True)


def test_a_behaviour_column_with_too_many_codes_is_refused(store: Store, tmp_path: Path) -> None:
    rows = [f"1,2,3,code{n},1511544070" for n in range(250)]
    with pytest.raises(ImportFault, match="more than 200 codes"):
        bring(store, "codes", written(tmp_path / "codes.csv", rows))

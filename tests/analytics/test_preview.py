"""A preview judges the first rows as the import will: held against what the import makes of the same rows."""

import random
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics import preview
from analytics.dataset import Kind
from analytics.importing import mapping as mappings
from analytics.importing.csv_file import CsvFile
from analytics.importing.running import FIRST_VALID, FUTURE
from analytics.requests import Request
from analytics.services import ImportFault, import_rows
from analytics.store.client import Store
from analytics.store.schema import Tables

pytestmark = pytest.mark.django_db
HEAD = "user_id,item_id,event,ts"
TIMES = (
    "", "soon", "2017-11-25", "2017-11-25 24:00", "2017-11-25 25:00", "2017-11-25 10:60:00", "2017-02-30 10:00:00",
    "2017-13-01", "2017-11-25T10:00", "2017-11-25 10:00:00,5", "2017-11-25 10:00:00.123456789", "2017-11-25T10:00:00Z",
    "2017-11-25 10:00:00 +08:00", "2017-11-25 10:00:00-0530", "2017-11-25 10:00:00 UTC", "2017-11-25 10:00+08:00",
    "1511539200.25", "-5.5", "2026-03-29 02:30:00", "2026-10-25 02:30:00", "1969-12-31 23:59:59", "0001-01-01 00:00:00",
    "9999-12-31 23:59:59", "9" * 19, "9" * 25, "+1511539200", "-0", "007", "٣", "99999999999", "-100000000000",
    "1511539200123", "1511539200123456", "253402300799", "253402300800", "253402300799999", "253402300800000",
    "0000-00-00 00:00:00", "2017-00-25", "2017-11-00 10:00:00", "0000-01-01", "2017-11-32",
)  # fmt: skip
IDS = ("1", "2", "-7", "007", "", "x", "1.5")


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "Europe/Berlin"])
def test_the_import_takes_and_sets_aside_what_the_preview_said(store: Store, tmp_path: Path, zone: str) -> None:
    now, chance = time.time(), random.Random(zone)
    rows = [("1", str(number), "pv", "1511539200") for number in range(300)]
    rows += [("1", str(1000 + number), "pv", ts) for number, ts in enumerate(TIMES)]
    rows += [(user, item, event, "1511539200") for user in IDS for item in IDS for event in ("buy", "")]
    rows += [("2", str(number), "pv", str(chance.randrange(10 ** chance.randrange(8, 18)))) for number in range(200)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([HEAD, *(f'{user},{item},{event},"{ts}"' for user, item, event, ts in rows), ""]))
    source = CsvFile(path)
    seen = preview.look(source)
    columns = mappings.completed(mappings.written(""), source.columns, source.sample(), named=True)
    columns = mappings.Columns(columns.fields, {}, {"user": Kind.NUMBER, "item": Kind.NUMBER})
    judged = preview.judged(seen, columns, ZoneInfo(zone), (FIRST_VALID, int(now) + FUTURE))
    Tables(store, "preview").drop_database()
    request = Request(name="preview", zone=zone, columns=columns)
    run = import_rows(store, CsvFile(path), request, now=now, tell=lambda _: None)
    assert {why: number for why, (number, _) in judged.faults.items()} == run.quarantined
    assert judged.good == run.added + run.duplicates
    found = store.ask(f"SELECT item_id, ts FROM {Tables(store, 'preview').event(1)} WHERE item_id >= 1000").rows
    for number, ts in found:
        read = preview.moment(TIMES[number - 1000], ZoneInfo(zone))
        assert read
        assert int(read.ts // 1) == ts, TIMES[number - 1000]


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (
            ["City", "city", "user_id", "Größe; DROP", "a/b", ""],
            ["city", "city_2", "user_id_2", "größe_drop", "a_b", "column"],
        ),
        (["ts", "timestamp", "day"], ["ts_2", "timestamp_2", "day_2"]),
    ],
)
def test_a_column_of_any_name_gets_one_that_a_dimension_can_have(columns: list[str], names: list[str]) -> None:
    found = preview.dimension_names(columns)
    assert list(found.values()) == names
    text = ",".join(f"{name}=x" for name in found.values())
    assert set(mappings.written(text).dimensions) == set(names)


def test_a_file_that_is_empty_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("")
    with pytest.raises(ImportFault, match="the file is empty"):
        preview.look(CsvFile(tmp_path / "e.csv"))


def test_a_column_is_known_however_the_words_of_its_name_are_parted() -> None:
    columns = ["User ID", "item-id", "Event  Type", "created_at"]
    known = {"user": "User ID", "item": "item-id", "behaviour": "Event  Type", "ts": "created_at"}
    assert mappings.guessed(columns, [], named=True) == known

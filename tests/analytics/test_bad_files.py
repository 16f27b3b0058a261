"""Files that unpack far, are no longer what they were, or are not what they say: bounded memory, and a sentence."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.importing.blocks import ImportFault
from analytics.importing.csv_file import LINE_BYTES, CsvFile
from analytics.importing.files import marks
from analytics.importing.parquet import ParquetFile
from tests.analytics.test_import import HEAD, lines

MEASURED = """
import json, sys
from pathlib import Path
from analytics.importing import parquet_batches
from analytics.importing.blocks import ImportFault
from analytics.importing.csv_file import CsvFile
from analytics.importing.parquet import ParquetFile
parquet_batches.MEMORY_BYTES = 400 << 20
path, said, blocks = Path(sys.argv[1]), "", 0
try:
    for block in (ParquetFile(path) if path.suffix == ".parquet" else CsvFile(path)).blocks(1, None):
        blocks += 1
except ImportFault as fault:
    said = str(fault)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({"blocks": blocks, "said": said, "memory": int(status["VmHWM"].split()[0]) >> 10}))
"""
EVENTS = {"user_id": [1] * 1000, "behavior": ["pv"] * 1000, "ts": [1511544070] * 1000}


def read(path: Path) -> dict[str, Any]:
    """Read a file's blocks in a program of its own; what came of it, and the most memory that it held, in MiB."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, path], env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def parquet(path: Path, behaviour: pa.Array, **options: object) -> Path:
    """Write a file whose first group of rows is good, and whose second has this column."""
    number = len(behaviour)
    late = pa.table({"user_id": [1] * number, "behavior": behaviour, "ts": [1511544070] * number})
    with pq.ParquetWriter(path, late.schema, compression="zstd", **options) as writer:
        writer.write_table(pa.table(EVENTS).cast(late.schema))
        writer.write_table(late)
    return path


@pytest.mark.parametrize("kind", ["often", "long", "page"])
def test_a_later_group_of_a_parquet_file_that_unpacks_to_gigabytes_fills_no_memory(tmp_path: Path, kind: str) -> None:
    text = "x" * {"often": 60_000, "long": 20_000_000, "page": 300_000_000}[kind]
    places = pa.array([0] * (20_000 if kind == "often" else 1), pa.int32())
    column = pa.DictionaryArray.from_arrays(places, pa.array([text]))
    path = parquet(tmp_path / "late.parquet", column if kind == "often" else column.dictionary_decode())
    assert path.stat().st_size < 4 << 20
    assert ParquetFile(path).sample()[0] == ["1", "pv", "1511544070"], "the first rows are good"
    found = read(path)
    wanted = "has 20000000 bytes; at most 65536" if kind == "long" else "cannot be unpacked within"
    assert wanted in str(found["said"])
    assert found["memory"] < 300


def test_a_parquet_file_with_fewer_rows_than_it_says_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "few.parquet"
    pq.write_table(pa.table(EVENTS), path)
    source = ParquetFile(path)
    source.total += 1
    with pytest.raises(ImportFault, match=r"1,000 of 1,001 rows are there"):
        list(source.blocks(1, None))


def test_a_parquet_file_goes_on_behind_any_row(tmp_path: Path) -> None:
    path = tmp_path / "groups.parquet"
    table = pa.table({"user_id": list(range(1000)), "behavior": ["pv"] * 1000, "ts": [1511544070] * 1000})
    pq.write_table(table, path, row_group_size=300)
    for after in (0, 299, 300, 301, 999):
        (block,) = ParquetFile(path).blocks(7, after, frozenset({"user_id"}))
        (rows,) = block.parts
        found = pa.ipc.open_stream(rows.data).read_all().column(0).to_pylist()
        assert (block.number, block.after, found) == (7, 1000, list(range(after, 1000)))


@pytest.mark.parametrize("line", [b"a\n", b'"a"\n', b'a"\n', b",,,,,,,,\n"])
def test_a_packed_file_of_nothing_but_short_broken_lines_fills_no_memory(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "short.csv.gz"
    good = b"user_id,event,ts\n" + b"1,pv,1511539200\n" * 20_000
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(good + line * ((26 << 20) // len(line)))
    assert path.stat().st_size < 1 << 20
    found = read(path)
    assert (found["blocks"], found["said"]) == (2, "")
    assert found["memory"] < 700


def test_a_packed_file_without_lines_is_a_sentence_at_its_first_block(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"user_id,event,ts\n" + b"1,pv,1511539200\n" * 20_000)
        for _ in range(96):
            file.write(b"a" * (1 << 20))
    found = read(path)
    assert f"there is a line of more than {LINE_BYTES:,} bytes" in str(found["said"])
    assert (found["blocks"], found["memory"] < 400) == (0, True)


def test_a_header_of_endless_columns_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number}" for number in range(20_000)) + "\n1,2\n")
    with pytest.raises(ImportFault, match="the first line has 20,000 fields, at most 1,000"):
        CsvFile(path)


def test_one_broken_quote_does_not_make_a_block_slow_or_lose_its_neighbours(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    rows = lines(3000)
    path.write_text("\n".join([HEAD, *rows[:1000], '1,2,3,"pv,1511544070', *rows[1000:], ""]))
    (block,) = CsvFile(path).blocks(1, None)
    data = block.parts[0].data.decode().replace("\x1f", ",").splitlines()
    assert sorted(data) == sorted([*rows, '1,2,3,"pv,1511544070'])


def grown(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def linked(path: Path) -> None:
    secret = path.with_name("secret")
    secret.write_bytes(b"user_id,event,ts\nSECRET,pv,1511539200\n")
    path.unlink()
    path.symlink_to(secret)


def piped(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [grown, linked, piped, Path.unlink])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_is_read_only_while_it_is_the_one_that_was_looked_at(
    tmp_path: Path, form: str, change: Callable[[Path], None]
) -> None:
    path = tmp_path / f"e.{form}"
    if form == "csv":
        path.write_text("\n".join([HEAD, *lines(20)]))
    else:
        pq.write_table(pa.table(EVENTS), path)
    with path.open("rb") as file:
        seen = marks(file)
    kind = CsvFile if form == "csv" else ParquetFile
    source = kind(path, name="mine", seen=seen)
    assert len(list(source.blocks(1, None))) == 1
    change(path)
    gone = "^mine: the file is not there any more" if change is Path.unlink else "^mine: this is not the file any more"
    with pytest.raises(ImportFault, match=gone):
        list(source.blocks(1, None))
    with pytest.raises(ImportFault, match=gone):
        kind(path, name="mine", seen=seen)
    if path.exists() and form == "csv" and change is not piped:
        assert CsvFile(path).sample(), "who names a file on the command line means the one that is there"


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    path.write_text("\n".join([HEAD, *lines(200)]))
    with path.open("rb") as file:
        source = CsvFile(path, name="mine", seen=marks(file), block_bytes=1000)
    blocks = source.blocks(1, None)
    next(blocks)
    grown(path)
    with pytest.raises(ImportFault, match="or it has changed since"):
        list(blocks)

"""Keep the exact duplicates that an import leaves out, so that people can look at them: not more than some of each."""

from collections.abc import Iterator, Mapping
from typing import Any

from analytics.dataset import Dataset
from analytics.importing.stage import Stage
from analytics.store.names import quoted
from analytics.store.schema import Tables

MOST = 100_000  # different rows of one import that are kept
LOOKED = 1_000_000  # users' seconds in which they are looked for
TABLE = "duplicate"
FIELD_BYTES = 1000  # of each field
PIECE = 10_000  # rows of one question
TIME = (
    "concat(toString(toDateTime(ts, {zone:String})), if(micro = 0, '', concat('.', leftPad(toString(micro), 6, '0'))))"
)
FIELDS = {"item": "item_id", "category": "category_id", "amount": "amount", "order": "order_id", "channel": "channel"}
RUNS = """
SELECT run, count() AS rows
FROM {table}
WHERE {{run:UInt32}} = 0 OR run = {{run:UInt32}}
GROUP BY run
ORDER BY run
"""
# An import is a partition of no more than MOST rows, so that what OFFSET reads again stays small. FIELD_BYTES may have
# cut a letter.
READ = """
SELECT copies, known, arrayMap(field -> toValidUTF8(field), fields) AS texts
FROM {table}
WHERE run = {{run:UInt32}}
ORDER BY fields, known, copies
LIMIT {{most:UInt32}} OFFSET {{after:UInt64}}
"""


def begin(stage: Stage) -> None:
    """Forget what an earlier attempt of the same import has kept."""
    if there(stage.tables):
        stage.tables.store.run(f"ALTER TABLE {stage.tables.name(TABLE)} DROP PARTITION {stage.run:d}")


def keep(
    stage: Stage,
    dataset: Dataset,
    compared: str,
    where: str,
    bind: Mapping[str, Any],
    old: str,
    *,
    overlaps: bool,
) -> None:
    """Keep what of some users is left out; `stage.doubled` has their seconds in which rows may be equal.

    compared: the columns by which rows are equal. old: a SELECT of the rows that were there, "" where none were.
    overlaps: such rows come once more by intent; only what is new and there twice is kept.
    """
    tables = stage.tables
    tables.store.run(
        f"CREATE TABLE IF NOT EXISTS {tables.name(TABLE)}"
        " (run UInt32, copies UInt64, known UInt8, fields Array(String)) ENGINE = MergeTree PARTITION BY run"
        " ORDER BY known"
    )
    have = tables.store.ask(f"SELECT count() AS n FROM {tables.name(TABLE)} WHERE run = {stage.run:d}").one()["n"]
    if have >= MOST:
        return
    n, known = quoted("#"), quoted("#known")  # no dimension is called so
    pairs = (
        f"(user_id, ts) GLOBAL IN (SELECT user_id, ts FROM {tables.name(stage.doubled)} WHERE {where} LIMIT {LOOKED})"
    )
    there_already = f"({compared}) GLOBAL IN ({old} AND {pairs})" if old else "0"
    texts = ", ".join(f"substring(toString({sql}), 1, {FIELD_BYTES})" for sql in _fields(dataset).values())
    tables.store.run(
        f"INSERT INTO {tables.name(TABLE)}"
        f" SELECT {stage.run:d}, {n} - if({known}, 0, 1), {known}, [{texts}]"
        f" FROM (SELECT *, {there_already} AS {known}"
        f" FROM (SELECT {compared}, count() AS {n} FROM {tables.name(stage.staged)}"
        f" WHERE why = '' AND {where} AND {pairs} GROUP BY {compared}))"
        f" WHERE {f'{n} > 1 AND NOT {known}' if overlaps else f'{n} > 1 OR {known}'} LIMIT {MOST - have}",
        {**bind, "zone": dataset.zone},
    )


def there(tables: Tables) -> bool:
    """Say whether any import of the dataset has kept some."""
    return bool(tables.store.ask(f"EXISTS TABLE {tables.name(TABLE)}").rows[0][0])


def head(dataset: Dataset) -> list[str]:
    """Name the fields that `pieces` gives."""
    return list(_fields(dataset))


def pieces(tables: Tables, run: int = 0) -> Iterator[list[tuple[int, int, bool, list[str]]]]:
    """Give import, how often a row was left out, whether it was there before, and its fields, of an import or of all.

    Some rows at a time: at least once, perhaps none.
    """
    table = tables.name(TABLE)
    runs = tables.store.ask(RUNS.format(table=table), {"run": run}).rows if there(tables) else ()
    for number, kept in runs:
        for after in range(0, kept, PIECE):
            found = tables.store.ask(READ.format(table=table), {"run": number, "most": PIECE, "after": after}).rows
            yield [(number, copies, bool(known), fields) for copies, known, fields in found]
    if not runs:
        yield []


def _fields(dataset: Dataset) -> dict[str, str]:
    """Give the SQL of each field that the dataset has, as people know it."""
    ids = {name: sql for name, sql in FIELDS.items() if name in dataset.mapped}
    dimensions = {name: quoted(dataset.layout.column(name)) for name, _ in dataset.layout.dimensions}
    return {"user": "user_id", "time": TIME, "behaviour": "behaviour", **ids, **dimensions}

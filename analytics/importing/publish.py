"""Make a new version of a dataset from its old one and what an import has staged."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from analytics.abreast import abreast
from analytics.dataset import OWN, Dataset
from analytics.importing import copies
from analytics.importing.blocks import ImportFault
from analytics.importing.mapping import roles_of
from analytics.importing.stage import Stage, why_none
from analytics.store.names import quoted
from analytics.store.schema import TYPES, event_columns
from sdk.text import Text

PASS_ROWS = 6_000_000  # rows whose duplicates are found at once; were all of them doubled, some 1.2 GB
SPILL = "max_bytes_before_external_group_by = 1000000000"  # one user may have all rows
ONE = "max_threads = 1"  # what reads one part reads it in its order
PART_ROWS = 500_000  # of a part of a version, at the least
FILLED = 0.5  # of the work, when all rows are copied
HELD = 1_000_000  # users' seconds that are looked up in memory
MAX_BEHAVIOURS = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A new version, ready to be named by the dataset, and what the import gave.

    known: of the duplicates, those that were there before and came once more by intent.
    """

    dataset: Dataset
    added: int
    duplicates: int
    quarantined: dict[str, int]
    known: int = 0


def publish(stage: Stage, dataset: Dataset, progress: Callable[[float], None], *, overlaps: bool = False) -> Published:
    """Build the next version; ImportFault where there is nothing to publish. The dataset as given keeps serving.

    progress: called with the share that is done; what it raises ends the work. overlaps: rows that were there come
    once more by intent; they are not kept as duplicates.
    """
    counts = stage.counts()
    good = counts.pop("", 0)
    if not good and not dataset.version:
        raise ImportFault(
            Text(
                "no row could be taken: {why}; look at the mapping (--map) and at the valid range",
                why=why_none(counts),
            )
        )
    codes = stage.behaviours()
    if not dataset.roles_given:
        guess = roles_of([*dataset.behaviours, *codes])
        dataset = replace(dataset, roles={**guess, **dataset.roles})  # what rows already have is not changed
    if len(codes) > MAX_BEHAVIOURS:
        raise ImportFault(
            Text(
                "the behaviour column has more than {most} codes ({one}, {other} ...); is it the right one?",
                most=MAX_BEHAVIOURS,
                one=codes[0][:60],
                other=codes[1][:60],
            )
        )
    tables = stage.tables
    version = tables.create_version(dataset)
    copies.begin(stage)
    known = _fill(stage, dataset, version, lambda share: progress(share * FILLED), overlaps=overlaps)
    now = _counted(stage, dataset, version)
    tables.build_rollups(now, version, lambda share: progress(FILLED + share * (1 - FILLED)))
    _quarantine(stage)
    tables.settle(version)
    added = now.rows - dataset.rows
    return Published(now, added, good - added, counts, known)


def _fill(stage: Stage, dataset: Dataset, version: int, progress: Callable[[float], None], *, overlaps: bool) -> int:
    """Copy staged rows that are not there yet, each once.

    Rows without an equal go block by block: a block is in the version's order already, and is not sorted once more.
    The others go some users at a time. Give how many were there already; 0 where none comes once more by intent.
    """
    tables, known = stage.tables, 0
    names = [quoted(column.name) for column in event_columns(dataset.layout)]
    compared = ", ".join(name for name in names if name != quoted("role"))  # which the behaviour says
    ranks = dataset.ranks() or {"": OWN}
    role = f"transform(behaviour, {{codes:Array(String)}}, {{ranks:Array(UInt8)}}, toUInt8({OWN}))"
    chosen = ", ".join(role if name == quoted("role") else name for name in names)
    bind = {"codes": list(ranks), "ranks": list(ranks.values())} | (_times(stage) if dataset.version else {})
    insert, rows = f"INSERT INTO {tables.event(version)} ({', '.join(names)})", f"FROM {tables.name(stage.staged)}"
    passes = tables.user_ranges(stage.staged, TYPES[dataset.layout.user], PASS_ROWS, "why = ''")
    groups, found = _groups(stage), []
    steps = len(passes) + len(groups)
    _begin_doubled(stage, dataset)
    for number, (where, limits) in enumerate(passes):
        progress(number / steps)
        doubled, old = _doubled(stage, dataset, compared, where, bind | limits)
        found += [(where, bind | limits, old, doubled)] if doubled else []
    many = sum(doubled for *_, doubled in found)

    def copy(ends: tuple[int, int]) -> None:
        of = f"why = '' AND block >= {ends[0]:d} AND block <= {ends[1]:d}"
        tables.store.run(f"{insert} SELECT {chosen} {rows} WHERE {of}{_single(stage, of, many)} SETTINGS {ONE}", bind)

    with closing(abreast(groups, copy)) as copied:
        for number, _ in enumerate(copied, len(passes) + 1):
            progress(number / steps)
    for where, ends, old, _ in found:
        of = f"{rows} WHERE why = '' AND {where} AND (user_id, ts) GLOBAL IN ({_seconds(stage, where)})"
        if old and overlaps:
            sql = f"SELECT count() AS n {of} AND ({compared}) GLOBAL IN ({old})"
            known += tables.store.ask(sql, ends).one()["n"]
        unknown = f" AND ({compared}) GLOBAL NOT IN ({old})" if old else ""
        tables.store.run(f"{insert} SELECT DISTINCT {chosen} {of}{unknown}", ends)
        copies.keep(stage, dataset, compared, where, ends, old, overlaps=overlaps)
    progress(1.0)
    return known


def _groups(stage: Stage) -> list[tuple[int, int]]:
    """Give the first and the last of blocks that are copied at once: one, or as many small ones as make a good part."""
    staged = stage.tables.name(stage.staged)
    sql = f"SELECT block, count() AS n FROM {staged} WHERE why = '' GROUP BY block ORDER BY block"
    groups: list[tuple[int, int]] = []
    rows = PART_ROWS
    for found in stage.tables.store.ask(sql).named():
        first, rows = (found["block"], 0) if rows >= PART_ROWS else (groups.pop()[0], rows)
        groups.append((first, found["block"]))
        rows += found["n"]
    return groups


def _single(stage: Stage, of: str, doubled: int) -> str:
    """Give the condition that a row has no equal. of: the condition of the rows that are copied at once.

    doubled: the users' seconds in which there are equal rows; of many only those of these rows are held in memory.
    """
    if not doubled:
        return ""
    staged, there = stage.tables.name(stage.staged), stage.tables.name(stage.doubled)
    own = f" WHERE (user_id, ts) GLOBAL IN (SELECT user_id, ts FROM {staged} WHERE {of})" if doubled > HELD else ""
    return f" AND (user_id, ts) GLOBAL NOT IN (SELECT user_id, ts FROM {there}{own})"


def _seconds(stage: Stage, where: str) -> str:
    """Give the SELECT of the users and seconds in which rows of a pass may be equal."""
    return f"SELECT user_id, ts FROM {stage.tables.name(stage.doubled)} WHERE {where}"


def _times(stage: Stage) -> dict[str, int]:
    """Give the first and the last second of good rows, as the values from_ts and to_ts."""
    sql = f"SELECT min(ts) AS from_ts, max(ts) AS to_ts FROM {stage.tables.name(stage.staged)} WHERE why = ''"
    return stage.tables.store.ask(sql).one()


def _begin_doubled(stage: Stage, dataset: Dataset) -> None:
    """Make the table of users and seconds in which rows may be equal: here alone, on a cluster, too."""
    tables, columns = stage.tables, f"user_id {TYPES[dataset.layout.user]}, ts Int64"
    tables.drop(stage.doubled)
    tables.store.run(f"CREATE TABLE {tables.name(stage.doubled)} ({columns}) ENGINE = MergeTree ORDER BY (user_id, ts)")


def _doubled(stage: Stage, dataset: Dataset, compared: str, where: str, ends: dict[str, Any]) -> tuple[int, str]:
    """Collect the users and seconds in which rows of a pass may be equal, to each other or to old ones.

    Give their number, and a SELECT of the old rows there, "" where there are none. First by a hash of user and second,
    then, where that is doubled, of the whole row. All other rows have no equal. To compare all takes ten times as long.
    """
    tables, doubled = stage.tables, stage.tables.name(stage.doubled)
    new = f"FROM {tables.name(stage.staged)} WHERE why = '' AND {where}"
    pairs = f"SELECT cityHash64(user_id, ts) AS k {new} GROUP BY k HAVING count() > 1"
    tables.store.run(
        f"INSERT INTO {doubled} SELECT user_id, ts {new} AND cityHash64(user_id, ts) GLOBAL IN ({pairs})"
        f" GROUP BY user_id, ts, cityHash64({compared}) HAVING count() > 1 SETTINGS {SPILL}",
        ends,
    )
    old = ""
    if dataset.version:
        there = (
            f"FROM {tables.event(dataset.version)} WHERE ts >= {{from_ts:Int64}} AND ts <= {{to_ts:Int64}} AND {where}"
        )
        known = f"SELECT DISTINCT user_id, ts {there} AND (user_id, ts) GLOBAL IN (SELECT user_id, ts {new})"
        tables.store.run(f"INSERT INTO {doubled} {known}", ends)
        old = f"SELECT {compared} {there} AND (user_id, ts) GLOBAL IN ({_seconds(stage, where)})"
    return tables.store.ask(f"SELECT count() AS n FROM {doubled} WHERE {where}", ends).one()["n"], old


def _quarantine(stage: Stage) -> None:
    """Keep the lines that are no rows, by import; an earlier attempt of the same import is replaced."""
    tables = stage.tables
    name = tables.name("quarantine")
    tables.store.run(
        f"CREATE TABLE IF NOT EXISTS {name} (run UInt32, why LowCardinality(String), line String)"
        " ENGINE = MergeTree PARTITION BY run ORDER BY (why, line)"
    )
    tables.store.run(f"ALTER TABLE {name} DROP PARTITION {stage.run:d}")
    tables.store.run(
        f"INSERT INTO {name} SELECT {stage.run:d}, why, line FROM {tables.name(stage.staged)} WHERE why != ''"
    )


def _counted(stage: Stage, dataset: Dataset, version: int) -> Dataset:
    tables = stage.tables
    event = tables.event(version)
    total = tables.store.ask(
        f"SELECT count() AS rows, uniqExact(user_id) AS users, min(ts) AS first, max(ts) AS last FROM {event}"
    ).one()
    codes = tables.store.ask(
        f"SELECT behaviour, count() AS rows FROM {event} GROUP BY behaviour ORDER BY behaviour"
    ).named()
    return replace(
        dataset,
        version=version,
        rows=total["rows"],
        users=total["users"],
        first_ts=total["first"],
        last_ts=total["last"],
        behaviours={row["behaviour"]: row["rows"] for row in codes},
    )

"""Make a new version of a dataset from its old one and what an import has staged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

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
WRITING = "max_insert_threads = 2"
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
    known = _fill(stage, dataset, version, progress, overlaps=overlaps)
    tables.build_rollups(dataset, version)
    _quarantine(stage)
    now = _counted(stage, dataset, version)
    tables.settle(version)
    added = now.rows - dataset.rows
    return Published(now, added, good - added, counts, known)


def _fill(stage: Stage, dataset: Dataset, version: int, progress: Callable[[float], None], *, overlaps: bool) -> int:
    """Copy staged rows that are not there yet, each once, some users at a time.

    Give how many were there already; 0 where none comes once more by intent.
    """
    tables, known = stage.tables, 0
    names = [quoted(column.name) for column in event_columns(dataset.layout)]
    compared = ", ".join(name for name in names if name != quoted("role"))  # which the behaviour says
    ranks = dataset.ranks() or {"": OWN}
    role = f"transform(behaviour, {{codes:Array(String)}}, {{ranks:Array(UInt8)}}, toUInt8({OWN}))"
    chosen = ", ".join(role if name == quoted("role") else name for name in names)
    bind = {"codes": list(ranks), "ranks": list(ranks.values())}
    new, event = tables.name(stage.staged), tables.event(version)
    passes = tables.user_ranges(stage.staged, TYPES[dataset.layout.user], PASS_ROWS, "why = ''")
    bind |= _times(stage) if dataset.version else {}
    for number, (where, limits) in enumerate(passes):
        progress(number / len(passes))
        ends = bind | limits
        doubled, old = _doubled(stage, dataset, compared, where, ends)
        insert, rows = f"INSERT INTO {event} ({', '.join(names)})", f"FROM {new} WHERE why = '' AND {where}"
        there = f"IN {tables.name(stage.doubled)}"
        single = f" AND (user_id, ts) GLOBAL NOT {there}" if doubled else ""
        tables.store.run(f"{insert} SELECT {chosen} {rows}{single} SETTINGS {WRITING}", ends)
        if doubled:
            rows = f"{rows} AND (user_id, ts) GLOBAL {there}"
            if old and overlaps:
                sql = f"SELECT count() AS n {rows} AND ({compared}) GLOBAL IN ({old})"
                known += tables.store.ask(sql, ends).one()["n"]
            unknown = f" AND ({compared}) GLOBAL NOT IN ({old})" if old else ""
            tables.store.run(f"{insert} SELECT DISTINCT {chosen} {rows}{unknown}", ends)
            copies.keep(stage, dataset, compared, where, ends, old, overlaps=overlaps)
    progress(1.0)
    return known


def _times(stage: Stage) -> dict[str, int]:
    """Give the first and the last second of good rows, as the values from_ts and to_ts."""
    sql = f"SELECT min(ts) AS from_ts, max(ts) AS to_ts FROM {stage.tables.name(stage.staged)} WHERE why = ''"
    return stage.tables.store.ask(sql).one()


def _doubled(stage: Stage, dataset: Dataset, compared: str, where: str, ends: dict[str, Any]) -> tuple[int, str]:
    """Collect the users and seconds in which rows of a pass may be equal, to each other or to old ones.

    Give their number, and a SELECT of the old rows there, "" where there are none. First by a hash of user and second,
    then, where that is doubled, of the whole row. All other rows have no equal. To compare all takes ten times as long.
    """
    tables, doubled = stage.tables, stage.tables.name(stage.doubled)
    tables.drop(stage.doubled)
    tables.store.run(f"CREATE TABLE {doubled} (user_id {TYPES[dataset.layout.user]}, ts Int64) ENGINE = Memory")
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
        old = f"SELECT {compared} {there} AND (user_id, ts) GLOBAL IN {doubled}"
    return tables.store.ask(f"SELECT count() AS n FROM {doubled}").one()["n"], old


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

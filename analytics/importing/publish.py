"""Make a new version of a dataset from its old one and what an import has staged."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from analytics.dataset import OWN, Dataset
from analytics.importing.blocks import ImportFault
from analytics.importing.mapping import roles_of
from analytics.importing.stage import Stage
from analytics.store.names import quoted
from analytics.store.schema import event_columns

PASS_ROWS = 6_000_000  # rows whose duplicates are found at once: some 1.2 GB of hash table
MAX_BEHAVIOURS = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A new version, ready to be named by the dataset, and what the import gave."""

    dataset: Dataset
    added: int
    duplicates: int
    quarantined: dict[str, int]


def publish(stage: Stage, dataset: Dataset, progress: Callable[[float], None]) -> Published:
    """Build the next version; ImportFault where there is nothing to publish. The dataset as given keeps serving.

    progress: called with the share that is done; what it raises ends the work.
    """
    counts = stage.counts()
    good = counts.pop("", 0)
    if not good and not dataset.version:
        why = ", ".join(f"{number} for {name}" for name, number in counts.items()) or "the source is empty"
        raise ImportFault(f"no row could be taken: {why}; look at the mapping (--map) and at the valid range")
    codes = stage.behaviours()
    if not dataset.roles_given:
        guess = roles_of([*dataset.behaviours, *codes])
        dataset = replace(dataset, roles={**guess, **dataset.roles})  # what rows already have is not changed
    if len(codes) > MAX_BEHAVIOURS:
        raise ImportFault(
            f"the behaviour column has more than {MAX_BEHAVIOURS} codes ({codes[0]}, {codes[1]} ...);"
            " is it the right one?"
        )
    tables = stage.tables
    version = tables.create_version(dataset)
    _fill(stage, dataset, version, good, progress)
    tables.build_user_day(dataset, version)
    _quarantine(stage)
    now = _counted(stage, dataset, version)
    added = now.rows - dataset.rows
    return Published(now, added, good - added, counts)


def _fill(stage: Stage, dataset: Dataset, version: int, good: int, progress: Callable[[float], None]) -> None:
    """Copy staged rows that are not there yet, each once, some users at a time."""
    tables = stage.tables
    names = [quoted(column.name) for column in event_columns(dataset.layout)]
    columns, passes = ", ".join(names), max(1, -(-good // PASS_ROWS))
    role = f"transform(toString(behaviour), {{codes:Array(String)}}, {{ranks:Array(UInt8)}}, toUInt8({OWN})) AS role"
    staged = columns.replace(quoted("role"), role, 1)
    ranks = dataset.ranks() or {"": OWN}
    old, bind = "", {"passes": passes, "codes": list(ranks), "ranks": list(ranks.values())}
    if dataset.version and good:
        span = tables.store.ask(
            f"SELECT min(ts) AS low, max(ts) AS high FROM {tables.name(stage.staged)} WHERE why = ''"
        ).one()
        bind |= span
        old = (
            f"AND ({columns}) NOT IN (SELECT {columns} FROM {tables.event(dataset.version)}"
            " WHERE ts BETWEEN {low:Int64} AND {high:Int64}"
            " AND cityHash64(user_id) % {passes:UInt32} = {number:UInt32})"
        )
    for number in range(passes if good else 0):
        progress(number / passes)
        tables.store.run(
            f"INSERT INTO {tables.event(version)} ({columns}) SELECT DISTINCT {staged} FROM {tables.name(stage.staged)}"
            f" WHERE why = '' AND cityHash64(user_id) % {{passes:UInt32}} = {{number:UInt32}} {old}",
            {**bind, "number": number},
        )
    progress(1.0)


def _quarantine(stage: Stage) -> None:
    """Keep the lines that are no rows, by import; an earlier attempt of the same import is replaced."""
    tables = stage.tables
    name = tables.name("quarantine")
    tables.store.run(
        f"CREATE TABLE IF NOT EXISTS {name} (run UInt32, why LowCardinality(String), line String)"
        " ENGINE = MergeTree PARTITION BY run ORDER BY why"
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

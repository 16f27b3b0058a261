"""Make a new version of a dataset from its old one and what an import has staged."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from analytics.dataset import Dataset
from analytics.importing import copies
from analytics.importing.blocks import ImportFault
from analytics.importing.filling import Filling
from analytics.importing.mapping import roles_of
from analytics.importing.stage import Stage, why_none
from sdk.text import Text

FILLED = 0.5  # of the work, when all rows are copied
MAX_BEHAVIOURS = 200


@dataclass(frozen=True, slots=True)
class Published:
    """A new version, ready to be named by the dataset, and what the import gave.

    known: of the duplicates, those that were there before and came once more by intent. quarantined: lines set aside,
    by reason.
    """

    dataset: Dataset
    added: int
    duplicates: int
    quarantined: dict[str, int]
    known: int = 0


def publish(stage: Stage, dataset: Dataset, progress: Callable[[float], None], *, overlaps: bool = False) -> Published:
    """Build the next version; ImportFault where there is nothing to publish. The dataset as given keeps serving.

    progress: called with the share that is done; what it raises ends the work. overlaps: rows that were there come
    once more by intent; they are not kept as duplicates, nor are lines set aside that were before.
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
    known = Filling(stage, dataset, version).run(lambda share: progress(share * FILLED), overlaps=overlaps)
    now = _counted(stage, dataset, version)
    tables.build_rollups(now, version, lambda share: progress(FILLED + share * (1 - FILLED)))
    kept = _quarantine(stage, overlaps=overlaps)
    tables.settle(version)
    added = now.rows - dataset.rows
    return Published(now, added, good - added, kept, known)


def _quarantine(stage: Stage, *, overlaps: bool) -> dict[str, int]:
    """Keep the lines that are no rows, by import, and count them by reason.

    An earlier attempt of the same import is replaced. overlaps: lines that an import before has kept for the same
    reason come once more by intent, and are not kept again.
    """
    tables = stage.tables
    name = tables.name("quarantine")
    tables.store.run(
        f"CREATE TABLE IF NOT EXISTS {name} (run UInt32, why LowCardinality(String), line String)"
        " ENGINE = MergeTree PARTITION BY run ORDER BY (why, line)"
    )
    tables.store.run(f"ALTER TABLE {name} DROP PARTITION {stage.run:d}")
    key = "sipHash128(toString(why), line)"  # a line may be long, and memory holds those that are compared
    broken = f"FROM {tables.name(stage.staged)} WHERE why != ''"
    known = f"SELECT {key} FROM {name} WHERE {key} GLOBAL IN (SELECT {key} {broken})"
    new = f" AND {key} GLOBAL NOT IN ({known})" if overlaps else ""
    tables.store.run(f"INSERT INTO {name} SELECT {stage.run:d}, why, line {broken}{new}")
    kept = tables.store.ask(f"SELECT why, count() AS rows FROM {name} WHERE run = {stage.run:d} GROUP BY why")
    return {row["why"]: row["rows"] for row in kept.named()}


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

"""Copy an import's staged rows into a new version: each once, and none that is there already.

Rows without an equal go block by block: a block lies in the version's order already, and is not sorted once more. Those
in whose second their user has equal rows go some users at a time; all rows do where there are many such seconds, for
each block would have to look through all of them.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from typing import Any

from analytics.abreast import abreast
from analytics.dataset import OWN, Dataset
from analytics.importing import copies
from analytics.importing.stage import Stage
from analytics.store.names import quoted
from analytics.store.schema import SPILL, TYPES, event_columns

PASS_ROWS = 6_000_000  # rows whose duplicates are found at once; were all of them doubled, some 1.2 GB
ONE = "max_threads = 1"  # what reads one part reads it in its order
WRITING = "max_insert_threads = 2"
PART_ROWS = 500_000  # of a part of a version, at the least
HELD = 1_000_000  # users' seconds with equal rows that each block looks at
FOUND = 0.3  # of the work, when it is known where equal rows are


@dataclass(frozen=True, slots=True)
class Pass:
    """Some users in whose rows there are equal ones.

    where, ends: the condition of their rows and its values. old: a SELECT of the rows that were there, "" where none
    were. doubled: the seconds in which rows are equal.
    """

    where: str
    ends: dict[str, Any]
    old: str
    doubled: int


class Filling:
    """The copying of one import's rows into one version."""

    def __init__(self, stage: Stage, dataset: Dataset, version: int) -> None:
        self._stage, self._dataset, self._store = stage, dataset, stage.tables.store
        self._staged, self._doubled = stage.tables.name(stage.staged), stage.tables.name(stage.doubled)
        names = [quoted(column.name) for column in event_columns(dataset.layout)]
        self._compared = ", ".join(name for name in names if name != quoted("role"))  # which the behaviour says
        ranks = dataset.ranks() or {"": OWN}
        role = f"transform(behaviour, {{codes:Array(String)}}, {{ranks:Array(UInt8)}}, toUInt8({OWN}))"
        self._chosen = ", ".join(role if name == quoted("role") else name for name in names)
        self._insert = f"INSERT INTO {stage.tables.event(version)} ({', '.join(names)})"
        self._bind = {"codes": list(ranks), "ranks": list(ranks.values())} | (self._times() if dataset.version else {})

    def run(self, progress: Callable[[float], None], *, overlaps: bool) -> int:
        """Copy all; give how many rows were there already, 0 where none comes once more by intent (overlaps).

        progress: called with the share that is done; what it raises ends the work.
        """
        kind = TYPES[self._dataset.layout.user]
        passes = self._stage.tables.user_ranges(self._stage.staged, kind, PASS_ROWS, "why = ''")
        groups = self._groups()
        self._begin(kind)
        found = []
        for number, (where, limits) in enumerate(passes):
            progress(FOUND * number / len(passes))
            found.append(self._look(where, self._bind | limits))
        many = sum(one.doubled for one in found) > HELD
        steps = len(found) + (0 if many else len(groups))
        done = (FOUND + (1 - FOUND) * number / steps for number in count(1))
        if not many:
            with closing(abreast(groups, self._copy_blocks)) as copied:
                for _ in copied:
                    progress(next(done))
        known = 0
        for one in found:
            if many:
                self._copy(one.where, one.where, one.ends, WRITING)
            known += self._copy_equal(one, overlaps=overlaps) if one.doubled else 0
            progress(next(done))
        progress(1.0)
        return known

    def _times(self) -> dict[str, int]:
        """Give the first and the last second of good rows, as the values from_ts and to_ts."""
        return self._store.ask(f"SELECT min(ts) AS from_ts, max(ts) AS to_ts FROM {self._staged} WHERE why = ''").one()

    def _groups(self) -> list[tuple[int, int]]:
        """Give the first and the last of blocks that are copied at once: one, or as many as make a good part."""
        sql = f"SELECT block, count() AS n FROM {self._staged} WHERE why = '' GROUP BY block ORDER BY block"
        groups: list[tuple[int, int]] = []
        rows = PART_ROWS
        for found in self._store.ask(sql).named():
            first, rows = (found["block"], 0) if rows >= PART_ROWS else (groups.pop()[0], rows)
            groups.append((first, found["block"]))
            rows += found["n"]
        return groups

    def _begin(self, kind: str) -> None:
        """Make the table of users and seconds in which rows may be equal: here alone, on a cluster, too."""
        self._stage.tables.drop(self._stage.doubled)
        columns = f"user_id {kind}, ts Int64"
        self._store.run(f"CREATE TABLE {self._doubled} ({columns}) ENGINE = MergeTree ORDER BY (user_id, ts)")

    def _look(self, where: str, ends: dict[str, Any]) -> Pass:
        """Collect the users and seconds in which rows of a pass may be equal, to each other or to old ones.

        First by a hash of user and second, then, where that is doubled, of the whole row. All other rows have no equal.
        To compare all takes ten times as long.
        """
        insert, new = f"INSERT INTO {self._doubled}", f"FROM {self._staged} WHERE why = '' AND {where}"
        pairs = f"SELECT cityHash64(user_id, ts) AS k {new} GROUP BY k HAVING count() > 1"
        self._store.run(
            f"{insert} SELECT user_id, ts {new} AND cityHash64(user_id, ts) GLOBAL IN ({pairs})"
            f" GROUP BY user_id, ts, cityHash64({self._compared}) HAVING count() > 1 SETTINGS {SPILL}",
            ends,
        )
        old = ""
        if self._dataset.version:
            event = self._stage.tables.event(self._dataset.version)
            there = f"FROM {event} WHERE ts >= {{from_ts:Int64}} AND ts <= {{to_ts:Int64}} AND {where}"
            known = f"SELECT DISTINCT user_id, ts {there} AND (user_id, ts) GLOBAL IN (SELECT user_id, ts {new})"
            self._store.run(f"{insert} {known}", ends)
            old = f"SELECT {self._compared} {there} AND (user_id, ts) GLOBAL IN ({self._seconds(where)})"
        doubled = self._store.ask(f"SELECT count() AS n FROM {self._doubled} WHERE {where}", ends).one()["n"]
        return Pass(where, ends, old, doubled)

    def _seconds(self, where: str) -> str:
        """Give the SELECT of the users and seconds in which rows may be equal. where: whose."""
        return f"SELECT user_id, ts FROM {self._doubled} WHERE {where}"

    def _copy_blocks(self, ends: tuple[int, int]) -> None:
        """Copy the rows of some blocks that have no equal. ends: the first and the last of them."""
        self._copy(f"block >= {ends[0]:d} AND block <= {ends[1]:d}", "1", self._bind, ONE)

    def _copy(self, of: str, doubled: str, ends: dict[str, Any], settings: str) -> None:
        """Copy rows that have no equal. of: which; doubled: which of the seconds with equal rows may be theirs."""
        single = f"(user_id, ts) GLOBAL NOT IN ({self._seconds(doubled)})"
        select = f"SELECT {self._chosen} FROM {self._staged} WHERE why = '' AND {of} AND {single}"
        self._store.run(f"{self._insert} {select} SETTINGS {settings}", ends)

    def _copy_equal(self, one: Pass, *, overlaps: bool) -> int:
        """Copy one of each equal rows that is not there yet, and keep those left out; give how many were there."""
        known = 0
        seconds = f"(user_id, ts) GLOBAL IN ({self._seconds(one.where)})"
        of = f"FROM {self._staged} WHERE why = '' AND {one.where} AND {seconds}"
        if one.old and overlaps:
            sql = f"SELECT count() AS n {of} AND ({self._compared}) GLOBAL IN ({one.old})"
            known = self._store.ask(sql, one.ends).one()["n"]
        unknown = f" AND ({self._compared}) GLOBAL NOT IN ({one.old})" if one.old else ""
        self._store.run(f"{self._insert} SELECT DISTINCT {self._chosen} {of}{unknown}", one.ends)
        copies.keep(self._stage, self._dataset, self._compared, one.where, one.ends, one.old, overlaps=overlaps)
        return known

"""A report's question, beside the SQL that somebody who knows ClickHouse would write for it by hand."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
ZONE = "Asia/Shanghai"
DAY = f"toDate(ts, '{ZONE}')"
D = f"toInt32({DAY})"  # the day's number since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question, and one way to answer it by hand on the same table of events, without our rollups.

    params: of the report, its defaults where there are none. sql: the statements, $event the table; they give the
    columns of our result by its names, `key` among them. then: a further statement, written from the first ones' rows.
    figures: the columns that must be the same. ours, theirs: bring rows into the form that is compared.
    """

    report: str
    key: tuple[str, ...]
    figures: tuple[str, ...]
    sql: Sequence[str]
    name: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    then: Callable[[list[Row]], str] | None = None
    ours: Callable[[list[Row]], list[Row]] = list
    theirs: Callable[[list[list[Row]]], list[Row]] = lambda answers: [row for rows in answers for row in rows]
    aim: float = 0.0  # seconds that 100 M rows may take; 0: none is set

    @property
    def title(self) -> str:
        """Give the name under which its figures stand."""
        return self.name or self.report


def differences(case: Case, ours: list[Row], theirs: list[list[Row]]) -> list[str]:
    """Say where our answer is another one than that by hand: for each of our rows its figures, those blank left out."""
    found: dict[tuple[str, ...], Row] = {}
    for row in case.theirs(theirs):
        found.setdefault(_key(case, row), {}).update(row)
    wrong, compared = [], 0
    for row in case.ours(ours):
        other = found.get(_key(case, row), {})
        for name in case.figures:
            if row[name] is None:
                continue
            compared += 1
            if not _same(row[name], other.get(name)):
                wrong.append(f"{case.title} {' '.join(_key(case, row))} {name}: {row[name]} and {other.get(name)}")
    return wrong if compared else [f"{case.title}: there is nothing to compare"]


def _key(case: Case, row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in case.key)


def _same(one: Any, other: Any) -> bool:
    if one == other:
        return True
    try:
        return math.isclose(float(one), float(other or 0), rel_tol=1e-9, abs_tol=1e-6)
    except (TypeError, ValueError):
        return False

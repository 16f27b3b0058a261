"""Answer a report: from the cache where the same was asked of the same version, else from the store."""

import hashlib
import json
import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from analytics.asking import Data
from analytics.dataset import Dataset
from analytics.store.client import Askable
from sdk import ParamError
from sdk.params import check
from sdk.report import Chart, Column, Report, Result, plain
from sdk.text import Text

CACHE_FILES = 5000  # some 100 MB of results; the oldest go first


@dataclass(frozen=True, slots=True)
class Answer:
    """A report's result with its circumstances.

    seconds: it took to compute; at: Unix seconds of that; again: from the cache.
    """

    report: str
    dataset: str
    version: int
    params: Mapping[str, Any]
    result: Result
    seconds: float
    at: float
    again: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Give the JSON that is promised to scripts, and some circumstances."""
        return {
            "report": self.report,
            "dataset": self.dataset,
            "params": dict(self.params),
            "columns": [
                {"name": column.name, "unit": column.unit, "key": column.key, "listed": column.listed}
                for column in self.result.columns
            ],
            "rows": [list(row) for row in self.result.rows],
            "notes": list(self.result.notes),
            "sql": self.result.sql,
            "seconds": round(self.seconds, 3),
            "version": self.version,
            "computed_at": int(self.at),
            "cached": self.again,
        }


def answer(
    store: Askable,
    dataset: Dataset,
    report: Report,
    raw: Mapping[str, Any],
    *,
    now: float,
    cache: "Cache | None" = None,
    client: str = "",
) -> Answer:
    """Give a report's answer. raw: the parameters as written.

    ParamError names the parameters that are wrong; NotSupported says what the data lack; StoreError, that the store
    failed.
    """
    params = parsed(report, raw)
    key = _key(dataset, report, plain(params))
    if cache and (kept := cache.get(key)):
        return kept
    data = Data(store, dataset, client)
    data.need(*report.declaration.needs)
    started = time.perf_counter()
    result = report.run(data, params)
    rows = [[_plain(value) for value in row] for row in result.rows]
    result = replace(result, rows=rows, sql=result.sql or data.sql, chart=result.chart or report.declaration.chart)
    found = Answer(
        report.name, dataset.name, dataset.version, plain(params), result, time.perf_counter() - started, now
    )
    if cache:
        cache.put(key, found)
    return found


def parsed(report: Report, raw: Mapping[str, Any]) -> Any:  # noqa: ANN401  # the report's own Params
    """Read a report's parameters; ParamError names every one that is wrong. As sdk.parse, with the fields read once."""
    values = check(report.fields, raw)
    try:
        return report.params(**values)
    except ValueError as error:
        raise ParamError({"": Text.of(error.args[0] if error.args else "")}) from error


def _plain(value: Any) -> Any:  # noqa: ANN401  # what the store gives
    """Give a value as JSON has it; what is no number is no data."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _key(dataset: Dataset, report: Report, params: Mapping[str, Any]) -> str:
    """Name an answer by all that it depends on: the rows, what they mean, the code that asks, its parameters."""
    return key_of(dataset, report.name, report.run.__code__.co_filename, params)


@cache
def _core() -> str:
    """Give the digest of what reports are built from: a mended clause must not leave old answers standing."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def key_of(dataset: Dataset, name: str, code: str, values: Mapping[str, Any]) -> str:
    """Name numbers that are no report's, by all that they depend on. code: the file that counts them."""
    digests = [_core(), hashlib.sha256(Path(code).read_bytes()).hexdigest()]
    words = [meaning(dataset), name, digests, dict(values)]
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def meaning(dataset: Dataset) -> dict[str, str]:
    """Give all that a dataset's numbers depend on, the same in every process: a set's own order is not."""
    values = {one: getattr(dataset, one) for one in Dataset.__dataclass_fields__}
    return {one: repr(sorted(value) if isinstance(value, frozenset) else value) for one, value in values.items()}


class Cache:
    """Answers as files in one folder; any process may read and write them at any time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Answer | None:
        """Give what was kept; None where nothing was, or it cannot be read any more."""
        kept = self.plain(key)
        if kept is None:
            return None
        try:
            result = kept.pop("result")
            columns = tuple(Column(**{**column, "of": tuple(column["of"])}) for column in result["columns"])
            chart = Chart(**{**result["chart"], "y": tuple(result["chart"]["y"])}) if result["chart"] else None
            notes = tuple(Text.from_dict(note) if isinstance(note, dict) else note for note in result["notes"])
            whole = Result(columns, result["rows"], notes, result["sql"], chart)
            return Answer(**{**kept, "result": whole, "again": True})
        except (ValueError, TypeError, KeyError):
            return None

    def plain(self, key: str) -> dict[str, Any] | None:
        """Give kept JSON values; None where there are none."""
        try:
            kept = json.loads((self._folder / f"{key}.json").read_text())
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, dict) else None

    def put(self, key: str, kept: Answer) -> None:
        """Keep an answer."""
        written = asdict(kept)
        written["result"]["notes"] = [n.as_dict() if isinstance(n, Text) else n for n in kept.result.notes]
        self.keep(key, written)

    def keep(self, key: str, written: Mapping[str, Any]) -> None:
        """Keep JSON values; the oldest go when there are too many."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._folder / f"{key}.{os.getpid()}.{threading.get_ident()}.new"  # two cards may ask the same at once
        new.write_text(json.dumps(written))
        new.replace(self._folder / f"{key}.json")
        files = list(self._folder.glob("*.json"))
        if len(files) > CACHE_FILES:
            for path in sorted(files, key=_age)[: CACHE_FILES // 10]:
                path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0

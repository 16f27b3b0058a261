"""Find the reports: each file in analytics/reports is one; nothing is registered."""

import importlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sdk.errors import ModuleError
from sdk.report import Report, read_report

FOLDER = Path(__file__).parent / "reports"


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that is no report, with the sentence that says why."""

    name: str
    error: str


def names() -> list[str]:
    """Give the names of all report files."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


@cache
def found(name: str) -> Report | Broken:
    """Read one report file."""
    try:
        return read_report(name, importlib.import_module(f"analytics.reports.{name}"))
    except ModuleError as error:
        where = f"line {error.line}: " if error.line else ""
        return Broken(name, f"analytics/reports/{name}.py: {where}{error}")
    except Exception as error:  # noqa: BLE001  # a report's file is anyone's code; it must not take the others with it
        return Broken(name, f"analytics/reports/{name}.py: {type(error).__name__}: {error}")


def every() -> list[Report | Broken]:
    """Give all reports, in the order of their names."""
    return [found(name) for name in names()]


def one(name: str) -> Report:
    """Give a report; LookupError with a sentence when there is none, or its file is broken."""
    if name not in names():
        raise LookupError(f"there is no report {name[:60]!r}; there are: {', '.join(names())}")
    report = found(name)
    if isinstance(report, Broken):
        raise LookupError(report.error)
    return report

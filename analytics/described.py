"""Datasets, imports and reports as JSON: what the command line's `--json` and the API say of them."""

from typing import Any

from analytics import claims
from analytics.catalog import Broken
from analytics.models import Dataset, ImportRun
from sdk.report import Report

State = ImportRun.State


def dataset_json(row: Dataset, last: ImportRun | None) -> dict[str, Any]:
    """Describe a dataset. last: its newest import; first, last: the local days of its first and last row."""
    core = row.as_core()
    return {
        "name": row.name,
        "rows": row.rows,
        "users": row.users,
        "zone": row.zone,
        "version": row.version,
        "first": str(core.first_day) if row.version else None,
        "last": str(core.day_of(core.last_ts)) if row.version else None,
        "duplicates": row.duplicates,
        "quarantined": row.quarantined,
        "behaviours": row.behaviours,
        "roles": row.roles,
        "generated": row.generated,
        "people": row.people,
        "last_import": {"state": last.state, "done": last.done, "error": last.error} if last else None,
    }


def import_json(run: ImportRun) -> dict[str, Any]:
    """Describe an import. done: the share of its step; open: it waits, runs, or goes on by itself."""
    state, alive = standing(run, run.dataset.claim)
    return {
        "id": run.pk,
        "dataset": run.dataset.name,
        "state": state,
        "open": run.open,
        "step": run.step,
        "done": round(run.done, 4),
        "rows_read": run.rows_read,
        "rows_a_second": round(run.speed) if run.speed and alive else None,
        "seconds_left": round(run.left) if run.left is not None and alive else None,
        "added": run.added,
        "duplicates": run.duplicates,
        "quarantined": run.quarantined,
        "error": run.error,
        "asked_by": run.asked_by,
        "asked_at": int(run.started.timestamp()),
        "ended_at": int(run.ended.timestamp()) if run.ended else None,
    }


def standing(run: ImportRun, claim: str) -> tuple[str, bool]:
    """Give an import's state, and whether a program works on it: one whose program has died does not run."""
    alive = run.state == State.RUNNING and bool(claim) and claims.lives(claim) is not False
    return str(State.STOPPED if run.state == State.RUNNING and not alive else run.state), alive


def report_json(report: Report | Broken) -> dict[str, Any]:
    """Describe a report with its parameters; of a file that is none, only the sentence that says why."""
    if isinstance(report, Broken):
        return {"name": report.name, "error": report.error}
    return {
        "name": report.name,
        "title": report.title,
        "help": report.help,
        "category": report.declaration.category,
        "needs": list(report.declaration.needs),
        "params": [field.as_dict() for field in report.fields],
        "error": "",
    }

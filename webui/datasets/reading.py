"""What pages say of datasets and their imports: from the database alone, so that they stand when the store is away."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.described import standing
from analytics.models import Dataset, ImportRun
from sdk.text import Text
from webui.datasets import uploads
from webui.datasets.words import reason
from webui.reports.said import said
from webui.templatetags.ui import duration

State = ImportRun.State
PEOPLE_WORDS = {
    "user": gettext_lazy("User"),
    "registered_at": gettext_lazy("Registered at"),
    "channel": gettext_lazy("Channel"),
}
IMPORTS = 20  # of the newest, on a dataset's page


@dataclass(frozen=True, slots=True)
class Line:
    """An import as a page shows it. state: a word of webui.statuses; alive: whether a program works on it."""

    run: ImportRun
    state: str
    alive: bool

    @property
    def percent(self) -> int:
        """Give how far the step is."""
        return min(100, int(100 * self.run.done))

    @property
    def speed(self) -> int | None:
        """Give rows a second while they are read."""
        return round(self.run.speed) if self.run.speed and self.alive else None

    @property
    def left(self) -> str:
        """Give the time left, "" where nothing is known."""
        left = self.run.left
        return duration(max(1.0, float(round(left)))) if left is not None and self.alive else ""

    @property
    def aside(self) -> list[tuple[str, str, int]]:
        """Give the rows set aside: why, in words, how many."""
        return [(why, reason(why), number) for why, number in self.run.quarantined.items()]

    @property
    def error(self) -> str:
        """Say why it failed, in the reader's language."""
        return said(Text.from_dict(self.run.fault)) if self.run.fault else self.run.error

    @property
    def again(self) -> str:
        """Say which attempt it is, or will be; "" where no worker has died over it."""
        number = self.run.attempts + (not self.alive)
        if not self.run.open or not 1 < number <= self.run.MOST_ATTEMPTS or not self.run.attempts:
            return ""
        said = {"number": number, "most": self.run.MOST_ATTEMPTS}
        return _("Attempt %(number)d of %(most)d: the worker before it ended without a word.") % said

    @property
    def set_aside(self) -> int:
        """Give how many rows were set aside."""
        return sum(self.run.quarantined.values())

    @property
    def can_save_duplicates(self) -> bool:
        """Say whether it left out duplicates that can be saved; what a sync reads once more by intent is none."""
        ours = not self.run.request.get("people") and not self.run.is_sync
        return bool(self.run.state == State.DONE and self.run.duplicates and ours)

    @property
    def can_retry(self) -> bool:
        """Say whether a page may ask for it again: what it reads must still be there."""
        ended = self.run.state in (State.FAILED, State.CANCELLED)
        return ended and bool(self.run.request) and not uploads.is_gone(self.run)

    @property
    def look_again(self) -> str:
        """Give the query of the page where its rows are named anew; "" where that is of no use."""
        source = self.run.request.get("source", {})
        if self.state != State.FAILED or not source or source.get("sync") or self.run.request.get("people"):
            return ""
        kind = "mysql" if "mysql" in source else "upload" if uploads.is_uploaded(self.run) else "folder"
        row = self.run.dataset
        return urlencode({"source": kind} | ({"into": row.name} if row.version else {}))

    @property
    def can_cancel(self) -> bool:
        """Say whether it can be cancelled."""
        return self.run.open and not self.run.cancel


def lines(row: Dataset) -> list[Line]:
    """Give a dataset's newest imports. One query."""
    return [line_of(run, row.claim) for run in row.runs.all()[:IMPORTS]]


def line_of(run: ImportRun, claim: str) -> Line:
    """Give an import as a page shows it: one whose program has died does not run."""
    return Line(run, *standing(run, claim))


def overview() -> list[dict[str, Any]]:
    """Give all datasets with their newest imports. Two queries."""
    newest = ImportRun.objects.filter(dataset=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    rows = list(Dataset.objects.annotate(newest=Subquery(newest)))
    runs = ImportRun.objects.in_bulk([row.newest for row in rows if row.newest])
    found = []
    for row in rows:
        run = runs.get(row.newest)
        found.append({"row": row, "days": days(row), "last": line_of(run, row.claim) if run else None})
    return found


def days(row: Dataset) -> tuple[str, str]:
    """Give the local days of the first and the last row; "" where there are none."""
    core = row.as_core()
    return (str(core.first_day), str(core.day_of(core.last_ts))) if row.version else ("", "")


def valid(row: Dataset) -> tuple[str, str]:
    """Give the first and the last valid day, "" where any is."""
    core = row.as_core()

    def day(ts: int | None, before: timedelta) -> str:
        return str((core.local(ts) - before).date()) if ts is not None else ""

    return day(row.valid_from, timedelta(0)), day(row.valid_to, timedelta(hours=1))


def behaviours(row: Dataset) -> list[dict[str, Any]]:
    """Give the behaviours with their rows and roles, the most frequent first."""
    known = sorted(row.behaviours.items(), key=lambda pair: -pair[1])
    return [{"code": code, "rows": rows, "role": row.roles.get(code, "")} for code, rows in known]


def people(row: Dataset) -> dict[str, Any]:
    """Give what the page says of the users table; {} where there is none."""
    kept = row.people_mapping
    if not row.people_version:
        return {}
    mysql, table = kept["source"].get("mysql"), kept["source"].get("table")
    at = f"{mysql['user']}@{mysql['socket'] or mysql['host']}/{mysql['database']}" if mysql else ""
    return {
        "at": datetime.fromtimestamp(kept["at"], UTC) if "at" in kept else None,
        "place": f"{at}, {table or _('a query')}" if mysql else _("a file"),
        "fields": [(PEOPLE_WORDS[name], column) for name, column in kept["fields"].items()],
        "duplicates": kept["duplicates"],
        "conflicts": kept["conflicts"],
        "aside": [(reason(why), number) for why, number in kept["quarantined"].items()],
    }


def live(found: Iterable[Line]) -> bool:
    """Say whether anything moves, so that a page looks again."""
    return any(line.run.open for line in found)

"""The pages of datasets: all of them, and one with its imports."""

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics.connected import connected
from analytics.models import Dataset
from analytics.store.errors import StoreError
from analytics.store.schema import Tables
from webui import access
from webui.datasets import reading
from webui.datasets.forms import ScheduleForm
from webui.datasets.wizard import ROLE_WORDS, WORDS
from webui.datasets.words import reason
from webui.files.streams import attachment
from webui.servers.imports import to_cell

ASIDE_SQL = """
SELECT why, line
FROM {table}
WHERE run = {{run:UInt32}} AND ({{why:String}} = '' OR why = {{why:String}})
ORDER BY why, line
LIMIT {{most:UInt32}} OFFSET {{after:UInt64}}
"""
PIECE = 20_000  # lines of one question


@require_GET
def datasets(request: HttpRequest) -> HttpResponse:
    """List what is connected."""
    rows = reading.overview()
    context = {
        "rows": rows,
        "total": sum(found["row"].rows for found in rows),
        "live": reading.live(found["last"] for found in rows if found["last"]),
        "may_change": access.may_change_datasets(request.user),
    }
    return render(request, "datasets/list.html", context)


@require_GET
def dataset(request: HttpRequest, name: str) -> HttpResponse:
    """Show one dataset: what it holds, what its columns mean, how its imports went."""
    row = get_object_or_404(Dataset, name=name)
    imports = reading.lines(row)
    first, last = reading.days(row)
    return render(
        request,
        "datasets/dataset.html",
        {
            "row": row,
            "first": first,
            "last": last,
            "valid": reading.valid(row),
            "imports": imports,
            "live": reading.live(imports),
            "open": next((line for line in imports if line.run.open), None),
            "behaviours": [{**one, "word": ROLE_WORDS[one["role"]]} for one in reading.behaviours(row)],
            "fields": [(WORDS[field], column) for field, column in row.mapping.get("fields", {}).items()],
            "dimensions": [
                (field, column, kind) for field, (column, kind) in row.mapping.get("dimensions", {}).items()
            ],
            "mysql": row.source.get("mysql"),
            "schedule": ScheduleForm(initial={"minutes": row.sync_minutes}),
            "people": reading.people(row),
            "report_url": _report(row),
            "may_change": access.may_change_datasets(request.user),
        },
    )


@require_GET
def set_aside(request: HttpRequest, name: str, run: int) -> HttpResponseBase:
    """Give the lines of an import that were no rows, as CSV; ?why= only those of one reason."""
    access.require_datasets(request.user)
    row = get_object_or_404(Dataset, name=name)
    get_object_or_404(row.runs, pk=run)
    try:
        tables = Tables(connected(), row.name)
        pieces = _lines(tables, run, request.GET.get("why", "")[:40])
        first = next(pieces)
    except StoreError as error:
        context = {"icon_name": "database", "title": _("The lines cannot be read now"), "why": str(error)}
        return render(request, "errors/problem.html", context, status=503)
    return attachment(_then(first, pieces), f"{row.name}-{run}-set-aside.csv")


def _then(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others


def _lines(tables: Tables, run: int, why: str) -> Iterator[bytes]:
    writer, after = csv.writer(_Echo()), 0
    head = writer.writerow(("reason", "line"))
    sql = ASIDE_SQL.format(table=tables.name("quarantine"))
    while True:
        rows = tables.store.ask(sql, {"run": run, "why": why, "most": PIECE, "after": after}).rows
        texts = [writer.writerow((reason(why_), to_cell(_text(line)))) for why_, line in rows]
        if head or texts:
            yield (head + "".join(texts)).encode()
        head, after = "", after + PIECE
        if len(rows) < PIECE:
            return


def _text(line: str | bytes) -> str:
    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
    return text.replace("\x1f", ",")


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> Any:  # noqa: ANN401  # what csv passes on
        return text


def _report(row: Dataset) -> str:
    try:
        return f"{reverse('report', args=['overview'])}?d={row.name}"
    except NoReverseMatch:  # its pages come later
        return ""

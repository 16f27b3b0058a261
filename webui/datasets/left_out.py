"""What imports left out, as files: lines that are no rows, with their reasons, and exact duplicates."""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from analytics.connected import connected
from analytics.importing import aside as lines
from analytics.importing import copies
from analytics.models import Dataset
from analytics.store.errors import StoreError
from analytics.store.schema import Tables
from webui import access
from webui.datasets import words
from webui.files.streams import attachment
from webui.servers.imports import to_cell


@require_GET
def set_aside(request: HttpRequest, name: str, run: int) -> HttpResponseBase:
    """Give the lines of an import that were no rows, as CSV; ?why= only those of one reason."""
    return _file(request, name, run, lambda row: aside(row, run, request.GET.get("why", "")[:40]))


@require_GET
def duplicates(request: HttpRequest, name: str, run: int) -> HttpResponseBase:
    """Give the exact duplicates that an import left out, as CSV."""
    return _file(request, name, run, lambda row: doubled(row, run))


def aside(row: Dataset, run: int, why: str) -> HttpResponseBase:
    """Give what an import set aside, for one reason or for all, as a file; StoreError before anything is given."""
    pieces = lines.pieces(Tables(connected(), row.name), run, why)
    rows = ([(words.reason(reason), line) for _run, reason, line in piece] for piece in pieces)
    return _streamed(("reason", "line"), rows, f"{row.name}-{run}-set-aside.csv")


def doubled(row: Dataset, run: int) -> HttpResponseBase:
    """Give the exact duplicates that an import left out, as a file; StoreError before anything is given."""
    why = {True: _("it was there before the import"), False: _("it stands several times in what was imported")}
    pieces = copies.pieces(Tables(connected(), row.name), run)
    rows = ([(times, why[known], *fields) for _run, times, known, fields in piece] for piece in pieces)
    head = ("left out", "reason", *copies.head(row.as_core()))
    return _streamed(head, rows, f"{row.name}-{run}-duplicates.csv")


def _file(request: HttpRequest, name: str, run: int, give: Callable[[Dataset], HttpResponseBase]) -> HttpResponseBase:
    """Give an admin a file of an import, or say that the store is away."""
    access.require_datasets(request.user)
    row = get_object_or_404(Dataset, name=name)
    get_object_or_404(row.runs, pk=run)
    try:
        return give(row)
    except StoreError as error:
        context = {"icon_name": "database", "title": _("The lines cannot be read now"), "why": words.fault(error)}
        return render(request, "errors/problem.html", context, status=503)


def _streamed(head: Sequence[str], pieces: Iterator[list[Any]], name: str) -> HttpResponseBase:
    """Give rows as a CSV file, a piece at a time; the first is read at once, so that a fault is told before."""
    writer = csv.writer(_Echo())

    def written(rows: list[Any]) -> str:
        return "".join(writer.writerow([to_cell(cell) for cell in row]) for row in rows)

    def streamed(text: str) -> Iterator[bytes]:
        yield text.encode()
        for piece in pieces:
            yield written(piece).encode()

    return attachment(streamed(writer.writerow(head) + written(next(pieces))), name)


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> Any:  # noqa: ANN401  # what csv passes on
        return text

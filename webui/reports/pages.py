"""The page around a report's card, and the catalogue of all reports."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from analytics import catalog
from analytics.dataset import RANKS
from analytics.models import Dataset
from sdk.report import Report
from webui import access
from webui.reports import cards, settings, special
from webui.reports.ask import Ask
from webui.reports.words import CATEGORIES, NEEDS, ORDER, question_of, title_of


@dataclass(frozen=True, slots=True)
class Line:
    """A report in the catalogue. missing: what it needs and the dataset lacks."""

    name: str
    title: str
    question: str
    url: str
    needs: list[str]
    missing: list[str]


def context(request: HttpRequest, ask: Ask) -> dict[str, Any]:
    """Give what the page of a report needs; nothing here asks the store."""
    shown = settings.settings(ask)
    page = request.GET.get("page", "")
    own = special.page(ask)
    return {
        "special": own,
        "ask": ask,
        "title": title_of(ask.report),
        "question": question_of(ask.report),
        "category": _(CATEGORIES.get(ask.report.declaration.category, "general")),
        "card": ((own and own.main) or ask.url("report-card")) + (f"&page={page}" if page.isdecimal() else ""),
        "settings": shown,
        "boxes": [one for one in shown if one.kind != "links"],
        "kept": settings.kept(ask, shown),
        "datasets": [(row, f"?{ask.but(dataset=row, at={}).query()}") for row in Dataset.objects.all()],
        "save_url": _save_url(request, ask),
        "command": cards.command(ask),
        "reports_url": f"{reverse('reports')}?{_shared(ask).query()}",
    }


def _save_url(request: HttpRequest, ask: Ask) -> str:
    """Give the address that puts the report on a dashboard; "" for who may not write one."""
    if not access.may_write_dashboards(request.user):
        return ""
    try:
        return f"{reverse('card-add', args=[ask.report.name])}?{ask.query()}"
    except NoReverseMatch:
        return ""


def _shared(ask: Ask) -> Ask:
    """Give what all reports have of a question: dataset, range, comparison, filters."""
    return ask.but(params={}, view="", at={})


def listing(ask: Ask | None) -> dict[str, Any]:
    """Give what the catalogue shows: the reports by category, and the files that are none."""
    found = catalog.every()
    groups: dict[str, list[Line]] = {name: [] for name in CATEGORIES}
    for report in sorted(found, key=lambda one: ORDER.index(one.name) if one.name in ORDER else len(ORDER)):
        if isinstance(report, Report):
            groups.setdefault(report.declaration.category, []).append(_line(report, ask))
    return {
        "ask": ask,
        "groups": [(_(CATEGORIES.get(name, name)), lines) for name, lines in groups.items() if lines],
        "count": sum(map(len, groups.values())),
        "broken": [one for one in found if not isinstance(one, Report)],
        "datasets": [(row, f"?{ask.but(dataset=row).query()}") for row in Dataset.objects.all()] if ask else [],
    }


def _line(report: Report, ask: Ask | None) -> Line:
    url = _shared(ask).but(report=report).url() if ask else reverse("report", args=[report.name])
    needs = report.declaration.needs
    missing = [name for name in needs if ask and not _has(ask.dataset, name)]
    return Line(
        name=report.name,
        title=title_of(report),
        question=question_of(report),
        url=url,
        needs=[_(NEEDS[name]) for name in needs if name in NEEDS],
        missing=[_(NEEDS[name]) for name in missing if name in NEEDS],
    )


def _has(row: Dataset, name: str) -> bool:
    """Say whether a dataset has what a report needs."""
    core = row.as_core()
    return name in set(core.roles.values()) if name in RANKS else name in core.mapped

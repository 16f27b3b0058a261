"""The main figures of a dashboard: value, change, former value; each group is asked and fails by itself."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from analytics import catalog
from webui.dashboards import cards
from webui.reports.answering import Line, answered
from webui.reports.ask import Ask
from webui.reports.figures import Figure, figure

# Each group is one question of the overview; the slow ones do not keep the others waiting.
GROUPS = {
    "traffic": ("pv", "uv", "pv_per_user", "user_conversion"),
    "new": ("new_share",),
    "visits": ("visit_length",),
}
REPORTS = {"new_share": "lifecycle", "visit_length": "visits"}  # where a figure is shown over time
KNOWN_AFTER = 7  # days from which on most users were seen before, METRICS section 2


def figures(group: str, ask: Ask, line: Line) -> list[Figure]:
    """Give the figures of a group. ParamError, NotSupported and StoreError as reports raise them."""
    ask = ask.but(report=catalog.one("overview"), params={"figures": group}, view="")
    rows = {row["metric"]: row for row in answered(ask, line).result.named()}
    return [_figure(name, rows[name], ask) for name in GROUPS[group]]


def _figure(name: str, row: Mapping[str, Any], ask: Ask) -> Figure:
    report = catalog.one(REPORTS.get(name, "overview"))
    return figure(row, ask.but(report=report, params={}).url(), _lacking(name, ask) if row["before"] is None else "")


def _lacking(name: str, ask: Ask) -> str:
    """Say why a figure is compared with nothing; "" where nothing was to be."""
    young = _young(ask) if name == "new_share" else ""
    return young or ("" if ask.compare == "none" else _("no earlier data"))


def _young(ask: Ask) -> str:
    """Say that new users are first seen ones, where the data are too young to tell them from others; else ""."""
    core = ask.dataset.as_core()
    if ask.dataset.people_version or cards.span(ask).first >= core.first_day + timedelta(KNOWN_AFTER):
        return ""
    return _("first seen; the data begin with this range")

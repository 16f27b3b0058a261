"""The page of paths: where they begin or end, the bands from step to step, and each band's users."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer, parsed
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.drawing import users_url
from webui.reports.special import Page, settings
from webui.reports.words import value_word
from webui.templatetags.ui import n as figure

LISTED = 20  # links in the table beside the plot; all of them are in the table below
USUAL = {
    "node": "behaviour",
    "direction": "from the beginning",
    "depth": "5",
    "links": "50",
    "gap": "30",
    "count": "visits",
    "merge": "true",
}
ENDS = frozenset({"exit", "other", "others", "further", "entry", "earlier"})


def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]:  # noqa: ARG001  # as its siblings
    """Give what the card adds to the answer."""
    params = parsed(ask.report, ask.raw)
    rows = sorted(found.result.named(), key=lambda row: -row["visits"])
    users = next(column for column in found.result.columns if column.name == "users")
    return {
        "links": [
            {
                "source": step_word(row["source"], "source"),
                "target": step_word(row["target"], "target"),
                "visits": figure(row["visits"]),
                "share": numbers.percent(row["share"]) if row["share"] is not None else str(numbers.NO_DATA),
                "users": {"text": figure(row["users"]), "url": users_url(ask, found, row, users)},
            }
            for row in rows[:LISTED]
        ],
        "more": max(0, len(rows) - LISTED),
        "steps": _steps(rows),
        "every": figure(rows[0]["all_visits"]) if rows else "",
        "by_users": params.count == "users",
    }


def page(ask: Ask) -> Page:
    """Give the strip of settings."""
    core = ask.dataset.as_core()
    now = {name: settings.text_of(ask.params, name, usual) for name, usual in USUAL.items()}
    behaviours = settings.behaviours(ask)
    nodes = [("behaviour", _("Behaviour")), ("behaviour and category", _("Behaviour and category"))]
    anchor = {"start at": "start_at", "end at": "end_at"}.get(now["direction"], "")
    usual = {"start_at": ("view",), "end_at": ("buy",)}.get(anchor, ())
    return Page(
        "paths",
        {
            "directions": settings.choices(
                ask,
                "direction",
                now["direction"],
                [
                    ("from the beginning", _("From the beginning")),
                    ("start at", _("Start at")),
                    ("end at", _("End at")),
                ],
                start_at="",
                end_at="",
            ),
            "counts": settings.choices(ask, "count", now["count"], [("visits", _("Visits")), ("users", _("Users"))]),
            "nodes": settings.choices(
                ask, "node", now["node"], [one for one in nodes if one[0] == "behaviour" or "category" in core.mapped]
            ),
            "anchor": anchor,
            "anchor_word": _("Start at") if anchor == "start_at" else _("End at"),
            "anchor_now": (ask.params.get(anchor) or usual)[0] if anchor else "",
            "behaviours": behaviours,
            "depths": [(str(n), str(n)) for n in range(2, 11)],
            "choices_form": settings.form(ask, "depth", *([anchor] if anchor else [])),
            "more_form": settings.form(ask, "links", "gap", "merge"),
            "merges": [("true", _("Count equal neighbours once")), ("false", _("Count each"))],
            **now,
        },
        main=ask.but(at={}, view="").url("report-card"),
    )


def step_word(text: str, end: str) -> str:
    """Say a step, "2. cart 5", with its behaviour as people say it."""
    if text in ENDS:
        return value_word(text, end)
    place, _dot, name = text.partition(". ")
    behaviour, space, category = name.partition(" ")
    return f"{place}. {settings.behaviour_word(behaviour)}{space}{category}"


def _steps(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Give what goes into each step and what comes out, which is the same."""
    into: dict[str, int] = defaultdict(int)
    out: dict[str, int] = defaultdict(int)
    for row in rows:
        into[row["target"]] += row["visits"]
        out[row["source"]] += row["visits"]
    between = [name for name in out if name in into]
    between.sort(key=lambda name: (int(name.partition(".")[0]), -out[name]))
    return [{"name": step_word(name, "source"), "in": figure(into[name]), "out": figure(out[name])} for name in between]

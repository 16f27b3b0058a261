"""The page of paths: where they begin or end, the bands from step to step, and each band's users."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import Answer, parsed
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.drawn import users_url
from webui.reports.plots import Link, Plot
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
ENDS = {
    "exit": "target",
    "other": "target",
    "others": "target",
    "further": "target",
    "entry": "source",
    "earlier": "source",
}


def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]:  # noqa: ARG001  # as its siblings
    """Give what the card adds to the answer."""
    params = parsed(ask.report, ask.raw)
    rows = sorted(found.result.named(), key=lambda row: -row["visits"])
    users = next(column for column in found.result.columns if column.name == "users")
    word = partial(step_word, roles=ask.dataset.as_core().roles)
    plot = _plot(ask, found, rows, word) if rows else None
    return {
        "plot": plot,
        "plot_json": plot.as_dict() if plot else None,
        "links": [
            {
                "source": word(row["source"]),
                "target": word(row["target"]),
                "visits": figure(row["visits"]),
                "share": numbers.percent(row["share"]) if row["share"] is not None else str(numbers.NO_DATA),
                "users": {"text": figure(row["users"]), "url": users_url(ask, found, row, users)},
            }
            for row in rows[:LISTED]
        ],
        "more": max(0, len(rows) - LISTED),
        "steps": _steps(rows, word),
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


def step_word(text: str, roles: Mapping[str, str]) -> str:
    """Say a step, "2. cart 5", with its behaviour as people say it. roles: of the dataset, by code."""
    if text in ENDS:
        return value_word(text, ENDS[text])
    place, _dot, name = text.partition(". ")
    code = max((one for one in roles if name == one or name.startswith(f"{one} ")), key=len, default="")
    return f"{place}. {settings.behaviour_word(code, roles)}{name[len(code) :]}" if code else text


def _plot(ask: Ask, found: Answer, rows: list[dict[str, Any]], word: Callable[[str], str]) -> Plot:
    """Draw the links, each with the way to its users."""
    users = next(column for column in found.result.columns if column.name == "users")
    most = rows[0]
    words = {
        "source": word(most["source"]),
        "target": word(most["target"]),
        "share": numbers.percent(most["share"] or 0),
    }
    return Plot(
        kind="sankey",
        sentence=_("The largest link leads from %(source)s to %(target)s: %(share)s.") % words,
        links=tuple(
            Link(word(row["source"]), word(row["target"]), row["visits"], users_url(ask, found, row, users))
            for row in rows
        ),
        unit=_("users") if found.params["count"] == "users" else _("visits"),
        words={"no_data": str(numbers.NO_DATA)},
    )


def _steps(rows: list[dict[str, Any]], word: Callable[[str], str]) -> list[dict[str, str]]:
    """Give what goes into each step and what comes out, which is the same."""
    into: dict[str, int] = defaultdict(int)
    out: dict[str, int] = defaultdict(int)
    for row in rows:
        into[row["target"]] += row["visits"]
        out[row["source"]] += row["visits"]
    between = [name for name in out if name in into]
    between.sort(key=lambda name: (int(name.partition(".")[0]), -out[name]))
    return [{"name": word(name), "in": figure(into[name]), "out": figure(out[name])} for name in between]

"""Retention's page: settings, the 40-20-10 rule, the mean curve, and the matrix of cohorts."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from analytics import cohorts
from analytics.answers import Answer, parsed
from analytics.cohorts import MEAN, Asked
from webui.curves.marks import Axis
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.plots import Grid, Plot, Series
from webui.reports.special import Page, settings
from webui.reports.special.matrix import matrix, offset_label

ANY = ""
USUAL = {
    "unit": "day",
    "membership": "first ever",
    "kind": "n-day",
    "count": "calendar",
    "mean": "weighted",
    "offsets": "30",
}
RULE = "Beside the 40-20-10 rule of thumb"
BRACKETS = ("1-3", "4-7", "8-14", "15-30")


def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]:  # noqa: ARG001  # as its siblings
    """Give what the page adds to the answer."""
    core, params = ask.dataset.as_core(), parsed(ask.report, ask.raw)
    rows = found.result.named()
    means = {row["offset"]: row for row in rows if row["cohort"] == MEAN}
    shown = matrix(rows, core, params.unit, users=ask.view == "users")
    shown.axis = Axis(ask)
    plot = _curve(means, params)
    return {
        "matrix": shown,
        "axis": shown.axis,
        "users_url": ask.but(at={}, view="").url("report-users"),
        "switch": [
            settings.Choice("", "%", ask.but(view="").url(), ask.view != "users"),
            settings.Choice("users", _("Users"), ask.but(view="users").url(), ask.view == "users"),
        ],
        "aims": _aims(core, means) if cohorts.ruled(params) else [],
        "mean_word": _("Mean, weighted") if params.mean == "weighted" else _("Mean of the rates"),
        "plot": plot,
        "plot_json": plot.as_dict() if plot else None,
        "params": params,
        "registered": cohorts.by_registration(core, params),
        "rule_note": next((at for at, note in enumerate(found.result.notes) if note.startswith(RULE)), -1),
    }


def page(ask: Ask) -> Page:
    """Give the strip of settings."""
    now = {name: settings.text_of(ask.params, name, usual) for name, usual in USUAL.items()}
    units = [("day", _("Day")), ("week", _("Week")), ("month", _("Month"))]
    members = [
        ("first ever", _("First ever")),
        ("first in range", _("First in range")),
        ("recurring", _("Recurring")),
    ]
    back = [("n-day", _("On the day")), ("unbounded", _("On or after")), ("bracket", _("Between"))]
    if now["unit"] != "day":
        back[0] = ("n-day", _("In that unit"))
    return Page(
        "retention",
        {
            "units": [
                settings.Choice(v, w, settings.with_params(ask, unit=v, **_hours(v, now)), v == now["unit"])
                for v, w in units
            ],
            "members": settings.choices(ask, "membership", now["membership"], members),
            "kinds": settings.choices(ask, "kind", now["kind"], back, brackets=""),
            "events": [(ANY, _("Any activity")), *settings.behaviours(ask)],
            "begin": ask.params.get("begin", ())[:1],
            "back": ask.params.get("back", ())[:1],
            "events_form": settings.form(ask, "begin", "back"),
            "more_form": settings.form(ask, "offsets", "count", "mean", "brackets"),
            "brackets": [*(ask.params.get("brackets") or BRACKETS), ""] if now["kind"] == "bracket" else [],
            "counts": [("calendar", _("Calendar days")), ("24 hours", _("24 hours from the start"))],
            "means": [("weighted", _("Of all users")), ("simple", _("Of the rates"))],
            **now,
        },
    )


def _hours(unit: str, now: Mapping[str, str]) -> dict[str, str]:
    """Months have no fixed number of hours."""
    return {"count": ""} if unit == "month" and now["count"] == "24 hours" else {}


def _aims(core: Any, means: Mapping[Any, Mapping[str, Any]]) -> list[dict[str, Any]]:  # noqa: ANN401  # a core Dataset
    found = []
    for one in cohorts.aims(core, {offset: row["rate"] for offset, row in means.items()}):
        words = {"aim": f"{one.aim:.0%}", "n": one.needs}
        if one.rate is None:
            reason = _("needs %(n)d more days") % words if one.needs else _("no complete cohort is shown")
        else:
            reason = _("above %(aim)s") % words if one.rate >= one.aim else _("below %(aim)s") % words
        found.append(
            {
                "day": one.day,
                "rate": numbers.percent(one.rate) if one.rate is not None else "",
                "reason": reason,
                "reached": one.rate is not None and one.rate >= one.aim,
            }
        )
    return found


def _curve(means: Mapping[Any, Mapping[str, Any]], params: Asked) -> Plot | None:
    """Draw the mean row; where the 40-20-10 rule speaks of it, its points beside it."""
    offsets = [offset for offset, row in means.items() if row["rate"] is not None]
    if len(offsets) < 2:  # a point is no curve
        return None
    words = [offset_label(str(offset), params.unit) for offset in offsets]
    rates = [means[offset]["rate"] for offset in offsets]
    rule = cohorts.RULE_OF_THUMB if cohorts.ruled(params) else {}
    rules = tuple((aim, _("%s rule") % f"{aim:.0%}", offsets.index(n)) for n, aim in rule.items() if n in offsets)
    last = {"first": numbers.percent(rates[0]), "word": words[-1], "last": numbers.percent(rates[-1])}
    sentence = _("Mean retention, complete cells only: %(first)s at first, %(last)s at %(word)s.") % last
    return Plot(
        kind="line",
        sentence=sentence,
        x=tuple(words),
        grids=(Grid("", "", (Series(_("Mean"), tuple(rates)),), share=True, rules=rules),),
        low=True,
        words={"no_data": str(numbers.NO_DATA), "now": _("Mean")},
    )

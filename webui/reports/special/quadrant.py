"""The quadrant's page: counts of its four fields, the dots, and beside them a look into one category."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from analytics.answers import Answer, parsed
from webui.language import sentences
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.drawn import users_url
from webui.reports.plots import Plot, Point
from webui.reports.special import Page, Place, settings
from webui.templatetags.ui import n as figure

FIELDS = ("many users, high rate", "many users, low rate", "few users, high rate", "few users, low rate")
SIGNS = (
    ("dot", 1),
    ("triangle", 2),
    ("diamond", 3),
    ("square", 5),
)  # as static/omserver/reports/scatter.js draws groups
PANEL_ITEMS = 8
LISTED = 12  # rows beside the dots: what a click on a dot does, for the keyboard
FEW = 0.05  # of what was sold; as few as these making half of it are "a few"


def words() -> dict[str, tuple[str, str]]:
    """Name the four fields, each with what it says."""
    return {
        "many users, high rate": (_("Stars"), _("high UV, high rate")),
        "many users, low rate": (_("Traffic without sales"), _("high UV, low rate")),
        "few users, high rate": (_("Niche"), _("low UV, high rate")),
        "few users, low rate": (_("Weak"), _("low UV, low rate")),
    }


def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]:
    """Give what a card adds to the answer; which card, the question says."""
    params = parsed(ask.report, ask.raw)
    if params.show == "summary":
        return {"card": "summary"}
    figures = _figures(also(ask.but(params={**ask.params, "show": "summary", "find": ""}, view="")))
    if ask.view == "drill":
        return {"card": "drill", **_drill(ask, found, params, figures, also)}
    rows = found.result.named()
    plot = _plot(ask, rows, params, figures)
    return {
        "card": "points",
        "of": params.of,
        "inside": params.inside,
        "fields": [
            {"word": words()[name][0], "says": words()[name][1], "count": figures[name]["value"], "sign": sign}
            for name, sign in zip(FIELDS, SIGNS, strict=True)
        ],
        "few": figures["every"]["value"] - figures["clear"]["value"],
        "least": params.least,
        "plot": plot,
        "plot_json": plot.as_dict() if plot else None,
        "listed": [_listed(ask, found, row, params) for row in rows[:LISTED]],
        "find": params.find,
    }


def page(ask: Ask) -> Page:
    """Give the row of settings, and the panel of the category that is looked into."""
    core = ask.dataset.as_core()
    now = {name: settings.text_of(ask.params, name, usual) for name, usual in USUAL.items()}
    base = ask.but(at={}, view="", params={n: v for n, v in ask.params.items() if n != "inside" or now["of"] == "item"})
    panel = drill(ask, now["inside"]).url("report-card") if now["inside"] and now["of"] == "category" else ""
    levels = [("category", pgettext("of an item", "Category")), ("item", _("Item"))]
    return Page(
        "quadrant",
        {
            "cuts": settings.choices(
                ask,
                "cut",
                now["cut"],
                [("median", _("Medians")), ("mean", _("Means")), ("fixed", _("Fixed"))],
                cut_uv="",
                cut_rate="",
            ),
            "levels": settings.choices(
                ask, "of", now["of"], [one for one in levels if one[0] in core.mapped], inside="", find=""
            ),
            "find_form": settings.form(ask, "find", "least"),
            "cut_form": settings.form(ask, "cut_uv", "cut_rate"),
            "closed_url": settings.with_params(ask, inside=""),
            "panel_url": drill(ask, "").url("report-card"),
            **now,
        },
        places=(Place(panel, _("Items"), name="drill"),) if panel else (),
        main=base.url("report-card"),
    )


USUAL = {"of": "category", "cut": "median", "inside": "", "find": "", "cut_uv": "100", "cut_rate": "5", "least": "30"}


def drill(ask: Ask, name: str) -> Ask:
    """Give the question of the items of a category."""
    kept = {key: value for key, value in ask.params.items() if key not in ("find", "show", "cut", "cut_uv", "cut_rate")}
    return ask.but(params={**kept, "of": "item", "inside": name, "top": str(PANEL_ITEMS)}, view="drill", at={})


def opened(ask: Ask, name: str) -> str:
    """Give the page's address with a category looked into."""
    return settings.with_params(ask, inside=name, of="category")


def _figures(answer: Answer) -> dict[str, Mapping[str, Any]]:
    return {row["metric"]: row for row in answer.result.named()}


def _plot(ask: Ask, rows: list[dict[str, Any]], params: Any, figures: Mapping[str, Any]) -> Plot | None:  # noqa: ANN401  # its Params
    """Draw the dots: of a category a click looks into it, of an item it lists the buyers."""
    if not rows:
        return None
    named = words()
    points = [
        Point(
            x=row["uv"],
            y=row["pay_rate"],
            name=row["name"],
            group=named[row["quadrant"]][0] if row["quadrant"] else "",
            faint=not row["clear"],
            url=opened(ask, row["name"]) if params.of == "category" else "",
        )
        for row in rows
    ]
    return Plot(
        kind="scatter",
        sentence=_sentence(params, figures),
        x_name=_("UV of the category (log)") if params.of == "category" else _("UV of the item (log)"),
        y_name=_("Buyers / UV"),
        points=tuple(points),
        y=tuple(named[name][0] for name in FIELDS),
        cuts=_cuts(params, figures),
        share=True,
        log=True,
        words={"no_data": str(numbers.NO_DATA), "faint": _("under %(n)s UV") % {"n": figure(params.least)}},
    )


def _cuts(params: Any, figures: Mapping[str, Any]) -> tuple[tuple[str, float, str], ...]:  # noqa: ANN401  # its Params
    x, y = figures["cut_uv"]["value"], figures["cut_rate"]["value"]
    if x is None or y is None:
        return ()
    words = {"uv": numbers.plain(x), "rate": numbers.percent(y)}
    texts = {
        "median": (_("median %(uv)s UV"), _("median %(rate)s")),
        "mean": (_("mean %(uv)s UV"), _("mean %(rate)s")),
        "fixed": (_("%(uv)s UV"), _("%(rate)s")),
    }[params.cut]
    return (("x", x, texts[0] % words), ("y", y, texts[1] % words))


def _sentence(params: Any, figures: Mapping[str, Any]) -> str:  # noqa: ANN401  # its Params
    named = words()
    counts = [_("%(word)s: %(n)s") % {"word": named[name][0], "n": figure(figures[name]["value"])} for name in FIELDS]
    what = _("Categories by UV and pay rate") if params.of == "category" else _("Items by UV and pay rate")
    return _("%(what)s. %(counts)s.") % {"what": what, "counts": _("; ").join(counts)}


def _listed(ask: Ask, found: Answer, row: dict[str, Any], params: Any) -> dict[str, Any]:  # noqa: ANN401  # its Params
    return {
        "name": row["name"] or _("(empty)"),
        "url": opened(ask, row["name"]) if params.of == "category" and row["name"] else "",
        "field": words()[row["quadrant"]][0] if row["quadrant"] and row["clear"] else _("too few"),
        **_numbers(ask, found, row),
    }


def _numbers(ask: Ask, found: Answer, row: dict[str, Any]) -> dict[str, Any]:
    columns = {column.name: column for column in found.result.columns}

    def listed(name: str) -> dict[str, str]:
        return {"text": figure(row[name]), "url": users_url(ask, found, row, columns[name]) if row[name] else ""}

    interval = "" if row["low"] is None else f"{100 * row['low']:.1f}–{numbers.percent(row['high'])}"
    return {
        "uv": listed("uv"),
        "buyers": listed("buyers"),
        "rate": str(numbers.NO_DATA) if row["pay_rate"] is None else numbers.percent(row["pay_rate"]),
        "interval": interval,
    }


def _drill(
    ask: Ask,
    found: Answer,
    params: Any,  # noqa: ANN401  # its Params
    figures: Mapping[str, Any],
    also: Callable[[Ask], Answer],
) -> dict[str, Any]:
    """Look into a category: its own figures, how few of its items sell, and those with the most users."""
    name = params.inside
    outer = {key: value for key, value in ask.params.items() if key not in ("of", "inside", "top", "show", "cut")}
    above = ask.but(params={**outer, "of": "category", "find": name, "top": "1"}, view="")
    own_answer = also(above)
    own = next((row for row in own_answer.result.named() if row["name"] == name), None)
    all_of = _figures(also(above.but(params={**outer, "of": "category", "show": "summary"})))
    median = all_of["cut_rate"]["value"]
    every = int(figures["every"]["value"])
    return {
        "name": name,
        "own": _numbers(above, own_answer, own) if own else None,
        "own_says": _interval(own, median) if own else "",
        "concentration": _concentration(figures, params.least),
        "items": [
            {"name": row["name"] or _("(empty)"), **_numbers(ask.but(view=""), found, row)}
            for row in found.result.named()
        ],
        "every": every,
        "all_url": settings.with_params(ask.but(view=""), of="item", inside=name, top=""),
        "closed_url": settings.with_params(ask.but(view=""), of="category", inside="", top=""),
    }


def _interval(row: Mapping[str, Any], median: float | None) -> str:
    parts = []
    if row["low"] is not None:
        words = {"low": numbers.percent(row["low"]), "high": numbers.percent(row["high"])}
        parts.append(_("95%% interval %(low)s to %(high)s.") % words)
    if median is not None:
        parts.append(_("Median of all categories %(rate)s.") % {"rate": numbers.percent(median)})
    return sentences(*parts)


def _concentration(figures: Mapping[str, Any], least: int) -> dict[str, Any]:
    """Say how few items make most of the buyers, and how many that are seen have none."""
    every, best = int(figures["every"]["value"]), figures["best"]["value"]
    rate, unsold = figures["best_buyers"]["value"], int(figures["unsold"]["value"])
    none = ngettext(
        "%(n)s item with at least %(least)s UV has none.", "%(n)s items with at least %(least)s UV have none.", unsold
    ) % {"n": figure(unsold), "least": figure(least)}
    if not best or rate is None:
        return {"title": _("Nothing of it was bought"), "share": 0, "sentence": none}
    title = _("A few items sell, most do not") if best <= max(1, FEW * every) else _("Many items sell, each a little")
    words = {"best": figure(best), "every": figure(every), "rate": numbers.percent(rate)}
    made = ngettext(
        "%(best)s of %(every)s items makes %(rate)s of the buyers.",
        "%(best)s of %(every)s items make %(rate)s of the buyers.",
        int(best),
    )
    return {"title": title, "share": round(100 * rate, 2), "sentence": sentences(made % words, none)}

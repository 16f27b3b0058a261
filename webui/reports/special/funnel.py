"""The funnel's page: its steps, each with who went on and who dropped off; both ways; where; by day of entry."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from analytics.answers import Answer, parsed
from sdk.report import Column
from webui.language import sentences
from webui.reports import numbers
from webui.reports.ask import Ask
from webui.reports.drawn import users_url
from webui.reports.plots import Grid, Plot, Series
from webui.reports.said import said
from webui.reports.special import Page, Place, settings
from webui.reports.special.steps import USUAL_STEPS, Step, editor, moved, read
from webui.reports.words import value_word
from webui.templatetags.ui import duration
from webui.templatetags.ui import n as figure

WINDOWS = ("30m", "1h", "24h", "3d", "7d", "14d", "30d", "same day", "same visit")
SPLIT_ROWS = "6"  # values of the card on the page; its link has more
ALL_ROWS = "50"
DASH = "—"


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a row. url: its users; "" where there is no list."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as it is shown. went, before: percent of the first step's users, of this step and of the one before."""

    number: int
    step: Step
    users: Number
    of_first: str
    of_previous: str
    dropped: Number
    still_open: Number
    median: str
    p90: str
    went: float
    before: float


def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]:
    """Give what a card adds to the answer; which card, the question says."""
    params = parsed(ask.report, ask.raw)
    steps = [read(word) for word in params.steps]
    if params.show == "days":
        return {"card": "days", "steps": steps, **_days(ask, found)}
    if params.by:
        return {"card": "split", "steps": steps, **_split(ask, found, params)}
    if ask.view == "ways":
        return {"card": "ways", "steps": steps, "ways": _ways(ask, also)}
    return {"card": "steps", "steps": steps, **_steps(ask, found, params, steps)}


def page(ask: Ask) -> Page:
    """Give the column of settings, and the cards beside and below the steps."""
    core = ask.dataset.as_core()
    words = _step_words(ask)
    params = {name: value for name, value in ask.params.items() if name not in ("by", "show", "top")}
    if "item" not in core.mapped:
        params.setdefault("same", "nothing")
    same = settings.text_of(params, "same", "item")
    by = settings.text_of(ask.params, "by", "category" if "category" in core.mapped else "behaviour")
    base = ask.but(params=params, view="", at={})
    behaviours = settings.behaviours(ask)
    return Page(
        "funnel",
        {
            "steps": [
                {**editor(word, behaviours), **moved(words, at, lambda to: settings.with_params(ask, steps=to))}
                for at, word in enumerate(words)
            ],
            "blank": editor("", behaviours) if len(words) < 10 else None,
            "steps_form": settings.form(ask, "steps"),
            "same": same,
            "has_items": "item" in core.mapped,
            "same_url": settings.with_params(ask, same="nothing" if same == "item" else "item"),
            "choices_form": settings.form(ask, "window", "order", "by", "same"),
            "window": settings.text_of(params, "window", "7d"),
            "windows": [(one, window_word(one)) for one in _windows(settings.text_of(params, "window", "7d"))],
            "order": settings.text_of(params, "order", "ordered"),
            "orders": [
                ("ordered", _("In this order, others between")),
                ("strict", _("In this order, none between")),
                ("any", _("In any order")),
            ],
            "by": by,
            "splits": [(name, _("%s at the first step") % word) for name, word in settings.dimensions(ask)],
            "sames": [(name, word) for name, word in SAMES if name == "nothing" or name in core.mapped],
        },
        places=_places(base, by, settings.text_of(ask.params, "top", SPLIT_ROWS)),
        main=base.url("report-card"),
    )


def _places(base: Ask, by: str, top: str) -> tuple[Place, ...]:
    """Give the cards beside and below the steps. base: the question of the steps themselves; by, top: of the split."""
    quick = {**base.params, "times": "false"}
    split = {**quick, "by": by, "top": top}
    places = [
        Place(base.but(params=split).url("report-card"), _("Where they drop off"), name="split"),
        Place(
            base.but(params={**quick, "show": "days"}).url("report-card"), _("Conversion by day of entry"), name="days"
        ),
    ]
    if "item" in base.dataset.as_core().mapped:
        ways = base.but(params={**quick, "same": "item"}, view="ways").url("report-card")
        places.insert(0, Place(ways, _("Same item, on and off"), size="strip", name="ways"))
    return tuple(places)


SAMES = (
    ("item", gettext_lazy("Item")),
    ("category", pgettext_lazy("of an item", "Category")),
    ("nothing", gettext_lazy("Nothing")),
)


def window_word(window: str) -> str:
    """Say a window as people do."""
    if window == "same day":
        return _("On the same day")
    if window == "same visit":
        return _("In the same visit")
    number = int(window[:-1])
    words = {
        "s": ngettext("%(n)d second from the first step", "%(n)d seconds from the first step", number),
        "m": ngettext("%(n)d minute from the first step", "%(n)d minutes from the first step", number),
        "h": ngettext("%(n)d hour from the first step", "%(n)d hours from the first step", number),
        "d": ngettext("%(n)d day from the first step", "%(n)d days from the first step", number),
    }
    return words[window[-1]] % {"n": number}


def _windows(now: str) -> list[str]:
    known = [now] if now not in WINDOWS and re.fullmatch(r"[0-9]{1,9}[smhd]", now) else []
    return [*known, *WINDOWS]


def _step_words(ask: Ask) -> tuple[str, ...]:
    given = ask.params.get("steps", ())
    return tuple(given) if isinstance(given, tuple) and given else USUAL_STEPS


def _steps(ask: Ask, found: Answer, params: Any, steps: Sequence[Step]) -> dict[str, Any]:  # noqa: ANN401  # its Params
    rows = found.result.named()
    first = rows[0]["users"]
    shown = [_step_row(ask, found, rows, at, steps[at], first) for at in range(len(rows))]
    waiting = sum(row["still_open"] for row in rows)
    words = {"users": figure(waiting), "window": window_word(params.window).lower()}
    return {
        "rows": shown,
        "timed": params.times and params.order != "any",
        "open_sentence": sentences(
            ngettext(
                "%(users)s user has not gone to the end and still has time when the data end.",
                "%(users)s users have not gone to the end and still have time when the data end.",
                waiting,
            )
            % words,
            _("They are counted among those who dropped off, and shown apart."),
        )
        if waiting
        else "",
        "sentence": _("%(last)s of %(first)s users went through all steps, %(rate)s.")
        % {
            "last": figure(rows[-1]["users"]),
            "first": figure(first),
            "rate": _rate(rows[-1]["of_first"]),
        },
    }


def _step_row(ask: Ask, found: Answer, rows: Sequence[Mapping[str, Any]], at: int, step: Step, first: int) -> StepRow:
    """Write a step; those who dropped off stand at the step that they did not reach, where its bar is hatched."""
    row, before = rows[at], rows[at - 1]
    return StepRow(
        number=at + 1,
        step=step,
        users=_number(ask, found, row, "users"),
        of_first=_rate(row["of_first"]),
        of_previous=_rate(row["of_previous"]) if at else DASH,
        dropped=_number(ask, found, before, "dropped") if at else Number(DASH),
        still_open=_number(ask, found, before, "still_open") if at else Number(DASH),
        median=DASH if row["median"] is None else duration(row["median"]),
        p90=DASH if row["p90"] is None else duration(row["p90"]),
        went=round(100 * row["users"] / first, 2) if first else 0,
        before=round(100 * row["previous"] / first, 2) if first and at else 0,
    )


def _rate(value: float | None) -> str:
    return str(numbers.NO_DATA) if value is None else numbers.percent(value)


def _number(ask: Ask, found: Answer, row: Mapping[str, Any], name: str) -> Number:
    column = next(one for one in found.result.columns if one.name == name)
    return Number(figure(row[name]), users_url(ask, found, dict(row), column) if row[name] else "")


def _ways(ask: Ask, also: Callable[[Ask], Answer]) -> list[dict[str, Any]]:
    """Give the funnel with the same item and without, as one line each."""
    found = []
    for same, word in (("item", _("Same item on")), ("nothing", _("Same item off"))):
        way = ask.but(params={**ask.params, "same": same})
        rows = also(way).result.named()
        rate = {"rate": _rate(rows[-1]["of_first"])}
        found.append(
            {
                "word": word,
                "users": [figure(row["users"]) for row in rows],
                "sentence": _("%(rate)s of those at the first step came to the end with that very item.") % rate
                if same == "item"
                else _("%(rate)s came to the end, not always with the item they began with.") % rate,
            }
        )
    return found


def _split(ask: Ask, found: Answer, params: Any) -> dict[str, Any]:  # noqa: ANN401  # its Params
    """Give a row for each value: the users of each step, and the conversion."""
    key = found.result.columns[0].name
    values: dict[str, list[dict[str, Any]]] = {}
    for row in found.result.named():
        values.setdefault(str(row[key]), []).append(row)
    rows = [
        {
            "name": _value(ask, name, params.by),
            "users": [_number(ask, found, row, "users") for row in own],
            "rate": _rate(own[-1]["of_first"]),
        }
        for name, own in values.items()
    ]
    every = ask.but(params={**ask.params, "top": ALL_ROWS}, at={}, view="")
    return {
        "rows": rows,
        "notes": [said(note) for note in found.result.notes],
        "by_word": dict(settings.dimensions(ask)).get(params.by, params.by),
        "more_url": every.url() if any("Shown are" in note for note in found.result.notes) else "",
    }


def _value(ask: Ask, name: str, by: str) -> str:
    if name == "":
        return _("(empty)")
    return (
        settings.behaviour_word(name, ask.dataset.as_core().roles)
        if by == "behaviour"
        else value_word(name, by, "funnel")
    )


def _days(ask: Ask, found: Answer) -> dict[str, Any]:
    """Draw the conversion of each day of entry; days with open windows stand apart."""
    rows = found.result.named()
    core = ask.dataset.as_core()
    days = [date.fromisoformat(str(row["day"])) for row in rows]
    unfinished = tuple(at for at, row in enumerate(rows) if not row["complete"])
    closed = [row for row in rows if row["complete"] and row["rate"] is not None]
    rate = Column("rate", "share")
    finished = Column("finished", "users", listed=True)
    urls = tuple(users_url(ask, found, row, finished) if row["finished"] else None for row in rows)
    series = Series(_("Conversion"), tuple(row["rate"] for row in rows), open=unfinished, urls=urls)
    best = max(closed, key=lambda row: row["rate"], default=None)
    plot = Plot(
        kind="line",
        sentence=_("Conversion by day of entry: at most %(rate)s on %(day)s.")
        % {"rate": numbers.written(best["rate"], rate), "day": numbers.day(date.fromisoformat(str(best["day"])))}
        if best
        else _("No day of entry has all its windows closed yet."),
        x=tuple(numbers.day(day) for day in days),
        x_name=_("Day of entry"),
        ticks=tuple(numbers.tick(str(row["day"]), Column("day"), len(rows)) for row in rows),
        times=tuple(core.start_of(day) for day in days),
        grids=(Grid("", "", (series,), share=True),),
        open=unfinished,
        words={"no_data": str(numbers.NO_DATA), "open": _("still open")},
    )
    shown = plot if rows else None
    return {"plot": shown, "plot_json": shown.as_dict() if shown else None}

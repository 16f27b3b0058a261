"""What an effect says, in words and numbers, for the table of a dashboard and for the card of a task."""

import math
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from analytics.dataset import Dataset
from analytics.effects import Effect, Moved
from webui.language import sentences
from webui.reports import numbers

METRICS = {
    "pv": gettext_lazy("PV"),
    "uv": gettext_lazy("UV"),
    "pv_per_user": gettext_lazy("PV per user"),
    "buyers": gettext_lazy("Buyers"),
    "conversion": gettext_lazy("Buyers / UV"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One metric. A value of None was said in words. of_before, of_after: what a rate was divided from.

    tone: "yes" where it moved beyond the usual spread in the good direction, "no" in the bad one, "" otherwise.
    """

    name: str
    before: str
    after: str
    change: str
    usual: str
    beyond: str
    tone: str = ""
    up: bool | None = None
    spread: str = ""
    of_before: str = ""
    of_after: str = ""


def lines(effect: Effect) -> list[Line]:
    """Give a line for each metric."""
    return [line(effect, metric) for metric in METRICS]


def line(effect: Effect, metric: str) -> Line:
    """Give one metric's line."""
    moved = effect.moved(metric)
    of = {"conversion": ("buyers", "uv"), "pv_per_user": ("pv", "uv")}.get(metric)
    parts = [
        f"{getattr(side, of[0]):,} / {getattr(side, of[1]):,}" if of else "" for side in (effect.before, effect.after)
    ]
    return Line(
        name=str(METRICS[metric]),
        before=_value(moved.before, metric),
        after=_value(moved.after, metric),
        change=_change(moved.change),
        usual=_change(moved.usual),
        beyond=_change(moved.beyond),
        tone=tone(moved),
        up=None if not moved.beyond else moved.beyond > 0,
        spread="" if moved.spread is None else f"±{numbers.percent(moved.spread)}",
        of_before=parts[0],
        of_after=parts[1],
    )


def tone(moved: Moved) -> str:
    """Say whether a change beyond usual is good or bad; "" within the usual spread, or where that is not known."""
    if not moved.beyond or moved.within is not False:
        return ""
    return "yes" if moved.beyond > 0 else "no"


def sentence(effect: Effect) -> str:
    """Say what happened to the views, beyond what is usual, and where it came from."""
    moved = effect.moved("pv")
    if moved.change is None:
        return _("No page was viewed in the hours before.")
    if moved.beyond is None:
        text = _("PV %(change)s. What is usual in these hours is not known: %(weeks)s.")
        return text % {"change": _change(moved.change), "weeks": _("no week before can be compared")}
    if moved.within:
        text = _("PV %(beyond)s beyond usual, within the usual spread of %(spread)s.")
        spread = f"±{numbers.percent(moved.spread or 0)}"
        return text % {"beyond": _change(moved.beyond), "spread": spread}
    head = _("PV %(beyond)s beyond usual.") % {"beyond": _change(moved.beyond)}
    return sentences(head, parts(effect))


def parts(effect: Effect) -> str:
    """Say how much of the change beyond usual came from users, and how much from pages for each."""
    found = effect.parts()
    if found is None or abs(sum(found)) < 1e-9:
        return ""
    share = found[0] / sum(found) + 0.0  # no minus before a zero
    if not 0 <= share <= 1:
        users, each = (_change(math.expm1(part)) for part in found)
        return _("Users %(users)s, pages for each %(each)s.") % {"users": users, "each": each}
    words = {"users": f"{share:.0%}", "each": f"{1 - share:.0%}"}
    if sum(found) < 0:
        return _("%(users)s of it from fewer users, %(each)s from fewer pages for each.") % words
    return _("%(users)s of it from more users, %(each)s from more pages for each.") % words


def lacking(effect: Effect, core: Dataset) -> str:
    """Say why there are no numbers; "" where there are."""
    if effect.lacking == "begins":
        return _("Not enough data: they begin at %s.") % numbers.moment(core, core.first_ts)
    if effect.lacking == "ends":
        return _("Not enough data: they end at %(end)s; these hours are over at %(over)s.") % {
            "end": numbers.moment(core, core.end), "over": numbers.moment(core, effect.sides.after[1]),
        }  # fmt: skip
    return _("Not enough data: no page was viewed in the hours before.") if effect.lacking else ""


def basis(effect: Effect, hours: int) -> str:
    """Say what was compared with what."""
    sides = ngettext("%s hour on each side", "%s hours on each side", hours) % hours
    weeks = len(effect.weeks)
    if not weeks:
        return sides
    text = ngettext(
        "%(sides)s; usual: the same hours of the weekday, %(n)s week before",
        "%(sides)s; usual: the same hours of the weekday, %(n)s weeks before",
        weeks,
    )
    return text % {"sides": sides, "n": weeks}


def span(core: Dataset, low: int, high: int) -> str:
    """Write some hours: Wed 18 Nov 12:29 to 14:29, or to Thu 19 Nov 01:29."""
    begin, end = core.local(low), core.local(high)
    till = f"{end:%H:%M}" if end.date() == begin.date() else numbers.day(end)
    return _("%(begin)s to %(end)s") % {"begin": numbers.day(begin), "end": till}


def _value(value: float | None, metric: str) -> str:
    if value is None:
        return str(numbers.NO_DATA)
    return numbers.percent(value) if metric == "conversion" else numbers.plain(value)


def _change(value: float | None) -> str:
    return "—" if value is None else numbers.change(value)

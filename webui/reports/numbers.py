"""Numbers as a person reads them, in the reader's language: counts, shares, durations, days."""

from datetime import date, datetime
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from sdk.report import Column
from webui.reports.words import FLAGS, WEEKDAYS, value_word
from webui.templatetags.ui import NBSP, duration

NO_DATA = gettext_lazy("no data")
UP_IS_GOOD = frozenset(  # figures of the overview; a rise of the others is neither good nor bad
    {
        "pv", "uv", "active_users", "buyers", "purchases", "revenue", "pv_per_user", "user_conversion",
        "event_conversion", "purchases_per_buyer", "revenue_per_active_user", "revenue_per_purchase",
    }
)  # fmt: skip


def written(value: Any, column: Column) -> str:  # noqa: ANN401  # a cell
    """Write a cell's number: percent with one decimal, seconds as a duration, others with separators."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if column.unit == "share":
        return percent(value)
    if column.unit == "s":
        return duration(value)
    return plain(value)


def plain(value: float) -> str:
    """Write a number with thousands separators; a fraction with as many decimals as its size makes readable."""
    if isinstance(value, int) or float(value).is_integer():
        return f"{value:,.0f}".replace("-", "−")
    places = 1 if abs(value) >= 1000 else 2 if abs(value) >= 1 else 3 if abs(value) >= 0.1 else 4
    return f"{value:,.{places}f}".replace("-", "−")


def percent(value: float) -> str:
    """Write a share in percent with one decimal; small ones with more, so that they are not shown as zero."""
    share = 100 * value
    places = 2 if 0 < abs(share) < 1 else 1
    return f"{share:,.{places}f}%".replace("-", "−")


def change(value: float) -> str:
    """Write a relative change with its sign."""
    return ("+" if value > 0 else "") + percent(value)


def points(value: float) -> str:
    """Write the difference of two shares in points."""
    sign = "+" if value > 0 else ""
    return _("%s pt") % f"{sign}{100 * value:.1f}".replace("-", "−")


def weekday(day: date) -> str:
    """Name a weekday within a sentence: Wednesday, 周三."""
    return str(WEEKDAYS[day.weekday()]) if in_chinese() else format_date(day, "l")


def sentences(*parts: str) -> str:
    """Put whole sentences one after another; Chinese has no space between them."""
    return ("" if in_chinese() else " ").join(filter(None, parts))


def in_chinese() -> bool:
    """Say whether the reader reads Chinese."""
    return (get_language() or "").startswith("zh")


def moment_of(text: Any) -> date | datetime | None:  # noqa: ANN401  # a cell
    """Read a day or an hour as results write them; None for anything else."""
    if not isinstance(text, str) or len(text) not in (10, 13, 16, 22) or text[4:5] != "-":
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def day(value: date, *, weekday: bool = True, year: bool = False) -> str:
    """Write a day: Fri 6 Nov, 11月6日（周五）; a time of day follows where there is one."""
    name = str(WEEKDAYS[value.weekday()])
    if in_chinese():
        text = f"{value.year}年" * year + f"{value.month}月{value.day}日" + f"（{name}）" * weekday
    else:
        text = f"{name} " * weekday + format_date(value, "j M Y" if year else "j M")
    clock = f" {value:%H:%M}" if isinstance(value, datetime) else ""
    return (text + clock).replace(" ", NBSP)


def days(first: date, last: date) -> str:
    """Write a range by its first and its last day: 6 Nov to 19 Nov; with years where they differ."""
    year = first.year != last.year
    if first == last:
        return day(first, weekday=False)
    return _("%(first)s to %(last)s") % {
        "first": day(first, weekday=False, year=year),
        "last": day(last, weekday=False, year=year),
    }


def label(value: Any, column: Column, report: str = "") -> str:  # noqa: ANN401  # a cell
    """Write a name, a day or an hour of a row."""
    when = moment_of(value)
    if when is None:
        if column.unit == "h":
            return f"{value:02}:00"
        return (
            plain(value)
            if isinstance(value, (int, float)) and column.name not in FLAGS
            else value_word(value, column.name, report)
        )
    if column.name == "month":
        return format_date(when, _("M Y"))
    return _("week of %s") % day(when, weekday=False) if column.name == "week" else day(when)

"""Numbers as a person reads them, in the reader's language: counts, shares, durations, days."""

from datetime import date, datetime
from typing import Any

from django.template.defaultfilters import date as format_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.dataset import Dataset
from sdk.report import Column
from webui.language import in_chinese
from webui.reports.words import FLAGS, WEEKDAYS, value_word
from webui.templatetags.ui import NBSP, duration

NO_DATA = gettext_lazy("no data")
DAYS_OF_MONTH = 31  # among more a number alone does not name a day


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
    places = 0 if abs(value) >= 1000 else 2 if abs(value) >= 1 else 3 if abs(value) >= 0.1 else 4
    return f"{value:,.{places}f}".replace("-", "−")


def large(value: int) -> tuple[str, str]:
    """Write a number as plots do on their axes, its unit apart: 41 and M, 4100 and 万. Below 10 one decimal."""
    units = ((10**8, "亿"), (10**4, "万")) if in_chinese() else ((10**9, "B"), (10**6, "M"), (10**3, "k"))
    by, unit = next(((by, unit) for by, unit in units if value >= by), (1, ""))
    amount = value / by
    return f"{amount:.{1 if amount < 10 else 0}f}".removesuffix(".0"), unit


def percent(value: float) -> str:
    """Write a share in percent with one decimal; small ones with more, so that they are not shown as zero."""
    share = 100 * value
    places = 2 if 0 < abs(share) < 1 else 1
    return f"{share:,.{places}f}%".replace("-", "−")


def change(value: float) -> str:
    """Write a relative change with its sign, in percent with one decimal."""
    return _signed(100 * value) + "%"


def points(value: float) -> str:
    """Write the difference of two shares in points."""
    return _("%s pt") % _signed(100 * value)


def _signed(value: float) -> str:
    text = f"{value:+,.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def weekday(day: date) -> str:
    """Name a weekday within a sentence: Wednesday, 周三."""
    return str(WEEKDAYS[day.weekday()]) if in_chinese() else format_date(day, "l")


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


def moment(dataset: Dataset, ts: int) -> str:
    """Write a second as a dataset's local day and time."""
    return day(dataset.local(ts), weekday=False)


def days(first: date, last: date) -> str:
    """Write a range by its first and its last day: 6 Nov to 19 Nov; with years where they differ."""
    year = first.year != last.year
    if first == last:
        return day(first, weekday=False)
    return _("%(first)s to %(last)s") % {
        "first": day(first, weekday=False, year=year),
        "last": day(last, weekday=False, year=year),
    }


def tick(value: Any, column: Column, many: int) -> str:  # noqa: ANN401  # a cell
    """Write a day or an hour as short as an axis of so many places allows: Fri 6, 6 Nov, 14:00; "" for all else."""
    when = moment_of(value)
    if when is None or column.name == "month":
        return ""
    if isinstance(when, datetime) and (when.hour or when.minute):
        return f"{when:%H:%M}"
    if column.name == "week" or (many > DAYS_OF_MONTH and not isinstance(when, datetime)):
        return day(date(when.year, when.month, when.day), weekday=False)
    return f"{WEEKDAYS[when.weekday()]}{NBSP}{when.day}"


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

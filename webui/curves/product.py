"""The product on the first page: the newest day of a dataset against a usual one, and what was unusual in it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics import catalog
from analytics.answers import Cache, key_of
from analytics.models import Dataset
from analytics.recurring import seconds_of
from analytics.store.errors import StoreError
from sdk import ParamError
from sdk.report import NotSupported
from webui.curves import today
from webui.curves.marks import EVERY, Mark, Marks, on, said
from webui.curves.sparkline import HEIGHT, TOP, WIDTH, drawn
from webui.curves.today import Day, Figures, figures, newest
from webui.dashboards import overview
from webui.language import gap, sentences
from webui.reports import numbers
from webui.reports.answering import Line, Trouble, answered, trouble
from webui.reports.ask import Ask
from webui.reports.changes import why
from webui.reports.words import WEEKDAYS

NEAR, LISTED = 3, 5  # tasks named beside what is unusual, and below the line


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the database knew: the dataset, its newest day, the tasks on it. all: what stands near it, notes too."""

    dataset: Dataset
    day: Day
    marks: Sequence[Mark]
    near: Sequence[Mark]  # of the day and an hour on each side
    all: Marks
    every: bool = False  # tasks that do not concern the dataset too


@dataclass(frozen=True, slots=True)
class Asked:
    """What the store said: the day's figures, its latest unusual hour as the report anomalies has it, and when."""

    figures: Figures
    flag: Mapping[str, Any] | None
    seconds: float
    at: float  # Unix seconds


def shown() -> Dataset | None:
    """Give the dataset of the first page: of people's own the one with the newest rows, else a generated one."""
    return Dataset.objects.filter(version__gt=0).order_by("generated", "-last_ts").first()


def prepared(name: str, tasks: str = "") -> Prepared | None:
    """Read what the database knows; None where there is no such dataset, or no hour of it is over.

    tasks: "all" marks every task.
    """
    dataset = Dataset.objects.filter(name=name, version__gt=0).first()
    day = newest(dataset.as_core()) if dataset else None
    if dataset is None or day is None:
        return None
    found = on(dataset, day.low - 3600, day.cut + 3600, every=tasks == EVERY)
    near = [mark for mark in found if mark.kind == "task"]
    on_day = [mark for mark in near if day.low <= mark.ts < day.cut]
    return Prepared(dataset, day, on_day, near, found, tasks == EVERY)


def asked(found: Prepared, line: Line) -> Asked | Trouble:
    """Ask the cache of answers, else the store."""
    try:
        kept = _counted(found, line)
        return Asked(Figures(**kept["figures"]), _flag(found, line), kept["seconds"], kept["at"])
    except (ParamError, NotSupported, StoreError) as error:
        return trouble(error)


def _counted(found: Prepared, line: Line) -> dict[str, Any]:
    core, day = found.dataset.as_core(), found.day
    cache = Cache(settings.HOME / "analytics" / "answers")
    key = key_of(core, "product", today.__file__, {"low": day.low, "cut": day.cut, "high": day.high})
    if kept := cache.plain(key):
        return kept
    started = time.perf_counter()
    counts = figures(core, day, line)
    made = {"figures": asdict(counts), "seconds": time.perf_counter() - started, "at": time.time()}
    cache.keep(key, made)
    return made


def ask_of(found: Prepared) -> Ask:
    """Give the question of the day's unusual hours."""
    core = found.dataset.as_core()
    end = core.day_of(found.day.high)
    return Ask(
        found.dataset,
        catalog.one("anomalies"),
        start=found.day.day.isoformat(),
        end=end.isoformat(),
        params={"by": "hour"},
    )


def _flag(found: Prepared, line: Line) -> Mapping[str, Any] | None:
    """Give the latest hour of the day that is flagged with confidence."""
    try:
        rows = answered(ask_of(found), line).result.named()
    except NotSupported:
        return None
    return next((row for row in reversed(rows) if row["flagged"] and row["sure"]), None)


def context(found: Prepared, asked: Asked) -> dict[str, Any]:
    """Give what the card's template needs."""
    day, counts, core = found.day, asked.figures, found.dataset.as_core()
    low, high = seconds_of(core, "hour", asked.flag) if asked.flag else (0, 0)
    drawing = drawn(
        counts.hours,
        counts.usual_hours,
        [((mark.ts - day.low) / 3600, mark.label) for mark in found.marks],
        of=-(-(day.high - day.low) // 3600),
        ring=(low - day.low) // 3600 if asked.flag else None,
    )
    return {
        "title": title(found),
        "dataset": found.dataset,
        "url": reverse("dashboard", args=[overview.slug_of(found.dataset.name)]),
        "stats": [
            _stat("PV", counts.pv, counts.usual_pv, day),
            _stat("UV", counts.uv, counts.usual_uv, day),
        ],
        "weeks": counts.weeks,
        "drawing": drawing,
        "size": {"width": WIDTH, "height": HEIGHT, "top": TOP},
        "times": ["00:00", "06:00", "12:00", "18:00", "24:00"],
        "described": described(found, counts),
        "legend": _("PV by hour. Line: this day. Dashed: a usual %s.") % numbers.weekday(day.day)
        if counts.weeks
        else _("PV by hour. There is no such weekday before to compare with."),
        "marks": found.marks,
        "more": max(0, len(found.marks) - LISTED),
        "tasks_said": said(found.dataset, found.all),
        "every": found.every,
        "trouble": found.all.trouble,
        "flag": _flagged(found, asked.flag, low, high) if asked.flag else None,
        "flag_url": ask_of(found).url(),
        "seconds": asked.seconds,
        "computed": datetime.fromtimestamp(asked.at, UTC),
    }


def title(found: Prepared) -> str:
    """Name the dataset and the day: only a day that is going on is today."""
    core, day = found.dataset.as_core(), found.day
    clock = f"{core.local(day.cut):%H:%M}"
    now = timezone.now().astimezone(core.zoneinfo).date()
    shown = numbers.day(day.day, year=day.day.year != now.year)
    names = {"name": found.dataset.name, "day": shown, "clock": clock}
    if day.day == now:
        return _("%(name)s, today to %(clock)s") % names
    return (_("%(name)s, %(day)s") if day.whole else _("%(name)s, %(day)s to %(clock)s")) % names


def described(found: Prepared, counts: Figures) -> str:
    """Say in one sentence what the line shows."""
    text = _("PV so far %(pv)s, UV %(uv)s.") % {"pv": f"{counts.pv:,}", "uv": f"{counts.uv:,}"}
    if counts.usual_pv:
        change = numbers.change(counts.pv / counts.usual_pv - 1)
        usual = numbers.weekday(found.day.day)
        text += gap() + _("PV is %(change)s against a usual %(usual)s.") % {"change": change, "usual": usual}
    if found.marks:
        n = len(found.marks)
        text += gap() + ngettext("%s task is marked.", "%s tasks are marked.", n) % n
    return text


def _stat(name: str, value: int, usual: float | None, day: Day) -> dict[str, Any]:
    change = value / usual - 1 if usual else None
    return {
        "name": name,
        "value": value,
        "change": numbers.change(change) if change is not None else "",
        "up": change is not None and change > 0,
        "usual": _("a usual %s") % str(WEEKDAYS[day.day.weekday()]) if change is not None else "",
    }


def _flagged(found: Prepared, row: Mapping[str, Any], low: int, high: int) -> dict[str, Any]:
    core = found.dataset.as_core()
    change, usual = row["change"], _("a usual %s") % numbers.weekday(found.day.day)
    names = {
        "begin": f"{core.local(low):%H:%M}",
        "end": f"{core.local(high):%H:%M}",
        "change": numbers.percent(abs(change or 0)),
        "usual": usual,
    }
    if change is None:
        head = _("%(begin)s to %(end)s: PV where there usually are none") % names
    elif change < 0:
        head = _("%(begin)s to %(end)s: PV %(change)s below %(usual)s") % names
    else:
        head = _("%(begin)s to %(end)s: PV %(change)s above %(usual)s") % names
    z = "" if row["z"] is None else _(" (z %s)") % f"{row['z']:.1f}".replace("-", "−")
    values = {"value": f"{row['value']:,}", "usual": f"{row['expected']:,.0f}", "z": z}
    against = _("%(value)s against %(usual)s%(z)s.") % values
    length = high - low
    near = [mark for mark in found.near if low - length <= mark.ts < high + length]
    return {
        "title": head,
        "text": sentences(against, capfirst(why(row["why"]))),
        "down": (change or 0) < 0,
        "near": [{"mark": mark, "at": f"{core.local(mark.ts):%H:%M}"} for mark in near[:NEAR]],
        "more": max(0, len(near) - NEAR),
    }

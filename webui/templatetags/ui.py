"""The parts of pages as template tags; docs/ui.md shows each."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.core.paginator import Page
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from webui import icons
from webui.language import gap, in_chinese
from webui.servers.models import Engine
from webui.statuses import LOOKS, RESULTS, RISKS

register = template.Library()
register.simple_tag(gap)
NBSP = "\u00a0"
NIGHT = timedelta(hours=12)
BAR = ("ok", "changed", "failed", "unreachable", "timeout", "lost", "skipped", "cancelled", "running")


@register.simple_tag
def icon(name: str, size: int = 16, extra: str = "") -> SafeString:
    """Draw a Tabler icon inline."""
    return icons.icon(name, size, extra)


@register.simple_tag
def status(name: str, text: object = "", form: str = "chip") -> SafeString:
    """Show a state as a chip, or with form="line" as icon and word. text: replaces the word, as "3 unreachable"."""
    look = LOOKS[str(name)]
    return format_html(
        '<span class="{}" data-status="{}">{}{}</span>',
        "om-chip" if form == "chip" else "om-status",
        look.tone,
        icons.icon(look.icon),
        text or look.word,
    )


@register.simple_tag
def risk(name: str) -> SafeString:
    """Show a module's risk as an outlined badge."""
    look = RISKS[str(name)]
    return format_html('<span class="om-risk" data-risk="{}">{}{}</span>', look.tone, icons.icon(look.icon), look.word)


@register.simple_tag
def bar(counts: Mapping[str, int], sentence: object = "", least: float = 1.2, size: str = "") -> SafeString:
    """Draw the accounting bar of counts by status; queued is the hatched rest.

    sentence: what a screen reader says. least: percent that a non-zero part takes at least, so that it stays visible.
    """
    rectangles = format_html_join(
        "", '<rect data-status="{}" x="{}%" y="-2" width="{}%" height="40"/>', bar_parts(counts, least)
    )
    return format_html(
        '<svg class="om-bar" data-size="{}" role="img" aria-label="{}">{}</svg>',
        size,
        sentence or bar_sentence(counts),
        rectangles,
    )


def bar_parts(counts: Mapping[str, int], least: float) -> list[tuple[str, float, float]]:
    """Give (status, start, width) in percent; small parts are widened at the cost of the large ones."""
    total = sum(counts.values())
    shown = {name: counts.get(name, 0) for name in (*BAR, "queued") if counts.get(name, 0)}
    widths = {name: max(100 * n / total, least) for name, n in shown.items()}
    surplus = sum(widths.values()) - 100
    room = sum(width - least for width in widths.values()) or 1
    parts, start = [], 0.0
    for name, width in widths.items():
        fitted = width - surplus * (width - least) / room
        if name != "queued":
            parts.append((name, round(start, 3), round(fitted, 3)))
        start += fitted
    return parts


def bar_sentence(counts: Mapping[str, int]) -> str:
    """Say the non-zero counts in words."""
    return ", ".join(f"{counts[name]:,} {look.word}" for name, look in RESULTS.items() if counts.get(name))


@register.filter
def n(number: float | None) -> str:
    """Write a whole number with thousands separators; a dash where there is none."""
    return "—" if number is None else f"{number:,}"


@register.filter
def percent(part: float, whole: float) -> str:
    """Write part of whole with one decimal; more for small shares, so that they are not shown as zero."""
    share = 100 * part / whole if whole else 0
    return f"{share:.2f}%" if 0 < share < 1 else f"{share:.1f}%" if share not in (0, 100) else f"{share:.0f}%"


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds as a person would: 3.1 s, 38 s, 2 min 48 s, 5 h 20 min; the script times.js says the same."""
    if seconds is None:
        return "—"
    if 0 < seconds < 10 and not float(seconds).is_integer():
        return _span((f"{seconds:.1f}", _("s")))
    whole = int(seconds)
    parts = [(whole // 86400, _("d")), (whole // 3600 % 24, _("h")), (whole // 60 % 60, _("min")), (whole % 60, _("s"))]
    first = next((i for i, (number, _unit) in enumerate(parts) if number), 3)
    leading = _span((str(parts[first][0]), parts[first][1]))
    if first == 3:
        return leading
    number, unit = parts[first + 1]
    return _span((leading, ""), (f"{number:02d}" if first else str(number), unit))


def _span(*parts: tuple[str, str]) -> str:
    """Join numbers and units; Chinese writes them without spaces."""
    space = "" if in_chinese() else NBSP
    return space.join(f"{number}{space}{unit}" if unit else number for number, unit in parts)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Say how long ago a moment was; it ticks on the page, and hovering gives the full time."""
    if moment is None:
        return _("never")
    passed = int((timezone.now() - moment).total_seconds())
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), _full(moment), duration(max(0, passed))
    )


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Write the time of today and of the night before, else the day; hovering gives the full time."""
    if moment is None:
        return "—"
    local, today = timezone.localtime(moment), timezone.localdate()
    if local.date() == today or timedelta(0) <= timezone.now() - moment < NIGHT:
        text = format_date(local, "H:i")
    else:
        text = format_date(local, _("j M") if local.year == today.year else _("j M Y"))
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), _full(moment), text)


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """Write day and time in full."""
    return "—" if value is None else format_html('<time datetime="{}">{}</time>', value.isoformat(), _full(value))


def _full(value: datetime) -> str:
    return format_date(timezone.localtime(value), _("j M Y, H:i:s"))


@register.inclusion_tag("parts/sort_head.html", takes_context=True)
def sort_head(context: Any, key: str, label: object, extra: str = "") -> dict[str, Any]:  # noqa: ANN401  # a template context
    """Write a column head that sorts by `key` through ?sort=key or -key; the view puts `sort` into the context."""
    current = str(context.get("sort", ""))
    backwards = current == key
    return {
        "request": context["request"],
        "label": label,
        "extra": extra,
        "next": f"-{key}" if backwards else key,
        "direction": {key: "ascending", f"-{key}": "descending"}.get(current, ""),
    }


@register.inclusion_tag("parts/pager.html", takes_context=True)
def pager(context: Any, page: Page) -> dict[str, Any]:  # noqa: ANN401  # a template context
    """Write "1 to 50 of 13,412" with Previous and Next; ?page=n, all other values of the address stay."""
    return {"request": context["request"], "page": page}


@register.inclusion_tag("parts/field.html")
def field(bound: Any, wide: bool = False) -> dict[str, Any]:  # noqa: ANN401  # a BoundField
    """Write a form field: label, box with unit, help, error."""
    return {"field": bound, "wide": wide, "about": getattr(bound.field, "about", None)}


@register.filter
def sentence(text: str) -> str:
    """Put a module's own text into the reader's language, where we have its translation."""
    return _(text) if text else ""


@register.filter
def first_value(params: Mapping[str, Any]) -> str:
    """Give the first text among a task's parameters that is short enough to stand in a title."""
    return next((v for v in params.values() if isinstance(v, str) and 0 < len(v) <= 60 and "\n" not in v), "")


@register.filter
def engine_word(name: str) -> str:
    """Write an engine's name as people do."""
    return str(dict(Engine.choices).get(name, name))


@register.filter
def took(task: Any) -> str:  # noqa: ANN401  # a Task; its model is not imported here
    """Write how long a task took, or has taken so far."""
    start = task.started_at or task.created_at
    return duration(((task.ended_at or timezone.now()) - start).total_seconds())


@register.filter
def paragraphs(text: str) -> list[str]:
    """Give a docstring's paragraphs, each as one line."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


@register.filter
def first_paragraph(text: str) -> str:
    """Give a docstring's first paragraph in the reader's language."""
    return sentence(next(iter(paragraphs(text)), ""))


@register.filter
def task_title(title: str) -> str:
    """Give a task's title in the reader's language: the module's part is translated, what it is done to stays."""
    module, sign, subject = title.partition(": ")
    return f"{sentence(module)}{sign}{subject}"


@register.filter
def initials(name: str) -> str:
    """Give the two letters that stand for a person: lin.wei is LW."""
    parts = [part for part in re.split(r"[\W_]+", name) if part]
    return ("".join(part[0] for part in parts[:2]) if len(parts) > 1 else name[:2]).upper()

"""What pages of datasets say: reasons, times, how an import goes."""

from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.importing.stage import REASONS
from analytics.preview import MICRO, MILLI, SECOND, TEXT, Moment, local

REASON_WORDS: dict[str, str | Promise] = {
    "encoding": gettext_lazy("the line is not UTF-8"),
    "columns": gettext_lazy("the line has more or fewer fields than the others, or a quote that does not close"),
    "user": gettext_lazy("the user is missing, or is no whole number where all others are"),
    "item": gettext_lazy("the item is no whole number where all others are"),
    "category": gettext_lazy("the category is no whole number where all others are"),
    "behaviour": gettext_lazy("the behaviour is missing"),
    "time": gettext_lazy("the time cannot be read; seconds, milliseconds, microseconds or ISO 8601 text can"),
    "range": gettext_lazy("the time lies outside the valid range"),
    "amount": gettext_lazy("the amount is no number"),
    "dimension": gettext_lazy("a dimension that holds numbers has something else here"),
}
UNITS: dict[str, str | Promise] = {
    SECOND: gettext_lazy("seconds since 1970"),
    MILLI: gettext_lazy("milliseconds since 1970"),
    MICRO: gettext_lazy("microseconds since 1970"),
    TEXT: gettext_lazy("text"),
}


def reason(why: str) -> str:
    """Say why a line is no row."""
    return str(REASON_WORDS.get(why) or REASONS.get(why, why))


def read_time(first: Moment, zone: ZoneInfo) -> str:
    """Say how times are read: 1511539200 = 2017-11-25 00:00:00 Asia/Shanghai (seconds since 1970)."""
    read = local(first.ts, zone)
    shown = f"{read:%Y-%m-%d %H:%M:%S} {zone.key}" if read else _("no day of any calendar")
    return f"{first.text[:40]} = {shown} ({UNITS[first.unit]})"

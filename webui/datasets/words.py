"""What pages of datasets say: reasons, times, how an import goes."""

from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.importing.stage import REASONS
from analytics.preview import MICRO, MILLI, SECOND, TEXT, Moment, local
from analytics.services import told
from webui.reports.said import said

UNITS: dict[str, str | Promise] = {
    SECOND: gettext_lazy("seconds since 1970"),
    MILLI: gettext_lazy("milliseconds since 1970"),
    MICRO: gettext_lazy("microseconds since 1970"),
    TEXT: gettext_lazy("text"),
}


def reason(why: str) -> str:
    """Say why a line is no row."""
    return said(REASONS[why]) if why in REASONS else why


def fault(error: Exception) -> str:
    """Say what an import, or the store, could not do."""
    return said(told(error))


def read_time(first: Moment, zone: ZoneInfo) -> str:
    """Say how times are read: 1511539200 = 2017-11-25 00:00:00 Asia/Shanghai (seconds since 1970)."""
    read = local(first.ts, zone)
    shown = f"{read:%Y-%m-%d %H:%M:%S} {zone.key}" if read else _("no day of any calendar")
    return _("%(text)s = %(time)s (%(unit)s)") % {"text": first.text[:40], "time": shown, "unit": UNITS[first.unit]}

"""What the pages of dashboards say of datasets and cards."""

from datetime import datetime

from django.utils.translation import gettext as _

from analytics.models import Dataset
from webui.reports import numbers


def facts(dataset: Dataset, now: datetime) -> str:
    """Say in one sentence what a dashboard stands on: dataset, zone, last event."""
    if not dataset.version:
        return _("Dataset %(name)s · %(zone)s · no rows yet") % {"name": dataset.name, "zone": dataset.zone}
    last = dataset.as_core().local(dataset.last_ts)
    day = numbers.day(last.date(), weekday=False, year=last.year != now.year)
    text = _("%(clock)s, %(day)s") % {"clock": f"{last:%H:%M:%S}", "day": day}
    words = {"name": dataset.name, "zone": dataset.zone, "last": text}
    return _("Dataset %(name)s · %(zone)s · last event %(last)s") % words


def width(sixths: int) -> str:
    """Name a card's width."""
    return {2: _("a third"), 3: _("half"), 4: _("two thirds"), 6: _("whole width")}[sixths]

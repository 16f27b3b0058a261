"""Say in the reader's language what reports write of a change: how it came about, and what moved most."""

import re
from datetime import date

from django.utils.translation import gettext as _

from webui.language import in_chinese, sentences
from webui.reports import numbers
from webui.reports.words import field_word

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # as %b writes them
# as analytics.decomposed writes it: both parts go the way of the whole, or each its own
HEAD = re.compile(rf"(\d+ (?:{'|'.join(MONTHS)})): PV (unchanged|[+-]\d+%)(?=;|$)")
ONE_WAY = re.compile(r".*; (\d+%) of it from (more|fewer) users, (\d+%) from .*")
TWO_WAYS = re.compile(r".*; users ([+-]\d+%), pages for each ([+-]\d+%)")
MOVED = re.compile(r"(?:^|; )(behaviour|channel|category): ")  # as the report of anomalies writes it


def why(text: str) -> str:
    """Say how a change came about, without its day and size."""
    if match := ONE_WAY.fullmatch(text):
        words = {"users": match[1], "each": match[3]}
        if match[2] == "fewer":
            return _("%(users)s of the change from fewer users, %(each)s from fewer pages for each.") % words
        return _("%(users)s of the change from more users, %(each)s from more pages for each.") % words
    if match := TWO_WAYS.fullmatch(text):
        words = {"users": _moved(match[1]), "each": _moved(match[2])}
        return _("users %(users)s, pages for each %(each)s.") % words
    return ""


def _moved(percent: str) -> str:
    return _("unchanged") if percent in ("+0%", "-0%") else percent.replace("-", "−")


def whole(text: str) -> str:
    """Say a change with its day and size; English stays as the report wrote it."""
    match = HEAD.match(text)
    if match is None or not in_chinese():
        return text
    number, month = match[1].split()
    day = numbers.day(date(2000, 1 + MONTHS.index(month), int(number)), weekday=False)
    if match[2] == "unchanged":
        return _("%(day)s: PV unchanged.") % {"day": day}
    words = {"day": day, "change": match[2].replace("-", "−")}
    return sentences(_("%(day)s: PV %(change)s.") % words, why(text))


def moved(text: str) -> str:
    """Say which values of which dimensions moved most; the values are the data's own."""
    between = _("; ")
    return MOVED.sub(lambda match: between * bool(match.start()) + _("%s: ") % field_word(match[1]).lower(), text)

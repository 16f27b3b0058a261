"""What an alert says: one value for mail and webhook, made from what was judged."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics import catalog
from webui.alerts.judging import asked
from webui.alerts.models import Alert, Delivery, Firing
from webui.alerts.rules import condition, number
from webui.curves import concern
from webui.language import sentences
from webui.reports.ask import Ask
from webui.reports.changes import moved, why

TASKS = 10  # named in a message


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its subject, its sentences, and where to look. facts: the numbers, for programs."""

    subject: str
    lines: tuple[str, ...]
    url: str
    facts: dict[str, Any]

    @property
    def text(self) -> str:
        """Give the mail's text."""
        return "\n".join([*self.lines, "", self.url, ""])


def message(delivery: Delivery) -> Message:
    """Write what a delivery tells."""
    alert, firing = delivery.alert, delivery.firing
    if firing is None:
        line = _("This is a test of the alert %s; nothing has happened.") % alert.name
        return Message(_("Test of the alert %s") % alert.name, (line, condition(alert)), link(alert, None), {})
    ending = delivery.kind == Delivery.Kind.END
    facts, low = (firing.end_facts, firing.end_low or 0) if ending else (firing.facts, firing.low)
    head = sentence(alert, low, facts)
    subject = (_("Over: %s") if ending else "%s") % f"{alert.name}: {head}"
    lines = [head, *details(alert, facts), _("Rule: %s") % condition(alert)]
    if ending:
        since = _("It began with %s") % sentence(alert, firing.low, firing.facts)
        lines = [_("The alert %s is over.") % alert.name, head, since, *lines[1:]]
    shown = {name: value for name, value in facts.items() if name != "tasks"}
    near = [{**task, "url": settled(alert, task["url"])} for task in facts["tasks"]]
    return Message(subject, tuple(lines), link(alert, firing), {**shown, "low": low, "tasks": near})


def sentence(alert: Alert, low: int, facts: dict[str, Any]) -> str:
    """Say what a bucket was: "shop, Wed 18 Nov 11:00 to 12:00: PV 385,310, 18% below the usual 470,120"."""
    core = alert.dataset.as_core()
    begin, end = core.local(low), core.local(facts["high"])
    if facts.get("silent"):
        return _silence(alert, begin, facts["value"])
    when = date_format(begin, _("D j M Y"))
    if alert.unit == Alert.Unit.HOUR:
        when = _("%(day)s, %(begin)s to %(end)s") % {"day": when, "begin": f"{begin:%H:%M}", "end": f"{end:%H:%M}"}
    head = f"{alert.dataset.name}, {when}: {alert.get_metric_display()} {number(alert, facts['value'])}"
    change, expected = facts["change"], facts["expected"]
    if change is None:
        return head
    if not change:
        return _("%s, as usual") % head
    text = (
        _("%(head)s, %(change)s below the usual %(usual)s")
        if change < 0
        else _("%(head)s, %(change)s above the usual %(usual)s")
    )
    return text % {"head": head, "change": f"{abs(change):.1%}", "usual": number(alert, expected)}


def _silence(alert: Alert, last: datetime, hours: float) -> str:
    """Say how old the newest row is: "shop: the newest row is 26 hours old, of Sat 25 Nov 2017, 18:04"."""
    text = ngettext(
        "%(name)s: the newest row is %(hours)s hour old, of %(day)s, %(clock)s",
        "%(name)s: the newest row is %(hours)s hours old, of %(day)s, %(clock)s",
        int(hours),
    )
    day = date_format(last, _("D j M Y"))
    return text % {"name": alert.dataset.name, "hours": f"{int(hours):,}", "day": day, "clock": f"{last:%H:%M}"}


def details(alert: Alert, facts: dict[str, Any]) -> list[str]:
    """Say how sure it is, where it came from, and which tasks ran near."""
    lines: list[str] = []
    if facts.get("silent"):
        return lines
    if facts.get("denominator"):
        lines.append(f"{facts['numerator']:,} / {facts['denominator']:,}")
    if facts["points"]:
        text = (
            _("Usual: the median of %s of the weeks before.")
            if facts["sure"]
            else _("Usual: the median of the last %s.")
        )
        z = "" if facts["z"] is None else f"z {facts['z']:+.1f}."
        lines.append(sentences(text % facts["points"], z))
    lines += [capfirst(why(facts["why"]))] * bool(why(facts["why"]))
    lines += [_("Moved most: %s") % moved(facts["moved"])] * bool(facts["moved"])
    if facts["tasks"]:
        lines.append(_("Tasks within one bucket of it (timing is not proof):"))
        for task in facts["tasks"][:TASKS]:
            at = date_format(alert.dataset.as_core().local(task["at"]), _("j M, H:i"))
            lines.append(f"- {at} {task['text']} ({task['detail']}) {settled(alert, task['url'])}")
        if len(facts["tasks"]) > TASKS:
            lines.append(_("- and %s more") % (len(facts["tasks"]) - TASKS))
    elif concern.of(alert.dataset).usual:
        lines.append(_("No task that changes something began within one bucket of it."))
    else:
        lines.append(_("No task that concerns the dataset began within one bucket of it."))
    return lines


def link(alert: Alert, firing: Firing | None) -> str:
    """Give the address that a message leads to."""
    return settled(alert, place(alert, firing))


def place(alert: Alert, firing: Firing | None) -> str:
    """Give where one sees what an alert is about: its report, or the dataset whose data do not come."""
    if alert.rule == Alert.Rule.SILENT:
        return reverse("dataset", args=[alert.dataset.name])
    return ask(alert, firing).url()


def ask(alert: Alert, firing: Firing | None) -> Ask:
    """Give the question of the report that shows a firing: the days up to the one after it."""
    values = asked(alert)
    where = tuple(values.pop("where"))
    question = Ask(alert.dataset, catalog.one("anomalies"), preset="14d", where=where, params=values)
    if firing is None:
        return question
    core = alert.dataset.as_core()
    day = core.day_of(firing.end_low or firing.low)
    first = core.day_of(firing.low) if alert.unit == Alert.Unit.HOUR else day
    return question.but(preset="", start=_days(first, -14 if alert.unit == Alert.Unit.DAY else -2), end=_days(day, 1))


def settled(alert: Alert, path: str) -> str:
    """Make an address of ours absolute."""
    return f"{settings.SITE_URL or alert.site}{path}"


def _days(day: date, count: int) -> str:
    return (day + timedelta(count)).isoformat()

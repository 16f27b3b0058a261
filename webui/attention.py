"""What needs a person, for the first page: each line says what, why and what follows, and has one button.

Held tasks and masters have a line each; every other kind has one line, however many there are of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Window
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rpcgate.catalog import Entry
from webui.language import sentences
from webui.modules.delivery import reach
from webui.servers.models import Engine, Master, Server
from webui.tasks.fleet import why_unfit
from webui.tasks.models import HostResult, HostStatus, Task, Wave
from webui.templatetags.ui import duration, n, task_title

NAMES = 3  # servers named in a line

Rows = Sequence[Mapping[str, Any]]
Use = Mapping[tuple[int, str], int]  # (IDC's id, engine) -> servers


@dataclass(frozen=True, slots=True)
class Line:
    """One matter. kind: its look; word: instead of the look's own; about: for who hears the button only."""

    kind: str
    title: str
    why: str
    url: str
    act: str
    word: str = ""
    about: str = ""


def lines(under_way: Rows, masters: Rows, use: Use, entries: Iterable[Entry], now: datetime) -> list[Line]:
    """Give what needs a person, the tasks first. Three queries at most.

    under_way: rows of webui.modules.views.task_rows; masters: {"master", "state"} without the retired ones.
    """
    return [
        *_held(under_way),
        *_starved([row["task"] for row in under_way], masters),
        *_masters_in_need(masters, now),
        *_engines([line["master"] for line in masters if line["state"] == "healthy"], use),
        *_broken([entry for entry in entries if entry.error]),
        *_unreachable(now),
    ]


def _held(under_way: Rows) -> list[Line]:
    held = {row["task"].pk: row for row in under_way if row["task"].state == Task.State.HELD}
    waves = Wave.objects.filter(task__in=held, state=Wave.State.HELD).order_by("task", "number") if held else ()
    by_task = {wave.task_id: wave for wave in waves}
    return [_held_line(row, by_task.get(pk)) for pk, row in held.items()]


def _held_line(row: Mapping[str, Any], wave: Wave | None) -> Line:
    task, left = row["task"], row["counts"]["queued"]
    untouched = ngettext("%s server has not been touched.", "%s servers have not been touched.", left) % n(left)
    title = task_title(task.title)
    if wave:
        title = _("%(title)s, wave %(n)d") % {"title": title, "n": wave.number}
    why = sentences(wave.reason if wave else "", untouched)
    return Line("held", title, why, reverse("task", args=[task.pk]), _("Decide"), about=f"#{task.pk}")


def _starved(tasks: Sequence[Task], masters: Rows) -> list[Line]:
    """Tell of the tasks that no master can take now. One query."""
    live = {task.pk: task for task in tasks if task.state in (Task.State.QUEUED, Task.State.RUNNING)}
    unsent = HostResult.objects.filter(status=HostStatus.QUEUED, job__isnull=True, wave__state=Wave.State.RELEASED)
    rows = unsent.filter(task__in=live).order_by().values("task_id", "idc_name", "reason").annotate(n=Count("pk"))
    accepted = [line["master"] for line in masters if line["master"].state == Master.State.ACCEPTED]
    found = []
    for row in rows if live else ():
        here = [master for master in accepted if master.idc.name == row["idc_name"]]
        if why := _why_starved(live[row["task_id"]], row, here):
            found.append((row["n"], row["task_id"], why))
    if not found:
        return []
    found.sort(key=lambda one: (-one[0], one[1]))
    servers, ids = sum(count for count, _pk, _why in found), {pk for _count, pk, _why in found}
    first = live[found[0][1]]
    follows = ngettext("%s server has not begun.", "%s servers have not begun.", servers) % n(servers)
    title = _("%s waits for a master") % task_title(first.title)
    url, about = reverse("task", args=[first.pk]), f"#{first.pk}"
    if len(ids) > 1:
        title = ngettext("%s task waits for a master", "%s tasks wait for a master", len(ids)) % n(len(ids))
        url, about = reverse("tasks"), title
    return [Line("held", title, sentences(found[0][2], follows), url, _("Look"), _("Waiting"), about)]


def _why_starved(task: Task, row: Mapping[str, Any], masters: Sequence[Master]) -> str:
    """Say why no master of an IDC takes a task's servers; "" when one is about to."""
    if not masters:
        return _("No master is accepted in %s.") % row["idc_name"]
    if row["reason"]:  # written where no fit master has an engine for them
        return str(row["reason"])
    reached = reach(task.module, task.digest, masters)
    reasons = [why_unfit(master, task, {master.pk}, reached) for master in masters]
    return sentences(*reasons) if all(reasons) else ""


def _masters_in_need(masters: Rows, now: datetime) -> list[Line]:
    found = []
    for line in masters:
        master: Master = line["master"]
        if line["state"] == "waiting":
            title = _("Master %s waits to be accepted") % master.name
            why = _("It gets no work until an admin has compared its fingerprint.")
        elif line["state"] == "silent":
            title, why = _silence(master, now), _after(master, masters, now)
        else:
            continue
        url = reverse("master", args=[master.name])
        found.append(Line(line["state"], title, why, url, _("Look"), about=master.name))
    return found


def _silence(master: Master, now: datetime) -> str:
    if master.last_seen is None:
        return _("Master %s has never reported") % master.name
    passed = duration(int((now - master.last_seen).total_seconds()))
    return _("Master %(name)s has not reported for %(time)s") % {"name": master.name, "time": passed}


def _after(master: Master, masters: Rows, now: datetime) -> str:
    """Say what its silence means for the servers that wait there."""
    waiting = master.hosts_waiting
    if not waiting:
        return sentences(_("No server waits for it."), master.trouble)
    others = [m["master"].name for m in masters if m["master"].idc_id == master.idc_id and m["state"] == "healthy"]
    ends = (master.last_seen or now) + timedelta(seconds=settings.LEASE_SECONDS)
    words = {"others": ", ".join(others), "idc": master.idc.name}
    words["time"] = duration(max(0, int((ends - now).total_seconds())))
    said = ngettext("%s server waits.", "%s servers wait.", waiting) % n(waiting)
    if not others:
        then = _("There is no other healthy master in %(idc)s.") % words
    elif ends <= now:
        then = _("Its lease has ended; %(others)s can take over.") % words
    else:
        then = _("Its lease ends in %(time)s; then %(others)s can take over.") % words
    return sentences(said, then, master.trouble)


def _engines(healthy: Sequence[Master], use: Use) -> list[Line]:
    """Tell of the engines that servers need and a master has not."""
    found = []
    for master in healthy:
        for engine, why in master.engines.items():
            servers = use.get((master.idc_id, engine), 0)
            others = [m.name for m in healthy if m.idc_id == master.idc_id and m.engines.get(engine) == ""]
            if why and servers:
                found.append((bool(others), -servers, master, engine, why, others))
    if not found:
        return []
    found.sort(key=lambda one: one[:2])
    _any, servers, master, engine, why, others = found[0]
    words = {"engine": dict(Engine.choices).get(engine, engine), "master": master.name, "others": ", ".join(others)}
    words |= {"idc": master.idc.name, "n": n(-servers)}
    follows = (
        _("%(others)s still can use it.")
        if others
        else ngettext(
            "%(n)s server in %(idc)s cannot be reached by it.",
            "%(n)s servers in %(idc)s cannot be reached by it.",
            -servers,
        )
    )
    title, url, about = (
        _("%(engine)s is not usable on %(master)s") % words,
        reverse("master", args=[master.name]),
        master.name,
    )
    said = sentences(_sentence(why), follows % words)
    if len(found) > 1:
        said = f"{title}: {said}"
        title = ngettext("%s engine is not usable", "%s engines are not usable", len(found)) % n(len(found))
        url, about = reverse("idcs"), title
    return [Line("broken", title, said, url, _("Look"), _("Not usable"), about)]


def _broken(entries: Sequence[Entry]) -> list[Line]:
    """Tell of the module files that do not load."""
    if not entries:
        return []
    first = entries[0]
    title, url = _("Module %s does not load") % first.name, reverse("module", args=[first.name])
    follows = _("It cannot be run until its file is mended.")
    if len(entries) > 1:
        number = len(entries)
        title = ngettext("%s module does not load", "%s modules do not load", number) % n(number)
        url, follows = reverse("modules"), _("They cannot be run until their files are mended.")
    return [Line("broken", title, sentences(_sentence(first.error), follows), url, _("Look"), about=title)]


def _unreachable(now: datetime) -> list[Line]:
    """Tell of the servers that did not answer when last asked, but for those in maintenance. One query."""
    silent = Server.objects.filter(health=Server.Health.UNREACHABLE).exclude(maintenance_until__gt=now)
    newest = silent.order_by("-health_since", "name").annotate(every=Window(Count("pk")))
    rows = list(newest.values_list("name", "every")[:NAMES])
    if not rows:
        return []
    count = rows[0][1]
    title = ngettext("%s server is unreachable", "%s servers are unreachable", count) % n(count)
    names = ", ".join(name for name, _every in rows)
    if count > len(rows):
        names = _("%(names)s and %(n)s more") % {"names": names, "n": n(count - len(rows))}
    why = ngettext(
        "%s did not answer when last asked; a task on it will most likely fail.",
        "%s did not answer when last asked; a task on them will most likely fail.",
        count,
    )
    url = f"{reverse('servers')}?health=unreachable"
    return [Line("unreachable", title, why % names, url, _("Look"), about=title)]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "。", "!", "?")) else f"{text}."

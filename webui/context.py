"""What every page's frame needs: the entries of the side bar, counts, theme and languages."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from webui import access

THEMES = {
    "light": (_("Light"), "sun"),
    "dark": (_("Dark"), "moon"),
    "": (_("As the system"), "device-desktop"),
}
THEME_COOKIE = "omserver_theme"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the side bar. place: the address's name, also what `g h` and its like look for."""

    place: str
    word: str | Promise
    icon: str
    under: tuple[str, ...] = ()  # first parts of other addresses that belong to it


GROUPS: tuple[tuple[str | Promise, tuple[Entry, ...]], ...] = (
    ("", (Entry("home", _("Home"), "home"),)),
    (
        _("Operations"),
        (
            Entry("run", _("Run a module"), "player-play"),
            Entry("tasks", pgettext_lazy("plural", "Tasks"), "list-check"),
        ),
    ),
    (
        _("Fleet"),
        (
            Entry("servers", _("Servers"), "server"),
            Entry("groups", _("Groups and tags"), "tags"),
            Entry("idcs", _("IDCs and masters"), "broadcast", ("/masters/",)),
            Entry("modules", _("Modules"), "package"),
        ),
    ),
    (
        _("Analytics"),
        (
            Entry("dashboards", _("Dashboards"), "layout-dashboard"),
            Entry("reports", _("Reports"), "chart-dots"),
            Entry("datasets", _("Datasets"), "database"),
        ),
    ),
    (
        _("Administration"),
        (Entry("people", _("People and access"), "users"), Entry("audit", _("Audit log"), "history")),
    ),
)
ONLY = {"people": access.may_change_people, "audit": access.may_see_audit}
PHONE = ("home", "run", "tasks", "dashboards")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Give the frame's values; what costs a query is computed only where the template asks."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    known = theme if theme in THEMES else ""
    return {
        "nav": SimpleLazyObject(lambda: navigation(request)),
        "theme": known,
        "theme_icon": THEMES[known][1] if known else "sun",
        "themes": [(name, word, icon) for name, (word, icon) in THEMES.items()],
        "languages": settings.LANGUAGES,
        "now": timezone.now(),
        "here": SimpleLazyObject(lambda: here(request)),
        "role_word": SimpleLazyObject(lambda: access.ROLE_WORDS[access.role_of(request.user)]),
        "may_change_fleet": SimpleLazyObject(lambda: access.may_change_fleet(request.user)),
    }


def here(request: HttpRequest) -> str:
    """Give the page's address without a module's parameters, which may be secrets: it is written into forms."""
    kept = request.GET.copy()
    for name in [name for name in kept if name.startswith("p.")]:
        del kept[name]
    return f"{request.path}?{kept.urlencode()}" if kept else request.path


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give the side bar's groups with the entries this person may use, and the phone's bottom bar."""
    groups: list[dict[str, Any]] = []
    person = getattr(request, "user", None)  # absent where the request was refused before anybody asked who it is
    if person is None or not person.is_authenticated:
        return {"groups": groups, "phone": []}
    for title, entries in GROUPS:
        shown = [line for entry in entries if (line := _line(entry, request))]
        if shown:
            groups.append({"title": title, "entries": shown})
    by_place = {line["place"]: line for group in groups for line in group["entries"]}
    return {"groups": groups, "phone": [by_place[place] for place in PHONE if place in by_place]}


def _line(entry: Entry, request: HttpRequest) -> dict[str, Any] | None:
    allowed = ONLY.get(entry.place)
    if allowed and not allowed(request.user):
        return None
    try:
        url = reverse(entry.place)
    except NoReverseMatch:  # the pages of a later stage are absent, not dead links
        return None
    here = request.path == url if url == "/" else request.path.startswith((url, *entry.under))
    count = tasks_under_way() if entry.place == "tasks" else 0
    return {"place": entry.place, "url": url, "word": entry.word, "icon": entry.icon, "here": here, "count": count}


def tasks_under_way() -> int:
    """Count the tasks that have not ended: the badge beside Tasks. One query."""
    from webui.tasks.models import Task

    return Task.objects.exclude(state=Task.State.ENDED).count()

"""Browse the fleet by category, application and server, and write what was ticked as a selector.

The selector is the only record of a choice; the three columns are drawn from it. A tick that follows ticks is written
anew in its shortest form (`app=www and not web17`); a tick on a selector that a person wrote is added behind it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webui.servers.models import Idc, Server, Tag
from webui.servers.selectors import SelectorError, condition, glob_regex
from webui.tasks.digits import number

PAGE = 60  # servers in the third column at a time
TICKED = re.compile(r"(?:category|app|application)=.*|not|and|or|[()]|all|[^\s=:@*?\[]+")
PART = re.compile(r"[()]|[^\s(),]+(?:\s*,\s*[^\s(),]+)*,?")
NONE = "?*"  # a glob that every value but the empty one matches


@dataclass(frozen=True, slots=True)
class View:
    """What the columns show: the open category and application, the filters, how many servers are listed."""

    category: str | None = None
    application: str | None = None
    text: str = ""
    idcs: tuple[str, ...] = ()
    tag: str = ""
    listed: int = PAGE

    @property
    def filtered(self) -> bool:
        """Say whether a filter hides some servers."""
        return bool(self.text or self.idcs or self.tag)


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a box. state: "none", "some" or "all" of `total` are chosen; open: it is the one looked into."""

    value: str
    label: str
    total: int
    chosen: int
    open: bool = False

    @property
    def state(self) -> str:
        """Give the box's state."""
        return "none" if not self.chosen else "all" if self.chosen == self.total else "some"

    @property
    def checked(self) -> str:
        """Give the box's aria-checked."""
        return {"none": "false", "some": "mixed", "all": "true"}[self.state]


@dataclass(frozen=True, slots=True)
class Columns:
    """All that the template draws."""

    categories: list[Row]
    applications: list[Row]
    servers: list[Server]
    more: int
    chosen: int
    total: int
    fault: str = ""
    chosen_names: frozenset[str] = field(default_factory=frozenset)


def view_of(values: Mapping[str, Any]) -> View:
    """Read the columns' state from a form."""
    listed = number(values.get("b.listed", ""))
    idcs = values.getlist("b.idc") if hasattr(values, "getlist") else values.get("b.idc", [])
    return View(
        category=values.get("b.category"),
        application=values.get("b.app"),
        text=values.get("b.q", "").strip()[:120],
        idcs=tuple(name for name in idcs if name),
        tag=values.get("b.tag", "").strip()[:120],
        listed=PAGE if listed is None else min(listed, 2000),
    )


def columns(selector: str, view: View) -> Columns:
    """Draw the three columns; a selector that is not sound leaves every box empty and gives its sentence.

    Five queries, however many servers there are.
    """
    chosen, fault = _chosen(selector)
    fleet = _filtered(view)
    counts = list(
        fleet.values("category", "application")
        .annotate(total=Count("pk", distinct=True), picked=Count("pk", filter=chosen, distinct=True))
        .order_by("category", "application")
    )
    categories = _rows(counts, "category", _("No category"), view.category)
    category = view.category if any(row.value == view.category for row in categories) else _first(categories)
    inside = [row for row in counts if row["category"] == category]
    applications = _rows(inside, "application", _("No application"), view.application)
    application = view.application if any(row.value == view.application for row in applications) else None
    application = _first(applications) if application is None else application
    listed = fleet.filter(category=category, application=application).select_related("idc").order_by("name")
    servers = list(listed[: view.listed]) if category is not None else []
    names = frozenset(
        Server.objects.filter(chosen, pk__in=[server.pk for server in servers]).values_list("name", flat=True)
    )
    here = next((row.total for row in applications if row.value == application), 0)
    return Columns(
        categories=_opened(categories, category),
        applications=_opened(applications, application),
        servers=servers,
        more=max(0, here - len(servers)),
        chosen=sum(row["picked"] for row in counts) if not view.filtered else Server.objects.filter(chosen).count(),
        total=Server.objects.count(),
        fault=fault,
        chosen_names=names,
    )


def tick(selector: str, view: View, kind: str, value: str, *, on: bool) -> str:
    """Give the selector after one box was ticked or cleared. kind: "category", "application" or "server".

    Filters hold: ticking a category while only IDC sh is shown takes its servers in sh.
    """
    scope = _scope(view, kind, value)
    text = selector.strip()
    if not text:
        return shortest(_filtered(view).filter(_box(view, kind, value)).values_list("pk", flat=True)) if on else ""
    if not _ticked(text):
        return f"{_bracketed(text)} or {_bracketed(scope)}" if on else f"{_bracketed(text)} and not {_bracketed(scope)}"
    chosen, fault = _chosen(text)
    if fault:
        return scope if on else text
    kept = set(Server.objects.filter(chosen).values_list("pk", flat=True))
    touched = set(_filtered(view).filter(_box(view, kind, value)).values_list("pk", flat=True))
    return shortest(kept | touched if on else kept - touched)


def shortest(chosen: Iterable[int]) -> str:
    """Write servers (primary keys) as a selector: whole categories and applications, less the few that are missing."""
    wanted = set(chosen)
    if not wanted:
        return ""
    by_category = _by_category()
    everywhere = Counter(application for applications in by_category.values() for application in applications)
    if len(wanted) == sum(len(rows) for some in by_category.values() for rows in some.values()) > 1:
        return "all"
    whole: list[str] = []
    apps: list[str] = []
    missing: list[str] = []
    single: list[str] = []
    for category, applications in sorted(by_category.items()):
        if len(applications) > 1 and _plain(category) and all(_mostly(r, wanted) for r in applications.values()):
            whole.append(f"category={category}" if category else f"not category={NONE}")
            missing += [name for rows in applications.values() for pk, name in rows if pk not in wanted]
            continue
        for application, rows in sorted(applications.items()):
            if not application or not _plain(application, category) or not _mostly(rows, wanted):
                single += [name for pk, name in rows if pk in wanted]
                continue
            if everywhere[application] == 1:
                apps.append(application)
            else:
                whole.append(f"(category={category} and app={application})")
            missing += [name for pk, name in rows if pk not in wanted]
    if apps:
        whole.append(f"app={','.join(apps)}")
    return _joined(whole, missing, single)


def _by_category() -> dict[str, dict[str, list[tuple[int, str]]]]:
    """Give (primary key, name) of all servers, by category and application."""
    found: dict[str, dict[str, list[tuple[int, str]]]] = defaultdict(lambda: defaultdict(list))
    for pk, name, category, application in Server.objects.values_list("pk", "name", "category", "application"):
        found[category][application].append((pk, name))
    return found


def pasted(text: str) -> tuple[str, list[str], int]:
    """Read names or addresses, one a line or separated by commas and spaces.

    Returns the selector of those that exist, the ones that do not, and how many servers there are.
    """
    asked = list(dict.fromkeys(item for item in re.split(r"[\s,;]+", text) if item))
    names = dict(Server.objects.filter(name__in=asked).values_list("name", "name"))
    rest = [item for item in asked if item not in names]
    by_address: dict[str, list[str]] = defaultdict(list)
    for address, name in Server.objects.filter(address__in=rest).values_list("address", "name"):
        by_address[address].append(name)
    found = [name for item in asked for name in ([item] if item in names else by_address.get(item, []))]
    unknown = [item for item in rest if item not in by_address]
    unique = list(dict.fromkeys(found))
    return ",".join(unique), unknown, len(unique)


def unknown_sentence(unknown: list[str]) -> str:
    """Name the lines that are no server; "" when there is none."""
    if not unknown:
        return ""
    shown = ", ".join(item[:60] for item in unknown[:8])
    if len(unknown) > 8:
        shown += " " + _("and %d more") % (len(unknown) - 8)
    return ngettext(
        "%(n)d line is no server and is not selected: %(names)s. Correct it, or remove it.",
        "%(n)d lines are no servers and are not selected: %(names)s. Correct them, or remove them.",
        len(unknown),
    ) % {"n": len(unknown), "names": shown}


def filters() -> dict[str, list[str]]:
    """Give what the filters offer: IDC names, and tags as key=value (the hundred most frequent)."""
    tags = Tag.objects.values("key", "value").annotate(n=Count("pk")).order_by("-n", "key", "value")[:100]
    return {
        "idcs": list(Idc.objects.values_list("name", flat=True)),
        "tags": [f"{tag['key']}={tag['value']}" if tag["value"] else tag["key"] for tag in tags],
    }


def _chosen(selector: str) -> tuple[Q, str]:
    if not selector.strip():
        return Q(pk__in=[]), ""
    try:
        return condition(selector), ""
    except SelectorError as error:
        return Q(pk__in=[]), str(error)


def _filtered(view: View) -> QuerySet[Server]:
    fleet = Server.objects.all()
    if view.idcs:
        fleet = fleet.filter(idc__name__in=view.idcs)
    if view.tag:
        key, sign, value = view.tag.partition("=")
        fleet = fleet.filter(tags__key=key, tags__value=value) if sign else fleet.filter(tags__key=key)
    if view.text:
        fleet = fleet.filter(_text(view.text))
    return fleet


def _text(text: str) -> Q:
    """Find by name or by the beginning of an address; * stands for anything. Nothing has a name that is no glob."""
    if "*" not in text:
        return Q(name__icontains=text) | Q(address__startswith=text)
    try:
        pattern = glob_regex(text)
    except SelectorError:
        return Q(pk__in=[])
    return Q(name__regex=pattern) | Q(address__regex=pattern)


def _rows(counts: list[dict[str, Any]], key: str, empty: str, opened: str | None) -> list[Row]:
    totals: dict[str, list[int]] = {}
    for row in counts:
        both = totals.setdefault(row[key], [0, 0])
        both[0] += row["total"]
        both[1] += row["picked"]
    return [Row(value, value or empty, total, picked, value == opened) for value, (total, picked) in totals.items()]


def _opened(rows: list[Row], value: str | None) -> list[Row]:
    return [Row(row.value, row.label, row.total, row.chosen, row.value == value) for row in rows]


def _first(rows: list[Row]) -> str | None:
    """Open what is chosen in part or whole, else the first."""
    picked = next((row for row in rows if row.chosen), None)
    return (picked or rows[0]).value if rows else None


def _box(view: View, kind: str, value: str) -> Q:
    if kind == "category":
        return Q(category=value)
    if kind == "application":
        return Q(category=view.category or "", application=value)
    return Q(name=value)


def _scope(view: View, kind: str, value: str) -> str:
    """Write one box as a selector, with the filters that hold."""
    if kind == "server":
        return value
    category = value if kind == "category" else view.category or ""
    parts = [f"category={category}" if category else f"not category={NONE}"]
    if kind == "application":
        parts.append(f"app={value}" if value else f"not app={NONE}")
    if view.idcs:
        parts.append(f"idc={','.join(view.idcs)}")
    if view.tag:
        parts.append(f"tag:{view.tag}")
    if view.text:
        glob = view.text if "*" in view.text else f"*{view.text}*"
        parts.append(f"({glob} or address={view.text.rstrip('*')}*)")
    return " and ".join(parts)


def _ticked(selector: str) -> bool:
    """Say whether a selector holds only what boxes write, so that it may be written anew."""
    return all(TICKED.fullmatch(part) for part in PART.findall(selector))


def _bracketed(text: str) -> str:
    return text if " " not in text.strip() else f"({text.strip()})"


def _plain(*values: str) -> bool:
    """Say whether a selector can hold these values; others are written as server names."""
    return not any(re.search(r"[\s,()*?\[]", value) for value in values)


def _mostly(rows: list[tuple[int, str]], wanted: set[int]) -> bool:
    picked = sum(1 for pk, _name in rows if pk in wanted)
    return len(rows) > 1 and picked * 2 > len(rows)


def _joined(whole: list[str], missing: list[str], single: list[str]) -> str:
    parts = " or ".join(whole)
    if whole and missing:
        parts = f"({parts})" if len(whole) > 1 else parts
        parts += f" and not {','.join(missing)}"
    if not single:
        return parts
    return f"{parts} or {','.join(single)}" if parts else ",".join(single)

"""Saved selectors, and the tags in use."""

from itertools import groupby
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from webui import access
from webui.by import by_of
from webui.servers import services
from webui.servers.forms import GroupForm, add_errors
from webui.servers.models import Group, Server, Tag
from webui.servers.selectors import SelectorError, condition

VALUES_SHOWN = 12  # of one tag key


@require_GET
def groups(request: HttpRequest) -> HttpResponse:
    """List the groups with the number of servers each means now, and the tags with theirs."""
    return render(request, "groups/list.html", {"groups": counted(list(Group.objects.all())), "tags": tags_in_use()})


def counted(found: list[Group]) -> list[dict[str, Any]]:
    """Count what each group means. One query for all counts, and a few for each selector's words."""
    conditions, troubles = {}, {}
    for group in found:
        try:
            conditions[f"g{group.pk}"] = condition(group.selector, groups=(group.name,))
        except SelectorError as error:
            troubles[group.pk] = str(error)
    counts = (
        Server.objects.aggregate(**{key: Count("pk", filter=q) for key, q in conditions.items()}) if conditions else {}
    )
    return [
        {"group": group, "servers": counts.get(f"g{group.pk}"), "trouble": troubles.get(group.pk, "")}
        for group in found
    ]


def tags_in_use() -> list[dict[str, Any]]:
    """Count the servers of each key and value. One query."""
    rows = Tag.objects.order_by("key", "value").values_list("key", "value").annotate(n=Count("pk"))
    made = []
    for key, pairs in groupby(rows, key=lambda row: row[0]):
        values = sorted(((value, n) for _key, value, n in pairs), key=lambda pair: (-pair[1], pair[0]))
        made.append(
            {
                "key": key,
                "servers": sum(n for _value, n in values),
                "values": values[:VALUES_SHOWN],
                "more": len(values) - len(values[:VALUES_SHOWN]),
            }
        )
    return made


def add(request: HttpRequest) -> HttpResponse:
    """Save a selector under a name."""
    return _form(request, Group(), {"selector": request.GET.get("selector", "")})


def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Change a group."""
    group = get_object_or_404(Group, name=name)
    return _form(request, group, {"name": group.name, "selector": group.selector, "note": group.note})


def _form(request: HttpRequest, group: Group, initial: dict[str, str]) -> HttpResponse:
    access.require_fleet(request.user)
    form, name = GroupForm(request.POST or None, initial=initial), group.name
    if request.method == "POST" and form.is_valid():
        try:
            services.save_group(by_of(request), form.fill(group))
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, _("@%s is saved.") % group.name)
            return redirect("groups")
    return render(request, "groups/form.html", {"form": form, "name": name})


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Remove a group; its servers stay."""
    group = get_object_or_404(Group, name=name)
    services.delete_group(by_of(request), group)
    messages.success(request, _("@%s is deleted. Its servers are as before.") % name)
    return redirect("groups")

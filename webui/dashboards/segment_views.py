"""The pages of segments: all of a dataset, save the present filters under a name, use, share and delete one."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from analytics.models import Dataset
from webui import access
from webui.by import by_of
from webui.dashboards import segments as writing
from webui.dashboards.forms import SegmentForm
from webui.dashboards.models import Segment
from webui.dashboards.note_views import way_back


@require_GET
def segments(request: HttpRequest, dataset: str) -> HttpResponse:
    """List the segments of a dataset that the person may use."""
    found = get_object_or_404(Dataset, name=dataset)
    lines = [
        {"segment": one, "can_change": writing.may_change(request.user, one)}
        for one in writing.of(found.name, request.user)
    ]
    context = {"dataset": found, "segments": lines, "can_write": access.may_write_dashboards(request.user)}
    return render(request, "dashboards/segments.html", context)


def add(request: HttpRequest, dataset: str) -> HttpResponse:
    """Keep filters and rules under a name; those of the address are filled in."""
    access.require_dashboards(request.user)
    found = get_object_or_404(Dataset, name=dataset)
    given = {name: "\n".join(request.GET.getlist(name)) for name in ("where", "users")}
    form = SegmentForm(request.POST or None, initial={**given, "shared": True})
    back = way_back(request, reverse("segments", args=[found.name]))
    if request.method == "POST" and form.is_valid():
        try:
            writing.save(
                by_of(request), found.name, form.cleaned_data["name"], form.lines("where"), form.lines("users"),
                shared=form.cleaned_data["shared"],
            )  # fmt: skip
        except ValidationError as error:
            form.add_error("name", error)
        else:
            messages.success(request, _("The segment is saved; choose it on any report or dashboard of this dataset."))
            return redirect(back)
    return render(request, "dashboards/segment_form.html", {"form": form, "dataset": found, "back": back})


@require_GET
def use(request: HttpRequest, pk: int) -> HttpResponse:
    """Go to the page of next= with the segment's filters and rules in its address instead of its own."""
    segment = get_object_or_404(Segment, pk=pk)
    if not writing.of(segment.dataset, request.user).filter(pk=pk).exists():
        raise Http404(_("There is no such segment, or its owner has not shared it."))
    target = urlsplit(way_back(request, f"{reverse('reports')}?d={segment.dataset}"))
    query = writing.put(QueryDict(target.query), segment)
    return redirect(f"{target.path}?{query.urlencode()}")


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Share, keep to oneself, or delete a segment."""
    segment = get_object_or_404(Segment, pk=pk)
    if verb == "delete":
        writing.delete(by_of(request), segment)
        messages.success(request, _("The segment “%s” is deleted.") % segment.name)
    elif verb in ("share", "keep"):
        writing.share(by_of(request), segment, shared=verb == "share")
        messages.success(request, _("The segment “%s” is changed.") % segment.name)
    else:
        raise Http404
    return redirect("segments", segment.dataset)

"""The forms of dashboards, notes and segments."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from analytics.models import Dataset
from webui.dashboards import words
from webui.dashboards.boards import Board
from webui.dashboards.models import WIDTHS
from webui.forms import OmForm

MONO = {"class": "om-mono", "spellcheck": "false", "autocomplete": "off"}


class DashboardForm(OmForm):
    """A new dashboard."""

    title = forms.CharField(label=gettext_lazy("Title"))
    dataset = forms.ModelChoiceField(
        Dataset.objects.all(), to_field_name="name", label=gettext_lazy("Dataset"), empty_label=None
    )
    start = forms.ChoiceField(
        label=gettext_lazy("Begin with"),
        choices=[("overview", gettext_lazy("the cards of the overview")), ("empty", gettext_lazy("no cards"))],
    )
    shared = forms.BooleanField(
        label=gettext_lazy("Everybody who is signed in may see it"),
        required=False,
        help_text=gettext_lazy("Otherwise only you and admins do. You can change this at any time."),
    )


class CardForm(OmForm):
    """Where a report goes. dashboard: "" for a new one."""

    dashboard = forms.ChoiceField(label=gettext_lazy("Dashboard"), required=False)
    new_title = forms.CharField(
        label=gettext_lazy("Title of the new dashboard"),
        required=False,
        help_text=gettext_lazy("Only where a new dashboard is chosen above."),
    )
    title = forms.CharField(label=gettext_lazy("Title of the card"))
    width = forms.TypedChoiceField(label=gettext_lazy("Width"), coerce=int)

    def __init__(self, offered: Sequence[Board], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [(board.slug, board.content.title) for board in offered]
        self.fields["dashboard"].choices = [*own, ("", _("a new dashboard of my own"))]
        self.fields["width"].choices = [(str(sixths), words.width(sixths)) for sixths in WIDTHS]

    def clean(self) -> Mapping[str, Any]:
        """Ask for a title where a new dashboard is wanted."""
        if not self.errors and not self.cleaned_data["dashboard"] and not self.cleaned_data["new_title"].strip():
            self.add_error("new_title", _("Write a title for the new dashboard."))
        return self.cleaned_data


class NoteForm(OmForm):
    """A note on the time axis. seen: the version that the person has before them."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    when = forms.CharField(label=gettext_lazy("Time"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    text = forms.CharField(
        label=pgettext_lazy("on a curve", "Note"),
        help_text=gettext_lazy("What happened, in a few words: 11.11 sale, new home page, mail to all users."),
    )

    def __init__(self, zone: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["when"].help_text = _("Local time of the dataset, %s.") % zone


class SegmentForm(OmForm):
    """Filters and rules under a name."""

    name = forms.CharField(label=gettext_lazy("Name"))
    where = forms.CharField(
        label=gettext_lazy("Only events for which"), required=False,
        widget=forms.Textarea(attrs={**MONO, "rows": 3, "data-offers": "where"}),
        help_text=gettext_lazy("One a line, for example channel=ads,mail or amount>=10."),
    )  # fmt: skip
    users = forms.CharField(
        label=gettext_lazy("Only users who"), required=False,
        widget=forms.Textarea(attrs={**MONO, "rows": 3, "data-offers": "rules"}),
        help_text=gettext_lazy("One a line, for example did buy, did not fav, did cart >= 3."),
    )  # fmt: skip
    shared = forms.BooleanField(label=gettext_lazy("Everybody who is signed in may use it"), required=False)

    def lines(self, name: str) -> list[str]:
        """Give the lines of a box."""
        return [line.strip() for line in self.cleaned_data[name].splitlines() if line.strip()]

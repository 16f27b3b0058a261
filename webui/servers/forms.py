"""The forms of the fleet's pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from webui.forms import OmForm
from webui.servers.models import NAME, Engine, Group, Idc, Master, Server

HOURS = (1, 2, 4, 8, 24, 72, 168)
MONO = {"class": "om-mono", "spellcheck": "false", "autocomplete": "off"}


def engine_choices(kept: str = "") -> list[tuple[str, str]]:
    """Give the engines to choose from, saying which of them no master can use; made-up hosts only where they are.

    kept: the one that a server has already.
    """
    masters = Master.objects.filter(state=Master.State.ACCEPTED).values_list("engines", flat=True)
    usable = {name for engines in masters for name, fault in engines.items() if not fault}
    offered = [choice for choice in Engine.choices if choice[0] != Engine.FAKE or {Engine.FAKE} & {*usable, kept}]
    without = _("%s: no master can use it now")
    return [(name, label if name in usable else without % label) for name, label in offered]


def read_tags(text: str) -> dict[str, str]:
    """Read key=value words, separated by spaces, commas or lines; ValidationError for a key that stands twice."""
    tags: dict[str, str] = {}
    for word in text.replace(",", " ").replace(";", " ").split():
        key, _sign, value = word.partition("=")
        if not key:
            raise ValidationError(_("“%s” has no key; write key=value, for example role=web.") % word[:60])
        if key in tags:
            raise ValidationError(_("The tag %s stands twice.") % key[:60])
        tags[key] = value
    return tags


class TagsField(forms.CharField):
    """key=value words; cleans to a dict."""

    def clean(self, value: Any) -> dict[str, str]:  # noqa: ANN401  # Django's own type
        """Give the tags."""
        return read_tags(super().clean(value) or "")


class ServerForm(OmForm):
    """One server. seen: when what the person sees was last changed, so that nobody is overwritten unawares."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("For example web17."),
        widget=forms.TextInput(attrs=MONO),
    )
    idc = forms.ModelChoiceField(Idc.objects.all(), label=gettext_lazy("IDC"), empty_label=None)
    address = forms.CharField(
        label=gettext_lazy("Address"), max_length=253, required=False, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("IP or host name that the masters reach it by. Empty: its name."),
    )  # fmt: skip
    port = forms.IntegerField(
        label=gettext_lazy("Port"), required=False, min_value=1, max_value=65535,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}), help_text=gettext_lazy("Empty: the engine's own."),
    )  # fmt: skip
    user = forms.CharField(
        label=gettext_lazy("User"), max_length=64, required=False, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("Account on the server. Empty: the master's setting."),
    )  # fmt: skip
    engine = forms.ChoiceField(label=gettext_lazy("Engine"), choices=Engine.choices)
    fallbacks = forms.CharField(
        label=gettext_lazy("Fallbacks"), required=False, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy(
            "Engines to try, in this order, when the first cannot do it or does not reach the server: for example ssh."
        ),
    )  # fmt: skip
    category = forms.CharField(
        label=gettext_lazy("Category"), max_length=64, required=False,
        widget=forms.TextInput(attrs={"list": "categories"}), help_text=gettext_lazy("For example Linux.Web."),
    )  # fmt: skip
    application = forms.CharField(
        label=gettext_lazy("Application"), max_length=64, required=False,
        widget=forms.TextInput(attrs={"list": "applications"}), help_text=gettext_lazy("For example www."),
    )  # fmt: skip
    tags = TagsField(
        label=gettext_lazy("Tags"), required=False, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("key=value words, for example role=web rack=b4."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["engine"].choices = engine_choices(self.initial.get("engine", ""))

    def clean_fallbacks(self) -> list[str]:
        """Give the engines' names."""
        return [word for word in self.cleaned_data["fallbacks"].replace(",", " ").split() if word]

    def fill(self, server: Server) -> Server:
        """Write the checked values into a server, unsaved."""
        for name in ("name", "idc", "address", "port", "user", "engine", "fallbacks", "category", "application"):
            setattr(server, name, self.cleaned_data[name])
        return server


def values_of(server: Server) -> dict[str, Any]:
    """Give a server's values as ServerForm shows them."""
    plain = {
        n: getattr(server, n) for n in ("name", "idc", "address", "port", "user", "engine", "category", "application")
    }
    return plain | {
        "fallbacks": " ".join(server.fallbacks),
        "tags": " ".join(str(tag) for tag in server.tags.all()),
        "seen": server.updated_at.isoformat(),
    }


def add_errors(form: forms.Form, error: ValidationError) -> None:
    """Put a service's ValidationError at the fields it names; what names none stands at the form."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


class TagForm(OmForm):
    """Tags to set and tag keys to remove on the selected servers."""

    add = TagsField(
        label=gettext_lazy("Set tags"),
        required=False,
        widget=forms.TextInput(attrs={**MONO, "placeholder": "role=web"}),
    )
    remove = forms.CharField(
        label=gettext_lazy("Remove keys"), required=False, widget=forms.TextInput(attrs={**MONO, "placeholder": "rack"})
    )

    def clean_remove(self) -> list[str]:
        """Give the keys."""
        return self.cleaned_data["remove"].replace(",", " ").split()

    def clean(self) -> Mapping[str, Any]:
        """Ask for at least one of both."""
        if not self.errors and not (self.cleaned_data.get("add") or self.cleaned_data.get("remove")):
            raise ValidationError(_("Write a tag to set, for example role=web, or a key to remove."))
        return self.cleaned_data


def span_choices() -> list[tuple[str, str]]:
    """Offer how long a maintenance lasts; 0 ends it."""
    spans = [(str(h), ngettext("%d hour", "%d hours", h) % h) for h in HOURS if h < 24]
    spans += [(str(h), ngettext("%d day", "%d days", h // 24) % (h // 24)) for h in HOURS if h >= 24]
    return [*spans, ("0", _("End it now"))]


class MaintenanceForm(OmForm):
    """How long servers are left out of tasks, and why."""

    hours = forms.TypedChoiceField(label=gettext_lazy("For"), choices=span_choices, coerce=int, initial="2")
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)

    def span(self) -> timedelta | None:
        """Give the length; None ends the maintenance."""
        return timedelta(hours=self.cleaned_data["hours"]) if self.cleaned_data["hours"] else None


class MoveForm(OmForm):
    """Another IDC for the selected servers."""

    idc = forms.ModelChoiceField(Idc.objects.all(), label=gettext_lazy("To the IDC"), empty_label=None)


class GroupForm(OmForm):
    """A saved selector."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=64, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("Written @name in a selector."),
    )  # fmt: skip
    selector = forms.CharField(
        label=gettext_lazy("Selector"), widget=forms.Textarea(attrs={**MONO, "rows": 3}),
        help_text=gettext_lazy("For example app=www and idc=sh and not tag:canary."),
    )  # fmt: skip
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)

    def fill(self, group: Group) -> Group:
        """Write the checked values into a group, unsaved."""
        group.name, group.selector, group.note = (self.cleaned_data[n] for n in ("name", "selector", "note"))
        return group


class IdcForm(OmForm):
    """A new IDC."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=64, validators=[NAME], widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("Short, for example sh; selectors use it: idc=sh."),
    )  # fmt: skip
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("For example Shanghai Baoshan."),
    )


class OfferForm(OmForm):
    """A master's bundle, and where it listens."""

    bundle = forms.CharField(
        label=gettext_lazy("Bundle"), required=False, max_length=20_000,
        widget=forms.Textarea(attrs={**MONO, "rows": 7}),
        help_text=gettext_lazy("What python -m rpcgate.master init printed on the master's machine."),
    )  # fmt: skip
    file = forms.FileField(label=gettext_lazy("or the bundle as a file"), required=False)
    idc = forms.ModelChoiceField(Idc.objects.all(), label=gettext_lazy("IDC"), empty_label=None)
    address = forms.CharField(
        label=gettext_lazy("Address"), max_length=253, widget=forms.TextInput(attrs=MONO),
        help_text=gettext_lazy("IP or host name that this web tier reaches it by."),
    )  # fmt: skip
    port = forms.IntegerField(
        label=gettext_lazy("Port"), min_value=1, max_value=65535, initial=7520,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )  # fmt: skip

    def clean(self) -> Mapping[str, Any]:
        """Take the bundle from the box or from the file."""
        file = self.cleaned_data.get("file")
        if file is not None:
            self.cleaned_data["bundle"] = file.read(20_000).decode("utf-8", "replace")
        if not self.cleaned_data.get("bundle"):
            self.add_error("bundle", _("Paste the master's bundle here, or choose its file."))
        return self.cleaned_data
